//! Twenty thousand assets: the times are printed, and a generous bound keeps them from creeping away.

use std::time::Duration;

use tokio::time::Instant;
use twinlake_model::{AssetId, Document, Entry, Key, Manifest, Mark, Outcome, Place, RemoteId, Verdict};

use crate::fixtures::*;

const ASSETS: u64 = 20_000;

/// What a busy machine may take for something that takes a tenth of it.
const BOUND: Duration = Duration::from_secs(5);

struct Watch(Instant);

impl Watch {
    fn lap(&mut self, what: &str) {
        let took = self.0.elapsed();
        println!("{ASSETS} assets: {what} took {} ms", took.as_millis());
        assert!(took < BOUND, "{what} took {took:?}");
        self.0 = Instant::now();
    }
}

#[tokio::test]
async fn twenty_thousand_assets_are_kept_and_loaded_quickly() {
    let (folder, store) = on_disk().await;
    let documents: Vec<Document> = (0..ASSETS)
        .map(|number| {
            serde_json::json!({ "settings": { "name": format!("job {number}"), "notes": "x".repeat(500) } })
                .into()
        })
        .collect();
    let manifest = Manifest {
        entries: (0..ASSETS)
            .map(|number| Entry {
                asset: job(number),
                remote: RemoteId::new(number.to_string()),
                key: Key::new(format!("job {number}")),
                mark: Mark::new("0123456789abcdef"),
                version: base(number).sent,
                tag: None,
            })
            .collect(),
    };
    let pairs: Vec<(AssetId, Place, RemoteId)> = (0..ASSETS)
        .map(|number| (job(number), west(), RemoteId::new((number + 1_000_000).to_string())))
        .collect();
    let bases: Vec<_> = (0..ASSETS).map(base).collect();
    let outcomes: Vec<Outcome> = (0..ASSETS).map(|number| outcome(number, Verdict::InSync)).collect();

    let mut watch = Watch(Instant::now());
    let digests = store.put_documents(&documents).await.unwrap();
    watch.lap("keeping documents");
    let digest = store.put_manifest(&manifest).await.unwrap();
    store.put_snapshot(&snapshot(1, digest)).await.unwrap();
    watch.lap("keeping a snapshot");
    store.pair_all(&pairs).await.unwrap();
    watch.lap("pairing ids");
    store.put_bases(&bases).await.unwrap();
    watch.lap("recording bases");
    let cycle = store.begin_cycle(&cycle("run-1")).await.unwrap();
    store.end_cycle(cycle, &cycle_end(true), &outcomes).await.unwrap();
    watch.lap("ending a cycle");
    for number in 0..100 {
        let intent = store.open_intent(&intent(number)).await.unwrap();
        store.record_applied(intent, &base(number)).await.unwrap();
    }
    watch.lap("a hundred intents, each with its two flushes to disk,");
    drop(store);
    watch.lap("closing");

    let store = twinlake_store::Store::open(folder.path().join("state.db"), options()).await.unwrap();
    watch.lap("opening, checked whole,");
    assert_eq!(store.id_map(&"prod".into()).await.unwrap().pairs().count(), pairs.len());
    watch.lap("loading the id map");
    assert_eq!(store.bases(&east(), &west()).await.unwrap().len(), bases.len());
    watch.lap("loading bases");
    let latest = store.latest_snapshot(&east()).await.unwrap().unwrap();
    assert_eq!(store.manifest(latest.manifests[&"job".into()]).await.unwrap().entries.len(), bases.len());
    watch.lap("loading a manifest");
    assert!(store.missing_blobs(&digests).await.unwrap().is_empty());
    watch.lap("looking for documents");
    assert_eq!(store.documents(&digests).await.unwrap().len(), documents.len());
    watch.lap("loading documents");
    for digest in &digests {
        store.document(*digest).await.unwrap();
    }
    watch.lap("loading documents one by one");
    assert_eq!(store.outcomes(&finance(), &east(), &west()).await.unwrap(), outcomes);
    watch.lap("loading verdicts");
    assert_eq!(store.find_ids("1000077").await.unwrap().len(), 1);
    watch.lap("searching the id map");
}
