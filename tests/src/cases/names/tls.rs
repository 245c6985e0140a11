//! D10 and D11: which site is wanted of a machine that has several.
//!
//! `api.agents.example` and `hidden.elsewhere.example` are at one address. The far side returns every byte that it gets, so
//! what is refused is a message that never comes back.

use super::{
    scopes::{CHECKED, NAMED, OTHER},
    table::{expected, refused, works},
};
use crate::{
    harness::{Case, Far, Group},
    internet::addresses::API,
};

const S: &str = "198.51.100.53:53";
const NAME: &str = "api.agents.example";
const HTTPS: Far = Far::Bytes(API, 443);
const OTHER_TLS: Far = Far::Bytes(API, 8443);
/// The kernel tells nobody: nothing comes back.
const NOTHING_COMES: (&str, &str) = ("recv", "EAGAIN");

/// The beginning of TLS is refused, with what it says it wants.
const fn cut(
    case: &'static str,
    probe: &'static [&'static str],
    said: &'static [(&'static str, &'static str)],
) -> Case {
    refused(
        case,
        "named",
        probe,
        HTTPS,
        NOTHING_COMES,
        expected("tls", "server-name", said),
    )
}

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-tls",
    scopes: &[NAMED, OTHER, CHECKED],
    layout: None,
    internet: true,
    cases: &[
        works("allowed", "named", &["name-tls", S, NAME, "443", NAME], HTTPS, &[]),
        works("allowed-upper-case", "named", &["name-tls", S, NAME, "443", NAME, "upper"], HTTPS, &[]),
        works("allowed-two-segments-of-what-follows", "named", &["name-tls-kept", S, NAME, "443", NAME], HTTPS, &[]),
        works("allowed-after-padding", "named", &["name-tls", S, NAME, "443", NAME, "padded"], HTTPS, &[]),
        works("allowed-second-name-is-found", "named", &["name-tls", S, "second.agents.example", "443", "second.agents.example"], HTTPS, &[]),
        works("allowed-second-name-at-the-first-ones-address", "named", &["name-tls", S, NAME, "443", "second.agents.example"], HTTPS, &[]),
        works("unchecked-port", "named", &["name-tls", S, NAME, "7001", "hidden.elsewhere.example"], Far::Bytes(API, 7001), &[]),
        works("unchecked-rule", "checked", &["name-tls", S, NAME, "443", "hidden.elsewhere.example"], HTTPS, &[]),
        works("unchecked-rule-not-tls", "checked", &["name-tls", S, NAME, "443", NAME, "not-tls"], HTTPS, &[]),
        works("checked-port-allowed", "checked", &["name-tls", S, NAME, "8443", NAME], OTHER_TLS, &[]),
        refused("checked-port", "checked", &["name-tls", S, NAME, "8443", "hidden.elsewhere.example"], OTHER_TLS, NOTHING_COMES, expected("tls", "server-name", &[("name", "hidden.elsewhere.example"), ("destination", "198.51.100.10:8443")])),
        cut("D10-another-site", &["name-tls", S, NAME, "443", "hidden.elsewhere.example"], &[("name", "hidden.elsewhere.example"), ("destination", "198.51.100.10:443")]),
        cut("D10-unknown-site", &["name-tls", S, NAME, "443", "c0ffee5ec2e7.elsewhere.example"], &[("name", "c0ffee5ec2e7.elsewhere.example")]),
        // It is a name of the scope, but nobody has asked for it: it has no address yet.
        cut("D10-name-that-was-not-asked", &["name-tls", S, NAME, "443", "c0ffee5ec2e7.agents.example"], &[("name", "c0ffee5ec2e7.agents.example")]),
        cut("D11-no-name", &["name-tls", S, NAME, "443", NAME, "none"], &[]),
        cut("D11-no-extensions", &["name-tls", S, NAME, "443", NAME, "no-extensions"], &[]),
        cut("D11-empty-name", &["name-tls", S, NAME, "443", NAME, "empty"], &[]),
        cut("D11-empty-list", &["name-tls", S, NAME, "443", NAME, "empty-list"], &[]),
        cut("D11-two-names", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "two-names"], &[]),
        cut("D11-two-extensions", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "two-extensions"], &[]),
        cut("D11-zero-byte", &["name-tls", S, NAME, "443", NAME, "zero-byte"], &[]),
        cut("D11-split-in-the-name", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "split"], &[]),
        cut("D11-split-after-the-header", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "split-early"], &[]),
        cut("D11-byte-by-byte", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "bytes"], &[]),
        cut("D11-two-records", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "records"], &[]),
        cut("D11-far-behind", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "far"], &[]),
        cut("D11-encrypted", &["name-tls", S, NAME, "443", NAME, "encrypted"], &[]),
        cut("D11-alert-first", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "alert-first"], &[]),
        cut("D11-version-2", &["name-tls", S, NAME, "443", NAME, "version-2"], &[]),
        cut("D11-not-tls", &["name-tls", S, NAME, "443", "hidden.elsewhere.example", "not-tls"], &[]),
        cut("D11-length-that-lies", &["name-tls", S, NAME, "443", NAME, "too-long"], &[]),
        refused("D11-in-the-first-packet", "named", &["name-tls-fastopen", S, NAME, "443", "hidden.elsewhere.example"], HTTPS, NOTHING_COMES, expected("tls", "server-name", &[("name", "hidden.elsewhere.example")])),
        cut("D11-address-as-name", &["name-tls", S, NAME, "443", "198.51.100.10"], &[]),
    ],
};
