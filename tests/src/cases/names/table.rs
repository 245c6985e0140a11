//! Short spellings for the lines of tables about names.

use crate::harness::{Case, Check, Far, NameExpect, NameExpected, NameRow};

/// Words of a technique.
type Words = &'static [&'static str];
/// Names and values.
type Pairs = &'static [(&'static str, &'static str)];

/// It works and is seen at the far side, and nothing is recorded.
pub(super) const fn works(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    facts: Pairs,
) -> Case {
    row(name, agent, probe, far, NameExpect::Works(facts))
}

/// It is answered, and nothing of it is seen or recorded.
pub(super) const fn contained(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    facts: Pairs,
) -> Case {
    row(name, agent, probe, far, NameExpect::Contained(facts))
}

/// The answer says so, nothing of it is seen, one record.
pub(super) const fn declined(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    facts: Pairs,
    expected: NameExpected,
) -> Case {
    row(
        name,
        agent,
        probe,
        far,
        NameExpect::Declined(facts, expected),
    )
}

/// It works and is seen, and one record says that it would have been refused.
pub(super) const fn observed(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    facts: Pairs,
    expected: NameExpected,
) -> Case {
    row(
        name,
        agent,
        probe,
        far,
        NameExpect::Observed(facts, expected),
    )
}

/// The call fails so, nothing is seen, one record.
pub(super) const fn refused(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    (step, error): (&'static str, &'static str),
    expected: NameExpected,
) -> Case {
    row(
        name,
        agent,
        probe,
        far,
        NameExpect::Refused(step, error, expected),
    )
}

const fn row(
    name: &'static str,
    agent: &'static str,
    probe: Words,
    far: Far,
    expect: NameExpect,
) -> Case {
    Case {
        name,
        check: Check::Names(NameRow {
            agent,
            probe,
            far,
            expect,
            optional: false,
        }),
    }
}

/// A question that no rule permits.
pub(super) const fn no_name(fields: Pairs) -> NameExpected {
    expected("resolve", "no-rule", fields)
}

/// A message that is not allowed.
pub(super) const fn no_question(fields: Pairs) -> NameExpected {
    expected("resolve", "question", fields)
}

/// A record without a rule.
pub(super) const fn expected(
    operation: &'static str,
    reason: &'static str,
    fields: Pairs,
) -> NameExpected {
    NameExpected {
        operation,
        reason,
        rule: "",
        fields,
    }
}

/// A record that names a rule.
pub(super) const fn by_rule(
    operation: &'static str,
    rule: &'static str,
    fields: Pairs,
) -> NameExpected {
    NameExpected {
        operation,
        reason: "rule",
        rule,
        fields,
    }
}
