//! The other half of the base: what the target says it has, once we wrote it.
//!
//! Kinds of which something was written are listed again, once, instead of one GET per asset. A list may still be
//! stale, so what does not show what was sent is asked for by a GET. What that lacks, the service did not keep, and
//! the verdict says so. What the list does not show at all stays open: the next cycle looks again.

use twinlake_assets::{Portrait, kinds, symbolize};
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Base, Digest, Document, Outcome, Verdict, Version};
use twinlake_store::Store;

use crate::compare::not_kept;
use crate::sync::View;
use crate::{Inventory, Item, SyncError};

/// Takes over what was listed again, and completes the bases that it speaks of.
pub(crate) async fn record(
    store: &Store,
    reader: &Reader,
    again: Inventory,
    view: &mut View,
    outcomes: &mut [Outcome],
) -> Result<(), SyncError> {
    let (fresh, proofs) = (again.items, again.proofs);
    let earlier = std::mem::take(&mut view.target.items);
    let (mut listed_again, kept) =
        earlier.into_iter().partition(|(asset, _)| proofs.contains_key(&asset.kind));
    view.target.items = kept;
    view.target.proofs.extend(proofs);
    let mut completed = Vec::new();
    for (asset, mut item) in fresh {
        match view.bases.get(&asset).filter(|base| base.read_back.is_none()) {
            Some(base) => completed.push(complete(store, reader, base, &mut item, view).await?),
            None => inherit_content(&mut item, listed_again.remove(&asset)),
        }
        view.target.items.insert(asset, item);
    }
    store.put_bases(&completed).await?;
    for base in completed {
        say_what_was_not_kept(&base, outcomes);
        view.bases.insert(base.asset.clone(), base);
    }
    Ok(())
}

/// Completes one base from what the target shows.
async fn complete(
    store: &Store,
    reader: &Reader,
    base: &Base,
    item: &mut Item,
    view: &View,
) -> Result<Base, SyncError> {
    let mut base = base.clone();
    let lost = match lost(store, &base, item.entry.version.spec, view).await? {
        lost if lost.is_empty() => lost,
        _ => {
            if let Some(spec) = read_spec(store, reader, &item.entry.asset, item, view).await? {
                item.entry.version.spec = spec;
            }
            lost(store, &base, item.entry.version.spec, view).await?
        }
    };
    // A listing does not show bytes. These are the ones that we wrote, at the mark that the listing gives them.
    if item.unread {
        item.entry.version.content = base.sent.content;
        item.unread = item.entry.mark.as_str().is_empty();
    }
    base.read_back = Some(Version { content: base.sent.content, ..item.entry.version.clone() });
    base.not_kept.extend(lost.into_iter().map(|field| format!("{field}: not kept by the service")));
    Ok(base)
}

/// What of the sent document the shown one lacks.
async fn lost(store: &Store, base: &Base, shown: Digest, view: &View) -> Result<Vec<String>, SyncError> {
    if shown == base.sent.spec {
        return Ok(Vec::new());
    }
    let mut sent = store.document(base.sent.spec).await?.value();
    let mut shown = store.document(shown).await?.value();
    symbolize::refresh(&mut sent, &view.ids);
    symbolize::refresh(&mut shown, &view.ids);
    Ok(not_kept(&sent, &shown))
}

/// Reads one object and stores its portable document. None where it cannot be read: then the list's word stands.
async fn read_spec(
    store: &Store,
    reader: &Reader,
    asset: &AssetId,
    item: &Item,
    view: &View,
) -> Result<Option<Digest>, SyncError> {
    let Some(kind) = kinds::find(asset.kind.as_str()) else { return Ok(None) };
    let Ok(Some(raw)) = kind.read(reader, &item.entry.remote).await else { return Ok(None) };
    let Ok(Portrait { mut spec, .. }) = kind.portray(raw) else { return Ok(None) };
    symbolize::symbolize(&kind.schema().fragment, &mut spec, &view.target.place, &view.ids);
    Ok(Some(store.put_document(&Document::from(spec)).await?))
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
    let mine = outcomes.iter_mut().find(|outcome| outcome.asset == base.asset);
    if let Some(outcome) =
        mine.filter(|outcome| matches!(outcome.verdict, Verdict::InSync | Verdict::Partial { .. }))
    {
        outcome.verdict = Verdict::Partial { fields: base.not_kept.clone() };
    }
}
