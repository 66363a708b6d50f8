//! Faults that a test puts between a client and the service.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinlake_base::Side;

use crate::pattern;

/// Which requests a fault meets. Empty: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultMatch {
    /// Only at this workspace.
    pub workspace: Option<String>,
    /// Only this HTTP method, or `read` or `write` for all that do so.
    pub method: Option<String>,
    /// Only paths that match one of these: `*` for one segment, `**` for any rest.
    pub paths: Vec<String>,
}

impl FaultMatch {
    fn takes(&self, workspace: &str, method: &Method, writes: bool, path: &str) -> bool {
        self.workspace.as_deref().is_none_or(|wanted| wanted == workspace)
            && self.method.as_deref().is_none_or(|wanted| match wanted {
                "read" => !writes,
                "write" => writes,
                wanted => wanted.eq_ignore_ascii_case(method.as_str()),
            })
            && (self.paths.is_empty() || self.paths.iter().any(|wanted| pattern::matches(wanted, path)))
    }
}

/// What happens to a request that a fault meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAct {
    /// Another answer.
    Answer {
        /// Its HTTP status.
        status: u16,
        /// Its body; a string is sent as text.
        #[serde(default)]
        body: Value,
        /// Its headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The connection breaks.
    Cut,
    /// No answer, ever.
    BlackHole,
    /// The answer takes this much longer.
    Slow {
        /// Milliseconds of simulated time.
        milliseconds: u64,
    },
    /// A 200 with a page to sign in.
    LoginPage,
    /// A read shows the workspace as it was.
    Stale(Staleness),
}

/// For how long reads are stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Staleness {
    /// Until this many seconds after the last write to the same service.
    UntilQuietSeconds(u64),
    /// The first read after a write to the same service.
    FirstRead,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it meets.
    #[serde(default, rename = "match")]
    pub matches: FaultMatch,
    /// How many matching requests pass first.
    #[serde(default)]
    pub after: u64,
    /// How many requests it meets; for ever if missing.
    #[serde(default)]
    pub times: Option<u64>,
    /// Before the effect, which then does not happen, or after it.
    #[serde(default = "before", with = "side")]
    pub side: Side,
    /// What happens.
    pub act: FaultAct,
}

const fn before() -> Side {
    Side::Before
}

/// `before` and `after` in JSON.
mod side {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use twinlake_base::Side;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match side {
            Side::Before => "before",
            Side::After => "after",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Side, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "before" => Ok(Side::Before),
            "after" => Ok(Side::After),
            other => Err(D::Error::custom(format!("'{other}' is neither before nor after"))),
        }
    }
}

impl Fault {
    /// A fault that meets every request, for ever, before the effect.
    #[must_use]
    pub fn new(act: FaultAct) -> Self {
        Self { matches: FaultMatch::default(), after: 0, times: None, side: Side::Before, act }
    }

    /// An error answer in the service's envelope.
    #[must_use]
    pub fn error(status: u16, error_code: &str, message: &str) -> Self {
        let body = serde_json::json!({"error_code": error_code, "message": message});
        Self::new(FaultAct::Answer { status, body, headers: BTreeMap::new() })
    }

    /// Only requests to this workspace.
    #[must_use]
    pub fn at(mut self, workspace: &str) -> Self {
        self.matches.workspace = Some(workspace.to_owned());
        self
    }

    /// Only requests with this method; `read` and `write` stand for all that do so.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.matches.method = Some(method.to_owned());
        self
    }

    /// Also requests whose path matches.
    #[must_use]
    pub fn path(mut self, pattern: &str) -> Self {
        self.matches.paths.push(pattern.to_owned());
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub const fn after(mut self, matches: u64) -> Self {
        self.after = matches;
        self
    }

    /// Meets this many requests and then no more.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Happens after the effect.
    #[must_use]
    pub const fn after_effect(mut self) -> Self {
        self.side = Side::After;
        self
    }
}

/// The faults that are in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: BTreeMap<u64, (Fault, u64)>,
    last: u64,
}

/// What the faults make of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fate {
    /// Instead of the effect.
    pub(crate) before: Option<FaultAct>,
    /// Instead of the answer.
    pub(crate) after: Option<FaultAct>,
    pub(crate) slow_before_ms: u64,
    pub(crate) slow_after_ms: u64,
    pub(crate) stale: Option<Staleness>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        self.faults.insert(self.last, (fault, 0));
        self.last
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.faults.remove(&id).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    /// The faults, each with the number of requests that matched it so far.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Fault, u64)> {
        self.faults.iter().map(|(id, (fault, seen))| (*id, fault, *seen))
    }

    /// Whether reads may be stale now, so that the past must be kept.
    pub(crate) fn keep_the_past(&self) -> bool {
        self.faults.values().any(|(fault, _)| matches!(fault.act, FaultAct::Stale(_)))
    }

    /// Counts a request and says what it meets. The oldest fault wins on each side.
    pub(crate) fn meet(&mut self, workspace: &str, method: &Method, writes: bool, path: &str) -> Fate {
        let mut fate = Fate::default();
        for (fault, seen) in self.faults.values_mut() {
            if !fault.matches.takes(workspace, method, writes, path) {
                continue;
            }
            *seen += 1;
            let number = *seen - 1;
            if number < fault.after || fault.times.is_some_and(|times| number >= fault.after + times) {
                continue;
            }
            match (&fault.act, fault.side) {
                (FaultAct::Slow { milliseconds }, Side::Before) => fate.slow_before_ms += milliseconds,
                (FaultAct::Slow { milliseconds }, Side::After) => fate.slow_after_ms += milliseconds,
                (FaultAct::Stale(staleness), _) => fate.stale = fate.stale.or(Some(*staleness)),
                (act, Side::Before) => fate.before = fate.before.or_else(|| Some(act.clone())),
                (act, Side::After) => fate.after = fate.after.or_else(|| Some(act.clone())),
            }
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_n_requests_after_m_have_passed() {
        let mut faults = Faults::default();
        faults.add(
            Fault::error(429, "REQUEST_LIMIT_EXCEEDED", "slow down")
                .path("/api/2.2/jobs/*")
                .after(1)
                .times(2),
        );
        let mut meet = |path: &str| faults.meet("east", &Method::GET, false, path).before.is_some();
        assert!(!meet("/api/2.2/jobs/list"));
        assert!(!meet("/api/2.1/clusters/list"));
        assert!(meet("/api/2.2/jobs/list"));
        assert!(meet("/api/2.2/jobs/get"));
        assert!(!meet("/api/2.2/jobs/list"));
    }

    #[test]
    fn a_fault_is_readable_json() {
        let text = r#"{"match": {"method": "write"}, "times": 1, "side": "after", "act": "cut"}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault, Fault::new(FaultAct::Cut).method("write").times(1).after_effect());
    }
}
