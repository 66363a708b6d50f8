//! A ready-queue: each change starts as soon as what it needs is there.
//!
//! One change is a few requests, one after the other, and each of them is: record the intent, send, record the answer.
//! Many changes are under way at once, so many per kind that no kind keeps another from its own budget; there are
//! no waves. A change that fails takes along only what needs it. Bytes of the source are read meanwhile, and a change
//! that waits for bytes is ready when they have come.

mod queue;
mod send;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use twinlake_base::Clock;
use twinlake_databricks::Permit;
use twinlake_model::{
    Action, AssetId, Change, Digest, FoundAwake, KindName, Outcome, Plan, Role, RunId, Verdict,
};
use twinlake_store::Store;

use self::queue::Queue;
use self::send::{Sent, SharedIds};
use crate::in_place::found_awake;
use crate::read_ahead::{Read, ReadAhead};
use crate::route::Route;
use crate::view::View;
use crate::{Progress, SyncError, Watch};

/// How many changes of one kind are under way at once.
const CHANGES_AT_ONCE: usize = 24;

/// What is needed to apply a plan.
pub(crate) struct Apply<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a Clock,
    pub(crate) route: &'a Route,
    pub(crate) run: &'a RunId,
    pub(crate) permit: &'a dyn Permit,
    pub(crate) watch: &'a dyn Watch,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) changes: usize,
    pub(crate) writes: usize,
    pub(crate) awake: Vec<(AssetId, Duration)>,
    /// What a fence found awake.
    pub(crate) found_awake: Vec<FoundAwake>,
    pub(crate) held: Option<(String, Digest)>,
    /// The kinds of which something was written.
    pub(crate) touched: HashSet<KindName>,
    /// How many changes have come to their end, done or not.
    pub(crate) finished: usize,
    /// Whether an answer was lost that a create may have taken effect without.
    pub(crate) has_open_questions: bool,
}

impl Apply<'_> {
    /// Applies what the guards let pass.
    ///
    /// # Errors
    /// When the permit ended: then nothing new is begun, what is under way is answered and recorded, and the intents of
    /// what was not sent any more are closed. When the state could not be written: what is under way is let go, and its
    /// intents stay open, for the next cycle to settle.
    pub(crate) async fn run(
        &self,
        plan: &Plan,
        view: &mut View,
        ahead: &mut ReadAhead,
    ) -> Result<Applied, SyncError> {
        let mut applied = Applied { outcomes: plan.settled.clone(), ..Applied::default() };
        let changes = self.without_held(plan, &mut applied);
        let mut queue =
            Queue::new(changes, |asset| view.ids.remote(asset, &self.route.target.place).is_some());
        ahead.narrow(queue.awaiting_content().map(|asset| {
            let item = view.source.items.get(asset);
            (asset.clone(), item.map_or(&asset.minted, |item| &item.entry.remote).clone())
        }));
        let ids: SharedIds = Mutex::new(std::mem::take(&mut view.ids));
        let ended = self.drain(&mut queue, ahead, view, &ids, &mut applied).await;
        view.ids = ids.into_inner().unwrap_or_else(PoisonError::into_inner);
        ended?;
        // What failed as a stub has its verdict; its filling never started.
        let told: HashSet<AssetId> = applied.outcomes.iter().map(|outcome| outcome.asset.clone()).collect();
        for change in queue.never_started().filter(|change| !told.contains(&change.asset)) {
            let why = match change.action {
                Action::Delete => "what refers to it could not be deleted",
                _ => "what it refers to could not be written",
            };
            applied.outcomes.push(outcome(change, Verdict::Lagging { why: why.to_owned() }));
        }
        Ok(applied)
    }

    /// The changes, less the deletions that wait for an approval.
    fn without_held(&self, plan: &Plan, applied: &mut Applied) -> Vec<Change> {
        let Some(why) = &plan.held else { return plan.changes.clone() };
        let (held, changes): (Vec<Change>, Vec<Change>) =
            plan.changes.iter().cloned().partition(|change| change.action == Action::Delete);
        // Everything else is about to be done, so that the next plan is of these alone.
        let rest = Plan { changes: held.clone(), ..plan.clone() };
        applied.held = Some((why.clone(), rest.digest()));
        let lagging = |change: &Change| outcome(change, Verdict::Lagging { why: why.clone() });
        applied.outcomes.extend(held.iter().map(lagging));
        changes
    }

    /// Starts what may start and takes in what ends, until nothing is under way any more.
    async fn drain(
        &self,
        queue: &mut Queue,
        ahead: &mut ReadAhead,
        view: &mut View,
        ids: &SharedIds,
        applied: &mut Applied,
    ) -> Result<(), SyncError> {
        let mut under_way = FuturesUnordered::new();
        let mut of_kind: HashMap<KindName, usize> = HashMap::new();
        let mut stopped = None;
        loop {
            let has_room = |kind: &KindName| of_kind.get(kind).is_none_or(|count| *count < CHANGES_AT_ONCE);
            if stopped.is_none()
                && let Some(index) = queue.start(has_room)
            {
                let change = queue.change(index).clone();
                *of_kind.entry(change.asset.kind.clone()).or_default() += 1;
                under_way.push(async move { (index, self.make(&change, ids).await) });
                continue;
            }
            tokio::select! {
                biased;
                Some((index, sent)) = under_way.next() => {
                    let kind = queue.change(index).asset.kind.clone();
                    of_kind.entry(kind).and_modify(|count| *count -= 1);
                    match self.take_in_sent(index, sent, queue, view, applied) {
                        Err(error) if error.lets_others_end() => drop(stopped.get_or_insert(error)),
                        taken_in => taken_in?,
                    }
                }
                Some((asset, read)) = ahead.next(), if stopped.is_none() => {
                    self.take_in_read(&asset, read, queue, view, applied)?;
                }
                else => return stopped.map_or(Ok(()), Err),
            }
        }
    }

    fn take_in_read(
        &self,
        asset: &AssetId,
        read: Read,
        queue: &mut Queue,
        view: &mut View,
        applied: &mut Applied,
    ) -> Result<(), SyncError> {
        let verdict = match read {
            Ok(Some(content)) => {
                view.source.has_read(asset, content);
                let is_known = view.bases.get(asset).is_some_and(|base| base.sent.content == Some(content));
                if !queue.is_only_content(asset) || !is_known {
                    queue.has_content(asset, content);
                    return Ok(());
                }
                // It was touched, and is what it was.
                Verdict::InSync
            }
            Ok(None) => {
                view.source.items.remove(asset);
                Verdict::Unknown {
                    why: "it was there when it was listed and gone when it was read".to_owned(),
                }
            }
            Err(error) if error.is_final() => return Err(error),
            Err(error) => send::failed(&error.to_string(), error.hint()),
        };
        if let Some(change) = queue.give_up(asset) {
            applied.outcomes.push(outcome(&change, verdict));
        }
        Ok(())
    }

    fn take_in_sent(
        &self,
        index: usize,
        sent: Sent,
        queue: &mut Queue,
        view: &mut View,
        applied: &mut Applied,
    ) -> Result<(), SyncError> {
        if let Some(error) = sent.fatal {
            return Err(error);
        }
        applied.finished += 1;
        let change = queue.change(index).clone();
        applied.writes += sent.writes;
        applied.awake.extend(sent.awake.map(|awake| (change.asset.clone(), awake)));
        applied.has_open_questions |= sent.is_open_question;
        if self.route.is_within_one_place() && self.route.role == Role::Standby {
            applied.found_awake.extend(found_awake(&change, sent.is_done));
        }
        if sent.writes > 0 {
            applied.touched.insert(change.asset.kind.clone());
        }
        if let Some(base) = sent.base {
            view.bases.insert(change.asset.clone(), base);
        }
        if sent.is_done {
            applied.changes += usize::from(change.action != Action::Adopt);
            queue.done(index);
        }
        let is_last = change.action != Action::CreateStub || !sent.is_done;
        if is_last && !(change.action == Action::Delete && sent.is_done) {
            applied.outcomes.push(outcome(&change, sent.verdict.clone()));
        }
        self.watch.see(Progress::Changed {
            asset: change.asset,
            key: change.key,
            verdict: sent.verdict,
            done: applied.finished,
            of: queue.len(),
        });
        Ok(())
    }
}

fn outcome(change: &Change, verdict: Verdict) -> Outcome {
    Outcome { asset: change.asset.clone(), key: change.key.clone(), verdict }
}
