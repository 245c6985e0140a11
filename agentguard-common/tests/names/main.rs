//! The decision of a scope with rules by name, against a naive reference.

mod reference;

use agentguard_common::{
    decision::{Action, Endpoint, Reason, decide_answer, decide_destination, decide_server_name},
    protocol::Protocol,
    rules::NO_RULE,
};
use proptest::prelude::*;
use reference::{Case, RULES, Rule};

fn rule() -> impl Strategy<Value = Rule> {
    (any::<[bool; 7]>(), 0..4_u8).prop_map(|([a, b, learned, told, https, tls, c], kind)| Rule {
        deny: a && b,
        observed: b && c,
        by_address: kind == 0,
        learned,
        told,
        https,
        tls,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let port = prop_oneof![Just(443_u16), Just(53), Just(8443)];
    let protocol = prop_oneof![
        4 => Just(Protocol::Tcp),
        2 => Just(Protocol::Udp),
        1 => Just(Protocol::Icmp),
    ];
    (
        prop::collection::vec(rule(), 0..=RULES as usize),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        port,
        protocol,
    )
        .prop_map(
            |(rules, has_names, observe, is_broken, port, protocol)| Case {
                rules,
                has_names,
                observe,
                is_broken,
                port,
                protocol,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_decision_agrees_with_the_reference(case in case()) {
        let scope = case.scope();
        let to = case.to();
        let expected = case.destination();
        prop_assert_eq!(decide_destination(&scope, &to), expected);
        prop_assert_eq!(
            decide_server_name(&scope, &to, case.set(|it| it.told)),
            case.server_name()
        );
        // A packet that asks a name server directly is refused; others are decided as the call.
        let local = Endpoint { port: 0, ..to };
        let packet = decide_answer(&scope, &local, &to);
        if expected.reason == Reason::Redirected {
            prop_assert_eq!(packet, case.refuse(Reason::NoResolver, NO_RULE));
        } else {
            prop_assert_eq!(packet, expected);
        }
        // Only what the rules say of the address itself may be remembered.
        let is_by_address = case.rules.iter().any(|it| it.by_address && !it.deny && !it.observed);
        prop_assert!(!expected.is_permission_of_a_rule() || is_by_address);
    }
}

#[test]
fn an_answer_to_port_53_is_decided_by_where_it_comes_from() {
    let case = Case {
        rules: Vec::new(),
        has_names: true,
        observe: false,
        is_broken: false,
        port: 53,
        protocol: Protocol::Tcp,
    };
    let to = case.to();
    let verdict = decide_answer(&case.scope(), &Endpoint { port: 7, ..to }, &to);
    assert_eq!(verdict.reason, Reason::NoRule);
    assert_eq!(verdict.action, Action::Refuse);
}
