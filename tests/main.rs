//! One integration binary for the whole house.
//!
//! | folder | what it proves |
//! |---|---|
//! | `architecture` | the walls stand: arrows, homes, words, licences |
//! | `clients` | the official SDK, unmodified, against the simulation and the product |
//! | `disasters` | seeded disasters of the whole controller, judged after every act |
//! | `simulation` | crashes everywhere and random histories, each replayed by its seed |
//! | `stories` | estates and bad days that operators know |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

mod architecture;
mod clients;
mod disasters;
mod moves;
mod simulation;
mod stories;
