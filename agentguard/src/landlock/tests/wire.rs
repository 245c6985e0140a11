//! Rules as they travel.

use super::rule;
use crate::{
    landlock::Rules,
    policy::{
        Mode,
        paths::{Component, Effect, PathRule, Pattern},
    },
};

#[test]
fn rules_arrive_as_they_were_sent() {
    let literal = |name: &[u8]| Component::Literal(name.into());
    let rules = [
        rule(0, "read", "/srv/*/x*y/**"),
        rule(1, "observe write", "/"),
        rule(1, "deny", "/**/.env"),
        rule(7, "connect", "/@name"),
        PathRule {
            number: 1023,
            // A directory can be called that, and a rule's beginning can be resolved to it.
            pattern: Pattern::new(vec![literal(b"a*b"), literal(b"\xff\xfe"), literal(b"**")]),
            effect: Effect::Deny,
            mode: Mode::Enforce,
        },
    ];
    let sent = Rules::new(&rules).unwrap();
    let text = serde_json::to_string(&sent).unwrap();
    let arrived: Rules = serde_json::from_str(&text).unwrap();
    assert_eq!(arrived, sent);
    assert_eq!(arrived.path_rules(), rules);
    assert!(
        text.contains(r#"{"number":0,"pattern":[{"literal":"srv"},"any-name",{"glob":"x*y"},"any-depth"],"allow":["read"]}"#),
        "{text}"
    );
}
