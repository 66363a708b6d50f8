//! A group's primary term.

use serde::{Deserialize, Serialize};
use twinlake_model::{Epoch, SiteId};

/// An epoch, and where production runs in it. In one epoch there is one primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Its number.
    pub epoch: Epoch,
    /// The site.
    pub primary: SiteId,
}

impl Term {
    /// The term that comes after this one, with its primary.
    #[must_use]
    pub fn next(&self, primary: SiteId) -> Self {
        Self { epoch: Epoch(self.epoch.0.saturating_add(1)), primary }
    }
}
