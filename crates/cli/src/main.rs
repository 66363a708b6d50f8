//! The twinlake binary.
fn main() {}
