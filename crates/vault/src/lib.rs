//! State that survives the loss of either region, and of this machine in the middle of a run.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Key`] | to whom things are encrypted (age, X25519), and what opens them again |
//! | [`Location`] | where state is kept: a site's `state` URL, or the witness |
//! | [`ObjectLog`] | a [`Log`](twinlake_workflow::Log) of encrypted objects: `runs/<run>/<number>` |
//! | [`AheadLog`] | a log that is durable at the standby before the local state has it, and before the act |
//! | [`Vault`] | ships the state: `state/<generation>` at every location; a [`Shipment`] tells what became of each |
//! | [`recover`] | on a bare machine: the newest state of all locations, and the runs that went on after it |
//!
//! **What lies where.** Everything is made by put-if-absent and never overwritten, so no reader meets half of
//! anything. An event is one object. A shipped state is one object: a line in the clear, and the encrypted database.
//! The line holds numbers, a date and digests; names and secrets are in the encrypted part alone. The names of
//! objects show how many runs there were, when, and how long each was.
//!
//! **What it does not do.** age proves who can read, not who has written: whoever may write to a location can put
//! another state there. That shows as a fork of the audit against the other locations, so one location that they cannot
//! reach is enough to notice. Without a key nothing is shipped, least of all in the clear: a [`Key`] without recipients
//! cannot be made.

mod ahead_log;
mod error;
mod header;
mod key;
mod location;
mod names;
mod object_log;
mod reconcile;
mod record;
mod recover;
mod retention;
mod search;
mod shelf;
mod shipment;
mod vault;

pub use ahead_log::AheadLog;
pub use error::VaultError;
pub use key::Key;
pub use location::Location;
pub use object_log::ObjectLog;
pub use recover::{Choice, ImportedRun, RecoverOptions, Recovered, Remark, recover};
pub use retention::KEPT;
pub use shipment::{Arrival, Finding, Shipment};
pub use vault::Vault;
