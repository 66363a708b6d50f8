//! Durable runs. Knows nothing of Databricks.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Event`] | something that happened in a run, as its log keeps it |
//! | [`Seq`] | an event's number in its run: 1, 2, 3, without gaps |
//! | [`Log`] | the contract: append if nobody else did, read back in order |
//! | [`Appended`] | what became of an append |
//! | [`MemoryLog`] | the contract, kept in memory |
//!
//! A run is what its log says and nothing else: whoever reads the log can go on with the run, after a crash or on
//! another machine. Therefore an event is durable before what it announces is done, and two controllers that append
//! to one run learn of each other at the first append.

mod error;
mod event;
mod log;
mod memory;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use error::LogError;
pub use event::{Event, Recorded, Seq};
pub use log::{Appended, Log};
pub use memory::MemoryLog;
