//! The agent's scope, as the tables of the decision.

use agentguard_common::{
    decision::{Endpoint, Tables},
    scope::{Header, Row, ScopeWord},
};

use super::peer::Peer;
use crate::maps::{BANKS, Bank, SCOPES};

/// The scope that is in force for an agent while one operation is decided.
pub struct Scope<'a, P> {
    bank: &'a Bank,
    first_row: u32,
    peer: &'a P,
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
        })
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
}
