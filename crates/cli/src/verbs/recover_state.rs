//! `twinlake recover-state`

use clap::Args;
use twinlake_controller::{RecoveredState, Recovery, Setup, recover_state};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::paint::Paint;
use crate::words::{count, time};

/// Brings the state back on a bare machine, from where it was shipped to: every site's `state` and the witness. The
/// newest counts; what is there already is never overwritten.
#[derive(Debug, Args)]
pub(crate) struct RecoverStateArgs {
    /// From which place, where they disagree: a site's name, or `witness`
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,

    /// Which generation there [default: its newest]
    #[arg(long, value_name = "N", requires = "from")]
    generation: Option<u64>,

    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) async fn run(args: &RecoverStateArgs, face: &Face) -> anyhow::Result<Exit> {
    let setup = Setup::system();
    let config = estate::config(&args.config, &setup.env)?;
    let recovery = Recovery { from: args.from.clone(), generation: args.generation };
    let recovered = recover_state(&config, &setup, &recovery).await?;
    face.answer(&recovered, |paint| text(&recovered, paint))?;
    Ok(Exit::Done)
}

fn text(recovered: &RecoveredState, paint: Paint) -> String {
    let RecoveredState { path, from, generation, shipped_at, shipped_by, audit_rows, .. } = recovered;
    let mut text = format!(
        "{} {path} is the state that {shipped_by} shipped to {} at {} (generation {generation})\n  its audit of \
         {audit_rows} rows is whole\n",
        paint.good("✓"),
        paint.strong(from),
        time(*shipped_at)
    );
    for (run, events) in &recovered.runs {
        let events = count(usize::try_from(*events).unwrap_or(usize::MAX), "event");
        text.push_str(&format!("  {run} had gone on since: {events} of its log were taken over\n"));
    }
    for remark in &recovered.remarks {
        text.push_str(&format!("  {} {remark}\n", paint.fair("!")));
    }
    text + &format!("  → {}, then {}\n", paint.strong("twinlake status"), paint.strong("twinlake runs"))
}
