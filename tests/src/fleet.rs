//! A simulated account with two sites, and everything that keeps one in step with the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Gate, Secret, Timestamp};
use twinlake_databricks::{Budgets, Client, ClientBuilder, Host, Limits, Permit, Share, Unguarded};
use twinlake_model::{Epoch, Guards, Mappings, Place, Plan, Role, RunId, Selection};
use twinlake_simulator::{Cloud, Effect, EffectQuery, Settings, Simulator, WorkspaceSpec};
use twinlake_store::{Store, StoreOptions};
use twinlake_sync::{Approval, Report, Route, Side, Silent, Sync, SyncError};

use crate::{InProcess, Site};

/// When every fleet begins: a Monday, half past nine in the morning, so that schedules have something to do.
const START: &str = "2026-03-02T09:30:00Z";

/// Two sites and a route between them. Its public fields are what a test may change before a sync.
pub struct Fleet {
    /// The one clock of both sites and of the product.
    pub clock: Clock,
    /// The simulated account.
    pub simulator: Simulator,
    /// The product's state, in memory.
    pub store: Store,
    /// What is called otherwise at the other site.
    pub mappings: Mappings,
    /// What a routine sync may do.
    pub guards: Guards,
    /// What of the workspace set is kept in step.
    pub selection: Selection,
    /// In which term.
    pub epoch: Epoch,
    sites: [Site; 2],
    entropy: Entropy,
    seed: u64,
    runs: AtomicU64,
}

impl Fleet {
    /// An account with the workspaces `east` (us-east-1) and `west` (us-west-2), both as they are born. The same seed
    /// gives the same ids, the same jitter, the same order of everything.
    ///
    /// # Panics
    /// Outside a paused tokio runtime it would take real time; it does not check that.
    pub async fn new(seed: u64) -> Self {
        Self::with(seed, Settings::default()).await
    }

    /// As [`new`](Self::new), with other settings of the simulated account.
    pub async fn with(seed: u64, settings: Settings) -> Self {
        let clock = Clock::simulated(START.parse::<Timestamp>().expect("a date"));
        let simulator = Simulator::new(clock.clone(), Entropy::seeded(seed), settings);
        for (name, region) in [("east", "us-east-1"), ("west", "us-west-2")] {
            simulator.add_workspace(&WorkspaceSpec::new(name, Cloud::Aws, region)).expect("a new workspace");
        }
        let options = StoreOptions { clock: clock.clone(), gate: Gate::open() };
        let store = Store::in_memory(options).await.expect("a state in memory");
        let entropy = Entropy::seeded(seed ^ 0x5eed);
        let sites = sites(&simulator, &clock, &entropy, &Gate::open());
        Self {
            clock,
            simulator,
            store,
            mappings: Mappings::default(),
            guards: Guards::default(),
            selection: Selection::all(),
            epoch: Epoch(1),
            sites,
            entropy,
            seed,
            runs: AtomicU64::new(0),
        }
    }

    /// The primary.
    #[must_use]
    pub const fn east(&self) -> &Site {
        &self.sites[0]
    }

    /// The standby.
    #[must_use]
    pub const fn west(&self) -> &Site {
        &self.sites[1]
    }

    /// One more site, as it is born: a second standby. The product reaches it past any gate.
    ///
    /// # Panics
    /// When there is one of that name.
    #[must_use]
    pub fn add_site(&self, name: &str, region: &str) -> Site {
        self.simulator.add_workspace(&WorkspaceSpec::new(name, Cloud::Aws, region)).expect("a new workspace");
        let limits = Limits::shipped().expect("the table of limits that ships");
        let client = client(&self.simulator, name)
            .clock(self.clock.clone())
            .entropy(self.entropy.clone())
            .budgets(Budgets::new(limits, self.clock.clone()))
            .build()
            .expect("a client");
        Site { name: name.to_owned(), place: place(name), client, simulator: self.simulator.clone() }
    }

    /// What the fleet was made from: print it where a test fails.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// From here on, the product reaches both sites and its state through `gate`, as another process would: new
    /// clients, new budgets, the same state.
    pub fn restart_behind(&mut self, gate: &Gate) {
        self.store = self.store.reopened(StoreOptions { clock: self.clock.clone(), gate: gate.clone() });
        self.sites = sites(&self.simulator, &self.clock, &self.entropy, gate);
    }

    /// The product's process starts anew.
    pub fn restart(&mut self) {
        self.restart_behind(&Gate::open());
    }

    /// The route from one site to the other, asleep there.
    #[must_use]
    pub fn route(&self, source: &Site, target: &Site) -> Route {
        let side = |site: &Site| Side { place: site.place.clone(), client: site.client.clone() };
        Route {
            group: "retail".into(),
            source: side(source),
            target: side(target),
            selection: self.selection.clone(),
            mappings: self.mappings.clone(),
            guards: self.guards,
            role: Role::Standby,
            kept: None,
            only: None,
            epoch: self.epoch,
        }
    }

    /// The sync of east to west, with what the public fields say now.
    #[must_use]
    pub fn prepare(&self) -> Sync {
        Sync::new(
            self.store.clone(),
            self.clock.clone(),
            self.route(self.east(), self.west()),
            Arc::new(Silent),
        )
    }

    /// One routine cycle from east to west.
    ///
    /// # Panics
    /// When it ends in an error.
    pub async fn sync(&self) -> Report {
        let report = self.try_sync().await;
        report.unwrap_or_else(|error| panic!("seed {}: the sync failed: {error}", self.seed))
    }

    /// One routine cycle from east to west.
    ///
    /// # Errors
    /// As [`Sync::run`].
    pub async fn try_sync(&self) -> Result<Report, SyncError> {
        self.sync_with(&Unguarded, Approval::Routine).await
    }

    /// One cycle from east to west with a permit and an approval of the test's own.
    ///
    /// # Errors
    /// As [`Sync::run`].
    pub async fn sync_with(&self, permit: &dyn Permit, approval: Approval) -> Result<Report, SyncError> {
        self.prepare().run(&self.next_run(), permit, approval).await
    }

    /// What the next cycle would do.
    ///
    /// # Panics
    /// When it cannot be planned.
    pub async fn plan(&self) -> Plan {
        let plan = self.prepare().plan().await;
        plan.unwrap_or_else(|error| panic!("seed {}: no plan: {error}", self.seed))
    }

    /// Moves the date forward; what was due in between happens. Nobody waits, so leases and deadlines stand still.
    ///
    /// # Panics
    /// Never: the fleet's clock is simulated.
    pub fn jump(&self, by: Duration) {
        self.simulator.jump(by).expect("a simulated clock");
    }

    /// Everything that happened at both sites, oldest first.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.simulator.effects(&EffectQuery::default())
    }

    /// How many effects there were so far: what [`Site::effects_after`] takes.
    #[must_use]
    pub fn effect_count(&self) -> u64 {
        self.simulator.effect_count()
    }

    fn next_run(&self) -> RunId {
        RunId::new(format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed) + 1))
    }
}

fn sites(simulator: &Simulator, clock: &Clock, entropy: &Entropy, gate: &Gate) -> [Site; 2] {
    let limits = Limits::shipped().expect("the table of limits that ships");
    let share = [limits.share_on_a_primary(), limits.share_on_a_standby()];
    let budgets = Budgets::new(limits, clock.clone());
    let site = |name: &str, share: Share| {
        let client = client(simulator, name)
            .clock(clock.clone())
            .entropy(entropy.clone())
            .gate(gate.clone())
            .budgets(budgets.clone())
            .share(share)
            .build()
            .expect("a client");
        Site { name: name.to_owned(), place: place(name), client, simulator: simulator.clone() }
    };
    [site("east", share[0]), site("west", share[1])]
}

fn client(simulator: &Simulator, name: &str) -> ClientBuilder {
    let info = simulator.workspace(name).expect("a workspace of the fleet");
    let host = Host::parse(&format!("https://{name}.example")).expect("a host");
    Client::builder(host, Secret::new(info.token)).transport(Arc::new(InProcess::new(simulator, name)))
}

fn place(name: &str) -> Place {
    Place::new("prod".into(), name.into())
}
