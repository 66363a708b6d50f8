//! Request limits per API family: the service's own table, apart from any client's.
//!
//! A family is a token bucket per workspace that holds one second's worth. Published figures are from the Azure
//! "resource limits" page (<https://learn.microsoft.com/azure/databricks/resources/limits>), read May 2026;
//! what is not published is not limited here unless a test says so.

use std::collections::BTreeMap;

use http::Method;
use serde::{Deserialize, Serialize};

/// One family: the requests that share a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// What the family is called: `jobs/create`.
    pub family: String,
    /// Path patterns, `*` for one segment, perhaps after a method: `/api/*/jobs/create`, `GET /api/*/jobs/**`. A request
    /// belongs to the first family of the table that it matches.
    pub paths: Vec<String>,
    /// Requests per second.
    pub per_second: f64,
}

/// The limits of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// In order: the first match counts.
    pub families: Vec<Limit>,
    /// Whether a 429 says how long to wait. The service is known to leave it out.
    pub retry_after: bool,
}

impl Limits {
    /// No limits.
    #[must_use]
    pub const fn off() -> Self {
        Self { families: Vec::new(), retry_after: true }
    }

    /// The published ones.
    #[must_use]
    pub fn published() -> Self {
        let limit = |family: &str, paths: &[&str], per_second: f64| Limit {
            family: family.to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            per_second,
        };
        Self {
            families: vec![
                limit("jobs/create", &["/api/*/jobs/create"], 20.0),
                limit("jobs/run-now", &["/api/*/jobs/run-now"], 20.0),
                limit("jobs/runs/get", &["/api/*/jobs/runs/get"], 100.0),
                limit("jobs/runs/submit", &["/api/*/jobs/runs/submit"], 35.0),
                limit("workspace/export", &["/api/*/workspace/export"], 60.0),
                limit(
                    "workspace/import",
                    &["/api/*/workspace/import", "/api/*/workspace-files/import-file/**"],
                    30.0,
                ),
            ],
            retry_after: true,
        }
    }

    /// Every limit times `factor`: the true limits may be half of what is believed.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for limit in &mut self.families {
            limit.per_second *= factor;
        }
        self
    }

    /// Adds a last family that takes whatever no other family takes.
    #[must_use]
    pub fn and_everything_else(mut self, per_second: f64) -> Self {
        self.families.push(Limit {
            family: "everything else".to_owned(),
            paths: vec!["/**".to_owned()],
            per_second,
        });
        self
    }
}

impl Limit {
    fn covers(&self, method: &Method, path: &str) -> bool {
        self.paths.iter().any(|pattern| match pattern.split_once(' ') {
            Some((own, pattern)) => own == method.as_str() && crate::pattern::matches(pattern, path),
            None => crate::pattern::matches(pattern, path),
        })
    }
}

/// How full each bucket of a workspace is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(BTreeMap<(usize, usize), Bucket>);

#[derive(Clone, Debug)]
struct Bucket {
    tokens: f64,
    at_ms: i64,
}

/// A request that came too soon.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TooMany {
    pub(crate) family: String,
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Buckets {
    /// Takes a token for a request to `workspace`, or says no.
    pub(crate) fn take(
        &mut self,
        limits: &Limits,
        workspace: usize,
        (method, path): (&Method, &str),
        now_ms: i64,
    ) -> Result<(), TooMany> {
        let mut families = limits.families.iter().enumerate();
        let Some((index, limit)) = families.find(|(_, limit)| limit.covers(method, path)) else {
            return Ok(());
        };
        let most = limit.per_second.max(1.0);
        let bucket = self.0.entry((workspace, index)).or_insert(Bucket { tokens: most, at_ms: now_ms });
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two requests")]
        let passed_seconds = (now_ms - bucket.at_ms).max(0) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + passed_seconds * limit.per_second).min(most);
        bucket.at_ms = now_ms;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(TooMany { family: limit.family.clone(), retry_after_seconds: limits.retry_after.then_some(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_takes_a_seconds_worth_and_then_its_rate() {
        let limits = Limits::published();
        let mut buckets = Buckets::default();
        let create = (&Method::POST, "/api/2.2/jobs/create");
        for _ in 0..20 {
            buckets.take(&limits, 0, create, 0).unwrap();
        }
        let refused = buckets.take(&limits, 0, create, 0).unwrap_err();
        assert_eq!(refused.retry_after_seconds, Some(1));
        buckets.take(&limits, 1, create, 0).unwrap();
        buckets.take(&limits, 0, (&Method::GET, "/api/2.2/jobs/list"), 0).unwrap();
        buckets.take(&limits, 0, create, 50).unwrap();
        buckets.take(&limits, 0, create, 50).unwrap_err();
    }

    #[test]
    fn a_family_may_speak_of_one_method_alone() {
        let paths = vec!["GET /api/*/jobs/**".to_owned()];
        let families = vec![Limit { family: "jobs/read".to_owned(), paths, per_second: 1.0 }];
        let limits = Limits { families, retry_after: false };
        let mut buckets = Buckets::default();
        buckets.take(&limits, 0, (&Method::GET, "/api/2.2/jobs/list"), 0).unwrap();
        buckets.take(&limits, 0, (&Method::POST, "/api/2.2/jobs/reset"), 0).unwrap();
        buckets.take(&limits, 0, (&Method::GET, "/api/2.2/jobs/get"), 0).unwrap_err();
    }
}
