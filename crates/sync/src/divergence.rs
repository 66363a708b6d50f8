//! What a place did that was never replicated: its tail, read when it answers again (P10).
//!
//! A failover promoted from a kept snapshot. When the old primary is back, it is crawled once more, and whatever is
//! there otherwise than in that snapshot was made, edited or deleted after it. The crawl is kept with all its bytes, so
//! that nothing of the tail is lost when the reverse direction writes over it.
//!
//! Our own fence is no tail: posture that stands where sleep puts it, and fields that stand where the coarse fence of
//! their kind puts them. A person's edit of posture before the fence came shows in what the fence found. Whether something merely ran or was started is
//! no edit; the ledger of runs and the fence's report tell it.
//!
//! What is not done: nothing here judges whether an edit matters. A difference is named, and a person acknowledges it.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use serde_json::Value;
use twinlake_assets::{AssetKind, Scope, kinds, symbolize};
use twinlake_base::Clock;
use twinlake_model::{
    AssetId, Diverged, Divergence, Document, Entry, FoundAwake, How, IdMap, Key, KindName, Mark, Outcome,
    RunId, Selection, Snapshot, Verdict, Version,
};
use twinlake_store::Store;

use crate::compare::differences;
use crate::crawl::Crawl;
use crate::{Inventory, Item, Side, SyncError, Watch, content, inventory, rights};

/// How many objects are asked for at once.
const READS_AT_ONCE: usize = 16;

/// A place that answers again, and what is known of it from before.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// The place.
    pub side: &'a Side,
    /// The snapshot of it that the failover promoted from.
    pub since: &'a Snapshot,
    /// What of it.
    pub selection: &'a Selection,
    /// What our own fences found there since, as their reports tell.
    pub fenced: &'a [FoundAwake],
}

/// A tail, and where all of it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantine {
    /// What was made, edited and deleted.
    pub divergence: Divergence,
    /// The place as it is now, documents and bytes. Its `run` is its id among the snapshots of its place.
    pub snapshot: Snapshot,
    /// What stands there and could not be compared, with the reason: it is in no snapshot.
    pub not_compared: Vec<Outcome>,
}

/// Reads what a place did since a snapshot, and keeps it.
///
/// Sends GETs alone. Twice gives the same, as long as nothing changes there.
///
/// # Errors
/// When the place could not be read to a proven end, or the state could not be read or written: then nothing is known,
/// and nothing may be written over it.
pub async fn divergence(
    store: &Store,
    clock: &Clock,
    returned: Returned<'_>,
    run: &RunId,
    watch: &dyn Watch,
) -> Result<Quarantine, SyncError> {
    let Returned { side, since, selection, fenced } = returned;
    let reader = side.client.reader();
    rights::prove(&reader, &side.place).await?;
    let ids = store.id_map(&side.place.set).await?;
    let crawl = Crawl {
        place: &side.place,
        reader: &reader,
        scope: &Scope { selection: selection.clone() },
        ids: &ids,
        keeps_copies: false,
        remembered: &BTreeMap::new(),
        store,
        watch,
        at: clock.now(),
        unread: None,
    };
    let all = kinds::schemas().map(|schema| schema.name.into()).collect();
    let mut now = crawl.run(&all).await?;
    let mut before = inventory::kept(store, since, &ids).await?;
    before.items.retain(|_, item| is_selected(selection, &item.entry));
    let look = Look { store, side, ids: &ids };
    look.find_unlisted(&before, &mut now).await?;
    let mut not_compared: Vec<Outcome> = now
        .set_aside
        .iter()
        .filter(|outcome| takes(selection, &outcome.asset, &outcome.key))
        .cloned()
        .collect();
    let unread = look.read_bytes(&mut now).await?;
    not_compared.extend(unread);
    let unknown: BTreeSet<&AssetId> = not_compared.iter().map(|outcome| &outcome.asset).collect();
    let mut found = BTreeMap::new();
    for asset in before.items.keys().chain(now.items.keys()).filter(|asset| !unknown.contains(asset)) {
        let of_fence: Vec<&FoundAwake> = fenced.iter().filter(|awake| awake.asset == *asset).collect();
        let sides = (before.items.get(asset), now.items.get(asset));
        if let Some(diverged) = look.compare(sides, &of_fence).await? {
            found.insert(asset.clone(), diverged);
        }
    }
    let snapshot = now.keep(store, run).await?;
    let divergence = Divergence { assets: found.into_values().collect(), runs: Vec::new() };
    store.put_document(&divergence.document()).await?;
    Ok(Quarantine { divergence, snapshot, not_compared })
}

/// What the parts of a look share.
struct Look<'a> {
    store: &'a Store,
    side: &'a Side,
    ids: &'a IdMap,
}

impl Look<'_> {
    /// Asks for everything that was there and is not listed any more (P8). What is there all the same, such as what was
    /// given a name that is not selected, is taken in.
    async fn find_unlisted(&self, before: &Inventory, now: &mut Inventory) -> Result<(), SyncError> {
        let set_aside: BTreeSet<&AssetId> = now.set_aside.iter().map(|outcome| &outcome.asset).collect();
        let unlisted: Vec<Entry> = before
            .items
            .values()
            .filter(|item| {
                !now.items.contains_key(&item.entry.asset) && !set_aside.contains(&item.entry.asset)
            })
            .map(|item| item.entry.clone())
            .collect();
        let mut asked =
            futures::stream::iter(unlisted.into_iter().map(|entry| async move { self.read(&entry).await }))
                .buffer_unordered(READS_AT_ONCE);
        while let Some(item) = asked.next().await {
            if let Some(item) = item? {
                now.items.insert(item.entry.asset.clone(), item);
            }
        }
        Ok(())
    }

    /// An object as a GET shows it. None if it is gone.
    async fn read(&self, entry: &Entry) -> Result<Option<Item>, SyncError> {
        let place = &self.side.place;
        let what = || format!("{} {:?}", entry.asset.kind, entry.key.as_str());
        let Some(kind) = kinds::find(entry.asset.kind.as_str()) else { return Ok(None) };
        let raw = kind.read(&self.side.client.reader(), &entry.remote).await;
        let Some(raw) = raw.map_err(|error| SyncError::crawl(what(), place, error))? else { return Ok(None) };
        let mut portrait = kind.portray(raw).map_err(|error| SyncError::crawl(what(), place, error))?;
        symbolize::symbolize(&kind.schema().fragment, &mut portrait.spec, place, self.ids);
        let spec = self.store.put_document(&Document::from(portrait.spec)).await?;
        let mut posture = entry.version.posture.clone();
        posture.overlay(&portrait.posture);
        let entry = Entry {
            key: portrait.key,
            mark: Mark::new(""),
            version: Version { spec, posture, content: None },
            tag: portrait.tag,
            ..entry.clone()
        };
        Ok(Some(Item { entry, unread: kind.has_content() }))
    }

    /// Reads all bytes that are not kept yet. Returns what could not be read.
    async fn read_bytes(&self, now: &mut Inventory) -> Result<Vec<Outcome>, SyncError> {
        let known: Vec<_> = now.items.values().filter_map(|item| item.entry.version.content).collect();
        let missing = self.store.missing_blobs(&known).await?;
        for item in now.items.values_mut() {
            item.unread |= item.entry.version.content.is_some_and(|content| missing.contains(&content));
        }
        let unread: Vec<_> = now.items.values().filter(|item| item.unread).collect();
        let unread: Vec<_> =
            unread.iter().map(|item| (item.entry.asset.clone(), item.entry.remote.clone())).collect();
        let reader = self.side.client.reader();
        let read = content::read_all(self.store, &reader, &self.side.place, unread).await;
        let unreadable = content::take_in(now, read)?;
        let told = unreadable.into_iter().map(|(asset, error)| {
            let key = now.items.get(&asset).map_or_else(|| Key::new(""), |item| item.entry.key.clone());
            Outcome { asset, key, verdict: Verdict::Failed { error } }
        });
        Ok(told.collect())
    }

    /// What became of one asset; none if nothing did.
    async fn compare(
        &self,
        (before, now): (Option<&Item>, Option<&Item>),
        fenced: &[&FoundAwake],
    ) -> Result<Option<Diverged>, SyncError> {
        let told = |item: &Item, how, fields| {
            let (asset, key) = (item.entry.asset.clone(), item.entry.key.clone());
            Some(Diverged { asset, key, how, fields })
        };
        let (before, now) = match (before, now) {
            (None, None) => return Ok(None),
            (None, Some(now)) => return Ok(told(now, How::Made, Vec::new())),
            (Some(before), None) => return Ok(told(before, How::Deleted, Vec::new())),
            (Some(before), Some(now)) => (before, now),
        };
        let Some(kind) = kinds::find(before.entry.asset.kind.as_str()) else { return Ok(None) };
        let (was, is) = (&before.entry.version, &now.entry.version);
        let mut fields = BTreeSet::new();
        if was.spec != is.spec {
            let (was, is) = (self.document(was).await?, self.document(is).await?);
            fields.extend(edited(kind, &was, &is));
        }
        fields.extend(edited_posture(kind, was, is, fenced));
        // Bytes that were never read at the source never arrived anywhere, so they are part of the tail, too.
        if kind.has_content() && was.content != is.content {
            fields.insert("content".to_owned());
        }
        let fields: Vec<String> = fields.into_iter().collect();
        Ok((!fields.is_empty()).then(|| told(now, How::Edited, fields)).flatten())
    }

    async fn document(&self, version: &Version) -> Result<Value, SyncError> {
        let mut value = self.store.document(version.spec).await?.value();
        symbolize::refresh(&mut value, self.ids);
        Ok(value)
    }
}

/// The fields of a document that somebody edited: those that differ, but for what stands as the coarse fence puts it.
fn edited(kind: &dyn AssetKind, was: &Value, is: &Value) -> Vec<String> {
    let fenced = kind.schema().coarse_fence;
    let is_ours = |at: &str| {
        fenced.iter().any(|field| field.at.0 == at && is.pointer(at) == Some(&field.stops_at.value()))
    };
    differences(was, is).into_iter().filter(|at| !is_ours(at)).collect()
}

/// The posture that somebody edited: what stands neither as it stood nor as sleep puts it, and what a fence found
/// otherwise than it stood.
fn edited_posture(kind: &dyn AssetKind, was: &Version, is: &Version, fenced: &[&FoundAwake]) -> Vec<String> {
    let asleep = kind.asleep(&was.posture);
    let is_edit = |at: &str, now: Option<&Value>| {
        // A field that came or went came or went with what holds it, and that is a difference of the documents.
        let (Some(now), Some(before)) = (now, was.posture.get(at)) else { return false };
        at.starts_with('/') && now != before && asleep.get(at) != Some(now)
    };
    let now = is.posture.iter().filter(|(at, value)| is_edit(at, Some(value)));
    let found = fenced.iter().flat_map(|awake| awake.found.iter());
    let found = found.filter(|(at, value)| is_edit(at, Some(value)));
    now.chain(found).map(|(at, _)| at.to_owned()).collect()
}

fn is_selected(selection: &Selection, entry: &Entry) -> bool {
    let holds_others = kinds::find(entry.asset.kind.as_str()).is_some_and(|kind| kind.schema().holds_others);
    holds_others || takes(selection, &entry.asset, &entry.key)
}

/// Whether something of this name is the group's business. Kinds that are not kept go by their own names.
fn takes(selection: &Selection, asset: &AssetId, key: &Key) -> bool {
    let kind: &KindName = &asset.kind;
    let plural = kinds::find(kind.as_str()).map_or(kind.as_str(), |kind| kind.schema().plural);
    selection.takes(plural, key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twinlake_model::{Digest, Posture};

    use super::*;

    fn version(posture: &[(&str, Value)]) -> Version {
        let posture = posture.iter().map(|(at, value)| ((*at).to_owned(), value.clone())).collect();
        Version { spec: Digest::of(b""), posture, content: None }
    }

    fn fence(found: &[(&str, Value)]) -> FoundAwake {
        let found = found.iter().map(|(at, value)| ((*at).to_owned(), value.clone())).collect();
        FoundAwake {
            asset: "job/prod@east/1".parse().unwrap(),
            key: Key::new("nightly"),
            fields: Vec::new(),
            found,
            put: Posture::none(),
            is_asleep: true,
        }
    }

    #[test]
    fn posture_that_stands_as_it_stood_or_as_sleep_puts_it_was_edited_by_nobody() {
        let job = kinds::find("job").unwrap();
        let at = "/max_concurrent_runs";
        let was = version(&[(at, json!(2)), ("running", json!(false))]);
        let edits = |now: Value, fences: &[&FoundAwake]| {
            edited_posture(job, &was, &version(&[(at, now), ("running", json!(true))]), fences)
        };
        assert!(edits(json!(2), &[]).is_empty());
        assert!(edits(json!(0), &[]).is_empty());
        assert_eq!(edits(json!(5), &[]), [at]);
        assert!(edits(json!(0), &[&fence(&[(at, json!(2))])]).is_empty());
        assert_eq!(edits(json!(0), &[&fence(&[(at, json!(5))])]), [at]);
    }

    #[test]
    fn a_field_that_the_coarse_fence_set_is_an_edit_only_if_it_stands_otherwise() {
        let pool = kinds::find("instance_pool").unwrap();
        let edits = |limit: i64, name: &str| {
            let was = json!({ "max_capacity": 10, "instance_pool_name": "pool" });
            edited(pool, &was, &json!({ "max_capacity": limit, "instance_pool_name": name }))
        };
        assert!(edits(10, "pool").is_empty());
        assert!(edits(0, "pool").is_empty());
        assert_eq!(edits(7, "pool"), ["/max_capacity"]);
        assert_eq!(edits(0, "pond"), ["/instance_pool_name"]);
    }
}
