//! What a workspace was before the last writes, for reads that are to be stale.
//!
//! The past is kept only while a fault asks for it. A shadow is taken before the first write to a service after the
//! service's reads were last in step, and lives until they are in step again.

use std::collections::BTreeMap;

use crate::faults::Staleness;
use crate::workspace::Workspace;

/// The past, by workspace and service.
#[derive(Default)]
pub(crate) struct Shadows(BTreeMap<(usize, &'static str), Shadow>);

struct Shadow {
    past: Workspace,
    last_write_ms: i64,
}

impl Shadows {
    /// A write to a service is about to happen.
    pub(crate) fn before_write(
        &mut self,
        at: usize,
        service: &'static str,
        present: &Workspace,
        now_ms: i64,
    ) {
        self.0
            .entry((at, service))
            .or_insert_with(|| Shadow { past: present.clone(), last_write_ms: now_ms })
            .last_write_ms = now_ms;
    }

    /// The workspace that a stale read of a service is to see, if not the present one.
    pub(crate) fn past(
        &mut self,
        at: usize,
        service: &'static str,
        staleness: Staleness,
        now_ms: i64,
    ) -> Option<Workspace> {
        match staleness {
            Staleness::FirstRead => self.0.remove(&(at, service)).map(|shadow| shadow.past),
            Staleness::UntilQuietSeconds(seconds) => {
                let shadow = self.0.get(&(at, service))?;
                if now_ms < shadow.last_write_ms + crate::stage::seconds_ms(seconds) {
                    return Some(shadow.past.clone());
                }
                self.0.remove(&(at, service));
                None
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
