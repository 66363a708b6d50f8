//! What runs at a place: seen whole, whoever began it, and brought to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use twinlake_assets::activities::ACTIVITIES;
use twinlake_assets::{Activity, Running};
use twinlake_databricks::Unguarded;
use twinlake_model::{IdMap, RemoteId};
use twinlake_simulator::{Caller, CallerAction, Fault, Settings};
use twinlake_tests::{Fleet, Site};

use super::house::{HOUR, create_cluster, fleet};

fn runs() -> &'static dyn Activity {
    ACTIVITIES[0]
}

async fn active(site: &Site) -> Vec<Running> {
    runs().active(&site.client.reader()).await.unwrap()
}

/// The states of what is active, by name.
async fn told(site: &Site) -> BTreeSet<String> {
    active(site).await.iter().map(|run| format!("{} {}", run.name, run.state)).collect()
}

fn job(site: &Site, name: &str) -> i64 {
    site.write_notebook("/Shared/n", "print(1)");
    site.create_job(json!({
        "name": name, "queue": {"enabled": true}, "parameters": [{"name": "day", "default": "today"}],
        "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": "/Shared/n"}}],
    }))
}

fn run_now(site: &Site, job: i64) -> RemoteId {
    let parameters = json!({"day": "2026-03-02"});
    let run = site.post("/api/2.2/jobs/run-now", json!({"job_id": job, "job_parameters": parameters}));
    RemoteId::new(run["run_id"].to_string())
}

fn submit(site: &Site, name: &str, cluster: &Value) {
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": "/Shared/n"}, "existing_cluster_id": cluster});
    site.post("/api/2.2/jobs/runs/submit", json!({"run_name": name, "tasks": [task]}));
}

/// A workspace in which every type of run is active, and one waits.
fn bustle(fleet: &Fleet) -> (i64, Value) {
    let east = fleet.east();
    let id = job(east, "nightly");
    run_now(east, id);
    run_now(east, id);
    let cluster = create_cluster(east, "c", json!({}));
    submit(east, "by airflow", &cluster);
    fleet.simulator.run_notebook("east", "ana", "/Shared/n", None).unwrap();
    (id, cluster)
}

#[tokio::test(start_paused = true)]
async fn every_type_of_run_is_seen_and_what_is_not_a_jobs_tells_by_what_it_uses_whose_it_is() {
    let fleet = fleet(940).await;
    let east = fleet.east();
    let (id, cluster) = bustle(&fleet);
    let expected = ["/Shared/n RUNNING", "by airflow RUNNING", "nightly QUEUED", "nightly RUNNING"];
    assert_eq!(told(east).await, expected.map(str::to_owned).into());
    for run in active(east).await {
        let uses: Vec<String> =
            run.uses.iter().map(|used| format!("{} {}", used.kind, used.remote)).collect();
        assert!(uses.contains(&"notebook /Shared/n".to_owned()), "{uses:?}");
        match run.name.as_str() {
            "nightly" => {
                let seen = run.seen(runs(), &east.place, &IdMap::default(), fleet.clock.now());
                assert_eq!(seen.of.unwrap().minted.as_str(), id.to_string());
                assert_eq!(seen.parameters.unwrap(), r#"{"job_parameters":{"day":"2026-03-02"}}"#);
                assert_eq!((seen.activity.as_str(), seen.ended_at), ("job_run", None));
            }
            "by airflow" => {
                assert!(uses.contains(&format!("cluster {}", cluster.as_str().unwrap())), "{uses:?}");
                assert_eq!(run.of, None);
            }
            _ => assert_eq!(run.of, None),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_runs_are_walked_to_the_end_also_over_empty_pages_and_a_page_that_fails_is_an_error() {
    let settings = Settings { empty_page_before_last: true, ..Settings::default() };
    let fleet = Fleet::with(941, settings).await;
    let east = fleet.east();
    let id = job(east, "busy");
    (0..60).for_each(|_| drop(run_now(east, id)));
    assert_eq!(active(east).await.len(), 60);
    let fault = Fault::error(500, "INTERNAL_ERROR", "no").path("/api/2.2/jobs/runs/list").after(2);
    fleet.simulator.add_fault(fault);
    runs().active(&east.client.reader()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn all_runs_of_a_job_are_cancelled_however_the_service_reads_the_request() {
    for is_narrow in [false, true] {
        let fleet =
            Fleet::with(942, Settings { cancel_all_is_narrow: is_narrow, ..Settings::default() }).await;
        let east = fleet.east();
        let (id, _) = bustle(&fleet);
        let of = RemoteId::new(id.to_string());
        let (writer, before) = (east.client.writer(), east.client.counts().requests);
        runs().cancel_of(&writer, &of, &Unguarded).await.unwrap();
        assert_eq!(east.client.counts().requests - before, 2, "whatever their number");
        fleet.jump(Duration::from_secs(10));
        let expected = ["/Shared/n RUNNING", "by airflow RUNNING"];
        assert_eq!(told(east).await, expected.map(str::to_owned).into(), "narrow: {is_narrow}");
        // Twice is once, and a job that is gone has nothing to cancel.
        runs().cancel_of(&writer, &of, &Unguarded).await.unwrap();
        runs().cancel_of(&writer, &RemoteId::new("7"), &Unguarded).await.unwrap();
        // The rest, one by one; what has ended meanwhile is fine, what never was as well.
        for run in active(east).await {
            runs().cancel(&writer, &run.id, &Unguarded).await.unwrap();
            fleet.jump(Duration::from_secs(10));
            runs().cancel(&writer, &run.id, &Unguarded).await.unwrap();
            let ended = runs().read(&east.client.reader(), &run.id).await.unwrap().unwrap();
            assert_eq!(ended.result.as_deref(), Some("CANCELED"));
        }
        assert!(active(east).await.is_empty());
        runs().cancel(&writer, &RemoteId::new("7"), &Unguarded).await.unwrap();
        assert_eq!(runs().read(&east.client.reader(), &RemoteId::new("7")).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_empties_the_queues_of_a_workspace_and_touches_nothing_that_runs() {
    let fleet = fleet(943).await;
    let east = fleet.east();
    bustle(&fleet);
    runs().cancel_queued(&east.client.writer(), &Unguarded).await.unwrap();
    let expected = ["/Shared/n RUNNING", "by airflow RUNNING", "nightly RUNNING"];
    assert_eq!(told(east).await, expected.map(str::to_owned).into());
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_deleted_job_are_seen_and_cancelled_one_by_one() {
    let settings = Settings { runs_go_with_their_job: true, cancel_seconds: 60, ..Settings::default() };
    let fleet = Fleet::with(944, settings).await;
    let east = fleet.east();
    let id = job(east, "gone");
    let run = run_now(east, id);
    east.post("/api/2.2/jobs/delete", json!({"job_id": id}));
    assert_eq!(told(east).await, ["gone TERMINATING".to_owned()].into());
    runs().cancel_of(&east.client.writer(), &RemoteId::new(id.to_string()), &Unguarded).await.unwrap();
    runs().cancel(&east.client.writer(), &run, &Unguarded).await.unwrap();
    fleet.jump(HOUR);
    assert!(active(east).await.is_empty());
    assert_eq!(runs().read(&east.client.reader(), &run).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_of_looks_misses_nothing_that_outsiders_began_and_knows_how_it_ended() {
    let fleet = fleet(945).await;
    let east = fleet.east();
    let cluster = create_cluster(east, "c", json!({}));
    east.write_notebook("/Shared/n", "print(1)");
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": "/Shared/n"}, "existing_cluster_id": cluster});
    let submit = CallerAction::Request {
        method: "POST".to_owned(),
        path: "/api/2.2/jobs/runs/submit".to_owned(),
        body: Some(json!({"run_name": "by airflow", "tasks": [task]})),
    };
    let caller = Caller {
        name: "airflow".to_owned(),
        workspace: "east".to_owned(),
        schedule: "0 0/7 * * * ?".to_owned(),
        action: submit,
        times: None,
    };
    fleet.simulator.add_caller(caller).unwrap();
    let mut known = std::collections::BTreeMap::new();
    let mut from = fleet.clock.now();
    for _ in 0..20 {
        fleet.jump(Duration::from_secs(295));
        let look = fleet.clock.now();
        let history = runs().since(&east.client.reader(), from).await.unwrap();
        assert_eq!(history.from, from);
        known.extend(history.runs.into_iter().map(|run| (run.id.clone(), run)));
        // What began before this look and ended since is asked for by itself.
        let open: Vec<RemoteId> =
            known.values().filter(|run| run.is_active()).map(|run| run.id.clone()).collect();
        for id in open {
            let run = runs().read(&east.client.reader(), &id).await.unwrap().unwrap();
            known.insert(id, run);
        }
        from = look;
    }
    let listed = east.list("/api/2.2/jobs/runs/list?limit=25", "runs");
    assert_eq!(known.len(), listed.len());
    assert!(known.len() >= 13);
    for row in listed {
        let run = &known[&RemoteId::new(row["run_id"].to_string())];
        assert_eq!(run.result.as_deref(), row["state"]["result_state"].as_str(), "{row}");
        assert_eq!(run.is_active(), row["end_time"] == 0, "{row}");
    }
}
