//! What random histories have taught, each told in its shortest form.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use twinlake_base::Gate;
use twinlake_simulator::Settings;
use twinlake_tests::{Fleet, Keeper};

const DAY_AND_MORE: Duration = Duration::from_secs(25 * 3600);

fn calls(job: i64) -> Value {
    json!([{"task_key": "call", "run_job_task": {"job_id": job}}])
}

#[tokio::test(start_paused = true)]
async fn jobs_that_run_each_other_or_themselves_are_deleted_like_any_other() {
    let fleet = Fleet::new(1).await;
    let east = fleet.east();
    let jobs: Vec<i64> =
        (0..3).map(|number| east.create_job(json!({"name": format!("job {number}")}))).collect();
    for (job, called) in [(jobs[0], jobs[1]), (jobs[1], jobs[0]), (jobs[2], jobs[2])] {
        let settings = json!({"tasks": calls(called)});
        east.post("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": settings}));
    }
    fleet.sync().await;
    for job in jobs {
        east.post("/api/2.2/jobs/delete", json!({"job_id": job}));
    }
    fleet.sync().await;
    fleet.jump(DAY_AND_MORE);
    fleet.sync().await;
    assert!(fleet.west().jobs().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_be_edited_yet_is_put_to_sleep_all_the_same() {
    let fleet = Fleet::with(1, Settings { cluster_start_seconds: 3600, ..Settings::default() }).await;
    let (east, west) = (fleet.east(), fleet.west());
    let spec = json!({"cluster_name": "adhoc", "spark_version": "15.4.x-scala2.12", "num_workers": 1,
                      "node_type_id": "i3.xlarge"});
    let original = east.post("/api/2.1/clusters/create", spec.clone());
    fleet.sync().await;
    fleet.jump(Duration::from_secs(60));
    let copy = west.list("/api/2.1/clusters/list", "clusters")[0]["cluster_id"].clone();
    west.post("/api/2.1/clusters/start", json!({"cluster_id": copy}));
    fleet.jump(Duration::from_secs(7200));
    east.post("/api/2.1/clusters/delete", json!({"cluster_id": original["cluster_id"]}));
    west.post("/api/2.1/clusters/restart", json!({"cluster_id": copy}));
    fleet.jump(Duration::from_secs(60));
    let mut edited = spec;
    edited["num_workers"] = json!(5);
    edited["cluster_id"] = original["cluster_id"].clone();
    east.post("/api/2.1/clusters/edit", edited);

    fleet.sync().await;
    west.estate().assert_asleep();
    fleet.jump(Duration::from_secs(600));
    fleet.sync().await;
    east.estate().assert_equals(&west.estate(), ("east", "west"));
    west.estate().assert_asleep();
}

#[tokio::test(start_paused = true)]
async fn what_refers_to_a_copy_that_was_made_again_follows_it_wherever_the_process_stopped() {
    for crash_at in 1..400 {
        let mut fleet = Fleet::new(1).await;
        let east = fleet.east();
        let pool = east.post(
            "/api/2.0/instance-pools/create",
            json!({"instance_pool_name": "shared", "node_type_id": "i3.xlarge", "max_capacity": 10}),
        );
        east.post(
            "/api/2.1/clusters/create",
            json!({"cluster_name": "adhoc", "spark_version": "15.4.x-scala2.12", "num_workers": 1,
                   "instance_pool_id": pool["instance_pool_id"]}),
        );
        fleet.jump(Duration::from_secs(60));
        fleet.sync().await;
        let west = fleet.west();
        let copy = west.list("/api/2.0/instance-pools/list", "instance_pools")[0].clone();
        west.post("/api/2.0/instance-pools/delete", json!({"instance_pool_id": copy["instance_pool_id"]}));

        let keeper = Arc::new(Keeper::crashing_at(crash_at));
        fleet.restart_behind(&Gate::kept_by(keeper));
        let is_whole = fleet.try_sync().await.is_ok();
        fleet.restart();
        fleet.sync().await;
        fleet.east().estate().assert_equals(&fleet.west().estate(), ("east", "west"));
        if is_whole {
            return;
        }
    }
    panic!("no sync came to its end");
}
