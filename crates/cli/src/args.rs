//! The command line: the table of verbs, and what all of them take.

use clap::{Args, Parser, Subcommand};

use crate::face::Output;
use crate::verbs::{check, demo, id, init, kinds, plan, sim, status, sync};

/// Disaster recovery for Databricks: keeps a second deployment asleep and in step.
#[derive(Debug, Parser)]
#[command(name = "twinlake", version, propagate_version = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done and complete · 1 failed · 2 done but incomplete · 3 refused · 64 usage\n\
    No workspaces at hand? `twinlake demo` shows everything on simulated ones."
)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t, global = true, value_name = "FORM")]
    pub(crate) output: Output,
}

/// Every verb, in the order in which an operator meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a first config from two profiles
    Init(init::InitArgs),
    /// Say everything that is wrong before anything is written
    Check(check::CheckArgs),
    /// Show what a sync would change
    Plan(plan::PlanArgs),
    /// Bring the standbys into step
    Sync(sync::SyncArgs),
    /// Show where every group stands, from the state alone
    Status(status::StatusArgs),
    /// List what is carried, what sleeps, what is left behind
    Kinds(kinds::KindsArgs),
    /// Show what each site calls an asset
    Id(id::IdArgs),
    /// Serve a simulated Databricks account, and do things to it
    Sim(sim::SimArgs),
    /// See it work, on two simulated regions
    Demo(demo::DemoArgs),
}

/// Which config, for the verbs that work on an estate.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = "twinlake.yml")]
    pub(crate) config: std::path::PathBuf,

    /// The target of the config to lay over its base
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,

    /// A variable of the config
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = twinlake_config::parse_var)]
    pub(crate) vars: Vec<(String, String)>,
}
