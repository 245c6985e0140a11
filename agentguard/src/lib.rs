//! agentguard, as a library.
