//! What an operation needs from the process that runs it. Tests and rehearsals pass their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use twinlake_base::{Clock, Entropy, Env, Gate};
use twinlake_databricks::{Limits, Transport};
use twinlake_objects::Objects;

/// The process, as far as the controller can see it. Cheap to clone.
#[derive(Clone)]
pub struct Setup {
    /// The time.
    pub clock: Clock,
    /// The source of run ids and jitter.
    pub entropy: Entropy,
    /// Profiles, tokens and proxies come from here.
    pub env: Env,
    /// Asked at each seam.
    pub gate: Gate,
    /// How requests travel. None: sockets.
    pub transport: Option<Arc<dyn Transport>>,
    /// Object stores that stand in for those of a URL, by that URL.
    pub stand_ins: Arc<BTreeMap<String, Objects>>,
    /// What each API allows. None: the table that ships with the client.
    pub limits: Option<Limits>,
    /// Who runs this, for the audit.
    pub actor: String,
    /// Whether the world is a simulated one. Then so is every figure.
    pub simulated: bool,
}

impl Setup {
    /// The machine as it is.
    #[must_use]
    pub fn system() -> Self {
        let env = Env::system();
        let actor = env.get("USER").or_else(|| env.get("USERNAME")).unwrap_or("unknown").to_owned();
        Self {
            clock: Clock::system(),
            entropy: Entropy::system(),
            env,
            gate: Gate::open(),
            transport: None,
            stand_ins: Arc::default(),
            limits: None,
            actor,
            simulated: false,
        }
    }
}
