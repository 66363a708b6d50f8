//! Cycles in virtual time: how many requests they send, and how long they take.
//!
//! The simulator enforces the very table that the client believes in, or a part of it, and answers each request after
//! a latency. Waiting costs nothing, so that hours pass in seconds; the time of our own processor counts as none.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::json;
use twinlake_databricks::{Counts, Limits};
use twinlake_simulator::{Limit, Limits as ServiceLimits, Seed, Settings};
use twinlake_sync::Tally;
use twinlake_tests::Fleet;

use crate::floor::{End, Forced, Listing, Slowest, our_share};
use crate::holdings::Holdings;

/// How long one request takes, there and back.
pub(crate) const LATENCY_MS: u64 = 20;

/// What is rehearsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rehearsal {
    /// How many assets there are, about.
    pub(crate) assets: usize,
    /// Which estate.
    pub(crate) seed: u64,
    /// The true limits, as a part of those that we believe in.
    pub(crate) true_part: f64,
}

/// One cycle, measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// What happened in it.
    pub(crate) case: &'static str,
    /// How many assets the source has.
    pub(crate) assets: usize,
    /// The true limits, as a part of those that we believe in.
    pub(crate) true_part: f64,
    /// How many changes it made.
    pub(crate) changes: usize,
    /// Requests sent, at both ends.
    pub(crate) requests: u64,
    /// The fewest that it can do with.
    pub(crate) forced: usize,
    /// Requests that were refused because there were too many.
    pub(crate) refused: u64,
    /// How long it took, in simulated seconds.
    pub(crate) seconds: f64,
    /// The slowest budget at our share of its true limit.
    pub(crate) floor: Slowest,
    /// The slowest budget at our share of what we believe, or the whole true limit where that is less: no client with
    /// our beliefs and our share can be faster.
    pub(crate) attainable: Slowest,
    /// How many assets ended in each verdict.
    pub(crate) verdicts: Tally,
}

impl Measured {
    /// Requests ÷ forced minimum.
    pub(crate) fn request_ratio(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
        let ratio = self.requests as f64 / self.forced as f64;
        ratio
    }

    /// Time ÷ floor.
    pub(crate) fn time_ratio(&self) -> f64 {
        self.seconds / self.floor.seconds
    }

    /// Time ÷ what is attainable.
    pub(crate) fn attainable_ratio(&self) -> f64 {
        self.seconds / self.attainable.seconds
    }
}

/// Runs a future under a paused clock.
pub(crate) fn in_virtual_time<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(work)
}

impl Rehearsal {
    /// The first sync; the second, which reads again what was so young when it was read back that its date proved nothing;
    /// a quiet one; and two in which little changed.
    pub(crate) async fn all(self) -> anyhow::Result<Vec<Measured>> {
        let mut stage = self.stage().await?;
        let mut measured = vec![stage.first().await];
        measured.push(stage.quiet("second").await);
        measured.push(stage.quiet("quiet").await);
        if self.true_part >= 1.0 {
            measured.push(stage.one_notebook().await);
            measured.push(stage.one_job().await);
        }
        Ok(measured)
    }

    async fn stage(self) -> anyhow::Result<Stage> {
        let believed = Limits::shipped()?;
        let settings = Settings {
            latency_ms: LATENCY_MS,
            limits: as_enforced(&believed.scaled(self.true_part)),
            ..Settings::default()
        };
        let fleet = Fleet::with(self.seed, settings).await;
        fleet.simulator.seed(&fleet.east().name, Seed { size: self.assets, seed: self.seed })?;
        for person in Holdings::of(fleet.east()).people() {
            fleet.simulator.add_user(&fleet.west().name, person)?;
        }
        // What was just written has no settled date yet; estates are older than that.
        fleet.jump(Duration::from_secs(3600));
        Ok(Stage { fleet, believed, rehearsal: self })
    }
}

/// The table of limits as the simulator enforces it.
pub(crate) fn as_enforced(limits: &Limits) -> ServiceLimits {
    let families = limits.rows().iter().map(|row| Limit {
        family: row.family.clone(),
        paths: row.covers.iter().map(|route| route.to_string().trim_start_matches("* ").to_owned()).collect(),
        per_second: row.per_second,
    });
    ServiceLimits { families: families.collect(), retry_after: true }
}

/// Two sites, and what is measured between them.
struct Stage {
    fleet: Fleet,
    believed: Limits,
    rehearsal: Rehearsal,
}

impl Stage {
    async fn first(&mut self) -> Measured {
        let (east, before) = (self.east(), self.west());
        let cycle = self.cycle("first").await;
        let forced = Forced::new(&self.believed)
            .listing(End::Source, &east, Listing::All)
            .listing(End::Target, &before, Listing::All)
            .listing(End::Target, &self.west(), Listing::All)
            .copies(&east, &before);
        self.measured(cycle, &forced)
    }

    async fn quiet(&mut self, case: &'static str) -> Measured {
        self.fleet.jump(Duration::from_secs(3600));
        let cycle = self.cycle(case).await;
        self.measured(cycle, &self.both_lists())
    }

    async fn one_notebook(&mut self) -> Measured {
        let path = self.east().notebooks.into_iter().next().unwrap_or_default();
        self.fleet.east().write_notebook(&path, "print('changed')");
        self.fleet.jump(Duration::from_secs(3600));
        let cycle = self.cycle("one notebook").await;
        let forced = self
            .both_lists()
            .listing(End::Target, &self.west(), Listing::Tree)
            .one(End::Source, &Method::GET, "/api/2.0/workspace/export")
            .one(End::Target, &Method::POST, "/api/2.0/workspace/import");
        self.measured(cycle, &forced)
    }

    async fn one_job(&mut self) -> Measured {
        let id = self.east().jobs.first().copied().unwrap_or_default();
        let change = json!({ "job_id": id, "new_settings": { "timeout_seconds": 4_321 } });
        self.fleet.east().post("/api/2.2/jobs/update", change);
        self.fleet.jump(Duration::from_secs(3600));
        let cycle = self.cycle("one job").await;
        let forced = self.both_lists().listing(End::Target, &self.west(), Listing::Jobs).one(
            End::Target,
            &Method::POST,
            "/api/2.2/jobs/reset",
        );
        self.measured(cycle, &forced)
    }

    fn east(&self) -> Holdings {
        Holdings::of(self.fleet.east())
    }

    fn west(&self) -> Holdings {
        Holdings::of(self.fleet.west())
    }

    fn both_lists(&self) -> Forced<'_> {
        Forced::new(&self.believed).listing(End::Source, &self.east(), Listing::All).listing(
            End::Target,
            &self.west(),
            Listing::All,
        )
    }

    fn counts(&self) -> Counts {
        self.fleet.east().client.counts() + self.fleet.west().client.counts()
    }

    async fn cycle(&self, case: &'static str) -> Cycle {
        let (before, started) = (self.counts(), self.fleet.clock.instant());
        let report = self.fleet.sync().await;
        let after = self.counts();
        Cycle {
            case,
            changes: report.changes,
            verdicts: report.tally(),
            requests: after.requests - before.requests,
            refused: after.refused - before.refused,
            seconds: (self.fleet.clock.instant() - started).as_secs_f64(),
        }
    }

    fn measured(&self, cycle: Cycle, forced: &Forced<'_>) -> Measured {
        let truth = self.believed.scaled(self.rehearsal.true_part);
        let all = |family: &str| {
            let row = truth.rows().iter().find(|row| row.family == family);
            row.map_or(f64::INFINITY, |row| row.per_second)
        };
        let none =
            || Slowest { end: End::Source, family: "none".to_owned(), requests: 0, seconds: f64::INFINITY };
        let floor = forced.slowest(|end, family| our_share(&truth, end, family));
        let attainable =
            forced.slowest(|end, family| our_share(&self.believed, end, family).min(all(family)));
        Measured {
            case: cycle.case,
            assets: self.east().assets(),
            true_part: self.rehearsal.true_part,
            changes: cycle.changes,
            requests: cycle.requests,
            forced: forced.total(),
            refused: cycle.refused,
            seconds: cycle.seconds,
            floor: floor.unwrap_or_else(none),
            attainable: attainable.unwrap_or_else(none),
            verdicts: cycle.verdicts,
        }
    }
}

/// What one cycle came to.
struct Cycle {
    case: &'static str,
    changes: usize,
    verdicts: Tally,
    requests: u64,
    refused: u64,
    seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_estate_costs_no_more_requests_than_it_must_and_none_is_refused() {
        let rehearsal = Rehearsal { assets: 400, seed: 1, true_part: 1.0 };
        let all = in_virtual_time(rehearsal.all()).unwrap();
        let cases: Vec<&str> = all.iter().map(|one| one.case).collect();
        assert_eq!(cases, ["first", "second", "quiet", "one notebook", "one job"]);
        for one in &all {
            let complete: usize =
                ["in-sync", "partial"].iter().filter_map(|word| one.verdicts.get(word)).sum();
            assert_eq!(complete, one.verdicts.values().sum::<usize>(), "{one:#?}");
            assert_eq!(one.refused, 0, "{one:#?}");
            // Two seconds' worth of imports may be too young to be known by their dates.
            let again = if one.case == "second" { 60.0 } else { 0.0 };
            #[expect(clippy::cast_precision_loss, reason = "a few hundred requests")]
            let (sent, forced) = (one.requests as f64, one.forced as f64);
            assert!(sent <= forced * 1.05 + again, "{sent} ÷ {forced}: {one:#?}");
        }
    }
}
