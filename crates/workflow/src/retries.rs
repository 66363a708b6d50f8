//! When a failed step is tried again.

use std::time::Duration;

use twinlake_base::ErrorClass;

/// How often, and how long between. The delay doubles from the first to the longest; there is no jitter, because one
/// engine alone drives a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all before the run stops, counted anew when somebody resumes it. At least 1.
    pub attempts: u32,
    /// Before the second attempt.
    pub first_delay: Duration,
    /// The delay grows no further.
    pub longest_delay: Duration,
}

impl Retries {
    /// One attempt.
    pub const NONE: Self = Self { attempts: 1, first_delay: Duration::ZERO, longest_delay: Duration::ZERO };

    /// Five attempts over about a quarter of a minute. The steps' own clients retry single requests; this is for what
    /// outlasts those.
    pub const FEW: Self =
        Self { attempts: 5, first_delay: Duration::from_secs(1), longest_delay: Duration::from_secs(30) };

    /// The delay after so many attempts since the run was last begun or resumed, or nothing if that was the last.
    #[must_use]
    pub fn delay_after(&self, tries: u32, class: ErrorClass) -> Option<Duration> {
        if !Self::helps(class) || tries >= self.attempts {
            return None;
        }
        let doublings = tries.saturating_sub(1).min(20);
        Some(self.first_delay.saturating_mul(1 << doublings).min(self.longest_delay))
    }

    /// Whether trying again can help. After a conflict it can, because each attempt begins by looking.
    #[must_use]
    pub const fn helps(class: ErrorClass) -> bool {
        matches!(class, ErrorClass::Retryable | ErrorClass::Conflict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_the_longest_and_then_attempts_end() {
        let retries = Retries {
            attempts: 5,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(3),
        };
        let delays: Vec<_> = (1..=5).map(|tries| retries.delay_after(tries, ErrorClass::Retryable)).collect();
        assert_eq!(delays, [Some(1), Some(2), Some(3), Some(3), None].map(|s| s.map(Duration::from_secs)));
    }

    #[test]
    fn what_will_be_wrong_next_time_is_not_tried_again() {
        for class in [ErrorClass::Denied, ErrorClass::Invalid, ErrorClass::Refused, ErrorClass::Bug] {
            assert_eq!(Retries::FEW.delay_after(1, class), None);
        }
    }
}
