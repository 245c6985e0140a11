//! Runs the cases: each group in a process of its own, so that nothing survives it.

mod beside;
mod case;
mod file_row;
mod interactive;
mod leaks;
mod lsm;
mod options;
mod row;
mod runner;
mod sessions;
mod stage;
mod tally;
mod verdict;
mod worker;

pub use case::{Case, Check, Group};
pub use file_row::{FileExpect, FileExpected, FileRow};
pub use interactive::Interactive;
pub use options::{Mode, Options};
pub use row::{Expect, Expected, Row};
pub use runner::run;
pub use stage::Stage;
pub use worker::work;
