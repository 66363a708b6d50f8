//! The promises, held against what happened. Read from the simulation's own log and control, and from the state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twinlake_assets::kinds;
use twinlake_assets::localize::{Dialects, Pair, localize};
use twinlake_model::{AssetId, IdMap, KindName, Outcome, Place, Verdict};
use twinlake_simulator::{Deed, Effect};
use twinlake_sync::Report;
use twinlake_tests::{Estate, Fleet};

/// Who the product is at both sites.
const PRODUCT: &str = "admin@acme.example";
const GRACE_MS: i64 = 24 * 3600 * 1000;

/// What an estate calls a kind, and what the product does.
const KINDS: &[(&str, &str)] = &[
    ("folder", "folder"),
    ("notebook", "notebook"),
    ("file", "workspace_file"),
    ("pool", "instance_pool"),
    ("policy", "cluster_policy"),
    ("cluster", "cluster"),
    ("warehouse", "sql_warehouse"),
    ("job", "job"),
];

fn kind_name(kind: &str) -> KindName {
    KINDS.iter().find(|(one, _)| *one == kind).map_or(kind, |(_, name)| name).into()
}

/// What is remembered of a history, and what was broken in it.
#[derive(Default)]
pub(super) struct Judge {
    broken: Vec<String>,
    /// The last effect that was looked at.
    seen: u64,
    /// What the product made at west, or was ever paired with there: by kind and id.
    ours: BTreeMap<(String, String), Option<AssetId>>,
    /// What a person at west changed although the product had not yet learnt that it was its own work: it cannot be
    /// recognised any more, and is reported like anybody's.
    estranged: BTreeSet<(String, String)>,
    /// What the product made at west, by name.
    unlearnt: BTreeMap<(String, String), String>,
    /// What a person at west changed at all.
    meddled: BTreeSet<(String, String)>,
    /// What is gone at east, since when.
    gone: BTreeMap<(String, String), i64>,
    /// The jobs at west that a person may have woken since a good cycle saw them asleep.
    woken: BTreeSet<String>,
    approved: bool,
}

impl Judge {
    pub(super) fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) fn accuse(&mut self, what: String) {
        self.broken.push(what);
    }

    /// More deletions than usual are agreed to, until the next look.
    pub(super) fn approve(&mut self) {
        self.approved = true;
    }

    /// Looks at what happened since the last look. `clean` is the report of a cycle that nothing disturbed.
    pub(super) async fn watch(&mut self, fleet: &Fleet, clean: Option<&Report>) {
        let ids = fleet.store.id_map(&fleet.west().place.set).await.unwrap();
        for (asset, place, remote) in ids.pairs() {
            if *place == fleet.west().place {
                self.ours.insert((asset.kind.to_string(), remote.to_string()), Some(asset.clone()));
            }
        }
        let mut deleted = 0;
        for effect in fleet.effects().into_iter().skip(usize::try_from(self.seen).unwrap()) {
            self.seen = effect.number;
            match &*effect.workspace {
                "east" => self.at_east(&effect),
                _ => {
                    self.at_west(&effect);
                    deleted += usize::from(effect.deed == Deed::Deleted && &*effect.actor == PRODUCT);
                }
            }
        }
        let allowed = 3.max(self.ours.len() / 20);
        if deleted > allowed && !std::mem::take(&mut self.approved) {
            self.accuse(format!("P8: {deleted} deletions in one cycle, unasked"));
        }
        if let Some(report) = clean {
            self.clean(fleet, &ids, report);
        }
    }

    fn at_east(&mut self, effect: &Effect) {
        if &*effect.actor == PRODUCT {
            self.accuse(format!("the source was written: {effect:?}"));
        }
        let thing = (effect.kind.to_string(), effect.id.clone());
        match effect.deed {
            Deed::Created => drop(self.gone.remove(&thing)),
            Deed::Deleted => drop(self.gone.insert(thing, effect.at_ms)),
            _ => {}
        }
    }

    fn at_west(&mut self, effect: &Effect) {
        let thing = (effect.kind.to_string(), effect.id.clone());
        match (&*effect.actor, effect.deed) {
            (PRODUCT, Deed::Created) => {
                self.unlearnt.insert(thing.clone(), effect.detail.clone());
                self.ours.entry(thing).or_insert(None);
            }
            (PRODUCT, Deed::Deleted) => self.deletion(effect, &thing),
            (PRODUCT, _) if !self.ours.contains_key(&thing) => {
                self.accuse(format!("P8: what is not ours was touched: {effect:?}"));
            }
            (PRODUCT, _) => {}
            (_, Deed::Fired | Deed::Ran) => {
                let job = effect.detail.strip_prefix("job ").unwrap_or(&effect.id);
                let is_ours = self.ours.contains_key(&("job".to_owned(), job.to_owned()));
                if is_ours && !self.woken.contains(job) {
                    self.accuse(format!("P6: a sleeping job ran: {effect:?}"));
                }
            }
            // A clone of what the product has not yet learnt to be its own: either of the two may become the copy.
            (_, Deed::Created) => {
                let is_cloned = |(made, name): &(&(String, String), &String)| {
                    made.0 == thing.0 && **name == effect.detail && self.ours.get(*made) == Some(&None)
                };
                let cloned: Vec<_> =
                    self.unlearnt.iter().filter(is_cloned).map(|(made, _)| made.clone()).collect();
                self.estranged.extend(cloned);
            }
            (_, Deed::Updated) => {
                if effect.kind == "job" {
                    self.woken.insert(effect.id.clone());
                }
                if self.ours.get(&thing) == Some(&None) {
                    self.estranged.insert(thing.clone());
                }
                self.meddled.insert(thing);
            }
            _ => {}
        }
    }

    fn deletion(&mut self, effect: &Effect, thing: &(String, String)) {
        let asset = match self.ours.get(thing) {
            Some(Some(asset)) => asset,
            Some(None) => return self.accuse(format!("P8: deleted without a pair: {effect:?}")),
            None => return self.accuse(format!("P8: what is not ours was deleted: {effect:?}")),
        };
        let original = (asset.kind.to_string(), asset.minted.to_string());
        match self.gone.get(&original) {
            Some(since) if effect.at_ms - since >= GRACE_MS => {}
            Some(since) => {
                let after = (effect.at_ms - since) / 1000;
                self.accuse(format!("P8: deleted after {after} s: {effect:?}"));
            }
            None => self.accuse(format!("P8: deleted, and its original is there: {effect:?}")),
        }
    }

    /// What must hold after every cycle that nothing disturbed.
    fn clean(&mut self, fleet: &Fleet, ids: &IdMap, report: &Report) {
        let estates = Estates::read(fleet, ids);
        let mut verdicts: BTreeMap<&AssetId, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &report.outcomes {
            verdicts.entry(&outcome.asset).or_default().push(outcome);
        }
        for (asset, outcomes) in &verdicts {
            if outcomes.len() > 1 {
                self.accuse(format!("P1: {asset} has {} verdicts: {outcomes:?}", outcomes.len()));
            }
        }
        for asset in estates.east_assets.values().chain(estates.west_strangers.values()) {
            if !verdicts.contains_key(asset) {
                self.accuse(format!("P1: {asset} has no verdict"));
            }
        }
        for (kind, id) in &estates.west.awake_ids {
            let thing = (kind_name(kind).to_string(), id.clone());
            if self.ours.contains_key(&thing) {
                let verdict = ids
                    .known(&kind_name(kind), &fleet.west().place, &id.as_str().into())
                    .and_then(|asset| verdicts.get(asset));
                self.accuse(format!("P6: {kind} {id} is awake after a good cycle: {verdict:?}"));
            }
        }
        self.woken.clear();
    }

    /// What must hold at the end of all: P1, P6, P7, P8, P9, equal estates, silence.
    pub(super) async fn end(&mut self, fleet: &Fleet, last: &Report, written: &[Effect]) {
        if last.writes + last.changes > 0 || written.iter().any(|effect| &*effect.actor == PRODUCT) {
            let what: Vec<&Effect> = written.iter().filter(|effect| &*effect.actor == PRODUCT).collect();
            self.accuse(format!("no silence: {} changes, {} writes, {what:?}", last.changes, last.writes));
        }
        let west = &fleet.west().place;
        let open = fleet.store.open_intents(west).await.unwrap();
        if !open.is_empty() {
            self.accuse(format!("intents are open: {open:?}"));
        }
        if let Some(broken) = fleet.store.verify_audit().await.unwrap().broken {
            self.accuse(format!("the audit chain is broken: {broken:?}"));
        }
        let ids = fleet.store.id_map(&west.set).await.unwrap();
        let estates = Estates::read(fleet, &ids);
        self.no_orphans(&estates, &ids, west);
        for outcome in &last.outcomes {
            self.outcome(&estates, &ids, west, outcome, last);
        }
        self.waking_values(fleet).await;
        self.there_and_back(fleet).await;
    }

    /// Everything that the product made and that still stands is somebody's copy.
    fn no_orphans(&mut self, estates: &Estates, ids: &IdMap, west: &Place) {
        let mut orphans = Vec::new();
        for (kind, id) in estates.west.by_id.keys() {
            let name = kind_name(kind);
            let thing = (name.to_string(), id.clone());
            let is_ours = self.ours.contains_key(&thing) && !self.estranged.contains(&thing);
            if is_ours && ids.known(&name, west, &id.as_str().into()).is_none() {
                orphans.push(format!("{kind} {id}"));
            }
        }
        // A path that was a copy and is nobody's now may have been made anew by a person.
        orphans.retain(|orphan| !orphan.contains('/'));
        if !orphans.is_empty() {
            self.accuse(format!("nobody's copies, made by the product: {orphans:?}"));
        }
    }

    fn outcome(&mut self, estates: &Estates, ids: &IdMap, west: &Place, outcome: &Outcome, last: &Report) {
        let asset = &outcome.asset;
        let Some((kind, east_id)) = estates.by_asset.get(asset) else {
            return self.without_original(estates, outcome);
        };
        let document = &estates.east.by_id[&(*kind, east_id.clone())];
        match &outcome.verdict {
            Verdict::InSync => {
                let copy = ids.remote(asset, west);
                let shown = copy.and_then(|remote| estates.west.by_id.get(&(*kind, remote.to_string())));
                let differences = differences(document, shown.unwrap_or(&Value::Null), "");
                if !differences.is_empty() {
                    self.accuse(format!("{asset} is not in sync: {}", differences.join(", ")));
                }
            }
            Verdict::Partial { fields } => {
                // Who changes something between our write and our reading of it looks like the service itself.
                let copy = ids.remote(asset, west).map(ToString::to_string).unwrap_or_default();
                let is_meddled = self.meddled.contains(&(asset.kind.to_string(), copy));
                let expected = |field: &String| {
                    field.contains("fixed when it was created")
                        || field.starts_with("pinned")
                        || is_meddled && field.contains("not kept by the service")
                };
                if !fields.iter().all(expected) {
                    self.accuse(format!("{asset} is partial for no reason: {fields:?}"));
                }
            }
            Verdict::Unmapped { reference } => {
                for part in reference.split("; ") {
                    if !estates.is_missing(part, last) {
                        self.accuse(format!("{asset} is unmapped for no reason: {part}"));
                    }
                }
            }
            Verdict::Diverged { why } => {
                if !estates.has_a_stranger(kind, document) {
                    self.accuse(format!("{asset} diverged for no reason: {why}"));
                }
            }
            Verdict::Failed { .. } | Verdict::Lagging { .. } if estates.is_in_the_way(document) => {}
            other => self.accuse(format!("{asset} ({document}) ends as {other}")),
        }
    }

    /// A verdict on what is not at east.
    fn without_original(&mut self, estates: &Estates, outcome: &Outcome) {
        match &outcome.verdict {
            Verdict::Unmanaged { .. } => {}
            // A folder in which people at west keep something stays.
            Verdict::Failed { error } if error.contains("not empty") => {
                let path = outcome.key.as_str();
                if !estates.west.by_id.keys().any(|(_, id)| id.starts_with(&format!("{path}/"))) {
                    self.accuse(format!("{} is kept for no reason: {error}", outcome.asset));
                }
            }
            other => self.accuse(format!("{}, which east has not, ends as {other}", outcome.asset)),
        }
    }

    /// P7: what would be woken is what the source says now.
    async fn waking_values(&mut self, fleet: &Fleet) {
        let Some(snapshot) = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap() else {
            return self.accuse("no snapshot of the source".to_owned());
        };
        let jobs: BTreeMap<String, Value> =
            fleet.east().jobs().into_iter().map(|job| (job["job_id"].to_string(), job)).collect();
        for digest in snapshot.manifests.values() {
            for entry in fleet.store.manifest(*digest).await.unwrap().entries {
                let Some(job) = jobs.get(entry.remote.as_str()) else { continue };
                for (at, kept) in entry.version.posture.iter() {
                    let absent = match at {
                        "/max_concurrent_runs" => Value::from(1),
                        "/queue/enabled" => Value::from(false),
                        _ => Value::from("UNPAUSED"),
                    };
                    let shown = job.pointer(at).unwrap_or(&absent);
                    if shown != kept {
                        self.accuse(format!("P7: {} {at} is {shown}, kept is {kept}", entry.asset));
                    }
                }
            }
        }
    }

    /// P9: back from west, by the base, every document is what it was.
    async fn there_and_back(&mut self, fleet: &Fleet) {
        let (east, west) = (&fleet.east().place, &fleet.west().place);
        let back = Dialects { from: &west.site, to: &east.site, mappings: &fleet.mappings };
        let bases = fleet.store.bases(east, west).await.unwrap();
        for (asset, base) in bases {
            let Some(kind) = kinds::find(asset.kind.as_str()) else { continue };
            if !base.not_kept.is_empty() {
                continue;
            }
            let original = fleet.store.document(base.source_version.spec).await.unwrap().value();
            let sent = fleet.store.document(base.sent.spec).await.unwrap().value();
            let pair = Pair { from: &sent, to: &original };
            let returned = localize(&kind.schema().fragment, &sent, back, Some(pair));
            if returned != original {
                self.accuse(format!("P9: {asset} comes back as {returned}, was {original}"));
            }
        }
    }
}

/// Both estates, in which every id is called by the asset that it stands for.
struct Estates {
    east: Estate,
    west: Estate,
    by_asset: BTreeMap<AssetId, (&'static str, String)>,
    east_assets: BTreeMap<(&'static str, String), AssetId>,
    west_strangers: BTreeMap<(&'static str, String), AssetId>,
}

impl Estates {
    fn read(fleet: &Fleet, ids: &IdMap) -> Self {
        let identity =
            |place: &Place, kind: &str, id: &str| ids.identity(&kind_name(kind), place, &id.into());
        let of = |site: &twinlake_tests::Site| {
            site.estate_named(&|kind, id| Some(identity(&site.place, kind, id).to_string()))
        };
        let (east, west) = (of(fleet.east()), of(fleet.west()));
        let (mut by_asset, mut east_assets) = (BTreeMap::new(), BTreeMap::new());
        for (kind, id) in east.by_id.keys().filter(|(kind, id)| !is_given(kind, id)) {
            let asset = identity(&fleet.east().place, kind, id);
            by_asset.insert(asset.clone(), (*kind, id.clone()));
            east_assets.insert((*kind, id.clone()), asset);
        }
        let mut west_strangers = BTreeMap::new();
        for (kind, id) in west.by_id.keys().filter(|(kind, id)| !is_given(kind, id)) {
            let asset = identity(&fleet.west().place, kind, id);
            if !by_asset.contains_key(&asset)
                && ids.known(&kind_name(kind), &fleet.west().place, &id.as_str().into()).is_none()
            {
                west_strangers.insert((*kind, id.clone()), asset);
            }
        }
        Self { east, west, by_asset, east_assets, west_strangers }
    }

    /// Whether `reason`, such as `job prod@east/1: it has no copy`, names something that really has no counterpart.
    fn is_missing(&self, reason: &str, last: &Report) -> bool {
        let Some((what, _)) = reason.split_once(": ") else { return false };
        let Some((kind, minted)) = what.split_once(' ') else {
            return !self.east.by_id.keys().any(|(_, id)| id == what);
        };
        if reason.ends_with("are not kept yet") {
            return kinds::find(kind).is_none();
        }
        if reason.ends_with("it has no copy") {
            let copied = |outcome: &&Outcome| {
                outcome.asset.kind.as_str() == kind
                    && outcome.asset.minted.as_str() == minted
                    && matches!(outcome.verdict, Verdict::InSync | Verdict::Partial { .. })
            };
            return last.outcomes.iter().find(copied).is_none();
        }
        !self.east.by_id.keys().any(|(found, id)| kind_name(found).as_str() == kind && id == minted)
    }

    /// Whether something of that name or path stands at west that is nobody's copy.
    fn has_a_stranger(&self, kind: &str, document: &Value) -> bool {
        let key = if document["path"].is_string() { "path" } else { "name" };
        self.west_strangers
            .keys()
            .any(|(found, id)| *found == kind && self.west.by_id[&(*found, id.clone())][key] == document[key])
    }

    /// Whether something of another type stands at a path, or above it, at west.
    fn is_in_the_way(&self, document: &Value) -> bool {
        let Some(path) = document["path"].as_str() else { return false };
        self.west_strangers.keys().any(|(_, id)| path == id || path.starts_with(&format!("{id}/")))
    }
}

/// Where two documents differ, and how.
fn differences(one: &Value, other: &Value, at: &str) -> Vec<String> {
    match (one, other) {
        _ if one == other => Vec::new(),
        // What both call by an id that no asset has is gone at both.
        (Value::String(_) | Value::Number(_), Value::String(_) | Value::Number(_))
            if at.ends_with("_id") && [one, other].iter().all(|id| !id.to_string().contains("/prod@")) =>
        {
            Vec::new()
        }
        (Value::Object(mine), Value::Object(theirs)) => {
            let keys: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
            keys.into_iter()
                .flat_map(|key| differences(&one[key], &other[key], &format!("{at}/{key}")))
                .collect()
        }
        (Value::Array(mine), Value::Array(theirs)) if mine.len() == theirs.len() => mine
            .iter()
            .zip(theirs)
            .enumerate()
            .flat_map(|(index, (mine, theirs))| differences(mine, theirs, &format!("{at}/{index}")))
            .collect(),
        _ => vec![format!("{at}: {one} became {other}")],
    }
}

/// Folders that every workspace has and nobody may write.
fn is_given(kind: &str, id: &str) -> bool {
    kind == "folder" && ["/", "/Users", "/Shared", "/Repos", "/Workspace"].contains(&id)
}
