//! Which rules match a name, by its labels from the last to the first.

use std::collections::HashMap;

use agentguard_common::rules::RuleSet;

use super::name::{MAX_LABEL, MAX_NAME, Name};

/// Names as a tree: the root's children are top-level domains. A look-up takes one step a label, and
/// stops where no rule goes on, however many rules there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    /// The root, then the others as they were added.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    children: HashMap<Box<str>, usize>,
    /// Rules for this name.
    exact: RuleSet,
    /// Rules for every name beneath it.
    beneath: RuleSet,
}

impl Tree {
    /// Adds a rule.
    pub(super) fn insert(&mut self, name: &Name, rule: u16) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for label in name.labels() {
            let next = self.nodes.len();
            let found = *self.nodes[at].children.entry(label.into()).or_insert(next);
            if found == next {
                self.nodes.push(Node::default());
            }
            at = found;
        }
        let node = &mut self.nodes[at];
        if name.is_wildcard() {
            node.beneath.insert(rule);
        } else {
            node.exact.insert(rule);
        }
    }

    /// The rules that match a name, in whatever case, with or without a dot at the end. What is no
    /// well-formed name of letters, digits, hyphens and underscores is matched by none: between two
    /// dots of such a text there could be something else than a label.
    pub(super) fn find(&self, name: &str) -> RuleSet {
        let mut found = RuleSet::EMPTY;
        let name = name.strip_suffix('.').unwrap_or(name);
        let Some(mut node) = self.nodes.first().filter(|_| is_well_formed(name)) else {
            return found;
        };
        let mut lower = [0_u8; MAX_LABEL];
        for label in name.rsplit('.') {
            found = found | node.beneath;
            let Some(lower) = lower.get_mut(..label.len()) else {
                return RuleSet::EMPTY;
            };
            lower.copy_from_slice(label.as_bytes());
            lower.make_ascii_lowercase();
            let child = std::str::from_utf8(lower)
                .ok()
                .and_then(|label| node.children.get(label));
            match child {
                Some(child) => node = &self.nodes[*child],
                None => return found,
            }
        }
        found | node.exact
    }
}

fn is_well_formed(name: &str) -> bool {
    let is_label = |label: &[u8]| (1..=MAX_LABEL).contains(&label.len());
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    bytes.len() <= MAX_NAME
        && bytes.iter().all(is_known)
        && bytes.split(|byte| *byte == b'.').all(is_label)
}
