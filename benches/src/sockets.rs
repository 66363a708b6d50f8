//! Cycles over sockets. The simulated service and the client are processes of their own, so that what the client uses
//! is its own alone; it keeps its state in a file, and each cycle is a new process, as under a scheduler.
//!
//! The service answers after the usual latency and enforces no limits, and the client paces itself a thousand times as
//! fast as it would: memory and processor time are measured here, not patience.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use twinlake_base::{Clock, Entropy, Gate, Secret};
use twinlake_databricks::{
    Budgets, Client, Host, HttpOptions, HttpTransport, Limits, Share, Transport, Unguarded,
};
use twinlake_model::{Epoch, Guards, Mappings, Place, Role, RunId, Selection};
use twinlake_simulator::{Cloud, Seed, ServeOptions, Settings, Simulator, WorkspaceSpec};
use twinlake_store::{Store, StoreOptions};
use twinlake_sync::{Approval, Route, Side, Silent, Sync};

use crate::rehearsal::LATENCY_MS;
use crate::usage::Usage;

/// How much faster than our share the client may go.
const IN_A_HURRY: f64 = 1_000.0;
/// How long after the last write of the seed its dates count as settled.
const SETTLING: Duration = Duration::from_secs(3);

/// What is served.
#[derive(Clone, Copy, Args)]
pub(crate) struct Estate {
    /// About how many assets
    #[arg(long)]
    pub(crate) assets: usize,
    /// Which estate
    #[arg(long)]
    pub(crate) seed: u64,
}

/// Where the two workspaces answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) east: Address,
    pub(crate) west: Address,
}

/// One of them. The token is the simulation's and opens nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) token: String,
}

/// One cycle, as its process saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cycle {
    /// Which: `first`, `second`, `quiet`.
    #[serde(default)]
    pub(crate) case: String,
    /// How many assets have a verdict.
    pub(crate) assets: usize,
    /// How many changes were made.
    pub(crate) changes: usize,
    /// Requests sent, at both ends.
    pub(crate) requests: u64,
    /// From start to end of the cycle.
    pub(crate) seconds: f64,
    /// What the process used, from its start.
    #[serde(flatten)]
    pub(crate) usage: Usage,
}

/// The first cycle, the second, which reads again what was written just before it was read back, and a quiet one.
pub(crate) fn measure(estate: Estate) -> anyhow::Result<Vec<Cycle>> {
    let service = Service::start(estate)?;
    let folder = tempfile::tempdir().context("making a folder for the state")?;
    let state = folder.path().join("state.db");
    let mut cycles = Vec::new();
    for case in ["first", "second", "quiet"] {
        let told =
            run_with(Command::new(own_program()?).arg("cycle").arg("--state").arg(&state), &service.told)?;
        let cycle: Cycle =
            serde_json::from_str(&told).with_context(|| format!("what the cycle told: {told}"))?;
        cycles.push(Cycle { case: case.to_owned(), ..cycle });
    }
    Ok(cycles)
}

/// Runs a program to its end with some text as its input. Returns what it wrote.
pub(crate) fn run_with(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let ended = child.wait_with_output()?;
    ensure!(ended.status.success(), "{name} ended with {}", ended.status);
    Ok(String::from_utf8(ended.stdout)?)
}

/// The simulated service, in a process that ends with this value.
pub(crate) struct Service {
    child: Child,
    /// What it says of itself: [`Addresses`] as JSON.
    pub(crate) told: String,
}

impl Service {
    /// Starts one, and waits until it answers.
    pub(crate) fn start(estate: Estate) -> anyhow::Result<Self> {
        let mut command = Command::new(own_program()?);
        command.args(["serve", "--assets", &estate.assets.to_string(), "--seed", &estate.seed.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the service has no output")?;
        let mut told = String::new();
        BufReader::new(stdout).read_line(&mut told)?;
        ensure!(!told.is_empty(), "the service ended before it answered");
        Ok(Self { child, told })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Its input ends, and so does it; waiting for it fails only where it is gone already.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn own_program() -> anyhow::Result<std::path::PathBuf> {
    std::env::current_exe().context("finding our own program")
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Serves until standard input ends.
pub(crate) fn serve(estate: Estate) -> anyhow::Result<()> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let clock = Clock::system();
        let settings = Settings { latency_ms: LATENCY_MS, ..Settings::quick() };
        let simulator = Simulator::new(clock.clone(), Entropy::seeded(estate.seed), settings);
        for (name, region) in [("east", "us-east-1"), ("west", "us-west-2")] {
            simulator.add_workspace(&WorkspaceSpec::new(name, Cloud::Aws, region))?;
        }
        simulator.seed("east", Seed { size: estate.assets, seed: estate.seed })?;
        for person in people(&simulator)? {
            simulator.add_user("west", &person)?;
        }
        clock.sleep(SETTLING).await;
        let served = simulator.serve(ServeOptions::default()).await?;
        let address = |name: &str| {
            let found = served.workspaces.iter().find(|workspace| workspace.info.name == name);
            let found = found.with_context(|| format!("no workspace {name}"))?;
            anyhow::Ok(Address { url: found.url.clone(), token: found.info.token.clone() })
        };
        let told = serde_json::to_string(&Addresses { east: address("east")?, west: address("west")? })?;
        say(&told)?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        anyhow::Ok(())
    })
}

/// Who has a home folder in the east.
fn people(simulator: &Simulator) -> anyhow::Result<Vec<String>> {
    let listed =
        simulator.act("east", "bench", &http::Method::GET, "/api/2.0/workspace/list?path=/Users", None)?;
    let rows = listed.body["objects"].as_array().cloned().unwrap_or_default();
    let homes = rows.iter().filter_map(|row| row["path"].as_str()?.strip_prefix("/Users/"));
    Ok(homes.map(str::to_owned).collect())
}

/// Runs one cycle against what standard input describes.
pub(crate) fn cycle(state: &Path) -> anyhow::Result<()> {
    let addresses: Addresses = serde_json::from_reader(std::io::stdin())?;
    let cycle = runtime()?.block_on(one_cycle(state, &addresses))?;
    say(&serde_json::to_string(&cycle)?)
}

async fn one_cycle(state: &Path, addresses: &Addresses) -> anyhow::Result<Cycle> {
    let clock = Clock::system();
    let store = Store::open(state, StoreOptions { clock: clock.clone(), gate: Gate::open() }).await?;
    let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(&HttpOptions::default())?);
    let budgets = Budgets::new(Limits::shipped()?.scaled(IN_A_HURRY), clock.clone());
    let side = |site: &str, address: &Address| {
        let host = Host::parse(&address.url).map_err(anyhow::Error::msg)?;
        let client = Client::builder(host, Secret::new(address.token.clone()))
            .transport(transport.clone())
            .clock(clock.clone())
            .budgets(budgets.clone())
            .share(Share::ALL)
            .build()?;
        anyhow::Ok(Side { place: Place::new("prod".into(), site.into()), client })
    };
    let (source, target) = (side("east", &addresses.east)?, side("west", &addresses.west)?);
    let route = Route {
        group: "retail".into(),
        source: source.clone(),
        target: target.clone(),
        selection: Selection::all(),
        mappings: Mappings::default(),
        guards: Guards::default(),
        role: Role::Standby,
        kept: None,
        only: None,
        epoch: Epoch(1),
    };
    let started = clock.instant();
    let sync = Sync::new(store, clock.clone(), route, Arc::new(Silent));
    let run = RunId::new(format!("bench-{}", clock.now().as_millisecond()));
    let report = sync.run(&run, &Unguarded, Approval::Routine).await?;
    let troubled: Vec<_> = report
        .outcomes
        .iter()
        .filter(|outcome| !["in-sync", "partial", "unmanaged"].contains(&outcome.verdict.word()))
        .collect();
    ensure!(troubled.is_empty(), "{} assets are not in step: {:?}", troubled.len(), troubled.first());
    Ok(Cycle {
        case: String::new(),
        assets: report.outcomes.len(),
        changes: report.changes,
        requests: (source.client.counts() + target.client.counts()).requests,
        seconds: (clock.instant() - started).as_secs_f64(),
        usage: Usage::so_far()?,
    })
}

#[expect(clippy::print_stdout, reason = "what one process tells another")]
fn say(line: &str) -> anyhow::Result<()> {
    println!("{line}");
    std::io::stdout().flush()?;
    Ok(())
}
