//! Those who keep the gates of a simulated process: they count, they crash it, and they make its weather.

use std::sync::Mutex;
use std::time::Duration;

use twinlake_base::{Entropy, GateDecision, Gatekeeper, Passage, Seam, Side};

/// A gatekeeper that counts, and that can crash the process at a certain passage or make weather.
///
/// The same seed and the same passages give the same decisions.
pub struct Keeper {
    crash_at: Option<u64>,
    weather: Option<(Entropy, Weather)>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    passages: u64,
    /// What passed, in order, if it is kept.
    trace: Option<Vec<String>>,
}

/// How often passages meet something, in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Requests that never leave, and answers that never arrive.
    pub lost: u64,
    /// Requests and answers that take up to twenty seconds longer.
    pub slow: u64,
    /// Writes of the state that fail, before or after.
    pub unsaved: u64,
}

impl Keeper {
    /// Lets everything pass, and counts.
    #[must_use]
    pub fn counting() -> Self {
        Self { crash_at: None, weather: None, seen: Mutex::default() }
    }

    /// Ends the process at the passage of this number, from 1.
    #[must_use]
    pub fn crashing_at(number: u64) -> Self {
        Self { crash_at: Some(number), ..Self::counting() }
    }

    /// With weather, by the draw of `entropy`.
    #[must_use]
    pub fn in_weather(mut self, entropy: Entropy, weather: Weather) -> Self {
        self.weather = Some((entropy, weather));
        self
    }

    /// Keeps what passed: `Databricks Before POST /api/2.2/jobs/create`.
    #[must_use]
    pub fn tracing(self) -> Self {
        self.seen.lock().unwrap().trace = Some(Vec::new());
        self
    }

    /// How many passages there were.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn passages(&self) -> u64 {
        self.seen.lock().unwrap().passages
    }

    /// What passed, in order, if it was kept.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.seen.lock().unwrap().trace.clone().unwrap_or_default()
    }
}

impl Gatekeeper for Keeper {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            if let Some(trace) = &mut seen.trace {
                trace.push(format!("{:?} {:?} {}", passage.seam, passage.side, passage.what));
            }
            seen.passages += 1;
            seen.passages
        };
        if self.crash_at == Some(number) {
            return GateDecision::Crash;
        }
        self.weather.as_ref().map_or(GateDecision::Pass, |(entropy, weather)| weather.meet(entropy, passage))
    }
}

impl Weather {
    fn meet(self, entropy: &Entropy, passage: Passage<'_>) -> GateDecision {
        let drawn = entropy.below(1000);
        match passage.seam {
            Seam::State if drawn < self.unsaved => GateDecision::Lose,
            Seam::State => GateDecision::Pass,
            _ if drawn < self.lost => GateDecision::Lose,
            _ if drawn < self.lost + self.slow => {
                let most_ms = if passage.side == Side::Before { 20_000 } else { 5_000 };
                GateDecision::Delay(Duration::from_millis(entropy.below(most_ms)))
            }
            _ => GateDecision::Pass,
        }
    }
}
