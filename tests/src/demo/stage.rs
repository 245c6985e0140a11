//! Everything that is outside the agent.

use std::{cell::Cell, net::Ipv4Addr};

use super::{
    hosts::{ATTACKER, Hosts, MODEL},
    site::Site,
};
use crate::error::Outcome;

/// The agent's host, and everybody else's.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) hosts: Hosts,
    /// Packets that had arrived at the model and the attacker.
    before: Cell<[u64; 2]>,
}

impl Stage {
    pub(super) fn new() -> Outcome<Self> {
        // First: threads that were there before would not have its files.
        let site = Site::new()?;
        Ok(Self {
            site,
            hosts: Hosts::new()?,
            before: Cell::default(),
        })
    }

    /// Makes it what it was at first.
    pub(super) fn reset(&self) -> Outcome {
        self.site.reset()?;
        for received in [&self.hosts.model, &self.hosts.attacker] {
            received.clear();
        }
        self.before
            .set([self.hosts.packets(MODEL)?, self.hosts.packets(ATTACKER)?]);
        Ok(())
    }

    /// Packets that have arrived at the model or the attacker since the last [`reset`](Self::reset).
    pub(super) fn packets(&self, to: Ipv4Addr) -> Outcome<u64> {
        let [model, attacker] = self.before.get();
        let before = if to == MODEL { model } else { attacker };
        Ok(self.hosts.packets(to)? - before)
    }
}
