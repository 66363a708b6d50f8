//! The main job: a standby that is empty comes into step, asleep, and stays so without a word.

use serde_json::json;
use twinlake_tests::Fleet;

/// A small estate in which everything refers to something.
fn furnish(fleet: &Fleet) {
    let east = fleet.east();
    east.write_notebook("/Shared/etl/load", "print('load')");
    east.write_notebook("/Shared/etl/deep/er/transform", "print('transform')");
    east.write_file("/Shared/lib/helper.py", b"def help(): ...\n");
    let pool = east.post(
        "/api/2.0/instance-pools/create",
        json!({"instance_pool_name": "shared-pool", "node_type_id": "i3.xlarge", "min_idle_instances": 2, "max_capacity": 10}),
    );
    let pool = pool["instance_pool_id"].as_str().unwrap().to_owned();
    let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool}}).to_string();
    let policy =
        east.post("/api/2.0/policies/clusters/create", json!({"name": "pooled", "definition": definition}));
    let cluster = east.post(
        "/api/2.1/clusters/create",
        json!({"cluster_name": "adhoc", "spark_version": "15.4.x-scala2.12", "num_workers": 1,
               "policy_id": policy["policy_id"], "instance_pool_id": pool}),
    );
    let warehouse = east.post("/api/2.0/sql/warehouses", json!({"name": "bi", "cluster_size": "Small"}));
    for number in 0..3 {
        east.create_job(json!({
            "name": "nightly",
            "max_concurrent_runs": 2,
            "queue": {"enabled": true},
            "schedule": {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC"},
            "tasks": [
                {"task_key": "load", "notebook_task": {"notebook_path": "/Shared/etl/load"},
                 "existing_cluster_id": cluster["cluster_id"], "max_retries": number},
                {"task_key": "report", "depends_on": [{"task_key": "load"}],
                 "sql_task": {"warehouse_id": warehouse["id"], "file": {"path": "/Shared/lib/helper.py"}}},
            ],
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_standby_comes_into_step_asleep_and_then_nothing_is_written() {
    let fleet = Fleet::new(1).await;
    furnish(&fleet);

    let first = fleet.sync().await;
    assert!(first.is_complete(|_| false), "{:#?}", first.outcomes);
    fleet.east().estate().assert_equals(&fleet.west().estate(), ("east", "west"));
    fleet.west().estate().assert_asleep();

    let before = fleet.effect_count();
    let second = fleet.sync().await;
    assert_eq!((second.changes, second.writes), (0, 0), "{:#?}", second.outcomes);
    assert!(fleet.west().effects_after(before).is_empty());
}
