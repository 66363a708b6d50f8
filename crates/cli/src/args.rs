//! The command line: the table of verbs, and what all of them take.

use clap::{Args, Parser, Subcommand};

use crate::face::Output;
use crate::verbs::{
    abort, approve, check, commit, demo, failback, failover, id, init, kinds, plan, promote, recover_state,
    rollback, runs, sim, status, sync,
};

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
    /// Move production to a standby: planned, or forced when the primary is gone
    Failover(failover::FailoverArgs),
    /// Bring production home
    Failback(failback::FailbackArgs),
    /// Make the site where production runs the group's home
    Promote(promote::PromoteArgs),
    /// End a move that has promoted nothing yet, and wake the primary
    Abort(abort::AbortArgs),
    /// End the window in which a promotion can be rolled back
    Commit(commit::CommitArgs),
    /// Undo a promotion while nothing was written at the new primary
    Rollback(rollback::RollbackArgs),
    /// List the moves of production, or tell one step by step
    Runs(runs::RunsArgs),
    /// Agree to what a run waits for
    Approve(approve::ApproveArgs),
    /// On a bare machine: bring back the state from where it was shipped to
    RecoverState(recover_state::RecoverStateArgs),
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
