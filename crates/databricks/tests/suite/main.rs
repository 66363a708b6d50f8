//! The client as its users see it: against scripted transports in virtual time, and over loopback sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

mod calls;
mod host;
mod listings;
mod pacing;
mod profiles;
mod sockets;
