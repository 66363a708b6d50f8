//! What becomes of one asset where a place takes a role of its own: only whether it runs.
//!
//! A fence and its undoing take each document as it stands there. What was edited since a snapshot was kept is neither
//! written over nor made again, and nothing has to be there first, because everything is.

use twinlake_assets::kinds;
use twinlake_model::{Action, Change, FoundAwake, Posture, Verdict};
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
        if fields.is_empty() {
            return Ok(Decision::Settled(Verdict::InSync));
        }
        let document = store.document(observed.spec).await?;
        let mut draft = self.draft(Action::Update, Some(found), document, desired.posture);
        draft.source = observed.clone();
        draft.desired.content = observed.content;
        draft.content_mark = None;
        draft.set_fields(fields, Vec::new());
        Ok(Decision::Change(Box::new(draft)))
    }
}
