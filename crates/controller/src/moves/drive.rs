//! Beginning a run, and going on with one.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use twinlake_model::safety::MoveKind;
use twinlake_model::{FailoverGroup, GroupName};
use twinlake_store::AuditEntry;
use twinlake_workflow::{
    Ask, Asks, Begin, Ending, Engine, Objectives, Outcome, Progress, Retries, RunReport, Runbook, StepState,
    Watch,
};

use crate::moves::restore::restore;
use crate::moves::runs::{self, failed};
use crate::moves::world::{Move, UnderLease};
use crate::moves::{Consent, Parameters, Proposal, Wish};
use crate::shipping::Shipped;
use crate::{ControllerError, House, News, Observer, Stop, run_log, runbooks, shipping};

/// How long a step that is under way may go on once somebody asked to stop.
const GRACE: Duration = Duration::from_secs(60);

/// What came of driving a run.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// The run.
    pub run: String,
    /// How the drive ended.
    pub ended: Ended,
    /// The whole run, told from its log. None where nothing was logged.
    pub report: Option<RunReport>,
    /// Where the state of the controller was shipped to afterwards.
    pub shipped: Vec<Shipped>,
}

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum Ended {
    /// The run is over, and everything was done.
    Complete,
    /// The run is over, and something was left out.
    Incomplete,
    /// It can be resumed.
    Stopped {
        /// Why it stopped.
        why: String,
        /// The next command to run.
        hint: String,
    },
    /// It waits for somebody.
    Waiting {
        /// For what.
        question: String,
        /// The next command to run.
        hint: String,
    },
    /// It was ended by somebody.
    Aborted {
        /// Why.
        why: String,
    },
    /// Another controller drives it.
    Superseded,
    /// A rule of ours says no; nothing was done.
    Refused {
        /// Which.
        why: String,
        /// The next command to run.
        hint: Option<String>,
    },
}

/// Begins the run that was proposed, and drives it as far as it goes.
///
/// # Errors
/// When the operator does not agree, a safety rule is against it, or the run's log cannot be written.
pub async fn begin(
    house: &House,
    wish: &Wish,
    proposal: &Proposal,
    consent: &Consent,
    stop: &Stop,
    observer: Arc<dyn Observer>,
) -> Result<Moved, ControllerError> {
    consent.judge(proposal)?;
    let house = &house.now().await?;
    let runbook = the_runbook(&proposal.runbook)?;
    let group = house.groups(Some(proposal.group.as_str()))?[0].clone();
    let run = house.new_run(runbook.name).to_string();
    let entry = AuditEntry {
        at: house.setup.clock.now(),
        actor: consent.by.clone(),
        action: format!("{}.began", runbook.name),
        subject: format!("{}: {} to {}", proposal.group, proposal.from, proposal.to),
        detail: json!({
            "run": run, "epoch": proposal.epoch, "proposal": proposal.digest,
            "loss_seconds": proposal.loss.seconds(), "acknowledged": wish.acknowledged,
        }),
    };
    house.store.append_audit(&entry).await?;
    let parameters = proposal.parameters(wish);
    let drive = Drive { house, group: &group, parameters: &parameters, run: &run, by: &consent.by };
    let begin = Begin {
        parameters: json!(parameters),
        actor: consent.by.clone(),
        objectives: objectives(&group),
        simulated: house.setup.simulated,
    };
    drive.go(runbook, Some(begin), stop, observer).await
}

/// Goes on with a run that was stopped, waits, or whose controller is gone.
///
/// # Errors
/// When there is no such run, or its log cannot be read or written.
pub async fn resume(
    house: &House,
    run: &str,
    by: &str,
    stop: &Stop,
    observer: Arc<dyn Observer>,
) -> Result<Moved, ControllerError> {
    let house = &house.now().await?;
    let run = runs::find(house, run).await?;
    let status = runs::status(house, &run).await?;
    let parameters = runs::parameters(&run, &status)?;
    let runbook = the_runbook(&status.began.runbook)?;
    restore(house, &status).await?;
    let group = house.groups(Some(parameters.group.as_str()))?[0].clone();
    let drive = Drive { house, group: &group, parameters: &parameters, run: &run, by };
    drive.go(runbook, None, stop, observer).await
}

fn the_runbook(name: &str) -> Result<&'static Runbook<Move>, ControllerError> {
    runbooks::find(name).ok_or_else(|| ControllerError::NotNow {
        what: format!("this version of Twinlake has no runbook {name}"),
        instead: "go on with the version that began the run".to_owned(),
    })
}

fn objectives(group: &FailoverGroup) -> Objectives {
    Objectives {
        rpo_seconds: Some(group.objectives.rpo.as_secs()),
        rto_seconds: Some(group.objectives.rto.as_secs()),
    }
}

/// One drive of one run.
struct Drive<'a> {
    house: &'a House,
    group: &'a FailoverGroup,
    parameters: &'a Parameters,
    run: &'a str,
    by: &'a str,
}

impl Drive<'_> {
    async fn go(
        &self,
        runbook: &'static Runbook<Move>,
        begin: Option<Begin>,
        stop: &Stop,
        observer: Arc<dyn Observer>,
    ) -> Result<Moved, ControllerError> {
        let Self { house, run, .. } = *self;
        let world = Arc::new(
            Move::new(house.clone(), self.group.name.clone(), observer.clone())
                .without_witness(!self.parameters.without_witness.is_empty()),
        );
        let asks = Asks::default();
        let setup = &house.setup;
        let name = format!("{} (process {})", setup.actor, std::process::id());
        let log = run_log::to(house, &self.parameters.to).await?;
        let engine = Engine::new(log, setup.clock.clone(), setup.entropy.clone(), name)
            .permitted_by(Arc::new(UnderLease(world.clone())))
            .watched_by(Arc::new(Relay(observer, self.group.name.clone())))
            .asked_through(asks.clone(), GRACE);
        let driving = async {
            match begin {
                Some(begin) => engine.begin(runbook, &*world, run, begin).await,
                None => {
                    self.take_lease_again(&world).await;
                    engine.resume(runbook, &*world, run, self.by).await
                }
            }
        };
        tokio::pin!(driving);
        let ending = tokio::select! {
            ending = &mut driving => ending,
            () = stop.asked() => {
                asks.ask(Ask::Stop { by: self.by.to_owned() });
                driving.await
            }
        };
        world.end().await;
        let mut ended = ended(run, ending.map_err(failed)?);
        if let Ended::Stopped { hint, .. } = &mut ended
            && self.may_give_up().await
        {
            let (from, group) = (&self.parameters.from, &self.group.name);
            *hint = format!("{hint}; or, if {from} is lost: twinlake failover {group} --forced");
        }
        self.audit(runbook.name, &ended).await?;
        let report = runs::report_of(house, run).await.ok();
        let shipped = shipping::ship(house).await;
        Ok(Moved { run: run.to_owned(), ended, report, shipped })
    }

    /// A run that took the lease before needs it again in this process. If it cannot be had, the step that needs it says
    /// why.
    async fn take_lease_again(&self, world: &Move) {
        let Ok(status) = runs::status(self.house, self.run).await else { return };
        let took = status.step(runbooks::TAKE_LEASE).is_some_and(|step| step.evidence().is_some());
        if took {
            for site in [&self.parameters.from, &self.parameters.to] {
                if let Ok(tenure) = world.lease(site).await {
                    // If its row cannot be had, the step that writes there says why.
                    let _ = tenure.at(self.house, &self.parameters.to).await;
                    return;
                }
            }
        }
    }

    /// Whether a planned move failed on the way, so that its primary may be lost, and has promoted nothing yet.
    async fn may_give_up(&self) -> bool {
        let Ok(status) = runs::status(self.house, self.run).await else { return false };
        let has_failed = status.current().is_some_and(
            |(_, step)| matches!(&step.state, StepState::Failed { class, .. } if Retries::helps(*class)),
        );
        let has_begun = status.step(runbooks::EPOCH).is_none_or(|step| step.acted);
        let is_planned = matches!(self.parameters.kind, MoveKind::Switchover | MoveKind::Failback);
        has_failed && is_planned && !has_begun
    }

    async fn audit(&self, runbook: &str, ended: &Ended) -> Result<(), ControllerError> {
        let entry = AuditEntry {
            at: self.house.setup.clock.now(),
            actor: self.by.to_owned(),
            action: format!("{runbook}.{}", ended.word()),
            subject: format!("{}: {} to {}", self.group.name, self.parameters.from, self.parameters.to),
            detail: json!({ "run": self.run, "result": ended }),
        };
        self.house.store.append_audit(&entry).await?;
        Ok(())
    }
}

impl Ended {
    /// In a word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Stopped { .. } => "stopped",
            Self::Waiting { .. } => "waiting",
            Self::Aborted { .. } => "aborted",
            Self::Superseded => "superseded",
            Self::Refused { .. } => "refused",
        }
    }
}

fn ended(run: &str, ending: Ending) -> Ended {
    let resume = || format!("twinlake runs resume {run}");
    match ending {
        Ending::Ended(Outcome::Complete) => Ended::Complete,
        Ending::Ended(_) => Ended::Incomplete,
        Ending::Stopped { why, hint, .. } => {
            let hint = match hint {
                Some(hint) if !hint.contains(" runs resume ") => format!("{hint}; then {}", resume()),
                Some(hint) => hint,
                None => resume(),
            };
            Ended::Stopped { why, hint }
        }
        Ending::Waiting { wait, .. } => match wait {
            twinlake_workflow::Wait::Answer { question, .. } => {
                Ended::Waiting { question, hint: format!("twinlake approve {run} --by NAME") }
            }
            twinlake_workflow::Wait::Until { at, why } => {
                Ended::Waiting { question: format!("{why} (until {at:.0})"), hint: resume() }
            }
        },
        Ending::Aborted { reason, .. } => Ended::Aborted { why: reason },
        Ending::Superseded => Ended::Superseded,
        Ending::Refused(refusal) => Ended::Refused { why: refusal.reason, hint: refusal.hint },
    }
}

/// A run's watch that passes everything on.
struct Relay(Arc<dyn Observer>, GroupName);

impl Watch for Relay {
    fn see(&self, progress: Progress) {
        self.0.see(News::Run { group: self.1.clone(), progress });
    }
}
