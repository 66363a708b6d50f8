//! What all acts have: the stage, the story, and the commands of an operator.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use twinlake_base::{Clock, Timestamp};
use twinlake_controller::{
    Consent, House, LegReport, Moved, Observer, Proposal, RunReport, Stop, SyncReport, Unobserved, Wish,
    begin,
};
use twinlake_simulator::Activity;

use crate::face::Face;
use crate::moving::steps::StepLines;
use crate::progress::ProgressLine;
use crate::verbs::demo::comparison::compare;
use crate::verbs::demo::reading::Reading;
use crate::verbs::demo::sleep::awake;
use crate::verbs::demo::stage::Stage;
use crate::verbs::demo::story::Story;
use crate::words::count;

pub(crate) const PRIMARY: &str = "east";
pub(crate) const STANDBY: &str = "west";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A demonstration under way.
pub(crate) struct Demo {
    pub(crate) story: Story,
    pub(crate) face: Face,
    pub(crate) stage: Stage,
    /// The runs that moved production, in order.
    pub(crate) runs: Vec<RunReport>,
}

impl Demo {
    /// Runs a sync, and says what it came to.
    pub(crate) async fn sync(&mut self) -> anyhow::Result<LegReport> {
        let SyncReport { mut legs, .. } = self.sync_all().await?;
        let leg = legs.pop().context("nothing was brought into step")?;
        let took = crate::words::between(leg.started_at, leg.ended_at);
        let done = match leg.changes {
            0 => "nothing to change".to_owned(),
            changes => format!("{} with {}", count(changes, "change"), count(leg.writes, "request")),
        };
        self.story.tell(&format!("{done} in {took}: {}", tally(&leg)));
        Ok(leg)
    }

    pub(crate) fn compare(&mut self, primary: &Reading, standby: &Reading) {
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

    /// Runs a sync.
    pub(crate) async fn sync_all(&mut self) -> anyhow::Result<SyncReport> {
        self.story.command("twinlake sync");
        // Where lines stay, the story is enough.
        let observer: Arc<dyn Observer> = match self.face.can_rewrite() {
            true => Arc::new(ProgressLine::new(self.face, Clock::system())),
            false => Arc::new(Unobserved),
        };
        self.stage.sync(observer).await
    }

    /// Carries out what was proposed, as somebody who says `--yes`.
    pub(crate) async fn carry_out(
        &mut self,
        wish: &Wish,
        proposal: &Proposal,
        by: &str,
    ) -> anyhow::Result<Moved> {
        let house = self.stage.open_as(by).await?;
        let watch = self.watch(&house, proposal);
        let moved = begin(&house, wish, proposal, &yes(by), &Stop::new(), watch).await?;
        self.runs.extend(moved.report.clone());
        Ok(moved)
    }

    /// Shows the steps of a run where they can be seen as they happen.
    pub(crate) fn watch(&self, house: &House, proposal: &Proposal) -> Arc<dyn Observer> {
        match self.face.can_rewrite() {
            true => Arc::new(StepLines::new(self.face, house.setup().clock.clone(), &proposal.steps)),
            false => Arc::new(Unobserved),
        }
    }

    /// Lets time pass, and says what went on at a place meanwhile.
    pub(crate) fn pass(&self, time: Duration, place: &str) -> anyhow::Result<Activity> {
        let from = self.stage.clock.now();
        self.stage.simulator.jump(time)?;
        self.activity(place, from)
    }

    /// What went on at a place since a moment.
    pub(crate) fn activity(&self, place: &str, since: Timestamp) -> anyhow::Result<Activity> {
        Ok(self.stage.simulator.activity(place, since, self.stage.clock.now())?)
    }

    /// Nothing of a place may be awake, by what its API shows.
    pub(crate) async fn must_sleep(&mut self, place: &str) -> anyhow::Result<Reading> {
        // What was stopped has come to rest.
        self.stage.simulator.jump(MINUTE * 2)?;
        let reading = self.stage.read(place).await?;
        let found: Vec<String> = awake(&reading).into_iter().flat_map(|(_, instead)| instead).collect();
        self.story.check(
            format!("{place} sleeps: schedules, jobs, clusters, warehouses and pools, by plain GETs"),
            found,
        );
        Ok(reading)
    }
}

/// Somebody agrees.
pub(crate) fn yes(by: &str) -> Consent {
    Consent { by: by.to_owned(), yes: true, ..Consent::default() }
}

pub(crate) fn has_job(reading: &Reading, name: &str) -> bool {
    reading.jobs.values().any(|job| job["settings"]["name"] == name)
}

fn tally(leg: &LegReport) -> String {
    let words = leg.judgement.verdicts.iter().map(|(word, count)| format!("{word} {count}"));
    words.collect::<Vec<_>>().join(" · ")
}

pub(crate) fn verdicts(leg: &LegReport) -> String {
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
