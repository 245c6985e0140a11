//! The decision about rules that are known to match, without tables: may this name be resolved?

use crate::{
    rules::RuleSet,
    verdict::{Verdict, observed},
};

/// Which rules of a scope do what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Rules that refuse.
    pub deny: RuleSet,
    /// Rules that permit.
    pub allow: RuleSet,
    /// Rules that are observed, not enforced.
    pub observe: RuleSet,
    /// `FLAG_…` bits of the scope's [`Header`](crate::scope::Header).
    pub flags: u16,
}

impl Lists {
    /// What follows if these rules match. It is what the kernel decides where they match a destination.
    pub fn decide(&self, matched: RuleSet) -> Verdict {
        observed(matched, self.deny, self.allow, self.observe, self.flags).settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rules::NO_RULE,
        scope::FLAG_OBSERVE,
        verdict::{Action, Reason},
    };

    fn set(rules: &[u16]) -> RuleSet {
        let mut set = RuleSet::EMPTY;
        for rule in rules {
            set.insert(*rule);
        }
        set
    }

    /// Rules 0 and 1 deny, 2 and 3 allow; 1 and 3 are observed.
    fn decide(matched: &[u16], flags: u16) -> (Action, Reason, u16) {
        let lists = Lists {
            deny: set(&[0, 1]),
            allow: set(&[2, 3]),
            observe: set(&[1, 3]),
            flags,
        };
        let Verdict {
            action,
            reason,
            rule,
        } = lists.decide(set(matched));
        (action, reason, rule)
    }

    #[test]
    fn deny_beats_allow_and_observed_rules_refuse_nothing() {
        for (matched, action, reason, rule) in [
            (&[][..], Action::Refuse, Reason::NoRule, NO_RULE),
            (&[2], Action::Permit, Reason::Rule, 2),
            (&[0, 2], Action::Refuse, Reason::Rule, 0),
            (&[1, 2], Action::Observe, Reason::Rule, 1),
            (&[3], Action::Observe, Reason::Rule, 3),
            (&[2, 3], Action::Permit, Reason::Rule, 2),
            (&[1], Action::Refuse, Reason::NoRule, NO_RULE),
            (&[1, 3], Action::Observe, Reason::Rule, 1),
        ] {
            assert_eq!(decide(matched, 0), (action, reason, rule), "{matched:?}");
            let lenient = match action {
                Action::Refuse => Action::Observe,
                other => other,
            };
            assert_eq!(decide(matched, FLAG_OBSERVE).0, lenient, "{matched:?}");
        }
    }
}
