//! Moving production at the terminal: what would happen is shown, somebody agrees, the run is followed, its end is told.
//!
//! | to learn | open |
//! |---|---|
//! | how a proposal is shown | [`proposal`] |
//! | how somebody agrees | [`agreement`] |
//! | how a run is followed while it goes on | [`steps`] |
//! | how its end is told, and the exit code | [`ending`] |
//! | how a run's report is shown | [`report`] |
//! | how the tail of a returned site is shown | [`tail`] |

pub(crate) mod agreement;
pub(crate) mod ending;
pub(crate) mod proposal;
pub(crate) mod report;
pub(crate) mod steps;
pub(crate) mod tail;

use std::sync::Arc;

use serde_json::json;
use twinlake_controller::{Consent, ControllerError, House, Moved, Wish, begin, propose, resume};
use twinlake_model::GroupName;

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::moving::proposal::Shown;
use crate::moving::steps::StepLines;
use crate::verbs::failover::AgreedArgs;
use crate::verbs::sync::stopping;

/// A move that somebody asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What is wished.
    pub(crate) wish: Wish,
    /// Agreed beforehand, within the rules.
    pub(crate) yes: bool,
    /// Only show it.
    pub(crate) plan: bool,
    /// What was typed, without `--yes` and `--plan`: what has to be typed again is told with it.
    pub(crate) command: String,
}

/// Proposes a move, has somebody agree, drives it as far as it goes, and tells what came of it.
pub(crate) async fn carry_out(house: &House, asked: Asked, face: &Face) -> anyhow::Result<Exit> {
    let proposal = propose(house, &asked.wish).await?;
    let group = house.groups(Some(proposal.group.as_str()))?[0];
    let shown = Shown { simulated: house.setup().simulated, has_hooks: !group.safety.hooks.is_empty() };
    let shown = proposal::text(&proposal, shown, face.paint());
    if asked.plan {
        face.answer(&json!({ "proposal": proposal::json(&proposal) }), |_| shown)?;
        return Ok(if proposal.objections.is_empty() { Exit::Done } else { Exit::Refused });
    }
    if !face.is_json() {
        crate::face::say(&format!("{shown}\n"));
    }
    let mut consent = Consent {
        by: house.setup().actor.clone(),
        typed: None,
        yes: asked.yes,
        acknowledged: asked.wish.acknowledged.clone(),
    };
    // What a rule is against nobody is asked about.
    if proposal.objections.is_empty() && !asked.yes {
        consent.typed = Some(agreement::ask(&proposal.group, &asked.command, face).await?);
    }
    let lines = Arc::new(StepLines::new(*face, house.setup().clock.clone(), &proposal.steps));
    let moved = stopping(face, async |stop| {
        Ok(begin(house, &asked.wish, &proposal, &consent, &stop, lines.clone()).await?)
    })
    .await;
    lines.end();
    end(&moved?, &proposal::json(&proposal), face)
}

/// Goes on with a run.
pub(crate) async fn go_on(house: &House, run: &str, face: &Face) -> anyhow::Result<Exit> {
    let report = twinlake_controller::report_of(house, run).await?;
    let outline: Vec<_> = report.steps.iter().map(|step| step.planned.clone()).collect();
    let lines = Arc::new(StepLines::new(*face, house.setup().clock.clone(), &outline));
    let by = house.setup().actor.clone();
    let moved =
        stopping(face, async |stop| Ok(resume(house, &report.run, &by, &stop, lines.clone()).await?)).await;
    lines.end();
    end(&moved?, &serde_json::Value::Null, face)
}

fn end(moved: &Moved, proposal: &serde_json::Value, face: &Face) -> anyhow::Result<Exit> {
    let document =
        json!({ "proposal": proposal, "run": moved.run, "ended": moved.ended, "report": moved.report });
    face.answer(&document, |paint| ending::text(moved, paint))?;
    Ok(ending::exit(&moved.ended))
}

/// Carries out a runbook that takes nothing but its group.
pub(crate) async fn in_place(
    runbook: &str,
    command: &str,
    group: Option<&str>,
    agreed: AgreedArgs,
    config: &ConfigArgs,
    face: &Face,
) -> anyhow::Result<Exit> {
    let house = estate::open(config).await?;
    let group = the_group(&house, group)?;
    let wish = Wish { group: Some(group.to_string()), runbook: runbook.to_owned(), ..Wish::default() };
    let command = format!("{command} {group}");
    carry_out(&house, Asked { wish, yes: agreed.yes, plan: agreed.plan, command }, face).await
}

/// The one group that is meant.
pub(crate) fn the_group(house: &House, name: Option<&str>) -> Result<GroupName, ControllerError> {
    match house.groups(name)?.as_slice() {
        [only] => Ok(only.name.clone()),
        several => Err(ControllerError::NotNow {
            what: "there are several groups, and each moves by itself".to_owned(),
            instead: format!(
                "name one of them: {}",
                several.iter().map(|group| group.name.to_string()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}
