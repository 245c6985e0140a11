//! What names have to do with a question: what an agent would be told, and what it was told.

use agentguard_common::protocol::Protocol;

use crate::{
    control::api::{ApiError, ErrorCode, LearnedAddress, LearnedName},
    dns::{Agent, KnownName},
    policy::{
        Compiled, Explanation, Scope, Target, TargetHost as Host, explain, explain_address,
        names::{Resolved, explain_resolved},
        prefix::{address, ip},
    },
};

/// Asks the decision that the kernel runs, with what was learned of names, and resolves a name as the agent would.
pub(super) async fn explain_learned(
    scope: &Scope,
    compiled: &Compiled,
    target: &Target,
    protocol: Protocol,
    agent: Option<&Agent>,
) -> Result<Explanation, ApiError> {
    let Some(agent) = agent else {
        return Ok(explain(scope, compiled, target, protocol));
    };
    match &target.host {
        Host::Address(to) => {
            let learned = agent.rules_of(address(*to));
            Ok(explain_address(
                scope,
                compiled,
                *to,
                target.port,
                protocol,
                learned,
            ))
        }
        Host::Name(name) => {
            let explanation = explain(scope, compiled, target, protocol);
            let found = agent.look_up(name.text()).await.map_err(|error| {
                ApiError::new(ErrorCode::Failed, format!("cannot resolve {name}: {error}"))
            })?;
            let found: Vec<_> = found
                .into_iter()
                .map(|found| Resolved {
                    address: found.address,
                    action: found.action,
                    rules: found.rules,
                })
                .collect();
            let end = (protocol, target.port);
            Ok(explain_resolved(explanation, scope, compiled, &found, end))
        }
    }
}

/// What an agent has learned, by name.
pub(super) fn learned_names(known: &[KnownName], boot_ns: u64) -> Vec<LearnedName> {
    let left = |expires_ns: u64| expires_ns.saturating_sub(boot_ns).div_ceil(1_000_000_000);
    let mut names: Vec<_> = known
        .iter()
        .filter(|known| known.has_rules)
        .map(|known| LearnedName {
            name: known.name.to_string(),
            seconds: left(known.expires_ns),
            addresses: known
                .addresses
                .iter()
                .map(|(address, expires_ns)| LearnedAddress {
                    address: ip(*address),
                    seconds: left(*expires_ns),
                })
                .collect(),
        })
        .collect();
    names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    names
}
