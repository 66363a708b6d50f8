//! `twinlake approve`

use clap::Args;
use twinlake_controller::{RunSummary, approve};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::paint::Paint;

/// Agrees to what a run waits for: its proposal, or to go on without what does not wake.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The run: its name, the beginning of it, or `last`
    run: String,

    /// Who agrees, by the name under which the config asks
    #[arg(long, value_name = "NAME")]
    by: String,

    /// A word for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &ApproveArgs, face: &Face) -> anyhow::Result<Exit> {
    let house = estate::open(&args.config).await?;
    let summary = approve(&house, &args.run, &args.by, args.note.as_deref()).await?;
    let group = house.groups(Some(summary.group.as_str()))?[0];
    let asked = &group.safety.approvals.of;
    if !asked.is_empty() && !asked.contains(&args.by) {
        face.aside(&format!(
            "note: the config asks {}, so the word of {} does not count as an approval of the move",
            asked.join(", "),
            args.by
        ));
    }
    face.answer(&summary, |paint| text(&summary, &args.by, paint))?;
    Ok(Exit::Done)
}

fn text(summary: &RunSummary, by: &str, paint: Paint) -> String {
    format!(
        "{} {by} agreed; on record in {}\n  → {}\n",
        paint.good("✓"),
        summary.run,
        paint.strong(format!("twinlake runs resume {}", summary.run))
    )
}
