//! What is looked after about once a second.

use super::{Daemon, error::ApplyError, guard::Guard};
use crate::log::DaemonEvent;

impl Daemon {
    pub(super) fn look_after(&self) {
        let mut guard = self.guard();
        let Some(guard) = guard.as_mut() else {
            return;
        };
        self.report_growth(guard);
        if let Err(error) = guard.collect_instances() {
            tracing::warn!("cannot look for empty instances: {error}");
        }
        guard.tick_names(self.clock.boot_ns());
        if let Err(error) = mend(guard) {
            tracing::error!("the programs cannot be attached: {error}");
        }
        match guard.settle() {
            Ok(killed) => {
                for path in killed {
                    let message = format!("killed {path}: there was no room to confine it");
                    tracing::error!("{message}");
                    let agents = guard.agents.declared();
                    self.log.daemon(DaemonEvent::Kill, message, agents);
                }
            }
            Err(error) => tracing::error!("cannot tag cgroups that have no tag: {error}"),
        }
    }

    /// Tells the log what the kernel counted and has no record for.
    pub(super) fn report_growth(&self, guard: &mut Guard) {
        for agent in guard.agents.iter_mut() {
            match guard.tables.counters(agent.slot) {
                Ok(counters) => {
                    let growth = agent.growth(counters.with(self.asked.counters(agent.slot)));
                    self.log.growth(&agent.scope.agent.name, growth);
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
    }
}

/// Attaches the programs again where they were lost, and says so.
pub(super) fn mend(guard: &mut Guard) -> Result<(), ApplyError> {
    let lost = guard.mend()?;
    if !lost.is_empty() {
        tracing::error!(
            "the programs were lost with {}, and are attached again: something removed a cgroup that guarded agents",
            lost.join(", ")
        );
    }
    Ok(())
}
