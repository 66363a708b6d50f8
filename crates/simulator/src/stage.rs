//! Where a service acts: one workspace, at one moment, on somebody's behalf.

use std::borrow::Cow;
use std::sync::Arc;

use twinlake_base::Entropy;

use crate::agenda::{Agenda, Event};
use crate::effects::{Deed, Effect, EffectLog};
use crate::settings::Settings;
use crate::workspace::Workspace;

/// The actor of what the service does by itself.
pub(crate) const SERVICE: &str = "service";

/// One workspace and what it needs of the account around it.
pub(crate) struct Stage<'s> {
    pub(crate) ws: &'s mut Workspace,
    pub(crate) agenda: &'s mut Agenda,
    pub(crate) effects: &'s mut EffectLog,
    pub(crate) entropy: &'s Entropy,
    pub(crate) settings: &'s Settings,
    /// Epoch milliseconds.
    pub(crate) now: i64,
    pub(crate) actor: Arc<str>,
    /// The workspace's place in the account.
    pub(crate) at: usize,
}

impl Stage<'_> {
    /// Records what happened.
    pub(crate) fn effect(
        &mut self,
        deed: Deed,
        kind: &'static str,
        id: impl ToString,
        detail: impl Into<String>,
    ) {
        self.effects.push(Effect {
            number: 0,
            at_ms: self.now,
            workspace: Arc::clone(&self.ws.name),
            actor: Arc::clone(&self.actor),
            deed,
            kind: Cow::Borrowed(kind),
            id: id.to_string(),
            detail: detail.into(),
        });
    }

    /// Enters something that is due after some seconds.
    pub(crate) fn after_seconds(&mut self, seconds: u64, event: Event) {
        self.at_ms(self.now + seconds_ms(seconds), event);
    }

    /// Enters something that is due at a moment.
    pub(crate) fn at_ms(&mut self, due_ms: i64, event: Event) {
        self.agenda.enter(due_ms, self.at, event);
    }

    /// A new int64 id: large, without meaning, exact in a double (the web pages of the service are written in JavaScript).
    pub(crate) fn mint_int64(&self) -> i64 {
        i64::try_from(100_000_000_000_000 + self.entropy.below(1_000_000_000_000_000)).unwrap_or(i64::MAX)
    }
}

/// Seconds as milliseconds.
pub(crate) fn seconds_ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX / 4)
}
