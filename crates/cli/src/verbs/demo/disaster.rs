//! The second act: the plug is pulled in the middle of the work, the primary is given up, and production moves, although
//! the controller dies on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use tokio::sync::Notify;
use twinlake_base::Timestamp;
use twinlake_controller::{
    Ended, Happened, News, Observer, Progress, Proposal, RunEvent, Stop, Wish, begin, propose, resume,
};
use twinlake_simulator::{Appearance, Outage};

use crate::moving::proposal::loss;
use crate::verbs::demo::people::{Desk, Picks};
use crate::verbs::demo::reading::Reading;
use crate::verbs::demo::scene::{Demo, HOUR, MINUTE, PRIMARY, STANDBY, verdicts, yes};
use crate::verbs::demo::waking::{differences, starters};
use crate::verbs::sim::account;
use crate::words::{count, duration, time};

/// How many jobs are awake in the new region when the controller dies.
const AWAKE_AT_DEATH: usize = 5;
/// A job that is made while nobody can see it.
pub(crate) const UNSEEN: &str = "made-while-cut-off";

/// What was lost, and how it was.
pub(crate) struct Lost {
    /// The primary, as it was read by plain GETs after the last sync.
    pub(crate) before: Reading,
    /// What people do something with.
    pub(crate) picks: Picks,
    /// When the plug was pulled.
    pub(crate) at: Timestamp,
}

impl Lost {
    /// The wish for a forced failover.
    fn wish(&self) -> Wish {
        Wish { runbook: "forced_failover".to_owned(), outage_since: Some(self.at), ..Wish::default() }
    }
}

/// What the region of a site is called.
pub(crate) fn region(site: &str) -> anyhow::Result<String> {
    let wanted = account::usual().into_iter().find(|wanted| wanted.spec.name == site);
    Ok(wanted.with_context(|| format!("there is no site {site}"))?.spec.region)
}

impl Demo {
    pub(crate) async fn the_plug_is_pulled(&mut self) -> anyhow::Result<Lost> {
        self.story.chapter("Work goes on, and the plug is pulled");
        let desk = Desk::at(&self.stage, PRIMARY)?;
        let before = self.stage.read(PRIMARY).await?;
        let picks = Picks::of(&before).context("the estate has too few jobs")?;
        let started = desk.run_now(&picks.long_runs).await?;
        self.story.tell(&format!(
            "{} in {PRIMARY}, as every day",
            count(started, "job run") + " are started by hand"
        ));
        let leg = self.sync().await?;
        self.story.must("the standby is in step", leg.complete, || verdicts(&leg));
        self.stage.simulator.jump(MINUTE * 2)?;
        desk.edit_job(&picks.edited_late, "edited too late").await?;
        self.story.tell(&format!("two minutes later somebody edits {}", picks.edited_late.name));
        let at = self.stage.clock.now();
        self.stage.simulator.region_down(&region(PRIMARY)?, Outage::cut_off(Appearance::Refused))?;
        self.story
            .tell(&format!("{}: {PRIMARY} is cut off; nobody gets in, and inside life goes on", time(at)));
        desk.create_unseen(UNSEEN).await?;
        let unseen = self.pass(MINUTE * 4, PRIMARY)?;
        self.story.must(
            format!("unseen, somebody makes the job {UNSEEN} there, and {} triggers fire", unseen.fired),
            unseen.fired > 0,
            || format!("{unseen:?}"),
        );
        Ok(Lost { before, picks, at })
    }

    pub(crate) async fn what_is_lost(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter("The loss is shown before anything is done");
        self.story.command("twinlake failover");
        let house = self.stage.open_as("ana").await?;
        let refused = propose(&house, &Wish { runbook: "switchover".to_owned(), ..Wish::default() }).await;
        let hint =
            refused.as_ref().err().and_then(twinlake_controller::ControllerError::hint).unwrap_or_default();
        self.story.must(
            format!("refused, because {PRIMARY} does not answer; it says what to type: {hint}"),
            hint.contains("--forced"),
            || format!("{refused:?}"),
        );
        self.story.command("twinlake failover --forced --plan");
        let proposal = propose(&house, &lost.wish()).await?;
        self.story.quote(&loss(&proposal.loss, self.face.paint()));
        let knows = proposal.loss.seconds().is_some() && !proposal.loss.may_have_run.is_empty();
        self.story.must(
            "the replication point is known, and what may have run is named (simulated)",
            knows,
            || format!("{:?}", proposal.loss),
        );
        Ok(())
    }

    pub(crate) async fn forced_failover(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter("Production moves, although the controller dies on the way");
        self.story.command("twinlake failover --forced --since … --yes");
        let house = self.stage.open_as("ana").await?;
        let (wish, consent) = (lost.wish(), yes("ana"));
        let proposal = propose(&house, &wish).await?;
        let death = Arc::new(Death::new(self.watch(&house, &proposal)));
        let stop = Stop::new();
        let ended = tokio::select! {
            biased;
            () = death.bell.notified() => None,
            ended = begin(&house, &wish, &proposal, &consent, &stop, death.clone()) => Some(ended),
        };
        // What was under way is gone with its process.
        drop((house, death));
        self.story.must("ana's controller is killed while it wakes the standby", ended.is_none(), || {
            format!("it was over before: {:?}", ended.map(|ended| ended.map(|moved| moved.ended)))
        });
        self.resume_elsewhere(&proposal).await
    }

    async fn resume_elsewhere(&mut self, proposal: &Proposal) -> anyhow::Result<()> {
        self.story.command("twinlake runs resume last");
        let house = self.stage.open_as("ben").await?;
        self.story.tell("ben's controller goes on from the log, once the lease of the dead one has run out");
        let moved = resume(&house, "last", "ben", &Stop::new(), self.watch(&house, proposal)).await?;
        drop(house);
        let report = moved.report.context("the run has a log")?;
        let without_fence = moved.ended == Ended::Incomplete
            && report.steps.iter().all(|step| {
                matches!(step.state, "done" | "skipped") && (step.reason.is_none() || step.state == "skipped")
            });
        self.story.must(
            format!("it ends; only the fence of {PRIMARY} is owed, loudly, because it does not answer"),
            without_fence && report.why.as_deref() == Some("without fence_old"),
            || format!("{:?}: {:?}", moved.ended, report.why),
        );
        for judged in &report.judged {
            let measured = judged.measured_seconds.map_or("nothing".to_owned(), duration);
            #[expect(clippy::cast_precision_loss, reason = "hours")]
            let target = duration(judged.target_seconds as f64);
            self.story.must(
                format!("{} {measured} of at most {target} (simulated)", judged.name.to_uppercase()),
                judged.met == Some(true),
                || "missed".to_owned(),
            );
        }
        self.runs.push(report);
        Ok(())
    }

    pub(crate) async fn is_production_back(&mut self, lost: &Lost) -> anyhow::Result<()> {
        self.story.chapter(&format!("Is production back? {STANDBY} against what {PRIMARY} was"));
        let west = self.stage.read(STANDBY).await?;
        self.compare(&lost.before, &west);
        let (awake, paused) = starters(&lost.before);
        self.story.check(
            format!("{awake} jobs start by themselves as they did; {paused} that were paused stay paused"),
            differences(&lost.before, &west),
        );
        let works = self.pass(HOUR * 2, STANDBY)?;
        self.story.must(
            format!(
                "in two hours {} triggers fire and {} runs begin in {STANDBY} (simulated)",
                works.fired, works.ran
            ),
            works.fired > 0 && works.ran > 0,
            || format!("{works:?}"),
        );
        Ok(())
    }
}

/// The end of a controller, a few jobs into the waking.
struct Death {
    inner: Arc<dyn Observer>,
    promotes: AtomicBool,
    changed: AtomicUsize,
    bell: Notify,
}

impl Death {
    fn new(inner: Arc<dyn Observer>) -> Self {
        Self { inner, promotes: AtomicBool::new(false), changed: AtomicUsize::new(0), bell: Notify::new() }
    }

    /// A change was made. The last one before the end rings.
    fn count(&self) {
        if self.promotes.load(Ordering::SeqCst)
            && self.changed.fetch_add(1, Ordering::SeqCst) + 1 == AWAKE_AT_DEATH
        {
            self.bell.notify_one();
        }
    }
}

impl Observer for Death {
    fn see(&self, news: News) {
        match &news {
            News::Run { progress, .. } => {
                if let Happened::Logged(RunEvent::StepBegan { step, .. }) = &progress.happened {
                    self.promotes.store(step == "promote", Ordering::SeqCst);
                }
            }
            News::Cycle(Progress::Changed { .. }) => self.count(),
            _ => {}
        }
        self.inner.see(news);
    }
}
