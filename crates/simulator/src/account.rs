//! The simulated account: its workspaces, its time, and everything that happens in it.
//!
//! Time passes only here. Before a request or a control call is answered, everything that was due by then happens, in
//! order of its time; nothing runs in the background.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use twinlake_base::{Clock, Entropy};

use crate::agenda::{Agenda, Event};
use crate::call::{Call, Outcome, Request};
use crate::callers::{self, Caller};
use crate::effects::{EffectLog, Meters};
use crate::error::Error;
use crate::faults::Faults;
use crate::limits::Buckets;
use crate::outage::Outage;
use crate::refusal::Refusal;
use crate::router;
use crate::services::{clusters, libraries, policies, runs, tasks, tree, triggers, warehouses};
use crate::settings::Settings;
use crate::stage::{SERVICE, Stage};
use crate::stale::Shadows;
use crate::workspace::{Workspace, WorkspaceSpec};

/// The one account.
pub(crate) const ACCOUNT_ID: &str = "5a1e0000-7a1e-4000-8000-00000d1ce000";

/// What is kept on disk of an account.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) agenda: Agenda,
    pub(crate) effects: EffectLog,
    pub(crate) callers: BTreeMap<u64, Caller>,
    pub(crate) outages: BTreeMap<String, Outage>,
    /// What was due at a workspace where time stands still.
    pub(crate) parked: Vec<(i64, usize, Event)>,
    /// Since when life stands still in a region.
    #[serde(default)]
    pub(crate) still_since: BTreeMap<String, i64>,
    pub(crate) now_ms: i64,
    pub(crate) numbers: u64,
}

/// The account, as it lives.
pub(crate) struct Account {
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) buckets: Buckets,
    pub(crate) shadows: Shadows,
    /// How far the account is ahead of a clock that cannot be moved: it was saved later than that clock's time.
    ahead_ms: i64,
}

impl Account {
    pub(crate) fn new(clock: Clock, entropy: Entropy, world: World) -> Self {
        // Time does not go back in an account: a clock that is behind is moved, or the difference kept.
        let behind_ms = (world.now_ms - clock.now().as_millisecond()).max(0);
        let is_moved = clock.jump(Duration::from_millis(behind_ms.unsigned_abs()));
        let mut account = Self {
            clock,
            entropy,
            world,
            faults: Faults::default(),
            buckets: Buckets::default(),
            shadows: Shadows::default(),
            ahead_ms: if is_moved { 0 } else { behind_ms },
        };
        account.settle();
        account
    }

    /// Adds a workspace with everything that one is born with.
    pub(crate) fn add(&mut self, spec: &WorkspaceSpec) -> Result<usize, Error> {
        self.settle();
        if self.place(&spec.name).is_ok() {
            return Err(Error::DuplicateWorkspace { name: spec.name.clone() });
        }
        let user = "admin@acme.example";
        self.world.workspaces.push(Workspace {
            name: Arc::from(spec.name.as_str()),
            id: 1_000_000_000_000_000 + self.entropy.below(8_000_000_000_000_000),
            region: spec.region.clone(),
            cloud: spec.cloud,
            token: format!("dapi{}", self.entropy.hex(32)),
            user: Arc::from(user),
            user_id: 1_000_000_000_000_000 + self.entropy.below(8_000_000_000_000_000),
            users: BTreeSet::from([user.to_owned()]),
            tree: tree::Tree::default(),
            collections: BTreeMap::new(),
            revision: 0,
            clusters: clusters::Clusters::default(),
            warehouses: warehouses::Warehouses::default(),
            warehouse_config: json!({}),
            warehouse_overrides: BTreeMap::new(),
            jobs: crate::services::jobs::Jobs::default(),
            runs: runs::Runs::default(),
            meters: Meters::default(),
        });
        let at = self.world.workspaces.len() - 1;
        let mut stage = self.stage(at, SERVICE);
        tree::lay_out(&mut stage);
        warehouses::lay_out(&mut stage);
        policies::lay_out(&mut stage).map_err(|refusal| Error::Refused { why: refusal.message })?;
        Ok(at)
    }

    /// A workspace's place by its name.
    pub(crate) fn place(&self, name: &str) -> Result<usize, Error> {
        self.world.workspaces.iter().position(|workspace| &*workspace.name == name).ok_or_else(|| {
            Error::UnknownWorkspace {
                name: name.to_owned(),
                known: self
                    .world
                    .workspaces
                    .iter()
                    .map(|workspace| workspace.name.to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            }
        })
    }

    /// Where a service can act.
    pub(crate) fn stage(&mut self, at: usize, actor: &str) -> Stage<'_> {
        Stage {
            ws: &mut self.world.workspaces[at],
            agenda: &mut self.world.agenda,
            effects: &mut self.world.effects,
            entropy: &self.entropy,
            settings: &self.world.settings,
            now: self.world.now_ms,
            actor: Arc::from(actor),
            at,
        }
    }

    /// Lets everything happen that is due.
    pub(crate) fn settle(&mut self) {
        let now_ms = (self.clock.now().as_millisecond() + self.ahead_ms).max(self.world.now_ms);
        while let Some((due_ms, at, event)) = self.world.agenda.next_due(now_ms) {
            self.world.now_ms = due_ms.max(self.world.now_ms);
            // Those outside have clocks of their own.
            let is_outside = matches!(event, Event::CallerActs { .. });
            if !is_outside && self.outage(at).is_some_and(|outage| outage.life_stops) {
                self.world.parked.push((due_ms, at, event));
            } else {
                self.happen(at, event);
            }
        }
        self.world.now_ms = now_ms;
    }

    fn happen(&mut self, at: usize, event: Event) {
        if let Event::CallerActs { caller } = event {
            return callers::act(self, caller);
        }
        let stage = &mut self.stage(at, SERVICE);
        match event {
            Event::ClusterSettles { id, generation } => clusters::settle(stage, &id, generation),
            Event::ClusterIdles { id, generation } => clusters::idle(stage, &id, generation),
            Event::ClusterExpires { id } => clusters::expire(stage, &id),
            Event::LibrariesSettle { id } => libraries::settle(stage, &id),
            Event::WarehouseSettles { id, generation } => warehouses::settle(stage, &id, generation),
            Event::WarehouseIdles { id, generation } => warehouses::idle(stage, &id, generation),
            Event::JobFires { id, generation, trigger } => triggers::fire(stage, id, generation, trigger),
            Event::TaskStarts { run, task, attempt } => tasks::start(stage, run, task, attempt),
            Event::TaskEnds { run, task, attempt } => tasks::stop(stage, run, task, attempt),
            Event::RunTimesOut { run } => runs::time_out(stage, run),
            Event::RunIsCancelled { run } => runs::finish_cancel(stage, run),
            Event::QueueExpires { run } => runs::expire_queued(stage, run),
            Event::MachinesAreLost => {
                clusters::lose_machines(stage);
                warehouses::lose_machines(stage);
            }
            Event::CallerActs { .. } => {}
        }
    }

    /// What is wrong with a workspace's region.
    pub(crate) fn outage(&self, at: usize) -> Option<&Outage> {
        self.world.outages.get(&self.world.workspaces.get(at)?.region)
    }

    /// Life stops in a region, or goes on standing still.
    pub(crate) fn stop(&mut self, region: &str) {
        self.world.still_since.entry(region.to_owned()).or_insert(self.world.now_ms);
    }

    /// Life goes on in a region: schedules that were missed are not made up for, what was under way takes as much longer as
    /// it stood still, and what goes by the calendar (time-outs, retention) is due if its time has come.
    pub(crate) fn resume(&mut self, region: &str) {
        let Some(since_ms) = self.world.still_since.remove(region) else { return };
        let stood_ms = self.world.now_ms - since_ms;
        let workspaces = &self.world.workspaces;
        let is_delayed = |at: usize, event: &Event| {
            workspaces.get(at).is_some_and(|ws| ws.region == region) && event.is_work()
        };
        self.world.agenda.delay(stood_ms, is_delayed);
        let parked = std::mem::take(&mut self.world.parked);
        for (due_ms, at, event) in parked {
            if self.world.workspaces[at].region != region {
                self.world.parked.push((due_ms, at, event));
            } else if event.is_work() {
                self.world.agenda.enter(due_ms + stood_ms, at, event);
            } else if let Event::JobFires { id, generation, .. } = event {
                let stage = &mut self.stage(at, SERVICE);
                if stage.ws.jobs.get(id).is_some_and(|job| job.generation == generation) {
                    triggers::arm(stage, id);
                }
            } else {
                self.world.agenda.enter(self.world.now_ms, at, event);
            }
        }
    }

    /// Answers a request, whoever it is from.
    pub(crate) fn dispatch(&mut self, at: usize, request: &Request, actor: &str) -> Outcome {
        let (route, captured) = router::route(&request.method, &request.path)
            .ok_or_else(|| Refusal::no_endpoint(request.method.as_str(), &request.path))?;
        if route.writes() && self.faults.keep_the_past() {
            self.shadows.before_write(at, route.service, &self.world.workspaces[at], self.world.now_ms);
        }
        let mut stage = self.stage(at, actor);
        let outcome = route.answer(&mut Call { stage: &mut stage, request, captured });
        // What a write sets off at once has happened before its answer is read.
        self.settle();
        outcome
    }

    /// A number that is not used yet.
    pub(crate) fn number(&mut self) -> u64 {
        self.world.numbers += 1;
        self.world.numbers
    }

    /// What a region's name must match.
    pub(crate) fn check_region(&self, region: &str) -> Result<(), Error> {
        match self.world.workspaces.iter().any(|workspace| workspace.region == region) {
            true => Ok(()),
            false => Err(Error::UnknownRegion { region: region.to_owned() }),
        }
    }

    /// The body of a refusal to a person who acts through the control.
    pub(crate) fn refusal_document(&self, refusal: &Refusal) -> Value {
        refusal.document(&self.entropy.hex(32))
    }
}
