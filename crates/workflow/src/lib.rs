//! Durable runs. Knows nothing of Databricks.
//!
//! A run is what its log says and nothing else: whoever reads the log can go on with the run, after a crash or on
//! another machine. Therefore an event is durable before what it announces is done, and two controllers that append
//! to one run learn of each other at the first append.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Event`] | something that happened in a run, as its log keeps it |
//! | [`Seq`] | an event's number in its run: 1, 2, 3, without gaps |
//! | [`Log`] | the contract: append if nobody else did, read back in order |
//! | [`Appended`] | what became of an append |
//! | [`MemoryLog`] | the contract, kept in memory |
//! | [`Runbook`], [`Step`], [`Work`] | a procedure: a table of steps, each with its check, act and confirm |
//! | [`Undo`] | whether a step can be undone: shown before approval, done by people |
//! | [`RunEvent`] | an event, typed |
//! | [`Status`] | where a run stands: its events, replayed; an illegal history does not load |
//! | [`next_step`], [`Next`] | what a run does next: a pure decision |
//! | [`Engine`] | drives one run from its log: [`begin`](Engine::begin), [`resume`](Engine::resume) |
//! | [`StepContext`] | what a step is given besides its world: parameters, earlier evidence, time, the right to act |
//! | [`Authority`] | says at the last moment whether an engine may act: the lease's side |
//! | [`Asks`] | the wish to stop, from within the process |
//! | [`intervene`] | what people add from outside: answers, stops, decisions, an end |
//! | [`Watch`] | is told of everything, with the time against the [`Objectives`] |
//! | [`RunReport`] | who, what, when, with which evidence: a value, and its text, Markdown and JSON |
//!
//! **One attempt.** check → (already true: confirm, and skipped or done · nothing to do: skipped · not yet: waiting ·
//! not allowed: failed) → the right to act → `step.began`, durable → the right to act, again → act → confirm →
//! `step.done`. Whoever resumes begins with the check of the step that was under way, so an act may be repeated and
//! must then find done what is done.
//!
//! **Who drives.** The writer of the last beginning or resumption owns the run. Of two engines that go on from the same
//! end of a log one wins the append, and the other leaves without having acted. An engine that stalls after an append
//! that it won is not the log's matter: its [`Authority`] has ended, and is asked before the act.
//!
//! **What it does not do.** It unwinds nothing: a run goes forward or stops resumable. It has no graph of steps: what
//! can go side by side does so inside a step.

mod asks;
mod attempt;
mod authority;
mod context;
mod drive;
mod engine;
mod error;
mod event;
mod interceptor;
mod intervention;
mod journal;
mod log;
mod memory;
mod next;
mod note;
mod objectives;
mod outline;
mod report;
mod retries;
mod run_event;
mod runbook;
mod status;
mod step;
mod step_error;
mod transition;
mod undo;
mod wait;
mod watch;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(test)]
mod tests;

pub use asks::{Ask, Asks};
pub use authority::{Alone, Authority, Deed, Refusal};
pub use context::StepContext;
pub use engine::{Begin, Ending, Engine, Patience};
pub use error::{IllegalEvent, LogError, WorkflowError};
pub use event::{Event, Recorded, Seq};
pub use interceptor::{Intercept, Interceptor};
pub use intervention::{Intervention, intervene};
pub use log::{Appended, Log};
pub use memory::MemoryLog;
pub use next::{Next, next_step};
pub use note::{Figure, Note};
pub use objectives::Objectives;
pub use outline::PlannedStep;
pub use report::{Failure, Judged, Measured, RunReport, StepReport};
pub use retries::Retries;
pub use run_event::{Because, Entry, Outcome, Part, RunBegan, RunEvent};
pub use runbook::Runbook;
pub use status::{RunState, Status, StepState, StepStatus};
pub use step::{Check, Step, Work};
pub use step_error::StepError;
pub use undo::{Undo, UndoClass};
pub use wait::{Answer, Wait};
pub use watch::{Happened, Progress, Unwatched, Watch};
