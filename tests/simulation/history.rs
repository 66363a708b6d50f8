//! One seeded history: people at both sites, weather, cycles that crash, a clock that jumps; then calm.

use std::sync::Arc;
use std::time::Duration;

use twinlake_base::{Entropy, Gate, Instant};
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_simulator::Settings;
use twinlake_sync::{Approval, Report, SyncError};
use twinlake_tests::{Fleet, Keeper, Weather};

use super::estate::furnish;
use super::judge::Judge;
use super::people::Person;
use super::weather;

/// More than the grace period of deletions.
const DAY_AND_MORE: Duration = Duration::from_secs(25 * 3600);

/// A history, as far as it has gone.
pub(super) struct History {
    pub(super) fleet: Fleet,
    /// What was done, in words.
    pub(super) trace: Vec<String>,
    judge: Judge,
    chance: Entropy,
    seed: u64,
    /// Everything that passed the seams.
    pub(super) passages: Vec<String>,
}

/// A permit that ends at a moment that its holder does not expect.
struct Until(Instant);

impl Permit for Until {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        match until <= self.0 {
            true => Ok(()),
            false => Err(PermitRefused { reason: "the permit ends".to_owned(), hint: None }),
        }
    }
}

impl History {
    /// Lives through a whole history. What it breaks of the promises is in the judge's hands.
    pub(super) async fn of(seed: u64) -> Self {
        let chance = Entropy::seeded(seed ^ 0x1157);
        let settings = Settings { latency_ms: chance.below(3) * 20, ..Settings::default() };
        let fleet = Fleet::with(seed, settings).await;
        furnish(&fleet, seed);
        let mut history =
            Self { fleet, trace: Vec::new(), judge: Judge::default(), chance, seed, passages: Vec::new() };
        for _ in 0..8 + history.chance.below(24) {
            history.step().await;
        }
        history.calm().await;
        history
    }

    /// The promises that were broken, in words.
    pub(super) fn broken(&self) -> &[String] {
        self.judge.broken()
    }

    async fn step(&mut self) {
        match self.chance.below(10) {
            0..=2 => {
                for _ in 0..=self.chance.below(5) {
                    let did = self.somebody().act();
                    self.trace.push(did);
                }
            }
            3 | 4 => {
                let words = weather::change(&self.fleet, &self.chance);
                self.trace.push(words);
            }
            5 => {
                let by = match self.chance.below(6) {
                    0 => DAY_AND_MORE,
                    1 => Duration::from_secs(self.chance.below(4 * 3600)),
                    _ => Duration::from_secs(self.chance.below(600)),
                };
                self.trace.push(format!("the clock jumps by {by:?}"));
                self.fleet.jump(by);
            }
            _ => self.bad_cycle().await,
        }
    }

    /// A cycle on which anything may be wrong, and during which people go on.
    async fn bad_cycle(&mut self) {
        let chance = &self.chance;
        let mut keeper = match chance.below(3) {
            0 => Keeper::crashing_at(1 + chance.below(900)),
            _ => Keeper::counting(),
        };
        if chance.below(2) == 0 {
            let weather = Weather {
                lost: chance.below(20),
                slow: chance.below(20),
                unsaved: if chance.below(8) == 0 { 4 } else { 0 },
            };
            keeper = keeper.in_weather(Entropy::seeded(chance.number()), weather);
        }
        let keeper = Arc::new(keeper.tracing());
        self.fleet.restart_behind(&Gate::kept_by(keeper.clone()));
        let lasts = if chance.below(6) == 0 { chance.below(60) } else { 1_000_000 };
        let permit = Until(self.fleet.clock.instant() + Duration::from_secs(lasts));
        let deeds = chance.below(8).saturating_sub(3);
        let meddling = async {
            let mut did = Vec::new();
            for _ in 0..deeds {
                self.fleet.clock.sleep(Duration::from_millis(chance.below(9_000))).await;
                did.push(self.somebody().act());
            }
            did
        };
        let (ended, did) = tokio::join!(self.fleet.sync_with(&permit, Approval::Routine), meddling);
        self.passages.extend(keeper.trace());
        self.trace.extend(did.into_iter().map(|did| format!("meanwhile: {did}")));
        self.trace.push(format!("a bad cycle: {}", words(&ended)));
        self.judge.watch(&self.fleet, None).await;
    }

    fn somebody(&self) -> Person<'_> {
        let site = if self.chance.below(3) == 0 { self.fleet.west() } else { self.fleet.east() };
        Person { site, chance: &self.chance }
    }

    /// All that is bad ends. A cycle, a day, a cycle that may delete, and then there must be nothing left to do.
    async fn calm(&mut self) {
        weather::clear(&self.fleet);
        self.fleet.restart();
        self.trace.push("calm".to_owned());
        self.good_cycle().await;
        self.fleet.jump(DAY_AND_MORE);
        self.good_cycle().await;
        self.good_cycle().await;
        let before = self.fleet.effect_count();
        let Some(last) = self.good_cycle().await else { return };
        let written = self.fleet.west().effects_after(before);
        self.judge.end(&self.fleet, &last, &written).await;
    }

    async fn good_cycle(&mut self) -> Option<Report> {
        let keeper = Arc::new(Keeper::counting().tracing());
        self.fleet.restart_behind(&Gate::kept_by(keeper.clone()));
        let mut ended = self.fleet.try_sync().await;
        if let Ok(Report { held: Some(_), .. }) = &ended {
            let digest = self.fleet.plan().await.digest();
            ended = self.fleet.sync_with(&twinlake_databricks::Unguarded, Approval::Plan(digest)).await;
            self.judge.approve();
        }
        self.passages.extend(keeper.trace());
        self.trace.push(format!("a good cycle: {}", words(&ended)));
        match ended {
            Ok(report) => {
                self.judge.watch(&self.fleet, Some(&report)).await;
                Some(report)
            }
            Err(error) => {
                self.judge.accuse(format!("a cycle in calm failed: {error}"));
                None
            }
        }
    }

    /// How to see this again.
    pub(super) fn again(&self) -> String {
        format!("TWINLAKE_SEED={} cargo test --release -p twinlake-tests random_histories", self.seed)
    }
}

fn words(ended: &Result<Report, SyncError>) -> String {
    match ended {
        Ok(report) => format!("{} writes, {:?}", report.writes, report.tally()),
        Err(error) => format!("ended by: {error}"),
    }
}
