//! What the resolver asks of scopes and of the kernel.

use std::{io, net::SocketAddr, sync::Arc};

use agentguard_common::{
    address::Address,
    names::{Asker, ServerName},
    protocol::Protocol,
    rules::RuleSet,
};

use super::served::Kernel;
use crate::{
    dns::{Askers, Judgement, Learn, Policy},
    kernel::name_tables::NameTable,
    policy::{Scope, names},
};

/// The rules by name of a version of a scope.
pub(super) struct Rules {
    names: names::Names,
    version: u32,
}

impl Rules {
    pub(super) fn new(scope: &Scope, version: u32) -> Self {
        Self {
            names: names::Names::new(scope),
            version,
        }
    }
}

impl Policy for Rules {
    fn version(&self) -> u32 {
        self.version
    }

    fn judge(&self, name: &str, record_type: u16) -> Judgement {
        let names::Judgement {
            verdict,
            rules,
            private,
            private_rules,
        } = self.names.judge(name, record_type);
        Judgement {
            verdict,
            rules,
            private,
            private_rules,
        }
    }
}

impl Learn for NameTable {
    fn learn(&self, address: &Address, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        Self::learn(self, address, rules, expires_ns)
    }

    fn forget(&self, address: &Address) -> io::Result<()> {
        Self::forget(self, address)
    }

    fn learn_name(&self, name: &ServerName, rules: RuleSet, expires_ns: u64) -> io::Result<bool> {
        Self::learn_name(self, name, rules, expires_ns)
    }

    fn forget_name(&self, name: &ServerName) -> io::Result<()> {
        Self::forget_name(self, name)
    }
}

/// Those whose questions the kernel has sent here, in one network namespace.
pub(super) struct Redirected {
    pub kernel: Arc<Kernel>,
    /// Cookie of the network namespace.
    pub netns: u64,
}

impl Askers for Redirected {
    fn asker(&self, client: SocketAddr, protocol: Protocol) -> Option<Asker> {
        self.kernel
            .lock()
            .asker(self.netns, client, protocol)
            .inspect_err(|error| tracing::error!("{error}"))
            .ok()?
    }
}
