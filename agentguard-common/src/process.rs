//! What a scope permits with processes and namespaces.
//!
//! Most is the same for every agent: no scope can permit to touch a process of somebody else, or to load
//! code into the kernel. What an agent does within itself is limited only where the scope confines more
//! than the network, so that a scope of the network alone changes nothing else.

use core::ops::BitOr;

use crate::{
    rules::NO_RULE,
    scope::{FLAG_SOCKETS, Header},
    verdict::{Reason, Verdict},
};

/// The permissions of a scope: bits that are set permit.
///
/// What no bit is for cannot be permitted: tracing a process of somebody else, or sending it a
/// signal, is always refused; a signal to a process of the same agent is always permitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct ProcessFlags(pub u16);

impl ProcessFlags {
    /// Nothing is permitted.
    pub const NONE: Self = Self(0);
    /// The agent may make user namespaces.
    pub const USER_NAMESPACES: Self = Self(1 << 0);
    /// Processes of the agent may trace each other.
    pub const PTRACE: Self = Self(1 << 1);

    /// Whether all bits of `other` are set.
    #[inline(always)]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ProcessFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A process of an agent, or of somebody else, that an agent does something to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of the same agent.
    Own,
    /// Of another agent, or of none.
    Others,
}

/// How a process is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// What it holds is looked at: `PTRACE_MODE_READ`.
    Read,
    /// It can be changed: `PTRACE_MODE_ATTACH`.
    Attach,
}

/// Where mounts are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// In a namespace of the host's users.
    Host,
    /// In a namespace of a user namespace that was made: nobody else sees it.
    Apart,
}

/// What a scope says of processes and namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    permitted: ProcessFlags,
    /// Whether more than the network is confined.
    confines: bool,
    /// `FLAG_…` of the scope.
    flags: u16,
}

impl Limits {
    /// Those of a scope.
    #[inline(always)]
    pub const fn of(header: &Header) -> Self {
        Self {
            permitted: header.process,
            confines: header.paths != 0 && header.flags & FLAG_SOCKETS == 0,
            flags: header.flags,
        }
    }

    /// What no rule can permit: `bpf(2)`, loading code into the kernel, typing into a terminal, leaving the
    /// agent's cgroups.
    #[inline(always)]
    pub const fn never(self) -> Verdict {
        Verdict::refusal(Reason::Never, self.flags)
    }

    /// A socket of a kind that no rule can speak of is made.
    #[inline(always)]
    pub const fn protocol(self) -> Verdict {
        Verdict::refusal(Reason::Protocol, self.flags)
    }

    /// A socket is reached that has no name for a rule to speak of. None that strangers ask something of has none.
    #[inline(always)]
    pub const fn nameless(self) -> Verdict {
        if self.confines {
            Verdict::refusal(Reason::NoRule, self.flags)
        } else {
            Verdict::permit(Reason::Rule, NO_RULE)
        }
    }

    /// A signal is sent.
    #[inline(always)]
    pub const fn signal(self, to: Whose) -> Verdict {
        match to {
            Whose::Own => OWN,
            Whose::Others => self.never(),
        }
    }

    /// A process is traced.
    #[inline(always)]
    pub const fn trace(self, of: Whose, how: Trace) -> Verdict {
        match (of, how) {
            (Whose::Others, _) => self.never(),
            (Whose::Own, Trace::Read) => OWN,
            (Whose::Own, Trace::Attach) => self.within(ProcessFlags::PTRACE),
        }
    }

    /// A user namespace is made.
    #[inline(always)]
    pub const fn namespace(self) -> Verdict {
        self.within(ProcessFlags::USER_NAMESPACES)
    }

    /// Mounts are changed.
    #[inline(always)]
    pub const fn mount(self, place: Mounts) -> Verdict {
        match place {
            Mounts::Host => self.never(),
            Mounts::Apart => self.within(ProcessFlags::USER_NAMESPACES),
        }
    }

    #[inline(always)]
    const fn within(self, what: ProcessFlags) -> Verdict {
        if !self.confines || self.permitted.contains(what) {
            OWN
        } else {
            Verdict::refusal(Reason::NoRule, self.flags)
        }
    }
}

/// What an agent does within itself.
const OWN: Verdict = Verdict::permit(Reason::SameAgent, NO_RULE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scope::{FLAG_OBSERVE, FLAG_SOCKETS},
        verdict::Action,
    };

    fn limits(paths: u16, process: ProcessFlags, flags: u16) -> Limits {
        Limits::of(&Header {
            flags,
            paths,
            process,
            ..Header::default()
        })
    }

    /// Everything that can be asked.
    fn all(limits: Limits) -> [Verdict; 9] {
        [
            limits.never(),
            limits.signal(Whose::Others),
            limits.trace(Whose::Others, Trace::Read),
            limits.trace(Whose::Others, Trace::Attach),
            limits.mount(Mounts::Host),
            limits.trace(Whose::Own, Trace::Attach),
            limits.namespace(),
            limits.mount(Mounts::Apart),
            limits.signal(Whose::Own),
        ]
    }

    fn actions(limits: Limits) -> [Action; 9] {
        all(limits).map(|verdict| verdict.action)
    }

    #[test]
    fn what_concerns_others_is_never_permitted() {
        let every = ProcessFlags::USER_NAMESPACES | ProcessFlags::PTRACE;
        for paths in [0, 1] {
            let verdicts = all(limits(paths, every, 0));
            for verdict in &verdicts[..5] {
                assert_eq!(verdict.action, Action::Refuse);
                assert_eq!(verdict.reason, Reason::Never);
            }
            assert!(verdicts[5..].iter().all(|it| it.action == Action::Permit));
        }
    }

    #[test]
    fn what_stays_within_the_agent_needs_its_permission_where_more_than_the_network_is_confined() {
        use Action::{Permit, Refuse};

        let own = |process| {
            let [.., trace, namespace, mount, signal] = actions(limits(1, process, 0));
            [trace, namespace, mount, signal]
        };
        assert_eq!(own(ProcessFlags::NONE), [Refuse, Refuse, Refuse, Permit]);
        assert_eq!(own(ProcessFlags::PTRACE), [Permit, Refuse, Refuse, Permit]);
        let namespaces = own(ProcessFlags::USER_NAMESPACES);
        assert_eq!(namespaces, [Refuse, Permit, Permit, Permit]);
        let looked_at = limits(1, ProcessFlags::NONE, 0).trace(Whose::Own, Trace::Read);
        assert_eq!(looked_at.action, Permit);
        assert_eq!(
            limits(1, ProcessFlags::NONE, 0).namespace().reason,
            Reason::NoRule
        );
        assert_eq!(actions(limits(0, ProcessFlags::NONE, 0))[5..], [Permit; 4]);
    }

    #[test]
    fn a_scope_that_closes_sockets_alone_limits_nothing_else() {
        let network = limits(0, ProcessFlags::NONE, 0);
        let sockets = limits(1, ProcessFlags::NONE, FLAG_SOCKETS);
        assert_eq!(actions(sockets), actions(network));
        assert_eq!(sockets.nameless().action, Action::Permit);
        let files = limits(1, ProcessFlags::NONE, 0);
        assert_eq!(files.nameless().action, Action::Refuse);
    }

    #[test]
    fn observe_mode_refuses_nothing() {
        let observed = actions(limits(1, ProcessFlags::NONE, FLAG_OBSERVE));
        assert_eq!(observed[..8], [Action::Observe; 8]);
    }
}
