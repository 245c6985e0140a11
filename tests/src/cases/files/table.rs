//! Short spellings for the lines of a table.

use crate::harness::{Case, Check, FileExpect, FileExpected, FileRow};

/// Words of a technique.
type Words = &'static [&'static str];

/// It works, and nothing is recorded.
pub(super) const fn permitted(name: &'static str, probe: Words) -> Case {
    row(name, AGENT, probe, FileExpect::Permitted)
}

/// The call fails with `EACCES`, the technique has no effect, one record.
pub(super) const fn refused(
    name: &'static str,
    probe: Words,
    call: &'static str,
    record: FileExpected,
) -> Case {
    failing(name, probe, call, "EACCES", record)
}

/// Likewise, with another error.
pub(super) const fn failing(
    name: &'static str,
    probe: Words,
    call: &'static str,
    error: &'static str,
    record: FileExpected,
) -> Case {
    let refused = FileExpect::Refused {
        call,
        error,
        record,
    };
    row(name, AGENT, probe, refused)
}

/// It works, and these records say what would have been refused.
pub(super) const fn observed(
    name: &'static str,
    probe: Words,
    records: &'static [FileExpected],
) -> Case {
    row(name, AGENT, probe, FileExpect::Observed(records))
}

/// Another agent than the usual one.
pub(super) const fn of(agent: &'static str, case: Case) -> Case {
    match case.check {
        Check::Files(row) => Case {
            check: Check::Files(FileRow { agent, ..row }),
            ..case
        },
        _ => case,
    }
}

/// A kernel may lack what the case needs: then the control says so and it is skipped.
pub(super) const fn optional(case: Case) -> Case {
    match case.check {
        Check::Files(row) => Case {
            check: Check::Files(FileRow {
                optional: true,
                ..row
            }),
            ..case
        },
        _ => case,
    }
}

/// The agent of most cases.
const AGENT: &str = "clerk";

const fn row(name: &'static str, agent: &'static str, probe: Words, expect: FileExpect) -> Case {
    Case {
        name,
        check: Check::Files(FileRow {
            agent,
            probe,
            expect,
            optional: false,
        }),
    }
}

/// No rule matches.
pub(super) const fn no_rule(
    operation: &'static str,
    access: &'static str,
    path: &'static str,
) -> FileExpected {
    because("no-rule", operation, access, path)
}

/// A rule says so.
pub(super) const fn by_rule(
    operation: &'static str,
    access: &'static str,
    path: &'static str,
    rule: &'static str,
) -> FileExpected {
    FileExpected {
        rule,
        ..because("rule", operation, access, path)
    }
}

/// Another reason.
pub(super) const fn because(
    reason: &'static str,
    operation: &'static str,
    access: &'static str,
    path: &'static str,
) -> FileExpected {
    FileExpected {
        operation,
        path,
        access,
        reason,
        rule: "",
    }
}

/// How many cases some tables have.
pub(in super::super) const fn count(tables: &[&[Case]]) -> usize {
    let (mut all, mut table) = (0, 0);
    while table < tables.len() {
        all += tables[table].len();
        table += 1;
    }
    all
}

/// Their cases, in order.
pub(in super::super) const fn joined<const ALL: usize>(tables: &[&[Case]]) -> [Case; ALL] {
    let mut all = [tables[0][0]; ALL];
    let (mut at, mut table) = (0, 0);
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            all[at] = tables[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    all
}
