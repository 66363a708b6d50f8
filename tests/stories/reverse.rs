//! Production has moved to the standby, and what is edited there goes home: edits, and not documents (P9); deletions only
//! where they are known to be some (P8).

use serde_json::{Value, json};
use twinlake_databricks::Unguarded;
use twinlake_model::{MappingTable, Role, Row, RunId, StringRow};
use twinlake_simulator::{Fault, FaultAct};
use twinlake_sync::{Approval, Report, Route, Silent, Sync};
use twinlake_tests::{Fleet, Site};

use super::house::{
    DAY, HOUR, assert_everything_is_told_once, create_cluster, create_policy, create_pool, delete_job,
    delete_path, deletions, fleet, furnish, job_with_notebook, notable, outcome, reset_job, verdict,
};

async fn run(fleet: &Fleet, route: Route, name: &str) -> Report {
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), route, std::sync::Arc::new(Silent));
    let report = sync.run(&RunId::new(name), &Unguarded, Approval::Routine).await.unwrap();
    assert_everything_is_told_once(&report);
    report
}

/// Keeps `to` in step with `from`.
async fn keep(fleet: &Fleet, from: &Site, to: &Site) -> Report {
    run(fleet, fleet.route(from, to), &format!("keep-{}-{}", from.name, to.name)).await
}

/// Moves production: `to` wakes as `from` was last seen, and `from` is put to sleep as it stands.
async fn fail_over(fleet: &Fleet, from: &Site, to: &Site) {
    let mut promote = fleet.route(from, to);
    promote.role = Role::Primary;
    promote.kept = fleet.store.latest_snapshot(&from.place).await.unwrap();
    run(fleet, promote, "promote").await;
    run(fleet, fleet.route(from, from), "fence").await;
    from.estate().assert_asleep();
}

fn row<const N: usize>(words: [(&str, &str); N]) -> Row {
    Row(words.into_iter().map(|(site, word)| (site.into(), word.to_owned())).collect())
}

/// Two node types and two words that become one each at the other sites.
fn map_many_to_one(fleet: &mut Fleet) {
    let types = ["i3.xlarge", "i3.2xlarge"];
    let types = types.map(|east| row([("east", east), ("west", "i4i.xlarge"), ("north", "r5.xlarge")]));
    fleet.mappings.tables.insert(MappingTable::NodeTypes, types.to_vec());
    for word in ["us-east-1a", "us-east-1b"] {
        let row = row([("east", word), ("west", "us-west-2"), ("north", "eu-north-1")]);
        fleet.mappings.strings.push(StringRow { row, within: vec!["spark_conf".to_owned()] });
    }
}

fn cluster(site: &Site, name: &str) -> Value {
    let rows = site.list("/api/2.1/clusters/list?page_size=100", "clusters");
    let row = rows.iter().find(|row| row["cluster_name"] == name).unwrap();
    site.get(&format!("/api/2.1/clusters/get?cluster_id={}", row["cluster_id"].as_str().unwrap()))["spec"]
        .clone()
}

/// Edits a cluster as a person does: what it is asked for, with some fields otherwise.
fn edit_cluster(site: &Site, name: &str, fields: &[(&str, Value)]) {
    let rows = site.list("/api/2.1/clusters/list?page_size=100", "clusters");
    let id = rows.iter().find(|row| row["cluster_name"] == name).unwrap()["cluster_id"].clone();
    let mut spec = cluster(site, name);
    for (field, value) in fields {
        spec[*field] = value.clone();
    }
    spec["cluster_id"] = id;
    site.post("/api/2.1/clusters/edit", spec);
}

fn settings(site: &Site, name: &str) -> (i64, Value) {
    let mut job = site.jobs_named(name)[0].clone();
    let id = job.as_object_mut().unwrap().remove("job_id").unwrap();
    (id.as_i64().unwrap(), job)
}

/// Furniture, and three clusters whose words become one at the standby.
fn furnish_many_to_one(site: &Site) {
    furnish(site);
    for (name, node, zone) in [
        ("small", "i3.xlarge", "us-east-1a"),
        ("large", "i3.2xlarge", "us-east-1b"),
        ("edited", "i3.2xlarge", "us-east-1b"),
    ] {
        create_cluster(
            site,
            name,
            json!({ "node_type_id": node, "spark_conf": { "zone": zone, "plain": "x" } }),
        );
    }
    create_pool(site, "large-pool", json!({ "node_type_id": "i3.2xlarge", "max_capacity": 4 }));
    create_policy(site, "fixed", r#"{"node_type_id": {"type": "fixed", "value": "i3.2xlarge"}}"#);
    let mut job = job_with_notebook("on its own cluster", "relative/path");
    job["tasks"][0]["new_cluster"] =
        json!({ "spark_version": "15.4.x-scala2.12", "node_type_id": "i3.2xlarge", "num_workers": 1 });
    site.create_job(job);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_edited_is_at_home_what_it_was_and_edits_arrive_in_the_words_of_home() {
    let mut fleet = fleet(701).await;
    map_many_to_one(&mut fleet);
    let (east, west) = (fleet.east(), fleet.west());
    furnish_many_to_one(east);
    fleet.sync().await;
    let before = east.estate();
    fail_over(&fleet, east, west).await;
    fleet.jump(HOUR);

    // Nothing was edited: nothing is written.
    let quiet = keep(&fleet, west, east).await;
    assert_eq!(quiet.writes, 0, "{:#?}", notable(&quiet));
    east.estate().assert_equals(&before, ("after", "before"));

    edit_cluster(
        west,
        "edited",
        &[("num_workers", json!(7)), ("spark_conf", json!({ "zone": "us-west-2", "plain": "y" }))],
    );
    let (id, mut job) = settings(west, "on its own cluster");
    job["description"] = json!("edited");
    reset_job(west, id, job);
    west.write_notebook("/Shared/etl/load", "print('edited')");
    let report = keep(&fleet, west, east).await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(report.tally().get("drifted"), None, "{:#?}", notable(&report));
    let edited = cluster(east, "edited");
    assert_eq!(
        (&edited["num_workers"], &edited["spark_conf"]),
        (&json!(7), &json!({ "zone": "us-east-1b", "plain": "y" }))
    );
    assert_eq!(edited["node_type_id"], "i3.2xlarge");
    let (_, job) = settings(east, "on its own cluster");
    assert_eq!(
        (&job["description"], &job["tasks"][0]["new_cluster"]["node_type_id"]),
        (&json!("edited"), &json!("i3.2xlarge"))
    );
    let is_edited = |kind: &str, document: &Value| match kind {
        "cluster" => document["cluster_name"] == "edited",
        "job" => document["name"] == "on its own cluster",
        "notebook" => document["path"] == "/Shared/etl/load",
        _ => false,
    };
    east.estate().without(is_edited).assert_equals(&before.without(is_edited), ("after", "before"));
    east.estate().assert_asleep();
    assert_eq!(keep(&fleet, west, east).await.writes, 0);

    // And production comes home, and goes on being kept.
    let there = west.estate();
    fail_over(&fleet, west, east).await;
    let out = fleet.sync().await;
    assert_eq!((out.writes, out.tally().get("drifted")), (0, None), "{:#?}", notable(&out));
    west.estate().assert_equals(&there, ("after", "before"));
    edit_cluster(east, "edited", &[("num_workers", json!(3))]);
    let out = fleet.sync().await;
    assert_eq!((out.writes, out.tally().get("drifted")), (1, None), "{:#?}", notable(&out));
    assert_eq!(cluster(west, "edited")["spark_conf"], json!({ "zone": "us-west-2", "plain": "y" }));
}

#[tokio::test(start_paused = true)]
async fn what_the_standby_never_had_is_never_deleted_at_home() {
    let mut fleet = fleet(702).await;
    fleet.guards.deletion_grace = HOUR;
    let (east, west) = (fleet.east(), fleet.west());
    furnish(east);
    let mut pipeline = job_with_notebook("unmapped", "relative/path");
    pipeline["tasks"][0] = json!({ "task_key": "main", "pipeline_task": { "pipeline_id": "abc-1" } });
    east.create_job(pipeline);
    east.create_job(json!({ "name": "calls it", "tasks": [] }));
    // Its copy is lost and cannot be made again before production moves.
    create_policy(east, "lost", "{}");
    fleet.sync().await;
    create_policy(east, "refused", "{}");
    let lost = west.list("/api/2.0/policies/clusters/list", "policies");
    let lost = lost.iter().find(|policy| policy["name"] == "lost").unwrap()["policy_id"].clone();
    west.post("/api/2.0/policies/clusters/delete", json!({ "policy_id": lost }));
    let refusal = FaultAct::Answer {
        status: 400,
        body: json!({ "error_code": "INVALID", "message": "no" }),
        headers: [].into(),
    };
    west.add_fault(Fault::new(refusal).path("/api/2.0/policies/clusters/create"));
    let report = fleet.sync().await;
    for name in ["lost", "refused"] {
        assert!(verdict(&report, "cluster_policy", name).starts_with("failed("), "{:#?}", notable(&report));
    }
    let before = east.estate();
    fail_over(&fleet, east, west).await;
    let effects = fleet.effect_count();
    for _ in 0..4 {
        let report = keep(&fleet, west, east).await;
        assert_eq!(report.held, None);
        assert!(
            outcome(&report, "job", "unmapped").verdict.to_string().starts_with("unmanaged"),
            "{:#?}",
            notable(&report)
        );
        fleet.jump(DAY);
    }
    assert_eq!(deletions(east, effects), Vec::<String>::new());
    east.estate().assert_equals(&before, ("after", "before"));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_at_the_new_primary_goes_home_after_its_grace_and_is_forgotten_then() {
    let mut fleet = fleet(703).await;
    fleet.guards.deletion_grace = DAY;
    let (east, west) = (fleet.east(), fleet.west());
    furnish(east);
    east.create_job(job_with_notebook("doomed", "relative/path"));
    fleet.sync().await;
    fail_over(&fleet, east, west).await;
    delete_job(west, west.jobs_named("doomed")[0]["job_id"].as_i64().unwrap());
    delete_path(west, "/Shared/lib/helper.py");
    let report = keep(&fleet, west, east).await;
    assert!(
        verdict(&report, "job", "doomed").starts_with("lagging(gone at west since"),
        "{:#?}",
        notable(&report)
    );
    assert_eq!(east.jobs_named("doomed").len(), 1);
    fleet.jump(DAY - HOUR);
    keep(&fleet, west, east).await;
    assert_eq!(east.jobs_named("doomed").len(), 1, "its grace has not passed");
    fleet.jump(HOUR);
    keep(&fleet, west, east).await;
    assert!(east.jobs_named("doomed").is_empty());
    assert!(
        east.try_act(&http::Method::GET, "/api/2.0/workspace/get-status?path=/Shared/lib/helper.py", None)
            .is_err()
    );
    for _ in 0..2 {
        let report = keep(&fleet, west, east).await;
        assert_eq!(report.writes, 0);
        assert!(
            report.outcomes.iter().all(|outcome| outcome.key.as_str() != "doomed"),
            "{:#?}",
            notable(&report)
        );
    }
    let requests = (east.client.counts().requests, west.client.counts().requests);
    keep(&fleet, west, east).await;
    let one = (east.client.counts().requests - requests.0, west.client.counts().requests - requests.1);
    keep(&fleet, west, east).await;
    let next = (east.client.counts().requests - requests.0, west.client.counts().requests - requests.1);
    assert_eq!(next, (2 * one.0, 2 * one.1));
    // Home again: nobody brings it back.
    fail_over(&fleet, west, east).await;
    fleet.sync().await;
    assert!(east.jobs_named("doomed").is_empty() && west.jobs_named("doomed").is_empty());
    east.estate().assert_equals(&west.estate(), ("east", "west"));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_again_at_home_under_the_same_name_is_not_what_it_was_before() {
    let fleet = fleet(704).await;
    let (east, west) = (fleet.east(), fleet.west());
    let job = east.create_job(job_with_notebook("nightly", "relative/path"));
    let pool = create_pool(east, "pool", json!({ "max_capacity": 3 }));
    let caller = east.create_job(super::house::job_that_runs("caller", &json!(job)));
    fleet.sync().await;
    fail_over(&fleet, east, west).await;
    // At the lost primary somebody deletes and makes them again, otherwise.
    delete_job(east, job);
    let remade = east.create_job(json!({ "name": "nightly", "description": "theirs", "tasks": [] }));
    east.post("/api/2.0/instance-pools/delete", json!({ "instance_pool_id": pool }));
    let theirs = create_pool(east, "pool", json!({ "max_capacity": 9 }));
    run(&fleet, fleet.route(east, east), "fence-again").await;

    let report = keep(&fleet, west, east).await;
    assert_eq!(east.job(remade)["description"], "theirs", "it is left alone");
    let jobs = east.jobs_named("nightly");
    assert_eq!(jobs.len(), 2, "{:#?}", notable(&report));
    let ours = jobs.iter().find(|job| job["job_id"] != remade).unwrap()["job_id"].clone();
    assert_eq!(east.job(caller)["tasks"][0]["run_job_task"]["job_id"], ours, "what refers to it follows it");
    let pools = east.list("/api/2.0/instance-pools/list", "instance_pools");
    assert_eq!(pools.len(), 1);
    assert_eq!((&pools[0]["instance_pool_id"], &pools[0]["max_capacity"]), (&theirs, &json!(9)));
    let diverged = report.outcomes.iter().filter(|outcome| outcome.key.as_str() == "pool");
    assert!(
        diverged.clone().any(|outcome| outcome.verdict.to_string().starts_with("diverged(")),
        "{:#?}",
        notable(&report)
    );
    let once = fleet.effect_count();
    keep(&fleet, west, east).await;
    assert!(east.effects_after(once).is_empty(), "{:#?}", east.effects_after(once));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_at_the_new_primary_goes_home_and_survives_the_next_swaps() {
    let mut fleet = fleet(705).await;
    map_many_to_one(&mut fleet);
    let (east, west) = (fleet.east(), fleet.west());
    furnish(east);
    fleet.sync().await;
    fail_over(&fleet, east, west).await;
    let mut job = job_with_notebook("born in west", "/Shared/west/load");
    job["schedule"] = json!({ "quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC" });
    job["max_concurrent_runs"] = json!(4);
    west.write_notebook("/Shared/west/load", "print('west')");
    let id = west.create_job(job);
    create_cluster(west, "born in west", json!({ "node_type_id": "i4i.xlarge" }));
    let report = keep(&fleet, west, east).await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(cluster(east, "born in west")["node_type_id"], "i3.xlarge");
    fail_over(&fleet, west, east).await;
    let (home, mut settings) = settings(east, "born in west");
    assert_eq!(
        (&settings["max_concurrent_runs"], &settings["schedule"]["pause_status"]),
        (&json!(4), &json!("UNPAUSED"))
    );
    settings["description"] = json!("edited at home");
    reset_job(east, home, settings);
    let report = fleet.sync().await;
    assert_eq!((report.writes, report.tally().get("drifted")), (1, None), "{:#?}", notable(&report));
    assert_eq!(west.job(id)["description"], "edited at home");
    fail_over(&fleet, east, west).await;
    assert_eq!(west.job(id)["max_concurrent_runs"], 4);
    keep(&fleet, west, east).await;
    for site in [east, west] {
        assert_eq!(site.jobs_named("born in west").len(), 1);
        assert_eq!(site.jobs().len(), 4);
    }
    assert_eq!(cluster(west, "born in west")["node_type_id"], "i4i.xlarge");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_standbys_is_promoted_and_keeps_the_other_one_and_home() {
    let mut fleet = fleet(706).await;
    fleet.guards.deletion_grace = HOUR;
    map_many_to_one(&mut fleet);
    let north = fleet.add_site("north", "eu-north-1");
    let (east, west) = (fleet.east(), fleet.west());
    furnish_many_to_one(east);
    keep(&fleet, east, west).await;
    keep(&fleet, east, &north).await;
    let (home, there) = (east.estate(), north.estate());
    assert_eq!(cluster(&north, "large")["node_type_id"], "r5.xlarge");
    fail_over(&fleet, east, west).await;
    let once = fleet.effect_count();
    for (to, before) in [(&north, &there), (east, &home)] {
        let report = keep(&fleet, west, to).await;
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
        assert!(to.effects_after(once).is_empty(), "{:#?}", to.effects_after(once));
        to.estate().assert_equals(before, ("after", "before"));
    }
    // An edit, something new and a deletion reach both.
    fleet.jump(HOUR);
    edit_cluster(west, "edited", &[("num_workers", json!(7))]);
    west.create_job(job_with_notebook("born in west", "relative/path"));
    delete_job(west, west.jobs_named("on its own cluster")[0]["job_id"].as_i64().unwrap());
    for _ in 0..3 {
        for to in [east, &north] {
            keep(&fleet, west, to).await;
        }
        fleet.jump(DAY);
    }
    assert_eq!(
        (&cluster(east, "edited")["node_type_id"], &cluster(east, "edited")["num_workers"]),
        (&json!("i3.2xlarge"), &json!(7))
    );
    assert_eq!(
        (&cluster(&north, "edited")["node_type_id"], &cluster(&north, "edited")["num_workers"]),
        (&json!("r5.xlarge"), &json!(7))
    );
    for site in [east, west, &north] {
        assert_eq!(site.jobs_named("born in west").len(), 1);
        assert!(site.jobs_named("on its own cluster").is_empty(), "{}", site.name);
    }
    // The other standby is promoted next, and finds everybody in step.
    let (home, there) = (east.estate(), west.estate());
    fail_over(&fleet, west, &north).await;
    let once = fleet.effect_count();
    for (to, before) in [(east, &home), (west, &there)] {
        let report = keep(&fleet, &north, to).await;
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
        assert_eq!(report.tally().get("drifted"), None);
        assert!(to.effects_after(once).is_empty(), "{}: {:#?}", to.name, to.effects_after(once));
        to.estate().assert_equals(before, ("after", "before"));
    }
}

#[tokio::test(start_paused = true)]
async fn node_types_that_become_one_at_one_standby_are_told_apart_at_the_other_one() {
    let mut fleet = fleet(707).await;
    let types = [("i3.xlarge", "r5.xlarge"), ("i3.2xlarge", "i4i.2xlarge")];
    let types = types.map(|(east, north)| row([("east", east), ("west", "i4i.xlarge"), ("north", north)]));
    fleet.mappings.tables.insert(MappingTable::NodeTypes, types.to_vec());
    let north = fleet.add_site("north", "eu-north-1");
    let (east, west) = (fleet.east(), fleet.west());
    create_cluster(east, "small", json!({ "node_type_id": "i3.xlarge" }));
    create_cluster(east, "large", json!({ "node_type_id": "i3.2xlarge" }));
    for standby in [west, &north] {
        let report = keep(&fleet, east, standby).await;
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    }
    fail_over(&fleet, east, west).await;
    fleet.jump(HOUR);
    let report = keep(&fleet, west, &north).await;
    assert_eq!(report.writes, 0, "{:#?}", notable(&report));
    edit_cluster(west, "large", &[("num_workers", json!(7))]);
    keep(&fleet, west, &north).await;
    let (small, large) = (cluster(&north, "small"), cluster(&north, "large"));
    assert_eq!(
        (&small["node_type_id"], &large["node_type_id"], &large["num_workers"]),
        (&json!("r5.xlarge"), &json!("i4i.2xlarge"), &json!(7))
    );
}

#[tokio::test(start_paused = true)]
async fn a_reverse_direction_that_is_stopped_anywhere_goes_on_and_ends_the_same() {
    let fleet = fleet(708).await;
    let (east, west) = (fleet.east(), fleet.west());
    furnish(east);
    fleet.sync().await;
    fail_over(&fleet, east, west).await;
    for number in 0..6 {
        west.create_job(job_with_notebook(&format!("new {number}"), "relative/path"));
    }
    west.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/get"));
    east.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(2));
    keep(&fleet, west, east).await;
    keep(&fleet, west, east).await;
    assert_eq!((east.jobs().len(), west.jobs().len()), (9, 9));
    east.estate().assert_equals(&west.estate(), ("east", "west"));
    east.estate().assert_asleep();
}
