//! Tests of the whole way from a text to a verdict.

mod compiled;
