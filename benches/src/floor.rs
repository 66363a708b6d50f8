//! The least that a cycle can do with: requests, and the time that they take at our share of the limits.
//!
//! ```text
//! forced requests = pages of each list (source; target before; target after, of what was written)
//!                 + one read per changed content or detail + one write per change
//! floor of time   = the slowest budget's forced requests ÷ our share of its limit
//! ```
//!
//! A create that must be followed by another request (a cluster is terminated and, where there is room, pinned; a
//! warehouse is stopped; one of two jobs that run each other is filled) forces that request, too. A job of more
//! than a hundred tasks is listed in several pages: its row's, and those of the job itself.

use std::collections::BTreeMap;

use http::Method;
use twinlake_databricks::{Limits, Share};

use crate::holdings::Holdings;

/// Which end of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Where production runs.
    Source,
    /// The standby.
    Target,
}

/// Requests that are forced, by end and family of the table of limits.
#[derive(Clone, Debug)]
pub(crate) struct Forced<'l> {
    limits: &'l Limits,
    requests: BTreeMap<(End, String), usize>,
}

/// The budget that takes longest.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Slowest {
    /// At which end.
    pub(crate) end: End,
    /// Which family of the table of limits.
    pub(crate) family: String,
    /// How many of its requests are forced.
    pub(crate) requests: usize,
    /// How long they take.
    pub(crate) seconds: f64,
}

/// What one listing covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// Everything.
    All,
    /// The workspace tree alone.
    Tree,
    /// Jobs alone.
    Jobs,
}

impl<'l> Forced<'l> {
    /// Nothing yet.
    pub(crate) const fn new(limits: &'l Limits) -> Self {
        Self { limits, requests: BTreeMap::new() }
    }

    /// Adds the pages of a listing.
    #[must_use]
    pub(crate) fn listing(mut self, end: End, held: &Holdings, listing: Listing) -> Self {
        if listing != Listing::Jobs {
            self.add(end, &Method::GET, "/api/2.0/workspace/list", held.folders.len());
        }
        if listing != Listing::Tree {
            self.add(end, &Method::GET, "/api/2.2/jobs/list", held.job_pages());
            self.add(end, &Method::GET, "/api/2.2/jobs/get", held.long_job_pages);
        }
        if listing == Listing::All {
            self.add(end, &Method::GET, "/api/2.0/policies/clusters/list", 1);
            self.add(end, &Method::GET, "/api/2.0/instance-pools/list", 1);
            self.add(end, &Method::GET, "/api/2.1/clusters/list", held.cluster_pages());
            self.add(end, &Method::GET, "/api/2.0/sql/warehouses", held.warehouse_pages());
        }
        self
    }

    /// Adds what copies everything that the target lacks.
    #[must_use]
    pub(crate) fn copies(mut self, source: &Holdings, target: &Holdings) -> Self {
        let get = Method::GET;
        let lacks_bytes = source.notebooks.difference(&target.notebooks).count()
            + source.files.difference(&target.files).count();
        self.add(End::Source, &get, "/api/2.0/workspace/export", lacks_bytes);
        self.add(End::Source, &get, "/api/2.1/clusters/get", source.clusters);
        let post = |forced: &mut Self, path, count| forced.add(End::Target, &Method::POST, path, count);
        let folders = source.folders.difference(&target.folders).count();
        post(&mut self, "/api/2.0/workspace/mkdirs", folders);
        post(&mut self, "/api/2.0/workspace/import", lacks_bytes);
        post(&mut self, "/api/2.2/jobs/create", source.jobs.len());
        post(&mut self, "/api/2.2/jobs/reset", source.job_circles);
        let policies = source.policies.difference(&target.policies).count();
        post(&mut self, "/api/2.0/policies/clusters/create", policies);
        let pools = source.pools.difference(&target.pools).count();
        post(&mut self, "/api/2.0/instance-pools/create", pools);
        post(&mut self, "/api/2.1/clusters/create", 2 * source.clusters + source.pins());
        let warehouses = source.warehouses.difference(&target.warehouses).count();
        post(&mut self, "/api/2.0/sql/warehouses", 2 * warehouses);
        self
    }

    /// Adds one request.
    #[must_use]
    pub(crate) fn one(mut self, end: End, method: &Method, path: &str) -> Self {
        self.add(end, method, path, 1);
        self
    }

    /// Adds so many requests.
    #[must_use]
    pub(crate) fn some(mut self, end: End, method: &Method, path: &str, count: usize) -> Self {
        self.add(end, method, path, count);
        self
    }

    fn add(&mut self, end: End, method: &Method, path: &str, count: usize) {
        if let Some(row) = self.limits.covering(method, path).filter(|_| count > 0) {
            *self.requests.entry((end, row.family.clone())).or_default() += count;
        }
    }

    /// All of them.
    pub(crate) fn total(&self) -> usize {
        self.requests.values().sum()
    }

    /// The budget that takes longest, where `per_second` says how fast each may go.
    pub(crate) fn slowest(&self, per_second: impl Fn(End, &str) -> f64) -> Option<Slowest> {
        let timed = self.requests.iter().map(|((end, family), requests)| {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
            let seconds = *requests as f64 / per_second(*end, family);
            Slowest { end: *end, family: family.clone(), requests: *requests, seconds }
        });
        timed.max_by(|one, other| one.seconds.total_cmp(&other.seconds))
    }
}

/// Our share of a family's limit at one end, in requests per second.
pub(crate) fn our_share(limits: &Limits, end: End, family: &str) -> f64 {
    let share: Share = match end {
        End::Source => limits.share_on_a_primary(),
        End::Target => limits.share_on_a_standby(),
    };
    let row = limits.rows().iter().find(|row| row.family == family);
    row.map_or(f64::INFINITY, |row| row.shared_per_second(share))
}
