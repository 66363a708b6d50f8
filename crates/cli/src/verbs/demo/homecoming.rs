//! The last act: work goes on in the new region, production comes home with what was done there, and the record is told.

use twinlake_controller::{Ended, Figure, RunReport, Wish, propose};

use crate::moving::proposal::title;
use crate::table::Table;
use crate::verbs::demo::comparison::{Otherwise, compare};
use crate::verbs::demo::disaster::{Lost, UNSEEN};
use crate::verbs::demo::people::{Desk, Job};
use crate::verbs::demo::scene::{Demo, HOUR, PRIMARY, STANDBY};
use crate::verbs::demo::waking::differences;
use crate::words::{cut, duration};

/// A job that is made in the new region.
const MADE: &str = "made-in-the-west";
const WORD: &str = "improved in the west";
/// How wide a line of the record may be, beside its indent.
const WIDTH: usize = 74;
/// What is left out of the record as it is told here.
const ASIDE: &[&str] = &["   evidence: ", " hooks_", "   the config names none"];

/// What was edited in the new region.
pub(crate) struct Edits {
    job: Job,
    notebook: String,
}

impl Demo {
    pub(crate) async fn work_in_west(&mut self, lost: &Lost) -> anyhow::Result<Edits> {
        self.story.chapter(&format!("Work goes on in {STANDBY}"));
        let desk = Desk::at(&self.stage, STANDBY)?;
        let job = desk.find(&lost.picks.edited_away.name).await?;
        desk.edit_job(&job, WORD).await?;
        desk.edit_notebook(&lost.picks.notebook, WORD).await?;
        desk.create(MADE).await?;
        let notebook = lost.picks.notebook.clone();
        self.story.tell(&format!("somebody edits the job {} and the notebook {notebook}", job.name));
        self.story.tell(&format!("and makes the job {MADE}; an hour passes"));
        self.stage.simulator.jump(HOUR)?;
        Ok(Edits { job, notebook })
    }

    pub(crate) async fn failback(&mut self) -> anyhow::Result<()> {
        self.story.chapter("Production comes home");
        self.story.command("twinlake failback --yes");
        let wish = Wish { runbook: "failback".to_owned(), ..Wish::default() };
        let house = self.stage.open_as("ana").await?;
        let proposal = propose(&house, &wish).await?;
        drop(house);
        let moved = self.carry_out(&wish, &proposal, "ana").await?;
        let step = |name: &str| {
            let steps = moved.report.iter().flat_map(|report| &report.steps);
            steps.filter(|step| step.planned.name == name).any(|step| step.state == "done")
        };
        self.story.must("it ends, and everything was done", moved.ended == Ended::Complete, || {
            format!("{:?}", moved.ended)
        });
        self.story.must(
            "production was quiesced, and both sites were proven equal before anything woke",
            step("quiesce") && step("prove_equality"),
            || "a step was left out".to_owned(),
        );
        Ok(())
    }

    pub(crate) async fn is_home_as_it_was(&mut self, lost: &Lost, edits: &Edits) -> anyhow::Result<()> {
        self.story.chapter(&format!("Is {PRIMARY} what it was, and what was edited in {STANDBY}?"));
        let east = self.stage.read(PRIMARY).await?;
        let edited = [edits.job.name.as_str(), &edits.notebook, MADE, UNSEEN];
        let is_other = |line: &String| !edited.iter().any(|name| line.starts_with(name));
        // Nothing is called otherwise at home than it was called there: node types, zones and buckets are the original ones.
        for (kind, count, mut differ) in compare(&lost.before, &east, &Otherwise::default()).kinds {
            differ.retain(is_other);
            self.story.check(format!("{count} {kind} are as they were, but for what was edited"), differ);
        }
        let found = |name: &str| east.jobs.values().find(|job| job["settings"]["name"] == name);
        let word = found(&edits.job.name).map(|job| job["settings"]["description"].clone());
        self.story.must(
            format!("the edit of {} came home", edits.job.name),
            word == Some(WORD.into()),
            || format!("{word:?}"),
        );
        let changed = east.contents.get(&edits.notebook) != lost.before.contents.get(&edits.notebook);
        self.story
            .must(format!("so did that of {}", edits.notebook), changed, || "it is the old one".to_owned());
        self.story.must(format!("and {MADE}"), found(MADE).is_some(), || "it is missing".to_owned());
        let mut differ = differences(&lost.before, &east);
        differ.retain(is_other);
        self.story.check("every job and pool runs, or is paused, as before the disaster", differ);
        let _ = self.must_sleep(STANDBY).await?;
        let from = self.stage.clock.now();
        let here = self.pass(HOUR * 2, PRIMARY)?;
        let there = self.activity(STANDBY, from)?;
        self.story.must(
            format!(
                "in two hours {} runs begin in {PRIMARY}, and nothing in {STANDBY} (simulated)",
                here.ran
            ),
            here.ran > 0 && there.fired + there.ran + there.queued == 0,
            || format!("{here:?}, {there:?}"),
        );
        Ok(())
    }

    /// The record: the report of the run that mattered most, and the figures of all.
    pub(crate) fn record(&mut self) {
        self.story.chapter("The record");
        self.story.command("twinlake runs");
        if let Some(report) = self.runs.first() {
            // What a step proves is in the JSON and in the Markdown, and there are no hooks.
            let lines: Vec<String> = report
                .text()
                .lines()
                .filter(|line| !ASIDE.iter().any(|aside| line.contains(aside)))
                .map(|line| cut(line, WIDTH))
                .collect();
            self.story.quote(&lines.join("\n"));
        }
        let mut table = Table::new();
        let paint = self.face.paint();
        table.row(["run", "RPO", "RTO", "MTTR", "steps", "state"].map(|heading| paint.faint(heading)));
        for report in &self.runs {
            table.row([
                title(&report.runbook),
                figure(report, Figure::RPO),
                figure(report, Figure::RTO),
                figure(report, Figure::MTTR),
                report.steps.len().to_string(),
                report.state.to_owned(),
            ]);
        }
        self.story.line("");
        self.story.quote(&table.lines(0));
        self.story.line(&format!("   {}", paint.faint("all of these figures are simulated")));
    }
}

/// A figure of a run, as it was measured last.
fn figure(report: &RunReport, name: &str) -> String {
    let last = report.figures.iter().rev().find(|measured| measured.figure.name == name);
    match last.map(|measured| measured.figure.value) {
        None => "–".to_owned(),
        Some(value) if value < 1.0 => "none".to_owned(),
        Some(value) => duration(value),
    }
}
