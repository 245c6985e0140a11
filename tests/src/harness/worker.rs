//! The process of one group.

use std::{
    any::Any,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use serde_json::json;

use super::{Case, Check, Group, Mode, Options, Stage, lsm};
use crate::error::{Error, Outcome, failed};

/// Where a panic happened, for the report.
static PANICKED: Mutex<String> = Mutex::new(String::new());

/// Runs the cases of a group and writes one line of JSON for each.
pub fn work(group: &Group, options: &Options) -> Outcome {
    std::panic::set_hook(Box::new(|panic| {
        if let Ok(mut place) = PANICKED.lock() {
            *place = panic.to_string();
        }
    }));
    if options.keep {
        crate::host::keep();
    }
    let mut stage = Stage::new(options)?;
    if let Some(layout) = group.layout {
        if options.mode == Mode::Run
            && let Some(why) = lsm::absent(options)?
        {
            println!("{}", json!({ "group": group.name, "skipped": why }));
            return Ok(());
        }
        stage.plant(layout)?;
    }
    if group.internet {
        stage.connect_internet()?;
    }
    if options.mode == Mode::Run && !group.scopes.is_empty() {
        stage.share_daemon(group.scopes)?;
    }
    for case in group
        .cases
        .iter()
        .filter(|case| super::runner::wanted(group, case, options))
    {
        let outcome = isolated(|| perform(case, &stage, options.mode));
        let (result, why) = match outcome {
            Ok(()) => ("ok", String::new()),
            Err(Error::Skipped(why)) => ("skip", why),
            Err(error) => ("fail", format!("{error}\n{}", stage.evidence())),
        };
        println!(
            "{}",
            json!({ "case": case.name, "result": result, "why": why })
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn perform(case: &Case, stage: &Stage, mode: Mode) -> Outcome {
    match (&case.check, mode) {
        (Check::Row(row), Mode::Controls) => row.control(stage),
        (Check::Row(row), _) => {
            row.control(stage)?;
            row.scenario(stage)
        }
        (Check::Files(row), Mode::Controls) => row.control(stage),
        (Check::Files(row), _) => {
            row.control(stage)?;
            row.scenario(stage)
        }
        (Check::Objects(row), Mode::Controls) => row.control(stage),
        (Check::Objects(row), _) => row.verify(stage),
        (Check::Names(row), Mode::Controls) => row.control(stage),
        (Check::Names(row), _) => {
            row.control(stage)?;
            row.scenario(stage)
        }
        (Check::Paired { control, .. }, Mode::Controls) => control(stage),
        (Check::Paired { control, scenario }, _) => {
            control(stage)?;
            scenario(stage)
        }
        (Check::Scenario(scenario), _) => scenario(stage),
    }
}

/// A panic is a failure of the case, not of the group.
fn isolated(function: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|payload: Box<dyn Any + Send>| {
        drop(payload);
        let place = PANICKED
            .lock()
            .map(|place| place.clone())
            .unwrap_or_default();
        failed(format!("panicked: {place}"))
    })
}
