//! The witness, and the lease that permits writes.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Witness`] | where the records lie, outside every site of the group; who asks it is one controller |
//! | [`Lease`] | the right to act for a group until a deadline; a [`Permit`](twinlake_databricks::Permit) |
//! | [`Standing`] | the group's last record: epoch, primary, holder |
//! | [`Term`] | an epoch and its primary |
//! | [`Terms`] | how long a lease runs, and how long a successor waits |
//!
//! **Records.** A group's history is a row of objects, `lease/<group>/<number>`; the highest number counts. Every
//! change of hands, renewal and new epoch is a new number, made by *create if absent*: of two who want the same number
//! one gets it, and the other reads who. A lost answer is settled by reading the record back: its nonce says whose it
//! is. Nothing else is asked of a store. What a site keeps may have a row of its own, `<row>/<group>/<number>`, with the
//! same rules.
//!
//! **Time.** No controller believes another one's clock. A holder counts its term from *before* it sent the record; a
//! successor counts term, skew allowance and longest request from *after* it first saw that record, and starts anew
//! when it sees another one. So the holder's end always comes first, whatever the dates say, as long as both clocks
//! run at nearly the same rate. A machine that sleeps stops its own steady clock, so the holder also watches the date
//! and takes the earlier of both.
//!
//! **Without the witness.** A term that has to begin while the witness is gone begins in the row of a standby, which
//! everybody who acts there holds, too. Who promotes tells the witness first and the standby second, so the standby is
//! behind by one epoch at most; who takes over without the witness skips one, which may have begun unheard of. When the
//! witness is back, [`Lease::advance_to`] tells it, before anybody acts by it.
//!
//! **What it does not do.** It cannot call back a request that is under way: a permit therefore only holds for
//! requests that end before the lease does. And Databricks knows nothing of epochs: what a lost controller had in
//! flight is found by reading, not prevented.

mod error;
mod lease;
mod ledger;
mod record;
mod term;
mod terms;
#[cfg(test)]
mod tests;
mod witness;

pub use error::LeaseError;
pub use lease::Lease;
pub use term::Term;
pub use terms::Terms;
pub use witness::{Standing, Witness};
