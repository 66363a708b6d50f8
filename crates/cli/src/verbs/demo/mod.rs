//! `twinlake demo`: the product at work on two simulated regions, with proof.
//!
//! | file | what |
//! |---|---|
//! | `standby` | the first act: a standby is made, proven equal and asleep, and kept in step |
//! | `disaster` | the plug is pulled, and production moves |
//! | `comeback` | the old region returns, and is fenced |
//! | `homecoming` | production comes home, and the record is told |
//! | `scene` | what all acts have: commands of an operator, time that passes |
//! | `stage` | the two regions, the config, one clock for all |
//! | `story` | chapters, what happens, checks that hold or do not |
//! | `people` | somebody who works at a site |
//! | `reading` | a workspace read back by plain GETs: a second code path |
//! | `comparison` | whether two workspaces hold the same |
//! | `sleep`, `waking` | whether a workspace sleeps, and whether it wakes as it was |

mod comeback;
mod comparison;
mod disaster;
mod homecoming;
mod people;
mod reading;
mod scene;
mod sleep;
mod stage;
mod standby;
mod story;
mod waking;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use twinlake_base::Clock;

use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::verbs::demo::scene::{Demo, PRIMARY, STANDBY};
use crate::verbs::demo::stage::Stage;
use crate::verbs::demo::story::Story;
use crate::verbs::sync::interrupted;

/// Shows Twinlake at work on two simulated regions: a standby is made, proven equal and asleep; the plug is pulled, production
/// moves, the old region returns and is fenced, and production comes home.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// About how many assets the estate has
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(60..=20_000))]
    size: u32,

    /// The same number gives the same estate
    #[arg(long, value_name = "S", default_value_t = 7)]
    seed: u64,

    /// Leave everything running at the end, with a config and profiles in this folder
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "twinlake-demo")]
    keep: Option<PathBuf>,
}

/// How many days pass in the story.
const DAYS: u64 = 32;

pub(crate) async fn run(args: &DemoArgs, face: &Face) -> anyhow::Result<Exit> {
    let made;
    let folder: &Path = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            if folder.join("twinlake.yml").exists() {
                let problem = format!("{} holds an earlier demo", folder.display());
                let hint =
                    format!("remove it, or name another folder: twinlake demo --keep {}-2", folder.display());
                return Err(Usage { problem, hint }.into());
            }
            folder
        }
        None => {
            made = tempfile::Builder::new().prefix("twinlake-demo-").tempdir()?;
            made.path()
        }
    };
    let Demo { story, stage, runs, .. } = tokio::select! {
        result = play(args, folder, face) => result?,
        () = interrupted() => anyhow::bail!("the demo was interrupted"),
    };
    let document = json!({
        "simulated": true, "checks": story.checks(), "holds": story.holds(),
        "wall_seconds": story.seconds(), "simulated_days": DAYS, "runs": runs,
    });
    if face.is_json() {
        face.answer(&document, |_| String::new())?;
    }
    if args.keep.is_some() {
        keep(&story, stage).await?;
    }
    Ok(if story.holds() { Exit::Done } else { Exit::Failed })
}

async fn play(args: &DemoArgs, folder: &Path, face: &Face) -> anyhow::Result<Demo> {
    let stage = Stage::build(folder, args.seed).await?;
    let story = Story::new(*face, Clock::system());
    let mut demo = Demo { story, face: *face, stage, runs: Vec::new() };
    demo.story.line("Twinlake loses a primary, fails over and comes back: a demonstration on a simulated Databricks account");
    demo.two_regions(args.size, args.seed).await?;
    let began = demo.stage.clock.now();
    demo.first_sync().await?;
    let primary = demo.is_equal().await?;
    demo.is_asleep(began).await?;
    demo.a_day_of_work(&primary).await?;
    demo.quiet_sync().await?;
    demo.a_month().await?;
    let lost = demo.the_plug_is_pulled().await?;
    demo.what_is_lost(&lost).await?;
    demo.forced_failover(&lost).await?;
    demo.is_production_back(&lost).await?;
    demo.east_returns(&lost).await?;
    demo.acknowledged(&lost).await?;
    demo.somebody_wakes_a_job(&lost).await?;
    let edits = demo.work_in_west(&lost).await?;
    demo.failback().await?;
    demo.is_home_as_it_was(&lost, &edits).await?;
    demo.record();
    demo.story.end(DAYS);
    Ok(demo)
}

/// Leaves everything running, and says how to look at it.
async fn keep(story: &Story, stage: Stage) -> anyhow::Result<()> {
    let control = &stage.served.control_url;
    let lines = [
        String::new(),
        "Everything is still running. In another terminal:".to_owned(),
        String::new(),
        format!("   export DATABRICKS_CONFIG_FILE={}", stage.profiles().display()),
        format!("   cd {}", stage.folder.display()),
        "   twinlake status".to_owned(),
        "   twinlake check".to_owned(),
        "   twinlake id nightly-load".to_owned(),
        format!(
            "   twinlake sim act POST /api/2.2/jobs/create '{{\"name\":\"mine\"}}' --workspace {PRIMARY} --control {control}"
        ),
        "   twinlake plan --requests".to_owned(),
        "   twinlake sync".to_owned(),
        format!("   twinlake sim effects --workspace {STANDBY} --deed started --control {control}"),
        format!("   twinlake sim stop --control {control}"),
        String::new(),
        "Ctrl-C stops it.".to_owned(),
    ];
    lines.iter().for_each(|line| story.line(line));
    tokio::select! {
        () = stage.served.asked_to_stop() => {}
        () = interrupted() => {}
    }
    stage.served.stop().await?;
    Ok(())
}
