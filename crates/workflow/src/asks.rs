//! The wish that a run stop, from within its own process: Ctrl-C, a shutdown.

use std::sync::Arc;

use tokio::sync::watch;

/// What is wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Stop resumable.
    Stop {
        /// Who wishes it.
        by: String,
    },
    /// Stop for good.
    Abort {
        /// Who wishes it.
        by: String,
        /// Why.
        reason: String,
    },
}

/// Carries a wish from whoever has it to the engine and its steps. Clones share it; the first wish counts.
#[derive(Clone, Debug)]
pub struct Asks(Arc<watch::Sender<Option<Ask>>>);

impl Default for Asks {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Asks {
    /// Asks. No step begins from here on, and waiting ends at once; the step under way is told, and is given a while.
    pub fn ask(&self, ask: Ask) {
        self.0.send_if_modified(|wish| {
            let first = wish.is_none();
            if first {
                *wish = Some(ask);
            }
            first
        });
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> Option<Ask> {
        self.0.borrow().clone()
    }

    /// Ends when something is asked.
    pub async fn wait(&self) {
        let mut wishes = self.0.subscribe();
        // The sender lives as long as self, so this cannot fail while it is waited for.
        let _ = wishes.wait_for(Option::is_some).await;
    }
}
