//! How much is simulated, and from which seed: read from the environment.

use std::time::Duration;

use twinlake_base::{Clock, Env, Instant};

/// What whoever runs the tests has asked for.
pub(crate) struct Dials {
    /// Everything, rather than a sample.
    pub(crate) all: bool,
    /// This seed alone.
    pub(crate) seed: Option<u64>,
    /// So many seeds, however long it takes.
    pub(crate) seeds: Option<u64>,
}

impl Dials {
    pub(crate) fn read() -> Self {
        let env = Env::system();
        let number = |name: &str| {
            env.get(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
        };
        Self {
            all: env.get("TWINLAKE_SIMULATE") == Some("all"),
            seed: number("TWINLAKE_SEED"),
            seeds: number("TWINLAKE_SEEDS"),
        }
    }
}

/// Real time, so that a sample ends when a CI expects it to.
pub(crate) struct Stopwatch {
    start: Instant,
    most: Duration,
}

impl Stopwatch {
    pub(crate) fn of(most: Duration) -> Self {
        Self { start: Clock::system().instant(), most }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.elapsed() >= self.most
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Runs a history to its end in a runtime of its own: one thread, and a clock that waits for nobody.
pub(crate) fn in_virtual_time<T>(history: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(history)
}
