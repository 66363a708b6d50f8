//! The ledger of runs: what ran at a primary, asked for in every cycle, because a lost primary cannot be asked.

use std::collections::BTreeSet;
use std::time::Duration;

use twinlake_assets::activities::ACTIVITIES;
use twinlake_base::Timestamp;
use twinlake_databricks::Client;
use twinlake_model::{Place, RemoteId};

use crate::{ControllerError, House};

/// How far a look goes back before the last one: a run may be listed a moment after it began.
const OVERLAP: Duration = Duration::from_secs(120);
/// How far back the first look goes.
const FIRST_LOOK: Duration = Duration::from_secs(24 * 3600);
/// How long ended runs are remembered.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Asks a place what ran there since the last look, what still runs, and how that ended which ran at the last look.
///
/// # Errors
/// When it could not be asked, or the state could not be written. Nothing is forgotten then.
pub(crate) async fn look(house: &House, place: &Place, client: &Client) -> Result<(), ControllerError> {
    let store = &house.store;
    let now = house.setup.clock.now();
    let reader = client.reader();
    let ids = store.id_map(&place.set).await?;
    let from = match store.last_ledger_look(place).await? {
        Some(last) => before(last, OVERLAP),
        None => before(now, FIRST_LOOK),
    };
    let open = store.active_runs(place).await?;
    let mut seen = Vec::new();
    for activity in ACTIVITIES {
        let failed = |source| ControllerError::Activity {
            what: activity.plural().to_owned(),
            place: place.clone(),
            source: Box::new(source),
        };
        let history = activity.since(&reader, from).await.map_err(failed)?;
        let mut runs = history.runs;
        runs.extend(activity.active(&reader).await.map_err(failed)?);
        let mut known: BTreeSet<RemoteId> = runs.iter().map(|run| run.id.clone()).collect();
        for run in open.iter().filter(|run| run.activity == activity.name()) {
            if known.insert(run.id.clone()) {
                match activity.read(&reader, &run.id).await.map_err(failed)? {
                    Some(run) => runs.push(run),
                    // It is gone from the history, so it ended; how, nobody can say any more.
                    None => seen.push(twinlake_model::SeenRun {
                        ended_at: Some(now),
                        seen_at: now,
                        state: "GONE".to_owned(),
                        ..run.clone()
                    }),
                }
            }
        }
        seen.extend(runs.into_iter().map(|run| run.seen(*activity, place, &ids, now)));
    }
    store.put_seen_runs(place, now, &seen).await?;
    store.forget_seen_runs(place, before(now, KEPT)).await?;
    Ok(())
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
