//! The walk along a path and its limits, over tables that are written by hand; and what a look-up
//! that fails does: it refuses.

use agentguard_common::{
    limits::{MAX_COMPONENT, MAX_DEPTH},
    path::{
        Access, Header, Positions, Scratch, State, Tables, decide,
        glob::{self, Classes, DEAD, START},
        mark,
    },
    rules::NO_RULE,
    verdict::{Action, Reason, Verdict},
};

/// A look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lookup {
    Header,
    Rule,
    Classes,
    Next,
    Accepted,
}

/// `/a/**` is rule 4 and may be read; `/x*` is rule 7 and denied.
struct Two {
    header: Header,
    a: Positions,
    none: Positions,
    glob: Positions,
    classes: Classes,
    /// The look-up that fails.
    fails: Option<Lookup>,
}

fn set<const N: usize>(positions: [u16; N]) -> Positions {
    let mut set = Positions::EMPTY;
    for position in positions {
        set.insert(position);
    }
    set
}

fn two(fails: Option<Lookup>) -> Two {
    let mut classes = Classes {
        of: [0; 256],
        width: 2,
    };
    classes.of[usize::from(b'x')] = 1;
    let none = Positions::EMPTY;
    Two {
        // 0 a 1 ** 2, 3 x* 4
        header: Header {
            starts: set([0, 3]),
            any_depth: set([1]),
            named: set([0, 3]),
            granting: set([0, 1]),
            denying: set([3]),
            deny: set([4]),
            allow: [set([2]), none, none, none],
            lengths: [1 << 1, 0, 0, 0],
            beginnings: [0, 1 << (b'a' - 64), 0, 0],
            words: 1,
            ..Header::default()
        },
        a: set([0]),
        none: Positions::EMPTY,
        glob: set([3]),
        classes,
        fails,
    }
}

impl Two {
    fn unless<T>(&self, lookup: Lookup, value: T) -> Option<T> {
        (self.fails != Some(lookup)).then_some(value)
    }

    fn state(&self, names: &[&[u8]]) -> Option<State> {
        let mut state = State::default();
        let mut scratch = Scratch::default();
        state.begin(self)?;
        for name in names {
            state.enter(&mut scratch, self, name)?;
        }
        Some(state)
    }

    fn read(&self, names: &[&[u8]]) -> Verdict {
        match self.state(names) {
            Some(state) => decide(self, &state, Access::Read),
            None => Verdict::ERROR,
        }
    }
}

impl Tables for Two {
    type Name = [u8];

    fn length(&self, name: &[u8]) -> usize {
        name.len()
    }

    fn mark(&self, name: &[u8]) -> u32 {
        mark::of(name)
    }

    fn bytes<'a>(&'a self, name: &'a [u8]) -> Option<&'a [u8]> {
        Some(name)
    }

    fn header(&self) -> Option<&Header> {
        self.unless(Lookup::Header, &self.header)
    }

    fn literal(&self, name: &[u8]) -> Option<&Positions> {
        (name == b"a").then_some(&self.a)
    }

    fn rule(&self, position: u16) -> Option<u16> {
        self.unless(Lookup::Rule, if position < 3 { 4 } else { 7 })
    }
}

impl glob::Tables for Two {
    fn classes(&self) -> Option<&Classes> {
        self.unless(Lookup::Classes, &self.classes)
    }

    fn next(&self, index: u32) -> Option<u16> {
        // DEAD, START, and 2: it began with x.
        let rows = [DEAD, DEAD, DEAD, 2, 2, 2];
        self.unless(Lookup::Next, rows[index as usize])
    }

    fn accepted(&self, state: u16) -> Option<&Positions> {
        let set = if state > START {
            &self.glob
        } else {
            &self.none
        };
        self.unless(Lookup::Accepted, set)
    }
}

const PERMITTED: Verdict = Verdict {
    action: Action::Permit,
    reason: Reason::Rule,
    rule: 4,
};
const DENIED: Verdict = Verdict {
    action: Action::Refuse,
    reason: Reason::Rule,
    rule: 7,
};
const NOTHING: Verdict = Verdict {
    action: Action::Refuse,
    reason: Reason::NoRule,
    rule: NO_RULE,
};

#[test]
fn paths_are_decided() {
    let tables = two(None);
    assert_eq!(tables.read(&[]), NOTHING);
    assert_eq!(tables.read(&[b"a"]), PERMITTED);
    assert_eq!(tables.read(&[b"a", b"b", b"xy"]), PERMITTED);
    assert_eq!(tables.read(&[b"b"]), NOTHING);
    assert_eq!(tables.read(&[b"b", b"a"]), NOTHING);
    assert_eq!(tables.read(&[b"x"]), DENIED);
    assert_eq!(tables.read(&[b"xyz"]), DENIED);
    assert_eq!(tables.read(&[b"yx"]), NOTHING);
}

#[test]
fn a_state_is_all_that_matters_of_a_directory() {
    let tables = two(None);
    let (b, c) = (
        tables.state(&[b"a", b"b"]).unwrap(),
        tables.state(&[b"a", b"c"]).unwrap(),
    );
    assert_eq!(b, c);
    assert_eq!(b.positions, set([1, 2]));
    assert_eq!(b.depth, 2);
}

#[test]
fn a_lookup_that_fails_refuses() {
    for (lookup, name) in [
        (Lookup::Header, b"a"),
        (Lookup::Rule, b"a"),
        (Lookup::Classes, b"a"),
        (Lookup::Next, b"a"),
        (Lookup::Accepted, b"x"),
    ] {
        let tables = two(Some(lookup));
        assert_eq!(tables.read(&[name]), Verdict::ERROR, "{lookup:?}");
    }
    // Between the walk and the decision, too.
    let state = two(None).state(&[b"a"]).unwrap();
    let tables = two(Some(Lookup::Header));
    assert_eq!(decide(&tables, &state, Access::Read), Verdict::ERROR);
}

#[test]
fn names_have_1_to_255_bytes() {
    let tables = two(None);
    let mut name = [b'y'; MAX_COMPONENT + 1];
    assert_eq!(tables.read(&[b"a", &name[..MAX_COMPONENT]]), PERMITTED);
    assert_eq!(tables.read(&[b"a", &name]), Verdict::ERROR);
    assert_eq!(tables.read(&[b"a", b""]), Verdict::ERROR);
    name[0] = b'x';
    assert_eq!(tables.read(&[&name[..MAX_COMPONENT]]), DENIED);
}

#[test]
fn paths_have_at_most_128_names() {
    let tables = two(None);
    let names = [b"a".as_slice(); 129];
    assert_eq!(names.len() as u64, MAX_DEPTH + 1);
    assert_eq!(tables.read(&names[..128]), PERMITTED);
    assert_eq!(tables.read(&names), Verdict::ERROR);
}

#[test]
fn a_name_has_the_mark_of_its_length_and_its_beginning() {
    let marks: Vec<_> = [".env", ".git", ".x", "x", "id_rsa", "secret"]
        .map(|name| mark::of(name.as_bytes()))
        .into();
    assert!(marks.iter().all(|mark| *mark < 64));
    // Of the same length and beginning, and nothing else.
    assert_eq!(mark::of(b".env"), mark::of(b".ens"));
    assert_ne!(marks[0], marks[1]);
    // A name of one byte is read with the zero behind it.
    assert_eq!(
        mark::of(b"x"),
        mark::number(1, u16::from_ne_bytes([b'x', 0]))
    );
    let long = [b'a'; mark::LONG as usize];
    assert_eq!(mark::of(&long), mark::number(mark::LONG, 0));
    let other = [b'b'; mark::LONG as usize];
    assert_eq!(mark::of(&long), mark::of(&other));
}
