//! The harness that the tests and benchmarks share.
