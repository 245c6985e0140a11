//! A scope to the tables that the kernel decides by.

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Tables},
    limits::MAX_SECTION_ROWS,
    process::ProcessFlags,
    protocol::{Protocol, port_key},
    rules::RuleSet,
    scope::{
        FLAG_ICMP, FLAG_NAMES, FLAG_OBSERVE, FLAG_OBSERVED_RULES, FLAG_SOCKETS, HEADER_ROWS,
        HTTPS_ROW, Header, NamesHeader, OBSERVE_ROW, Row, TLS_ROW,
    },
};

use super::{
    destination::{Hosts, Ports},
    names::TlsCheck,
    paths::{self, CompileError},
    prefix::Prefix,
    scope::{List, Mode, Rule, Scope},
    section::Section,
};

/// A compiled scope: rows as [`agentguard_common::scope`] describes them, and the tables of
/// [`paths`](super::paths).
///
/// It is also the user-space implementation of the look-ups, so that the decision can be asked
/// without a kernel. It knows no processes, so no peer is of the same agent, and has learned nothing of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    rows: Vec<Row>,
    paths: Option<Box<paths::Compiled>>,
}

impl Compiled {
    /// The rows; the first is the header.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Of rows that a test has made.
    #[cfg(test)]
    pub(crate) const fn of_rows(rows: Vec<Row>) -> Self {
        Self { rows, paths: None }
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.rows
            .first()
            .map(|row| Header::unpack(row.key))
            .unwrap_or_default()
    }

    /// The tables of the rules about paths; nothing if there are none.
    pub fn paths(&self) -> Option<&paths::Compiled> {
        self.paths.as_deref()
    }

    /// What is permitted with processes and namespaces.
    pub fn process(&self) -> ProcessFlags {
        self.header().process
    }

    /// Notes in the rows which table the path rules have in the kernel; without it there are none.
    pub fn set_paths(&mut self, table: Option<u16>) {
        let header = Header {
            paths: table.map_or(0, |table| table + 1),
            ..self.header()
        };
        if let Some(row) = self.rows.first_mut() {
            row.key = header.pack();
        }
    }

    /// Notes in the rows which table what was learned of names is in; without it there is none.
    pub fn set_names(&mut self, table: Option<u32>) {
        let names = NamesHeader {
            table: table.map_or(0, |table| table + 1),
        };
        if let Some(row) = self.rows.get_mut(HTTPS_ROW as usize) {
            row.key = names.pack();
        }
    }

    /// Whether there are rules by name.
    pub fn has_names(&self) -> bool {
        self.header().flags & FLAG_NAMES != 0
    }

    /// Whether the path rules are about files, too, not about Unix sockets alone.
    pub fn confines_files(&self) -> bool {
        self.paths.is_some() && self.header().flags & FLAG_SOCKETS == 0
    }

    /// Stamps the rows with the number of the policy that they are loaded as. It is 0 before.
    pub fn set_version(&mut self, version: u32) {
        let header = Header {
            version,
            ..self.header()
        };
        if let Some(row) = self.rows.first_mut() {
            row.key = header.pack();
        }
    }
}

impl Tables for Compiled {
    fn row(&self, index: u32) -> Option<&Row> {
        const BEYOND: Row = Row {
            key: Address::MIN,
            rules: RuleSet::EMPTY,
        };
        let rows = self.rows.len();
        let is_beyond = (rows..rows + MAX_SECTION_ROWS as usize).contains(&(index as usize));
        self.rows
            .get(index as usize)
            .or(is_beyond.then_some(&BEYOND))
    }

    fn same_agent(&self, _: &Endpoint) -> bool {
        false
    }

    fn learned(&self, _: &Address) -> Option<RuleSet> {
        Some(RuleSet::EMPTY)
    }
}

/// Compiles a scope. An error is about its rules for files and sockets; a scope that was parsed or
/// loaded gives none.
pub fn compile(scope: &Scope) -> Result<Compiled, CompileError> {
    Ok(Compiled {
        rows: rows(scope),
        paths: compile_paths(scope)?.map(Box::new),
    })
}

/// The tables of the rules about files and sockets; nothing if neither is confined.
pub(super) fn compile_paths(scope: &Scope) -> Result<Option<paths::Compiled>, CompileError> {
    let Some(rules) = scope.path_rules() else {
        return Ok(None);
    };
    paths::compile(&rules.path_rules()?, scope.agent.mode).map(Some)
}

/// The rows of the network rules.
///
/// The rules of a scope that was parsed are at most `MAX_RULES`, and their sections then fit: a
/// rule cuts the address axis at two points of its own, the port axis at four.
fn rows(scope: &Scope) -> Vec<Row> {
    let mut addresses = Section::default();
    let mut ports = Section::default();
    let mut header = Header {
        process: scope.process,
        ..Header::default()
    };
    if scope.agent.mode == Mode::Observe {
        header.flags |= FLAG_OBSERVE;
    }
    if scope.files.is_none() && scope.path_rules().is_some() {
        header.flags |= FLAG_SOCKETS;
    }
    let mut rows = vec![Row::default(); HEADER_ROWS as usize];
    for rule in &scope.rules {
        rows[rule.list.row()].rules.insert(rule.number);
        if rule.mode == Mode::Observe {
            rows[OBSERVE_ROW as usize].rules.insert(rule.number);
            header.flags |= FLAG_OBSERVED_RULES;
        }
        if rule.list == List::Allow && rule.destination.speaks(Protocol::Icmp) {
            header.flags |= FLAG_ICMP;
        }
        if let Hosts::Name(_) = rule.destination.hosts {
            header.flags |= FLAG_NAMES;
            add_checks(&mut rows, rule);
        }
        add_addresses(&mut addresses, rule);
        add_ports(&mut ports, rule);
    }
    let (addresses, ports) = (addresses.into_rows(), ports.into_rows());
    // A count of 0 refuses everything; no scope that was parsed comes near the limit.
    header.addresses = u16::try_from(addresses.len()).unwrap_or(0);
    header.ports = u16::try_from(ports.len()).unwrap_or(0);
    rows[0].key = header.pack();
    rows.extend(addresses);
    rows.extend(ports);
    rows
}

impl List {
    const fn row(self) -> usize {
        use agentguard_common::scope::{ALLOW_ROW, DENY_ROW, LISTEN_ROW};

        match self {
            Self::Allow => ALLOW_ROW as usize,
            Self::Deny => DENY_ROW as usize,
            Self::Listen => LISTEN_ROW as usize,
        }
    }
}

/// Notes where TLS must confirm a rule by name.
fn add_checks(rows: &mut [Row], rule: &Rule) {
    let checked: &[u32] = match rule.keys.tls {
        _ if rule.list != List::Allow || !rule.destination.speaks(Protocol::Tcp) => &[],
        TlsCheck::Https => &[HTTPS_ROW],
        TlsCheck::Every => &[HTTPS_ROW, TLS_ROW],
        TlsCheck::Never => &[],
    };
    for row in checked {
        rows[*row as usize].rules.insert(rule.number);
    }
}

fn add_addresses(section: &mut Section, rule: &Rule) {
    let prefix = match rule.destination.hosts {
        Hosts::Everywhere => return section.add(0, u128::MAX, rule.number),
        Hosts::Prefix(prefix) => prefix,
        // Its addresses are learned.
        Hosts::Name(_) => return,
    };
    let (first, last) = prefix.bounds();
    let (mapped_first, mapped_last) = Prefix::IPV4.bounds();
    if prefix.network().is_ipv4() || last < mapped_first || mapped_last < first {
        section.add(first, last, rule.number);
        return;
    }
    // IPv4 lives inside the IPv6 axis: a short IPv6 prefix must not match it.
    if first < mapped_first {
        section.add(first, mapped_first - 1, rule.number);
    }
    if mapped_last < last {
        section.add(mapped_last + 1, last, rule.number);
    }
}

fn add_ports(section: &mut Section, rule: &Rule) {
    for protocol in Protocol::ALL {
        if rule.destination.speaks(protocol) {
            let (first, last) = match rule.destination.ports {
                Some(Ports { first, last }) => (first, last),
                None => (0, u16::MAX),
            };
            let key = |port| u128::from(port_key(protocol, port));
            section.add(key(first), key(last), rule.number);
        }
    }
}

/// The different sets of these rules, cut down to some of them, that match at one port of one protocol.
pub(super) fn port_sets(rules: &[Rule], of: RuleSet) -> Vec<RuleSet> {
    let mut ports = Section::default();
    for rule in rules.iter().filter(|rule| of.contains(rule.number)) {
        add_ports(&mut ports, rule);
    }
    let rows = ports.into_rows();
    // Between protocols there is nothing, and nobody listens on port 0.
    let is_port = |first: Address, after: Option<Address>| {
        Protocol::ALL.into_iter().any(|protocol| {
            let lowest = port_key(protocol, u16::from(protocol.has_ports()));
            first.lo <= port_key(protocol, u16::MAX) && after.is_none_or(|key| lowest < key.lo)
        })
    };
    let ends = rows.iter().skip(1).map(|row| Some(row.key)).chain([None]);
    let mut sets: Vec<_> = rows
        .iter()
        .zip(ends)
        .filter(|(row, after)| is_port(row.key, *after))
        .map(|(row, _)| row.rules)
        .collect();
    sets.sort_unstable_by_key(|set| set.0);
    sets.dedup();
    sets
}
