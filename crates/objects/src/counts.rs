//! How many requests were made of a store: what a cloud would bill.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests so far, lost ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Puts if absent.
    pub puts: u64,
    /// Gets.
    pub gets: u64,
    /// Listings, each counted once however many pages it takes.
    pub lists: u64,
    /// Deletes.
    pub deletes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) puts: AtomicU64,
    pub(crate) gets: AtomicU64,
    pub(crate) lists: AtomicU64,
    pub(crate) deletes: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            puts: read(&self.puts),
            gets: read(&self.gets),
            lists: read(&self.lists),
            deletes: read(&self.deletes),
        }
    }
}
