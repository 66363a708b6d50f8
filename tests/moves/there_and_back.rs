//! A switchover and a failback, a forced failover and the return of the old primary.

use std::time::Duration;

use serde_json::{Value, json};
use twinlake_controller::{Ended, acknowledge, divergences};
use twinlake_model::Tail;
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, Site};

use crate::stories::house::furnish;

/// What decides whether jobs and pools run, by name.
pub(super) fn waking(site: &Site) -> Vec<Value> {
    let mut waking: Vec<Value> = site
        .jobs()
        .into_iter()
        .map(|job| {
            json!({
                "name": job["name"], "runs": job["max_concurrent_runs"], "queue": job["queue"]["enabled"],
                "schedule": job.pointer("/schedule/pause_status"),
            })
        })
        .collect();
    let pools = site.list("/api/2.0/instance-pools/list", "instance_pools");
    waking.extend(pools.into_iter().map(|pool| {
        json!({ "name": pool["instance_pool_name"], "idle": pool["min_idle_instances"], "most": pool["max_capacity"] })
    }));
    waking.sort_by_cached_key(Value::to_string);
    waking
}

#[tokio::test(start_paused = true)]
async fn production_moves_without_loss_and_comes_home_as_it_was() {
    let deployment = Deployment::new(1).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish(east);
    let paused = east.create_job(json!({ "name": "critical-paused", "schedule": {
        "quartz_cron_expression": "0 0 4 * * ?", "timezone_id": "UTC", "pause_status": "PAUSED" } }));
    let before = waking(east);
    assert!(deployment.sync().await.is_complete());

    let moved = deployment.run("switchover").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    assert_eq!(waking(west), before);
    east.estate().assert_asleep();
    assert_eq!(east.job(paused)["schedule"]["pause_status"], "PAUSED");

    west.create_job(json!({ "name": "made in the west" }));
    deployment.jump(Duration::from_secs(2 * 3600));
    assert!(deployment.sync().await.is_complete());
    let moved = deployment.run("failback").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    let mut expected = before;
    expected.push(json!({ "name": "made in the west", "runs": 1, "queue": null, "schedule": null }));
    expected.sort_by_cached_key(Value::to_string);
    assert_eq!(waking(east), expected);
    west.estate().assert_asleep();
}

#[tokio::test(start_paused = true)]
async fn a_lost_primary_is_given_up_fenced_when_it_is_back_and_written_only_once_its_tail_is_acknowledged() {
    let deployment = Deployment::new(2).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish(east);
    let before = waking(east);
    assert!(deployment.sync().await.is_complete());
    let unseen = east.create_job(json!({ "name": "made unseen", "schedule": {
        "quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC" } }));
    deployment.lose("east", Outage::cut_off(Appearance::BlackHole));

    let moved = deployment.run("forced_failover").await;
    println!("{}", moved.report.as_ref().unwrap().text());
    assert_eq!(moved.ended, Ended::Incomplete, "{:#?}", moved.report);
    assert_eq!(waking(west), before);
    let report = deployment.sync().await;
    assert!(!report.is_complete() && !report.fences[0].is_fenced(), "{:#?}", report.fences);

    deployment.restore("east");
    let report = deployment.sync().await;
    assert!(report.fences[0].is_fenced(), "{:#?}", report.fences);
    assert!(report.legs.is_empty(), "nothing is written over the tail: {:#?}", report.legs);
    east.estate().assert_asleep();
    let house = deployment.open().await;
    let tails = divergences(&house, "retail").await.unwrap();
    let Tail::Quarantined { divergence, .. } = &tails[0].tail else { panic!("{tails:#?}") };
    let made: Vec<&str> = tails[0].divergence.assets.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(made, ["made unseen"]);
    acknowledge(&house, "retail", &divergence.to_string(), "anna").await.unwrap();
    drop(house);

    let report = deployment.sync().await;
    assert!(report.is_complete(), "{report:#?}");
    assert_eq!(
        east.job(unseen)["name"],
        "made unseen",
        "what never was in the west is not deleted in the east"
    );
    let moved = deployment.run_as_wished(twinlake_controller::Wish {
        runbook: "failback".to_owned(),
        acknowledged: [twinlake_model::safety::Rule::Settle].into(),
        ..Default::default()
    });
    let moved = moved.await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
}
