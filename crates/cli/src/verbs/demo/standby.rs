//! The first act: a standby is made, proven equal and asleep, and kept in step.

use std::time::Duration;

use twinlake_base::Timestamp;
use twinlake_controller::status;
use twinlake_simulator::{Activity, Deed, EffectQuery};

use crate::verbs::demo::comparison::compare;
use crate::verbs::demo::people::{Work, work};
use crate::verbs::demo::reading::Reading;
use crate::verbs::demo::scene::{Demo, HOUR, PRIMARY, STANDBY, has_job, verdicts};
use crate::verbs::demo::sleep::awake;
use crate::verbs::demo::stage::Stage;
use crate::verbs::sim::people::seed;
use crate::words::{count, duration, time};

/// Longer than the grace of a deletion.
const A_DAY_AND_AN_HOUR: Duration = Duration::from_secs(25 * 3600);
const A_MONTH: Duration = Duration::from_secs(30 * 86_400);

impl Demo {
    pub(crate) async fn two_regions(&mut self, size: u32, estate_seed: u64) -> anyhow::Result<()> {
        self.story.chapter("Two regions of a simulated account");
        for workspace in &self.stage.served.workspaces {
            let role =
                if workspace.info.name == PRIMARY { "production runs here" } else { "stands by, empty" };
            let place = format!("{} {}", workspace.info.cloud.name(), workspace.info.region);
            self.story.tell(&format!("{}  {place}  {}  {role}", workspace.info.name, workspace.url));
        }
        let control = self.stage.control()?;
        let size = usize::try_from(size)?;
        let seeded = seed(&control, PRIMARY, size, estate_seed).await?;
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

    pub(crate) async fn first_sync(&mut self) -> anyhow::Result<()> {
        self.story.chapter("The first sync");
        let leg = self.sync().await?;
        self.story.must("the first sync is complete", leg.complete, || verdicts(&leg));
        Ok(())
    }

    pub(crate) async fn is_equal(&mut self) -> anyhow::Result<Reading> {
        self.story.chapter("Is the copy equal? Both sites read back by plain GETs, not by what wrote them");
        let (primary, standby) = (self.stage.read(PRIMARY).await?, self.stage.read(STANDBY).await?);
        self.compare(&primary, &standby);
        Ok(primary)
    }

    pub(crate) async fn is_asleep(&mut self, began: Timestamp) -> anyhow::Result<()> {
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

    pub(crate) async fn a_day_of_work(&mut self, before: &Reading) -> anyhow::Result<()> {
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

    pub(crate) async fn quiet_sync(&mut self) -> anyhow::Result<()> {
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

    pub(crate) async fn a_month(&mut self) -> anyhow::Result<()> {
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
