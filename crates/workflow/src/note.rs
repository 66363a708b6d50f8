//! What a step puts on record while it works.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One durable remark of a step. Repeating an attempt may repeat its notes; of equal names the last counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// How far it is: worth a place in the log, which passing progress is not.
    Progress {
        /// What is being done.
        what: String,
        /// How many are done.
        done: u64,
        /// Of how many, where that is known.
        of: Option<u64>,
    },
    /// A fact that a later attempt, a later step or an auditor needs: recorded *before* the effect that depends on it.
    Fact {
        /// Its name, unique in the step.
        name: String,
        /// The fact. No secrets, ever.
        value: Value,
    },
    /// A measured figure.
    Figure(Figure),
    /// Something that went otherwise than the runbook intends, though the step goes on.
    Deviation {
        /// What, for the report.
        what: String,
    },
}

/// A measured figure, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured: [`Figure::RTO`], `jobs_awake`.
    pub name: String,
    /// How much. Must be finite.
    pub value: f64,
    /// Of what: `seconds`, `jobs`, `bytes`.
    pub unit: String,
}

impl Figure {
    /// The name of the measured recovery point: seconds' worth of changes that were lost. Judged by the objectives.
    pub const RPO: &'static str = "rpo";
    /// The name of the measured recovery time, in seconds. Judged by the objectives.
    pub const RTO: &'static str = "rto";
    /// The name of the time to repair, in seconds.
    pub const MTTR: &'static str = "mttr";

    /// A figure in seconds.
    #[must_use]
    pub fn seconds(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value, unit: "seconds".to_owned() }
    }
}
