//! Runs the cases: each group in a process of its own, so that nothing survives it.

mod beside;
mod case;
mod file_row;
mod interactive;
mod leaks;
mod lsm;
mod name_row;
mod object_row;
mod options;
mod row;
mod runner;
mod sessions;
mod stage;
mod tally;
mod verdict;
mod witnesses;
mod worker;

pub use case::{Case, Check, Group};
pub use file_row::{FileExpect, FileExpected, FileRow};
pub use interactive::Interactive;
pub use name_row::{Far, NameExpect, NameExpected, NameRow};
pub use object_row::{ObjectExpect, ObjectExpected, ObjectRow, Untagged};
pub use options::{Mode, Options};
pub use row::{Expect, Expected, Row};
pub use runner::run;
pub use stage::Stage;
pub use witnesses::Witnesses;
pub use worker::work;
