//! Sockets and processes: two directories of cases, and one daemon for all, as it takes an emulated machine longer to
//! start one than to try everything.

mod scopes;
pub(super) mod table;
pub(super) mod tree;

use super::{
    files::table::{count, joined},
    processes, sockets,
};
use crate::harness::{Case, Group};

/// The tables of [`GROUP`].
const TABLES: &[&[Case]] = &[
    &joined::<{ count(&sockets::TABLES) }>(&sockets::TABLES),
    &joined::<{ count(&processes::TABLES) }>(&processes::TABLES),
];

pub(super) const GROUP: Group = Group {
    name: "objects",
    scopes: &[
        scopes::CLERK,
        scopes::NEIGHBOUR,
        scopes::WATCHED,
        scopes::TINKER,
        scopes::KEEPER,
        scopes::PLAIN,
    ],
    layout: Some(tree::LAYOUT),
    internet: false,
    cases: &joined::<{ count(TABLES) }>(TABLES),
};
