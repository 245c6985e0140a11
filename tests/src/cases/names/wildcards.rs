//! D14: scopes whose names would be everybody's.

use super::steps::allowing;
use crate::{
    cases::table::scenario,
    daemon::{Daemon, Launch, message},
    ensure,
    error::{Outcome, failed},
    harness::{Group, Stage},
};

pub(in crate::cases) const GROUP: Group = Group {
    name: "names-wildcards",
    scopes: &[],
    layout: None,
    internet: true,
    cases: &[
        scenario("D14-public-suffixes-are-refused", public_suffixes),
        scenario("D14-wildcards-elsewhere-are-refused", elsewhere),
        scenario("names-that-are-none-are-refused", no_names),
        scenario("keys-of-names-need-a-name", keys),
        scenario("names-are-accepted", accepted),
    ],
};

fn public_suffixes(stage: &Stage) -> Outcome {
    for name in [
        "*.com",
        "*.example",
        "*.co.uk",
        "*.github.io",
        "*.s3.amazonaws.com",
        "*.lan",
        "*",
        "*.",
        "*.GitHub.IO.",
    ] {
        is_refused(stage, &format!("\"{name}:443\""))?;
    }
    Ok(())
}

fn elsewhere(stage: &Stage) -> Outcome {
    for name in [
        "api.*.example.org",
        "a*.example.org",
        "*a.example.org",
        "**.example.org",
        "*.*.example.org",
        "api.example.*",
    ] {
        is_refused(stage, &format!("\"{name}:443\""))?;
    }
    Ok(())
}

fn no_names(stage: &Stage) -> Outcome {
    let long = format!("{}.example.org", "x".repeat(64));
    let whole = format!("{}example.org", "abcdefghi.".repeat(25));
    for name in [
        "api..example.org",
        ".example.org",
        "api.example.org..",
        "api example.org",
        "api/example.org",
        "1.2.3",
        "0x7f.1",
        "300.1.1.1",
        &long,
        &whole,
    ] {
        is_refused(stage, &format!("\"{name}:443\""))?;
    }
    Ok(())
}

fn keys(stage: &Stage) -> Outcome {
    for rule in [
        "{ to = \"198.51.100.10:443\", private = true }",
        "{ to = \"198.51.100.10:443\", tls = true }",
        "{ to = \"198.51.100.0/24:443\", types = [\"TXT\"] }",
        "{ to = \"api.example.org:443\", types = [\"NOTHING\"] }",
        "{ to = \"api.example.org:443\", tls = \"perhaps\" }",
    ] {
        is_refused(stage, rule)?;
    }
    Ok(())
}

/// The daemon does not start, and says which file it is about.
fn is_refused(stage: &Stage, rule: &str) -> Outcome {
    let scope = allowing("wide", &[rule]);
    match Daemon::launch(stage.settings(), &[("wide", &scope)])? {
        Launch::Enforcing(_) => failed(format!("{rule} is accepted")),
        Launch::Ended(output) => {
            let said = message(&output);
            ensure!(
                !output.status.success() && said.contains("wide.toml"),
                "{rule}: {}: {said}",
                output.status
            );
            Ok(())
        }
    }
}

fn accepted(stage: &Stage) -> Outcome {
    let rules = [
        "\"api.example.org:443\"",
        "\"API.Example.ORG.:8443\"",
        "\"*.example.org:443\"",
        "\"*.deep.github.io:443\"",
        "\"_service._tcp.example.org:443\"",
        "\"bücher.example.org:443\"",
        "\"xn--bcher-kva.example.net:443\"",
        "\"udp://time.example.org:123\"",
        "{ to = \"*.lan\", private = true }",
        "{ to = \"mail.example.org:25\", types = [\"MX\", \"TXT\"] }",
    ];
    drop(stage.start(&[("wide", &allowing("wide", &rules))])?);
    Ok(())
}
