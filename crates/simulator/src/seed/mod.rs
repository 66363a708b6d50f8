//! A believable estate: a retailer's teams with their folders, notebooks, files, compute and jobs.
//!
//! Everything is written through the API's own services, so that a seeded workspace holds nothing that a client could
//! not have put there. The same seed writes the same estate; ids are the workspace's own.

mod compute;
mod content;
mod jobs;
mod people;
mod tree;
mod words;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinlake_base::Entropy;

use crate::account::Account;
use crate::call::{Body, Reply, Request};
use crate::error::Error;
use crate::simulator::Simulator;

/// How large an estate, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// About how many assets: 40 % notebooks, 20 % files, 10 % folders, 25 % jobs, 5 % policies, pools, clusters and
    /// warehouses.
    pub size: usize,
    /// The same number gives the same estate.
    pub seed: u64,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    /// Folders, without those that every workspace has.
    pub folders: usize,
    /// Notebooks.
    pub notebooks: usize,
    /// Workspace files.
    pub files: usize,
    /// Cluster policies.
    pub cluster_policies: usize,
    /// Instance pools.
    pub instance_pools: usize,
    /// Clusters.
    pub clusters: usize,
    /// SQL warehouses.
    pub warehouses: usize,
    /// Jobs.
    pub jobs: usize,
    /// Bytes of notebooks and files.
    pub content_bytes: usize,
}

impl Simulator {
    /// Fills a workspace with an estate.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`], or [`Error::Refused`] if the workspace holds something that is in the way: the same
    /// estate twice.
    pub fn seed(&self, workspace: &str, seed: Seed) -> Result<Seeded, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let chance = Entropy::seeded(seed.seed);
        let mut gardener = Gardener { account: &mut account, at, chance, done: Seeded::default() };
        let share = |percent: usize| (seed.size * percent).div_ceil(100);
        people::seed(&mut gardener)?;
        let places = tree::seed(&mut gardener, share(10), share(40), share(20))?;
        let compute = compute::seed(&mut gardener, share(5))?;
        jobs::seed(&mut gardener, share(25), &places, &compute)?;
        compute::put_to_rest(&mut gardener, &compute)?;
        Ok(gardener.done)
    }
}

/// Who writes the estate: a hand at the API of one workspace.
struct Gardener<'a> {
    account: &'a mut Account,
    at: usize,
    chance: Entropy,
    done: Seeded,
}

impl Gardener<'_> {
    fn post(&mut self, path: &str, body: Value) -> Result<Value, Error> {
        self.send(Request::of(Method::POST, path, Some(body)))
    }

    fn send(&mut self, request: Request) -> Result<Value, Error> {
        match self.account.dispatch(self.at, &request, "seed") {
            Ok(Reply::Json(value)) => Ok(value),
            Ok(Reply::Raw { .. }) => Ok(Value::Null),
            Err(refusal) => Err(Error::Refused { why: format!("{}: {}", request.path, refusal.message) }),
        }
    }

    /// Sends content as a form does, without the detour through base64.
    fn import(&mut self, fields: &[(&str, String)], content: Vec<u8>) -> Result<(), Error> {
        self.done.content_bytes += content.len();
        let mut form: std::collections::BTreeMap<String, bytes::Bytes> = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), bytes::Bytes::from(value.clone())))
            .collect();
        form.insert("content".to_owned(), bytes::Bytes::from(content));
        let request = Request {
            body: Body::Form(form),
            ..Request::of(Method::POST, "/api/2.0/workspace/import", None)
        };
        self.send(request).map(|_| ())
    }

    /// One of several, by chance.
    fn pick<'t, T>(&self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    fn percent(&self, share: u64) -> bool {
        self.chance.below(100) < share
    }

    fn word(&self, from: &'static [&'static str]) -> &'static str {
        self.pick(from).copied().unwrap_or("data")
    }
}
