//! What becomes of one asset: desired against observed and base. Pure, but for documents that it asks for.

use serde_json::Value;
use twinlake_assets::{AssetKind, Field, Ration, symbolize};
use twinlake_model::{
    Action, AssetId, Base, Digest, Document, IdMap, Key, Mappings, Outcome, Pattern, Posture, RemoteId, Role,
    Verdict, Version,
};
use twinlake_store::Store;

use crate::compare::{differences, lost, not_kept, says_otherwise};
use crate::desire::{Direction, believable, desire};
use crate::needs::Needs;
use crate::pairing::Counterpart;
use crate::{Item, SyncError};

/// A change in the making.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: &'static dyn AssetKind,
    pub(crate) asset: AssetId,
    pub(crate) key: Key,
    pub(crate) action: Action,
    pub(crate) remote: Option<RemoteId>,
    pub(crate) source: Version,
    pub(crate) document: Document,
    pub(crate) desired: Version,
    pub(crate) observed: Option<Version>,
    pub(crate) content_mark: Option<String>,
    pub(crate) fields: Vec<String>,
    /// Of these, what somebody changed at the target.
    pub(crate) drift: Vec<String>,
    pub(crate) rewrites: bool,
    pub(crate) needs: Needs,
    /// Whose rename must come first, because it gives up the name that this one takes.
    pub(crate) after: Option<AssetId>,
    /// What will still differ afterwards.
    pub(crate) partial: Vec<String>,
    /// Of this, what the target cannot be made to keep.
    pub(crate) not_kept: Vec<String>,
}

/// What is decided about one asset.
pub(crate) enum Decision {
    /// Nothing is to be done.
    Settled(Verdict),
    /// This is.
    Change(Box<Draft>),
}

/// Everything that one decision looks at.
pub(crate) struct Case<'a> {
    pub(crate) kind: &'static dyn AssetKind,
    pub(crate) item: &'a Item,
    /// Whose rename must come first.
    pub(crate) after: Option<&'a AssetId>,
    pub(crate) counterpart: &'a Counterpart,
    /// What stands for it at the target, if anything does.
    pub(crate) found: Option<&'a Item>,
    pub(crate) base: Option<&'a Base>,
    pub(crate) direction: Direction<'a>,
    pub(crate) mappings: Digest,
    /// The tables that the base was made with, if they are still known.
    pub(crate) former_mappings: Option<&'a Mappings>,
    pub(crate) ids: &'a IdMap,
    /// Whether it gets the rationed posture of its kind; true where there is none.
    pub(crate) gets_ration: bool,
}

impl Case<'_> {
    /// Decides. Documents are loaded only if a digest differs.
    pub(crate) async fn decide(&self, store: &Store) -> Result<Decision, SyncError> {
        let posture = self.posture();
        if let (Counterpart::Occupied { by, is_ours }, None) = (self.counterpart, self.after) {
            return Ok(Decision::Settled(self.without_a_name(by, *is_ours)));
        }
        let Some(found) = self.found else { return self.create(store, posture).await };
        match (self.counterpart, self.base) {
            (Counterpart::Stranger(_), _) => self.meet(store, found, posture, Meeting::Stranger).await,
            (Counterpart::Paired, Some(base)) if self.is_quiet(base, found, &posture) => {
                Ok(self.settled(base))
            }
            (Counterpart::Paired, Some(base)) => self.update(store, found, base, posture).await,
            _ => self.meet(store, found, posture, Meeting::Ours).await,
        }
    }

    /// The desired posture, with the ration applied.
    pub(crate) fn posture(&self) -> Posture {
        let entry = &self.item.entry;
        let mut posture = match self.direction.role {
            Role::Primary => entry.version.posture.clone(),
            Role::Standby => self.kind.asleep(&entry.version.posture),
        };
        if let Some(ration) = self.missed_ration() {
            posture.set(ration.word, Value::Bool(false));
        }
        posture
    }

    /// What its kind rations and it does not get. Only what sleeps is rationed.
    fn missed_ration(&self) -> Option<Ration> {
        self.kind.ration().filter(|_| !self.gets_ration && self.direction.role == Role::Standby)
    }

    /// What will not be as it should, whatever is sent.
    fn without_ration(&self) -> Vec<String> {
        self.missed_ration()
            .map(|ration| format!("{}: {}", ration.word, ration.without))
            .into_iter()
            .collect()
    }

    /// Whether neither side changed since the base was recorded.
    fn is_quiet(&self, base: &Base, found: &Item, posture: &Posture) -> bool {
        let (source, target) = (&self.item.entry.version, &found.entry.version);
        let Some(read_back) = &base.read_back else { return false };
        base.mappings == self.mappings
            && base.source_version.spec == source.spec
            && read_back.spec == target.spec
            && !self.item.unread
            && !found.unread
            && (base.sent.content == source.content || self.has_lost_bytes())
            && read_back.content == target.content
            && posture_differences(posture, &target.posture).is_empty()
    }

    fn settled(&self, base: &Base) -> Decision {
        let fields: Vec<String> = base.not_kept.iter().cloned().chain(self.without_ration()).collect();
        Decision::Settled(if fields.is_empty() { Verdict::InSync } else { Verdict::Partial { fields } })
    }

    /// What is said of an asset whose name is taken at the target.
    fn without_a_name(&self, by: &AssetId, is_ours: bool) -> Verdict {
        let taken = format!("its name is taken at {} by {} {}", self.direction.to, by.kind, by.minted);
        match is_ours {
            true => Verdict::Lagging { why: format!("{taken}, a copy that is renamed or deleted first") },
            false => Verdict::Diverged { why: format!("{taken}, which was not made by us") },
        }
    }

    async fn create(&self, store: &Store, posture: Posture) -> Result<Decision, SyncError> {
        if self.has_lost_bytes() {
            let why = "its bytes were never read while the source could be asked".to_owned();
            return Ok(Decision::Settled(Verdict::Unknown { why }));
        }
        let (document, _) = self.desired(store, None).await?;
        let mut draft = self.draft(Action::Create, None, document, posture);
        draft.rewrites = true;
        Ok(Decision::Change(Box::new(draft)))
    }

    async fn update(
        &self,
        store: &Store,
        found: &Item,
        base: &Base,
        posture: Posture,
    ) -> Result<Decision, SyncError> {
        let before = self.value(store, base.source_version.spec).await?;
        let sent = self.value(store, base.sent.spec).await?;
        let observed = self.value(store, found.entry.version.spec).await?;
        let there = believable(self.kind, &before, &sent, self.direction, self.former_mappings);
        let (document, _) = self.desired(store, Some((&before, &there))).await?;
        let (desired, fixed) = hold_fixed(self.kind, document.value(), &sent);

        let mut fields = differences(&desired, &sent);
        let mut drift = Vec::new();
        match &base.read_back {
            Some(read_back) => {
                let read_back = self.value(store, read_back.spec).await?;
                drift = differences(&read_back, &observed);
            }
            // It was never read back: what it shows now counts, as long as it shows what we sent.
            None => fields.extend(not_kept(&sent, &observed)),
        }
        if self.content_drifted(base, found) {
            drift.push("content".to_owned());
        }
        if self.content_changed(base) {
            fields.push("content".to_owned());
        }
        let rewrites = !fields.is_empty() || !drift.is_empty();
        // A posture that we sent before and that is otherwise now was changed by somebody. What was never read back may
        // be otherwise because we were stopped between a create and the call that puts it to sleep.
        let was_there =
            |at: &String| base.read_back.is_some() && base.sent.posture.get(at) == posture.get(at);
        let (theirs, ours) = posture_differences(&posture, &found.entry.version.posture)
            .into_iter()
            .partition::<Vec<String>, _>(was_there);
        drift.extend(theirs);
        fields.extend(ours);

        let mut draft = self.draft(Action::Update, Some(found), Document::from(desired.clone()), posture);
        draft.rewrites = rewrites;
        draft.set_fields(fields, drift);
        draft.keep_fixed(fixed);
        if draft.fields.is_empty() && draft.content_mark.is_none() {
            // Nothing differs. What is remembered may still be older than what was seen: then it is brought up to date.
            draft.action = Action::Adopt;
            draft.not_kept.extend(not_kept(&desired, &observed).iter().map(|field| lost(field)));
            draft.partial = draft.not_kept.iter().cloned().chain(self.without_ration()).collect();
        }
        Ok(Decision::Change(Box::new(draft)))
    }

    /// Something stands at the target that no base of ours speaks of.
    async fn meet(
        &self,
        store: &Store,
        found: &Item,
        posture: Posture,
        meeting: Meeting,
    ) -> Result<Decision, SyncError> {
        let observed = self.value(store, found.entry.version.spec).await?;
        let (document, _) = self.desired(store, None).await?;
        let (desired, fixed) = match meeting {
            Meeting::Ours => hold_fixed(self.kind, document.value(), &observed),
            Meeting::Stranger => (document.value(), Vec::new()),
        };
        let differs = says_otherwise(&desired, &observed);
        let (mine, theirs) = (self.item.entry.version.content, found.entry.version.content);
        let same_content = !self.kind.has_content() || (mine.is_some() && mine == theirs);
        let is_equal = differs.is_empty() && same_content;
        if meeting == Meeting::Stranger && !is_equal && !self.kind.schema().holds_others {
            let mut fields = differs;
            if !same_content {
                fields.push("content".to_owned());
            }
            let why = format!(
                "{} stands there already, not made by us, and differs in {}; `twinlake id adopt '{}'` lets ours win",
                found.entry.asset.minted,
                fields.join(", "),
                self.item.entry.asset
            );
            return Ok(Decision::Settled(Verdict::Diverged { why }));
        }
        let posture_fields = posture_differences(&posture, &found.entry.version.posture);
        let mut draft = self.draft(Action::Update, Some(found), Document::from(desired), posture);
        draft.rewrites = !is_equal;
        draft.set_fields(differs.into_iter().chain(posture_fields).collect(), Vec::new());
        draft.keep_fixed(fixed);
        if is_equal && draft.fields.is_empty() {
            draft.action = Action::Adopt;
            draft.content_mark = None;
        }
        Ok(Decision::Change(Box::new(draft)))
    }

    /// Whether the source's bytes are others than were sent. Unknown bytes are read while the plan is applied.
    fn content_changed(&self, base: &Base) -> bool {
        let content = self.item.entry.version.content;
        !self.item.unread && content != base.sent.content && !self.has_lost_bytes()
    }

    fn content_drifted(&self, base: &Base, found: &Item) -> bool {
        let before = base.read_back.as_ref().unwrap_or(&base.sent);
        !found.unread && found.entry.version.content != before.content
    }

    async fn desired(
        &self,
        store: &Store,
        base: Option<(&Value, &Value)>,
    ) -> Result<(Document, Posture), SyncError> {
        let portable = self.value(store, self.item.entry.version.spec).await?;
        Ok(desire(self.kind, &self.item.entry, &portable, self.direction, base))
    }

    async fn value(&self, store: &Store, digest: Digest) -> Result<Value, SyncError> {
        let mut value = store.document(digest).await?.value();
        symbolize::refresh(&mut value, self.ids);
        Ok(value)
    }

    /// Whether it holds bytes that a snapshot does not have and that cannot be read any more.
    fn has_lost_bytes(&self) -> bool {
        self.kind.has_content() && !self.item.unread && self.item.entry.version.content.is_none()
    }

    pub(crate) fn draft(
        &self,
        action: Action,
        found: Option<&Item>,
        document: Document,
        posture: Posture,
    ) -> Draft {
        let entry = &self.item.entry;
        let content = entry.version.content.or_else(|| self.base?.sent.content);
        let desired = Version { spec: document.digest(), posture, content };
        Draft {
            kind: self.kind,
            asset: entry.asset.clone(),
            key: entry.key.clone(),
            action,
            remote: found.map(|found| found.entry.remote.clone()),
            source: entry.version.clone(),
            document,
            desired,
            observed: found.map(|found| found.entry.version.clone()),
            content_mark: self.item.unread.then(|| entry.mark.as_str().to_owned()),
            fields: Vec::new(),
            drift: Vec::new(),
            rewrites: false,
            needs: Needs::default(),
            after: self.after.cloned(),
            partial: self.without_ration(),
            not_kept: Vec::new(),
        }
    }
}

impl Draft {
    pub(crate) fn set_fields(&mut self, ours: Vec<String>, mut drift: Vec<String>) {
        drift.sort();
        drift.dedup();
        self.fields = ours.into_iter().chain(drift.iter().cloned()).collect();
        self.fields.sort();
        self.fields.dedup();
        self.drift = drift;
    }

    fn keep_fixed(&mut self, fixed: Vec<String>) {
        self.not_kept =
            fixed.into_iter().map(|field| format!("{field}: fixed when it was created")).collect();
        self.partial.extend(self.not_kept.iter().cloned());
    }
}

/// On what terms something is met that no base speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    /// It is our copy: ours wins.
    Ours,
    /// Somebody else made it: it is adopted if it is equal, and otherwise left alone.
    Stranger,
}

/// The keys that the desired posture decides and the observed one does otherwise.
pub(crate) fn posture_differences(desired: &Posture, observed: &Posture) -> Vec<String> {
    desired
        .iter()
        .filter(|(at, value)| observed.get(at) != Some(*value))
        .map(|(at, _)| at.to_owned())
        .collect()
}

/// The desired document with what cannot be changed in place left as it was sent, and which fields these are.
fn hold_fixed(kind: &dyn AssetKind, mut desired: Value, sent: &Value) -> (Value, Vec<String>) {
    let mut held = Vec::new();
    for field in kind.schema().fragment.fields {
        let Field::CreateOnly(Pattern(at)) = field else { continue };
        let key = at.trim_start_matches('/');
        let before = sent.get(key).cloned();
        let Some(fields) = desired.as_object_mut() else { continue };
        if fields.get(key) != before.as_ref() {
            held.push((*at).to_owned());
            match before {
                Some(before) => drop(fields.insert(key.to_owned(), before)),
                None => drop(fields.remove(key)),
            }
        }
    }
    (desired, held)
}

/// An outcome for an asset of the source.
pub(crate) fn outcome(item: &Item, verdict: Verdict) -> Outcome {
    Outcome { asset: item.entry.asset.clone(), key: item.entry.key.clone(), verdict }
}
