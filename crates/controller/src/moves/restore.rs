//! What a run's log knows and a state may not: a state that was shipped before the run went on, or another machine's.

use twinlake_lease::Term;
use twinlake_model::{Fence, GroupName};
use twinlake_store::Store;
use twinlake_workflow::Status;

use crate::moves::parameters::Parameters;
use crate::moves::window::{self, Window};
use crate::runbooks::{EPOCH, FENCES, WINDOW};
use crate::{ControllerError, House, term};

/// Takes over from a run's log which places must sleep since, which term began, and whether it can be rolled back. What
/// the state knows already, or knows better, stays.
///
/// # Errors
/// When the state cannot be read or written.
pub(crate) async fn restore(house: &House, status: &Status) -> Result<(), ControllerError> {
    let Ok(parameters) = serde_json::from_value::<Parameters>(status.began.parameters.clone()) else {
        return Ok(());
    };
    let store = &house.store;
    let Some(epoch) = status.step(EPOCH) else { return Ok(()) };
    let fences: Option<Vec<Fence>> = fact(epoch.fact(FENCES));
    for fence in fences.unwrap_or_default() {
        let known = store.fence(&fence.group, &fence.place).await?;
        if known.is_none_or(|known| known.epoch < fence.epoch) {
            store.put_fence(&fence).await?;
        }
    }
    let began: Option<Term> = fact(epoch.evidence());
    if let (Some(term), Ok([group])) = (began, house.groups(Some(parameters.group.as_str())).as_deref()) {
        let known = term::recall(store, group).await?;
        if known.is_none_or(|known| known.epoch < term.epoch) {
            term::remember(store, group, &term).await?;
        }
    }
    let window: Option<Window> = fact(status.step(WINDOW).and_then(|step| step.evidence()));
    if let Some(window) = window {
        keep_window(store, &parameters.group, &window).await?;
    }
    Ok(())
}

async fn keep_window(store: &Store, group: &GroupName, window: &Window) -> Result<(), ControllerError> {
    let known = window::of(store, group).await?;
    if known.is_none_or(|known| known.epoch < window.epoch) {
        window::keep(store, group, window).await?;
    }
    Ok(())
}

fn fact<T: serde::de::DeserializeOwned>(value: Option<&serde_json::Value>) -> Option<T> {
    serde_json::from_value(value?.clone()).ok()
}
