//! A forced failover in virtual time: how long until the first wave works, how long in all, and how few requests the lost
//! primary is sent.
//!
//! The simulator enforces the table that the client believes in. The floor is what waking cannot do without at the
//! promoted site: its lists once before and once after, and one write for everything that wakes.

use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use twinlake_databricks::Limits;
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, ONE_GROUP, Site};

use crate::floor::{End, Forced, Listing, Slowest, our_share};
use crate::holdings::Holdings;
use crate::rehearsal::{LATENCY_MS, as_enforced};
use crate::usage::Usage;

/// What is failed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failover {
    /// Jobs, all of which have a schedule.
    pub(crate) jobs: usize,
    /// Of these, so many are the first wave.
    pub(crate) critical: usize,
    /// Warehouses, all of which run.
    pub(crate) warehouses: usize,
    /// Pools, all of which keep an instance.
    pub(crate) pools: usize,
    /// Whose ids.
    pub(crate) seed: u64,
}

/// A failover, measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Promoted {
    /// What the primary is like.
    pub(crate) case: &'static str,
    /// Everything that wakes.
    pub(crate) woken: usize,
    /// How the run ended.
    pub(crate) ended: &'static str,
    /// From the beginning of the run to the last job of the first wave awake, in simulated seconds.
    pub(crate) first_wave_seconds: f64,
    /// From its beginning to the last wave awake.
    pub(crate) awake_seconds: f64,
    /// The whole run, validated, with its report.
    pub(crate) seconds: f64,
    /// The slowest budget at our share of its limit.
    pub(crate) floor: Slowest,
    /// Requests to the promoted site.
    pub(crate) requests: usize,
    /// The fewest that it can do with.
    pub(crate) forced: usize,
    /// Requests to either site that were refused because there were too many.
    pub(crate) refused: usize,
    /// Requests to the old primary until promotion began.
    pub(crate) coarse: usize,
    /// How many it may be: one per pool, and ten.
    pub(crate) coarse_aim: usize,
    /// Processor seconds of this process, the simulated service among them.
    pub(crate) cpu_seconds: f64,
}

impl Promoted {
    /// Time of the whole run ÷ floor.
    pub(crate) fn time_ratio(&self) -> f64 {
        self.seconds / self.floor.seconds
    }
}

impl Failover {
    /// With a primary that never answers, and with one that still does.
    pub(crate) async fn all(self) -> anyhow::Result<Vec<Promoted>> {
        let black_hole = Some(Outage::cut_off(Appearance::BlackHole));
        Ok(vec![self.measure("never answers", black_hole).await?, self.measure("still answers", None).await?])
    }

    async fn measure(self, case: &'static str, outage: Option<Outage>) -> anyhow::Result<Promoted> {
        let believed = Limits::shipped()?;
        let deployment = Deployment::of(self.seed, 2, ONE_GROUP).await;
        let limits = as_enforced(&believed);
        deployment.simulator.change_settings(|settings| {
            (settings.latency_ms, settings.limits) = (LATENCY_MS, limits);
        });
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        self.furnish(east);
        anyhow::ensure!(deployment.sync().await.is_complete(), "the standby is not complete");
        deployment.jump(Duration::from_secs(3600));
        let woken = self.jobs + self.warehouses + self.pools;
        let held = Holdings::of(west);
        let forced = Forced::new(&believed)
            .listing(End::Target, &held, Listing::All)
            .listing(End::Target, &held, Listing::All)
            .some(End::Target, &Method::POST, "/api/2.2/jobs/reset", self.jobs)
            .some(End::Target, &Method::POST, "/api/2.0/sql/warehouses/*/start", self.warehouses)
            .some(End::Target, &Method::POST, "/api/2.0/instance-pools/edit", self.pools);
        if let Some(outage) = outage {
            deployment.lose("east", outage);
        }

        let (before, usage) = (deployment.traffic.count(), Usage::so_far()?);
        let moved = deployment.run("forced_failover").await;
        let cpu_seconds = Usage::so_far()?.cpu_seconds - usage.cpu_seconds;
        let sent = deployment.traffic.since(before, None);
        let report = moved.report.ok_or_else(|| anyhow::anyhow!("the run has no report"))?;
        let figure = |name: &str| {
            let found = report.figures.iter().rfind(|measured| measured.figure.name == name);
            found.map_or(f64::NAN, |measured| measured.figure.value)
        };
        let promote = report.steps.iter().find(|step| step.planned.name == "promote");
        let promoted_at = promote.and_then(|step| step.began_at);
        let is_coarse = |one: &&twinlake_tests::Sent| {
            one.host == "east.example" && promoted_at.is_some_and(|promoted_at| one.at < promoted_at)
        };
        let floor = forced.slowest(|end, family| our_share(&believed, end, family));
        Ok(Promoted {
            case,
            woken,
            ended: moved.ended.word(),
            first_wave_seconds: figure("wave_1_awake"),
            awake_seconds: figure("rto"),
            seconds: report.seconds,
            floor: floor.ok_or_else(|| anyhow::anyhow!("there is no floor"))?,
            requests: sent.iter().filter(|one| one.host == "west.example").count(),
            forced: forced.total(),
            refused: sent.iter().filter(|one| one.status == Some(429)).count(),
            coarse: sent.iter().filter(is_coarse).count(),
            coarse_aim: self.pools + 10,
            cpu_seconds,
        })
    }

    fn furnish(self, east: &Site) {
        east.write_notebook("/Shared/etl/load", "print('load')");
        let id = |answer: Value, field: &str| answer[field].clone();
        let pools: Vec<Value> = (0..self.pools)
            .map(|number| {
                let pool = json!({ "instance_pool_name": format!("pool {number}"), "node_type_id": "i3.xlarge",
                                   "min_idle_instances": 1, "max_capacity": 20 });
                id(east.post("/api/2.0/instance-pools/create", pool), "instance_pool_id")
            })
            .collect();
        let warehouses: Vec<Value> = (0..self.warehouses)
            .map(|number| {
                let warehouse = json!({ "name": format!("warehouse {number}"), "cluster_size": "Small",
                                        "auto_stop_mins": 0 });
                id(east.post("/api/2.0/sql/warehouses", warehouse), "id")
            })
            .collect();
        for number in 0..self.jobs {
            let mut task =
                json!({ "task_key": "main", "notebook_task": { "notebook_path": "/Shared/etl/load" } });
            match (pools.get(number % (self.pools + 1)), warehouses.get(number % (self.warehouses + 1))) {
                (Some(pool), _) => {
                    task["new_cluster"] = json!({ "spark_version": "15.4.x-scala2.12", "num_workers": 1,
                                                  "instance_pool_id": pool });
                }
                (None, Some(warehouse)) => task["notebook_task"]["warehouse_id"] = warehouse.clone(),
                (None, None) => {}
            }
            let prefix = if number < self.critical { "critical" } else { "job" };
            east.create_job(json!({
                "name": format!("{prefix}-{number}"), "max_concurrent_runs": 1, "tasks": [task],
                // Once a year: what is measured is the move, not what moves.
                "schedule": { "quartz_cron_expression": "0 0 4 1 1 ?", "timezone_id": "UTC" },
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::in_virtual_time;

    #[test]
    fn a_lost_primary_is_asked_little_and_waking_takes_little_more_than_it_must() {
        let failover = Failover { jobs: 400, critical: 20, warehouses: 8, pools: 5, seed: 1 };
        for one in in_virtual_time(failover.all()).unwrap() {
            assert_eq!(one.refused, 0, "{one:#?}");
            assert!(one.coarse <= one.coarse_aim, "{one:#?}");
            assert!(one.first_wave_seconds < one.awake_seconds, "{one:#?}");
            // A small estate's lists weigh more; what is published is measured at full size.
            assert!(one.awake_seconds < one.floor.seconds * 2.0 + 60.0, "{one:#?}");
        }
    }
}
