//! Scenarios on real kernels.
