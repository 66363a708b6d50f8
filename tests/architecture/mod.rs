//! The walls, held by tests: which crate may use which, where each thing has its home, and what we build on.

mod arrows;
mod dependencies;
mod homes;
mod house;
mod sources;
