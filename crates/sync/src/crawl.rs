//! From a workspace to an inventory.
//!
//! Listings run side by side and hand over rows as they come; each row is made portable and stored at once, so that no
//! page is kept in memory. What the row does not show is read while the listing goes on, unless the last snapshot read
//! it at the same mark. Bytes are not read here; whoever reads them ahead is told which.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use twinlake_assets::{AssetKind, Body, Listed, Portrait, Scope, kinds, symbolize};
use twinlake_databricks::{Complete, Reader};
use twinlake_model::{
    AssetId, Base, Digest, Document, Entry, IdMap, KindName, Mark, Outcome, Place, RemoteId, Verdict, Version,
};
use twinlake_store::Store;

use crate::error::is_about_one;
use crate::read_ahead::Unread;
use crate::{Inventory, Item, Progress, SyncError, Watch};

/// How many objects are read at once. The budget of the host paces them.
const READS_AT_ONCE: usize = 16;

/// How many documents are stored in one transaction.
const BATCH: usize = 256;

/// What a crawl works with.
pub(crate) struct Crawl<'a> {
    pub(crate) place: &'a Place,
    pub(crate) reader: &'a Reader,
    pub(crate) scope: &'a Scope,
    pub(crate) ids: &'a IdMap,
    /// Whether copies of ours are kept in view also where somebody gave them a name that is not selected.
    pub(crate) keeps_copies: bool,
    /// What is remembered of the assets here. An original of which the source has the copy is kept in view like a copy.
    pub(crate) remembered: &'a BTreeMap<AssetId, Base>,
    pub(crate) store: &'a Store,
    pub(crate) watch: &'a dyn Watch,
    pub(crate) at: twinlake_base::Timestamp,
    /// Who is told of bytes that are not known, as soon as a row shows that.
    pub(crate) unread: Option<mpsc::UnboundedSender<Unread>>,
}

impl Crawl<'_> {
    /// Lists and reads these kinds. Kinds that share a listing are found together, whether asked for or not.
    ///
    /// # Errors
    /// When any listing or read broke off.
    pub(crate) async fn run(&self, wanted: &HashSet<KindName>) -> Result<Inventory, SyncError> {
        self.watch.see(Progress::Crawling { place: self.place.clone() });
        let (sender, rows) = mpsc::unbounded();
        let (proofs, gathering) = futures::try_join!(self.list_all(wanted, sender), self.gather(rows))?;
        let inventory = gathering.finish(proofs);
        self.watch.see(Progress::Crawled { place: self.place.clone(), assets: inventory.items.len() });
        Ok(inventory)
    }

    /// Walks every listing that a wanted kind needs, side by side. What refers to others is listed first, so that
    /// what it refers to is at least as new.
    async fn list_all(
        &self,
        wanted: &HashSet<KindName>,
        rows: mpsc::UnboundedSender<Listed>,
    ) -> Result<HashMap<KindName, Complete>, SyncError> {
        let mut under_way = FuturesUnordered::new();
        let mut named = HashSet::new();
        for kind in
            kinds::KINDS.iter().rev().filter(|kind| wanted.contains(&KindName::from(kind.schema().name)))
        {
            let listing = kind.listing();
            if named.insert(listing.name()) {
                let rows = rows.clone();
                under_way.push(async move {
                    let mut hand_over = |listed: Listed| {
                        // The receiver outlives the listings; if it is gone, the crawl has failed already.
                        let _ = rows.unbounded_send(listed);
                        Ok(())
                    };
                    let proof = listing.list(self.reader, self.scope, &mut hand_over).await;
                    proof
                        .map(|proof| (listing.name(), proof))
                        .map_err(|source| self.broken(listing.name(), source))
                });
            }
        }
        drop(rows);
        let mut proofs = HashMap::new();
        while let Some(done) = under_way.next().await {
            let (name, proof) = done?;
            for kind in kinds::KINDS.iter().filter(|kind| kind.listing().name() == name) {
                proofs.insert(KindName::from(kind.schema().name), proof.clone());
            }
        }
        Ok(proofs)
    }

    /// Takes in rows as they come, and reads meanwhile what they do not say.
    async fn gather(&self, mut rows: mpsc::UnboundedReceiver<Listed>) -> Result<Gathering<'_>, SyncError> {
        let mut gathering = Gathering::new(self, self.last_entries().await?);
        let mut reads = FuturesUnordered::new();
        loop {
            while reads.len() < READS_AT_ONCE
                && let Some(short) = gathering.to_read.pop_front()
            {
                reads.push(async move {
                    let read = short.kind.read(self.reader, &short.listed.remote).await;
                    (short, read)
                });
            }
            tokio::select! {
                biased;
                Some(listed) = rows.next() => gathering.take(listed).await?,
                Some((short, read)) = reads.next() => gathering.take_read(short, read).await?,
                else => break,
            }
        }
        gathering.flush().await?;
        Ok(gathering)
    }

    async fn last_entries(&self) -> Result<HashMap<(KindName, RemoteId), Entry>, SyncError> {
        let mut entries = HashMap::new();
        if let Some(snapshot) = self.store.latest_snapshot(self.place).await? {
            for (kind, manifest) in snapshot.manifests {
                for entry in self.store.manifest(manifest).await?.entries {
                    entries.insert((kind.clone(), entry.remote.clone()), entry);
                }
            }
        }
        Ok(entries)
    }

    fn broken(&self, what: &str, source: twinlake_assets::Error) -> SyncError {
        SyncError::crawl(what, self.place, source)
    }
}

/// The inventory in the making.
struct Gathering<'a> {
    crawl: &'a Crawl<'a>,
    last: HashMap<(KindName, RemoteId), Entry>,
    items: BTreeMap<AssetId, Item>,
    set_aside: Vec<Outcome>,
    /// Objects whose rows do not say enough.
    to_read: VecDeque<Short>,
    /// Documents that the store may not have yet.
    fresh: Vec<Document>,
    found: usize,
}

/// An object whose row does not say enough, with the mark that the row gave.
struct Short {
    kind: &'static dyn AssetKind,
    listed: Listed,
    mark: Mark,
}

impl<'a> Gathering<'a> {
    fn new(crawl: &'a Crawl<'a>, last: HashMap<(KindName, RemoteId), Entry>) -> Self {
        Self {
            crawl,
            last,
            items: BTreeMap::new(),
            set_aside: Vec::new(),
            to_read: VecDeque::new(),
            fresh: Vec::new(),
            found: 0,
        }
    }

    async fn take(&mut self, listed: Listed) -> Result<(), SyncError> {
        let Some(kind) = kinds::find(listed.kind) else {
            self.set_aside(listed);
            return Ok(());
        };
        if !self.is_wanted(kind, &listed) {
            return Ok(());
        }
        self.found += 1;
        if self.found.is_multiple_of(100) {
            let place = self.crawl.place.clone();
            self.crawl.watch.see(Progress::Found { place, assets: self.found });
        }
        let last = self.last.get(&(listed.kind.into(), listed.remote.clone()));
        match listed.body.clone() {
            Body::Whole(portrait) => self.keep(kind, portrait, Mark::new("")),
            Body::WithoutContent(portrait, mark) => {
                let known =
                    mark.as_ref().and_then(|mark| last.filter(|last| last.mark == *mark)?.version.content);
                self.keep_with_content(kind, portrait, mark.unwrap_or_else(|| Mark::new("")), known);
            }
            Body::Unread(mark) => match (mark, last) {
                (Some(mark), Some(last)) if last.mark == mark => {
                    let mut entry = last.clone();
                    entry.version.posture.overlay(&listed.posture);
                    self.insert(entry, false);
                }
                (mark, _) => {
                    let mark = mark.unwrap_or_else(|| Mark::new(""));
                    self.to_read.push_back(Short { kind, listed, mark });
                }
            },
            Body::Unsupported(_) | Body::Skipped(_) => self.set_aside(listed),
        }
        if self.fresh.len() >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    /// What holds others is always wanted: whether it is needed shows only when they are known.
    fn is_wanted(&self, kind: &dyn AssetKind, listed: &Listed) -> bool {
        let schema = kind.schema();
        let Crawl { scope, ids, place, .. } = self.crawl;
        let is_copy = || {
            let kind = KindName::from(schema.name);
            let asset = ids.identity(&kind, place, &listed.remote);
            ids.known(&kind, place, &listed.remote).is_some() || self.crawl.remembered.contains_key(&asset)
        };
        schema.holds_others
            || scope.selection.takes(schema.plural, &listed.key)
            || self.crawl.keeps_copies && is_copy()
    }

    fn set_aside(&mut self, listed: Listed) {
        let verdict = match listed.body {
            Body::Skipped(reason) => Verdict::Skipped { reason },
            Body::Unsupported(reason) => Verdict::Unsupported { reason },
            Body::Whole(_) | Body::WithoutContent(..) | Body::Unread(_) => return,
        };
        let asset = self.crawl.ids.identity(&listed.kind.into(), self.crawl.place, &listed.remote);
        self.set_aside.push(Outcome { asset, key: listed.key, verdict });
    }

    fn keep(&mut self, kind: &dyn AssetKind, portrait: Portrait, mark: Mark) {
        self.store(kind, portrait, mark, None, false);
    }

    fn keep_with_content(
        &mut self,
        kind: &dyn AssetKind,
        portrait: Portrait,
        mark: Mark,
        known: Option<Digest>,
    ) {
        self.store(kind, portrait, mark, known, known.is_none());
    }

    fn store(
        &mut self,
        kind: &dyn AssetKind,
        portrait: Portrait,
        mark: Mark,
        content: Option<Digest>,
        unread: bool,
    ) {
        let schema = kind.schema();
        let Portrait { remote, key, mut spec, posture, tag } = portrait;
        symbolize::symbolize(&schema.fragment, &mut spec, self.crawl.place, self.crawl.ids);
        let document = Document::new(&spec);
        let spec = document.digest();
        let kind = KindName::from(schema.name);
        let known =
            self.last.get(&(kind.clone(), remote.clone())).is_some_and(|last| last.version.spec == spec);
        if !known {
            self.fresh.push(document);
        }
        let asset = self.crawl.ids.identity(&kind, self.crawl.place, &remote);
        if let Some(ahead) = self.crawl.unread.as_ref().filter(|_| unread) {
            // Nobody reads ahead any more where the cycle has failed already.
            let _ = ahead.unbounded_send((asset.clone(), remote.clone()));
        }
        let version = Version { spec, posture, content };
        self.insert(Entry { asset, remote, key, mark, version, tag }, unread);
    }

    fn insert(&mut self, mut entry: Entry, unread: bool) {
        entry.asset = self.crawl.ids.identity(&entry.asset.kind, self.crawl.place, &entry.remote);
        self.items.insert(entry.asset.clone(), Item { entry, unread });
    }

    async fn flush(&mut self) -> Result<(), SyncError> {
        if !self.fresh.is_empty() {
            self.crawl.store.put_documents(&std::mem::take(&mut self.fresh)).await?;
        }
        Ok(())
    }

    /// Takes in what a row did not say.
    async fn take_read(
        &mut self,
        short: Short,
        read: Result<Option<Value>, twinlake_assets::Error>,
    ) -> Result<(), SyncError> {
        let Short { kind, listed, mark } = short;
        let broken =
            |source| self.crawl.broken(&format!("{} {:?}", kind.schema().name, listed.key.as_str()), source);
        let portrait = match read {
            Ok(Some(raw)) => kind.portray(raw),
            // Gone between the list and the read: it is as if the list had come later.
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        let mut portrait = match portrait {
            Ok(portrait) => portrait,
            Err(error) if is_about_one(&error) => {
                self.could_not_read(&listed, &error);
                return Ok(());
            }
            Err(error) => return Err(broken(error)),
        };
        portrait.posture.overlay(&listed.posture);
        self.keep(kind, portrait, mark);
        if self.fresh.len() >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    /// One object that cannot be read must not keep all others from being kept. It exists, and is what it was last seen
    /// as, if it was ever seen.
    fn could_not_read(&mut self, listed: &Listed, error: &twinlake_assets::Error) {
        let kind = KindName::from(listed.kind);
        if let Some(mut entry) = self.last.get(&(kind.clone(), listed.remote.clone())).cloned() {
            entry.mark = Mark::new("");
            self.insert(entry, false);
        }
        let asset = self.crawl.ids.identity(&kind, self.crawl.place, &listed.remote);
        let verdict = Verdict::Failed { error: error.to_string() };
        self.set_aside.push(Outcome { asset, key: listed.key.clone(), verdict });
    }

    /// Drops folders that nothing needs, and adds the proofs.
    fn finish(mut self, proofs: HashMap<KindName, Complete>) -> Inventory {
        self.drop_idle_folders();
        let (place, at) = (self.crawl.place.clone(), self.crawl.at);
        Inventory { place, at, items: self.items, set_aside: self.set_aside, proofs }
    }

    /// Keeps the folders that are selected themselves, those that hold something that is, and copies.
    fn drop_idle_folders(&mut self) {
        let Crawl { scope, ids, place, keeps_copies, .. } = self.crawl;
        let selection = &scope.selection;
        let is_copy =
            |entry: &Entry| *keeps_copies && ids.known(&entry.asset.kind, place, &entry.remote).is_some();
        let mut needed = HashSet::new();
        let mut folders = HashSet::new();
        for (asset, Item { entry, .. }) in &self.items {
            let Some(kind) = kinds::find(asset.kind.as_str()).filter(|kind| kind.schema().is_tree()) else {
                continue;
            };
            let is_selected = selection.takes(kind.schema().plural, &entry.key);
            if kind.schema().holds_others && !is_selected && !is_copy(entry) {
                folders.insert(asset.clone());
            } else {
                let path = entry.key.as_str();
                needed.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
            }
        }
        self.items.retain(|asset, item| !folders.contains(asset) || needed.contains(item.entry.key.as_str()));
    }
}
