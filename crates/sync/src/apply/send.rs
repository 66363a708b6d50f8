//! One change: a few requests, each with its intent before and its answer after.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use twinlake_assets::{AssetKind, kinds, resolve};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Answer, Error, Write};
use twinlake_model::{Action, Base, Call, CallBody, Change, IdMap, Intent, Purpose, RemoteId, Role, Verdict};

use super::Apply;
use crate::SyncError;
use crate::error::is_final;
use crate::mourning::kept_for_others;

/// What came of a change.
pub(super) struct Sent {
    /// The verdict on its asset.
    pub(super) verdict: Verdict,
    /// Whether what waits for it may start.
    pub(super) is_done: bool,
    /// How many requests took effect.
    pub(super) writes: usize,
    /// How long it ran between its create and its stop.
    pub(super) awake: Option<Duration>,
    /// Whether a create may or may not have taken effect.
    pub(super) is_open_question: bool,
    /// What was recorded.
    pub(super) base: Option<Base>,
    /// What ends the whole run.
    pub(super) fatal: Option<SyncError>,
}

impl Sent {
    const fn nothing(verdict: Verdict) -> Self {
        Self {
            verdict,
            is_done: false,
            writes: 0,
            awake: None,
            is_open_question: false,
            base: None,
            fatal: None,
        }
    }
}

/// Ids are learnt while changes are under way, so they are shared by all of them; never held across a wait.
pub(super) type SharedIds = Mutex<IdMap>;

impl Apply<'_> {
    /// Makes one change.
    pub(super) async fn make(&self, change: &Change, ids: &SharedIds) -> Sent {
        let mut sent = Sent::nothing(Verdict::InSync);
        if let Err(trouble) = self.make_all(change, ids, &mut sent).await {
            match trouble {
                Trouble::Fatal(error) => sent.fatal = Some(*error),
                Trouble::Verdict(verdict) => sent.verdict = verdict,
            }
            return sent;
        }
        sent.is_done = true;
        sent.verdict = if !change.partial.is_empty() {
            Verdict::Partial { fields: change.partial.clone() }
        } else if !change.drift.is_empty() {
            Verdict::Drifted { fields: change.drift.clone() }
        } else {
            Verdict::InSync
        };
        sent
    }

    async fn make_all(&self, change: &Change, ids: &SharedIds, sent: &mut Sent) -> Result<(), Trouble> {
        let Some(kind) = kinds::find(change.asset.kind.as_str()) else { return Ok(()) };
        let target = &self.route.target.place;
        let base = self.base(change);
        if let (Some(remote), Some(observed)) = (&change.remote, &change.observed) {
            let known = lock(ids).remote(&change.asset, target).cloned();
            if known.as_ref() != Some(remote) {
                // Until our own document is sent, what stands there counts as what was sent.
                let stands = if change.rewrites { observed } else { &change.desired };
                let found = Base { sent: stands.clone(), read_back: Some(observed.clone()), ..base.clone() };
                self.store.record_adopted(&found, remote).await.map_err(SyncError::from)?;
                lock(ids).pair(change.asset.clone(), target.clone(), remote.clone());
                sent.base = Some(found);
            }
        }
        let spec = self.store.document(change.desired.spec).await.map_err(SyncError::from)?.value();
        if change.action == Action::Adopt {
            self.store.put_base(&base).await.map_err(SyncError::from)?;
            sent.base = Some(base);
            return Ok(());
        }
        let mut created_at = None;
        let mut refused = None;
        for call in kind.calls(change, &spec) {
            // What must sleep is put to sleep also where what it is could not be written.
            let puts_to_sleep = call.purpose == Purpose::Posture && self.route.role == Role::Standby;
            if refused.is_some() && !puts_to_sleep {
                continue;
            }
            match self.send(kind, change, &call, &base, ids, sent).await {
                Err(Trouble::Verdict(verdict)) if call.purpose == Purpose::Update => refused = Some(verdict),
                Err(Trouble::Verdict(verdict)) => return Err(Trouble::Verdict(refused.unwrap_or(verdict))),
                sent => sent?,
            }
            if call.purpose == Purpose::Create {
                created_at = Some(self.clock.instant());
            } else if let (Purpose::Posture, Some(created_at), None) = (call.purpose, created_at, sent.awake)
            {
                sent.awake = Some(self.clock.instant() - created_at);
            }
        }
        refused.map_or(Ok(()), |verdict| Err(Trouble::Verdict(verdict)))
    }

    async fn send(
        &self,
        kind: &dyn AssetKind,
        change: &Change,
        call: &Call,
        base: &Base,
        ids: &SharedIds,
        sent: &mut Sent,
    ) -> Result<(), Trouble> {
        let target = &self.route.target.place;
        let content = match (&call.body, change.desired.content) {
            (CallBody::WithContent(..), None) => {
                let error = "its bytes were not read, and it is not written without them";
                return Err(Trouble::Verdict(failed(error, None)));
            }
            (CallBody::WithContent(..), Some(content)) => {
                Some(self.store.blob(content).await.map_err(SyncError::from)?)
            }
            _ => None,
        };
        let write = resolve::request(call, &change.asset, target, &lock(ids), content.as_deref())
            .map_err(|error| Trouble::Verdict(failed(&error.to_string(), error.hint())))?;
        drop(content);
        let intent = Intent {
            run: self.run.clone(),
            target: target.clone(),
            asset: change.asset.clone(),
            key: change.key.clone(),
            purpose: call.purpose,
            request: call.to_string(),
            desired: change.desired.clone(),
            base: (call.purpose == Purpose::Create).then(|| base.clone()),
            at: self.clock.now(),
        };
        let intent = self.store.open_intent(&intent).await.map_err(SyncError::from)?;
        let answer = match self.send_when_ready(&write).await {
            Ok(answer) => answer,
            Err(error) if is_final(&error) => {
                // What was certainly not sent is no question. What ended with the process is settled by the next one.
                if matches!(&error, Error::PermitRefused { maybe_sent: false, .. }) {
                    self.store.close_intent(intent).await.map_err(SyncError::from)?;
                }
                return Err(Trouble::Fatal(Box::new(SyncError::Stopped { source: Box::new(error) })));
            }
            Err(error) if call.purpose == Purpose::Create && leaves_a_question(&error) => {
                sent.is_open_question = true;
                return Err(Trouble::Verdict(Verdict::Unknown { why: error.to_string() }));
            }
            Err(error) if call.purpose == Purpose::Delete && error.class() == ErrorClass::Missing => {
                return self.record_deleted(intent, change, sent).await;
            }
            Err(error) if call.purpose == Purpose::Delete && is_not_empty(&error) => {
                self.store.close_intent(intent).await.map_err(SyncError::from)?;
                let note = kept_for_others(&self.route.source.place);
                return Err(Trouble::Verdict(Verdict::Unmanaged { note: Some(note) }));
            }
            Err(error) => {
                self.store.close_intent(intent).await.map_err(SyncError::from)?;
                return Err(Trouble::Verdict(match is_in_between(&error) {
                    true => Verdict::Lagging { why: error.to_string() },
                    false => failed(&error.to_string(), error.hint()),
                }));
            }
        };
        sent.writes += 1;
        match call.purpose {
            Purpose::Delete => return self.record_deleted(intent, change, sent).await,
            Purpose::Posture => self.store.close_intent(intent).await.map_err(SyncError::from)?,
            Purpose::Create | Purpose::Update
                if call.purpose == Purpose::Create || lock(ids).remote(&change.asset, target).is_none() =>
            {
                let remote = remote_id(kind, change, &answer)?;
                self.store.record_created(intent, base, &remote).await.map_err(SyncError::from)?;
                lock(ids).pair(change.asset.clone(), target.clone(), remote);
                sent.base = Some(base.clone());
            }
            // What a place is set to by itself is the copy of nothing.
            Purpose::Create | Purpose::Update
                if change.records_base() && !self.route.is_within_one_place() =>
            {
                self.store.record_applied(intent, base).await.map_err(SyncError::from)?;
                sent.base = Some(base.clone());
            }
            Purpose::Create | Purpose::Update => {
                self.store.close_intent(intent).await.map_err(SyncError::from)?
            }
        }
        Ok(())
    }

    /// Sends a write; again, if it may be repeated, while the object is between two states and takes none.
    async fn send_when_ready(&self, write: &Write) -> Result<Answer, Error> {
        let writer = self.route.target.client.writer();
        for wait in WHILE_IN_BETWEEN {
            match writer.send(self.permit, write).await {
                Err(error) if write.repeatable && is_in_between(&error) => self.clock.sleep(*wait).await,
                ended => return ended,
            }
        }
        writer.send(self.permit, write).await
    }

    async fn record_deleted(
        &self,
        intent: twinlake_store::IntentId,
        change: &Change,
        sent: &mut Sent,
    ) -> Result<(), Trouble> {
        let (source, target) = (&self.route.source.place, &self.route.target.place);
        self.store.record_deleted(intent, &change.asset, source, target).await.map_err(SyncError::from)?;
        // What the other direction remembers would be turned around, and asked for again in each cycle.
        self.store.remove_base(&change.asset, target, source).await.map_err(SyncError::from)?;
        sent.writes = sent.writes.max(1);
        Ok(())
    }

    fn base(&self, change: &Change) -> Base {
        let mut source_version = change.source.clone();
        if change.action == Action::CreateStub {
            // A stub is the copy of nothing yet; the next cycle must not take it for the whole.
            source_version.spec = change.desired.spec;
        }
        Base {
            asset: change.asset.clone(),
            source: self.route.source.place.clone(),
            target: self.route.target.place.clone(),
            source_version,
            sent: change.desired.clone(),
            read_back: change.observed.clone().filter(|_| change.action == Action::Adopt),
            not_kept: change.not_kept.clone(),
            mappings: self.route.mappings.digest(),
            epoch: self.route.epoch,
            run: self.run.clone(),
            applied_at: self.clock.now(),
        }
    }
}

/// What ends one change, or all of them.
enum Trouble {
    Verdict(Verdict),
    Fatal(Box<SyncError>),
}

impl From<SyncError> for Trouble {
    fn from(error: SyncError) -> Self {
        Self::Fatal(Box::new(error))
    }
}

pub(super) fn lock(ids: &SharedIds) -> std::sync::MutexGuard<'_, IdMap> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn failed(error: &str, hint: Option<String>) -> Verdict {
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    Verdict::Failed { error: format!("{error}{hint}") }
}

/// How long to wait for an object that is between two states, such as a cluster that is terminating.
const WHILE_IN_BETWEEN: &[Duration] =
    &[Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(30)];

/// Whether the service refused because of a state that passes.
fn is_in_between(error: &Error) -> bool {
    matches!(error, Error::Api { code, .. } if code == "INVALID_STATE")
}

/// Whether something else lies in what was to be deleted.
fn is_not_empty(error: &Error) -> bool {
    matches!(error, Error::Api { code, .. } if code == "DIRECTORY_NOT_EMPTY")
}

/// Whether a create that ended so may have made something: its answer was lost, or something of that name exists.
fn leaves_a_question(error: &Error) -> bool {
    error.may_have_acted() || error.class() == ErrorClass::Conflict
}

fn remote_id(kind: &dyn AssetKind, change: &Change, answer: &Answer) -> Result<RemoteId, Trouble> {
    if kind.schema().is_tree() {
        return Ok(RemoteId::new(change.key.as_str()));
    }
    let document = answer.json().map_err(|error| Trouble::Verdict(failed(&error.to_string(), None)))?;
    kind.created(&document).ok_or_else(|| {
        let shown: String = document.to_string().chars().take(120).collect();
        Trouble::Verdict(failed(&format!("it was created, but the answer has no id: {shown}"), None))
    })
}
