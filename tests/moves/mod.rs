//! Production moves: the runbooks as an operator runs them, on good days and bad ones.

mod controllers;
mod dead_primary;
mod harness;
mod mid_switchover;
mod mishaps;
mod promises;
mod readings;
mod returning;
mod rules;
mod runs;
mod shared;
mod standby;
mod survival;
mod there_and_back;
mod three_sites;
mod waves;
mod window;
