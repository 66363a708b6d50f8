//! `twinlake runs`

use clap::{Args, Subcommand};
use serde_json::json;
use twinlake_controller::{House, RunReport, RunSummary, Setup, report_of, runs, stop_run};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::{Face, say};
use crate::failure::Usage;
use crate::moving::proposal::title;
use crate::moving::{go_on, report};
use crate::paint::Paint;
use crate::table::Table;
use crate::words::{between, cut, time};

/// Lists the runs that moved production, or tells one of them step by step. Also while it is under way.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    action: Option<RunsAction>,

    /// A failover group, or a run: its name, the beginning of it, or `last`
    text: Option<String>,

    /// Follow the run (the last one, if none is named) until nobody drives it any more
    #[arg(long, conflicts_with = "markdown")]
    follow: bool,

    /// Tell the run in Markdown, for a ticket or an auditor's folder
    #[arg(long)]
    markdown: bool,

    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum RunsAction {
    /// Go on with a run that was stopped, waits, or whose controller is gone
    Resume(OneRunArgs),
    /// Stop a run before its next step; it can be resumed
    Stop(OneRunArgs),
}

#[derive(Debug, Args)]
struct OneRunArgs {
    /// The run: its name, the beginning of it, or `last`
    run: String,

    #[command(flatten)]
    config: ConfigArgs,
}

/// How often a run that is followed is looked at.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

pub(crate) async fn run(args: &RunsArgs, face: &Face) -> anyhow::Result<Exit> {
    match &args.action {
        Some(RunsAction::Resume(args)) => {
            let house = estate::open(&args.config).await?;
            go_on(&house, &args.run, face).await
        }
        Some(RunsAction::Stop(args)) => {
            let house = estate::open(&args.config).await?;
            let by = house.setup().actor.clone();
            let summary = stop_run(&house, &args.run, &by).await?;
            face.answer(&summary, |paint| stopped(&summary, paint))?;
            Ok(Exit::Done)
        }
        None => show(args, face).await,
    }
}

async fn show(args: &RunsArgs, face: &Face) -> anyhow::Result<Exit> {
    if args.markdown && (face.is_json() || args.text.is_none()) {
        return Err(Usage {
            problem: "--markdown tells one run, and is a form of its own".to_owned(),
            hint: "twinlake runs last --markdown".to_owned(),
        }
        .into());
    }
    let setup = Setup::system();
    let config = estate::config(&args.config, &setup.env)?;
    // Reading needs no lock, so a run can be followed while another process drives it.
    let house = match config.local_state.exists() {
        true => House::open_to_read(config, setup).await?,
        false => House::open(config, setup).await?,
    };
    let group = args.text.as_deref().filter(|text| house.groups(Some(text)).is_ok());
    let named = args.text.as_deref().filter(|_| group.is_none());
    if args.follow {
        let run = match (named, group) {
            (Some(run), _) => run.to_owned(),
            (None, group) => {
                runs(&house, group).await?.pop().map_or_else(|| "last".to_owned(), |last| last.run)
            }
        };
        return follow(&house, &run, face).await;
    }
    let Some(run) = named else {
        let all = runs(&house, group).await?;
        face.answer(&json!({ "runs": all }), |paint| table(&all, paint))?;
        return Ok(Exit::Done);
    };
    let told = report_of(&house, run).await?;
    if args.markdown {
        say(&told.markdown());
        return Ok(Exit::Done);
    }
    face.answer(&told, |paint| report::text(&told, paint))?;
    Ok(Exit::Done)
}

fn table(all: &[RunSummary], paint: Paint) -> String {
    if all.is_empty() {
        return format!(
            "no run has moved anything yet; to see what one would do: {}\n",
            paint.strong("twinlake failover --plan")
        );
    }
    let mut table = Table::new();
    table.row(["run", "what", "", "began", "took", "steps", "state"].map(|heading| paint.faint(heading)));
    for run in all {
        let mark = if run.simulated { " (simulated)" } else { "" };
        let what = title(&run.runbook);
        let way = match run.from == run.to {
            true => format!("{} in {}", run.group, run.to),
            false => format!("{} {} → {}", run.group, run.from, run.to),
        };
        table.row([
            paint.strong(&run.run),
            what,
            way,
            time(run.began_at),
            format!("{}{mark}", between(run.began_at, run.last_at)),
            format!("{} of {}", run.settled, run.steps),
            stands(run, paint),
        ]);
    }
    table.lines(0)
}

fn stands(run: &RunSummary, paint: Paint) -> String {
    match run.state {
        "complete" => paint.good("complete"),
        "incomplete" => paint.fair("incomplete"),
        "aborted" | "stopped" => paint.bad(cut(&run.stands, 80)),
        state => paint.fair(format!("{state} {}", run.stands)),
    }
}

fn stopped(summary: &RunSummary, paint: Paint) -> String {
    format!(
        "{} {} stops before its next step; what was done stands\n  → {} or {}\n",
        paint.good("✓"),
        summary.run,
        paint.strong(format!("twinlake runs resume {}", summary.run)),
        paint.strong(format!("twinlake abort {}", summary.group))
    )
}

/// Shows a run again and again until nobody drives it any more.
async fn follow(house: &House, run: &str, face: &Face) -> anyhow::Result<Exit> {
    let mut drawn = 0;
    loop {
        let told = report_of(house, run).await?;
        let is_over = told.state != "going";
        if face.can_rewrite() && !face.is_json() {
            let text = report::text(&told, face.paint_aside());
            // What was drawn before is gone back over and cleared.
            let back = if drawn > 0 { format!("\x1b[{drawn}F\x1b[J") } else { String::new() };
            drawn = text.lines().count();
            face.aside_raw(&format!("{back}{text}"));
        }
        if is_over {
            if face.is_json() || !face.can_rewrite() {
                face.answer(&told, |paint| report::text(&told, paint))?;
            }
            return Ok(exit(&told));
        }
        house.setup().clock.sleep(LOOK_EVERY).await;
    }
}

fn exit(told: &RunReport) -> Exit {
    match told.state {
        "complete" => Exit::Done,
        "incomplete" => Exit::Incomplete,
        "waiting" => Exit::Refused,
        _ => Exit::Failed,
    }
}
