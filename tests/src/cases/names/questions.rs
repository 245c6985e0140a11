//! D01, D03 and D04: what leaves in questions, however they are asked.

use super::{
    scopes::{INWARD, NAMED, NAMELESS, OTHER, WATCHED},
    table::{by_rule, contained, declined, no_name, no_question, observed, refused, works},
};
use crate::{
    harness::{Far, Group},
    internet::addresses::{CDN, SERVER},
};

const S: &str = "198.51.100.53:53";
const S6: &str = "[2001:db8:51::53]:53";
/// Nobody is there.
const NOBODY: &str = "198.51.100.200:53";
/// What is carried out: as much as a name holds.
const SECRET: &str = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7.tunnel.example";
const LONG: &str = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7.c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7.c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7.tunnel.example";
const SEEN: Far = Far::Says("c0ffee5ec2e7");
const API: Far = Far::Says("\x03api\x06agents");
const REFUSED: &[(&str, &str)] = &[("code", "REFUSED"), ("answers", "0"), ("echoed", "true")];
const FORMERR: &[(&str, &str)] = &[("code", "FORMERR"), ("answers", "0")];
const NOTIMP: &[(&str, &str)] = &[("code", "NOTIMP"), ("answers", "0")];
const SILENCE: &[(&str, &str)] = &[("code", "silence")];
const OF_SECRET: &[(&str, &str)] = &[("name", SECRET)];
const ANSWERED: &[(&str, &str)] = &[
    ("code", "NOERROR"),
    ("addresses", "198.51.100.10"),
    ("echoed", "true"),
];
/// The program sees the answer come from whom it asked.
const FROM: &[(&str, &str)] = &[
    ("code", "NOERROR"),
    ("addresses", "198.51.100.10"),
    ("from", S),
];

// One line a case.
#[rustfmt::skip]
pub(in crate::cases) const GROUP: Group = Group {
    name: "names-questions",
    scopes: &[NAMED, OTHER, INWARD, WATCHED, NAMELESS],
    layout: None,
    internet: true,
    cases: &[
        // What is permitted, by every way to ask. The name is cached afterwards, so only the first is sure to be seen.
        works("allowed", "named", &["dns", "udp", S, "api.agents.example", "A"], API, FROM),
        works("allowed-sendto", "named", &["dns", "udp-sendto", S, "api.agents.example", "A"], Far::Nowhere, FROM),
        works("allowed-sendmsg", "named", &["dns", "udp-sendmsg", S, "api.agents.example", "A"], Far::Nowhere, FROM),
        works("allowed-v6", "named", &["dns", "udp", S6, "api.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("from", S6)]),
        works("allowed-v6-sendto", "named", &["dns", "udp-sendto", S6, "api.agents.example", "AAAA"], Far::Nowhere, &[("addresses", "2001:db8:51::10"), ("from", S6)]),
        works("allowed-mapped", "named", &["dns", "udp-mapped", S, "api.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("from", "[::ffff:198.51.100.53]:53")]),
        works("allowed-tcp", "named", &["dns", "tcp", S, "api.agents.example", "A"], Far::Nowhere, FROM),
        works("allowed-tcp-v6", "named", &["dns", "tcp", S6, "api.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("from", S6)]),
        works("allowed-tcp-mapped", "named", &["dns", "tcp-mapped", S, "api.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("from", "[::ffff:198.51.100.53]:53")]),
        works("allowed-tcp-byte-by-byte", "named", &["dns", "tcp-slow", S, "api.agents.example", "A"], Far::Nowhere, ANSWERED),
        works("allowed-tcp-two-questions", "named", &["dns", "tcp-two", S, "api.agents.example", "A"], Far::Nowhere, &[("code", "NOERROR"), ("second", "true")]),
        works("allowed-mixed-case", "named", &["dns", "udp", S, "api.agents.example", "A", "mixed"], Far::Nowhere, ANSWERED),
        works("allowed-edns", "named", &["dns", "udp", S, "api.agents.example", "A", "edns"], Far::Nowhere, ANSWERED),
        works("allowed-signed", "named", &["dns", "udp", S, "api.agents.example", "A", "signed"], Far::Nowhere, ANSWERED),
        works("allowed-wildcard", "named", &["dns", "udp", S, "a.b.c.papers.example", "A"], Far::Says("\x06papers"), &[("addresses", "198.51.100.30")]),
        works("allowed-unknown", "named", &["dns", "udp", S, "missing.agents.example", "A"], Far::Says("missing"), &[("code", "NXDOMAIN")]),
        works("allowed-without-type", "named", &["dns", "udp", S, "brief.agents.example", "AAAA"], Far::Says("brief"), &[("code", "NOERROR"), ("answers", "0")]),
        works("allowed-text", "inward", &["dns", "udp", S, "records.agents.example", "TXT"], Far::Says("records"), &[("code", "NOERROR"), ("types", "16")]),
        works("nameless-asks-itself", "nameless", &["dns", "udp", S, SECRET, "A"], SEEN, &[("code", "NOERROR"), ("from", S)]),
        // D01: a name that no rule knows is not asked for, whatever it is.
        declined("D01-name", "named", &["dns", "udp", S, SECRET, "A"], SEEN, REFUSED, no_name(&[("name", SECRET), ("record_type", "A")])),
        declined("D01-name-v6", "named", &["dns", "udp", S6, SECRET, "AAAA"], SEEN, REFUSED, no_name(&[("name", SECRET), ("record_type", "AAAA")])),
        declined("D01-long-name", "named", &["dns", "udp", S, LONG, "A"], SEEN, REFUSED, no_name(&[("name", LONG)])),
        declined("D01-another-agents-name", "other", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "A"], SEEN, REFUSED, no_name(&[("name", "c0ffee5ec2e7.agents.example")])),
        declined("D01-beneath-a-name", "other", &["dns", "udp", S, "c0ffee5ec2e7.other.agents.example", "A"], SEEN, REFUSED, no_name(&[("name", "c0ffee5ec2e7.other.agents.example")])),
        declined("D01-wildcards-own-name", "named", &["dns", "udp", S, "papers.example", "A"], Far::Says("\x06papers\x07example\x00"), REFUSED, no_name(&[("name", "papers.example")])),
        declined("D01-end-of-a-label", "named", &["dns", "udp", S, "c0ffee5ec2e7xpapers.example", "A"], SEEN, REFUSED, no_name(&[("name", "c0ffee5ec2e7xpapers.example")])),
        declined("D01-denied", "named", &["dns", "udp", S, "denied.agents.example", "A"], Far::Says("denied"), REFUSED, by_rule("resolve", "deny denied.agents.example", &[("name", "denied.agents.example")])),
        observed("D01-observed", "watched", &["dns", "udp", S, "www.elsewhere.example", "A"], Far::Says("elsewhere"), &[("code", "NOERROR"), ("addresses", "198.51.100.50")], no_name(&[("name", "www.elsewhere.example")])),
        // D03: however the question is written.
        declined("D03-tcp", "named", &["dns", "tcp", S, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D03-tcp-v6", "named", &["dns", "tcp", S6, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D03-tcp-mapped", "named", &["dns", "tcp-mapped", S, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D03-tcp-byte-by-byte", "named", &["dns", "tcp-slow", S, SECRET, "A"], Far::At(SERVER), REFUSED, no_name(OF_SECRET)),
        declined("D03-mixed-case", "named", &["dns", "udp", S, SECRET, "A", "mixed"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D03-edns", "named", &["dns", "udp", S, SECRET, "TXT", "edns-large"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D03-text", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "TXT"], SEEN, REFUSED, no_question(&[("name", "c0ffee5ec2e7.agents.example"), ("record_type", "TXT")])),
        declined("D03-null", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "NULL"], SEEN, REFUSED, no_question(&[("record_type", "NULL")])),
        declined("D03-any", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "ANY"], SEEN, REFUSED, no_question(&[("record_type", "ANY")])),
        declined("D03-private-type", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "PRIVATE"], SEEN, REFUSED, no_question(&[("record_type", "TYPE65280")])),
        declined("D03-alias-type", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "CNAME"], SEEN, REFUSED, no_question(&[("record_type", "CNAME")])),
        declined("D03-transfer", "named", &["dns", "tcp", S, "c0ffee5ec2e7.agents.example", "AXFR"], SEEN, REFUSED, no_question(&[("record_type", "AXFR")])),
        declined("D03-other-type-of-text-rule", "inward", &["dns", "udp", S, "records.agents.example", "MX"], Far::Says("records"), REFUSED, no_question(&[("record_type", "MX")])),
        declined("D03-reverse", "named", &["dns", "udp", S, "c0ffee5ec2e7.100.51.198.in-addr.arpa", "PTR"], SEEN, REFUSED, no_name(&[("record_type", "PTR")])),
        contained("D03-https-hint", "named", &["dns", "udp", S, "api.agents.example", "HTTPS"], Far::Says("\x06agents\x07example\x00\x00\x41"), &[("code", "NOERROR"), ("answers", "0")]),
        contained("D03-svcb", "named", &["dns", "udp", S, "api.agents.example", "SVCB"], Far::Says("\x06agents\x07example\x00\x00\x40"), &[("code", "NOERROR"), ("answers", "0")]),
        declined("D03-two-questions", "named", &["dns", "udp", S, SECRET, "A", "two"], SEEN, FORMERR, no_question(&[])),
        declined("D03-two-questions-innocent-last", "named", &["dns", "udp", S, SECRET, "A", "two-hidden-first"], SEEN, FORMERR, no_question(&[])),
        declined("D03-two-questions-tcp", "named", &["dns", "tcp", S, SECRET, "A", "two"], SEEN, FORMERR, no_question(&[])),
        declined("D03-pointer-in-second", "named", &["dns", "udp", S, SECRET, "A", "pointer"], SEEN, FORMERR, no_question(&[])),
        declined("D03-pointer-to-itself", "named", &["dns", "udp", S, SECRET, "A", "pointer-to-itself", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-pointer-beyond", "named", &["dns", "udp", S, SECRET, "A", "pointer-beyond", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-pointer-forward", "named", &["dns", "udp", S, SECRET, "A", "pointer-forward"], SEEN, FORMERR, no_question(&[])),
        declined("D03-answer-section", "named", &["dns", "udp", S, SECRET, "A", "answer-section"], SEEN, FORMERR, no_question(&[])),
        declined("D03-authority-section", "named", &["dns", "udp", S, SECRET, "A", "authority-section"], SEEN, FORMERR, no_question(&[])),
        declined("D03-additional-section", "named", &["dns", "udp", S, SECRET, "A", "additional-section"], SEEN, FORMERR, no_question(&[])),
        declined("D03-bytes-after-the-end", "named", &["dns", "udp", S, SECRET, "A", "trailing"], SEEN, FORMERR, no_question(&[])),
        contained("D03-option", "named", &["dns", "udp", S, SECRET, "A", "option"], SEEN, &[("code", "NOERROR")]),
        declined("D03-no-question", "named", &["dns", "udp", S, SECRET, "A", "no-question", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-counts-lie", "named", &["dns", "udp", S, SECRET, "A", "too-many", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-cut", "named", &["dns", "udp", S, SECRET, "A", "cut", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-long-label", "named", &["dns", "udp", S, SECRET, "A", "long-label", "unanswered"], SEEN, FORMERR, no_question(&[])),
        declined("D03-name-of-300-bytes", "named", &["dns", "udp", S, SECRET, "A", "long-name"], SEEN, FORMERR, no_question(&[])),
        declined("D03-class", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "A", "class"], SEEN, REFUSED, no_question(&[])),
        declined("D03-operation-status", "named", &["dns", "udp", S, SECRET, "A", "status"], SEEN, NOTIMP, no_question(&[])),
        declined("D03-operation-notify", "named", &["dns", "udp", S, SECRET, "A", "notify"], SEEN, NOTIMP, no_question(&[])),
        declined("D03-operation-update", "named", &["dns", "udp", S, SECRET, "A", "update"], SEEN, NOTIMP, no_question(&[])),
        declined("D03-zero-in-a-label", "named", &["dns", "udp", S, "c0ffee5ec2e7.agents.example", "A", "padded-label"], SEEN, REFUSED, no_question(&[])),
        // What is no message is not answered: two servers could talk for ever.
        declined("D03-answer", "named", &["dns", "udp", S, SECRET, "A", "response", "unanswered"], SEEN, SILENCE, no_question(&[])),
        declined("D03-seven-bytes", "named", &["dns", "udp", S, SECRET, "A", "short", "unanswered"], Far::At(SERVER), SILENCE, no_question(&[])),
        // D04: whichever server, and whichever way to it.
        declined("D04-sendto", "named", &["dns", "udp-sendto", S, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D04-sendmsg", "named", &["dns", "udp-sendmsg", S6, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D04-mapped", "named", &["dns", "udp-mapped", S, SECRET, "A"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D04-another-server", "named", &["dns", "udp", NOBODY, SECRET, "A", "plain", "unanswered"], SEEN, REFUSED, no_name(OF_SECRET)),
        declined("D04-connected-elsewhere", "named", &["dns-elsewhere", NOBODY, S, SECRET, "A"], SEEN, &[], no_name(OF_SECRET)),
        refused("D04-name-server-on-another-port", "named", &["tcp", "198.51.100.20:853"], Far::At(CDN), ("connect", "EPERM"), super::table::expected("connect", "no-rule", &[("destination", "198.51.100.20:853")])),
    ],
};
