//! A simulated Databricks account, for rehearsal, demos and tests.
//!
//! It is written from the API reference, not from any client, and enforces only what Databricks enforces. Official
//! clients can use it over HTTP; in process the same router is called without a socket.
//!
//! | where | what |
//! |---|---|
//! | [`Simulator`] | the account: add workspaces, get their routers, load and save |
//! | `control` | what tests do to it: faults, time, outages, outside callers, effects, people |
//! | `serve` | HTTP: each workspace at its own loopback port |
//! | `gateway` | the way in: latency, outages, faults, sign-in, limits |
//! | `router` | every route, as a table ([`routes`]) |
//! | `services` | the kinds, one file each; plain ones are rows of `collections` |
//! | `account`, `agenda` | time: whatever is due happens, in order, before the next answer |
//! | `seed` | a believable estate |
//! | `effects` | what happened and what would have been on the bill |
//!
//! There are no background tasks: a month passes when the clock jumps, and the same seed gives the same month.

mod account;
mod agenda;
mod archive;
mod call;
mod callers;
mod collections;
mod connection;
mod control;
mod control_http;
mod effects;
mod error;
mod faults;
mod gateway;
mod limits;
mod notebook;
mod outage;
mod paging;
mod pattern;
mod quartz;
mod refusal;
mod router;
mod seed;
mod serve;
mod services;
mod settings;
mod simulator;
mod stage;
mod stale;
mod state;
mod stored_bytes;
mod workspace;

pub use callers::{Caller, CallerAction};
pub use control::Acted;
pub use effects::{Activity, Deed, Effect, EffectQuery};
pub use error::Error;
pub use faults::{Fault, FaultAct, FaultMatch, Staleness};
pub use gateway::Disconnected;
pub use limits::{Limit, Limits};
pub use outage::{Appearance, Outage};
pub use router::{Route, routes};
pub use seed::{Seed, Seeded};
pub use serve::{ServeOptions, Served, ServedWorkspace};
pub use services::run_store::RunType;
pub use settings::Settings;
pub use simulator::Simulator;
pub use workspace::{Cloud, WorkspaceInfo, WorkspaceSpec};
