//! From two inventories to a plan.
//!
//! Everything that decides is in the files that this one calls; here it is put in sequence, and documents are loaded
//! for them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use twinlake_assets::kinds;
use twinlake_base::Timestamp;
use twinlake_model::{
    Action, AssetId, Change, Digest, Document, Key, Mappings, Outcome, Plan, Selection, Verdict,
    references_in,
};
use twinlake_store::Store;

use crate::confirm::{Confirmed, Gone};
use crate::desire::Direction;
use crate::draft::{Case, Decision, Draft, outcome, posture_differences};
use crate::mourning::{Mourning, kept_for_others, mourn, too_many};
use crate::needs::{Needs, Surroundings, needs};
use crate::pairing::{self, Counterpart};
use crate::ration::{Claimant, share_out};
use crate::route::Route;
use crate::view::View;
use crate::{Item, SyncError, order};

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
    planning.find_needs().await?;
    planning.block_what_is_unmapped().await?;
    let mut changes = planning.with_stubs();
    let deletions = planning.deletions(now).await?;
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
    /// Documents that were sent last, of those whose new ones cannot be sent.
    documents: HashMap<Digest, Document>,
    settled: Vec<Outcome>,
}

/// A change and, if it sends one, the document.
type Drawn = (Change, Option<Document>);

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
        // What could not be read is as it was last seen, and that is not enough to decide on.
        let set_aside: HashSet<&AssetId> =
            view.source.set_aside.iter().map(|outcome| &outcome.asset).collect();
        let told: Vec<Outcome> =
            view.source.set_aside.iter().filter(|outcome| self.is_selected(outcome)).cloned().collect();
        self.settled.extend(told);
        for (asset, item) in &view.source.items {
            let Some(kind) = kinds::find(asset.kind.as_str()) else { continue };
            let in_wave = |wave: &Selection| wave.takes(kind.schema().plural, &item.entry.key);
            if !route.only.as_ref().is_none_or(in_wave) {
                continue;
            }
            if set_aside.contains(asset) {
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
                counterpart,
                found: counterpart.found(asset).and_then(|found| view.target.items.get(found)),
                base: view.bases.get(asset),
                direction,
                mappings,
                former_mappings: view.bases.get(asset).and_then(|base| former.get(&base.mappings)),
                ids: &view.ids,
                gets_ration: kind.ration().is_none() || rationed.contains(asset),
            };
            match case.decide(self.store).await? {
                Decision::Settled(verdict) => self.settled.push(outcome(item, verdict)),
                // In its own place everything is what it is; only how it runs is of interest.
                Decision::Change(draft) if route.is_within_one_place() && draft.action == Action::Adopt => {
                    self.settled.push(outcome(item, Verdict::InSync));
                }
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
            let ids = &self.view.ids;
            let others = self.view.target.of_kind(name).filter(|item| {
                has_it(item)
                    && ids
                        .known(&item.entry.asset.kind, &self.view.target.place, &item.entry.remote)
                        .is_none()
            });
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
                if let Some(base) = self.view.bases.get(asset) {
                    let sent = self.store.document(base.sent.spec).await?;
                    self.documents.insert(base.sent.spec, sent);
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

    /// What is left of a change whose document cannot be sent: the posture, with the document that was sent last.
    fn only_posture(&self, draft: &Draft, unmapped: &str) -> Option<Draft> {
        let (base, observed) = (self.view.bases.get(&draft.asset)?, draft.observed.as_ref()?);
        let fields = posture_differences(&draft.desired.posture, &observed.posture);
        if fields.is_empty() {
            return None;
        }
        let mut asleep = draft.clone();
        asleep.desired.spec = base.sent.spec;
        asleep.desired.content = base.sent.content;
        asleep.document = self.documents.get(&base.sent.spec)?.clone();
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

    /// What is gone at the source: waiting, or deleted.
    async fn deletions(&mut self, now: Timestamp) -> Result<Vec<Drawn>, SyncError> {
        let mut deleted = Vec::new();
        for (asset, gone) in &self.confirmed.gone {
            let settle = |key: &Key, verdict| Outcome { asset: asset.clone(), key: key.clone(), verdict };
            match gone {
                Gone::Both => {}
                Gone::Unsure(key, why) => {
                    self.settled.push(settle(key, Verdict::Unknown { why: why.clone() }))
                }
                Gone::Released(key) => {
                    let note = Some("no longer in the selection; its copy is left alone".to_owned());
                    self.settled.push(settle(key, Verdict::Unmanaged { note }));
                }
                Gone::Confirmed(tombstone) => match mourn(tombstone, &self.route.guards, now) {
                    Mourning::Wait(verdict) => self.settled.push(settle(&tombstone.key, verdict)),
                    Mourning::Delete => deleted.push(asset.clone()),
                },
            }
        }
        let mut copies = BTreeMap::new();
        for asset in deleted {
            match (self.view.target.items.get(&asset), self.confirmed.copies.hidden.get(&asset)) {
                (Some(item), _) => drop(copies.insert(asset, item)),
                (None, why) => {
                    let why = why.cloned().unwrap_or_else(|| "its copy was not looked for".to_owned());
                    let key = Key::new(asset.minted.as_str());
                    self.settled.push(Outcome { asset, key, verdict: Verdict::Unknown { why } });
                }
            }
        }
        self.spare_what_holds_others(&mut copies);
        let mut refers: BTreeMap<AssetId, BTreeSet<AssetId>> =
            copies.keys().map(|asset| (asset.clone(), BTreeSet::new())).collect();
        for (asset, item) in &copies {
            for referred in references_in(&self.store.document(item.entry.version.spec).await?.value()) {
                refers.entry(referred).or_default().insert(asset.clone());
            }
            let path = item.entry.key.as_str();
            for (folder, _) in copies.iter().filter(|(folder, _)| is_inside(path, folder)) {
                refers.entry(folder.clone()).or_default().insert(asset.clone());
            }
        }
        // What refers to itself, or to each other, is deleted in any order: nothing lies inside itself.
        for asset in order::stubs(&refers) {
            refers.remove(&asset);
        }
        let mut changes = Vec::new();
        for (asset, item) in copies {
            let Some(kind) = kinds::find(asset.kind.as_str()) else { continue };
            let document = self.store.document(item.entry.version.spec).await?;
            let mut change = Change {
                asset: asset.clone(),
                key: item.entry.key.clone(),
                action: Action::Delete,
                remote: Some(item.entry.remote.clone()),
                source: item.entry.version.clone(),
                desired: item.entry.version.clone(),
                observed: Some(item.entry.version.clone()),
                rewrites: false,
                content_mark: None,
                fields: Vec::new(),
                partial: Vec::new(),
                drift: Vec::new(),
                not_kept: Vec::new(),
                needs: refers.remove(&asset).unwrap_or_default().into_iter().collect(),
                requests: Vec::new(),
            };
            change.requests =
                kind.calls(&change, &document.value()).iter().map(ToString::to_string).collect();
            changes.push((change, None));
        }
        changes.sort_by(|(one, _), (other, _)| one.asset.cmp(&other.asset));
        Ok(in_order(changes))
    }

    /// Takes out of what is to be deleted the containers in which something stays. From the innermost outwards, because
    /// one that stays keeps those around it.
    fn spare_what_holds_others(&mut self, copies: &mut BTreeMap<AssetId, &Item>) {
        let mut containers: Vec<AssetId> = copies
            .keys()
            .filter(|asset| kinds::find(asset.kind.as_str()).is_some_and(|kind| kind.schema().holds_others))
            .cloned()
            .collect();
        containers.sort_by_key(|asset| std::cmp::Reverse(asset.minted.as_str().len()));
        let view = self.view;
        for container in containers {
            let Some(item) = copies.get(&container) else { continue };
            let path = item.entry.key.clone();
            let is_in_it = |key: &Key| {
                key.as_str().strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            let mut staying = view
                .target
                .items
                .values()
                .filter(|item| is_in_it(&item.entry.key) && !copies.contains_key(&item.entry.asset));
            let set_aside = view.target.set_aside.iter().any(|outcome| is_in_it(&outcome.key));
            let (place, ids) = (&view.target.place, &view.ids);
            let is_theirs =
                |item: &Item| ids.known(&item.entry.asset.kind, place, &item.entry.remote).is_none();
            let verdict = match staying.next() {
                None if !set_aside => continue,
                Some(first) if !set_aside && !is_theirs(first) && !staying.any(is_theirs) => {
                    Verdict::Lagging { why: "gone at the source; what lies in it goes first".to_owned() }
                }
                _ => {
                    Verdict::Unmanaged { note: Some(kept_for_others(&view.source.place)) }
                }
            };
            copies.remove(&container);
            self.settled.push(Outcome { asset: container, key: path, verdict });
        }
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
        for (item, note) in pairing::unmanaged(&self.view.target, &self.view.ids, &taken) {
            self.settled.push(outcome(item, Verdict::Unmanaged { note }));
        }
        if !self.route.is_within_one_place() {
            let unmanaged = |outcome: &Outcome| Outcome {
                verdict: Verdict::Unmanaged { note: outcome.verdict.reason() },
                ..outcome.clone()
            };
            // A copy that cannot be looked at has its verdict with its original.
            let (place, ids) = (&self.view.target.place, &self.view.ids);
            let is_copy = |asset: &AssetId| ids.known(&asset.kind, place, &asset.minted).is_some();
            let is_theirs = |outcome: &&Outcome| {
                outcome.asset.origin == *place && !is_copy(&outcome.asset) && self.is_selected(outcome)
            };
            let theirs: Vec<Outcome> =
                self.view.target.set_aside.iter().filter(is_theirs).map(unmanaged).collect();
            self.settled.extend(theirs);
        }
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

/// Puts changes into an order in which each comes after what it needs, and otherwise by identity.
fn in_order(changes: Vec<Drawn>) -> Vec<Drawn> {
    let mut waiting: BTreeMap<(AssetId, Action), Drawn> =
        changes.into_iter().map(|drawn| ((drawn.0.asset.clone(), drawn.0.action), drawn)).collect();
    let mut dependents: HashMap<AssetId, Vec<(AssetId, Action)>> = HashMap::new();
    let mut open: HashMap<(AssetId, Action), usize> = HashMap::new();
    let begun: HashSet<AssetId> = waiting
        .keys()
        .filter(|(_, action)| *action != Action::Fill)
        .map(|(asset, _)| asset.clone())
        .collect();
    let mut ready = BTreeSet::new();
    for (name, (change, _)) in &waiting {
        let needs: BTreeSet<&AssetId> = change.needs.iter().filter(|need| begun.contains(*need)).collect();
        needs.iter().for_each(|need| dependents.entry((*need).clone()).or_default().push(name.clone()));
        if needs.is_empty() {
            ready.insert(name.clone());
        }
        open.insert(name.clone(), needs.len());
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(name) = ready.pop_first() {
        let Some(drawn) = waiting.remove(&name) else { continue };
        ordered.push(drawn);
        if name.1 != Action::Fill {
            for dependent in dependents.remove(&name.0).unwrap_or_default() {
                let left = open.entry(dependent.clone()).or_insert(1);
                *left -= 1;
                if *left == 0 {
                    ready.insert(dependent);
                }
            }
        }
    }
    // Nothing is left where stubs cut every circle; were something left, it is better shown last than lost.
    ordered.extend(waiting.into_values());
    ordered
}

fn in_scope(selection: &Selection, path: &str) -> bool {
    let tree: Vec<&str> =
        kinds::schemas().filter(|schema| schema.is_tree()).map(|schema| schema.plural).collect();
    selection
        .roots(&tree)
        .iter()
        .any(|root| root == "/" || path == root || path.starts_with(&format!("{root}/")))
}

fn is_inside(path: &str, folder: &AssetId) -> bool {
    let container = kinds::container().is_some_and(|kind| kind.schema().name == folder.kind.as_str());
    container && path.strip_prefix(folder.minted.as_str()).is_some_and(|rest| rest.starts_with('/'))
}
