//! What one place holds, as it was just listed: documents with the place's own ids, and a table of what these ids mean.

use std::collections::{BTreeMap, HashMap};

use futures::StreamExt;
use serde_json::Value;
use twinlake_assets::{AssetKind, Body, By, Embed, Fragment, Listed, Portrait, Scope, kinds};
use twinlake_databricks::Reader;
use twinlake_model::{
    AssetId, Document, IdMap, Key, KindName, Mark, Outcome, Place, RemoteId, Selection, Verdict,
};

use crate::error::is_about_one;
use crate::{Progress, Side, SyncError, Watch};

/// How many objects are read at once.
const READS_AT_ONCE: usize = 16;

/// The key under which an opened text of JSON stands in a document.
pub(super) const OPENED: &str = "$text";

/// One object as it was found. Posture and tag are set apart already, and left out here.
pub(super) struct Held {
    pub(super) kind: &'static dyn AssetKind,
    pub(super) remote: RemoteId,
    pub(super) key: Key,
    /// What it is, with the place's own ids.
    spec: Document,
    /// The version of its bytes, if the listing tells.
    pub(super) mark: Option<Mark>,
    /// Whether it is the group's business by its own name.
    pub(super) is_selected: bool,
}

impl Held {
    pub(super) fn name(&self) -> KindName {
        self.kind.schema().name.into()
    }
}

/// What one place holds.
pub(super) struct Holding<'a> {
    side: &'a Side,
    selection: &'a Selection,
    held: BTreeMap<(KindName, RemoteId), Held>,
    /// What people call everything that was listed, selected or not.
    keys: HashMap<(KindName, RemoteId), Key>,
    /// What has a name that no other of its kind can have.
    by_key: HashMap<(KindName, Key), RemoteId>,
    set_aside: Vec<Outcome>,
}

impl<'a> Holding<'a> {
    /// Lists a place whole, and reads what its listings do not show. What `is_copy` says so of is taken in whatever it is
    /// called.
    pub(super) async fn gather(
        side: &'a Side,
        selection: &'a Selection,
        is_copy: &(dyn Fn(&KindName, &RemoteId) -> bool + Sync),
        watch: &dyn Watch,
    ) -> Result<Self, SyncError> {
        watch.see(Progress::Crawling { place: side.place.clone() });
        let mut holding = Self {
            side,
            selection,
            held: BTreeMap::new(),
            keys: HashMap::new(),
            by_key: HashMap::new(),
            set_aside: Vec::new(),
        };
        let rows = holding.list().await?;
        let mut unread = Vec::new();
        for row in rows {
            let name = KindName::from(row.kind);
            holding.keys.insert((name.clone(), row.remote.clone()), row.key.clone());
            let is_selected = holding.takes(&name, &row.key);
            if !is_selected && !is_copy(&name, &row.remote) {
                continue;
            }
            let Some(kind) = kinds::find(row.kind) else {
                holding.leave_aside(row);
                continue;
            };
            match row.body {
                Body::Whole(portrait) => holding.hold(kind, portrait, None),
                Body::WithoutContent(portrait, mark) => holding.hold(kind, portrait, mark),
                Body::Unread(_) => unread.push((kind, row.remote, row.key)),
                Body::Skipped(_) | Body::Unsupported(_) => holding.leave_aside(row),
            }
        }
        let reader = holding.reader();
        let reads = unread.into_iter().map(|(kind, remote, key): (&'static dyn AssetKind, _, _)| {
            let reader = &reader;
            async move {
                let read = kind.read(reader, &remote).await;
                (kind, remote, key, read)
            }
        });
        let reads: Vec<_> = reads.collect();
        let mut reads = futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE);
        while let Some((kind, remote, key, read)) = reads.next().await {
            holding.take_read(kind, &remote, &key, read)?;
        }
        drop(reads);
        watch.see(Progress::Crawled { place: side.place.clone(), assets: holding.held.len() });
        Ok(holding)
    }

    pub(super) fn place(&self) -> &Place {
        &self.side.place
    }

    pub(super) fn reader(&self) -> Reader {
        self.side.client.reader()
    }

    /// Everything that is the group's business by its own name.
    pub(super) fn selected(&self) -> impl Iterator<Item = &Held> {
        self.held.values().filter(|held| held.is_selected)
    }

    /// Everything that was taken in.
    pub(super) fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    pub(super) fn get(&self, kind: &KindName, remote: &RemoteId) -> Option<&Held> {
        self.held.get(&(kind.clone(), remote.clone()))
    }

    /// What has this name, of a kind whose names are unique.
    pub(super) fn of_key(&self, kind: &KindName, key: &Key) -> Option<&Held> {
        self.get(kind, self.by_key.get(&(kind.clone(), key.clone()))?)
    }

    /// Whether something was listed, selected or not.
    pub(super) fn lists(&self, kind: &KindName, remote: &RemoteId) -> bool {
        self.keys.contains_key(&(kind.clone(), remote.clone()))
    }

    /// What was found and cannot be carried, or could not be read.
    pub(super) fn set_aside(&self) -> &[Outcome] {
        &self.set_aside
    }

    /// Looks at one object by itself.
    pub(super) async fn read_again(&mut self, kind: &KindName, remote: &RemoteId) -> Result<(), SyncError> {
        let Some(found) = kinds::find(kind.as_str()) else { return Ok(()) };
        let at = (kind.clone(), remote.clone());
        let key = self.keys.get(&at).cloned().unwrap_or_else(|| super::key_of(remote));
        let asset = self.minted(kind, remote);
        self.set_aside.retain(|outcome| outcome.asset != asset);
        if let Some(former) = self.held.remove(&at) {
            self.by_key.remove(&(kind.clone(), former.key));
        }
        let read = found.read(&self.reader(), remote).await;
        self.take_read(found, remote, &key, read)
    }

    /// A document in which every reference says what it leads to, by name or by the one identity that it has everywhere.
    pub(super) fn resolved(&self, held: &Held, ids: &IdMap) -> Value {
        let mut value = held.spec.value();
        self.resolve(&held.kind.schema().fragment, &mut value, ids);
        value
    }

    fn resolve(&self, fragment: &Fragment, value: &mut Value, ids: &IdMap) {
        for reference in fragment.references.iter().filter(|reference| reference.by == By::Id) {
            reference.at.visit_mut(value, |_, field| {
                let remote = match field {
                    Value::String(text) if !text.is_empty() && !text.contains("{{") => {
                        RemoteId::new(text.as_str())
                    }
                    Value::Number(number) => RemoteId::new(number.to_string()),
                    _ => return,
                };
                *field = Value::from(self.meaning(&reference.to.into(), &remote, ids));
            });
        }
        for embed in fragment.embeds {
            match embed {
                Embed::At(at, inner) => at.visit_mut(value, |_, part| self.resolve(inner, part, ids)),
                Embed::InText(at, inner) => at.visit_mut(value, |_, text| {
                    if let Some(part) = text.get_mut(OPENED) {
                        self.resolve(inner, part, ids);
                    }
                }),
            }
        }
    }

    /// What an id means at this place.
    fn meaning(&self, kind: &KindName, remote: &RemoteId, ids: &IdMap) -> String {
        let key = self.keys.get(&(kind.clone(), remote.clone()));
        let is_unique = kinds::find(kind.as_str()).is_some_and(|kind| kind.schema().has_unique_key());
        match key {
            Some(key) if is_unique => format!("the {kind} called {key}"),
            Some(key) => format!("{} called {key}", ids.identity(kind, self.place(), remote)),
            None => format!("{}, which is not there", ids.identity(kind, self.place(), remote)),
        }
    }

    /// Every row of every listing.
    async fn list(&self) -> Result<Vec<Listed>, SyncError> {
        let reader = self.reader();
        let scope = Scope { selection: self.selection.clone() };
        let mut named = std::collections::HashSet::new();
        let listings = kinds::KINDS.iter().rev().map(|kind| kind.listing());
        let listings: Vec<_> = listings.filter(|listing| named.insert(listing.name())).collect();
        let walks = listings.into_iter().map(|listing| {
            let (reader, scope) = (&reader, &scope);
            async move {
                let mut rows = Vec::new();
                let proof = listing
                    .list(reader, scope, &mut |row| {
                        rows.push(row);
                        Ok(())
                    })
                    .await;
                proof.map_err(|error| SyncError::crawl(listing.name(), self.place(), error))?;
                Ok::<_, SyncError>(rows)
            }
        });
        Ok(futures::future::try_join_all(walks).await?.into_iter().flatten().collect())
    }

    fn take_read(
        &mut self,
        kind: &'static dyn AssetKind,
        remote: &RemoteId,
        key: &Key,
        read: Result<Option<Value>, twinlake_assets::Error>,
    ) -> Result<(), SyncError> {
        let what = || format!("{} {:?}", kind.schema().name, key.as_str());
        let portrait = match read {
            Ok(Some(raw)) => kind.portray(raw),
            // Gone since it was listed: it is as if the list had come later.
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        match portrait {
            Ok(portrait) => self.hold(kind, portrait, None),
            Err(error) if is_about_one(&error) => {
                let asset = self.minted(&kind.schema().name.into(), remote);
                let verdict = Verdict::Failed { error: error.to_string() };
                self.set_aside.push(Outcome { asset, key: key.clone(), verdict });
            }
            Err(error) => return Err(SyncError::crawl(what(), self.place(), error)),
        }
        Ok(())
    }

    fn hold(&mut self, kind: &'static dyn AssetKind, portrait: Portrait, mark: Option<Mark>) {
        let Portrait { remote, key, spec, .. } = portrait;
        let name = KindName::from(kind.schema().name);
        let is_selected = self.takes(&name, &key);
        self.keys.insert((name.clone(), remote.clone()), key.clone());
        if kind.schema().has_unique_key() {
            self.by_key.insert((name.clone(), key.clone()), remote.clone());
        }
        let held = Held { kind, remote: remote.clone(), key, spec: Document::from(spec), mark, is_selected };
        self.held.insert((name, remote), held);
    }

    fn leave_aside(&mut self, row: Listed) {
        let verdict = match row.body {
            Body::Skipped(reason) => Verdict::Skipped { reason },
            Body::Unsupported(reason) => Verdict::Unsupported { reason },
            Body::Whole(_) | Body::WithoutContent(..) | Body::Unread(_) => return,
        };
        let asset = self.minted(&row.kind.into(), &row.remote);
        self.set_aside.push(Outcome { asset, key: row.key, verdict });
    }

    fn minted(&self, kind: &KindName, remote: &RemoteId) -> AssetId {
        AssetId::new(kind.clone(), self.place().clone(), remote.clone())
    }

    fn takes(&self, kind: &KindName, key: &Key) -> bool {
        let plural = kinds::find(kind.as_str()).map_or(kind.as_str(), |kind| kind.schema().plural);
        self.selection.takes(plural, key)
    }
}
