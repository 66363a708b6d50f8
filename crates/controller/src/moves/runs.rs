//! Runs, live and past: what their logs say, and what people add to them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_model::{Digest, GroupName, SetName, SiteId, Snapshot};
use twinlake_workflow::{
    Intervention, Outcome, RunReport, RunState, Status, StepState, StepStatus, intervene,
};

use crate::moves::Parameters;
use crate::{ControllerError, House, run_log, runbooks};

/// One run, in a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: String,
    /// Its runbook.
    pub runbook: String,
    /// The group.
    pub group: GroupName,
    /// From where.
    pub from: SiteId,
    /// To where.
    pub to: SiteId,
    /// Who began it.
    pub actor: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When something last happened in it.
    pub last_at: Timestamp,
    /// `going`, `waiting`, `stopped`, `complete`, `incomplete` or `aborted`.
    pub state: &'static str,
    /// What it stands at, for people.
    pub stands: String,
    /// How many of its steps are settled.
    pub settled: usize,
    /// How many steps it has.
    pub steps: usize,
    /// Whether the world was a simulated one.
    pub simulated: bool,
}

impl RunSummary {
    /// Whether nobody can go on with it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, "complete" | "incomplete" | "aborted")
    }
}

/// A run of a group that is not over.
pub(crate) struct Unfinished {
    pub(crate) run: String,
    pub(crate) stands: String,
    /// Whether it has begun the next epoch.
    pub(crate) has_promoted: bool,
    /// The primary as it was before the run put anything to sleep.
    pub(crate) pinned: BTreeMap<SetName, Snapshot>,
    /// What it is to wake, as far as it has come.
    pub(crate) kept: BTreeMap<SetName, Snapshot>,
}

/// All runs of a group, or of all groups, oldest first.
///
/// # Errors
/// When a log cannot be read.
pub async fn runs(house: &House, group: Option<&str>) -> Result<Vec<RunSummary>, ControllerError> {
    let known: Vec<GroupName> = house.groups(group)?.iter().map(|group| group.name.clone()).collect();
    let mut all: Vec<RunSummary> = Vec::new();
    for run in run_log::all(house).await? {
        let status = status(house, &run).await?;
        if let Some(summary) = summary(&run, &status).filter(|summary| known.contains(&summary.group)) {
            all.push(summary);
        }
    }
    all.sort_by(|one, other| (one.began_at, &one.run).cmp(&(other.began_at, &other.run)));
    Ok(all)
}

/// A run, told from its log.
///
/// # Errors
/// When there is no such run, or its log cannot be read.
pub async fn report_of(house: &House, run: &str) -> Result<RunReport, ControllerError> {
    let run = find(house, run).await?;
    let log = run_log::of(house, &run).await?;
    let events = log.read(&run).await.map_err(|source| failed(source.into()))?;
    RunReport::of(&run, &events, house.setup.clock.now())
        .map_err(|source| failed(twinlake_workflow::WorkflowError::History { run, source }))
}

/// Where a run stands.
pub(crate) async fn status(house: &House, run: &str) -> Result<Status, ControllerError> {
    let log = run_log::of(house, run).await?;
    let events = log.read(run).await.map_err(|source| failed(source.into()))?;
    Status::replay(&events)
        .map_err(|source| failed(twinlake_workflow::WorkflowError::History { run: run.to_owned(), source }))
}

/// Approves what a run waits for: its proposal, or to go on without what does not wake. `by` is the name under which the
/// config asks.
///
/// # Errors
/// When no such run waits for anybody.
pub async fn approve(
    house: &House,
    run: &str,
    by: &str,
    note: Option<&str>,
) -> Result<RunSummary, ControllerError> {
    let run = find(house, run).await?;
    let status = status(house, &run).await?;
    let parameters = parameters(&run, &status)?;
    let waiting =
        status.steps.iter().find(|step| matches!(step.state, StepState::Waiting(_) | StepState::Answered));
    let Some(waiting) = waiting else {
        return Err(ControllerError::NotNow {
            what: format!("run {run} waits for nobody"),
            instead: format!("twinlake runs {run}"),
        });
    };
    let value = json!({ "approved": parameters.proposal, "note": note });
    let answer = Intervention::Answer { step: waiting.planned.name.clone(), value };
    let log = run_log::of(house, &run).await?;
    let status = intervene(log, &house.setup.clock, &run, by, answer)
        .await
        .map_err(|error| ControllerError::Run(Box::new(error)))?;
    summary(&run, &status).ok_or_else(|| not_ours(&run))
}

/// Stops a run before its next act; it can be resumed.
///
/// # Errors
/// When there is no such run, or it is over.
pub async fn stop_run(house: &House, run: &str, by: &str) -> Result<RunSummary, ControllerError> {
    let run = find(house, run).await?;
    let log = run_log::of(house, &run).await?;
    let status = intervene(log, &house.setup.clock, &run, by, Intervention::Stop)
        .await
        .map_err(|error| ControllerError::Run(Box::new(error)))?;
    summary(&run, &status).ok_or_else(|| not_ours(&run))
}

/// The run that is meant by a text: its name, the only one that begins so, or `last`.
///
/// # Errors
/// When there is none, or several.
pub(crate) async fn find(house: &House, text: &str) -> Result<String, ControllerError> {
    let all = run_log::all(house).await?;
    if all.iter().any(|run| run == text) {
        return Ok(text.to_owned());
    }
    if text == "last" {
        let mut runs = runs(house, None).await?;
        if let Some(last) = runs.pop() {
            return Ok(last.run);
        }
    }
    let like: Vec<&String> = all.iter().filter(|run| run.starts_with(text)).collect();
    match like.as_slice() {
        [only] => Ok((*only).clone()),
        [] => Err(ControllerError::NotNow {
            what: format!("there is no run {text:?}"),
            instead: "twinlake runs".to_owned(),
        }),
        several => Err(ControllerError::NotNow {
            what: format!("{} runs begin with {text:?}", several.len()),
            instead: format!("name one of them whole, such as {}", several[0]),
        }),
    }
}

/// The run of a group that is not over, if there is one: of several the one that got as far as the lease, then the latest.
pub(crate) async fn unfinished(
    house: &House,
    group: &GroupName,
) -> Result<Option<Unfinished>, ControllerError> {
    let mut found: Option<((bool, Timestamp), Unfinished)> = None;
    for run in run_log::all(house).await? {
        let status = status(house, &run).await?;
        let is_over = matches!(status.state, RunState::Ended(_) | RunState::Aborted { .. });
        let Ok(parameters) = parameters(&run, &status) else { continue };
        if is_over || parameters.group != *group {
            continue;
        }
        let rank = (has_lease(&status), status.began_at);
        if found.as_ref().is_some_and(|(found, _)| *found > rank) {
            continue;
        }
        let pinned = status.step(runbooks::PIN).and_then(|step| step.fact(runbooks::PINNED));
        let pinned = pinned.and_then(|value| serde_json::from_value(value.clone()).ok());
        let has_promoted = status.step(runbooks::EPOCH).is_some_and(|step| step.acted || is_settled(step));
        let kept = status.step(runbooks::FINAL_SYNC).and_then(|step| step.fact(runbooks::KEPT));
        let kept = kept.and_then(|value| serde_json::from_value(value.clone()).ok());
        let unfinished = Unfinished {
            stands: stands(&status),
            has_promoted,
            kept: kept.unwrap_or_else(|| parameters.kept.clone()),
            // An abort that was broken off wakes what it was begun with.
            pinned: pinned.unwrap_or(parameters.kept),
            run,
        };
        found = Some((rank, unfinished));
    }
    Ok(found.map(|(_, unfinished)| unfinished))
}

/// Another run of the group than `run` and the one that it takes the place of, which got as far as the lease and is not
/// over: it was begun at the same time, and may have put things to sleep that nobody else can tell from what people paused.
/// Gives its name and what it stands at.
pub(crate) async fn begun_before(
    house: &House,
    group: &GroupName,
    run: &str,
    about: Option<&str>,
) -> Result<Option<(String, String)>, ControllerError> {
    for other in run_log::all(house).await? {
        if other == run || Some(other.as_str()) == about {
            continue;
        }
        let status = status(house, &other).await?;
        let is_over = matches!(status.state, RunState::Ended(_) | RunState::Aborted { .. });
        let Ok(parameters) = parameters(&other, &status) else { continue };
        if !is_over && has_lease(&status) && parameters.group == *group {
            return Ok(Some((other, stands(&status))));
        }
    }
    Ok(None)
}

fn has_lease(status: &Status) -> bool {
    status.step(runbooks::TAKE_LEASE).is_some_and(is_settled)
}

/// What a run was begun with.
pub(crate) fn parameters(run: &str, status: &Status) -> Result<Parameters, ControllerError> {
    serde_json::from_value(status.began.parameters.clone()).map_err(|_| not_ours(run))
}

fn is_settled(step: &StepStatus) -> bool {
    matches!(step.state, StepState::Done { .. } | StepState::Skipped { .. })
}

fn summary(run: &str, status: &Status) -> Option<RunSummary> {
    let parameters = parameters(run, status).ok()?;
    Some(RunSummary {
        run: run.to_owned(),
        runbook: status.began.runbook.clone(),
        group: parameters.group,
        from: parameters.from,
        to: parameters.to,
        actor: status.began.actor.clone(),
        began_at: status.began_at,
        last_at: status.last_at,
        state: state(status),
        stands: stands(status),
        settled: status.steps.iter().filter(|step| is_settled(step)).count(),
        steps: status.steps.len(),
        simulated: status.began.simulated,
    })
}

fn state(status: &Status) -> &'static str {
    let waits = status.steps.iter().any(|step| matches!(step.state, StepState::Waiting(_)));
    match &status.state {
        RunState::Going if waits => "waiting",
        RunState::Going => "going",
        RunState::Stopped { .. } => "stopped",
        RunState::Ended(Outcome::Complete) => "complete",
        RunState::Ended(_) => "incomplete",
        RunState::Aborted { .. } => "aborted",
    }
}

fn stands(status: &Status) -> String {
    let at = status.steps.iter().find(|step| !is_settled(step)).map_or("its end", |step| &step.planned.name);
    match &status.state {
        RunState::Going => format!("at {at}"),
        RunState::Stopped { why, .. } => format!("stopped at {at}: {why}"),
        RunState::Ended(_) => "over".to_owned(),
        RunState::Aborted { by, reason } => format!("aborted by {by}: {reason}"),
    }
}

pub(crate) fn failed(error: twinlake_workflow::WorkflowError) -> ControllerError {
    ControllerError::Run(Box::new(error))
}

fn not_ours(run: &str) -> ControllerError {
    ControllerError::NotNow {
        what: format!("{run} is a run of another sort than those that move production"),
        instead: "twinlake runs".to_owned(),
    }
}

/// The digest that a person approves.
pub(crate) fn approved(value: &serde_json::Value) -> Option<Digest> {
    serde_json::from_value(value.get("approved")?.clone()).ok()
}
