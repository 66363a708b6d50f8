//! Where the demo plays: two simulated regions on loopback ports, a config and profiles for them, and one clock that the
//! simulation and the controller share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use twinlake_base::{Clock, Entropy, Env, Gate};
use twinlake_config::{LoadOptions, load};
use twinlake_controller::{House, Observer, Setup, Stop, SyncOptions, SyncReport, plural_names, sync};
use twinlake_simulator::{ServeOptions, Served, Settings, Simulator};

use crate::plain_http::PlainHttp;
use crate::verbs::demo::comparison::Otherwise;
use crate::verbs::demo::reading::Reading;
use crate::verbs::sim::{account, files};

/// How long before the present the story begins, so that it ends about now: it tells of 30 days and some 33 hours.
const BEFORE_NOW: Duration = Duration::from_secs(30 * 86_400 + 33 * 3600);
/// How much faster than the one on the wall the clock of the story goes, in millionths: twenty times as fast. What takes
/// minutes, such as waiting until a dead controller's lease has run out, is then no shorter in the story, and can be
/// watched.
const FASTER_MILLIONTHS: i32 = 19_000_000;

/// The whole setting.
pub(crate) struct Stage {
    /// The simulated account, in this process.
    pub(crate) simulator: Simulator,
    /// The same, at its ports.
    pub(crate) served: Served,
    /// Time for both.
    pub(crate) clock: Clock,
    /// Where the config, the profiles and the state lie.
    pub(crate) folder: PathBuf,
    setup: Setup,
}

impl Stage {
    /// Builds it in an empty folder.
    pub(crate) async fn build(folder: &Path, seed: u64) -> anyhow::Result<Self> {
        let start = Clock::system().now().checked_sub(BEFORE_NOW).context("the date is too early")?;
        let clock = Clock::drifting(start, FASTER_MILLIONTHS);
        let simulator = Simulator::new(clock.clone(), Entropy::seeded(seed), Settings::default());
        for wanted in account::usual() {
            simulator.add_workspace(&wanted.spec)?;
        }
        let served = simulator.serve(ServeOptions::default()).await?;
        let witness = folder.join("witness");
        std::fs::create_dir_all(&witness).with_context(|| format!("making {}", witness.display()))?;
        let witness = std::path::absolute(witness)?;
        let profiles = files::write_new(&folder.join("databrickscfg"), &files::profiles(&served.workspaces))?;
        files::write_new(&folder.join("twinlake.yml"), &files::config(&served.workspaces, Some(&witness)))?;
        let env = Env::of([("DATABRICKS_CONFIG_FILE", profiles.display().to_string())]);
        let setup = Setup {
            clock: clock.clone(),
            entropy: Entropy::seeded(seed),
            env,
            gate: Gate::open(),
            transport: None,
            limits: None,
            actor: "demo".to_owned(),
            simulated: true,
            stand_ins: Arc::default(),
        };
        Ok(Self { simulator, served, clock, folder: folder.to_owned(), setup })
    }

    /// The config, as an operator would have it.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("twinlake.yml")
    }

    /// The profiles.
    pub(crate) fn profiles(&self) -> PathBuf {
        self.folder.join("databrickscfg")
    }

    /// Opens the estate anew, as each command does.
    pub(crate) async fn open(&self) -> anyhow::Result<House> {
        self.open_as(&self.setup.actor).await
    }

    /// The same, by somebody.
    pub(crate) async fn open_as(&self, actor: &str) -> anyhow::Result<House> {
        let env = self.setup.env.clone();
        let options = LoadOptions { env, known_kinds: plural_names(), ..LoadOptions::default() };
        let setup = Setup { actor: actor.to_owned(), ..self.setup.clone() };
        Ok(House::open(load(self.config(), &options)?, setup).await?)
    }

    /// `twinlake sync`.
    pub(crate) async fn sync(&self, observer: Arc<dyn Observer>) -> anyhow::Result<SyncReport> {
        let house = self.open().await?;
        Ok(sync(&house, &SyncOptions::default(), &Stop::new(), observer).await?)
    }

    /// The API of a workspace, as anybody reaches it.
    pub(crate) fn http(&self, name: &str) -> anyhow::Result<PlainHttp> {
        let workspace = self.served.workspaces.iter().find(|workspace| workspace.info.name == name);
        let workspace = workspace.with_context(|| format!("there is no workspace {name}"))?;
        PlainHttp::new(&workspace.url, Some(&workspace.info.token))
    }

    /// The control of the simulation.
    pub(crate) fn control(&self) -> anyhow::Result<PlainHttp> {
        PlainHttp::new(&self.served.control_url, None)
    }

    /// A workspace, read back by plain GETs.
    pub(crate) async fn read(&self, name: &str) -> anyhow::Result<Reading> {
        Reading::of(&self.http(name)?).await.with_context(|| format!("reading {name} back"))
    }

    /// What the config maps, as the comparison needs it.
    pub(crate) fn otherwise() -> Otherwise {
        let values =
            [("i3.xlarge", "i4i.xlarge"), ("i3.2xlarge", "i4i.2xlarge"), ("us-east-1a", "us-west-2a")];
        let text = |(here, there): (&str, &str)| (here.to_owned(), there.to_owned());
        Otherwise {
            values: values.map(text).into(),
            prefixes: BTreeMap::from([text(("s3://acme-landing/", "s3://acme-landing-west/"))]),
        }
    }
}
