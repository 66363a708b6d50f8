//! The coarse fence: one request for each pool of a lost primary, made from kept documents, and how it is undone.

use serde_json::{Value, json};
use twinlake_assets::{kinds, resolve};
use twinlake_databricks::Unguarded;
use twinlake_model::{Role, RunId, Snapshot};
use twinlake_simulator::{Appearance, Fault, Outage};
use twinlake_sync::{Approval, Report, Route, Silent, Sync};
use twinlake_tests::{Fleet, Site};

use super::house::{HOUR, create_cluster, create_pool, fleet, furnish, notable};

async fn run(fleet: &Fleet, route: Route, name: &str) -> Report {
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), route, std::sync::Arc::new(Silent));
    sync.run(&RunId::new(name), &Unguarded, Approval::Routine).await.unwrap()
}

/// Sends the coarse fence of everything in a snapshot to its place. Returns how many requests that took.
async fn fence(fleet: &Fleet, site: &Site, kept: &Snapshot) -> u64 {
    let ids = fleet.store.id_map(&site.place.set).await.unwrap();
    let before = site.client.counts().requests;
    for manifest in kept.manifests.values() {
        for entry in fleet.store.manifest(*manifest).await.unwrap().entries {
            let Some(kind) = kinds::find(entry.asset.kind.as_str()) else { continue };
            let spec = fleet.store.document(entry.version.spec).await.unwrap().value();
            let Some(call) = kind.coarse_fence(&entry.asset, &spec) else { continue };
            let write = resolve::request(&call, &entry.asset, &site.place, &ids, None).unwrap();
            site.client.writer().send(&Unguarded, &write).await.unwrap();
        }
    }
    site.client.counts().requests - before
}

/// Name, maximum and idle instances of every pool.
fn pools(site: &Site) -> Vec<(String, Value, Value)> {
    let rows = site.list("/api/2.0/instance-pools/list", "instance_pools");
    let mut pools: Vec<_> = rows
        .iter()
        .map(|pool| {
            let name = pool["instance_pool_name"].as_str().unwrap().to_owned();
            (name, pool["max_capacity"].clone(), pool["min_idle_instances"].clone())
        })
        .collect();
    pools.sort_by(|one, other| one.0.cmp(&other.0));
    pools
}

/// A primary with a bounded pool and one without a limit, its standby in step, and its last snapshot.
async fn two_pools(seed: u64) -> (Fleet, Snapshot) {
    let fleet = fleet(seed).await;
    furnish(fleet.east());
    create_pool(fleet.east(), "unlimited", json!({"min_idle_instances": 1, "custom_tags": {"team": "bi"}}));
    fleet.sync().await;
    let kept = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap().unwrap();
    (fleet, kept)
}

/// The pools as [`two_pools`] made them.
fn as_they_were() -> Vec<(String, Value, Value)> {
    vec![("shared-pool".to_owned(), json!(10), json!(2)), ("unlimited".to_owned(), Value::Null, json!(1))]
}

fn fenced() -> Vec<(String, Value, Value)> {
    as_they_were().into_iter().map(|(name, ..)| (name, json!(0), json!(0))).collect()
}

#[tokio::test(start_paused = true)]
async fn one_request_for_each_pool_made_from_kept_documents_takes_all_room_and_reads_nothing() {
    let (fleet, kept) = two_pools(930).await;
    let east = fleet.east();
    assert_eq!(pools(east), as_they_were());
    fleet.simulator.add_fault(Fault::error(503, "TEMPORARILY_UNAVAILABLE", "no").at("east").method("read"));
    assert_eq!(fence(&fleet, east, &kept).await, 2);
    assert_eq!(pools(east), fenced());
    assert_eq!(fence(&fleet, east, &kept).await, 2, "twice is once");
    assert_eq!(pools(east), fenced());
    let rows = east.list("/api/2.0/instance-pools/list", "instance_pools");
    let pool = rows.iter().find(|pool| pool["instance_pool_name"] == "unlimited").unwrap();
    assert_eq!(pool["custom_tags"]["team"], "bi");
    // What needs an instance of them finds none.
    let id = create_cluster(east, "new", json!({"instance_pool_id": pool["instance_pool_id"]}));
    fleet.jump(HOUR);
    let cluster = east.get(&format!("/api/2.1/clusters/get?cluster_id={}", id.as_str().unwrap()));
    assert_eq!(cluster["termination_reason"]["code"], "INSTANCE_POOL_MAX_CAPACITY_REACHED");
}

#[tokio::test(start_paused = true)]
async fn waking_the_fenced_place_again_puts_back_what_the_snapshot_kept() {
    let (fleet, kept) = two_pools(931).await;
    let east = fleet.east();
    fence(&fleet, east, &kept).await;
    run(&fleet, fleet.route(east, east), "thorough-fence").await;
    assert_eq!(pools(east), fenced());
    let mut wake = fleet.route(east, east);
    wake.role = Role::Primary;
    wake.kept = Some(kept);
    let report = run(&fleet, wake, "wake").await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(pools(east), as_they_were());
}

#[tokio::test(start_paused = true)]
async fn a_fenced_primary_that_becomes_a_standby_and_then_primary_again_has_its_pools_as_they_were() {
    let (fleet, kept) = two_pools(932).await;
    let (east, west) = (fleet.east(), fleet.west());
    fence(&fleet, east, &kept).await;
    fleet.simulator.region_down("us-east-1", Outage::cut_off(Appearance::BlackHole)).unwrap();
    let mut promote = fleet.route(east, west);
    promote.role = Role::Primary;
    promote.kept = Some(kept);
    run(&fleet, promote, "promote").await;
    assert_eq!(pools(west), as_they_were());
    fleet.simulator.region_up("us-east-1").unwrap();
    run(&fleet, fleet.route(east, east), "thorough-fence").await;
    assert_eq!(pools(east), fenced());

    // The way back, as a standby: room as recorded, nothing idle.
    let report = run(&fleet, fleet.route(west, east), "reverse").await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    let asleep: Vec<_> = as_they_were().into_iter().map(|(name, most, _)| (name, most, json!(0))).collect();
    assert_eq!(pools(east), asleep);
    fleet.jump(HOUR);
    let quiet = run(&fleet, fleet.route(west, east), "reverse-again").await;
    assert_eq!(quiet.writes, 0, "{:#?}", notable(&quiet));

    // And home.
    let mut home = fleet.route(west, east);
    home.role = Role::Primary;
    home.kept = fleet.store.latest_snapshot(&west.place).await.unwrap();
    run(&fleet, home, "failback").await;
    assert_eq!(pools(east), as_they_were());
}

#[tokio::test(start_paused = true)]
async fn a_standby_whose_pools_somebody_closed_has_its_room_back_with_the_next_sync() {
    let (fleet, _) = two_pools(933).await;
    let west = fleet.west();
    let of_west = fleet.store.latest_snapshot(&west.place).await.unwrap().unwrap();
    fence(&fleet, west, &of_west).await;
    assert_eq!(pools(west), fenced());
    let report = fleet.sync().await;
    let asleep: Vec<_> = as_they_were().into_iter().map(|(name, most, _)| (name, most, json!(0))).collect();
    assert_eq!(pools(west), asleep, "{:#?}", notable(&report));
}
