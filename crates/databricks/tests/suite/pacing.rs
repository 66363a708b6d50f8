//! Pacing in virtual time, against hosts that count as real ones do: never too many, hardly too few.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use twinlake_base::{Clock, Entropy, Secret};
use twinlake_databricks::{Budgets, Client, Counts, Host, Limits, Reader, Share, Transport, Undelivered};

use crate::host::TOKEN;

/// How a host counts.
#[derive(Clone, Copy, Debug)]
enum Counting {
    /// So many per second of its own clock.
    Window,
    /// A bucket that holds one second's worth.
    Bucket,
}

/// A host with one limit for everything.
struct Limited {
    limit: AtomicU64,
    counting: Counting,
    retry_after: Option<u64>,
    latency: Duration,
    jitter: Duration,
    entropy: Entropy,
    start: Instant,
    state: Mutex<State>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

#[derive(Default)]
struct State {
    by_second: BTreeMap<u64, u64>,
    tokens: Option<f64>,
    filled: f64,
    accepted: u64,
    refused: u64,
    arrivals: Vec<(f64, String)>,
}

impl Limited {
    fn new(limit: u64, counting: Counting, retry_after: Option<u64>) -> Self {
        Self {
            limit: AtomicU64::new(limit),
            counting,
            retry_after,
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(30),
            entropy: Entropy::seeded(7),
            start: Instant::now(),
            state: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        }
    }

    fn admit(&self, path: &str) -> bool {
        let now = self.start.elapsed().as_secs_f64();
        let limit = self.limit.load(Ordering::SeqCst);
        let mut state = self.state.lock().unwrap();
        state.arrivals.push((now, path.to_owned()));
        let admitted = match self.counting {
            Counting::Window => {
                // The host's second does not begin with ours.
                let count = state.by_second.entry((now + 0.37) as u64).or_default();
                *count += 1;
                *count <= limit
            }
            Counting::Bucket => {
                let limit = limit as f64;
                let tokens = state.tokens.unwrap_or(limit) + (now - state.filled) * limit;
                let tokens = tokens.min(limit);
                state.filled = now;
                state.tokens = Some(if tokens >= 1.0 { tokens - 1.0 } else { tokens });
                tokens >= 1.0
            }
        };
        if admitted {
            state.accepted += 1
        } else {
            state.refused += 1
        }
        admitted
    }
}

#[async_trait]
#[expect(clippy::disallowed_methods, reason = "the host's own latency, in virtual time")]
impl Transport for Limited {
    async fn send(&self, request: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(self.latency / 2 + self.jitter.mul_f64(self.entropy.fraction())).await;
        let admitted = self.admit(request.uri().path());
        tokio::time::sleep(self.latency / 2).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let mut response = Response::builder().status(if admitted { 200 } else { 429 });
        if let (false, Some(seconds)) = (admitted, self.retry_after) {
            response = response.header("retry-after", seconds.to_string());
        }
        Ok(response.body(Bytes::from_static(b"{}")).unwrap())
    }
}

/// A table whose only row allows this much.
fn believed(per_second: f64) -> Limits {
    Limits::parse(&format!(
        "[share]\nprimary = 0.25\nstandby = 1.0\n[[limit]]\nfamily = \"all\"\ncovers = [\"* /**\"]\n\
         per_second = {per_second:?}\ngrade = \"assumed\"\nsource = \"test\"\n"
    ))
    .unwrap()
}

fn client(host: Arc<dyn Transport>, budgets: &Budgets, share: Share) -> Client {
    Client::builder(Host::parse("https://west.example").unwrap(), Secret::new(TOKEN.to_owned()))
        .transport(host)
        .entropy(Entropy::seeded(3))
        .budgets(budgets.clone())
        .share(share)
        .build()
        .unwrap()
}

fn budgets(per_second: f64) -> Budgets {
    Budgets::new(believed(per_second), Clock::system())
}

/// Keeps forty requests waiting for so long. Returns how many were accepted per second.
#[expect(clippy::disallowed_methods, reason = "the test's own time, virtual")]
async fn load(host: &Limited, client: &Client, seconds: u64) -> f64 {
    let before = host.state.lock().unwrap().accepted;
    let reader = client.reader();
    let workers: Vec<_> = (0..40).map(|_| tokio::spawn(ask_forever(reader.clone()))).collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    for worker in &workers {
        worker.abort();
    }
    let accepted = host.state.lock().unwrap().accepted - before;
    accepted as f64 / seconds as f64
}

async fn ask_forever(reader: Reader) {
    loop {
        reader.get("/x", &[]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_limits_are_right_nothing_is_ever_refused_and_hardly_anything_wasted() {
    for counting in [Counting::Window, Counting::Bucket] {
        for limit in [1, 2, 4, 5, 10, 15, 20, 30, 60, 100] {
            let host = Arc::new(Limited::new(limit, counting, None));
            let client = client(host.clone(), &budgets(limit as f64), Share::ALL);
            let accepted = load(&host, &client, 120).await;
            assert_eq!(client.counts().refused, 0, "{counting:?} {limit}/s");
            assert!(accepted >= 0.94 * limit as f64, "{counting:?} {limit}/s: {accepted}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_of_a_primary_is_not_exceeded() {
    let host = Arc::new(Limited::new(20, Counting::Window, None));
    let client = client(host.clone(), &budgets(20.0), Share::new(0.25).unwrap());
    let accepted = load(&host, &client, 100).await;
    assert!((4.9..=5.05).contains(&accepted), "{accepted}");
    let state = host.state.lock().unwrap();
    let most = state.by_second.values().max().unwrap();
    assert!(*most <= 8, "{most} in one second: more than the share and a small burst");
}

#[tokio::test(start_paused = true)]
async fn where_the_truth_is_half_of_what_we_believe_most_of_it_is_used_with_few_refusals() {
    for counting in [Counting::Window, Counting::Bucket] {
        for retry_after in [None, Some(1), Some(2)] {
            for truth in [2, 5, 10, 15, 30, 50] {
                let host = Arc::new(Limited::new(truth, counting, retry_after));
                let client = client(host.clone(), &budgets(2.0 * truth as f64), Share::ALL);
                let accepted = load(&host, &client, 120).await;
                let Counts { requests, refused, .. } = client.counts();
                let used = accepted / truth as f64;
                let case = format!(
                    "{counting:?} {truth}/s {retry_after:?}: used {used:.3}, refused {refused} of {requests}"
                );
                println!("{case}");
                assert!(used >= 0.85, "{case}");
                assert!(refused as f64 <= 0.03 * requests as f64 + 5.0, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_the_truth_lies_most_of_it_is_used_with_few_refusals() {
    for counting in [Counting::Window, Counting::Bucket] {
        for part in [0.9, 0.75, 0.33, 0.1] {
            for truth in [3, 10, 30] {
                let host = Arc::new(Limited::new(truth, counting, None));
                let client = client(host.clone(), &budgets(truth as f64 / part), Share::ALL);
                let accepted = load(&host, &client, 300).await;
                let Counts { requests, refused, .. } = client.counts();
                let used = accepted / truth as f64;
                let case = format!(
                    "{counting:?} {truth}/s, {part} of belief: used {used:.3}, refused {refused} of {requests}"
                );
                println!("{case}");
                assert!(used >= 0.85, "{case}");
                assert!(refused as f64 <= 0.03 * requests as f64 + 5.0, "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_everyone_waits() {
    let host = Arc::new(Limited::new(4, Counting::Window, Some(5)));
    let client = client(host.clone(), &budgets(40.0), Share::ALL);
    load(&host, &client, 4).await;
    let state = host.state.lock().unwrap();
    let last = state.arrivals.last().unwrap().0;
    assert!(state.refused >= 1 && last < 1.0, "requests went on until {last} s");
}

#[tokio::test(start_paused = true)]
async fn after_a_storm_of_refusals_the_rate_is_soon_back() {
    let host = Arc::new(Limited::new(0, Counting::Window, None));
    let client = client(host.clone(), &budgets(20.0), Share::ALL);
    load(&host, &client, 60).await;
    let stormed = client.counts().requests;
    assert!(stormed <= 100, "{stormed} requests into the storm");
    host.limit.store(20, Ordering::SeqCst);
    let accepted = load(&host, &client, 60).await;
    assert!(accepted >= 16.0, "{accepted}");
}

#[tokio::test(start_paused = true)]
async fn when_the_truth_recovers_so_do_we() {
    let host = Arc::new(Limited::new(10, Counting::Window, None));
    let client = client(host.clone(), &budgets(20.0), Share::ALL);
    load(&host, &client, 120).await;
    host.limit.store(20, Ordering::SeqCst);
    load(&host, &client, 600).await;
    let accepted = load(&host, &client, 60).await;
    assert!(accepted >= 18.0, "{accepted}");
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_starts_first() {
    let host = Arc::new(Limited { jitter: Duration::ZERO, ..Limited::new(100, Counting::Bucket, None) });
    let client = client(host.clone(), &budgets(20.0), Share::ALL);
    let asks = (0..50).map(|number| {
        let reader = client.reader();
        tokio::spawn(async move { reader.get(&format!("/{number}"), &[]).await.unwrap() })
    });
    for ask in asks.collect::<Vec<_>>() {
        ask.await.unwrap();
    }
    let state = host.state.lock().unwrap();
    let order: Vec<&str> = state.arrivals.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(order, (0..50).map(|number| format!("/{number}")).collect::<Vec<_>>());
    let gaps: Vec<f64> = state.arrivals.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(gaps.iter().all(|gap| (0.045..0.06).contains(gap)), "{gaps:?}");
}

/// Refuses the first request and accepts all others.
struct RefuseFirst(AtomicUsize, Mutex<Vec<String>>);

#[async_trait]
impl Transport for RefuseFirst {
    async fn send(&self, request: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
        self.1.lock().unwrap().push(request.uri().path().to_owned());
        let status = if self.0.fetch_add(1, Ordering::SeqCst) == 0 { 429 } else { 200 };
        Ok(Response::builder().status(status).body(Bytes::from_static(b"{}")).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_ahead_of_new_requests() {
    let host = Arc::new(RefuseFirst(AtomicUsize::new(0), Mutex::default()));
    let client = client(host.clone(), &budgets(2.0), Share::ALL);
    let asks = (0..100).map(|number| {
        let reader = client.reader();
        tokio::spawn(async move { reader.get(&format!("/{number}"), &[]).await.unwrap() })
    });
    for ask in asks.collect::<Vec<_>>() {
        ask.await.unwrap();
    }
    let order = host.1.lock().unwrap();
    let again = order.iter().skip(1).position(|path| path == "/0").unwrap() + 1;
    assert!(again <= 4, "the retry came as number {again}");
    assert_eq!(client.counts(), Counts { requests: 101, refused: 1, retries: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_is_not_flooded() {
    let slow = Limited { latency: Duration::from_secs(10), ..Limited::new(1_000, Counting::Bucket, None) };
    let host = Arc::new(slow);
    let client = client(host.clone(), &budgets(1_000.0), Share::ALL);
    load(&host, &client, 60).await;
    assert_eq!(host.most_under_way.load(Ordering::SeqCst), 32);
}

#[tokio::test(start_paused = true)]
async fn two_clients_of_one_host_share_its_budget() {
    let host = Arc::new(Limited::new(10, Counting::Window, None));
    let budgets = budgets(10.0);
    let (one, two) = (client(host.clone(), &budgets, Share::ALL), client(host.clone(), &budgets, Share::ALL));
    let (_, accepted) = tokio::join!(load(&host, &one, 60), load(&host, &two, 60));
    assert!((9.0..=10.0).contains(&accepted), "{accepted}");
    assert_eq!((one.counts(), one.counts().refused), (two.counts(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_share_holds_from_the_next_request_on() {
    let host = Arc::new(Limited::new(20, Counting::Window, None));
    let client = client(host.clone(), &budgets(20.0), Share::new(0.25).unwrap());
    load(&host, &client, 10).await;
    client.set_share(Share::ALL);
    let accepted = load(&host, &client, 60).await;
    assert!(accepted >= 18.5, "{accepted}");
    assert_eq!(client.counts().refused, 0);
}

#[tokio::test(start_paused = true)]
async fn families_do_not_wait_for_each_other() {
    let host = Arc::new(Limited::new(1_000, Counting::Bucket, None));
    let budgets = Budgets::new(Limits::shipped().unwrap(), Clock::system());
    let client = client(host, &budgets, Share::ALL);
    let start = Instant::now();
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let reader = client.reader();
            tokio::spawn(async move { reader.get("/api/2.0/preview/scim/v2/Me", &[]).await.unwrap() })
        })
        .collect();
    tokio::task::yield_now().await;
    for _ in 0..10 {
        client.reader().get("/api/2.0/workspace/export", &[]).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for ask in slow {
        ask.abort();
    }
    let counts = client.counts_by_family();
    assert_eq!(counts["workspace.export"].requests, 10);
}
