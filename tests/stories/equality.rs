//! Equality of two sites, proven by a second way: what holds when they are in step, and every mistake that it must see.

use serde_json::{Value, json};
use twinlake_databricks::Unguarded;
use twinlake_model::{EqualityProof, MappingTable, Outcome, Role, Row, RunId, StringRow};
use twinlake_simulator::{Fault, FaultAct, Staleness};
use twinlake_sync::{Approval, Bytes, Pair, Returned, Side, Silent, Sync, divergence, prove_equal};
use twinlake_tests::{Fleet, Site};

use super::house::{
    DAY, HOUR, create_cluster, create_policy, create_pool, delete_job, fleet, furnish, job_that_runs,
    job_with_notebook, notable, reset_job,
};

async fn prove_with(
    fleet: &Fleet,
    ends: (&Site, &Site),
    accepted: &[Outcome],
    bytes: Bytes,
) -> EqualityProof {
    let side = |site: &Site| Side { place: site.place.clone(), client: site.client.clone() };
    let (source, target) = (side(ends.0), side(ends.1));
    let pair = Pair {
        source: &source,
        target: &target,
        selection: &fleet.selection,
        mappings: &fleet.mappings,
        accepted,
        bytes,
    };
    prove_equal(&fleet.store, &fleet.clock, pair, &Silent).await.unwrap()
}

async fn prove(fleet: &Fleet) -> EqualityProof {
    prove_with(fleet, (fleet.east(), fleet.west()), &[], Bytes::All).await
}

/// Makes the product believe that what the standby shows of an object now is what it showed when it was written.
async fn forge_base(fleet: &Fleet, kind: &str, remote: &str) {
    let (store, east, west) = (&fleet.store, &fleet.east().place, &fleet.west().place);
    let side = Side { place: west.clone(), client: fleet.west().client.clone() };
    let since = store.latest_snapshot(west).await.unwrap().unwrap();
    let returned = Returned { side: &side, since: &since, selection: &fleet.selection, fenced: &[] };
    let look = divergence(store, &fleet.clock, returned, &RunId::new("look"), &Silent).await.unwrap();
    let manifest = store.manifest(look.snapshot.manifests[&kind.into()]).await.unwrap();
    let shown = manifest.entries.into_iter().find(|entry| entry.remote.as_str() == remote).unwrap();
    let mut base = store.bases(east, west).await.unwrap()[&shown.asset].clone();
    base.read_back = Some(shown.version);
    store.put_base(&base).await.unwrap();
}

/// What is unequal, as people read it.
fn told(proof: &EqualityProof) -> Vec<String> {
    let line = |unequal: &twinlake_model::Unequal| {
        format!("{} {}: {}", unequal.asset.kind, unequal.key, unequal.fields.join(", "))
    };
    proof.unequal.iter().map(line).collect()
}

/// An estate with references of every sort, and words that differ by site.
async fn in_step(seed: u64) -> Fleet {
    let mut fleet = fleet(seed).await;
    let row = |east: &str, west: &str| {
        Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into())
    };
    let types = vec![row("i3.xlarge", "i4i.xlarge"), row("i3.2xlarge", "i4i.xlarge")];
    fleet.mappings.tables.insert(MappingTable::NodeTypes, types);
    let within = vec!["spark_conf".to_owned(), "parameters".to_owned()];
    fleet.mappings.strings.push(StringRow { row: row("us-east-1", "us-west-2"), within });
    let east = fleet.east();
    let furniture = furnish(east);
    create_cluster(
        east,
        "mapped",
        json!({ "node_type_id": "i3.2xlarge", "spark_conf": { "region": "us-east-1" } }),
    );
    let other = create_policy(east, "other", "{}");
    create_cluster(east, "on another policy", json!({ "policy_id": other }));
    east.create_job(job_that_runs("caller", &json!(furniture.jobs[1])));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    fleet.jump(HOUR);
    fleet
}

fn id_of(site: &Site, list: &str, field: &str, (name, called): (&str, &str), id: &str) -> Value {
    let rows = site.list(list, field);
    rows.iter().find(|row| row[name] == called).unwrap_or_else(|| panic!("no {called}"))[id].clone()
}

fn settings(site: &Site, id: &Value) -> Value {
    let mut job = site.job(id.as_i64().unwrap());
    job.as_object_mut().unwrap().remove("job_id");
    job
}

#[tokio::test(start_paused = true)]
async fn two_sites_in_step_are_proven_equal_kind_by_kind_and_twice_alike() {
    let fleet = in_step(901).await;
    let before = fleet.effect_count();
    let proof = prove(&fleet).await;
    assert!(proof.holds(), "{:#?}", told(&proof));
    assert_eq!((proof.equal[&"job".into()], proof.equal[&"cluster".into()]), (4, 3));
    assert_eq!((proof.equal[&"notebook".into()], proof.equal[&"workspace_file".into()]), (2, 1));
    assert_eq!(proof.contents_read, 6, "each on both sides");
    assert_eq!(fleet.effects().len() as u64, before, "it only looks");
    assert_eq!(prove(&fleet).await.digest, proof.digest);
    fleet.east().write_notebook("/Shared/etl/load", "print('other')");
    assert_ne!(prove(&fleet).await.digest, proof.digest);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_was_edited_behind_the_base_is_seen() {
    let fleet = in_step(902).await;
    let west = fleet.west();
    let job = west.jobs_named("caller")[0]["job_id"].clone();
    let mut edited = settings(west, &job);
    edited["tasks"][0]["max_retries"] = json!(5);
    reset_job(west, job.as_i64().unwrap(), edited);
    // As if a mistake of ours had taken this for what was sent and shown: a sync calls it in step.
    forge_base(&fleet, "job", &job.to_string()).await;
    let report = fleet.sync().await;
    assert_eq!((report.writes, report.is_complete(|_| false)), (0, true), "{:#?}", notable(&report));
    assert_eq!(told(&prove(&fleet).await), ["job caller: /tasks/0/max_retries"]);
}

#[tokio::test(start_paused = true)]
async fn references_that_were_swapped_between_equal_names_are_seen() {
    let fleet = in_step(903).await;
    let west = fleet.west();
    // Three jobs of one name: the caller now runs another one of them.
    let caller = west.jobs_named("caller")[0]["job_id"].clone();
    let mut edited = settings(west, &caller);
    let runs = edited["tasks"][0]["run_job_task"]["job_id"].clone();
    let other = west.jobs_named("nightly").into_iter().find(|job| job["job_id"] != runs).unwrap();
    edited["tasks"][0]["run_job_task"]["job_id"] = other["job_id"].clone();
    reset_job(west, caller.as_i64().unwrap(), edited);
    assert_eq!(told(&prove(&fleet).await), ["job caller: /tasks/0/run_job_task/job_id"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_map_that_leads_to_another_copy_is_seen() {
    let fleet = in_step(904).await;
    let (east, west) = (fleet.east(), fleet.west());
    let ids = fleet.store.id_map(&east.place.set).await.unwrap();
    let policies = ["pooled", "other"].map(|name| {
        let of = |site: &Site| {
            id_of(site, "/api/2.0/policies/clusters/list", "policies", ("name", name), "policy_id")
        };
        let asset = ids.identity(&"cluster_policy".into(), &east.place, &of(east).as_str().unwrap().into());
        (asset, of(west).as_str().unwrap().to_owned())
    });
    let [(one, its), (other, theirs)] = policies;
    fleet.store.pair(&one, &west.place, &"for-a-moment".into()).await.unwrap();
    fleet.store.pair(&other, &west.place, &its.as_str().into()).await.unwrap();
    fleet.store.pair(&one, &west.place, &theirs.as_str().into()).await.unwrap();
    let mut seen = told(&prove(&fleet).await);
    seen.sort();
    let why = "it is not what the id map calls it at west";
    assert_eq!(seen, [format!("cluster_policy other: {why}"), format!("cluster_policy pooled: {why}")]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_changed_with_the_same_length_and_mark_are_seen_where_all_are_read() {
    let fleet = in_step(905).await;
    fleet.west().write_file("/Shared/lib/helper.py", b"def hurt(): ...\n");
    assert_eq!(told(&prove(&fleet).await), ["workspace_file /Shared/lib/helper.py: content"]);
    let by_mark = prove_with(&fleet, (fleet.east(), fleet.west()), &[], Bytes::Unproven).await;
    assert_eq!(told(&by_mark), ["workspace_file /Shared/lib/helper.py: content"], "its mark moved");
}

#[tokio::test(start_paused = true)]
async fn marks_save_reading_what_was_read_at_them() {
    let fleet = in_step(906).await;
    fleet.sync().await;
    let proof = prove_with(&fleet, (fleet.east(), fleet.west()), &[], Bytes::Unproven).await;
    assert!(proof.holds(), "{:#?}", told(&proof));
    assert_eq!((proof.contents_read, proof.equal[&"notebook".into()]), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_translated_is_seen() {
    let fleet = in_step(907).await;
    let west = fleet.west();
    let cluster = id_of(
        west,
        "/api/2.1/clusters/list?page_size=100",
        "clusters",
        ("cluster_name", "mapped"),
        "cluster_id",
    );
    let whole = west.get(&format!("/api/2.1/clusters/get?cluster_id={}", cluster.as_str().unwrap()));
    let mut spec = whole["spec"].clone();
    spec["cluster_id"] = cluster;
    spec["node_type_id"] = json!("i3.2xlarge");
    spec["spark_conf"]["region"] = json!("us-east-1");
    west.post("/api/2.1/clusters/edit", spec);
    assert_eq!(told(&prove(&fleet).await), ["cluster mapped: /node_type_id, /spark_conf/region"]);
}

#[tokio::test(start_paused = true)]
async fn what_one_site_lacks_is_seen_and_what_people_made_at_the_standby_is_theirs() {
    let fleet = in_step(908).await;
    let (east, west) = (fleet.east(), fleet.west());
    west.create_job(job_with_notebook("somebody's", "relative/path"));
    assert!(prove(&fleet).await.holds());
    delete_job(west, west.jobs_named("caller")[0]["job_id"].as_i64().unwrap());
    create_pool(east, "new", json!({}));
    let gone = furnish_and_delete(&fleet).await;
    let mut seen = told(&prove(&fleet).await);
    seen.sort();
    let mut expected = [
        "instance_pool new: it is not at west".to_owned(),
        "job caller: it is not at west".to_owned(),
        format!("cluster_policy {gone}: it is not at east"),
    ];
    expected.sort();
    assert_eq!(seen, expected);
}

/// A policy that is copied and then deleted at its origin. Its name.
async fn furnish_and_delete(fleet: &Fleet) -> &'static str {
    let policy = create_policy(fleet.east(), "short-lived", "{}");
    let mut narrow = fleet.route(fleet.east(), fleet.west());
    narrow.selection.include = vec!["cluster_policies:*".parse().unwrap()];
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), narrow, std::sync::Arc::new(Silent));
    sync.run(&RunId::new("narrow"), &Unguarded, Approval::Routine).await.unwrap();
    fleet.east().post("/api/2.0/policies/clusters/delete", json!({ "policy_id": policy }));
    "short-lived"
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_left_out_by_name_and_no_more_of_it_than_its_verdict_names() {
    let mut fleet = in_step(909).await;
    let pools =
        vec![Row([("east".into(), "i3.xlarge".to_owned()), ("west".into(), "r5.xlarge".to_owned())].into())];
    fleet.mappings.tables.insert(MappingTable::NodeTypes, pools);
    let east = fleet.east();
    let mut pipeline = job_with_notebook("pipeline", "relative/path");
    pipeline["tasks"][0] = json!({ "task_key": "main", "pipeline_task": { "pipeline_id": "abc-1" } });
    east.create_job(pipeline);
    let report = fleet.sync().await;
    let accepted: Vec<Outcome> =
        report.outcomes.iter().filter(|outcome| !outcome.verdict.is_complete()).cloned().collect();
    assert_eq!(accepted.len(), 2, "{:#?}", notable(&report));
    let mut seen = told(&prove(&fleet).await);
    seen.sort();
    assert_eq!(seen, ["instance_pool shared-pool: /node_type_id", "job pipeline: it is not at west"]);

    let ends = (fleet.east(), fleet.west());
    let proof = prove_with(&fleet, ends, &accepted, Bytes::All).await;
    assert!(proof.holds(), "{:#?}", told(&proof));
    assert_eq!(proof.left_out.len(), 2);
    // The field that is named is left out, and no other one of the same pool.
    let pool = id_of(
        fleet.west(),
        "/api/2.0/instance-pools/list",
        "instance_pools",
        ("instance_pool_name", "shared-pool"),
        "instance_pool_id",
    );
    fleet.west().post(
        "/api/2.0/instance-pools/edit",
        json!({
            "instance_pool_id": pool, "instance_pool_name": "shared-pool", "node_type_id": "i4i.xlarge",
            "max_capacity": 11,
        }),
    );
    let proof = prove_with(&fleet, ends, &accepted, Bytes::All).await;
    assert_eq!(told(&proof), ["instance_pool shared-pool: /max_capacity"]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_list_does_not_make_two_equal_sites_unequal() {
    let fleet = in_step(910).await;
    let (east, west) = (fleet.east(), fleet.west());
    for site in [east, west] {
        let job = site.jobs_named("caller")[0]["job_id"].clone();
        let mut edited = settings(site, &job);
        edited["description"] = json!("edited");
        reset_job(site, job.as_i64().unwrap(), edited);
    }
    west.add_fault(Fault::new(FaultAct::Stale(Staleness::UntilQuietSeconds(8))).path("/api/2.2/jobs/list"));
    let proof = prove(&fleet).await;
    assert!(proof.holds(), "{:#?}", told(&proof));
}

#[tokio::test(start_paused = true)]
async fn equality_holds_after_a_promotion_and_on_the_way_home() {
    let fleet = in_step(911).await;
    let (east, west) = (fleet.east(), fleet.west());
    let mut promote = fleet.route(east, west);
    promote.role = Role::Primary;
    promote.kept = fleet.store.latest_snapshot(&east.place).await.unwrap();
    let run = async |route, name: &str| {
        let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), route, std::sync::Arc::new(Silent));
        sync.run(&RunId::new(name), &Unguarded, Approval::Routine).await.unwrap()
    };
    run(fleet.route(east, east), "fence").await;
    run(promote, "promote").await;
    assert!(prove(&fleet).await.holds(), "posture is no part of it");
    west.create_job(job_with_notebook("made at the new primary", "relative/path"));
    fleet.jump(DAY);
    let unequal = prove_with(&fleet, (west, east), &[], Bytes::All).await;
    assert_eq!(told(&unequal), ["job made at the new primary: it is not at east"]);
    run(fleet.route(west, east), "home").await;
    let proof = prove_with(&fleet, (west, east), &[], Bytes::All).await;
    assert!(proof.holds(), "{:#?}", told(&proof));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_proven_by_a_listing_that_broke_off() {
    let fleet = in_step(912).await;
    fleet.west().add_fault(Fault::new(FaultAct::Cut).path("/api/2.0/policies/clusters/list"));
    let side = |site: &Site| Side { place: site.place.clone(), client: site.client.clone() };
    let (source, target) = (side(fleet.east()), side(fleet.west()));
    let pair = Pair {
        source: &source,
        target: &target,
        selection: &fleet.selection,
        mappings: &fleet.mappings,
        accepted: &[],
        bytes: Bytes::All,
    };
    assert!(prove_equal(&fleet.store, &fleet.clock, pair, &Silent).await.is_err());
}
