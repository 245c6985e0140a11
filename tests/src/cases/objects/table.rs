//! Short spellings for the lines of a table.

use std::net::IpAddr;

use crate::harness::{Case, Check, ObjectExpect, ObjectExpected, ObjectRow, Untagged};

/// Words of a technique.
type Words = &'static [&'static str];
/// More fields of a record.
type Fields = &'static [(&'static str, &'static str)];

/// It works, and nothing is recorded.
pub(in super::super) const fn permitted(
    name: &'static str,
    agent: &'static str,
    probe: Words,
) -> Case {
    row(name, agent, probe, ObjectExpect::Permitted)
}

/// The call fails with `EPERM`, the technique has no effect, one record.
pub(in super::super) const fn refused(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    call: &'static str,
    record: ObjectExpected,
) -> Case {
    failing(name, agent, probe, (call, "EPERM"), record)
}

/// Likewise, with another error.
pub(in super::super) const fn failing(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    (call, error): (&'static str, &'static str),
    record: ObjectExpected,
) -> Case {
    let refused = ObjectExpect::Refused {
        call,
        error,
        record: Some(record),
    };
    row(name, agent, probe, refused)
}

/// It works, and one record says that it would have been refused.
pub(in super::super) const fn observed(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    record: ObjectExpected,
) -> Case {
    row(name, agent, probe, ObjectExpect::Observed(record))
}

/// Untagged, this call is answered with this error.
pub(in super::super) const fn untagged(
    call: &'static str,
    error: &'static str,
    case: Case,
) -> Case {
    match case.check {
        Check::Objects(row) => Case {
            check: Check::Objects(ObjectRow {
                untagged: Untagged::Fails(call, error),
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

/// Packets that arrive there tell whether it works.
pub(in super::super) const fn arriving(to: IpAddr, case: Case) -> Case {
    match case.check {
        Check::Objects(row) => Case {
            check: Check::Objects(ObjectRow {
                arrives: Some(to),
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

/// A kernel may lack what the case needs: then the control says so and it is skipped.
pub(in super::super) const fn optional(case: Case) -> Case {
    match case.check {
        Check::Objects(row) => Case {
            check: Check::Objects(ObjectRow {
                optional: true,
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

const fn row(name: &'static str, agent: &'static str, probe: Words, expect: ObjectExpect) -> Case {
    Case {
        name,
        check: Check::Objects(ObjectRow {
            agent,
            probe,
            untagged: Untagged::Works,
            arrives: None,
            expect,
            optional: false,
        }),
    }
}

/// No rule can allow it.
pub(in super::super) const fn never(operation: &'static str, fields: Fields) -> ObjectExpected {
    because("never", operation, fields)
}

/// No rule matches.
pub(in super::super) const fn no_rule(operation: &'static str, fields: Fields) -> ObjectExpected {
    because("no-rule", operation, fields)
}

/// A rule says so.
pub(in super::super) const fn by_rule(
    operation: &'static str,
    rule: &'static str,
    fields: Fields,
) -> ObjectExpected {
    ObjectExpected {
        rule,
        ..because("rule", operation, fields)
    }
}

/// Another reason.
pub(in super::super) const fn because(
    reason: &'static str,
    operation: &'static str,
    fields: Fields,
) -> ObjectExpected {
    ObjectExpected {
        operation,
        reason,
        rule: "",
        fields,
    }
}
