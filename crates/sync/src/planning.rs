//! From two inventories to a plan.
//!
//! Everything that decides is in the files that this one calls; here it is put in sequence, and documents are loaded
//! for them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use twinlake_assets::kinds;
use twinlake_base::Timestamp;
use twinlake_model::{
    Action, AssetId, Change, Digest, Document, Mappings, Outcome, Plan, Selection, Verdict, references_in,
};
use twinlake_store::Store;

use crate::confirm::Confirmed;
use crate::deletions::deletions;
use crate::desire::Direction;
use crate::draft::{Case, Decision, Draft, outcome};
use crate::mourning::too_many;
use crate::needs::{Needs, Surroundings, needs};
use crate::order::{self, Drawn, in_order};
use crate::pairing::{self, Counterpart};
use crate::ration::{Claimant, share_out};
use crate::renames::Renames;
use crate::route::Route;
use crate::sleepers::{assets_of, rest, sleepers};
use crate::view::View;
use crate::{Item, SyncError};

/// Makes the plan that brings the target into step.
pub(crate) async fn plan(
    store: &Store,
    route: &Route,
    view: &View,
    confirmed: &Confirmed,
    now: Timestamp,
) -> Result<Plan, SyncError> {
    let mut planning = Planning {
        store,
        route,
        view,
        confirmed,
        drafts: BTreeMap::new(),
        documents: HashMap::new(),
        settled: Vec::new(),
    };
    planning.decide_all().await?;
    if !route.is_within_one_place() {
        planning.find_needs().await?;
        planning.block_what_is_unmapped().await?;
    }
    let mut changes = planning.with_stubs();
    let (mut deletions, mut told) = deletions(store, route, view, confirmed, now).await?;
    let sleepers = sleepers(store, route, view, confirmed).await?;
    let first_asleep = assets_of(&sleepers);
    deletions.retain(|(change, _)| !first_asleep.contains(&change.asset));
    told.retain(|outcome| !first_asleep.contains(&outcome.asset));
    planning.settled.extend(told);
    changes.extend(sleepers);
    let held = too_many(deletions.len(), view.bases.len(), &route.guards);
    changes.extend(deletions);
    planning.settle_the_rest();
    planning.keep_documents(&changes).await?;
    Ok(Plan {
        source: route.source.place.clone(),
        target: route.target.place.clone(),
        changes: changes.into_iter().map(|(change, _)| change).collect(),
        settled: planning.settled,
        held,
    })
}

struct Planning<'a> {
    store: &'a Store,
    route: &'a Route,
    view: &'a View,
    confirmed: &'a Confirmed,
    drafts: BTreeMap<AssetId, Draft>,
    /// Documents that stand at the target, of those whose new ones cannot be sent.
    documents: HashMap<Digest, Document>,
    settled: Vec<Outcome>,
}

impl Planning<'_> {
    async fn decide_all(&mut self) -> Result<(), SyncError> {
        let (route, view) = (self.route, self.view);
        let rationed = self.rations().await?;
        let direction = Direction {
            from: &route.source.place.site,
            to: &route.target.place.site,
            mappings: &route.mappings,
            role: route.role,
        };
        let mappings = route.mappings.digest();
        let former = self.former_mappings().await?;
        let renames = Renames::of(view);
        // What could not be read is as it was last seen, and that is not enough to decide on.
        let set_aside: HashSet<&AssetId> =
            view.source.set_aside.iter().map(|outcome| &outcome.asset).collect();
        let told: Vec<Outcome> =
            view.source.set_aside.iter().filter(|outcome| self.is_selected(outcome)).cloned().collect();
        self.settled.extend(told);
        for (asset, item) in &view.source.items {
            let Some(kind) = kinds::find(asset.kind.as_str()) else { continue };
            if route.only.as_ref().is_some_and(|wave| !wave.contains(asset)) {
                continue;
            }
            if set_aside.contains(asset) {
                continue;
            }
            if let Some(why) = renames.in_circle(asset).filter(|_| !route.is_within_one_place()) {
                self.settled.push(outcome(item, Verdict::Diverged { why }));
                continue;
            }
            let counterpart = view.pairs.get(asset).unwrap_or(&Counterpart::None);
            if let Some(why) = self.confirmed.copies.hidden.get(asset) {
                self.settled.push(outcome(item, Verdict::Unknown { why: why.clone() }));
                continue;
            }
            let case = Case {
                kind,
                item,
                after: renames.before(asset),
                counterpart,
                found: counterpart.found(asset).and_then(|found| view.target.items.get(found)),
                base: view.bases.get(asset),
                direction,
                mappings,
                former_mappings: view.bases.get(asset).and_then(|base| former.get(&base.mappings)),
                ids: &view.ids,
                gets_ration: kind.ration().is_none() || rationed.contains(asset),
            };
            let decision = match route.is_within_one_place() {
                true => case.decide_in_place(self.store).await?,
                false => case.decide(self.store).await?,
            };
            match decision {
                Decision::Settled(verdict) => self.settled.push(outcome(item, verdict)),
                Decision::Change(draft) => drop(self.drafts.insert(asset.clone(), *draft)),
            }
        }
        Ok(())
    }

    /// The tables that bases were made with, by digest, those of now among them. Kept like any other bytes.
    async fn former_mappings(&self) -> Result<HashMap<Digest, Mappings>, SyncError> {
        let now = &self.route.mappings;
        let used: BTreeSet<Digest> = self.view.bases.values().map(|base| base.mappings).collect();
        let mut tables = HashMap::from([(now.digest(), now.clone())]);
        for digest in used.into_iter().filter(|digest| *digest != now.digest()) {
            if self.store.has_blob(digest).await?
                && let Ok(former) = serde_json::from_slice(&self.store.blob(digest).await?)
            {
                tables.insert(digest, former);
            }
        }
        if !self.store.has_blob(now.digest()).await? {
            self.store.put_blob(&serde_json::to_vec(now).unwrap_or_default()).await?;
        }
        Ok(tables)
    }

    /// The assets that get what their kind rations.
    async fn rations(&self) -> Result<BTreeSet<AssetId>, SyncError> {
        let mut lucky = BTreeSet::new();
        for kind in kinds::KINDS {
            let Some(ration) = kind.ration() else { continue };
            let name = kind.schema().name;
            let has_it =
                |item: &Item| item.entry.version.posture.get(ration.word).is_some_and(|held| held == true);
            let mut claimants: Vec<Claimant> = self
                .view
                .source
                .of_kind(name)
                .map(|item| {
                    let asset = item.entry.asset.clone();
                    let has_it = self.view.target.items.get(&asset).is_some_and(has_it);
                    Claimant { asset, is_needed: false, has_it }
                })
                .collect();
            let others =
                self.view.target.of_kind(name).filter(|item| has_it(item) && !self.view.is_ours(item));
            let room = ration.room.saturating_sub(others.count());
            if claimants.len() > room {
                let needed = self.referred_to().await?;
                claimants
                    .iter_mut()
                    .for_each(|claimant| claimant.is_needed = needed.contains(&claimant.asset));
            }
            lucky.extend(share_out(claimants, room));
        }
        Ok(lucky)
    }

    /// Everything that some asset of the source refers to.
    async fn referred_to(&self) -> Result<HashSet<AssetId>, SyncError> {
        let mut referred_to = HashSet::new();
        for item in self.view.source.items.values() {
            let document = self.store.document(item.entry.version.spec).await?;
            if document.text().contains("$ref") {
                referred_to.extend(references_in(&document.value()));
            }
        }
        Ok(referred_to)
    }

    async fn find_needs(&mut self) -> Result<(), SyncError> {
        let view = self.view;
        let selection = &self.route.selection;
        let around = Surroundings {
            source: &view.source,
            target: &self.route.target.place,
            ids: &view.ids,
            is_in_scope: &|path| in_scope(selection, path),
        };
        for draft in self.drafts.values_mut().filter(|draft| draft.action != Action::Adopt) {
            draft.needs = needs(draft.kind, &draft.asset, &draft.document.value(), around);
        }
        Ok(())
    }

    /// Takes out what refers to something without a counterpart, then what refers to that, and so on. A copy that
    /// exists stays as it is, but is still put to sleep.
    async fn block_what_is_unmapped(&mut self) -> Result<(), SyncError> {
        loop {
            let lost: HashSet<AssetId> = self
                .settled
                .iter()
                .filter(|outcome| !matches!(outcome.verdict, Verdict::InSync | Verdict::Partial { .. }))
                .filter(|outcome| self.view.ids.remote(&outcome.asset, &self.route.target.place).is_none())
                .map(|outcome| outcome.asset.clone())
                .collect();
            let mut blocked = Vec::new();
            for (asset, draft) in &self.drafts {
                let mut reasons = draft.needs.unmapped.clone();
                let without = draft.needs.assets.iter().filter(|need| lost.contains(*need));
                reasons.extend(without.map(|need| format!("{} {}: it has no copy", need.kind, need.minted)));
                if !reasons.is_empty() {
                    blocked.push((asset.clone(), reasons.join("; ")));
                }
            }
            if blocked.is_empty() {
                return Ok(());
            }
            for (asset, _) in &blocked {
                if let Some(observed) = self.drafts.get(asset).and_then(|draft| draft.observed.as_ref()) {
                    self.documents.insert(observed.spec, self.store.document(observed.spec).await?);
                }
            }
            for (asset, reference) in blocked {
                let Some(draft) = self.drafts.remove(&asset) else { continue };
                if let Some(asleep) = self.only_posture(&draft, &reference) {
                    self.drafts.insert(asset, asleep);
                    continue;
                }
                let verdict = Verdict::Unmapped { reference };
                self.settled.push(Outcome { asset, key: draft.key, verdict });
            }
        }
    }

    /// What is left of a change whose document cannot be sent: the posture of what stands there.
    fn only_posture(&self, draft: &Draft, unmapped: &str) -> Option<Draft> {
        let observed = draft.observed.as_ref().filter(|_| self.view.bases.contains_key(&draft.asset))?;
        let (desired, fields) = rest(draft.kind, self.route.role, observed, Some(&draft.desired.posture));
        if fields.is_empty() {
            return None;
        }
        let mut asleep = draft.clone();
        asleep.desired = desired;
        asleep.document = self.documents.get(&observed.spec)?.clone();
        asleep.content_mark = None;
        asleep.rewrites = false;
        asleep.needs = Needs::default();
        asleep.partial.push(format!("unmapped: {unmapped}"));
        asleep.fields = fields;
        Some(asleep)
    }

    /// The changes, with circles of references cut by stubs.
    fn with_stubs(&self) -> Vec<Drawn> {
        let creates: HashSet<&AssetId> = self
            .drafts
            .iter()
            .filter(|(_, draft)| draft.action == Action::Create)
            .map(|(asset, _)| asset)
            .collect();
        let edges: BTreeMap<AssetId, BTreeSet<AssetId>> = creates
            .iter()
            .filter_map(|asset| self.drafts.get(*asset))
            .map(|draft| {
                let among = draft.needs.assets.iter().filter(|need| creates.contains(need)).cloned();
                (draft.asset.clone(), among.collect())
            })
            .collect();
        let stubs = order::stubs(&edges);
        let mut changes = Vec::new();
        for draft in self.drafts.values() {
            if stubs.contains(&draft.asset) {
                changes.push(self.stub(draft));
                changes.push(self.drawn(draft, Action::Fill));
            } else {
                changes.push(self.drawn(draft, draft.action));
            }
        }
        in_order(changes)
    }

    fn stub(&self, draft: &Draft) -> Drawn {
        let mut stub = draft.clone();
        stub.document = Document::from(draft.kind.stub(&draft.document.value()));
        stub.desired.spec = stub.document.digest();
        let still: HashSet<AssetId> = references_in(&stub.document.value()).into_iter().collect();
        stub.needs.assets.retain(|need| still.contains(need) && *need != draft.asset);
        self.drawn(&stub, Action::CreateStub)
    }

    fn drawn(&self, draft: &Draft, action: Action) -> Drawn {
        let mut needs = draft.needs.assets.clone();
        if action == Action::Fill {
            needs.push(draft.asset.clone());
        } else {
            needs.retain(|need| *need != draft.asset);
        }
        let mut change = Change {
            asset: draft.asset.clone(),
            key: draft.key.clone(),
            action,
            remote: draft.remote.clone(),
            source: draft.source.clone(),
            desired: draft.desired.clone(),
            observed: draft.observed.clone(),
            rewrites: draft.rewrites || action == Action::Fill,
            content_mark: draft.content_mark.clone(),
            fields: draft.fields.clone(),
            drift: draft.drift.clone(),
            partial: draft.partial.clone(),
            not_kept: draft.not_kept.clone(),
            needs,
            after: draft.after.iter().cloned().collect(),
            requests: Vec::new(),
        };
        if action == Action::Fill {
            // The stub is asleep already; only what it is must be sent.
            change.observed = Some(change.desired.clone());
            change.drift.clear();
        }
        let calls = draft.kind.calls(&change, &draft.document.value());
        change.requests = calls.iter().map(ToString::to_string).collect();
        (change, Some(draft.document.clone()))
    }

    /// Verdicts for what was set aside, and for what is not ours.
    fn settle_the_rest(&mut self) {
        let taken: HashSet<AssetId> = self
            .drafts
            .values()
            .filter_map(|draft| {
                let remote = draft.remote.clone()?;
                Some(self.view.ids.identity(&draft.asset.kind, &self.view.target.place, &remote))
            })
            .collect();
        if self.route.is_within_one_place() {
            // What is there belongs to the place. Only what was made since a snapshot was kept has no verdict yet.
            let since = |item: &&Item| !self.view.source.items.contains_key(&item.entry.asset);
            let made = self.view.target.items.values().filter(since);
            self.settled.extend(made.map(|item| outcome(item, Verdict::Unmanaged { note: None })));
            return;
        }
        let View { source, .. } = self.view;
        let set_aside: HashSet<&AssetId> = source.set_aside.iter().map(|outcome| &outcome.asset).collect();
        let is_told = |asset: &AssetId| {
            taken.contains(asset)
                || source.items.contains_key(asset)
                || set_aside.contains(asset)
                || self.confirmed.gone.contains_key(asset)
        };
        for (item, note) in pairing::unmanaged(self.view, is_told) {
            self.settled.push(outcome(item, Verdict::Unmanaged { note }));
        }
        let unmanaged = |outcome: &Outcome| Outcome {
            verdict: Verdict::Unmanaged { note: outcome.verdict.reason() },
            ..outcome.clone()
        };
        // A copy that cannot be looked at has its verdict with its original.
        let (place, ids) = (&self.view.target.place, &self.view.ids);
        let is_copy = |asset: &AssetId| {
            ids.known(&asset.kind, place, &asset.minted).is_some() || source.items.contains_key(asset)
        };
        let is_theirs = |outcome: &&Outcome| {
            outcome.asset.origin == *place && !is_copy(&outcome.asset) && self.is_selected(outcome)
        };
        let theirs: Vec<Outcome> =
            self.view.target.set_aside.iter().filter(is_theirs).map(unmanaged).collect();
        self.settled.extend(theirs);
    }

    /// Whether something that was set aside is the group's business: kinds that are not kept go by their own names.
    fn is_selected(&self, outcome: &Outcome) -> bool {
        let kind = outcome.asset.kind.as_str();
        let kinds = kinds::find(kind).map_or(kind, |kind| kind.schema().plural);
        self.route.selection.takes(kinds, &outcome.key)
    }

    async fn keep_documents(&self, changes: &[Drawn]) -> Result<(), SyncError> {
        let documents: Vec<Document> = changes.iter().filter_map(|(_, document)| document.clone()).collect();
        if !documents.is_empty() {
            self.store.put_documents(&documents).await?;
        }
        Ok(())
    }
}

fn in_scope(selection: &Selection, path: &str) -> bool {
    let tree: Vec<&str> =
        kinds::schemas().filter(|schema| schema.is_tree()).map(|schema| schema.plural).collect();
    selection
        .roots(&tree)
        .iter()
        .any(|root| root == "/" || path == root || path.starts_with(&format!("{root}/")))
}
