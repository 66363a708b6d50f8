//! Answering the questions that a crash or a lost answer left open.
//!
//! An open intent says that a request was about to be sent. For all but creates it does not matter whether it was: they
//! may be repeated, and the next plan repeats what is still needed. A create is looked for, once enough time has
//! passed that a list must show it: one request deadline and one consistency window. Found, it is paired; not found,
//! it never happened, and the next plan makes it.

use std::time::Duration;

use twinlake_assets::kinds;
use twinlake_base::{Clock, Timestamp};
use twinlake_model::{Intent, KindName, Place, Purpose};
use twinlake_store::{IntentId, Store};

use crate::compare::not_kept;
use crate::view::View;
use crate::{Item, Progress, SyncError, Watch};

/// How long a request that was sent may still take effect: the longest request deadline.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

/// How long after its intent a request may still be sent: retries, and the wait for a place in our own budget.
const LONGEST_CALL: Duration = Duration::from_secs(600);

/// Waits until the target's lists must show what the open creates made, if they made anything. When the last attempt of a
/// create was sent is not known; but nothing is under way any more, so it was before now.
pub(crate) async fn wait(clock: &Clock, place: &Place, questions: &[(IntentId, Intent)], watch: &dyn Watch) {
    let creates = questions.iter().filter(|(_, intent)| intent.purpose == Purpose::Create);
    let count = creates.clone().count();
    let now = clock.now();
    let sent = |intent: &Intent| later(intent.at, LONGEST_CALL).min(now);
    let visible_at =
        creates.map(|(_, intent)| visible(&intent.asset.kind, later(sent(intent), LONGEST_REQUEST))).max();
    if let Some(visible_at) = visible_at {
        if visible_at > now {
            watch.see(Progress::Waiting { place: place.clone(), questions: count, until: visible_at });
        }
        until(clock, visible_at).await;
    }
}

/// When every reader must see what took effect at `at`.
pub(crate) fn visible(kind: &KindName, at: Timestamp) -> Timestamp {
    later(at, kinds::find(kind.as_str()).map_or(Duration::ZERO, |kind| kind.schema().consistency))
}

/// Until when readers may not see what was sent with an intent of `at`, if nobody has seen it yet.
pub(crate) fn may_be_unseen(kind: &KindName, at: Timestamp) -> Timestamp {
    visible(kind, later(at, LONGEST_CALL))
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(jiff::SignedDuration::try_from(by).unwrap_or_default()).unwrap_or(Timestamp::MAX)
}

/// Waits until a moment after which what was written must be visible.
pub(crate) async fn until(clock: &Clock, visible_at: Timestamp) {
    if let Ok(left) = Duration::try_from(visible_at.duration_since(clock.now())) {
        tracing::info!(wait.seconds = left.as_secs(), "waiting until what was written must be visible");
        clock.sleep(left).await;
    }
}

/// Answers each question from what the target shows, and records the answers.
pub(crate) async fn answer(
    store: &Store,
    questions: &[(IntentId, Intent)],
    view: &mut View,
    watch: &dyn Watch,
) -> Result<(), SyncError> {
    for (number, intent) in questions {
        let is_paired = view.ids.remote(&intent.asset, &intent.target).is_some();
        let (Purpose::Create, Some(base), false) = (intent.purpose, &intent.base, is_paired) else {
            store.close_intent(*number).await?;
            continue;
        };
        let made = made_by(store, intent, view).await?;
        let happened = made.is_some();
        match made {
            Some(item) => {
                store.record_created(*number, base, &item.entry.remote).await?;
                view.adopt(&intent.asset, &item);
                view.bases.insert(intent.asset.clone(), base.clone());
            }
            None => store.close_intent(*number).await?,
        }
        watch.see(Progress::Settled { asset: intent.asset.clone(), happened });
    }
    Ok(())
}

/// The object that a create made, if the target has one that can only be it. Where there was room for the identity tag
/// it carries the tag; otherwise it is known by its name and by what it is.
async fn made_by(store: &Store, intent: &Intent, view: &View) -> Result<Option<Item>, SyncError> {
    let Some(kind) = kinds::find(intent.asset.kind.as_str()) else { return Ok(None) };
    let schema = kind.schema();
    let strangers = view.target.of_kind(schema.name).filter(|item| !view.is_ours(item));
    let sent = store.document(intent.desired.spec).await?.value();
    let must_be_tagged = twinlake_assets::has_room(schema, &sent);
    let mut candidates = Vec::new();
    for item in strangers.filter(|item| item.entry.key == intent.key) {
        let is_it = match &item.entry.tag {
            Some(tag) => *tag == intent.asset,
            None if must_be_tagged => false,
            None => not_kept(&sent, &store.document(item.entry.version.spec).await?.value()).is_empty(),
        };
        if is_it {
            candidates.push(item);
        }
    }
    match candidates.as_slice() {
        [only] => Ok(Some((*only).clone())),
        // Several can only be clones of the one that we made, in names that may repeat. The one that was there first
        // has the lowest id where ids are numbers; which it is does not matter as long as it is one.
        [first, ..] => {
            let number = |item: &&Item| item.entry.remote.as_str().parse::<i64>().unwrap_or(i64::MAX);
            Ok(candidates.iter().min_by_key(|item| number(item)).or(Some(first)).map(|item| (*item).clone()))
        }
        [] => Ok(None),
    }
}
