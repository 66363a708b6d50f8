//! Which changes may start. Pure bookkeeping: no requests, no waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinlake_model::{Action, AssetId, Change, Digest, KindName};

/// The changes of a plan, and what each of them still waits for.
pub(super) struct Queue {
    changes: Vec<Change>,
    /// Per change, how many things it waits for: other changes, and its bytes.
    waits: Vec<usize>,
    /// The changes that wait for an asset.
    dependents: HashMap<AssetId, Vec<usize>>,
    /// What may start now, by kind, in the order of the plan.
    ready: BTreeMap<KindName, BTreeSet<usize>>,
    started: Vec<bool>,
    /// The changes of each asset: one, or a stub and its fill.
    of_asset: HashMap<AssetId, Vec<usize>>,
}

impl Queue {
    /// A queue of these changes. `exists` says whether an asset has a copy already.
    pub(super) fn new(changes: Vec<Change>, exists: impl Fn(&AssetId) -> bool) -> Self {
        let begins: HashMap<&AssetId, Action> = changes
            .iter()
            .filter(|change| change.action != Action::Fill)
            .map(|change| (&change.asset, change.action))
            .collect();
        let mut waits = Vec::with_capacity(changes.len());
        let mut dependents: HashMap<AssetId, Vec<usize>> = HashMap::new();
        for (index, change) in changes.iter().enumerate() {
            let is_deletion = change.action == Action::Delete;
            let open = change.needs.iter().filter(|need| match begins.get(*need) {
                Some(Action::Delete) => is_deletion,
                Some(_) => !exists(need),
                None => false,
            });
            let renamed = change.after.iter().filter(|renamed| begins.contains_key(*renamed));
            let mut count = 0;
            for need in open.chain(renamed) {
                dependents.entry(need.clone()).or_default().push(index);
                count += 1;
            }
            waits.push(count + usize::from(change.content_mark.is_some()));
        }
        let mut of_asset: HashMap<AssetId, Vec<usize>> = HashMap::new();
        for (index, change) in changes.iter().enumerate() {
            of_asset.entry(change.asset.clone()).or_default().push(index);
        }
        let started = vec![false; changes.len()];
        let mut queue = Self { changes, waits, dependents, ready: BTreeMap::new(), started, of_asset };
        (0..queue.changes.len()).for_each(|index| queue.release(index));
        queue
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether an asset's change is there only because its bytes may differ.
    pub(super) fn is_only_content(&self, asset: &AssetId) -> bool {
        self.of(asset)
            .iter()
            .map(|index| &self.changes[*index])
            .all(|change| change.action == Action::Update && !change.rewrites && change.fields.is_empty())
    }

    /// A change.
    pub(super) fn change(&self, index: usize) -> &Change {
        &self.changes[index]
    }

    /// The next change that may start, of a kind that has room.
    pub(super) fn start(&mut self, has_room: impl Fn(&KindName) -> bool) -> Option<usize> {
        let (_, ready) = self.ready.iter_mut().find(|(kind, ready)| !ready.is_empty() && has_room(kind))?;
        let index = ready.pop_first()?;
        self.started[index] = true;
        Some(index)
    }

    /// Records that a change is done, so that what waits for it may start. One that failed is never reported here.
    pub(super) fn done(&mut self, index: usize) {
        if self.changes[index].action == Action::Fill {
            return;
        }
        let asset = self.changes[index].asset.clone();
        for dependent in self.dependents.remove(&asset).unwrap_or_default() {
            self.waits[dependent] -= 1;
            self.release(dependent);
        }
    }

    /// Records that the bytes of an asset have come.
    pub(super) fn has_content(&mut self, asset: &AssetId, content: Digest) {
        for index in self.of(asset).to_vec() {
            let change = &mut self.changes[index];
            if change.content_mark.take().is_some() {
                change.desired.content = Some(content);
                change.source.content = Some(content);
                change.rewrites = true;
                self.waits[index] -= 1;
                self.release(index);
            }
        }
    }

    /// Gives up what was not started of an asset, for a reason that has its own verdict.
    pub(super) fn give_up(&mut self, asset: &AssetId) -> Option<Change> {
        let waiting: Vec<usize> =
            self.of(asset).iter().copied().filter(|index| !self.started[*index]).collect();
        for index in &waiting {
            self.started[*index] = true;
            if let Some(ready) = self.ready.get_mut(&asset.kind) {
                ready.remove(index);
            }
        }
        waiting.first().map(|index| self.changes[*index].clone())
    }

    /// The changes that wait for bytes.
    pub(super) fn awaiting_content(&self) -> impl Iterator<Item = &AssetId> {
        self.changes.iter().filter(|change| change.content_mark.is_some()).map(|change| &change.asset)
    }

    /// The changes that never could start.
    pub(super) fn never_started(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().zip(&self.started).filter(|(_, started)| !**started).map(|(change, _)| change)
    }

    fn of(&self, asset: &AssetId) -> &[usize] {
        self.of_asset.get(asset).map_or(&[], Vec::as_slice)
    }

    fn release(&mut self, index: usize) {
        if self.waits[index] == 0 && !self.started[index] {
            self.ready.entry(self.changes[index].asset.kind.clone()).or_default().insert(index);
        }
    }
}
