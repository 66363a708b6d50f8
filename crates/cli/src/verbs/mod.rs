//! The verbs: one file each. A verb reads its arguments, asks the controller, and shows the answer.

pub(crate) mod abort;
pub(crate) mod approve;
pub(crate) mod check;
pub(crate) mod commit;
pub(crate) mod demo;
pub(crate) mod failback;
pub(crate) mod failover;
pub(crate) mod id;
pub(crate) mod init;
pub(crate) mod kinds;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod recover_state;
pub(crate) mod rollback;
pub(crate) mod runs;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod sync;

use crate::args::Verb;
use crate::exit::Exit;
use crate::face::Face;

/// Runs a verb.
pub(crate) async fn run(verb: Verb, face: &Face) -> anyhow::Result<Exit> {
    match verb {
        Verb::Init(args) => init::run(&args, face),
        Verb::Check(args) => check::run(&args, face).await,
        Verb::Plan(args) => plan::run(&args, face).await,
        Verb::Sync(args) => sync::run(&args, face).await,
        Verb::Status(args) => status::run(&args, face).await,
        Verb::Failover(args) => failover::run(&args, face).await,
        Verb::Failback(args) => failback::run(&args, face).await,
        Verb::Promote(args) => promote::run(&args, face).await,
        Verb::Abort(args) => abort::run(&args, face).await,
        Verb::Commit(args) => commit::run(&args, face).await,
        Verb::Rollback(args) => rollback::run(&args, face).await,
        Verb::Runs(args) => runs::run(&args, face).await,
        Verb::Approve(args) => approve::run(&args, face).await,
        Verb::RecoverState(args) => recover_state::run(&args, face).await,
        Verb::Kinds(args) => kinds::run(&args, face),
        Verb::Id(args) => id::run(&args, face).await,
        Verb::Sim(args) => sim::run(args, face).await,
        Verb::Demo(args) => demo::run(&args, face).await,
    }
}
