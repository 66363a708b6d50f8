//! One seeded history: people at every site, regions that are lost and return, operators whose processes crash; then all
//! heals, and production comes home.

use std::sync::Arc;
use std::time::Duration;

use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, Keeper, ONE_GROUP};

use super::chronicle::{Chronicle, Held};
use super::estate::furnish;
use super::judge::{Episode, Judge, Surveys};
use super::operators::{Act, Came, Process, keeper, open_runs, perform};
use super::people::People;
use super::survey::Survey;

/// More than the grace period of deletions.
const DAY_AND_MORE: Duration = Duration::from_secs(25 * 3600);
/// How many quiet steps it may take until there is nothing left to do.
const ENOUGH: usize = 24;

/// A history, as far as it has gone.
pub(super) struct History {
    pub(super) deployment: Deployment,
    judge: Judge,
    chronicle: Arc<Chronicle>,
    chance: Entropy,
    people: People,
    processes: u64,
    seed: u64,
    /// Whether it is told as it goes.
    is_told: bool,
    pub(super) steps: usize,
}

impl History {
    /// Lives through a whole history. What it breaks of the promises is in the judge's hands.
    pub(super) async fn of(seed: u64, is_told: bool) -> Self {
        let chance = Entropy::seeded(seed ^ 0xd15a57e6);
        let sites = if chance.below(4) == 0 { 3 } else { 2 };
        let deployment = Deployment::of(seed, sites, ONE_GROUP).await;
        let latency_ms = chance.below(3) * 20;
        deployment.simulator.change_settings(|settings| settings.latency_ms = latency_ms);
        furnish(deployment.site("east"), &chance);
        let mut history = Self {
            judge: Judge::new(&survey(&deployment)),
            chronicle: Chronicle::of(&deployment),
            people: People::new(Entropy::seeded(seed ^ 0x9e09)),
            deployment,
            chance,
            processes: 0,
            seed,
            is_told,
            steps: 0,
        };
        history.operators(vec![Act::Sync], true).await;
        for _ in 0..6 + history.chance.below(12) {
            history.step().await;
        }
        history.heal().await;
        history
    }

    /// The promises that were broken, in words.
    pub(super) fn broken(&self) -> &[String] {
        self.judge.broken()
    }

    /// How to see this again.
    pub(super) fn again(seed: u64) -> String {
        format!("TWINLAKE_SEED={seed} cargo test --release -p twinlake-tests random_disasters -- --nocapture")
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.is_told {
            println!("{} {}", self.deployment.clock.now(), what());
        }
    }

    async fn step(&mut self) {
        self.steps += 1;
        match self.chance.below(12) {
            0..=2 => {
                for _ in 0..=self.chance.below(3) {
                    let did = self.people.act(self.deployment.site(&self.anywhere()));
                    self.tell(|| did);
                }
            }
            3 | 4 => self.weather(),
            5 => {
                let by = match self.chance.below(8) {
                    0 => DAY_AND_MORE,
                    1..=3 => Duration::from_secs(self.chance.below(4 * 3600)),
                    _ => Duration::from_secs(self.chance.below(600)),
                };
                self.tell(|| format!("{by:?} pass"));
                self.deployment.jump(by);
            }
            _ => {
                let mut acts = vec![self.act().await];
                if self.chance.below(10) == 0 {
                    acts.push(self.act().await);
                }
                self.operators(acts, false).await;
            }
        }
    }

    /// Mostly where production is.
    fn anywhere(&self) -> String {
        if self.chance.below(3) > 0 {
            return self.judge.primary().to_owned();
        }
        self.any_site()
    }

    fn any_site(&self) -> String {
        let sites: Vec<&String> = self.deployment.sites.keys().collect();
        let at = usize::try_from(self.chance.below(sites.len() as u64)).unwrap_or(0);
        sites[at].clone()
    }

    /// A region goes down or comes back.
    fn weather(&mut self) {
        let site = self.any_site();
        let outage = match self.chance.below(11) {
            0 | 1 => Outage::dark(),
            2 => Outage::cut_off(Appearance::Refused),
            3 => Outage::cut_off(Appearance::BlackHole),
            4 => Outage::cut_off(Appearance::Unavailable { after_ms: 5_000 }),
            5 => Outage::cut_off(Appearance::ReadsOnly),
            6 => Outage::cut_off(Appearance::LoginPage),
            7 => Outage::cut_off(Appearance::HalfTheApis),
            _ => {
                self.tell(|| format!("{site} is back"));
                return self.deployment.restore(&site);
            }
        };
        self.tell(|| format!("{site} is down: {outage:?}"));
        self.deployment.lose(&site, outage);
    }

    /// What an operator could wish now. A run that is open is mostly gone on with.
    async fn act(&self) -> Act {
        let house = self.calm_process("look").open(&self.deployment, &self.chronicle).await;
        let open = open_runs(&house).await.into_iter().next();
        if let Some((run, waits)) = open
            && self.chance.below(2) == 0
        {
            return if waits { Act::Approve(run) } else { Act::Resume(run) };
        }
        let runbook = match self.chance.below(20) {
            0..=6 => return Act::Sync,
            7 | 8 => return Act::Acknowledge,
            9 | 10 => "switchover",
            11..=13 => "forced_failover",
            14 | 15 => "failback",
            16 | 17 => "abort",
            18 => "rollback",
            _ => ["commit", "promote_for_good"][usize::from(self.chance.below(3) == 0)],
        };
        let to = (self.deployment.sites.len() > 2).then(|| self.any_site());
        Act::Move { runbook, to, incomplete_too: self.chance.below(2) == 0 }
    }

    fn calm_process(&self, name: &str) -> Process {
        Process { name: name.to_owned(), keeper: Keeper::counting(), clock: self.deployment.clock.clone() }
    }

    /// Operators act, two at once if there are two; people go on meanwhile, unless it is calm.
    async fn operators(&mut self, acts: Vec<Act>, is_calm: bool) -> Vec<Came> {
        let before = survey(&self.deployment);
        self.judge.before(&self.deployment, &before, &acts);
        self.chronicle.settle(&before);
        let mut processes = Vec::new();
        for act in &acts {
            self.processes += 1;
            let (keeper, _) = keeper(&self.chance, is_calm);
            let mut process =
                Process { keeper, ..self.calm_process(&format!("operator-{}", self.processes)) };
            if !is_calm && self.chance.below(4) == 0 {
                process.clock = self.other_clock();
            }
            self.tell(|| format!("{} begins: {act:?}", process.name));
            processes.push((process.name.clone(), process));
        }
        let deeds = if is_calm { 0 } else { self.chance.below(12).saturating_sub(8) };
        let meddling = async {
            let mut did = Vec::new();
            for _ in 0..deeds {
                self.deployment.clock.sleep(Duration::from_millis(self.chance.below(40_000))).await;
                did.push(self.people.act(self.deployment.site(&self.anywhere())));
            }
            did
        };
        let performing = processes.into_iter().zip(&acts).map(async |((name, process), act)| {
            let house = process.open(&self.deployment, &self.chronicle).await;
            (name, act.clone(), perform(&house, act).await)
        });
        let (all, did) = tokio::join!(futures::future::join_all(performing), meddling);
        for did in &did {
            self.tell(|| format!("meanwhile: {did}"));
        }
        for (name, act, came) in &all {
            self.tell(|| format!("{name}: {act:?}: {}", came.words()));
        }
        let (writes, woken, rows) = self.chronicle.turn().await;
        let held: Vec<Held> = rows.iter().filter(|held| held.row.starts_with("lease ")).cloned().collect();
        let after = survey(&self.deployment);
        let house = self.calm_process("look").open(&self.deployment, &self.chronicle).await;
        let episode = Episode {
            acts: &all,
            before: &before,
            after: &after,
            writes: &writes,
            woken: &woken,
            held: &held,
            rows: &rows,
            is_meddled: deeds > 0,
            is_run_open: !open_runs(&house).await.is_empty(),
        };
        let known = self.judge.broken().len();
        self.judge.after(&self.deployment, &episode);
        for broken in &self.judge.broken()[known..] {
            self.tell(|| format!("BROKEN: {broken}"));
        }
        all.into_iter().map(|(_, _, came)| came).collect()
    }

    /// A machine whose date is off by up to two minutes, and whose clock runs at nearly the same rate.
    fn other_clock(&self) -> Clock {
        let off = i64::try_from(self.chance.below(240)).unwrap_or(0) - 120;
        let now = self.deployment.clock.now();
        let date = now.checked_add(jiff::SignedDuration::from_secs(off)).unwrap_or(now);
        let drift = i32::try_from(self.chance.below(400)).unwrap_or(0) - 200;
        Clock::drifting(date, drift)
    }

    /// All that is bad ends; what is open is gone on with or aborted, what waits is answered, and production comes home.
    async fn heal(&mut self) {
        for site in self.deployment.sites.keys() {
            self.deployment.restore(site);
        }
        self.tell(|| "everything heals".to_owned());
        self.deployment.jump(Duration::from_secs(1200));
        let mut has_come_home = false;
        for attempt in 0..ENOUGH {
            if let Some(act) = self.what_is_open(attempt).await {
                self.operators(vec![act], true).await;
                continue;
            }
            let came = self.operators(vec![Act::Sync], true).await;
            let Some(report) = came.first().and_then(|came| came.synced.as_ref()) else { continue };
            let waits = report.fences.iter().any(|fence| fence.waits());
            let writes: usize = report.legs.iter().map(|leg| leg.writes).sum();
            if waits {
                self.operators(vec![Act::Acknowledge], true).await;
            } else if report.is_complete() && self.judge.primary() != "east" && !has_come_home {
                let home = Some("east".to_owned());
                let act = Act::Move { runbook: "failback", to: home, incomplete_too: false };
                let came = self.operators(vec![act], true).await;
                has_come_home = came.iter().any(|came| came.moved.is_some());
            } else if report.is_complete() && writes == 0 && attempt > 2 {
                return self.end().await;
            } else {
                self.deployment.jump(DAY_AND_MORE);
            }
        }
        self.judge.accuse("it does not come to rest, although all is well".to_owned());
    }

    async fn what_is_open(&self, attempt: usize) -> Option<Act> {
        let house = self.calm_process("look").open(&self.deployment, &self.chronicle).await;
        let open = open_runs(&house).await;
        // Of several, one after the other: which of them can go on is in what the others say.
        let (run, waits) = open.get(attempt % open.len().max(1))?.clone();
        Some(match waits {
            true => Act::Approve(run),
            false if attempt % 3 == 2 => Act::Move { runbook: "abort", to: None, incomplete_too: false },
            false => Act::Resume(run),
        })
    }

    async fn end(&mut self) {
        let audit = self.deployment.store.verify_audit().await.expect("the audit");
        self.judge.end(&survey(&self.deployment), audit.broken.is_none());
        if self.judge.primary() != "east" {
            self.judge.accuse("production did not come home, although all is well".to_owned());
        }
        let seed = self.seed;
        self.tell(|| format!("the end of {seed}"));
    }
}

fn survey(deployment: &Deployment) -> Surveys {
    deployment.sites.iter().map(|(name, site)| (name.clone(), Survey::of(site))).collect()
}
