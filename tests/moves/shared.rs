//! Groups that share a workspace, a pool and a base layer: one moves, the others go on.

use serde_json::{Value, json};
use twinlake_controller::{Ended, Wish};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, Site};

use super::readings::wish;
use crate::stories::house::{HOUR, create_pool};

/// Retail and hr in one workspace, with pools and warehouses that both use.
const TWO_GROUPS: &str = r#"
estate: acme
sites:
SITES
witness: { url: "s3://acme-witness/twinlake" }
failover_groups:
  retail:
    primary: east
    standbys: [STANDBYS]
    tier: 1
    workspace_sets: [{ name: prod, assets: { include: ["jobs:retail-*"] } }]
    mappings: { node_types: [{ east: i3.xlarge, west: i4i.xlarge }] }
  hr:
    primary: east
    standbys: [STANDBYS]
    tier: 1
    workspace_sets: [{ name: prod, assets: { include: ["jobs:hr-*"] } }]
    mappings: { node_types: [{ east: i3.xlarge, west: i4i.xlarge }] }
base_layer: { include: ["instance_pools:*"] }
"#;

fn of_retail(runbook: &str) -> Wish {
    Wish { group: Some("retail".to_owned()), ..wish(runbook) }
}

fn create_job(site: &Site, name: &str, pool: &Value) -> i64 {
    site.create_job(json!({
        "name": name, "max_concurrent_runs": 2,
        "schedule": { "quartz_cron_expression": "0 0 3 1 1 ?", "timezone_id": "UTC" },
        "tasks": [{ "task_key": "a", "spark_jar_task": { "main_class_name": "a.B" }, "new_cluster": {
            "spark_version": "15.4.x-scala2.12", "num_workers": 1, "instance_pool_id": pool } }],
    }))
}

fn pool_named(site: &Site, name: &str) -> Value {
    let pools = site.list("/api/2.0/instance-pools/list", "instance_pools");
    pools.into_iter().find(|pool| pool["instance_pool_name"] == name).unwrap()
}

fn widen_pool(site: &Site, most: u64) {
    let pool = pool_named(site, "shared");
    site.post(
        "/api/2.0/instance-pools/edit",
        json!({ "instance_pool_id": pool["instance_pool_id"], "instance_pool_name": "shared",
            "node_type_id": pool["node_type_id"], "min_idle_instances": pool["min_idle_instances"], "max_capacity": most }),
    );
}

fn active(site: &Site) -> Vec<Value> {
    let runs = site.list("/api/2.2/jobs/runs/list?active_only=true", "runs");
    runs.into_iter().map(|run| run["run_name"].clone()).collect()
}

/// Both groups at work in the east, and in step.
async fn both_at_work(seed: u64) -> Deployment {
    let deployment = Deployment::of(seed, 2, TWO_GROUPS).await;
    let east = deployment.site("east");
    let pool = create_pool(east, "shared", json!({ "min_idle_instances": 1, "max_capacity": 6 }));
    let (retail, hr) = (create_job(east, "retail-load", &pool), create_job(east, "hr-pay", &pool));
    let report = deployment.sync().await;
    assert!(report.is_complete(), "{report:#?}");
    for job in [retail, hr] {
        east.post("/api/2.2/jobs/run-now", json!({ "job_id": job }));
    }
    deployment
}

#[tokio::test(start_paused = true)]
async fn moving_one_group_leaves_the_pool_and_the_runs_of_the_other_one_alone() {
    for runbook in ["switchover", "forced_failover"] {
        let deployment = both_at_work(800).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        let pool = pool_named(east, "shared");
        if runbook == "forced_failover" {
            // Half alive: who can still be written to is fenced at once.
            deployment.lose("east", Outage::cut_off(Appearance::Reachable));
        }
        let moved = deployment.run_as_wished(of_retail(runbook)).await;
        assert!(matches!(moved.ended, Ended::Complete | Ended::Incomplete), "{runbook}: {:#?}", moved.report);
        assert_eq!(pool_named(east, "shared")["max_capacity"], pool["max_capacity"], "{runbook}");
        assert_eq!(pool_named(east, "shared")["min_idle_instances"], pool["min_idle_instances"], "{runbook}");
        assert_eq!(east.jobs_named("hr-pay")[0]["schedule"]["pause_status"], "UNPAUSED", "{runbook}");
        assert_eq!(east.jobs_named("retail-load")[0]["max_concurrent_runs"], 0, "{runbook}");
        assert_eq!(west.jobs_named("retail-load")[0]["max_concurrent_runs"], 2, "{runbook}");
        assert_eq!(west.jobs_named("hr-pay")[0]["max_concurrent_runs"], 0, "{runbook}");
        // The other group's next run goes through, in the east.
        let hr = east.jobs_named("hr-pay")[0]["job_id"].clone();
        east.post("/api/2.2/jobs/run-now", json!({ "job_id": hr }));
        deployment.sync().await;
        assert!(active(east).contains(&json!("hr-pay")), "{runbook}: {:?}", active(east));
        assert!(!active(east).contains(&json!("retail-load")), "{runbook}: {:?}", active(east));
    }
}

#[tokio::test(start_paused = true)]
async fn either_of_two_groups_in_one_workspace_is_given_up_with_all_that_it_had_there() {
    for group in ["retail", "hr"] {
        let deployment = both_at_work(805).await;
        deployment.lose("east", Outage::cut_off(Appearance::Refused));
        let wish = Wish { group: Some(group.to_owned()), ..wish("forced_failover") };
        let moved = deployment.run_as_wished(wish).await;
        assert_eq!(moved.ended, Ended::Incomplete, "{group}: {:#?}", moved.report);
        let west = deployment.site("west");
        for (name, is_moved) in [("retail-load", group == "retail"), ("hr-pay", group == "hr")] {
            let runs = west.jobs_named(name)[0]["max_concurrent_runs"].clone();
            assert_eq!(runs, json!(if is_moved { 2 } else { 0 }), "{group} was given up, and {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_two_groups_share_is_written_to_no_side_where_one_of_them_is_at_work() {
    let deployment = both_at_work(810).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    deployment.jump(HOUR);
    let moved = deployment.run_as_wished(of_retail("switchover")).await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    assert_eq!(pool_named(west, "shared")["min_idle_instances"], 1, "it is awake where a group is at work");
    widen_pool(east, 9);
    widen_pool(west, 11);
    for _ in 0..2 {
        deployment.jump(HOUR);
        deployment.sync().await;
    }
    assert_eq!(pool_named(east, "shared")["max_capacity"], 9);
    assert_eq!(pool_named(west, "shared")["max_capacity"], 11);
    let job = |site: &Site, name: &str| site.jobs_named(name)[0]["max_concurrent_runs"].clone();
    assert_eq!((job(east, "retail-load"), job(east, "hr-pay")), (json!(0), json!(2)));
    assert_eq!((job(west, "retail-load"), job(west, "hr-pay")), (json!(2), json!(0)));
}
