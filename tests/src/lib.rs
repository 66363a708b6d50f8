//! The harness that the tests and benchmarks share: two sites of a simulated account, and a route between them.
//!
//! | noun | file | what it is |
//! |---|---|---|
//! | [`Fleet`] | `fleet` | an account with east and west, their clients, a state, and the sync of one workspace set |
//! | [`Deployment`] | `deployment` | an account with several regions, a config, and the controller that works by it |
//! | [`Site`] | `site` | one workspace of it, and what a person can do there |
//! | [`Estate`] | `estate` | what a workspace holds, free of ids: what must be equal on both sides |
//! | [`Keeper`] | `gatekeeper` | who keeps a gate: counts, crashes the process, makes its weather |
//! | [`Traffic`] | `traffic` | every request of the product by its host, with its answer |
//! | [`InProcess`] | `transport` | the client's transport straight into the simulator's router |
//!
//! Everything runs under tokio's paused clock: waiting costs nothing, and the same seed gives the same requests in the
//! same order. Use `#[tokio::test(start_paused = true)]`.
//!
//! The judge is not the accused: [`Estate`] reads a workspace through the simulation's own control, with nothing of
//! what the product uses to crawl, compare or resolve.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that is used wrongly fails the test at once"
)]

mod deployment;
mod estate;
mod fleet;
mod gatekeeper;
mod site;
mod traffic;
mod transport;

pub use deployment::{Deployment, ONE_GROUP, nobody};
pub use estate::Estate;
pub use fleet::Fleet;
pub use gatekeeper::{Keeper, Weather};
pub use site::Site;
pub use traffic::{Sent, Traffic};
pub use transport::InProcess;
