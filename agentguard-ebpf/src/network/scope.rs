//! The agent's scope, as the tables of the decision.

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Tables},
    names::ServerName,
    rules::RuleSet,
    scope::{DENY_ROW, FLAG_NAMES, HTTPS_ROW, Header, NamesHeader, Row, ScopeWord},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;

use super::peer::Peer;
use crate::{
    maps::{BANKS, Bank, LEARNED, NAMES, SCOPES},
    verifier,
};

/// The scope that is in force for an agent while one operation is decided.
pub struct Scope<'a, P> {
    bank: &'a Bank,
    first_row: u32,
    peer: &'a P,
    /// What was learned counts after its end, too.
    is_open: bool,
}

/// The agent's scope word: [`ScopeWord::NONE`] if it has no scope.
#[inline(always)]
pub fn word(agent: u32) -> ScopeWord {
    SCOPES.get(agent).map_or(ScopeWord::NONE, |word| {
        // SAFETY: the reference is valid; the daemon replaces the word as a whole.
        ScopeWord(unsafe { core::ptr::read_volatile(word) })
    })
}

impl<'a, P: Peer> Scope<'a, P> {
    /// Opens the scope that a word names. `None`, an error, if it is not there: its header carries
    /// the word's version, so a word can never name rows that became another's.
    #[inline(always)]
    pub fn open(word: ScopeWord, peer: &'a P) -> Option<Self> {
        if word == ScopeWord::NONE {
            return None;
        }
        let bank = BANKS.get(word.bank())?;
        let header = Header::unpack(bank.get(word.row())?.key);
        (header.version == word.version()).then_some(Self {
            bank,
            first_row: word.row(),
            peer,
            is_open: false,
        })
    }

    /// For what is open already: what was learned counts for it as long as it is there.
    #[inline(always)]
    pub fn of_open(self, is_open: bool) -> Self {
        Self { is_open, ..self }
    }

    /// `FLAG_…` bits.
    #[inline(always)]
    pub fn flags(&self) -> Option<u16> {
        Some(Header::unpack(self.row(DENY_ROW)?.key).flags)
    }

    /// Whether there are rules by name.
    #[inline(always)]
    pub fn has_names(&self) -> bool {
        self.flags().is_some_and(|flags| flags & FLAG_NAMES != 0)
    }

    /// The rules that were learned of a name, alive or not: whoever has connected may say it. `None` is an error.
    #[inline(always)]
    pub fn named(&self, name: *const ServerName) -> Option<RuleSet> {
        let table = NAMES.get(self.names()?)?;
        // SAFETY: the pointer is to a map's value; the daemon replaces what it learned as a whole.
        let mut rules =
            unsafe { table.get(&*name) }.map_or(RuleSet::EMPTY, |learned| learned.rules);
        verifier::forget_all(&mut rules).then_some(rules)
    }

    /// The number of the table of what was learned. One that no table has is an error.
    #[inline(always)]
    fn names(&self) -> Option<u32> {
        let names = NamesHeader::unpack(self.row(HTTPS_ROW)?.key);
        Some(names.table.wrapping_sub(1))
    }
}

impl<P: Peer> Tables for Scope<'_, P> {
    #[inline(always)]
    fn row(&self, index: u32) -> Option<&Row> {
        self.bank.get(self.first_row + index)
    }

    #[inline(always)]
    fn same_agent(&self, destination: &Endpoint) -> bool {
        self.peer.same_agent(destination)
    }

    #[inline(always)]
    fn learned(&self, address: &Address) -> Option<RuleSet> {
        let table = LEARNED.get(self.names()?)?;
        // SAFETY: the daemon replaces what it learned as a whole.
        let RuleSet(rules) = match unsafe { table.get(address) } {
            // SAFETY: the helper has no preconditions (Linux 5.8).
            Some(it) if self.is_open || it.is_alive(unsafe { bpf_ktime_get_boot_ns() }) => it.rules,
            _ => RuleSet::EMPTY,
        };
        // What follows is verified once, not once for each of these.
        Some(RuleSet(rules.map(verifier::forget_wide)))
    }
}
