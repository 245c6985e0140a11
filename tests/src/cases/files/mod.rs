//! Rules for files: one file a topic, and one daemon for all that are lines of tables.

mod contents;
mod deep;
mod differential;
mod layouts;
mod metadata;
mod mounts;
mod moves;
mod names;
mod opens;
mod outside;
mod programs;
mod race;
mod random;
mod reload;
pub(super) mod table;
mod tree;
mod uring;

use crate::harness::{Case, Group};

/// The tables of [`GROUP`].
const TABLES: &[&[Case]] = &[
    opens::CASES,
    names::CASES,
    moves::CASES,
    contents::CASES,
    metadata::CASES,
    programs::CASES,
    uring::CASES,
    mounts::CASES,
    layouts::CASES,
    deep::CASES,
    race::CASES,
    reload::CASES,
    differential::CASES,
    outside::CASES,
];

pub(super) const GROUP: Group = Group {
    name: "files",
    scopes: tree::SCOPES,
    layout: Some(tree::LAYOUT),
    internet: false,
    cases: &table::joined::<{ table::count(TABLES) }>(TABLES),
};
