//! The seam: every transport, whatever it is, is reached through here.
//!
//! One place asks the [`Gate`] before and after each request and enforces the deadline, so that no transport can
//! forget either, and a host that swallows requests ends at the deadline.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use twinlake_base::{Clock, Crashed, Gate, GateDecision, Passage, Seam, Side};

use crate::{Transport, Undelivered};

/// A transport behind its gate.
#[derive(Clone)]
pub(crate) struct Gated {
    transport: Arc<dyn Transport>,
    gate: Gate,
    clock: Clock,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The transport, or the gate in its place, could not deliver.
    Undelivered(Undelivered),
    /// A test stopped the process.
    Crashed,
}

impl From<Crashed> for Unanswered {
    fn from(_: Crashed) -> Self {
        Self::Crashed
    }
}

impl From<Undelivered> for Unanswered {
    fn from(undelivered: Undelivered) -> Self {
        Self::Undelivered(undelivered)
    }
}

impl Gated {
    pub(crate) const fn new(transport: Arc<dyn Transport>, gate: Gate, clock: Clock) -> Self {
        Self { transport, gate, clock }
    }

    /// Sends a request; `what` names it for whoever keeps the gate.
    pub(crate) async fn send(
        &self,
        what: &str,
        request: Request<Bytes>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Unanswered> {
        match self.gate.ask(Passage { seam: Seam::Databricks, side: Side::Before, what })? {
            GateDecision::Lose => return Err(not_sent("lost before it left")),
            GateDecision::Delay(duration) => self.clock.sleep(duration).await,
            GateDecision::Pass | GateDecision::Crash => {}
        }
        // The permit was asked about the time up to the deadline. A process that stalled since then
        // must not send, and a timeout alone would poll the request once before it looks at the time.
        if self.clock.instant() >= deadline {
            return Err(not_sent("its deadline had passed before it was sent"));
        }
        let sent = tokio::time::timeout_at(deadline, self.transport.send(request, deadline)).await;
        let result = sent.unwrap_or_else(|_| Err(maybe_sent("no answer within the time for one request")));
        if matches!(result, Err(Undelivered::NotSent { .. })) {
            return Ok(result?);
        }
        match self.gate.ask(Passage { seam: Seam::Databricks, side: Side::After, what })? {
            GateDecision::Lose => return Err(maybe_sent("the answer was lost").into()),
            GateDecision::Delay(duration) => self.clock.sleep(duration).await,
            GateDecision::Pass | GateDecision::Crash => {}
        }
        Ok(result?)
    }
}

fn not_sent(reason: &str) -> Unanswered {
    Undelivered::NotSent { reason: reason.to_owned() }.into()
}

fn maybe_sent(reason: &str) -> Undelivered {
    Undelivered::MaybeSent { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use twinlake_base::Gatekeeper;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU32);

    #[async_trait::async_trait]
    impl Transport for Counting {
        async fn send(&self, request: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
            self.0.fetch_add(1, Ordering::SeqCst);
            match request.uri().path() {
                "/hole" => std::future::pending().await,
                "/unsent" => Err(Undelivered::NotSent { reason: "x".to_owned() }),
                _ => Ok(Response::new(Bytes::new())),
            }
        }
    }

    struct Scripted(Mutex<Vec<(Side, GateDecision)>>);

    impl Gatekeeper for Scripted {
        fn decide(&self, passage: Passage<'_>) -> GateDecision {
            assert_eq!((passage.seam, passage.what), (Seam::Databricks, "GET /x"));
            let mut script = self.0.lock().unwrap();
            let (side, decision) =
                if script.is_empty() { return GateDecision::Pass } else { script.remove(0) };
            assert_eq!(side, passage.side);
            decision
        }
    }

    async fn send(path: &str, script: &[(Side, GateDecision)]) -> (Result<(), Unanswered>, u32) {
        let transport = Arc::new(Counting::default());
        let gate = Gate::kept_by(Arc::new(Scripted(Mutex::new(script.to_vec()))));
        let clock = Clock::system();
        let gated = Gated::new(transport.clone(), gate, clock.clone());
        let request = Request::get(format!("http://host{path}")).body(Bytes::new()).unwrap();
        let result = gated.send("GET /x", request, clock.instant() + Duration::from_secs(60)).await;
        (result.map(|_| ()), transport.0.load(Ordering::SeqCst))
    }

    fn is_maybe_sent(result: &Result<(), Unanswered>) -> bool {
        matches!(result, Err(Unanswered::Undelivered(Undelivered::MaybeSent { .. })))
    }

    #[tokio::test(start_paused = true)]
    async fn the_gate_loses_a_request_before_and_an_answer_after_the_effect() {
        let (result, effects) = send("/x", &[(Side::Before, GateDecision::Lose)]).await;
        assert!(matches!(result, Err(Unanswered::Undelivered(Undelivered::NotSent { .. }))));
        assert_eq!(effects, 0);
        let (result, effects) =
            send("/x", &[(Side::Before, GateDecision::Pass), (Side::After, GateDecision::Lose)]).await;
        assert!(is_maybe_sent(&result));
        assert_eq!(effects, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crash_before_the_effect_leaves_no_effect_and_a_crash_after_it_does() {
        assert_eq!(send("/x", &[(Side::Before, GateDecision::Crash)]).await, (Err(Unanswered::Crashed), 0));
        let after = [(Side::Before, GateDecision::Pass), (Side::After, GateDecision::Crash)];
        assert_eq!(send("/x", &after).await, (Err(Unanswered::Crashed), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_transport_that_never_answers_ends_at_the_deadline() {
        let start = Instant::now();
        let (result, effects) = send("/hole", &[]).await;
        assert!(is_maybe_sent(&result));
        assert_eq!((effects, start.elapsed().as_secs()), (1, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_delayed_beyond_its_deadline_is_not_sent() {
        let delay = GateDecision::Delay(Duration::from_secs(61));
        let (result, effects) = send("/x", &[(Side::Before, delay)]).await;
        assert!(matches!(result, Err(Unanswered::Undelivered(Undelivered::NotSent { .. }))));
        assert_eq!(effects, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_was_not_sent_has_no_after() {
        let (result, _) = send("/unsent", &[(Side::Before, GateDecision::Pass)]).await;
        assert!(matches!(result, Err(Unanswered::Undelivered(Undelivered::NotSent { .. }))));
    }
}
