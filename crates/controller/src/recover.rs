//! `recover-state`: on a bare machine, the state from where it was shipped to, and the runs that went on after it.

use serde::Serialize;
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_config::Config;
use twinlake_store::{AuditEntry, Store, StoreOptions};
use twinlake_vault::{Choice, Key, RecoverOptions, Recovered};

use crate::moves::restore::restore;
use crate::moves::runs;
use crate::places::{self, Places};
use crate::{ControllerError, House, Setup, house};

/// What is asked of a recovery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// From which place, where they disagree: a site's name, or `witness`. None: the newest of all.
    pub from: Option<String>,
    /// Which generation there. None: its newest.
    pub generation: Option<u64>,
}

/// What was recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecoveredState {
    /// The state file.
    pub path: String,
    /// From which place.
    pub from: String,
    /// Its number there.
    pub generation: u64,
    /// When it was shipped.
    pub shipped_at: Timestamp,
    /// By whom.
    pub shipped_by: String,
    /// How many rows its audit has; all of them were verified.
    pub audit_rows: u64,
    /// The runs that had gone on after it was shipped, with how many events of each were taken over.
    pub runs: Vec<(String, u64)>,
    /// What people should know about it.
    pub remarks: Vec<String>,
}

/// Puts the newest state of all places where the config wants it, which must be free.
///
/// # Errors
/// When no place has a state that can be opened and verified, they disagree and nobody chose, or a state is there already.
pub async fn recover_state(
    config: &Config,
    setup: &Setup,
    recovery: &Recovery,
) -> Result<RecoveredState, ControllerError> {
    let key =
        places::key_of(config, setup)?.filter(Key::can_open).ok_or_else(|| ControllerError::NotNow {
            what: "the config names no `state_key` with an identity, so what was shipped cannot be opened"
                .to_owned(),
            instead:
                "state_key: { recipients: [age1…], identity: env:NAME }, and the escrowed identity in NAME"
                    .to_owned(),
        })?;
    let (locations, closed) = Places { config, setup }.all();
    let choice = recovery.from.clone().map(|location| Choice { location, generation: recovery.generation });
    house::make_own_folder(&config.local_state)?;
    let options = RecoverOptions { choice, clock: setup.clock.clone(), gate: setup.gate.clone() };
    let recovered = twinlake_vault::recover(&locations, &key, &config.local_state, options)
        .await
        .map_err(places::vault_error)?;
    let store_options = StoreOptions { clock: setup.clock.clone(), gate: setup.gate.clone() };
    let store = Store::open(&config.local_state, store_options).await?;
    let entry = AuditEntry {
        at: setup.clock.now(),
        actor: setup.actor.clone(),
        action: "state.recovered".to_owned(),
        subject: format!("generation {} of {}", recovered.generation, recovered.location),
        detail: json!({ "shipped_by": recovered.shipped_by, "audit_rows": recovered.audit_rows }),
    };
    store.append_audit(&entry).await?;
    // Opening it as an estate proves that it is this one's.
    let house = House::over(store, config.clone(), setup.clone()).await?;
    for run in &recovered.runs {
        restore(&house, &runs::status(&house, &run.run).await?).await?;
    }
    let mut told = told(recovered);
    told.remarks.extend(closed.into_iter().map(|(place, error)| format!("{place} was not asked: {error}")));
    Ok(told)
}

fn told(recovered: Recovered) -> RecoveredState {
    RecoveredState {
        path: recovered.path.display().to_string(),
        from: recovered.location,
        generation: recovered.generation,
        shipped_at: recovered.shipped_at,
        shipped_by: recovered.shipped_by,
        audit_rows: recovered.audit_rows,
        runs: recovered.runs.into_iter().map(|run| (run.run, run.events)).collect(),
        remarks: recovered.remarks.iter().map(ToString::to_string).collect(),
    }
}
