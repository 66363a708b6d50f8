//! What becomes of one asset where a place takes a role of its own: only whether it runs.
//!
//! A fence and its undoing take each document as it stands there. What was edited since a snapshot was kept is neither
//! written over nor made again, and nothing has to be there first, because everything is. Only what the coarse fence set
//! is put back when the place wakes: it is a part of the document.

use serde_json::Value;
use twinlake_assets::{Fenced, kinds};
use twinlake_model::{Action, Change, Document, FoundAwake, Pattern, Posture, Role, Verdict};
use twinlake_store::Store;

use crate::SyncError;
use crate::draft::{Case, Decision};
use crate::sleepers::rest;

/// What a change of a fence says of what it found; none where it puts nothing to sleep, as where it only pins.
pub(crate) fn found_awake(change: &Change, is_asleep: bool) -> Option<FoundAwake> {
    let ration = kinds::find(change.asset.kind.as_str())?.ration().map(|ration| ration.word);
    let observed = &change.observed.as_ref()?.posture;
    let is_awake = |field: &&String| Some(field.as_str()) != ration && observed.get(field).is_some();
    let fields: Vec<String> = change.fields.iter().filter(is_awake).cloned().collect();
    let of = |posture: &Posture| -> Posture {
        fields.iter().filter_map(|at| Some((at.clone(), posture.get(at)?.clone()))).collect()
    };
    let (found, put) = (of(observed), of(&change.desired.posture));
    let (asset, key) = (change.asset.clone(), change.key.clone());
    (!fields.is_empty()).then_some(FoundAwake { asset, key, fields, found, put, is_asleep })
}

impl Case<'_> {
    /// Decides about an asset of a place that takes a role of its own.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn decide_in_place(&self, store: &Store) -> Result<Decision, SyncError> {
        let Some(found) = self.found else {
            let why = format!("it was deleted at {} since, and is not made again", self.direction.to);
            return Ok(Decision::Settled(Verdict::Diverged { why }));
        };
        let observed = &found.entry.version;
        let (desired, fields) = rest(self.kind, self.direction.role, observed, Some(&self.posture()));
        let document = store.document(observed.spec).await?;
        let unfenced = match self.direction.role {
            Role::Primary => self.without_coarse_fence(store, &document).await?,
            Role::Standby => None,
        };
        if fields.is_empty() && unfenced.is_none() {
            return Ok(Decision::Settled(Verdict::InSync));
        }
        let is_written = unfenced.is_some();
        let (document, restored) = unfenced.unwrap_or((document, Vec::new()));
        let mut draft = self.draft(Action::Update, Some(found), document, desired.posture);
        draft.source = observed.clone();
        draft.desired.content = observed.content;
        draft.content_mark = None;
        draft.rewrites = is_written;
        draft.set_fields(fields.into_iter().chain(restored).collect(), Vec::new());
        Ok(Decision::Change(Box::new(draft)))
    }

    /// The document with the fields put back that stand where the coarse fence of their kind put them, and which these
    /// are. None where nothing is to be put back.
    async fn without_coarse_fence(
        &self,
        store: &Store,
        stands: &Document,
    ) -> Result<Option<(Document, Vec<String>)>, SyncError> {
        let fenced = self.kind.schema().coarse_fence;
        if fenced.is_empty() {
            return Ok(None);
        }
        let kept = store.document(self.item.entry.version.spec).await?.value();
        let mut value = stands.value();
        let mut restored = Vec::new();
        for Fenced { at: Pattern(at), stops_at } in fenced {
            let (holder, field) = at.rsplit_once('/').unwrap_or(("", at));
            if value.pointer(at) != Some(&stops_at.value()) || kept.pointer(at) == value.pointer(at) {
                continue;
            }
            let Some(Value::Object(fields)) = value.pointer_mut(holder) else { continue };
            match kept.pointer(at) {
                Some(before) => drop(fields.insert(field.to_owned(), before.clone())),
                None => drop(fields.remove(field)),
            }
            restored.push((*at).to_owned());
        }
        Ok((!restored.is_empty()).then(|| (Document::from(value), restored)))
    }
}
