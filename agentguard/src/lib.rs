//! agentguard, as a library.

pub mod cli {
    //! The command line: one file a verb.

    pub mod check;
    pub mod explain;
}
pub mod policy;
