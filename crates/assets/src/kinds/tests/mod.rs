//! Stories of the kinds, told over documents that are as full as the service ever gives them (`fixtures/`).

mod bodies;
mod fixtures;
mod listings;
mod portraits;
mod secrets;
pub(crate) mod support;
mod table;
mod there_and_back;
mod transcripts;
mod trees;
