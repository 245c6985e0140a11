//! Which rules match a name, and what becomes of a question.

use agentguard_common::{
    protocol::Protocol,
    rules::{NO_RULE, RuleSet},
    verdict::{Action, Reason, Verdict},
};

use super::{super::Names, network};

const A: u16 = 1;
const TXT: u16 = 16;
const ANY: u16 = 255;
const HTTPS: u16 = 65;

fn set(rules: &[u16]) -> RuleSet {
    let mut set = RuleSet::EMPTY;
    for rule in rules {
        set.insert(*rule);
    }
    set
}

fn verdict(action: Action, reason: Reason, rule: u16) -> Verdict {
    Verdict {
        action,
        reason,
        rule,
    }
}

fn permit(rule: u16) -> Verdict {
    verdict(Action::Permit, Reason::Rule, rule)
}

fn observe(rule: u16) -> Verdict {
    verdict(Action::Observe, Reason::Rule, rule)
}

fn refuse(rule: u16) -> Verdict {
    verdict(Action::Refuse, Reason::Rule, rule)
}

const NONE: Verdict = Verdict {
    action: Action::Refuse,
    reason: Reason::NoRule,
    rule: NO_RULE,
};

#[test]
fn names_are_matched_by_labels() {
    let names = Names::new(&network(
        "allow = [\"a.example\", \"*.a.example:443\", \"*.b.a.example\", { to = \"a.example\", private = true }]\n\
         deny = [\"x.a.example\", \"10.0.0.0/8\"]",
    ));
    for (name, allow, deny) in [
        ("a.example", &[0, 3][..], &[][..]),
        ("A.Example.", &[0, 3], &[]),
        ("b.a.example", &[1], &[]),
        ("c.b.a.example", &[1, 2], &[]),
        ("d.c.b.A.example.", &[1, 2], &[]),
        ("x.a.example", &[1], &[4]),
        ("y.x.a.example", &[1], &[]),
        ("-.a.example", &[1], &[]),
        ("ba.example", &[], &[]),
        ("example", &[], &[]),
        ("a.example.com", &[], &[]),
        ("", &[], &[]),
        (".", &[], &[]),
        // No names: what is between the dots could be something else than a label.
        (".a.example", &[], &[]),
        ("a.example..", &[], &[]),
        ("x\\.a.example", &[], &[]),
        ("é.a.example", &[], &[]),
        ("a\0.a.example", &[], &[]),
        ("a b.a.example", &[], &[]),
        ("10.0.0.1", &[], &[]),
    ] {
        let found = names.matching(name);
        assert_eq!((found.allow, found.deny), (set(allow), set(deny)), "{name}");
        assert_eq!(found.private, set(allow) & set(&[3]), "{name}");
    }
    let label = "l".repeat(64);
    assert!(
        names
            .matching(&format!("{label}.a.example"))
            .allow
            .is_empty()
    );
    let long = format!("{}.a.example", ["l"; 122].join("."));
    assert_eq!(long.len(), 253);
    assert_eq!(names.matching(&long).allow, set(&[1]));
    assert!(names.matching(&format!("l{long}")).allow.is_empty());
}

#[test]
fn a_name_may_be_resolved_if_some_port_may_be_reached() {
    let names = Names::new(&network(
        "allow = [\"*.t.example:1-100\", { to = \"o.t.example:443\", mode = \"observe\" }, \"any://u.test\"]\n\
         deny = [\"a.t.example\", \"b.t.example:1-99\", \"c.t.example:1-50\", \"c.t.example:51-100\", \
         \"tcp://u.test\", { to = \"d.t.example\", mode = \"observe\" }, \"e.test:25\", \"f.test\"]",
    ));
    for (name, expected) in [
        ("z.t.example", permit(0)),
        // Its ports: all are denied; one is left; all are denied by two rules.
        ("a.t.example", refuse(3)),
        ("b.t.example", permit(0)),
        ("c.t.example", refuse(5)),
        // UDP is left.
        ("u.test", permit(2)),
        ("d.t.example", observe(8)),
        ("o.t.example", permit(0)),
        ("t.example", NONE),
        // Nothing permits it: that something is denied as well matters only if all of it is.
        ("e.test", NONE),
        ("f.test", refuse(10)),
    ] {
        assert_eq!(names.judge(name, A).verdict, expected, "{name}");
        assert_eq!(names.judge(name, HTTPS).verdict, expected, "{name}");
    }
    // Denials go with an address, for the ports that they are about.
    assert_eq!(names.judge("b.t.example", A).rules, set(&[0, 4]));
}

#[test]
fn types_need_a_rule_that_names_them() {
    let names = Names::new(&network(
        "allow = [\"*.test\", { to = \"a.test\", types = [\"TXT\"] }, \
         { to = \"b.test\", types = [\"TXT\"], mode = \"observe\" }, { to = \"c.test\", types = [\"TXT\"] }]\n\
         deny = [\"c.test\", \"d.test\"]"
            .replace("*.test", "*.a.test")
            .as_str(),
    ));
    let question = verdict(Action::Refuse, Reason::Question, NO_RULE);
    for (name, record_type, expected) in [
        ("x.a.test", A, permit(0)),
        ("x.a.test", TXT, question),
        ("x.a.test", ANY, question),
        ("a.test", A, permit(1)),
        ("a.test", TXT, permit(1)),
        ("a.test", ANY, question),
        ("b.test", TXT, observe(2)),
        // What is not resolved at all is refused for that.
        ("c.test", TXT, refuse(4)),
        ("c.test", ANY, refuse(4)),
        ("d.test", ANY, refuse(5)),
        ("e.test", TXT, NONE),
    ] {
        assert_eq!(
            names.judge(name, record_type).verdict,
            expected,
            "{name} {record_type}"
        );
    }
}

#[test]
fn addresses_of_the_own_network_need_a_rule_that_accepts_them() {
    let names = Names::new(&network(
        "allow = [\"a.test\", { to = \"*.b.test\", private = true }, \"c.b.test:443\", \
         { to = \"d.test\", private = true, mode = \"observe\" }]\ndeny = [\"*.e.b.test:25\", \"f.b.test\"]",
    ));
    for (name, private, rules) in [
        ("a.test", Action::Refuse, &[][..]),
        ("x.b.test", Action::Permit, &[1]),
        // The other rule is for addresses of the Internet only.
        ("c.b.test", Action::Permit, &[1]),
        ("d.test", Action::Observe, &[3]),
        ("x.e.b.test", Action::Permit, &[1, 4]),
        ("f.b.test", Action::Refuse, &[1, 5]),
    ] {
        let judged = names.judge(name, A);
        assert_eq!(judged.private, private, "{name}");
        assert_eq!(judged.private_rules, set(rules), "{name}");
    }
    assert_eq!(names.judge("c.b.test", A).rules, set(&[1, 2]));
}

#[test]
fn agents_that_are_observed_may_ask_everything() {
    let mut scope = network("allow = [\"a.test\"]\ndeny = [\"b.test\"]");
    scope.agent.mode = crate::policy::Mode::Observe;
    let names = Names::new(&scope);
    let observed = |reason, rule| verdict(Action::Observe, reason, rule);
    for (name, record_type, expected) in [
        ("a.test", A, permit(0)),
        ("a.test", TXT, observed(Reason::Question, NO_RULE)),
        ("b.test", A, observed(Reason::Rule, 1)),
        ("c.test", A, observed(Reason::NoRule, NO_RULE)),
    ] {
        let judged = names.judge(name, record_type);
        assert_eq!(judged.verdict, expected, "{name} {record_type}");
        assert_eq!(judged.private, Action::Observe, "{name}");
    }
    assert_eq!(names.judge("c.test", A).rules, RuleSet::EMPTY);
}

#[test]
fn ports_are_decided_as_the_kernel_does() {
    let scope = network("allow = [\"a.test:443\", \"icmp://a.test\"]\ndeny = [\"udp://a.test\"]");
    let names = Names::new(&scope);
    let at = |protocol, port| names.decide(&scope, "a.test", protocol, port);
    assert_eq!(at(Protocol::Tcp, 443), permit(0));
    assert_eq!(at(Protocol::Tcp, 80), NONE);
    assert_eq!(at(Protocol::Udp, 443), refuse(2));
    assert_eq!(at(Protocol::Icmp, 0), permit(1));
}

#[test]
fn a_scope_without_names_has_none() {
    let names = Names::new(&network("allow = [\"10.0.0.0/8\"]\nlisten = [\"[::]:80\"]"));
    assert!(names.is_empty());
    assert_eq!(names.judge("a.test", A).verdict, NONE);
    assert!(!Names::new(&network("deny = [\"a.test\"]")).is_empty());
}
