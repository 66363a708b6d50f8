//! Time and waiting.
//!
//! Two readings are kept apart, because disasters confuse them: [`Clock::now`] is the date on the wall
//! (it can be wrong, it is written into records), [`Clock::instant`] only ever moves forward and is what
//! deadlines are measured with.
//!
//! Both come from tokio's clock, which a test can pause: then waiting costs nothing and virtual time
//! jumps from one timer to the next. A [simulated](Clock::simulated) clock starts at a date of its own and can
//! be told to jump, which moves the date alone and wakes nobody. It can also [drift](Clock::drifting), as every quartz
//! does: two machines never agree about how long a minute is.

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
    Simulated { start: Timestamp, anchor: Instant, jumped_ms: AtomicI64, rate: Rate },
}

/// How fast a clock runs: so many of its nanoseconds in a million true ones. 1,000,000 is a true clock.
#[derive(Clone, Copy, Debug)]
struct Rate(u32);

const TRUE_RATE: u32 = 1_000_000;

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// A clock that reads `start` now and then runs with tokio's clock.
    #[must_use]
    pub fn simulated(start: Timestamp) -> Self {
        Self::drifting(start, 0)
    }

    /// A simulated clock that goes before, or after, by so many millionths of the time that passes. Both its readings
    /// and its waits drift, so what lives on one such clock cannot tell.
    #[must_use]
    pub fn drifting(start: Timestamp, millionths: i32) -> Self {
        let rate = Rate(TRUE_RATE.saturating_add_signed(millionths).max(1));
        Self(Arc::new(Source::Simulated {
            start,
            anchor: Instant::now(),
            jumped_ms: AtomicI64::new(0),
            rate,
        }))
    }

    /// The date on the wall.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the home of the system clock")]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::System => Timestamp::now(),
            Source::Simulated { start, anchor, jumped_ms, rate } => {
                let elapsed_ms = i64::try_from(rate.shown(anchor.elapsed()).as_millis()).unwrap_or(i64::MAX);
                let passed = elapsed_ms.saturating_add(jumped_ms.load(Ordering::SeqCst));
                start.checked_add(SignedDuration::from_millis(passed)).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// A reading that only moves forward. Differences mean something, the value does not.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &*self.0 {
            Source::System => Instant::now(),
            Source::Simulated { anchor, rate, .. } => *anchor + rate.shown(anchor.elapsed()),
        }
    }

    /// Waits. Under a paused clock this costs no real time.
    #[expect(clippy::disallowed_methods, reason = "this is the home of waiting")]
    pub async fn sleep(&self, duration: Duration) {
        let passing = match &*self.0 {
            Source::System => duration,
            Source::Simulated { rate, .. } => rate.passing(duration),
        };
        tokio::time::sleep(passing).await;
    }

    /// Waits until a monotonic reading.
    pub async fn sleep_until(&self, instant: Instant) {
        let reached = match &*self.0 {
            Source::System => instant,
            Source::Simulated { anchor, rate, .. } => {
                *anchor + rate.passing(instant.saturating_duration_since(*anchor))
            }
        };
        tokio::time::sleep_until(reached).await;
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

impl Rate {
    /// What the clock shows when so much time has passed.
    fn shown(self, passed: Duration) -> Duration {
        if self.0 == TRUE_RATE { passed } else { scaled(passed, self.0, TRUE_RATE) }
    }

    /// How much time passes until the clock shows so much.
    fn passing(self, shown: Duration) -> Duration {
        if self.0 == TRUE_RATE { shown } else { scaled(shown, TRUE_RATE, self.0) }
    }
}

/// Rounded up, so that whoever waits until a reading finds it reached.
fn scaled(duration: Duration, by: u32, of: u32) -> Duration {
    let nanos = (duration.as_nanos() * u128::from(by)).div_ceil(u128::from(of));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
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

    #[tokio::test(start_paused = true)]
    async fn a_drifting_clock_reads_and_waits_by_its_own_time() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let hour = Duration::from_secs(3600);
        for (millionths, seconds) in [(10_000, 3564), (-10_000, 3636), (0, 3600)] {
            let clock = Clock::drifting(start, millionths);
            let (from, truly) = (clock.instant(), Instant::now());
            clock.sleep(hour / 2).await;
            clock.sleep_until(from + hour).await;
            assert_eq!(truly.elapsed().as_secs().abs_diff(seconds), 0, "{millionths}");
            assert!(clock.instant() >= from + hour);
            assert_eq!(clock.now().duration_since(start).as_secs(), 3600);
        }
    }

    #[test]
    fn the_machines_clock_cannot_be_moved() {
        assert!(!Clock::system().jump(Duration::from_secs(1)));
    }
}
