//! What a shipment and an append cost: the figures are printed, and generous bounds keep them from creeping away.

use std::time::Duration;

use tokio::time::Instant;
use twinlake_model::{
    AssetId, Base, Digest, Document, Entry, Epoch, Key, Manifest, Mark, Outcome, Place, RemoteId, Snapshot,
    Verdict, Version,
};
use twinlake_store::{Cycle, CycleEnd, Store};
use twinlake_vault::{AheadLog, Arrival};
use twinlake_workflow::{Log, Seq};

use crate::fixtures::*;

const ASSETS: u64 = 1_000;

/// An estate that was replicated once: jobs of about two kilobytes, with bases, pairs, snapshots and verdicts.
async fn estate() -> Store {
    let store = state().await;
    let (east, west): (Place, Place) = ("prod@east".parse().unwrap(), "prod@west".parse().unwrap());
    let job = |number: u64| AssetId::new("job".into(), east.clone(), RemoteId::new(number.to_string()));
    let documents: Vec<Document> = (0..ASSETS)
        .map(|number| {
            let tasks: Vec<_> = (0..6)
                .map(|task| {
                    serde_json::json!({
                        "task_key": format!("load_{number}_{task}"),
                        "notebook_task": { "notebook_path": format!("/Shared/etl/{number}/{}", Digest::of(&[task])) },
                        "existing_cluster_id": format!("0101-{number:06}-{task}"),
                        "timeout_seconds": number * 7 % 3600,
                    })
                })
                .collect();
            serde_json::json!({ "settings": { "name": format!("job {number}"), "tasks": tasks } }).into()
        })
        .collect();
    let digests = store.put_documents(&documents).await.unwrap();
    let version = |number: u64| Version {
        spec: digests[usize::try_from(number).unwrap()],
        posture: [("/schedule/pause_status".to_owned(), "PAUSED".into())].into_iter().collect(),
        content: None,
    };
    for place in [&east, &west] {
        let entries = (0..ASSETS).map(|number| Entry {
            asset: job(number),
            remote: RemoteId::new(number.to_string()),
            key: Key::new(format!("job {number}")),
            mark: Mark::new("0123456789abcdef"),
            version: version(number),
            tag: None,
        });
        let manifest = store.put_manifest(&Manifest { entries: entries.collect() }).await.unwrap();
        let manifests = [("job".into(), manifest)].into();
        store
            .put_snapshot(&Snapshot { place: place.clone(), at: at(1), run: "run-1".into(), manifests })
            .await
            .unwrap();
    }
    let pairs: Vec<_> = (0..ASSETS)
        .map(|number| (job(number), west.clone(), RemoteId::new((number + 77_000).to_string())))
        .collect();
    store.pair_all(&pairs).await.unwrap();
    let bases: Vec<Base> = (0..ASSETS)
        .map(|number| Base {
            asset: job(number),
            target: west.clone(),
            source: east.clone(),
            source_version: version(number),
            sent: version(number),
            read_back: Some(version(number)),
            epoch: Epoch(1),
            run: "run-1".into(),
            not_kept: Vec::new(),
            mappings: Digest::of(b"none"),
            applied_at: at(2),
        })
        .collect();
    store.put_bases(&bases).await.unwrap();
    let cycle = Cycle {
        run: "run-1".into(),
        group: "finance".into(),
        source: east.clone(),
        target: west,
        started_at: at(1),
    };
    let cycle = store.begin_cycle(&cycle).await.unwrap();
    let outcomes: Vec<Outcome> = (0..ASSETS)
        .map(|number| Outcome { asset: job(number), key: Key::new("job"), verdict: Verdict::InSync })
        .collect();
    let end = CycleEnd { ended_at: at(3), complete: true, summary: serde_json::json!({}) };
    store.end_cycle(cycle, &end, &outcomes).await.unwrap();
    store
}

#[tokio::test]
async fn the_state_of_a_thousand_assets_is_shipped_and_recovered_quickly() {
    let store = estate().await;
    work(&store, 1).await;
    let plain = store.export().await.unwrap().bytes.len();
    let locations = [location("east"), location("west"), location("witness")];
    let started = Instant::now();
    let shipments = vault().ship(&store, &locations).await.unwrap();
    let shipping = started.elapsed();
    let Arrival::Shipped { size_bytes, .. } = shipments[0].arrival else { panic!("{shipments:?}") };
    let started = Instant::now();
    let (_folder, found, _) = recovered(&locations).await.unwrap();
    let recovering = started.elapsed();
    assert_eq!(contents(&found).await, contents(&store).await);
    println!(
        "{ASSETS} assets: {plain} bytes of state, {size_bytes} bytes shipped; to three locations in {} ms, recovered in {} ms",
        shipping.as_millis(),
        recovering.as_millis()
    );
    assert!(size_bytes < 2_000_000, "{size_bytes} bytes");
    assert!(shipping < Duration::from_secs(5) && recovering < Duration::from_secs(5));
}

#[tokio::test]
async fn an_append_ahead_of_the_state_costs_little_over_the_stores_own_answer() {
    let (west, local) = (location("west"), state().await);
    let log = AheadLog::new(log(&west), local);
    let started = Instant::now();
    for number in 0..200 {
        log.append("run", Seq(number), &event(number)).await.unwrap();
    }
    let appending = started.elapsed();
    let bytes: u64 = west.objects.list("runs").await.unwrap().iter().map(|object| object.size_bytes).sum();
    println!("200 appends ahead: {} µs and {} bytes each", appending.as_micros() / 200, bytes / 200);
    assert!(appending < Duration::from_secs(5));
}
