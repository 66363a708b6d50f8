//! Which writes are under way, so that a lease is only let go when none is.
//!
//! A cycle that ends early drops its requests. A dropped request is not called back: it may still act. So writes are
//! sent by tasks of their own, which go on to their answer or their deadline, and are counted.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use tokio::sync::watch;
use twinlake_base::Instant;
use twinlake_databricks::{Transport, Undelivered};

/// A transport that counts the writes that are under way.
pub(crate) struct UnderWay {
    inner: Arc<dyn Transport>,
    count: watch::Sender<usize>,
}

/// One write that is under way, until this is dropped.
struct One(watch::Sender<usize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl UnderWay {
    pub(crate) fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, count: watch::Sender::new(0) }
    }

    /// Waits until no write is under way. Each ends at its own deadline at the latest.
    pub(crate) async fn none(&self) {
        // An error means that the counter is gone, and we hold it.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

#[async_trait]
impl Transport for UnderWay {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        if *request.method() == Method::GET {
            return self.inner.send(request, deadline).await;
        }
        self.count.send_modify(|count| *count += 1);
        let one = One(self.count.clone());
        let inner = Arc::clone(&self.inner);
        let lost = |reason: &str| Undelivered::MaybeSent { reason: reason.to_owned() };
        let sending = tokio::spawn(async move {
            let answer = tokio::time::timeout_at(deadline, inner.send(request, deadline)).await;
            drop(one);
            answer
        });
        match sending.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(lost("no answer within the time for one request")),
            Err(_) => Err(lost("the request's task ended early")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use twinlake_base::Clock;

    use super::*;

    struct Slow(Clock);

    #[async_trait]
    impl Transport for Slow {
        async fn send(&self, _: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
            self.0.sleep(Duration::from_secs(5)).await;
            Ok(Response::new(Bytes::new()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_waits_for_is_still_under_way_until_it_is_answered() {
        let clock = Clock::system();
        let transport = UnderWay::new(Arc::new(Slow(clock.clone())));
        let began = clock.instant();
        let request = Request::post("http://127.0.0.1/").body(Bytes::new()).unwrap();
        let sending = transport.send(request, began + Duration::from_secs(60));
        assert!(
            tokio::time::timeout(Duration::from_secs(1), sending).await.is_err(),
            "it takes five seconds"
        );
        transport.none().await;
        assert!(clock.instant() - began >= Duration::from_secs(5));
    }
}
