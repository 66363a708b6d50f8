//! What the product does: one file per operation. Knows no terminal.
//!
//! | operation | file | what it does |
//! |---|---|---|
//! | [`init()`] | `init` | writes a first config from two profiles |
//! | [`check()`] | `check` | says everything that is wrong before anything is written |
//! | [`plan()`] | `plan` | what a sync would do |
//! | [`sync()`] | `sync` | one cycle of every leg, under the group's lease |
//! | [`status()`] | `status` | where every leg stands, from the state alone |
//! | [`kinds_table`] | `kinds` | what is carried, what sleeps, what is left behind |
//! | [`find`], [`adopt`] | `ids` | what each place calls an asset, and who is whose copy |
//!
//! What they share: [`Setup`] is what the process gives; [`House`] is an estate, opened; [`Reach`] makes clients;
//! a [`Leg`] is one workspace set from the primary to one standby; [`Stop`] is the wish to stop; [`Observer`] is
//! whoever watches. Every answer is a value that serializes: the terminal and the JSON show the same.

mod check;
mod claims;
mod completeness;
mod cycle;
mod error;
mod fence;
mod hooks;
mod house;
mod ids;
mod init;
mod kinds;
mod ledger;
mod legs;
mod mapping_use;
mod moves;
mod news;
mod places;
mod plan;
mod reach;
mod recover;
mod replication_point;
mod report;
mod run_log;
mod runbooks;
mod same_workspace;
mod setup;
mod shipping;
mod status;
mod stop;
mod sync;
mod tenure;
mod term;
mod under_way;

pub use check::{CheckReport, Finding, PlaceChecked, Severity, check};
pub use completeness::{Judgement, Waiting};
pub use error::ControllerError;
pub use fence::{Acknowledged, FenceReport, acknowledge, divergences};
pub use house::House;
pub use ids::{Adopted, Known, Name, adopt, find};
pub use init::{InitOptions, Initialized, init, profiles};
pub use kinds::{KindRow, kinds_table, plural_names};
pub use legs::Leg;
pub use moves::{
    Behind, Consent, Ended, Loss, Move, Moved, Parameters, Proposal, RunSummary, Window, Wish, approve,
    begin, propose, report_of, resume, runs, stop_run,
};
pub use news::{News, Observer, Unobserved};
pub use plan::{PlannedLeg, plan};
pub use reach::{Reach, Standing};
pub use recover::{RecoveredState, Recovery, recover_state};
pub use report::{Awake, FailedLeg, Held, LegReport, SyncReport};
pub use runbooks::{RUNBOOKS, phase_names};
pub use setup::Setup;
pub use shipping::Shipped;
pub use status::{AuditStatus, CycleStatus, GroupStatus, LegStatus, Protection, Status, status};
pub use stop::Stop;
pub use sync::{SyncOptions, sync};
pub use term::KnownTerm;
pub use twinlake_lease::Term;
pub use twinlake_sync::Progress;
pub use twinlake_workflow::{
    Figure, Happened, Note, PlannedStep, Progress as RunProgress, RunEvent, RunReport, StepReport, UndoClass,
};
