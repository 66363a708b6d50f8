//! A simulated account with several regions, a `twinlake.yml`, and the controller that works by it: everything that an
//! operator would have, in process and in virtual time.
//!
//! What the product sends is kept in [`Traffic`]: how often a lost primary was asked, what a host answered. A webhook's host
//! is `hooks.example`; it answers as the test says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Env, Gate, Secret, Timestamp};
use twinlake_config::{Config, LoadOptions, load_text};
use twinlake_controller::{
    Consent, ControllerError, House, Moved, News, Observer, Proposal, Setup, Stop, SyncOptions, SyncReport,
    Unobserved, Wish, begin, phase_names, plural_names, propose, resume, sync,
};
use twinlake_databricks::{Client, Host, Share};
use twinlake_model::Place;
use twinlake_objects::{Objects, ObjectsOptions};
use twinlake_simulator::{Cloud, Effect, EffectQuery, Outage, Settings, Simulator, WorkspaceSpec};
use twinlake_store::{Store, StoreOptions};
use twinlake_workflow::{Happened, RunEvent};

use crate::traffic::{ByHost, Traffic};
use crate::{InProcess, Site};

/// When every deployment begins: a Monday, half past nine in the morning, so that schedules have something to do.
const START: &str = "2026-03-02T09:30:00Z";

/// The regions that there can be, by site.
const REGIONS: [(&str, &str); 3] = [("east", "us-east-1"), ("west", "us-west-2"), ("north", "eu-north-1")];

/// A config with one group of everything: east is primary, the other sites are standbys. `SITES` and `STANDBYS` are put
/// in, and `NORTH` where there is a third site.
pub const ONE_GROUP: &str = r#"
estate: acme
sites:
SITES
witness: { url: "s3://acme-witness/twinlake" }
failover_groups:
  retail:
    primary: east
    standbys: [STANDBYS]
    tier: 1
    workspace_sets: [{ name: prod }]
    waves: [["jobs:critical-*"], ["jobs:*"]]
    mappings:
      node_types:
        - { east: i3.xlarge, west: i4i.xlarge NORTH }
        - { east: i3.2xlarge, west: i4i.xlarge NORTH }
"#;

/// An account, a config, and what lies outside every region.
pub struct Deployment {
    /// The one clock of everything.
    pub clock: Clock,
    /// The simulated account.
    pub simulator: Simulator,
    /// The sites, by name.
    pub sites: BTreeMap<String, Site>,
    /// The config's text.
    pub config: String,
    /// The controller's state.
    pub store: Store,
    /// The gate that everything of the product passes.
    pub gate: Gate,
    /// What else the environment of every process has.
    pub secrets: Vec<(String, String)>,
    /// Object stores by URL: the witness, and each site's state location.
    pub objects: BTreeMap<String, Objects>,
    /// What the product sent, and what it was answered.
    pub traffic: Arc<Traffic>,
    entropy: Entropy,
    seed: u64,
    processes: AtomicU64,
}

impl Deployment {
    /// East and west, with [`ONE_GROUP`].
    ///
    /// # Panics
    /// Never with a config that can be read.
    pub async fn new(seed: u64) -> Self {
        Self::of(seed, 2, ONE_GROUP).await
    }

    /// So many sites, with a config of the test's own.
    ///
    /// # Panics
    /// When the config has a mistake.
    pub async fn of(seed: u64, sites: usize, config: &str) -> Self {
        let clock = Clock::simulated(START.parse::<Timestamp>().expect("a date"));
        Self::under(clock, seed, sites, config, Settings::default()).await
    }

    /// The same, under a clock and with settings of the test's own.
    ///
    /// # Panics
    /// When the config has a mistake.
    pub async fn under(clock: Clock, seed: u64, sites: usize, config: &str, settings: Settings) -> Self {
        let simulator = Simulator::new(clock.clone(), Entropy::seeded(seed), settings);
        let (mut all, mut lines) = (BTreeMap::new(), String::new());
        let options = || ObjectsOptions::new(clock.clone(), Gate::open());
        let witness = "s3://acme-witness/twinlake".to_owned();
        let mut objects = BTreeMap::from([(witness, Objects::in_memory(options()))]);
        for (name, region) in &REGIONS[..sites] {
            simulator.add_workspace(&WorkspaceSpec::new(name, Cloud::Aws, region)).expect("a new workspace");
            let state = format!("s3://acme-dr-{name}/twinlake");
            lines.push_str(&format!(
                "  {name}: {{ cloud: aws, region: {region}, state: \"{state}\", workspaces: {{ prod: {{ host: \"https://{name}.example\", token: env:TOKEN_{} }} }} }}\n",
                name.to_uppercase()
            ));
            objects.insert(state, Objects::in_memory(options()));
            let client = person(&simulator, &clock, name);
            let site = Site {
                name: (*name).to_owned(),
                place: Place::new("prod".into(), (*name).into()),
                client,
                simulator: simulator.clone(),
            };
            all.insert((*name).to_owned(), site);
        }
        let standbys: Vec<&str> = REGIONS[1..sites].iter().map(|(name, _)| *name).collect();
        let store = Store::in_memory(StoreOptions { clock: clock.clone(), gate: Gate::open() });
        let deployment = Self {
            simulator,
            sites: all,
            config: config
                .replace("SITES\n", &lines)
                .replace("STANDBYS", &standbys.join(", "))
                .replace(" NORTH", if sites > 2 { ", north: i4i.xlarge" } else { "" }),
            store: store.await.expect("a state in memory"),
            gate: Gate::open(),
            secrets: Vec::new(),
            objects,
            traffic: Arc::default(),
            entropy: Entropy::seeded(seed ^ 0x5eed),
            seed,
            processes: AtomicU64::new(0),
            clock,
        };
        let _ = deployment.parsed();
        deployment
    }

    /// A site.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    pub fn site(&self, name: &str) -> &Site {
        &self.sites[name]
    }

    /// What the deployment was made from: print it where a test fails.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// A controller, as a new process opens it: new clients and budgets, the same state.
    ///
    /// # Panics
    /// When the state cannot be opened.
    pub async fn open(&self) -> House {
        self.open_as(&format!("anna-{}", self.processes.fetch_add(1, Ordering::Relaxed) + 1)).await
    }

    /// The same, run by somebody.
    ///
    /// # Panics
    /// When the state cannot be opened.
    pub async fn open_as(&self, actor: &str) -> House {
        let options = StoreOptions { clock: self.clock.clone(), gate: self.gate.clone() };
        House::over(self.store.reopened(options), self.parsed(), self.setup(actor)).await.expect("the state")
    }

    /// The same, behind a gate of its own.
    ///
    /// # Errors
    /// When the process does not even live to open its state.
    ///
    /// # Panics
    /// Never.
    pub async fn open_behind(&self, gate: &Gate) -> Result<House, ControllerError> {
        let actor = format!("anna-{}", self.processes.fetch_add(1, Ordering::Relaxed) + 1);
        let options = StoreOptions { clock: self.clock.clone(), gate: gate.clone() };
        let setup = Setup { gate: gate.clone(), ..self.setup(&actor) };
        House::over(self.store.reopened(options), self.parsed(), setup).await
    }

    /// A controller on another machine that knows the same, with a clock of its own.
    ///
    /// # Panics
    /// When the state cannot be opened.
    pub async fn open_elsewhere(&self, actor: &str, clock: &Clock) -> House {
        let options = StoreOptions { clock: clock.clone(), gate: Gate::open() };
        let setup = Setup { clock: clock.clone(), ..self.setup(actor) };
        House::over(self.store.reopened(options), self.parsed(), setup).await.expect("the state")
    }

    /// What a process of this deployment is given.
    ///
    /// # Panics
    /// Never with workspaces of its own.
    #[must_use]
    pub fn setup(&self, actor: &str) -> Setup {
        let tokens = self.sites.keys().map(|name| {
            let info = self.simulator.workspace(name).expect("a workspace");
            (format!("TOKEN_{}", name.to_uppercase()), info.token)
        });
        let env: Vec<(String, String)> = tokens.chain(self.secrets.iter().cloned()).collect();
        Setup {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            env: Env::of(env),
            gate: self.gate.clone(),
            transport: Some(Arc::new(self.ways())),
            stand_ins: Arc::new(self.objects.clone()),
            limits: None,
            actor: actor.to_owned(),
            simulated: true,
        }
    }

    fn ways(&self) -> ByHost {
        let of = |name: &String| (format!("{name}.example"), InProcess::new(&self.simulator, name));
        ByHost {
            workspaces: self.sites.keys().map(of).collect(),
            traffic: self.traffic.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The config.
    ///
    /// # Panics
    /// When it has a mistake.
    #[must_use]
    pub fn parsed(&self) -> Config {
        let options = LoadOptions {
            known_kinds: plural_names(),
            known_phases: phase_names(),
            ..LoadOptions::default()
        };
        load_text("twinlake.yml", &self.config, &options).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// One sync of everything, as a command of its own.
    ///
    /// # Panics
    /// When it ends in an error.
    pub async fn sync(&self) -> SyncReport {
        let house = self.open().await;
        let ended = sync(&house, &SyncOptions::default(), &Stop::new(), nobody()).await;
        ended.unwrap_or_else(|error| panic!("seed {}: the sync failed: {error}", self.seed))
    }

    /// Proposes and begins a runbook, with `--yes`, as a command of its own.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn run(&self, runbook: &str) -> Moved {
        self.run_as_wished(Wish { runbook: runbook.to_owned(), ..Wish::default() }).await
    }

    /// Proposes and begins what is wished, with `--yes`, as a command of its own.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn run_as_wished(&self, wish: Wish) -> Moved {
        let house = self.open().await;
        let proposal = self.propose(&wish).await;
        let consent = Consent { by: house.setup().actor.clone(), yes: true, ..Consent::default() };
        let moved = begin(&house, &wish, &proposal, &consent, &Stop::new(), nobody()).await;
        moved.unwrap_or_else(|error| panic!("seed {}: {} failed: {error}", self.seed, wish.runbook))
    }

    /// What a runbook would do.
    ///
    /// # Panics
    /// When it cannot be done.
    pub async fn propose(&self, wish: &Wish) -> Proposal {
        let house = self.open().await;
        let proposal = propose(&house, wish).await;
        proposal.unwrap_or_else(|error| panic!("seed {}: no proposal: {error}", self.seed))
    }

    /// What a command comes to that may be refused.
    ///
    /// # Errors
    /// The refusal.
    pub async fn try_run(&self, wish: Wish) -> Result<Moved, ControllerError> {
        let house = self.open().await;
        self.try_run_by(&house, wish).await
    }

    /// The same, by this controller.
    ///
    /// # Errors
    /// The refusal.
    pub async fn try_run_by(&self, house: &House, wish: Wish) -> Result<Moved, ControllerError> {
        let proposal = propose(house, &wish).await?;
        let consent = Consent { by: house.setup().actor.clone(), yes: true, ..Consent::default() };
        begin(house, &wish, &proposal, &consent, &Stop::new(), nobody()).await
    }

    /// Begins a runbook, and stops it as soon as this step is settled.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn run_until(&self, runbook: &str, step: &str) -> Moved {
        let house = self.open().await;
        let wish = Wish { runbook: runbook.to_owned(), ..Wish::default() };
        let proposal = self.propose(&wish).await;
        let consent = Consent { by: house.setup().actor.clone(), yes: true, ..Consent::default() };
        let stop = Stop::new();
        let halt = Arc::new(Halt { step: step.to_owned(), stop: stop.clone() });
        let moved = begin(&house, &wish, &proposal, &consent, &stop, halt).await;
        moved.unwrap_or_else(|error| panic!("seed {}: {runbook} failed: {error}", self.seed))
    }

    /// Goes on with a run, as a command of its own.
    ///
    /// # Panics
    /// When it cannot be gone on with.
    pub async fn resume(&self, run: &str) -> Moved {
        let house = self.open().await;
        let moved = resume(&house, run, "anna", &Stop::new(), nobody()).await;
        moved.unwrap_or_else(|error| panic!("seed {}: resuming {run} failed: {error}", self.seed))
    }

    /// A region goes down.
    ///
    /// # Panics
    /// When there is no such site.
    pub fn lose(&self, site: &str, outage: Outage) {
        self.simulator.region_down(region(site), outage).expect("a region");
    }

    /// A region comes back.
    ///
    /// # Panics
    /// When there is no such site.
    pub fn restore(&self, site: &str) {
        self.simulator.region_up(region(site)).expect("a region");
    }

    /// Moves the date forward; what was due in between happens.
    ///
    /// # Panics
    /// Never: the clock is simulated.
    pub fn jump(&self, by: Duration) {
        self.simulator.jump(by).expect("a simulated clock");
    }

    /// What happened at a site after the effect of this number.
    #[must_use]
    pub fn effects_after(&self, site: &str, after: u64) -> Vec<Effect> {
        self.site(site).effects_after(after)
    }

    /// Everything that happened, oldest first.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.simulator.effects(&EffectQuery::default())
    }
}

/// Stops a run once a step is settled.
struct Halt {
    step: String,
    stop: Stop,
}

impl Observer for Halt {
    fn see(&self, news: News) {
        let News::Run { progress, .. } = news else { return };
        let settled = match progress.happened {
            Happened::Logged(RunEvent::StepDone { step, .. } | RunEvent::StepSkipped { step, .. }) => step,
            _ => return,
        };
        if settled == self.step {
            self.stop.ask();
        }
    }
}

/// Nobody watches.
#[must_use]
pub fn nobody() -> Arc<dyn Observer> {
    Arc::new(Unobserved)
}

fn region(site: &str) -> &'static str {
    REGIONS.iter().find(|(name, _)| *name == site).expect("a site").1
}

/// A client for what a test asks itself.
fn person(simulator: &Simulator, clock: &Clock, name: &str) -> Client {
    let token = simulator.workspace(name).expect("a workspace").token;
    Client::builder(Host::parse(&format!("https://{name}.example")).expect("a host"), Secret::new(token))
        .transport(Arc::new(InProcess::new(simulator, name)))
        .clock(clock.clone())
        .share(Share::ALL)
        .build()
        .expect("a client")
}
