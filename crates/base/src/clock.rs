//! Time and waiting.
//!
//! Two readings are kept apart, because disasters confuse them: [`Clock::now`] is the date on the wall
//! (it can be wrong, it is written into records), [`Clock::instant`] only ever moves forward and is what
//! deadlines are measured with.
//!
//! Both come from tokio's clock, which a test can pause: then waiting costs nothing and virtual time
//! jumps from one timer to the next. A [simulated](Clock::simulated) clock starts at a date of its own and can
//! be told to jump, which moves the date alone and wakes nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The one source of time. Cheap to clone; clones of a simulated clock jump together.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System,
    Simulated { start: Timestamp, anchor: Instant, jumped_ms: AtomicI64 },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// A clock that reads `start` now and then runs with tokio's clock.
    #[must_use]
    pub fn simulated(start: Timestamp) -> Self {
        Self(Arc::new(Source::Simulated { start, anchor: Instant::now(), jumped_ms: AtomicI64::new(0) }))
    }

    /// The date on the wall.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of the system clock")]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::System => Timestamp::now(),
            Source::Simulated { start, anchor, jumped_ms } => {
                let elapsed_ms = i64::try_from(anchor.elapsed().as_millis()).unwrap_or(i64::MAX);
                let passed = elapsed_ms.saturating_add(jumped_ms.load(Ordering::SeqCst));
                start.checked_add(SignedDuration::from_millis(passed)).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// A reading that only moves forward. Differences mean something, the value does not.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Waits. Under a paused clock this costs no real time.
    #[expect(clippy::disallowed_methods, reason = "this is the home of waiting")]
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Waits until a monotonic reading.
    pub async fn sleep_until(&self, instant: Instant) {
        tokio::time::sleep_until(instant).await;
    }

    /// Moves a simulated date forward without waiting. Returns false, and does nothing, on the machine's clock.
    pub fn jump(&self, by: Duration) -> bool {
        match &*self.0 {
            Source::System => false,
            Source::Simulated { jumped_ms, .. } => {
                jumped_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_moves_the_date_of_every_clone_of_a_simulated_clock() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::simulated(start);
        let clone = clock.clone();
        assert!(clock.jump(Duration::from_secs(86_400)));
        assert!(clone.now() >= "2026-01-02T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn the_machines_clock_cannot_be_moved() {
        assert!(!Clock::system().jump(Duration::from_secs(1)));
    }
}
