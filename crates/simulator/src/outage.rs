//! A region that is down: what clients see of it, and whether life goes on behind.

use serde::{Deserialize, Serialize};

/// What clients see of a region that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// Connections are refused: nothing was sent.
    Refused,
    /// Requests are never answered.
    BlackHole,
    /// 503, after a while.
    Unavailable {
        /// Milliseconds until the answer.
        after_ms: u64,
    },
    /// Reads are answered; writes fail with 503.
    ReadsOnly,
    /// 200 with a page to sign in.
    LoginPage,
    /// Every second API answers with 503.
    HalfTheApis,
    /// Clients see nothing of it.
    Reachable,
}

/// A region that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// What clients see.
    pub appearance: Appearance,
    /// Nothing happens inside either: clusters and runs stand still and take so much longer, schedules are missed for good.
    /// Otherwise only the way in is cut. Machines survive it, unless they are [lost](crate::Simulator::lose_machines).
    #[serde(default)]
    pub life_stops: bool,
}

impl Outage {
    /// Nobody gets in; inside, life goes on.
    #[must_use]
    pub const fn cut_off(appearance: Appearance) -> Self {
        Self { appearance, life_stops: false }
    }

    /// The lights are out: nobody gets in, and inside everything stands still.
    #[must_use]
    pub const fn dark() -> Self {
        Self { appearance: Appearance::Refused, life_stops: true }
    }

    /// Whether a request of an outsider would get through to a service.
    pub(crate) fn lets_through(&self, service: &str, writes: bool) -> bool {
        match self.appearance {
            Appearance::Reachable => true,
            Appearance::ReadsOnly => !writes,
            // By name, so that the same half fails on every run.
            Appearance::HalfTheApis => {
                matches!(service, "workspace" | "clusters" | "me" | "wellknown" | "policies")
            }
            _ => false,
        }
    }
}
