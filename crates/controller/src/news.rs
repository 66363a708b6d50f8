//! What an operation is doing, for whoever watches.

use std::sync::Arc;

use twinlake_base::Timestamp;
use twinlake_model::GroupName;
use twinlake_sync::{Progress, Watch};

use crate::legs::Leg;

/// One thing that has just happened.
#[derive(Clone, Debug)]
pub enum News {
    /// Another controller's lease is being waited out.
    Waiting {
        /// For which group.
        group: GroupName,
        /// Who held it last.
        holder: String,
        /// Until when, if it does not show itself.
        until: Timestamp,
    },
    /// A leg begins.
    Leg(Leg),
    /// A run that moves production goes on.
    Run {
        /// Of which group.
        group: GroupName,
        /// What happened in it.
        progress: twinlake_workflow::Progress,
    },
    /// A cycle goes on.
    Cycle(Progress),
}

/// Somebody who watches.
pub trait Observer: Send + Sync {
    /// Is told of everything that happens. Must not block.
    fn see(&self, news: News);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn see(&self, _: News) {}
}

/// A cycle's watch that passes everything on.
pub(crate) struct Relay(pub(crate) Arc<dyn Observer>);

impl Watch for Relay {
    fn see(&self, progress: Progress) {
        self.0.see(News::Cycle(progress));
    }
}

/// A cycle's watch that passes everything on.
pub(crate) fn relay(observer: &Arc<dyn Observer>) -> Arc<dyn Watch> {
    Arc::new(Relay(observer.clone()))
}
