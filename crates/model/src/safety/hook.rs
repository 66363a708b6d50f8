//! What of the operator's is called before and after the phases of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a hook may take when the config does not say.
pub const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// A command or a request, and when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// When.
    pub when: When,
    /// What.
    pub call: HookCall,
    /// How long it may take. Later it counts as failed.
    pub timeout: Duration,
    /// What its failure means.
    pub on_failure: OnFailure,
}

/// A moment of a run, by the name of a phase: `quiesce`, `promote`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the phase begins.
    Before(String),
    /// After it has ended.
    After(String),
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookCall {
    /// Starts a program with its arguments. No shell reads them.
    Run(Vec<String>),
    /// Sends a POST.
    Webhook {
        /// Where to. Some services hide a secret in it, so it may be a reference.
        url: Setting,
        /// What else is sent along, by name of the header.
        headers: BTreeMap<String, Setting>,
        /// Where the token is that is sent as `Authorization: Bearer …`: `env:NAME`, `file:/path`.
        secret: Option<String>,
    },
}

/// A text, or where a secret one is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// The text itself.
    Plain(String),
    /// A reference to it: `env:NAME`, `file:/path`.
    Secret(String),
}

/// What the failure of a hook means for its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The run stops before the phase. Only for hooks before one.
    Abort,
    /// It is noted, and the run goes on.
    GoOn,
}

impl Hook {
    /// Whether its failure stops the run. What comes after a phase stops nothing: the phase is done.
    #[must_use]
    pub const fn can_abort(&self) -> bool {
        matches!((&self.when, self.on_failure), (When::Before(_), OnFailure::Abort))
    }
}

impl When {
    /// The phase.
    #[must_use]
    pub fn phase(&self) -> &str {
        match self {
            Self::Before(phase) | Self::After(phase) => phase,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(phase) => write!(f, "before {phase}"),
            Self::After(phase) => write!(f, "after {phase}"),
        }
    }
}
