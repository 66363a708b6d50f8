//! The table of activities: what may be running at a workspace and is no asset.
//!
//! Adding one is one file here and two lines below: its `mod` and its row. Nothing outside its file knows an activity
//! by name.

pub mod job_runs;

use crate::Activity;

/// Every activity that is looked for.
pub static ACTIVITIES: &[&dyn Activity] = &[&job_runs::ACTIVITY];

/// The activity of this name, if it is looked for.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Activity> {
    ACTIVITIES.iter().copied().find(|activity| activity.name() == name)
}

#[cfg(test)]
mod tests;
