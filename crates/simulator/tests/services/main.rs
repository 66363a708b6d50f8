//! The simulated account, seen through its routers: one file per service, and one for each thing that a test can do to it.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod callers;
mod clusters;
mod effects;
mod faults;
mod front_door;
mod jobs;
mod lab;
mod libraries;
mod limits;
mod outages;
mod policies;
mod pools;
mod quiesce;
mod runs;
mod seed;
mod served;
mod state;
mod tree;
mod warehouses;
