//! The other half of the base: what the target says it has, once we wrote it.
//!
//! Kinds of which something was written are listed again, once, instead of one GET per asset. A list may still be
//! stale, so what shows less than was sent, or what it showed before, is asked for by a GET once enough time has passed
//! that it must be up to date. What that lacks, the service did not keep, and the verdict says so. What the list does
//! not show at all stays open: the next cycle looks again.

use std::collections::{HashMap, HashSet};

use futures::StreamExt;
use twinlake_assets::{Portrait, kinds, symbolize};
use twinlake_base::{Clock, Timestamp};
use twinlake_databricks::Reader;
use twinlake_model::{
    AssetId, Base, Digest, Document, IdMap, KindName, Outcome, Place, RemoteId, Verdict, Version,
};
use twinlake_store::Store;

use crate::compare::{lost, not_kept};
use crate::view::View;
use crate::{Inventory, Item, SyncError, settle};

/// How many objects are read at once.
const READS_AT_ONCE: usize = 16;

/// What reading back works with.
pub(crate) struct Reading<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a Clock,
    pub(crate) reader: &'a Reader,
}

impl Reading<'_> {
    /// Takes over what was listed again, and completes the bases that it speaks of.
    pub(crate) async fn record(
        &self,
        again: Inventory,
        view: &mut View,
        outcomes: &mut [Outcome],
    ) -> Result<(), SyncError> {
        let (mut fresh, proofs) = (again.items, again.proofs);
        let earlier = std::mem::take(&mut view.target.items);
        let (mut earlier, kept) =
            earlier.into_iter().partition::<HashMap<_, _>, _>(|(asset, _)| proofs.contains_key(&asset.kind));
        view.target.items = kept.into_iter().collect();
        view.target.proofs.extend(proofs);
        let written: Vec<AssetId> =
            fresh.keys().filter(|asset| is_open(view.bases.get(*asset))).cloned().collect();
        let mut doubtful = Vec::new();
        for asset in &written {
            let (Some(base), Some(item)) = (view.bases.get(asset), fresh.get(asset)) else { continue };
            let shown = item.entry.version.spec;
            let before = earlier.get(asset).map(|item| item.entry.version.spec);
            let is_as_before = before == Some(shown) && base.sent.spec != shown;
            if is_as_before || !self.lost(base, shown, &view.ids).await?.is_empty() {
                doubtful.push((asset.clone(), item.entry.remote.clone(), base.applied_at));
            }
        }
        for (asset, spec) in self.read_later(doubtful, &view.target.place, &view.ids).await? {
            if let Some(item) = fresh.get_mut(&asset) {
                item.entry.version.spec = spec;
            }
        }
        let mut completed = Vec::with_capacity(written.len());
        for asset in &written {
            let (Some(base), Some(item)) = (view.bases.get(asset), fresh.get_mut(asset)) else { continue };
            completed.push(self.complete(base, item, &view.ids).await?);
        }
        for (asset, mut item) in fresh {
            if !is_open(view.bases.get(&asset)) {
                inherit_content(&mut item, earlier.remove(&asset));
            }
            view.target.items.insert(asset, item);
        }
        self.store.put_bases(&completed).await?;
        for base in completed {
            say_what_was_not_kept(&base, outcomes);
            view.bases.insert(base.asset.clone(), base);
        }
        Ok(())
    }

    /// Completes one base from what the target shows.
    async fn complete(&self, base: &Base, item: &mut Item, ids: &IdMap) -> Result<Base, SyncError> {
        let mut base = base.clone();
        // A listing does not show bytes. These are the ones that we wrote, at the mark that the listing gives them.
        if item.unread {
            item.entry.version.content = base.sent.content;
            item.unread = item.entry.mark.as_str().is_empty();
        }
        base.read_back = Some(Version { content: base.sent.content, ..item.entry.version.clone() });
        let not_there = self.lost(&base, item.entry.version.spec, ids).await?;
        let known = std::mem::take(&mut base.not_kept);
        let fields = known.into_iter().chain(not_there.iter().map(|field| lost(field)));
        fields.for_each(|field| {
            if !base.not_kept.contains(&field) {
                base.not_kept.push(field);
            }
        });
        Ok(base)
    }

    /// What of the sent document the shown one lacks.
    async fn lost(&self, base: &Base, shown: Digest, ids: &IdMap) -> Result<Vec<String>, SyncError> {
        if shown == base.sent.spec {
            return Ok(Vec::new());
        }
        let mut sent = self.store.document(base.sent.spec).await?.value();
        let mut shown = self.store.document(shown).await?.value();
        symbolize::refresh(&mut sent, ids);
        symbolize::refresh(&mut shown, ids);
        Ok(not_kept(&sent, &shown))
    }

    /// Reads objects once what was written to them must be visible, and stores their portable documents. Those that
    /// cannot be read are left out: then the list's word stands.
    async fn read_later(
        &self,
        doubtful: Vec<(AssetId, RemoteId, Timestamp)>,
        place: &Place,
        ids: &IdMap,
    ) -> Result<Vec<(AssetId, Digest)>, SyncError> {
        let now = self.clock.now();
        let visible = |(asset, _, at): &(AssetId, RemoteId, Timestamp)| {
            settle::may_be_unseen(&asset.kind, *at).min(settle::visible(&asset.kind, now))
        };
        if let Some(visible_at) = doubtful.iter().map(visible).max() {
            settle::until(self.clock, visible_at).await;
        }
        let mut reads = futures::stream::iter(doubtful.into_iter().map(|(asset, remote, _)| async move {
            let portrait = self.portrait(&asset, &remote).await;
            (asset, portrait)
        }))
        .buffer_unordered(READS_AT_ONCE);
        let mut found = Vec::new();
        while let Some((asset, portrait)) = reads.next().await {
            let Some(Portrait { mut spec, .. }) = portrait else { continue };
            if let Some(kind) = kinds::find(asset.kind.as_str()) {
                symbolize::symbolize(&kind.schema().fragment, &mut spec, place, ids);
                found.push((asset, self.store.put_document(&Document::from(spec)).await?));
            }
        }
        Ok(found)
    }

    async fn portrait(&self, asset: &AssetId, remote: &RemoteId) -> Option<Portrait> {
        let kind = kinds::find(asset.kind.as_str())?;
        let raw = kind.read(self.reader, remote).await.ok()??;
        kind.portray(raw).ok()
    }
}

/// What was written could not be read back in this cycle. It is read in the next one, and until then nothing is claimed.
pub(crate) fn leave_open(
    view: &View,
    touched: &HashSet<KindName>,
    error: &SyncError,
    outcomes: &mut [Outcome],
) {
    let is_written = |outcome: &Outcome| {
        let claims =
            matches!(outcome.verdict, Verdict::InSync | Verdict::Drifted { .. } | Verdict::Partial { .. });
        claims && touched.contains(&outcome.asset.kind) && is_open(view.bases.get(&outcome.asset))
    };
    for outcome in outcomes.iter_mut().filter(|outcome| is_written(outcome)) {
        outcome.verdict = Verdict::Lagging { why: format!("written, and not read back yet: {error}") };
    }
}

/// Whether something was sent that was not read back yet.
fn is_open(base: Option<&Base>) -> bool {
    base.is_some_and(|base| base.read_back.is_none())
}

/// What was not written in this cycle still has the bytes that it had, if its mark did not move.
fn inherit_content(item: &mut Item, earlier: Option<Item>) {
    let Some(earlier) = earlier.filter(|earlier| item.unread && !earlier.unread) else { return };
    if earlier.entry.mark == item.entry.mark && !item.entry.mark.as_str().is_empty() {
        item.entry.version.content = earlier.entry.version.content;
        item.unread = false;
    }
}

fn say_what_was_not_kept(base: &Base, outcomes: &mut [Outcome]) {
    if base.not_kept.is_empty() {
        return;
    }
    let Some(outcome) = outcomes.iter_mut().find(|outcome| outcome.asset == base.asset) else { return };
    let told = match &outcome.verdict {
        Verdict::Partial { fields } => fields.clone(),
        Verdict::InSync | Verdict::Drifted { .. } => Vec::new(),
        _ => return,
    };
    let new = base.not_kept.iter().filter(|field| !told.contains(field)).cloned();
    let fields: Vec<String> = told.iter().cloned().chain(new).collect();
    if !fields.is_empty() {
        outcome.verdict = Verdict::Partial { fields };
    }
}
