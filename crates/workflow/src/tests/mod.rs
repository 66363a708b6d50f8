//! The engine and the suites, on a toy runbook in a toy world.

mod engine;
mod histories;
mod reports;
mod suites;
mod toy;
