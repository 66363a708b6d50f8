//! One look at a place that must sleep: what is awake is put to sleep, what runs is cancelled, and both are named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use twinlake_assets::activities::ACTIVITIES;
use twinlake_assets::{Activity, Running};
use twinlake_base::{Clock, Timestamp};
use twinlake_databricks::{Client, Permit};
use twinlake_model::{
    AssetId, Epoch, FailoverGroup, FenceLevel, FoundAwake, Outcome, Place, Role, RunId, SeenRun, Selection,
    SetName, Verdict,
};
use twinlake_sync::{Approval, Report, Route, Side, Sync, Watch};

use crate::fence::shared;
use crate::fence::whose::{Whereabouts, Whose, whose};
use crate::legs::selection_at;
use crate::moves::kept::{Names, latest_of, sleepers};
use crate::plan::cycle;
use crate::{ControllerError, House, Leg};

/// How long a cancelled run may take to end.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A place that must sleep.
pub(crate) struct Visit<'a> {
    pub(crate) house: &'a House,
    pub(crate) group: &'a FailoverGroup,
    pub(crate) set: &'a SetName,
    pub(crate) place: &'a Place,
    pub(crate) client: Client,
    pub(crate) epoch: Epoch,
    pub(crate) run: &'a RunId,
    pub(crate) permit: &'a dyn Permit,
    pub(crate) watch: Arc<dyn Watch>,
    /// How long active runs may go on before they are cancelled. Zero: not at all.
    pub(crate) drain: Duration,
}

/// What a visit found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Visited {
    /// What was awake, and was put to sleep.
    pub found_awake: Vec<FoundAwake>,
    /// The group's runs that were active or queued and were cancelled, as they were first seen.
    pub ran: Vec<SeenRun>,
    /// Of these, what still goes on.
    pub still_running: Vec<SeenRun>,
    /// Runs that cannot be told to be one group's. They were left alone.
    pub unclear: Vec<SeenRun>,
    /// What could not be put to sleep.
    pub awake_still: Vec<Outcome>,
    /// What is left awake because another group's production uses it.
    pub left_for_others: Vec<String>,
}

impl Visited {
    /// What is confirmed of the fence. None: something may still begin by itself.
    #[must_use]
    pub fn level(&self) -> Option<FenceLevel> {
        if !self.awake_still.is_empty() {
            return None;
        }
        Some(if self.still_running.is_empty() { FenceLevel::L2 } else { FenceLevel::L1 })
    }
}

/// What may be touched at a place that must sleep, and whose its runs are.
struct Scope {
    selection: Selection,
    others: Vec<Selection>,
    names: Names,
    left_for_others: Vec<String>,
}

impl Visit<'_> {
    /// Puts to sleep, cancels, and looks again.
    ///
    /// # Errors
    /// When the place cannot be read, or the permit ended. What was done until then is recorded.
    pub(crate) async fn fence(&self) -> Result<Visited, ControllerError> {
        let scope = self.scope().await?;
        let mut found_awake = Vec::new();
        if !self.drain.is_zero() {
            // What begins runs sleeps first, so that what runs can end on compute that still stands.
            let beginners = self.beginners().await?;
            found_awake = self.put_to_sleep(&scope.selection, Some(beginners)).await?.found_awake;
            self.drain(&scope).await?;
        }
        let report = self.put_to_sleep(&scope.selection, None).await?;
        found_awake.extend(report.found_awake);
        let mut visited = Visited {
            found_awake,
            awake_still: report.outcomes.into_iter().filter(|one| may_be_awake(&one.verdict)).collect(),
            left_for_others: scope.left_for_others.clone(),
            ..Visited::default()
        };
        for activity in ACTIVITIES {
            self.stop(*activity, &scope, &mut visited).await?;
        }
        Ok(visited)
    }

    async fn scope(&self) -> Result<Scope, ControllerError> {
        let estate = &self.house.config.estate;
        let store = &self.house.store;
        let Some(set) = self.group.sets.iter().find(|set| set.name == *self.set) else {
            return Err(ControllerError::NoWorkspace { place: self.place.clone() });
        };
        let selection = selection_at(estate, self.group, set, &self.place.site);
        let at_work = shared::at_work(estate, self.group, self.place);
        let others = shared::selections(&at_work, self.set);
        let (mut names, mut assets) = (Names::none(), BTreeMap::new());
        for group in at_work.into_iter().chain([self.group]) {
            let Some(snapshot) = latest_of(store, estate, group, self.place).await? else { continue };
            names = names.and(store, &snapshot).await?;
            if !others.is_empty() {
                assets.extend(sleepers(store, &snapshot).await?);
            }
        }
        if others.is_empty() {
            return Ok(Scope { selection, others, names, left_for_others: Vec::new() });
        }
        let used = shared::used_by(&assets, &others);
        let is_ours = |its: &&crate::moves::waves::Sleeper| selection.takes(its.kinds, &its.key);
        let left = used.iter().filter_map(|asset| assets.get(asset)).filter(is_ours);
        let left_for_others = left.map(|its| format!("{}:{}", its.kinds, its.key)).collect();
        let selection = shared::without(&selection, &assets, &used);
        Ok(Scope { selection, others, names, left_for_others })
    }

    /// The assets that runs are runs of.
    async fn beginners(&self) -> Result<Arc<BTreeSet<AssetId>>, ControllerError> {
        let store = &self.house.store;
        let mut beginners = BTreeSet::new();
        if let Some(snapshot) = latest_of(store, &self.house.config.estate, self.group, self.place).await? {
            for activity in ACTIVITIES {
                let Some(digest) = snapshot.manifests.get(&activity.of().into()) else { continue };
                beginners.extend(store.manifest(*digest).await?.entries.into_iter().map(|entry| entry.asset));
            }
        }
        Ok(Arc::new(beginners))
    }

    /// Waits until nothing of the group runs, as long as it may.
    async fn drain(&self, scope: &Scope) -> Result<(), ControllerError> {
        let clock: &Clock = &self.house.setup.clock;
        let until = clock.instant() + self.drain;
        loop {
            let mut runs = 0;
            for activity in ACTIVITIES {
                runs += self.running(*activity, scope).await?.0.len();
            }
            if runs == 0 || clock.instant() >= until {
                return Ok(());
            }
            clock.sleep(LOOK_EVERY).await;
        }
    }

    async fn put_to_sleep(
        &self,
        selection: &Selection,
        only: Option<Arc<BTreeSet<AssetId>>>,
    ) -> Result<Report, ControllerError> {
        let side = Side { place: self.place.clone(), client: self.client.clone() };
        let route = Route {
            group: self.group.name.clone(),
            source: side.clone(),
            target: side,
            selection: selection.clone(),
            mappings: self.group.mappings.clone(),
            guards: self.group.guards,
            role: Role::Standby,
            kept: None,
            only,
            epoch: self.epoch,
        };
        let leg = Leg {
            group: self.group.name.clone(),
            source: self.place.clone(),
            target: self.place.clone(),
            selection: selection.clone(),
        };
        let clock = self.house.setup.clock.clone();
        let sync = Sync::new(self.house.store.clone(), clock, route, self.watch.clone());
        let ended = sync.run(self.run, self.permit, Approval::Routine).await;
        ended.map_err(|source| cycle(&leg, source))
    }

    /// Cancels what runs, and waits until it is gone.
    async fn stop(
        &self,
        activity: &dyn Activity,
        scope: &Scope,
        visited: &mut Visited,
    ) -> Result<(), ControllerError> {
        let clock: &Clock = &self.house.setup.clock;
        let (mut ours, unclear) = self.running(activity, scope).await?;
        visited.unclear.extend(self.seen(activity, unclear).await?);
        let first = self.seen(activity, ours.clone()).await?;
        let given_up_at = clock.instant() + PATIENCE;
        while !ours.is_empty() && clock.instant() < given_up_at {
            self.cancel(activity, &ours).await?;
            clock.sleep(LOOK_EVERY).await;
            ours = self.running(activity, scope).await?.0;
        }
        visited.ran.extend(first);
        visited.still_running.extend(self.seen(activity, ours).await?);
        self.remember(activity, &visited.ran).await
    }

    async fn cancel(&self, activity: &dyn Activity, ours: &[Running]) -> Result<(), ControllerError> {
        let writer = self.client.writer();
        for running in ours {
            activity
                .cancel(&writer, &running.id, self.permit)
                .await
                .map_err(|source| self.activity_error(activity, source))?;
        }
        Ok(())
    }

    /// The group's runs, and those that cannot be told to be one group's.
    async fn running(
        &self,
        activity: &dyn Activity,
        scope: &Scope,
    ) -> Result<(Vec<Running>, Vec<Running>), ControllerError> {
        let reader = self.client.reader();
        let active =
            activity.active(&reader).await.map_err(|source| self.activity_error(activity, source))?;
        let at = Whereabouts {
            ours: &scope.selection,
            others: &scope.others,
            known: &|kind, remote| scope.names.get(kind, remote),
        };
        let plural = crate::kinds::plural(activity.of());
        let (mut ours, mut unclear) = (Vec::new(), Vec::new());
        for running in active {
            match whose(&running, activity.of(), plural, &at) {
                Whose::Ours => ours.push(running),
                Whose::Unclear => unclear.push(running),
                Whose::Others => {}
            }
        }
        Ok((ours, unclear))
    }

    async fn seen(
        &self,
        activity: &dyn Activity,
        runs: Vec<Running>,
    ) -> Result<Vec<SeenRun>, ControllerError> {
        let ids = self.house.store.id_map(self.set).await?;
        let now: Timestamp = self.house.setup.clock.now();
        Ok(runs.into_iter().map(|running| running.seen(activity, self.place, &ids, now)).collect())
    }

    /// Keeps in the ledger how the runs ended.
    async fn remember(&self, activity: &dyn Activity, ran: &[SeenRun]) -> Result<(), ControllerError> {
        let reader = self.client.reader();
        let mut last = Vec::new();
        for run in ran.iter().filter(|run| run.activity == activity.name()) {
            let read = activity.read(&reader, &run.id).await;
            match read.map_err(|source| self.activity_error(activity, source))? {
                Some(running) => last.extend(self.seen(activity, vec![running]).await?),
                None => last.push(run.clone()),
            }
        }
        if let Some(until) = self.house.store.last_ledger_look(self.place).await? {
            self.house.store.put_seen_runs(self.place, until, &last).await?;
        }
        Ok(())
    }

    fn activity_error(&self, activity: &dyn Activity, source: twinlake_assets::Error) -> ControllerError {
        ControllerError::Activity {
            what: activity.plural().to_owned(),
            place: self.place.clone(),
            source: Box::new(source),
        }
    }
}

/// Whether something with this verdict may not be asleep.
fn may_be_awake(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Failed { .. } | Verdict::Unknown { .. } | Verdict::Lagging { .. })
}
