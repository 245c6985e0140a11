//! The search finds every row of a section of every length, and no section beyond the limit.

use agentguard_common::{
    address::Address,
    decision::{Endpoint, Reason, Tables, Verdict, decide_destination},
    limits::{MAX_RULES, SEARCH_STEPS},
    protocol::Protocol,
    rules::RuleSet,
    scope::{HEADER_ROWS, Header, Row},
};

/// Rows of the longest section.
const LONGEST: u16 = 1 << SEARCH_STEPS;

struct Rows {
    rows: Vec<Row>,
    /// Whether there are rows beyond the scope, as in a bank.
    is_padded: bool,
}

impl Tables for Rows {
    fn row(&self, index: u32) -> Option<&Row> {
        // What is beyond the scope would be taken if the search did not know where it ends.
        const BEYOND: Row = Row {
            key: Address::MIN,
            rules: RuleSet::EMPTY,
        };
        self.rows
            .get(index as usize)
            .or(self.is_padded.then_some(&BEYOND))
    }

    fn same_agent(&self, _: &Endpoint) -> bool {
        false
    }

    fn learned(&self, _: &Address) -> Option<RuleSet> {
        Some(RuleSet::EMPTY)
    }
}

/// The rule of a row: neighbours differ.
fn rule(row: u16) -> u16 {
    row % (1 << 8)
}

/// A scope that denies, with this many address rows at even addresses.
fn scope(addresses: u16) -> Rows {
    let header = Header {
        version: 1,
        addresses,
        ports: 1,
        ..Header::default()
    };
    let all = RuleSet([u64::MAX; MAX_RULES / 64]);
    let mut rows = vec![Row::default(); HEADER_ROWS as usize];
    rows[0] = Row {
        key: header.pack(),
        rules: all,
    };
    rows.extend((0..addresses).map(|row| {
        let mut rules = RuleSet::EMPTY;
        rules.insert(rule(row));
        let lo = u64::from(row) * 2;
        Row {
            key: Address { hi: 0, lo },
            rules,
        }
    }));
    rows.push(Row {
        key: Address::MIN,
        rules: all,
    });
    Rows {
        rows,
        is_padded: true,
    }
}

fn decide(scope: &Rows, lo: u64) -> Verdict {
    let to = Endpoint {
        address: Address { hi: 0, lo },
        protocol: Protocol::Tcp,
        port: 1,
    };
    decide_destination(scope, &to)
}

#[test]
fn every_row_is_found() {
    let half = LONGEST / 2;
    for count in [
        1,
        2,
        3,
        4,
        5,
        half - 1,
        half,
        half + 1,
        LONGEST - 1,
        LONGEST,
    ] {
        let scope = scope(count);
        for row in 0..count {
            for lo in [u64::from(row) * 2, u64::from(row) * 2 + 1] {
                assert_eq!(decide(&scope, lo).rule, rule(row), "row {row} of {count}");
            }
        }
        assert_eq!(decide(&scope, u64::MAX).rule, rule(count - 1));
    }
}

#[test]
fn sections_out_of_bounds_refuse_everything() {
    for count in [0, LONGEST + 1] {
        assert_eq!(decide(&scope(count), 2), Verdict::ERROR);
    }
    let mut cut = scope(8);
    cut.rows.truncate(HEADER_ROWS as usize + 2);
    cut.is_padded = false;
    assert_eq!(decide(&cut, 15).reason, Reason::Error);
    let none = Rows {
        rows: Vec::new(),
        is_padded: false,
    };
    assert_eq!(decide(&none, 2), Verdict::ERROR);
}
