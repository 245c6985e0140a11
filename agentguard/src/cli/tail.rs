//! `agentguard tail`.
