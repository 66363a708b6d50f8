//! `twinlake demo`: the product at work on two simulated regions, with proof.
//!
//! | file | what |
//! |---|---|
//! | `stage` | the two regions, the config, one clock for all |
//! | `story` | chapters, what happens, checks that hold or do not |
//! | `people` | somebody who works at the primary |
//! | `reading` | a workspace read back by plain GETs: a second code path |
//! | `comparison` | whether two workspaces hold the same |
//! | `sleep` | whether a workspace sleeps |

mod comparison;
mod people;
mod reading;
mod sleep;
mod stage;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;
use twinlake_base::{Clock, Timestamp};
use twinlake_controller::{LegReport, Observer, SyncReport, Unobserved, status};
use twinlake_simulator::{Activity, Deed, EffectQuery};

use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::progress::ProgressLine;
use crate::verbs::demo::comparison::compare;
use crate::verbs::demo::people::{Work, work};
use crate::verbs::demo::reading::Reading;
use crate::verbs::demo::sleep::awake;
use crate::verbs::demo::stage::Stage;
use crate::verbs::demo::story::Story;
use crate::verbs::sim::people::seed;
use crate::verbs::sync::interrupted;
use crate::words::{count, duration, time};

/// Shows Twinlake at work on two simulated regions: a first sync, proof that the copy is equal and asleep, a day of work,
/// a deletion that waits, a quiet sync, and a month in which nothing runs.
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

const PRIMARY: &str = "east";
const STANDBY: &str = "west";
const HOUR: Duration = Duration::from_secs(3600);
/// Longer than the grace of a deletion.
const A_DAY_AND_AN_HOUR: Duration = Duration::from_secs(25 * 3600);
const A_MONTH: Duration = Duration::from_secs(30 * 86_400);
/// How many days pass in the story.
const DAYS: u64 = 31;

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
    let (story, stage) = tokio::select! {
        result = play(args, folder, face) => result?,
        () = interrupted() => anyhow::bail!("the demo was interrupted"),
    };
    let document = json!({
        "simulated": true, "checks": story.checks(), "holds": story.holds(),
        "wall_seconds": story.seconds(), "simulated_days": DAYS,
    });
    if face.is_json() {
        face.answer(&document, |_| String::new())?;
    }
    if args.keep.is_some() {
        keep(&story, stage).await?;
    }
    Ok(if story.holds() { Exit::Done } else { Exit::Failed })
}

async fn play(args: &DemoArgs, folder: &Path, face: &Face) -> anyhow::Result<(Story, Stage)> {
    let stage = Stage::build(folder, args.seed).await?;
    let mut demo = Demo { story: Story::new(*face, Clock::system()), face: *face, stage };
    demo.story.line("Twinlake keeps a standby: a demonstration on a simulated Databricks account");
    demo.two_regions(args).await?;
    let began = demo.stage.clock.now();
    demo.first_sync().await?;
    let primary = demo.is_equal().await?;
    demo.is_asleep(began).await?;
    demo.a_day_of_work(&primary).await?;
    demo.quiet_sync().await?;
    demo.a_month().await?;
    demo.story.end(DAYS);
    Ok((demo.story, demo.stage))
}

struct Demo {
    story: Story,
    face: Face,
    stage: Stage,
}

impl Demo {
    async fn two_regions(&mut self, args: &DemoArgs) -> anyhow::Result<()> {
        self.story.chapter("Two regions of a simulated account");
        for workspace in &self.stage.served.workspaces {
            let role =
                if workspace.info.name == PRIMARY { "production runs here" } else { "stands by, empty" };
            let place = format!("{} {}", workspace.info.cloud.name(), workspace.info.region);
            self.story.tell(&format!("{}  {place}  {}  {role}", workspace.info.name, workspace.url));
        }
        let control = self.stage.control()?;
        let size = usize::try_from(args.size)?;
        let seeded = seed(&control, PRIMARY, size, args.seed).await?;
        let counts = [
            "notebooks",
            "files",
            "folders",
            "jobs",
            "clusters",
            "warehouses",
            "instance_pools",
            "cluster_policies",
        ];
        let counts: Vec<String> =
            counts.iter().map(|kind| format!("{} {}", seeded[*kind], kind.replace('_', " "))).collect();
        self.story.tell(&format!("a retailer's estate in {PRIMARY}: {}", counts.join(", ")));
        // The estate has been at work for a while.
        self.stage.simulator.jump(HOUR)?;
        Ok(())
    }

    async fn first_sync(&mut self) -> anyhow::Result<()> {
        self.story.chapter("The first sync");
        let leg = self.sync().await?;
        self.story.must("the first sync is complete", leg.complete, || verdicts(&leg));
        Ok(())
    }

    /// Runs a sync, and says what it came to.
    async fn sync(&mut self) -> anyhow::Result<LegReport> {
        self.story.command("twinlake sync");
        let began = self.story.seconds();
        // Where lines stay, the story is enough.
        let observer: Arc<dyn Observer> = match self.face.can_rewrite() {
            true => Arc::new(ProgressLine::new(self.face, Clock::system())),
            false => Arc::new(Unobserved),
        };
        let SyncReport { mut legs, .. } = self.stage.sync(observer).await?;
        let leg = legs.pop().context("the config has no leg")?;
        let took = duration(self.story.seconds() - began);
        let done = match leg.changes {
            0 => "nothing to change".to_owned(),
            changes => format!("{} with {}", count(changes, "change"), count(leg.writes, "request")),
        };
        self.story.tell(&format!("{done} in {took}: {}", tally(&leg)));
        Ok(leg)
    }

    async fn is_equal(&mut self) -> anyhow::Result<Reading> {
        self.story.chapter("Is the copy equal? Both sites read back by plain GETs, not by what wrote them");
        let (primary, standby) = (self.stage.read(PRIMARY).await?, self.stage.read(STANDBY).await?);
        self.compare(&primary, &standby);
        Ok(primary)
    }

    fn compare(&mut self, primary: &Reading, standby: &Reading) {
        let found = compare(primary, standby, &Stage::otherwise());
        for (kind, count, differ) in found.kinds {
            let of_bytes = if matches!(kind, "notebooks" | "files") { ", byte for byte" } else { "" };
            self.story.check(format!("{count} {kind} are equal{of_bytes}"), differ);
        }
        let (references, with_libraries) = (found.references, found.with_libraries);
        self.story.tell(&format!(
            "{references} references lead to the thing of the same name; i3 is i4i there, us-east-1a is us-west-2a"
        ));
        if with_libraries > 0 {
            let clusters = count(with_libraries, "cluster");
            self.story
                .tell(&format!("left behind, as `twinlake kinds` says: libraries installed on {clusters}"));
        }
    }

    async fn is_asleep(&mut self, began: Timestamp) -> anyhow::Result<()> {
        self.story.chapter("Does it sleep?");
        // What was created and at once stopped has come to rest.
        self.stage.simulator.jump(Duration::from_secs(120))?;
        let standby = self.stage.read(STANDBY).await?;
        for (what, instead) in awake(&standby) {
            self.story.check(what, instead);
        }
        let activity = self.stage.simulator.activity(STANDBY, began, self.stage.clock.now())?;
        let is_quiet = activity.ran + activity.fired + activity.queued == 0;
        self.story
            .must("its log of effects: nothing fired, nothing ran", is_quiet, || format!("{activity:?}"));
        let billed = duration(activity.billed_seconds());
        self.story.tell(&format!(
            "{} machines of clusters and warehouses were up between create and stop, for {billed} in all (simulated)",
            activity.started
        ));
        Ok(())
    }

    async fn a_day_of_work(&mut self, before: &Reading) -> anyhow::Result<()> {
        self.story.chapter("Work goes on in east");
        let http = self.stage.http(PRIMARY)?;
        let done = work(&http, before).await?;
        let Work { edited_job, edited_notebook, deleted_job } = &done;
        self.story.tell(&format!("somebody edits the job {edited_job} and the notebook {edited_notebook}"));
        self.story.tell(&format!("and deletes the job {deleted_job}"));
        let leg = self.sync().await?;
        let only_edits = leg.changes == 2;
        self.story.must("exactly the two edits were carried", only_edits, || verdicts(&leg));
        let standby = self.stage.read(STANDBY).await?;
        self.story.must(
            "the deleted job is still at the standby, asleep",
            has_job(&standby, deleted_job),
            || "its copy is gone already".to_owned(),
        );
        match leg.judgement.waiting.as_slice() {
            [waiting] => {
                self.story.tell(&format!("its copy is deleted after {} (simulated)", time(waiting.due_at)))
            }
            waiting => self.story.must("one deletion waits", false, || format!("{} wait", waiting.len())),
        }
        self.story.tell("25 simulated hours pass");
        self.stage.simulator.jump(A_DAY_AND_AN_HOUR)?;
        let leg = self.sync().await?;
        self.story.must(
            "now the copy is deleted, and nothing else",
            leg.changes == 1 && leg.complete,
            || verdicts(&leg),
        );
        let (primary, standby) = (self.stage.read(PRIMARY).await?, self.stage.read(STANDBY).await?);
        let is_gone = !has_job(&standby, deleted_job);
        self.story.must("the standby has it no more", is_gone, || "it is still there".to_owned());
        let differ = compare(&primary, &standby, &Stage::otherwise()).kinds;
        let differ: Vec<String> = differ.into_iter().flat_map(|(_, _, differ)| differ).collect();
        self.story.check("both sites are equal again", differ);
        Ok(())
    }

    async fn quiet_sync(&mut self) -> anyhow::Result<()> {
        self.story.chapter("Nothing to do");
        let before = self.writes();
        let leg = self.sync().await?;
        let wrote = self.writes() - before;
        self.story.must("a quiet sync writes nothing", leg.writes == 0 && wrote == 0, || {
            format!("{} requests, {wrote} effects at the standby", leg.writes)
        });
        let house = self.stage.open().await?;
        let status = status(&house, None).await?;
        let whole = status.audit.broken.is_none() && status.audit.entries > 0;
        self.story.must(format!("the audit of {} entries is whole", status.audit.entries), whole, || {
            status.audit.broken.clone().unwrap_or_default()
        });
        Ok(())
    }

    /// How many things were created, updated or deleted at the standby so far.
    fn writes(&self) -> usize {
        let effects = self
            .stage
            .simulator
            .effects(&EffectQuery { workspace: Some(STANDBY.to_owned()), ..EffectQuery::default() });
        let is_write = |deed: Deed| {
            matches!(deed, Deed::Created | Deed::Updated | Deed::Deleted | Deed::Started | Deed::Stopped)
        };
        effects.iter().filter(|effect| is_write(effect.deed)).count()
    }

    async fn a_month(&mut self) -> anyhow::Result<()> {
        self.story.chapter("Thirty simulated days");
        let from = self.stage.clock.now();
        self.stage.simulator.jump(A_MONTH)?;
        let to = self.stage.clock.now();
        let here = self.stage.simulator.activity(PRIMARY, from, to)?;
        let there = self.stage.simulator.activity(STANDBY, from, to)?;
        let Activity { fired, ran, .. } = here;
        self.story.tell(&format!(
            "in {PRIMARY}: {fired} triggers fired, {} began (simulated)",
            count(usize::try_from(ran)?, "run")
        ));
        let what = format!("in {STANDBY}: nothing started, fired, ran or billed (simulated)");
        self.story.must(what, there.is_asleep(), || format!("{there:?}"));
        let standby = self.stage.read(STANDBY).await?;
        let still = standby.clusters.len() == standby.pinned.len();
        self.story.must("and no cluster was forgotten after its 30 days", still, || {
            format!("{} of {} are pinned", standby.pinned.len(), standby.clusters.len())
        });
        Ok(())
    }
}

fn has_job(reading: &Reading, name: &str) -> bool {
    reading.jobs.values().any(|job| job["settings"]["name"] == name)
}

fn tally(leg: &LegReport) -> String {
    let words = leg.judgement.verdicts.iter().map(|(word, count)| format!("{word} {count}"));
    words.collect::<Vec<_>>().join(" · ")
}

fn verdicts(leg: &LegReport) -> String {
    let first = leg.judgement.incomplete.iter().take(5);
    let named: Vec<String> =
        first.map(|outcome| format!("{} {}: {}", outcome.asset.kind, outcome.key, outcome.verdict)).collect();
    format!(
        "{} with {}; {}; {}",
        count(leg.changes, "change"),
        count(leg.writes, "request"),
        tally(leg),
        named.join("; ")
    )
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
