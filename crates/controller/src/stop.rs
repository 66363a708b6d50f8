//! Stopping politely: nothing new is sent, what is under way is answered and recorded.
//!
//! A stop is a permit that no longer holds. Every write asks its permit at the last moment, so no other part of the
//! house needs to know that somebody wants to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use twinlake_base::Instant;
use twinlake_databricks::{Permit, PermitRefused};

/// The wish to stop. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Wish>);

#[derive(Debug, Default)]
struct Wish {
    asked: AtomicBool,
    bell: Notify,
}

impl Stop {
    /// Nobody wants to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks whoever works to stop.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.bell.notify_waiters();
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        loop {
            let bell = self.0.bell.notified();
            if self.is_asked() {
                return;
            }
            bell.await;
        }
    }
}

/// A permit that ends with the wish to stop.
pub(crate) struct WhileWanted<'p> {
    pub(crate) permit: &'p dyn Permit,
    pub(crate) stop: &'p Stop,
}

impl Permit for WhileWanted<'_> {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        if self.stop.is_asked() {
            let hint = Some("twinlake sync".to_owned());
            return Err(PermitRefused { reason: "we were asked to stop".to_owned(), hint });
        }
        self.permit.check(until)
    }
}

#[cfg(test)]
mod tests {
    use twinlake_base::Clock;
    use twinlake_databricks::Unguarded;

    use super::*;

    #[tokio::test]
    async fn a_permit_ends_when_somebody_asks_to_stop_and_whoever_waits_is_told() {
        let (stop, now) = (Stop::new(), Clock::system().instant());
        let permit = WhileWanted { permit: &Unguarded, stop: &stop };
        assert!(permit.check(now).is_ok());
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.asked().await }
        });
        stop.ask();
        waiting.await.unwrap();
        assert!(permit.check(now).is_err());
        stop.asked().await;
    }
}
