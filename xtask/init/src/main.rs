//! The first process of a test machine.
fn main() {}
