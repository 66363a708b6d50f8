//! What slept wakes, in waves, as it was before anything was put to sleep (P7). A wave gates the next one: it begins when
//! everything of the one before is awake, or somebody decided to go on without what does not wake.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use twinlake_base::{ErrorClass, Timestamp};
use twinlake_databricks::Policy;
use twinlake_model::safety::MoveKind;
use twinlake_model::{AssetId, Outcome, Place, Role, SetName, Snapshot, Verdict, WorkspaceSet};
use twinlake_store::{Store, StoreError};
use twinlake_workflow::{Check, Figure, Retries, Step, StepContext, StepError, Undo, Wait, Work};

use super::{LONG, left_asleep};
use crate::moves::Parameters;
use crate::moves::kept::{latest_of, sleepers};
use crate::moves::waves::{Sleeper, waves};
use crate::moves::world::{Errand, Move, refused, step_error, store_error};
use crate::runbooks::{FINAL_SYNC, KEPT};

/// How often what does not wake is tried before somebody is asked.
const ROUNDS: usize = 3;

/// By how much the dates of two machines may differ.
const DATES_DIFFER: Duration = Duration::from_secs(15 * 60);

/// The fact that says how many waves are awake.
const AWAKE: &str = "waves_awake";
/// The fact that says what does not wake.
const STUCK: &str = "stuck";

pub(crate) const STEP: Step<Move> = Step {
    name: "promote",
    title: "Promote",
    does: "wakes what slept, wave by wave, as it was before anything was put to sleep",
    phase: "promote",
    undo: Undo::UntilFirstWrite("`twinlake rollback`; once something was written there, `twinlake failback`"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &Promote,
};

struct Promote;

/// What does not wake, and in which wave.
#[derive(Serialize, Deserialize)]
struct Stuck {
    wave: usize,
    /// How many answers there were when it was found.
    answers: usize,
    /// Who drove the run then: the first time it stops, and whoever resumes it tries once more.
    driver: String,
    /// Whether somebody is asked: it did not wake for whoever resumed the run either.
    asks: bool,
    assets: Vec<Outcome>,
}

#[async_trait]
impl Work<Move> for Promote {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        if kept(context)?.is_empty() {
            return Ok(Check::Skip("nothing was put to sleep".to_owned()));
        }
        let Some(stuck) = context.fact::<Stuck>(STUCK)? else { return Ok(Check::Act) };
        let awake: usize = context.fact(AWAKE)?.unwrap_or(0);
        if !stuck.asks || stuck.wave < awake || context.answers().len() > stuck.answers {
            return Ok(Check::Act);
        }
        let first: Vec<String> =
            stuck.assets.iter().take(5).map(|one| format!("{}: {}", one.key, one.verdict)).collect();
        let question = format!(
            "{} assets of wave {} do not wake ({}); approve to go on without them",
            stuck.assets.len(),
            stuck.wave + 1,
            first.join("; ")
        );
        Ok(Check::Wait(Wait::Answer { question, about: json!(stuck) }))
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let kept = kept(context)?;
        let mut sets = Vec::new();
        for set in &group.sets {
            let Some(snapshot) = kept.get(&set.name) else { continue };
            let selection = world.selection(&parameters.to, set, &parameters.to).map_err(step_error)?;
            let mut assets = sleepers(&world.house.store, snapshot).await.map_err(store_error)?;
            assets.retain(|_, its| selection.takes(its.kinds, &its.key));
            if let Some((before, stayed)) = never_away(world, &parameters, set, &assets).await? {
                sets.push((set, before, waves(&stayed, &group.waves)));
            }
            sets.push((set, snapshot.clone(), waves(&assets, &group.waves)));
        }
        let count = sets.iter().map(|(_, _, waves)| waves.len()).max().unwrap_or(0);
        let mut awake: usize = context.fact(AWAKE)?.unwrap_or(0);
        while awake < count {
            let mut lacking = Vec::new();
            for _ in 0..ROUNDS {
                lacking.clear();
                for (set, snapshot, waves) in &sets {
                    let Some(wave) = waves.get(awake).filter(|wave| !wave.is_empty()) else { continue };
                    context.further(
                        format!("wave {} of {count}", awake + 1),
                        awake as u64,
                        Some(count as u64),
                    );
                    lacking.extend(wake(world, context, &parameters, set, snapshot, wave).await?);
                }
                if !lacking.iter().any(may_wake_yet) {
                    break;
                }
            }
            let asleep: Vec<Outcome> = lacking.iter().filter(|one| may_wake_yet(one)).cloned().collect();
            if !asleep.is_empty() && !is_let_go(context, awake)? {
                let first = format!("{}: {}", asleep[0].key, asleep[0].verdict);
                let count = asleep.len();
                let driver = context.status().owner.clone();
                let known: Option<Stuck> = context.fact(STUCK)?;
                let asks =
                    known.is_some_and(|known| known.wave == awake && (known.asks || known.driver != driver));
                let answers = context.answers().len();
                context
                    .record(STUCK, json!(Stuck { wave: awake, answers, driver, asks, assets: asleep }))
                    .await?;
                let what = format!("{count} assets of wave {} do not wake, the first is {first}", awake + 1);
                if asks {
                    // The next check asks whether to go on without them.
                    return Err(StepError::new(ErrorClass::Retryable, what));
                }
                let hint = format!(
                    "mend them, then: twinlake runs resume {}; if they do not wake then either, it asks whether to go on without them",
                    context.run()
                );
                return Err(refused(what, hint));
            }
            for outcome in &lacking {
                context.deviate(format!("not awake: {}: {}", outcome.key, outcome.verdict)).await?;
            }
            awake += 1;
            context.record(AWAKE, json!(awake)).await?;
            let since = seconds_since_outage(context, &parameters);
            context.measure(Figure::seconds(&format!("wave_{awake}_awake"), since)).await?;
        }
        left_asleep::tell(world, context, &kept).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        if parameters.from != parameters.to {
            let rto = seconds_since_outage(context, &parameters);
            context.measure(Figure::seconds(Figure::RTO, rto)).await?;
            let lost = match parameters.kind {
                MoveKind::Forced => parameters.loss.seconds(),
                _ => Some(0),
            };
            if let Some(lost) = lost {
                #[expect(clippy::cast_precision_loss, reason = "seconds of a loss are far below 2^52")]
                context.measure(Figure::seconds(Figure::RPO, lost as f64)).await?;
            }
        }
        Ok(json!({ "waves": context.fact::<usize>(AWAKE)? }))
    }
}

/// What is to wake: what a planned move kept before it put the primary to sleep, or what the run was begun with.
pub(super) fn kept(context: &StepContext) -> Result<BTreeMap<SetName, Snapshot>, StepError> {
    match context.fact_of(FINAL_SYNC, KEPT)? {
        Some(kept) => Ok(kept),
        None => Ok(context.parameters::<Parameters>()?.kept),
    }
}

/// What stands at a site that production comes back to, and never reached the site that it comes from: it was put to sleep
/// when production left, and wakes as it was then (P7). None if there is nothing of that sort.
async fn never_away(
    world: &Move,
    parameters: &Parameters,
    set: &WorkspaceSet,
    travelled: &BTreeMap<AssetId, Sleeper>,
) -> Result<Option<(Snapshot, BTreeMap<AssetId, Sleeper>)>, StepError> {
    let store = &world.house.store;
    let group = world.group_in(&parameters.to).map_err(step_error)?;
    let (here, away) = (group.place(set, &parameters.to), group.place(set, &parameters.from));
    let fence = store.fence(&group.name, &here).await.map_err(store_error)?;
    let Some(fence) = fence else { return Ok(None) };
    let Some(before) = fence.promoted_from.filter(|before| before.place == here) else { return Ok(None) };
    // What somebody deleted here meanwhile is not made anew.
    let latest = latest_of(store, &world.house.config.estate, &group, &here).await.map_err(store_error)?;
    let Some(latest) = latest else { return Ok(None) };
    let standing = sleepers(store, &latest).await.map_err(store_error)?;
    let selection = world.selection(&parameters.to, set, &parameters.to).map_err(step_error)?;
    let ids = store.id_map(&set.name).await.map_err(store_error)?;
    // What had arrived there and is gone was deleted where production was: it is nobody's to wake.
    let gone = store.tombstones(&away).await.map_err(store_error)?;
    let arrived = arrived(&world.house.store, &away, fence.since).await.map_err(store_error)?;
    let mut stayed = sleepers(store, &before).await.map_err(store_error)?;
    stayed.retain(|asset, its| {
        let was_away = travelled.contains_key(asset)
            || gone.contains_key(asset)
            || arrived.contains(asset)
            || ids.remote(asset, &away).is_some();
        !was_away && standing.contains_key(asset) && selection.takes(its.kinds, &its.key)
    });
    Ok((!stayed.is_empty()).then_some((before, stayed)))
}

/// What stood at a place when production came to it. Who promoted may have had another date than who read the place, so
/// whatever stood there about that time counts.
async fn arrived(store: &Store, place: &Place, at: Timestamp) -> Result<BTreeSet<AssetId>, StoreError> {
    let from = at.checked_sub(DATES_DIFFER).unwrap_or(at);
    let until = at.checked_add(DATES_DIFFER).unwrap_or(at);
    let mut arrived = BTreeSet::new();
    for snapshot in store.snapshots(place, u32::MAX).await? {
        if snapshot.at > until {
            continue;
        }
        for digest in snapshot.manifests.values() {
            arrived.extend(store.manifest(*digest).await?.entries.into_iter().map(|entry| entry.asset));
        }
        if snapshot.at < from {
            break;
        }
    }
    Ok(arrived)
}

/// Wakes some assets of a workspace. Gives what is not as it was.
async fn wake(
    world: &Move,
    context: &StepContext,
    parameters: &Parameters,
    set: &WorkspaceSet,
    snapshot: &Snapshot,
    wave: &BTreeSet<AssetId>,
) -> Result<Vec<Outcome>, StepError> {
    let errand = Errand {
        set,
        // A snapshot of the very site that wakes: it was put to sleep, and wakes in its place.
        source: &snapshot.place.site,
        target: &parameters.to,
        role: Role::Primary,
        kept: Some(snapshot.clone()),
        only: Some(Arc::new(wave.clone())),
        selection: None,
        policy: Policy::PATIENT,
    };
    let report = world.run(context, errand).await?;
    let lacks = |outcome: &Outcome| {
        !matches!(outcome.verdict, Verdict::InSync | Verdict::Drifted { .. } | Verdict::Unmanaged { .. })
    };
    Ok(report.outcomes.into_iter().filter(|one| wave.contains(&one.asset) && lacks(one)).collect())
}

/// Whether another attempt may wake it. What was never there, or is there in part, is known, and gates nothing.
const fn may_wake_yet(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Failed { .. } | Verdict::Unknown { .. } | Verdict::Lagging { .. })
}

/// Whether somebody decided to go on without what does not wake in this wave.
fn is_let_go(context: &StepContext, wave: usize) -> Result<bool, StepError> {
    let stuck: Option<Stuck> = context.fact(STUCK)?;
    Ok(stuck.is_some_and(|stuck| stuck.wave == wave && context.answers().len() > stuck.answers))
}

fn seconds_since_outage(context: &StepContext, parameters: &Parameters) -> f64 {
    let since = parameters.outage_since.unwrap_or(context.status().began_at);
    context.clock().now().duration_since(since).as_secs_f64().max(0.0)
}
