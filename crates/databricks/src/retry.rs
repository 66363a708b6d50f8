//! Whether to try again, and when: decided purely.
//!
//! The time that a call may take is measured from its first send. Waiting for a place in our own budget is not
//! counted, because that says nothing about the host.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use twinlake_base::Timestamp;

/// How long one request and one call (a request with its retries) may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From send to the whole answer.
    pub request: Duration,
    /// From the first send to the last answer.
    pub total: Duration,
    /// How often a request is sent that is answered with a server error which no document calls temporary. 0: nothing is
    /// sent twice, whatever failed.
    pub flaky_attempts: u32,
}

impl Policy {
    /// The default, as in Databricks' own SDKs: 60 s for a request, 300 s for a call.
    pub const PATIENT: Self =
        Self { request: Duration::from_secs(60), total: Duration::from_secs(300), flaky_attempts: 4 };

    /// For a person who waits, and for probes: 10 s for a request, 15 s for a call.
    pub const QUICK: Self =
        Self { request: Duration::from_secs(10), total: Duration::from_secs(15), flaky_attempts: 2 };
}

impl Policy {
    /// For a host that is given up: 10 s for an answer, and nothing is sent twice.
    pub const ONCE: Self =
        Self { request: Duration::from_secs(10), total: Duration::from_secs(10), flaky_attempts: 0 };
}

impl Default for Policy {
    fn default() -> Self {
        Self::PATIENT
    }
}

/// Why an attempt failed, as far as trying again is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The host had too many requests.
    Throttled,
    /// The host says that it is away for a while.
    Unavailable,
    /// No answer came.
    Undelivered,
    /// Another server error.
    Flaky,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Which failure for this cause it is within its call: 1 for the first.
    pub number: u32,
    /// Why it failed.
    pub cause: Cause,
    /// What the host asked for in `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Since the first send.
    pub spent: Duration,
}

/// The longest wait that is ours to choose. The SDKs' is the same.
const LONGEST_WAIT_S: f64 = 10.0;
/// The first wait after a lost connection; it doubles from there.
const FIRST_WAIT_S: f64 = 0.25;

/// How long to wait before the next attempt, or `None` when there is none.
///
/// A host that names a time is given that time and up to a second more; one that names none, a second per
/// attempt. Where nothing came back the wait doubles. `fraction` (0.0..1.0) is the jitter, so that clients that failed
/// together do not return together.
#[must_use]
pub fn next_attempt(policy: &Policy, failed: &Try, fraction: f64) -> Option<Duration> {
    let is_last = failed.cause == Cause::Flaky && failed.number >= policy.flaky_attempts;
    if is_last || policy.flaky_attempts == 0 {
        return None;
    }
    let number = f64::from(failed.number.max(1));
    let wait = match failed.cause {
        Cause::Throttled | Cause::Unavailable => {
            let asked = failed.retry_after.unwrap_or(Duration::from_secs_f64(number.min(LONGEST_WAIT_S)));
            asked.checked_add(Duration::from_secs_f64(fraction.clamp(0.0, 1.0)))?
        }
        Cause::Undelivered | Cause::Flaky => {
            let doubled = (FIRST_WAIT_S * 2f64.powf(number - 1.0)).min(LONGEST_WAIT_S);
            Duration::from_secs_f64(doubled * 0.5f64.mul_add(fraction.clamp(0.0, 1.0), 0.5))
        }
    };
    // A wait that ends after the budget would only delay the news.
    (failed.spent.checked_add(wait)? < policy.total).then_some(wait)
}

/// Reads `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3). What cannot be read counts as absent.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(date.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy::PATIENT;

    fn failed(number: u32, cause: Cause) -> Try {
        Try { number, cause, retry_after: None, spent: Duration::ZERO }
    }

    #[test]
    fn a_host_that_names_a_time_is_given_it_and_a_little_more() {
        let failed = Try { retry_after: Some(Duration::from_secs(7)), ..failed(1, Cause::Throttled) };
        assert_eq!(next_attempt(&POLICY, &failed, 0.5), Some(Duration::from_millis(7_500)));
    }

    #[test]
    fn a_host_that_is_given_up_is_asked_once_whatever_fails() {
        for cause in [Cause::Throttled, Cause::Unavailable, Cause::Undelivered, Cause::Flaky] {
            assert_eq!(next_attempt(&Policy::ONCE, &failed(1, cause), 0.0), None);
        }
    }

    #[test]
    fn a_host_that_names_none_is_given_a_second_per_attempt() {
        assert_eq!(next_attempt(&POLICY, &failed(3, Cause::Unavailable), 0.0), Some(Duration::from_secs(3)));
        assert_eq!(next_attempt(&POLICY, &failed(30, Cause::Throttled), 0.0), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_lost_connection_is_tried_again_soon_and_then_ever_later() {
        assert_eq!(
            next_attempt(&POLICY, &failed(1, Cause::Undelivered), 0.0),
            Some(Duration::from_millis(125))
        );
        assert_eq!(
            next_attempt(&POLICY, &failed(20, Cause::Undelivered), 1.0),
            Some(Duration::from_secs(10))
        );
    }

    #[test]
    fn a_wait_that_would_outlast_the_budget_is_not_begun() {
        let failed = Try { retry_after: Some(Duration::from_secs(86_400)), ..failed(1, Cause::Throttled) };
        assert_eq!(next_attempt(&POLICY, &failed, 0.0), None);
    }

    #[test]
    fn an_undocumented_server_error_is_tried_a_few_times_only() {
        assert!(next_attempt(&POLICY, &failed(3, Cause::Flaky), 0.0).is_some());
        assert_eq!(next_attempt(&POLICY, &failed(4, Cause::Flaky), 0.0), None);
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("Fri, 20 Nov 2026 10:00:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(read("Fri, 20 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    proptest! {
        #[test]
        fn a_call_ends_within_its_budget_and_never_waits_less_than_asked(
            number in 1u32..1_000,
            cause in prop_oneof![
                Just(Cause::Throttled), Just(Cause::Unavailable), Just(Cause::Undelivered), Just(Cause::Flaky)
            ],
            asked in proptest::option::of(0u64..u64::MAX),
            spent in 0u64..400,
            fraction in 0.0f64..1.0,
        ) {
            let failed = Try {
                number,
                cause,
                retry_after: asked.map(Duration::from_secs),
                spent: Duration::from_secs(spent),
            };
            if let Some(wait) = next_attempt(&POLICY, &failed, fraction) {
                prop_assert!(failed.spent + wait < POLICY.total);
                if let (Some(asked), Cause::Throttled | Cause::Unavailable) = (failed.retry_after, cause) {
                    prop_assert!(wait >= asked);
                }
            }
        }
    }
}
