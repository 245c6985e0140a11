//! Short spellings for the lines of a table.

use std::net::IpAddr;

use crate::harness::{Case, Check, Expect, Expected, Row};

/// Words of a technique.
type Words = &'static [&'static str];

/// The call is refused, nothing arrives, one record.
pub(super) const fn refused(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    arrives: IpAddr,
    step: &'static str,
    expected: Expected,
) -> Case {
    row(
        name,
        agent,
        probe,
        Some(arrives),
        Expect::Refused(step, expected),
    )
}

/// The caller is not told, nothing arrives, one record.
pub(super) const fn dropped(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    arrives: IpAddr,
    expected: Expected,
) -> Case {
    row(name, agent, probe, Some(arrives), Expect::Dropped(expected))
}

/// The call is refused, one record; where the packets would go is not on the wire.
pub(super) const fn refused_unseen(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    step: &'static str,
    expected: Expected,
) -> Case {
    row(name, agent, probe, None, Expect::Refused(step, expected))
}

/// It works, and nothing is recorded.
pub(super) const fn permitted(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    arrives: IpAddr,
) -> Case {
    row(name, agent, probe, Some(arrives), Expect::Permitted)
}

/// It works, and nothing is recorded; no packet tells.
pub(super) const fn permitted_unseen(
    name: &'static str,
    agent: &'static str,
    probe: Words,
) -> Case {
    row(name, agent, probe, None, Expect::Permitted)
}

/// It works, and one record says that it would have been refused.
pub(super) const fn observed(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    arrives: IpAddr,
    expected: Expected,
) -> Case {
    row(
        name,
        agent,
        probe,
        Some(arrives),
        Expect::Observed(expected),
    )
}

/// A kernel may lack what the case needs: then the control says so and it is skipped.
pub(super) const fn optional(case: Case) -> Case {
    match case.check {
        Check::Row(row) => Case {
            check: Check::Row(Row {
                optional: true,
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

/// Where BPF LSM works this becomes of it instead.
pub(super) const fn under_lsm(case: Case, expect: &'static Expect) -> Case {
    match case.check {
        Check::Row(row) => Case {
            check: Check::Row(Row {
                under_lsm: Some(expect),
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

const fn row(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    arrives: Option<IpAddr>,
    expect: Expect,
) -> Case {
    Case {
        name,
        check: Check::Row(Row {
            agent,
            probe,
            arrives,
            expect,
            under_lsm: None,
            optional: false,
        }),
    }
}

/// No rule matches.
pub(super) const fn no_rule(
    operation: &'static str,
    destination: &'static str,
    protocol: &'static str,
) -> Expected {
    Expected {
        operation,
        destination,
        protocol,
        reason: "no-rule",
        rule: "",
    }
}

/// A rule says so.
pub(super) const fn by_rule(
    operation: &'static str,
    destination: &'static str,
    protocol: &'static str,
    rule: &'static str,
) -> Expected {
    Expected {
        operation,
        destination,
        protocol,
        reason: "rule",
        rule,
    }
}

/// No rule can allow such a socket.
pub(super) const fn no_socket(protocol: &'static str) -> Expected {
    Expected {
        operation: "socket",
        destination: "",
        protocol,
        reason: "protocol",
        rule: "",
    }
}

/// No rule can allow such an option of a socket.
pub(super) const NO_OPTION: Expect = Expect::Refused(
    "setsockopt",
    Expected {
        operation: "option",
        destination: "",
        protocol: "",
        reason: "never",
        rule: "",
    },
);

/// A story, and what shows that it would succeed without the daemon.
pub(super) const fn paired(
    name: &'static str,
    control: fn(&crate::harness::Stage) -> crate::error::Outcome,
    scenario: fn(&crate::harness::Stage) -> crate::error::Outcome,
) -> Case {
    Case {
        name,
        check: Check::Paired { control, scenario },
    }
}

/// A story with the daemon.
pub(super) const fn scenario(
    name: &'static str,
    scenario: fn(&crate::harness::Stage) -> crate::error::Outcome,
) -> Case {
    Case {
        name,
        check: Check::Scenario(scenario),
    }
}
