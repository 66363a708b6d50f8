//! How long things take, in relation to each other.

use std::time::Duration;

/// The durations of a lease. All follow from the longest request, because a lease that ends before a request does
/// permits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a lease runs from its last renewal.
    pub term: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
    /// By how much two machines' steady clocks may disagree about one term.
    pub skew_allowance: Duration,
    /// How long a request may take, from send to the end of its effect.
    pub longest_request: Duration,
}

impl Terms {
    /// The terms for requests of at most this length: twice as long a lease, renewed four times within a request.
    /// At any moment at least one request of full length fits, even after a renewal has failed once.
    #[must_use]
    pub fn for_requests(longest_request: Duration) -> Self {
        Self {
            term: longest_request * 2,
            renew_every: longest_request / 4,
            skew_allowance: longest_request / 6,
            longest_request,
        }
    }

    /// How long a successor waits from when it first saw the last record.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.term.saturating_add(self.skew_allowance).saturating_add(self.longest_request)
    }
}

impl Default for Terms {
    /// For requests of 60 s, which is the default of Databricks' own SDKs.
    fn default() -> Self {
        Self::for_requests(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_request_fits_after_one_failed_renewal() {
        for seconds in [1, 10, 60] {
            let terms = Terms::for_requests(Duration::from_secs(seconds));
            assert!(terms.term > terms.longest_request + 2 * terms.renew_every);
            assert!(terms.wait() > terms.term + terms.longest_request);
        }
    }
}
