//! How fast one family of requests may start: a pure rule over rates, without time or locks.
//!
//! While nothing is refused the rate is the full one. A refusal teaches where the limit lies:
//!
//! - the rate drops once, however many of the requests under way are refused with it (they are known by the
//!   *generation* in which they started), and not again before something was accepted: a host that refuses
//!   everything says nothing about rates;
//! - it climbs back to just below the refused rate, the *ceiling*, by evidence: accepted requests, counted in seconds'
//!   worth of the present rate;
//! - after a long calm it tries above the ceiling, a little, then more; each refusal of such a trial doubles the calm
//!   that the next one needs.

/// After the first refusal, or one that follows another closely, the limit is far below: drop to this.
const FAR_DROP: f64 = 0.6;
/// After a refusal at the end of a calm, the limit is near: drop to this.
const NEAR_DROP: f64 = 0.85;
/// Where to stay below the ceiling.
const BELOW_CEILING: f64 = 0.95;
/// What a second's worth of accepted requests adds, as part of the ceiling.
const CLIMB: f64 = 0.05;
/// A refusal within so many seconds' worth after the last one is "close".
const CLOSE_S: f64 = 3.0;
/// The calm before a trial, in seconds' worth; it doubles with each refused trial, up to the longest.
const CALM_S: f64 = 30.0;
const LONGEST_CALM_S: f64 = 480.0;
/// The first trial goes so far above the ceiling; each that succeeds doubles it, up to the largest.
const TRIAL: f64 = 0.05;
const LARGEST_TRIAL: f64 = 0.4;
/// The rate never drops below this part of the full one: a family must be able to recover.
const SLOWEST: f64 = 0.02;

/// The rate of one family.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    full: f64,
    present: f64,
    learned: Option<Learned>,
    generation: u64,
}

/// What refusals taught.
#[derive(Clone, Debug, PartialEq)]
struct Learned {
    ceiling: f64,
    /// Seconds' worth accepted since the last refusal.
    since_refusal_s: f64,
    /// Seconds' worth accepted since the rate or the ceiling last changed.
    calm_s: f64,
    calm_needed_s: f64,
    trial: f64,
    trying: bool,
}

impl Rate {
    pub(crate) const fn new(full: f64) -> Self {
        Self { full, present: full, learned: None, generation: 0 }
    }

    /// Requests per second.
    pub(crate) const fn per_second(&self) -> f64 {
        self.present
    }

    /// In which generation a request starts now.
    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the host refused us and has not been found to have recovered.
    pub(crate) const fn is_lowered(&self) -> bool {
        self.learned.is_some()
    }

    /// Another full rate, for instance because our share changed. What was learned about the host stays.
    pub(crate) fn set_full(&mut self, full: f64) {
        self.full = full;
        self.present = match &self.learned {
            Some(learned) => self.present.min(full).min(learned.ceiling * BELOW_CEILING),
            None => full,
        };
    }

    /// A request of `generation` was accepted.
    pub(crate) fn accepted(&mut self, generation: u64) {
        let Some(learned) = &mut self.learned else { return };
        if generation != self.generation {
            return;
        }
        let worth_s = 1.0 / self.present;
        learned.since_refusal_s += worth_s;
        learned.calm_s += worth_s;
        let target = (learned.ceiling * BELOW_CEILING).min(self.full);
        if self.present < target {
            if learned.calm_s >= 1.0 {
                self.present = CLIMB.mul_add(learned.ceiling, self.present).min(target);
                learned.calm_s = 0.0;
            }
        } else if self.present >= self.full {
            self.learned = None;
        } else if learned.calm_s >= learned.calm_needed_s {
            learned.ceiling *= 1.0 + learned.trial;
            learned.trial = (learned.trial * 2.0).min(LARGEST_TRIAL);
            learned.trying = true;
            learned.calm_s = 0.0;
        }
    }

    /// A request of `generation` was refused. Returns whether it is the first of its generation.
    pub(crate) fn refused(&mut self, generation: u64) -> bool {
        if generation != self.generation {
            return false;
        }
        self.generation += 1;
        if self.learned.as_ref().is_some_and(|learned| learned.since_refusal_s == 0.0) {
            return true;
        }
        let (drop, calm_needed_s) = match &self.learned {
            None => (FAR_DROP, CALM_S),
            Some(learned) => {
                let drop = if learned.since_refusal_s < CLOSE_S { FAR_DROP } else { NEAR_DROP };
                let calm = if learned.trying { learned.calm_needed_s * 2.0 } else { learned.calm_needed_s };
                (drop, calm.min(LONGEST_CALM_S))
            }
        };
        self.learned = Some(Learned {
            ceiling: self.present,
            since_refusal_s: 0.0,
            calm_s: 0.0,
            calm_needed_s,
            trial: TRIAL,
            trying: false,
        });
        self.present = (self.present * drop).max(self.full * SLOWEST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(rate: &mut Rate, requests: u32) {
        for _ in 0..requests {
            let generation = rate.generation();
            rate.accepted(generation);
        }
    }

    #[test]
    fn a_burst_of_refusals_drops_the_rate_once() {
        let mut rate = Rate::new(20.0);
        let generation = rate.generation();
        assert!(rate.refused(generation));
        for _ in 0..10 {
            assert!(!rate.refused(generation));
        }
        assert!((rate.per_second() - 12.0).abs() < 1e-9);
    }

    #[test]
    fn the_rate_climbs_back_to_just_below_where_it_was_refused() {
        let mut rate = Rate::new(20.0);
        rate.refused(0);
        accept(&mut rate, 200);
        assert!((rate.per_second() - 19.0).abs() < 1e-9, "{rate:?}");
    }

    #[test]
    fn after_a_long_calm_the_full_rate_returns() {
        let mut rate = Rate::new(20.0);
        rate.refused(0);
        accept(&mut rate, 3_000);
        assert_eq!((rate.per_second(), rate.is_lowered()), (20.0, false));
    }

    #[test]
    fn a_family_that_is_always_refused_still_moves() {
        let mut rate = Rate::new(20.0);
        for _ in 0..100 {
            accept(&mut rate, 1);
            let generation = rate.generation();
            rate.refused(generation);
        }
        assert!(rate.per_second() >= 0.4);
    }

    #[test]
    fn a_host_that_refuses_everything_says_nothing_about_rates() {
        let mut rate = Rate::new(20.0);
        for _ in 0..100 {
            let generation = rate.generation();
            assert!(rate.refused(generation));
        }
        assert!((rate.per_second() - 12.0).abs() < 1e-9);
    }

    #[test]
    fn a_smaller_share_holds_at_once_and_keeps_what_was_learned() {
        let mut rate = Rate::new(20.0);
        rate.refused(0);
        rate.set_full(5.0);
        assert_eq!(rate.per_second(), 5.0);
        rate.set_full(40.0);
        assert_eq!(rate.per_second(), 5.0);
    }
}
