//! The binary as an operator uses it, against a simulated account that the test starts on free ports.
//!
//! Most of it is transcripts: text that anybody can read, in `transcripts/`. What needs two processes at once is code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod approval;
mod bench;
mod demo;
mod interruption;
mod locks;
mod moves;
mod script;
mod transcripts;
