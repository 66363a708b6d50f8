//! A REST client for Databricks: authentication, paging, retries, rate budgets.
//!
//! It knows HTTP and Databricks' conventions, and nothing of disaster recovery.
//!
//! | noun | file | what it promises |
//! |---|---|---|
//! | [`Client`] | `client` | one host reached with one identity; gives readers and writers |
//! | [`Reader`] | `reader` | GET only; retried within a budget |
//! | [`Complete`] | `paging` | proof that a listing was read to its end; only a walk can make one |
//! | [`Writer`] | `writer` | everything else; needs a [`Permit`]; never a blind second send |
//! | [`Permit`] | `permit` | asked before each send and each retry, up to that request's deadline |
//! | [`Error`] | `error` | named for the caller's decision; what may have acted is told apart |
//! | [`Transport`] | `transport` | one request to the wire: an answer, `NotSent` or `MaybeSent` |
//! | [`HttpTransport`] | `http_transport` | the transport over sockets |
//! | [`Policy`] | `retry` | the time that one request and one call may take |
//! | [`Limits`] | `limits` | `limits.toml`: what each API family allows, and how sure we are |
//! | [`Budgets`] | `budget` | our share of those limits, paced, and learning from refusals |
//! | [`Profile`] | `profile` | `.databrickscfg` and `DATABRICKS_*` |
//!
//! The life of a request: wait for a place in its family's budget → ask the permit → pass the gate → send →
//! read the answer into a value or an [`Error`] → retry only what certainly had no effect or may be repeated.

mod answer;
mod body;
mod budget;
mod call;
mod client;
mod envelope;
mod error;
mod gated;
mod host;
mod http_transport;
mod ini;
mod limits;
mod outcome;
mod paging;
mod permit;
mod profile;
mod rate;
mod reader;
mod retry;
mod scrub;
mod transport;
mod url;
mod writer;

pub use answer::Answer;
pub use body::{Body, Part};
pub use budget::{Budgets, Counts};
pub use client::{Client, ClientBuilder, Identity};
pub use error::Error;
pub use host::Host;
pub use http_transport::{HttpOptions, HttpTransport};
pub use limits::{Grade, Limit, Limits, Route, Share};
pub use paging::{Complete, ListCall, Paging};
pub use permit::{Permit, PermitRefused, Unguarded};
pub use profile::{Profile, ProfileMistake, Profiles};
pub use reader::Reader;
pub use retry::{Cause, Policy, Try, next_attempt};
pub use transport::{Transport, Undelivered};
pub use url::segment;
pub use writer::{Write, Writer};
