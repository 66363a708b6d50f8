//! State: SQLite. The only crate with SQL.
//!
//! | file | what it keeps |
//! |---|---|
//! | `store` | the handle, and how a write becomes a transaction |
//! | `blobs` | documents and contents, by digest |
//! | `snapshots` | what a place had, as history, and what is pinned of it |
//! | `pairs` | the id map |
//! | `bases` | what we last did, per asset and direction |
//! | `intents` | what we are about to do |
//! | `tombstones` | what the source no longer has |
//! | `cycles` | each cycle, and the verdicts of the latest |
//! | `audit` | who did what, in a chain of digests |
//! | `seen_runs` | what ran at a place, as it was last seen |
//! | `fences` | how surely an old primary is held back |
//! | `approvals` | who said yes to what |
//! | `export` | the whole state as bytes, and back into a file |
//! | `run_log` | what happened in each run: a [`Log`](twinlake_workflow::Log) |
//! | `meta` | a few facts about the estate |
//! | `migration`, `file`, `lock` | the schema, the file on disk, and whose it is |
//!
//! One connection, behind a mutex, and every query is driven to its end inside the call that makes it: deterministic
//! simulation runs under a paused tokio clock, which cannot see that a task waits for SQLite's thread (see `drive`).
//! One controller works with a file at a time; a second one is refused with the first one's name. Whoever only looks
//! ([`Store::open_to_read`]) may look meanwhile.

mod approvals;
mod audit;
mod bases;
mod blobs;
mod columns;
mod cycles;
mod drive;
mod error;
mod export;
mod fences;
mod file;
mod intents;
mod lock;
mod meta;
mod migration;
mod pairs;
mod run_log;
mod seen_runs;
mod snapshots;
mod store;
mod tombstones;
mod trouble;

pub use approvals::Approval;
pub use audit::{AuditEntry, AuditReport, AuditRow, BrokenRow};
pub use cycles::{Cycle, CycleEnd, CycleId, PastCycle};
pub use error::StoreError;
pub use export::{Draft, Export};
pub use intents::IntentId;
pub use store::{Store, StoreOptions};
