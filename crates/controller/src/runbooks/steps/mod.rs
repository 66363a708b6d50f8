//! The steps of which runbooks are made: one file each.

pub(crate) mod approve;
pub(crate) mod at_rest;
pub(crate) mod begin_epoch;
pub(crate) mod close_window;
pub(crate) mod coarse_fence;
pub(crate) mod equality;
pub(crate) mod fence_old;
pub(crate) mod final_sync;
pub(crate) mod hooks;
pub(crate) mod keep_in_step;
mod left_asleep;
pub(crate) mod make_home;
pub(crate) mod open_window;
pub(crate) mod promote;
pub(crate) mod quiesce;
pub(crate) mod reprotect;
pub(crate) mod supersede;
pub(crate) mod take_lease;
pub(crate) mod unfinished;
pub(crate) mod untouched;
pub(crate) mod validate;

use std::time::Duration;

use twinlake_workflow::Retries;

/// For steps that ask a witness, a state, a person.
const SOON: Duration = Duration::from_secs(15 * 60);
/// For steps that read or write a whole workspace: the slowest limit and ten thousand assets are hours apart from this.
const LONG: Duration = Duration::from_secs(12 * 3600);
/// For what another controller may hold for a while, such as a sync that ends.
const PATIENT: Retries =
    Retries { attempts: 40, first_delay: Duration::from_secs(2), longest_delay: Duration::from_secs(30) };
