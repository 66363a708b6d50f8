//! What keeping a standby in step costs, and what a failover takes: requests and time against the least that they could be, memory and processor
//! of the client alone, and a plain script as a peer.
//!
//! ```text
//! cargo run --profile dist -p twinlake-benches -- sync --assets 20000
//! cargo run --profile dist -p twinlake-benches -- failover --jobs 10000
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `floor` | the forced minimum, and the time that it takes at our share of the limits; pure |
//! | `holdings` | what a workspace holds, counted as a person would |
//! | `rehearsal` | cycles in virtual time, under limits that are enforced |
//! | `failover` | a forced failover in virtual time, under limits that are enforced |
//! | `sockets` | cycles over sockets: a service, and a client that measures itself, each in its own process |
//! | `usage` | memory and processor time of this process |
//! | `peer` | the same copy by a plain script with the official SDK |
//! | `face` | tables and JSON |

mod face;
mod failover;
mod floor;
mod holdings;
mod peer;
mod rehearsal;
mod sockets;
mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::face::Findings;
use crate::failover::Failover;
use crate::rehearsal::Rehearsal;
use crate::sockets::Estate;

/// How large the estate is on which a peer is measured: a script that copies one object after the other takes long.
const PEER_ASSETS: usize = 2_000;

#[derive(Parser)]
#[command(name = "twinlake-benches", about)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Measure cycles of sync: the first, quiet ones, ones with a single change
    Sync(SyncArgs),
    /// Measure a forced failover: time to the first wave awake, the whole run, requests to the lost primary
    Failover(FailoverArgs),
    /// Serve two simulated workspaces until standard input ends
    #[command(hide = true)]
    Serve(Estate),
    /// Run one cycle against what is served, described on standard input, and say what it took
    #[command(hide = true)]
    Cycle {
        /// The state file
        #[arg(long)]
        state: PathBuf,
    },
}

#[derive(Args)]
struct SyncArgs {
    /// About how many assets
    #[arg(long, default_value_t = 20_000)]
    assets: usize,
    /// Which estate
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to measure
    #[arg(long, value_enum, default_value_t = Part::All)]
    part: Part,
    /// Let a plain script with the official SDK copy 2,000 assets as well
    #[arg(long)]
    peer: bool,
    /// The Python that has databricks-sdk, for the peer
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Args)]
struct FailoverArgs {
    /// How many jobs
    #[arg(long, default_value_t = 10_000)]
    jobs: usize,
    /// Of these, how many are the first wave
    #[arg(long, default_value_t = 500)]
    critical: usize,
    /// How many warehouses
    #[arg(long, default_value_t = 200)]
    warehouses: usize,
    /// How many pools
    #[arg(long, default_value_t = 50)]
    pools: usize,
    /// Which ids
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Everything
    All,
    /// Requests and time, in virtual time
    Virtual,
    /// Memory and processor, over sockets
    Sockets,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn main() -> anyhow::Result<()> {
    match Line::parse().verb {
        Verb::Sync(args) => face::tell(&measure(&args)?, args.output == Output::Json),
        Verb::Failover(args) => {
            let FailoverArgs { jobs, critical, warehouses, pools, seed, output } = args;
            let mut findings = Findings::of_this_build()?;
            let failover = Failover { jobs, critical, warehouses, pools, seed };
            findings.failed_over = rehearsal::in_virtual_time(failover.all())?;
            face::tell(&findings, output == Output::Json)
        }
        Verb::Serve(estate) => sockets::serve(estate),
        Verb::Cycle { state } => sockets::cycle(&state),
    }
}

fn measure(args: &SyncArgs) -> anyhow::Result<Findings> {
    let mut findings = Findings::of_this_build()?;
    if args.part != Part::Sockets {
        for true_part in [1.0, 0.5] {
            let rehearsal = Rehearsal { assets: args.assets, seed: args.seed, true_part };
            findings.rehearsed.extend(rehearsal::in_virtual_time(rehearsal.all())?);
        }
    }
    if args.part != Part::Virtual {
        findings.over_sockets = sockets::measure(Estate { assets: args.assets, seed: args.seed })?;
    }
    if args.peer {
        findings.peer = Some(peer::measure(&args.python, Estate { assets: PEER_ASSETS, seed: args.seed })?);
    }
    Ok(findings)
}
