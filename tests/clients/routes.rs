//! The simulation's routes, our requests and the fields of our schemas, held against the SDK's source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use twinlake_assets::activities::ACTIVITIES;
use twinlake_assets::{Embed, Fragment, KeyRule, kinds, resolve};
use twinlake_base::{Entropy, Secret, Timestamp};
use twinlake_databricks::{Client, Host, Share, Unguarded};
use twinlake_model::RemoteId;
use twinlake_simulator::Seed;
use twinlake_sync::{Approval, Silent, Sync};
use twinlake_tests::{Fleet, InProcess, Site};

use crate::clients::python;
use crate::clients::recorder::{Record, Recorder};

#[tokio::test(start_paused = true)]
async fn the_simulations_routes_and_our_own_requests_exist_in_the_official_sdk() {
    let routes: Vec<Value> = twinlake_simulator::routes()
        .iter()
        .map(|route| json!({"method": route.method.as_str(), "path": route.path}))
        .collect();
    let ours = json!({"routes": routes, "requests": requests().await, "schemas": schemas()});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ours.json");
    std::fs::write(&file, ours.to_string()).unwrap();
    python::run("routes_check.py", &[&file]);
}

/// Every request of a sync that creates, updates, deletes, stops and pins something of each kind, and of whatever brings
/// a place to rest.
async fn requests() -> Value {
    let mut fleet = Fleet::new(7).await;
    fleet.guards.max_deleted_percent = 100;
    let fleet = fleet;
    let record = Record::default();
    let (east, west) = (recorded(&fleet, fleet.east(), &record), recorded(&fleet, fleet.west(), &record));
    fleet.simulator.seed("east", Seed { size: 300, seed: 7 }).unwrap();
    let sync = async || {
        let route = fleet.route(&east, &west);
        let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), route, Arc::new(Silent));
        sync.run(&"record".into(), &Unguarded, Approval::Routine).await.unwrap()
    };
    sync().await;
    bring_to_rest(&fleet, &east).await;
    disturb(&west);
    sync().await;
    empty(&east);
    sync().await;
    fleet.jump(Duration::from_secs(25 * 3600));
    sync().await;
    record.as_json()
}

/// Every request about what runs at a place, and the coarse fence of all that has one.
async fn bring_to_rest(fleet: &Fleet, site: &Site) {
    let job = &site.jobs()[0]["job_id"];
    let run = &site.post("/api/2.2/jobs/run-now", json!({"job_id": job}))["run_id"];
    let (job, run) = (RemoteId::new(job.to_string()), RemoteId::new(run.to_string()));
    let (reader, writer) = (site.client.reader(), site.client.writer());
    for activity in ACTIVITIES {
        assert!(!activity.active(&reader).await.unwrap().is_empty());
        activity.since(&reader, Timestamp::UNIX_EPOCH).await.unwrap();
        activity.read(&reader, &run).await.unwrap();
        activity.cancel(&writer, &run, &Unguarded).await.unwrap();
        activity.cancel_of(&writer, &job, &Unguarded).await.unwrap();
        activity.cancel_queued(&writer, &Unguarded).await.unwrap();
    }
    let ids = fleet.store.id_map(&site.place.set).await.unwrap();
    let kept = fleet.store.latest_snapshot(&site.place).await.unwrap().unwrap();
    for manifest in kept.manifests.values() {
        for entry in fleet.store.manifest(*manifest).await.unwrap().entries {
            let Some(kind) = kinds::find(entry.asset.kind.as_str()) else { continue };
            let spec = fleet.store.document(entry.version.spec).await.unwrap().value();
            if let Some(call) = kind.coarse_fence(&entry.asset, &spec) {
                let write = resolve::request(&call, &entry.asset, &site.place, &ids, None).unwrap();
                writer.send(&Unguarded, &write).await.unwrap();
            }
        }
    }
}

/// The same site, reached through the recorder.
fn recorded(fleet: &Fleet, site: &Site, record: &Record) -> Site {
    let info = fleet.simulator.workspace(&site.name).unwrap();
    let inner = InProcess::new(&fleet.simulator, &site.name);
    let host = Host::parse(&format!("https://recorded-{}.example", site.name)).unwrap();
    let client = Client::builder(host, Secret::new(info.token))
        .transport(Arc::new(Recorder { inner, record: record.clone() }))
        .clock(fleet.clock.clone())
        .entropy(Entropy::seeded(7))
        .share(Share::ALL)
        .build()
        .unwrap();
    let mut site = site.clone();
    site.client = client;
    site
}

/// Somebody changes everything at the standby that can be changed: all of it has to be put back.
fn disturb(west: &Site) {
    for job in west.jobs() {
        west.post(
            "/api/2.2/jobs/update",
            json!({"job_id": job["job_id"], "new_settings": {"timeout_seconds": 77}}),
        );
    }
    for pool in west.list("/api/2.0/instance-pools/list", "instance_pools") {
        let mut edit = json!({"max_capacity": 77});
        for field in ["instance_pool_id", "instance_pool_name", "node_type_id"] {
            edit[field] = pool[field].clone();
        }
        west.post("/api/2.0/instance-pools/edit", edit);
    }
    for policy in west.list("/api/2.0/policies/clusters/list", "policies") {
        if policy["policy_family_id"].is_null() {
            let mut edit = json!({"description": "disturbed"});
            for field in ["policy_id", "name", "definition"] {
                edit[field] = policy[field].clone();
            }
            west.post("/api/2.0/policies/clusters/edit", edit);
        }
    }
    for cluster in west.list("/api/2.1/clusters/list", "clusters") {
        west.post("/api/2.1/clusters/start", json!({"cluster_id": cluster["cluster_id"]}));
        west.post("/api/2.1/clusters/unpin", json!({"cluster_id": cluster["cluster_id"]}));
    }
    for warehouse in west.list("/api/2.0/sql/warehouses", "warehouses") {
        let id = warehouse["id"].as_str().unwrap();
        west.post(&format!("/api/2.0/sql/warehouses/{id}/edit"), json!({"auto_stop_mins": 77}));
        west.post(&format!("/api/2.0/sql/warehouses/{id}/start"), json!({}));
    }
}

/// Everything goes at the primary.
fn empty(east: &Site) {
    for job in east.jobs() {
        east.post("/api/2.2/jobs/delete", json!({"job_id": job["job_id"]}));
    }
    for cluster in east.list("/api/2.1/clusters/list", "clusters") {
        east.post("/api/2.1/clusters/unpin", json!({"cluster_id": cluster["cluster_id"]}));
        east.post("/api/2.1/clusters/permanent-delete", json!({"cluster_id": cluster["cluster_id"]}));
    }
    for warehouse in east.list("/api/2.0/sql/warehouses", "warehouses") {
        let target = format!("/api/2.0/sql/warehouses/{}", warehouse["id"].as_str().unwrap());
        east.act(&http::Method::DELETE, &target, None);
    }
    for policy in east.list("/api/2.0/policies/clusters/list", "policies") {
        let body = json!({"policy_id": policy["policy_id"]});
        // Those that a workspace is born with cannot be deleted.
        let _ = east.try_act(&http::Method::POST, "/api/2.0/policies/clusters/delete", Some(body));
    }
    for pool in east.list("/api/2.0/instance-pools/list", "instance_pools") {
        east.post("/api/2.0/instance-pools/delete", json!({"instance_pool_id": pool["instance_pool_id"]}));
    }
    for object in east.get("/api/2.0/workspace/list?path=/Shared")["objects"].as_array().unwrap() {
        east.post("/api/2.0/workspace/delete", json!({"path": object["path"], "recursive": true}));
    }
}

/// Every field that a kind's schema names, as a pointer. What stands as JSON inside a string comes after `::`.
fn schemas() -> BTreeMap<&'static str, BTreeSet<String>> {
    kinds::schemas()
        .map(|schema| {
            let mut found = BTreeSet::from([schema.id.0.0.to_owned()]);
            if let KeyRule::UniqueName(at) | KeyRule::Name(at) = schema.key {
                found.insert(at.0.to_owned());
            }
            found.extend(schema.sleeps.iter().map(|sleeps| sleeps.at.0.to_owned()));
            found.extend(schema.coarse_fence.iter().map(|fenced| fenced.at.0.to_owned()));
            found.extend(schema.tags.iter().map(|tags| tags.at.0.to_owned()));
            collect(&schema.fragment, "", 4, &mut found);
            (schema.name, found)
        })
        .collect()
}

fn collect(fragment: &Fragment, prefix: &str, depth: u8, found: &mut BTreeSet<String>) {
    found.extend(fragment.references.iter().map(|reference| format!("{prefix}{}", reference.at.0)));
    for field in fragment.fields {
        // Every rule prints its pattern; which rule it is does not matter here.
        let printed = format!("{field:?}");
        let at = printed.split("Pattern(\"").nth(1).and_then(|rest| rest.split('"').next());
        found.insert(format!("{prefix}{}", at.unwrap_or_else(|| panic!("no pattern in {printed}"))));
    }
    for embed in fragment.embeds {
        let (at, inner, mark) = match embed {
            Embed::At(at, inner) => (at, inner, ""),
            Embed::InText(at, inner) => (at, inner, "::"),
        };
        if depth > 0 {
            collect(inner, &format!("{prefix}{}{mark}", at.0), depth - 1, found);
        }
    }
}
