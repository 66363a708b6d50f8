//! The promises, held against what happened. Read from the simulation's own log, from the witness's records and from what
//! stands at the sites; of the product only what it claims is heard, and held against the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use twinlake_base::ErrorClass;
use twinlake_controller::{ControllerError, Ended, SyncReport};
use twinlake_model::Tail;
use twinlake_simulator::{Deed, Effect};
use twinlake_tests::Deployment;

use super::chronicle::{Held, PRODUCT, Woken, Write};
use super::operators::{Act, Came};
use super::survey::{Survey, Thing, anywhere, estate_kind};

/// Who people are.
const PERSON: &str = "somebody@acme.example";
/// A day, less what two machines' dates may differ by.
const GRACE_MS: i64 = (24 * 3600 - 600) * 1000;
/// Where production began.
const HOME: &str = "east";

/// What stands at each site.
pub(super) type Surveys = BTreeMap<String, Survey>;

/// What operators did, and everything that can be known of it.
pub(super) struct Episode<'e> {
    /// What was done by whom, and what came of it.
    pub(super) acts: &'e [(String, Act, Came)],
    pub(super) before: &'e Surveys,
    pub(super) after: &'e Surveys,
    pub(super) writes: &'e [Write],
    pub(super) woken: &'e [Woken],
    /// The witness's records.
    pub(super) held: &'e [Held],
    /// The records of all rows.
    pub(super) rows: &'e [Held],
    /// Whether people did something meanwhile.
    pub(super) is_meddled: bool,
    /// Whether a run was open when it was over.
    pub(super) is_run_open: bool,
}

/// What a returned site did that was never replicated.
struct Unseen {
    /// Documents that may not be written over. None: the thing was deleted there.
    things: BTreeMap<Thing, Value>,
    /// Whether the product has looked.
    is_read: bool,
}

/// What is remembered of a history, and what was broken in it.
pub(super) struct Judge {
    broken: Vec<String>,
    seen: u64,
    /// What each site calls things, or ever called them.
    names: BTreeMap<(String, &'static str, String), Thing>,
    /// How each thing may be meant to run.
    acceptable: BTreeMap<Thing, BTreeSet<String>>,
    /// What stood at home at first, of what nobody has edited since.
    pristine: BTreeMap<Thing, Value>,
    /// When people deleted what, where it was production.
    deleted: BTreeMap<Thing, i64>,
    /// What people made, and where.
    made: BTreeMap<Thing, BTreeSet<String>>,
    /// What people made where it was not production.
    strangers: BTreeMap<Thing, BTreeSet<String>>,
    /// The sites of which it was confirmed that they sleep, each with the jobs that people touched there since.
    asleep: BTreeMap<String, BTreeSet<String>>,
    /// What people touched at a site that is asleep or was, in this episode.
    touched: BTreeSet<(String, String)>,
    /// The sites that were primary once and are not.
    once_primary: BTreeSet<String>,
    /// The primary as it was when the product last began to read it.
    baseline: Option<(String, Survey)>,
    unseen: BTreeMap<String, Unseen>,
    primary: String,
    terms: usize,
}

impl Judge {
    pub(super) fn new(surveys: &Surveys) -> Self {
        let east = &surveys[HOME];
        let acceptable =
            east.postures.iter().map(|(thing, posture)| (thing.clone(), [posture.clone()].into()));
        let pristine = east.documents.keys().filter_map(|thing| Some((thing.clone(), east.whole(thing)?)));
        Self {
            broken: Vec::new(),
            seen: 0,
            names: BTreeMap::new(),
            acceptable: acceptable.collect(),
            pristine: pristine.collect(),
            deleted: BTreeMap::new(),
            made: BTreeMap::new(),
            strangers: BTreeMap::new(),
            asleep: BTreeMap::new(),
            touched: BTreeSet::new(),
            once_primary: BTreeSet::new(),
            baseline: None,
            unseen: BTreeMap::new(),
            primary: HOME.to_owned(),
            terms: 0,
        }
    }

    pub(super) fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) fn accuse(&mut self, what: String) {
        self.broken.push(what);
    }

    /// Where production is, by the witness.
    pub(super) fn primary(&self) -> &str {
        &self.primary
    }

    /// What is before an episode: what people did since the last one is production's truth now, or a tail.
    pub(super) fn before(&mut self, deployment: &Deployment, surveys: &Surveys, acts: &[Act]) {
        self.hear(deployment, surveys, &[], false);
        self.touched.clear();
        for (site, unseen) in &mut self.unseen {
            if let (false, Some((of, baseline))) = (unseen.is_read, &self.baseline)
                && of == site
            {
                unseen.things = edited(baseline, &surveys[site]);
            }
        }
        if acts.iter().any(|act| !act.is_forced() && *act != Act::Acknowledge) {
            self.baseline = Some((self.primary.clone(), surveys[&self.primary].clone()));
        }
    }

    /// Judges an episode.
    pub(super) fn after(&mut self, deployment: &Deployment, episode: &Episode<'_>) {
        self.one_promoted_site(episode);
        self.leases(episode);
        let known = self.terms;
        let mut was = self.primary.clone();
        self.hear(deployment, episode.after, episode.held, true);
        for held in episode.held.iter().skip(known) {
            if held.primary != was {
                self.production_moved(&was, held, episode);
                was.clone_from(&held.primary);
            }
        }
        for (site, survey) in episode.after {
            for thing in &survey.twice {
                self.accuse(format!("two {} are called {} at {site}", thing.0, thing.1));
            }
        }
        self.tails(episode);
        for (process, act, came) in episode.acts {
            self.ends(process, act, came);
            if let Some(report) = &came.synced {
                self.synced(episode, report);
            }
            if let Some(moved) = &came.moved {
                let told = moved.report.as_ref().map(|report| report.text()).unwrap_or_default();
                let is_over = matches!(moved.ended, Ended::Complete | Ended::Incomplete);
                // Another run may stand half-way.
                let promotes = promotes(&moved.run) && !episode.is_run_open;
                if is_over && promotes {
                    self.woke_as_it_was(episode, &told);
                }
                if moved.ended == Ended::Complete && promotes {
                    self.home_as_it_was(episode);
                }
            }
        }
        if episode.is_meddled && self.baseline.is_some() {
            // What was read meanwhile may be anything in between.
            self.baseline = None;
        }
    }

    /// P3: what the product woke, it woke where production was by the witness.
    fn one_promoted_site(&mut self, episode: &Episode<'_>) {
        for woken in episode.woken {
            let number = woken.effect.number;
            let term = episode.held.iter().rfind(|held| held.effects < number);
            let primary = term.map_or(HOME, |held| held.primary.as_str());
            if primary != woken.site {
                let epoch = term.map_or(0, |held| held.epoch);
                self.broken.push(format!(
                    "P3: in epoch {epoch}, whose primary is {primary}, the product woke at {}: {:?}",
                    woken.site, woken.effect
                ));
            }
        }
        let mut primaries: BTreeMap<u64, &str> = BTreeMap::new();
        for held in episode.held {
            let known = primaries.entry(held.epoch).or_insert(&held.primary);
            if *known != held.primary {
                self.broken.push(format!(
                    "P3: epoch {} has two primaries: {known} and {}",
                    held.epoch, held.primary
                ));
            }
        }
        if !episode.held.is_sorted_by_key(|held| held.epoch) {
            self.broken.push("P3: an epoch ended and began again".to_owned());
        }
    }

    /// P3: who writes has the lease of the witness or, while that is silent, of a standby; and nobody else takes it while a
    /// write may take effect.
    fn leases(&mut self, episode: &Episode<'_>) {
        let mut rows: BTreeMap<&str, Vec<&Held>> = BTreeMap::new();
        for held in episode.rows {
            rows.entry(&held.row).or_default().push(held);
        }
        for write in episode.writes {
            let has = |row: &&Vec<&Held>| {
                let last = row.iter().rfind(|held| held.number < write.number);
                last.is_some_and(|held| !held.released && held.holder == write.process)
            };
            let Some(row) = rows.values().find(has) else {
                self.broken
                    .push(format!("P3: {} wrote without a lease: {}, {write:?}", write.process, write.what));
                continue;
            };
            let next = row.iter().find(|held| {
                held.number > write.number
                    && held.holder != write.process
                    && write.answered.is_none_or(|answered| answered > held.number)
                    && held.at < write.deadline
            });
            if let Some(next) = next {
                self.broken
                    .push(format!("P3: a lease was taken while a write was under way: {next:?}, {write:?}"));
            }
        }
    }

    /// Hears what happened since the last time, in order.
    fn hear(&mut self, deployment: &Deployment, surveys: &Surveys, held: &[Held], is_episode: bool) {
        for (site, survey) in surveys {
            for (thing, id) in &survey.ids {
                self.names.insert((site.clone(), thing.0, id.clone()), thing.clone());
            }
        }
        let query = twinlake_simulator::EffectQuery { after: self.seen, ..Default::default() };
        for effect in deployment.simulator.effects(&query) {
            self.seen = effect.number;
            if let Some(term) = held.iter().rfind(|held| held.effects < effect.number) {
                self.primary.clone_from(&term.primary);
            }
            match &*effect.actor {
                PERSON => self.person(&effect, surveys, is_episode),
                PRODUCT if effect.deed == Deed::Deleted => self.deletion(&effect, surveys),
                _ if matches!(effect.deed, Deed::Fired | Deed::Ran) => self.ran(&effect),
                _ => {}
            }
        }
        if let Some(last) = held.last() {
            self.primary.clone_from(&last.primary);
            self.terms = held.len();
        }
    }

    fn thing(&self, effect: &Effect) -> Option<Thing> {
        let kind = estate_kind(&effect.kind)?;
        self.names.get(&(effect.workspace.to_string(), kind, effect.id.clone())).cloned()
    }

    fn person(&mut self, effect: &Effect, surveys: &Surveys, is_episode: bool) {
        let site = effect.workspace.to_string();
        let job = match effect.deed {
            Deed::Ran | Deed::Queued => effect.detail.strip_prefix("job ").map(str::to_owned),
            _ => Some(effect.id.clone()),
        };
        if let Some(job) = job {
            self.touched.insert((site.clone(), job.clone()));
            if let Some(since) = self.asleep.get_mut(&site) {
                since.insert(job);
            }
        }
        let Some(thing) = self.thing(effect) else { return };
        let is_production = site == self.primary;
        match effect.deed {
            Deed::Created => {
                self.pristine.remove(&thing);
                self.deleted.remove(&thing);
                self.made.entry(thing.clone()).or_default().insert(site.clone());
                if !is_production {
                    self.strangers.entry(thing.clone()).or_default().insert(site.clone());
                }
            }
            Deed::Updated => drop(self.pristine.remove(&thing)),
            Deed::Deleted => {
                self.pristine.remove(&thing);
                self.deleted.insert(thing, effect.at_ms);
                return;
            }
            _ => return,
        }
        if is_episode {
            // What it was meant to be may be overwritten already: nobody can tell until the next complete cycle.
            self.acceptable.remove(&thing);
            self.strangers.entry(thing).or_default().insert(site);
        } else if let Some(posture) = surveys[&site].postures.get(&thing) {
            self.acceptable.entry(thing).or_default().insert(posture.clone());
        }
    }

    /// P8.
    fn deletion(&mut self, effect: &Effect, surveys: &Surveys) {
        let Some(thing) = self.thing(effect) else { return };
        let since = self.deleted.get(&thing).map(|at_ms| effect.at_ms - at_ms);
        if *effect.workspace == *self.primary {
            self.accuse(format!("P8: the product deleted at the primary: {thing:?}, {effect:?}"));
        } else if surveys[&self.primary].documents.contains_key(&thing) {
            self.accuse(format!("P8: deleted, and it stands at the primary: {thing:?}, {effect:?}"));
        } else if since.is_none_or(|since| since < GRACE_MS) {
            self.accuse(format!("P8: deleted {since:?} ms after people deleted it: {thing:?}, {effect:?}"));
        }
    }

    /// P4, P6: nothing starts where all was seen asleep, other than what people touched since.
    fn ran(&mut self, effect: &Effect) {
        let site = effect.workspace.to_string();
        let Some(touched) = self.asleep.get(&site).filter(|_| site != self.primary) else { return };
        let job = effect.detail.strip_prefix("job ").unwrap_or(&effect.id).to_owned();
        let Some(thing) = self.names.get(&(site.clone(), "job", job.clone())).cloned() else { return };
        let is_stranger = !self.once_primary.contains(&site)
            && self.strangers.get(&thing).is_some_and(|sites| sites.contains(&site));
        if !touched.contains(&job) && !is_stranger {
            self.accuse(format!("P4, P6: it ran where all sleeps: {thing:?}, {effect:?}"));
        }
    }

    fn production_moved(&mut self, was: &str, held: &Held, episode: &Episode<'_>) {
        let act = episode.acts.iter().find(|(process, ..)| *process == held.holder).map(|(_, act, _)| act);
        self.once_primary.insert(was.to_owned());
        self.once_primary.remove(&held.primary);
        self.asleep.remove(&held.primary);
        if act.is_none_or(Act::is_forced) {
            let mut things = BTreeMap::new();
            if let Some((_, baseline)) = self.baseline.as_ref().filter(|(of, _)| of == was) {
                things = edited(baseline, &episode.before[was]);
            }
            self.unseen.insert(was.to_owned(), Unseen { things, is_read: false });
        } else {
            // A planned move proves that the old primary sleeps before the next epoch begins.
            let touched = self.touched_at(was);
            self.asleep.insert(was.to_owned(), touched);
        }
        self.unseen.remove(&held.primary);
    }

    fn touched_at(&self, site: &str) -> BTreeSet<String> {
        self.touched.iter().filter(|(at, _)| at == site).map(|(_, job)| job.clone()).collect()
    }

    /// P10: what a returned site did unseen is not written over before somebody has acknowledged it.
    fn tails(&mut self, episode: &Episode<'_>) {
        let mut broken = Vec::new();
        for (site, unseen) in &self.unseen {
            for (thing, document) in &unseen.things {
                let id = episode.before[site].ids.get(thing);
                let is_touched = id.is_some_and(|id| self.touched.contains(&(site.clone(), id.clone())));
                let now = episode.after[site].documents.get(thing);
                if now.map(without_fence).as_ref() != Some(&without_fence(document)) && !is_touched {
                    broken.push(format!(
                        "P10: {thing:?} of {site} was written over unseen: {document} became {now:?}"
                    ));
                }
            }
        }
        self.broken.extend(broken);
        // What people touch again while somebody looks may have been seen either way.
        for (site, unseen) in &mut self.unseen {
            unseen.things.retain(|thing, _| {
                let id = episode.before[site].ids.get(thing);
                id.is_none_or(|id| !self.touched.contains(&(site.clone(), id.clone())))
            });
        }
        for (_, _, came) in episode.acts {
            for site in &came.acknowledged {
                self.unseen.remove(site);
            }
            let fences = came.synced.iter().flat_map(|report| &report.fences);
            for fence in fences.filter(|fence| !matches!(fence.tail, Tail::Unseen)) {
                if let Some(unseen) = self.unseen.get_mut(fence.place.site.as_str()) {
                    unseen.is_read = true;
                    if episode.is_meddled {
                        unseen.things.clear();
                    }
                }
            }
        }
        // A run looks, too; whether it did is not asked.
        if episode.acts.iter().any(|(_, act, _)| act.is_forced()) {
            self.unseen.values_mut().for_each(|unseen| unseen.is_read = true);
        }
    }

    /// P1: whatever is begun ends with an error that says what to do, or with a verdict.
    fn ends(&mut self, process: &str, act: &Act, came: &Came) {
        if came.hangs {
            self.accuse(format!("P1: {act:?} of {process} does not come to an end"));
        }
        let is_bug = |error: &&ControllerError| {
            error.class() == ErrorClass::Bug && !error.to_string().contains("stopped here by a test")
        };
        if let Some(error) = came.error.as_ref().filter(is_bug) {
            self.accuse(format!("P1: {act:?} ended in a bug: {error}"));
        }
        if let Some(moved) = &came.moved
            && let Ended::Stopped { why, hint } = &moved.ended
            && (why.is_empty() || hint.is_empty())
        {
            self.accuse(format!("P1: {} stopped without saying why", moved.run));
        }
    }

    fn synced(&mut self, episode: &Episode<'_>, report: &SyncReport) {
        for fence in report.fences.iter().filter(|fence| fence.is_fenced()) {
            let site = fence.place.site.to_string();
            if self.primary == site {
                continue;
            }
            let awake = &episode.after[&site].awake_lines;
            if !awake.is_empty() && !episode.is_meddled {
                self.accuse(format!("P4: {site} is said to be fenced, and is awake: {}", awake.join("; ")));
            }
            let touched = self.touched_at(&site);
            self.asleep.insert(site, touched);
        }
        for leg in report.legs.iter().filter(|leg| leg.complete) {
            self.stands_by(episode, leg.leg.target.site.as_str());
        }
        let is_whole = report.is_complete() && !report.legs.is_empty();
        if is_whole && !episode.is_meddled && !episode.is_run_open && episode.acts.len() == 1 {
            let primary = &episode.after[&self.primary];
            self.acceptable = primary
                .postures
                .iter()
                .map(|(thing, posture)| (thing.clone(), [posture.clone()].into()))
                .collect();
            let here = self.primary.clone();
            self.strangers.retain(|_, sites| {
                sites.remove(&here);
                !sites.is_empty()
            });
        }
    }

    /// P1, P6: a standby whose leg is complete holds what the primary holds, and sleeps.
    fn stands_by(&mut self, episode: &Episode<'_>, site: &str) {
        if episode.is_meddled || site == self.primary {
            return;
        }
        let (primary, standby) = (&episode.after[&self.primary], &episode.after[site]);
        let mut broken = Vec::new();
        for (thing, document) in &primary.documents {
            let copy = standby.documents.get(thing).map(anywhere);
            if copy.as_ref() != Some(&anywhere(document)) {
                broken.push(format!(
                    "P1: {site} is said to be complete: {thing:?} is {document}, its copy {copy:?}"
                ));
            }
        }
        for thing in &standby.awake {
            let is_stranger = self.strangers.get(thing).is_some_and(|sites| sites.contains(site));
            // What people make at a site that was primary once is its fence's affair.
            if !is_stranger {
                broken.push(format!("P6: {thing:?} is awake at {site}"));
            }
        }
        self.broken.extend(broken);
        let touched = self.touched_at(site);
        self.asleep.insert(site.to_owned(), touched);
    }

    /// P7: what is awake at the promoted site was meant to be, and what was not stays asleep.
    fn woke_as_it_was(&mut self, episode: &Episode<'_>, told: &str) {
        let survey = &episode.after[&self.primary];
        // What the run's report names stays as it is shown, and that is known from here on.
        for (thing, posture) in survey.postures.iter().filter(|(thing, _)| told.contains(&thing.1)) {
            self.acceptable.entry(thing.clone()).or_default().insert(posture.clone());
        }
        if episode.is_meddled {
            return;
        }
        let mut broken = Vec::new();
        for (thing, posture) in &survey.postures {
            let is_stranger = self.strangers.contains_key(thing);
            match self.acceptable.get(thing) {
                Some(acceptable) if is_one_of(posture, acceptable) => {}
                _ if is_stranger => {}
                // What was deleted and stands yet is nobody's to wake.
                _ if !survey.awake.contains(thing) && self.deleted.contains_key(thing) => {}
                None if !survey.awake.contains(thing) => {}
                meant => broken.push(format!(
                    "P7: {thing:?} runs at {} as {posture}, and was meant to run as {meant:?}",
                    self.primary
                )),
            }
        }
        self.broken.extend(broken);
    }

    /// P9: what nobody edited stands at home as it did.
    fn home_as_it_was(&mut self, episode: &Episode<'_>) {
        if self.primary == HOME && !episode.is_meddled {
            self.prove_home(&episode.after[HOME]);
        }
    }

    fn prove_home(&mut self, home: &Survey) {
        let changed: Vec<String> = self
            .pristine
            .iter()
            .filter(|(thing, whole)| home.whole(thing).as_ref() != Some(*whole))
            .map(|(thing, whole)| {
                format!("P9: {thing:?} was {whole} at home, and is {:?}", home.whole(thing))
            })
            .collect();
        self.broken.extend(changed);
    }

    /// What must hold once all is healed.
    pub(super) fn end(&mut self, surveys: &Surveys, is_audit_whole: bool) {
        if !is_audit_whole {
            self.accuse("the audit chain is broken".to_owned());
        }
        let primary = self.primary.clone();
        for (site, survey) in surveys.iter().filter(|(site, _)| **site != primary) {
            for thing in
                survey.documents.keys().filter(|thing| !surveys[&primary].documents.contains_key(*thing))
            {
                let is_made = self.made.get(thing).is_some_and(|sites| sites.contains(site));
                if !is_made && !self.deleted.contains_key(thing) {
                    self.accuse(format!("{thing:?} stands at {site}, and nobody ever made it there"));
                }
            }
        }
        if primary == HOME {
            self.prove_home(&surveys[HOME]);
        }
    }
}

/// Whether each field of a posture is what it was at some time: people who change one of them while another one sleeps
/// make a mixture of both.
fn is_one_of(posture: &str, acceptable: &BTreeSet<String>) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let all: Vec<Value> = acceptable.iter().map(|one| read(one)).collect();
    match read(posture) {
        Value::Object(fields) => {
            fields.iter().all(|(field, value)| all.iter().any(|one| one.get(field) == Some(value)))
        }
        other => all.contains(&other),
    }
}

/// Whether a run ends with production awake.
fn promotes(run: &str) -> bool {
    ["switchover", "forced_failover", "failback", "rollback", "abort"]
        .iter()
        .any(|name| run.starts_with(name))
}

/// What was made or edited since `baseline`.
fn edited(baseline: &Survey, now: &Survey) -> BTreeMap<Thing, Value> {
    let changed = now.documents.iter().filter(|(thing, document)| {
        baseline.documents.get(*thing).map(without_fence).as_ref() != Some(&without_fence(document))
    });
    changed.map(|(thing, document)| (thing.clone(), document.clone())).collect()
}

/// A document without what a coarse fence sets.
fn without_fence(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("max_capacity");
    }
    document
}
