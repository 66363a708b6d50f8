//! The same copy by a plain script with the official SDK for Python: what a team writes that has no tool.
//!
//! It lists, exports and imports once, translates the ids of compute, and puts to sleep what it creates. It keeps no
//! state, reads nothing back, deletes nothing, and starts over when it breaks off. So it does less; it is measured for
//! an idea of scale.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::sockets::{self, Cycle, Estate, Service, run_with};

const SCRIPT: &str = include_str!("../peer.py");

/// How many threads the script uses, in each of its runs.
const THREADS: [usize; 2] = [1, 16];

/// The peer's runs, and ours on the same estate.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Compared {
    /// Ours: the first cycle and a quiet one.
    pub(crate) ours: Vec<Cycle>,
    /// The script's.
    pub(crate) runs: Vec<Run>,
    /// Why there are none, if so.
    pub(crate) missing: Option<String>,
}

/// One run of the script.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Of what: `databricks-sdk 0.156.0`.
    pub(crate) sdk: String,
    /// How many objects it worked on at once.
    pub(crate) threads: usize,
    /// How many objects it wrote.
    pub(crate) copied: usize,
    /// How many it could not write.
    pub(crate) failed: usize,
    /// From start to end.
    pub(crate) seconds: f64,
    /// Processor seconds of its process.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident, in megabytes of 10⁶ bytes.
    pub(crate) peak_mb: f64,
}

/// Measures both, each on a service of its own.
pub(crate) fn measure(python: &Path, estate: Estate) -> anyhow::Result<Compared> {
    let mut compared = Compared { ours: sockets::measure(estate)?, runs: Vec::new(), missing: None };
    for threads in THREADS {
        match run(python, estate, threads) {
            Ok(run) => compared.runs.push(run),
            Err(error) => {
                compared.missing = Some(format!("{error:#}"));
                break;
            }
        }
    }
    Ok(compared)
}

fn run(python: &Path, estate: Estate, threads: usize) -> anyhow::Result<Run> {
    let service = Service::start(estate)?;
    let told = run_with(Command::new(python).args(["-c", SCRIPT, &threads.to_string()]), &service.told)
        .context("the peer needs a Python with databricks-sdk (--python)")?;
    serde_json::from_str(&told).with_context(|| format!("what the script told: {told}"))
}
