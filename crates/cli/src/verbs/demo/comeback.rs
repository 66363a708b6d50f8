//! The third act: the old region returns with its clusters running and its schedules firing. It is fenced, what it did
//! unseen is kept and read, and only then is it written.

use twinlake_controller::{Acknowledged, Wish, acknowledge, divergences, propose};
use twinlake_model::{How, Tail};

use crate::verbs::demo::disaster::{Lost, UNSEEN, region};
use crate::verbs::demo::people::Desk;
use crate::verbs::demo::scene::{Demo, HOUR, PRIMARY, STANDBY, has_job, verdicts};
use crate::words::count;

const GROUP: &str = "main";

impl Demo {
    pub(crate) async fn east_returns(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter(&format!("{PRIMARY} returns, and knows nothing of it"));
        // People inside do not know either.
        Desk::at(&self.stage, PRIMARY)?.run_now(&lost.picks.long_runs).await?;
        self.stage.simulator.region_up(&region(PRIMARY)?)?;
        let unseen = self.activity(PRIMARY, lost.at)?;
        self.story.tell(&format!(
            "cut off it went on: {} triggers fired, {} runs began unseen (simulated)",
            unseen.fired, unseen.ran
        ));
        let report = self.sync_all().await?;
        let fence = report.fences.first();
        self.story.must(
            "the first sync fences it: level 2, nothing new starts and compute is stopped",
            fence.is_some_and(|fence| fence.is_fenced() && fence.level.is_some()),
            || format!("{:?}", fence.map(|fence| (&fence.level, &fence.trouble))),
        );
        let found = fence.and_then(|fence| fence.visited.as_ref());
        let (awake, ran) = found.map_or((0, 0), |visited| (visited.found_awake.len(), visited.ran.len()));
        let named = format!(
            "it names {} that it found awake and put to sleep, and {} that it cancelled",
            count(awake, "asset"),
            count(ran, "run")
        );
        self.story.must(named, awake > 0 && ran > 0, || "there should be some of each".to_owned());
        self.story.must("and writes nothing over what was done there unseen", report.legs.is_empty(), || {
            format!("{} cycles ran", report.legs.len())
        });
        self.must_sleep(PRIMARY).await?;
        let after = self.pass(HOUR, PRIMARY)?;
        let is_quiet = after.fired + after.ran + after.queued == 0;
        self.story.must(
            format!("in the next hour nothing fires and nothing runs in {PRIMARY} (simulated)"),
            is_quiet,
            || format!("{after:?}"),
        );
        Ok(())
    }

    pub(crate) async fn acknowledged(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter("What it did unseen is read before it is written over");
        self.story.command("twinlake failback");
        let house = self.stage.open_as("ana").await?;
        let refused = propose(&house, &Wish { runbook: "failback".to_owned(), ..Wish::default() }).await;
        self.story
            .must("refused, until somebody has read it", refused.is_err(), || "it was proposed".to_owned());
        let tails = divergences(&house, GROUP).await?;
        let named = |how: How, name: &str| {
            let assets = tails.iter().flat_map(|told| &told.divergence.assets);
            assets.filter(|one| one.how == how).any(|one| one.key.as_str() == name)
        };
        let edited = &lost.picks.edited_late.name;
        let runs = tails.iter().map(|told| told.divergence.runs.len()).sum::<usize>();
        self.story.must(
            format!("it names the job made there ({UNSEEN}), the edit that never arrived ({edited}), and {runs} runs"),
            named(How::Made, UNSEEN) && named(How::Edited, edited) && runs > 0,
            || format!("{:?}", tails.iter().map(|told| &told.divergence.assets).collect::<Vec<_>>()),
        );
        let digest = match tails.first() {
            Some(Acknowledged { tail: Tail::Quarantined { divergence, .. }, .. }) => divergence.short(),
            _ => String::new(),
        };
        self.story.command(&format!("twinlake failback {GROUP} --acknowledge-tail {digest}"));
        acknowledge(&house, GROUP, &digest, "ana").await?;
        drop(house);
        let leg = self.sync().await?;
        self.story
            .must(format!("now {STANDBY} protects itself in {PRIMARY}"), leg.complete, || verdicts(&leg));
        let east = self.stage.read(PRIMARY).await?;
        self.story.must(
            "what was made there unseen was not deleted; it sleeps",
            has_job(&east, UNSEEN),
            || "it is gone".to_owned(),
        );
        Ok(())
    }

    pub(crate) async fn somebody_wakes_a_job(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter(&format!("Somebody wakes a job in {PRIMARY}"));
        let job = &lost.picks.woken;
        Desk::at(&self.stage, PRIMARY)?.wake(job).await?;
        self.story.tell(&format!("{} is unpaused by hand", job.name));
        let report = self.sync_all().await?;
        let found = report.fences.iter().filter_map(|fence| fence.visited.as_ref());
        let by_fence = found.flat_map(|visited| &visited.found_awake).any(|one| one.key.as_str() == job.name);
        self.story.must(
            format!("the next sync puts {} to sleep again, and names it", job.name),
            by_fence,
            || format!("{:?}", report.fences.iter().map(|fence| &fence.visited).collect::<Vec<_>>()),
        );
        self.must_sleep(PRIMARY).await?;
        Ok(())
    }
}
