//! A real client of TLS, and a site that two names share.

use super::clients::{LIMIT, command};
use crate::{
    cases::story::installed,
    ensure,
    error::Outcome,
    harness::Stage,
    host::process,
    internet::{Site, addresses, looking},
};

/// Two names at one address: the one is permitted, the other is not, also where the program is told the address.
pub(super) fn https(stage: &Stage, agent: Option<&str>) -> Outcome {
    let program = installed(&["/usr/bin/curl"])?;
    let (site, view) = (Site::start(&stage.world)?, looking(addresses::SERVER)?);
    let run = |words: &[&str]| -> Outcome<std::process::Output> {
        let mut command = command(stage, agent, program, &view)?;
        command.arg("--cacert").arg(site.authorities());
        command
            .args(["-s", "-m", "10", "-o", "/dev/null"])
            .args(words);
        process::output(&mut command, LIMIT)
    };
    let good = run(&["https://good.shared.example/"])?;
    ensure!(good.status.success(), "the good site: {good:?}");
    let moment = agent
        .map(|agent| stage.daemon()?.moment(agent))
        .transpose()?;
    // The address is known by now.
    let told = [
        "--resolve",
        "bad.shared.example:443:198.51.100.80",
        "https://bad.shared.example/",
    ];
    let told = run(&told)?;
    let nameless = run(&["-k", "https://198.51.100.80/"])?;
    let Some(moment) = moment else {
        ensure!(told.status.success(), "untagged, the bad site: {told:?}");
        ensure!(
            nameless.status.success(),
            "untagged, without a name: {nameless:?}"
        );
        return Ok(());
    };
    ensure!(!told.status.success(), "the bad site is reached: {told:?}");
    ensure!(!nameless.status.success(), "without a name: {nameless:?}");
    let records = stage.daemon()?.since(&moment)?.violations;
    ensure!(records.len() == 2, "{} records: {records:?}", records.len());
    for (record, name) in records.iter().zip(["bad.shared.example", ""]) {
        ensure!(
            record.text("operation") == "tls"
                && record.text("reason") == "server-name"
                && record.text("name") == name,
            "it is not about TLS with {name}: {}",
            record.0
        );
    }
    Ok(())
}
