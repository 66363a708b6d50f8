//! What a workspace holds, counted as a person would: what a forced minimum is made of.
//!
//! Nothing of what the product uses to crawl is used here.

use std::collections::BTreeSet;

use serde_json::Value;
use twinlake_databricks::segment;
use twinlake_tests::Site;

/// How many rows the longest page of a list has, and how many of a job's tasks an answer shows.
const PAGE: usize = 100;
/// How many clusters a workspace can pin.
const PINS: usize = 100;

/// Everything of a workspace that costs requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    /// Folders that can be listed, by path.
    pub(crate) folders: BTreeSet<String>,
    /// Notebooks, by path.
    pub(crate) notebooks: BTreeSet<String>,
    /// Workspace files, by path.
    pub(crate) files: BTreeSet<String>,
    /// Jobs, by id.
    pub(crate) jobs: Vec<i64>,
    /// The pages of those jobs that no list row shows whole.
    pub(crate) long_job_pages: usize,
    /// Pairs of jobs that run each other: one of the two must be created before what it refers to.
    pub(crate) job_circles: usize,
    /// Cluster policies, by name.
    pub(crate) policies: BTreeSet<String>,
    /// Instance pools, by name.
    pub(crate) pools: BTreeSet<String>,
    /// Clusters that people and programs made.
    pub(crate) clusters: usize,
    /// How many of them are pinned.
    pub(crate) pinned: usize,
    /// SQL warehouses, by name.
    pub(crate) warehouses: BTreeSet<String>,
}

impl Holdings {
    /// Counts.
    pub(crate) fn of(site: &Site) -> Self {
        let mut holdings = Self::default();
        holdings.walk(site, "/");
        holdings.count_jobs(site);
        let names = |target: &str, rows: &str, name: &str| {
            let rows = site.list(target, rows);
            rows.iter().filter_map(|row| Some(row[name].as_str()?.to_owned())).collect()
        };
        holdings.policies = names("/api/2.0/policies/clusters/list", "policies", "name");
        holdings.pools = names("/api/2.0/instance-pools/list", "instance_pools", "instance_pool_name");
        holdings.warehouses = names("/api/2.0/sql/warehouses?page_size=100", "warehouses", "name");
        let clusters =
            "/api/2.1/clusters/list?page_size=100&filter_by.cluster_sources=UI&filter_by.cluster_sources=API";
        holdings.clusters = site.list(clusters, "clusters").len();
        holdings.pinned = site.list(&format!("{clusters}&filter_by.is_pinned=true"), "clusters").len();
        holdings
    }

    /// How many assets there are.
    pub(crate) fn assets(&self) -> usize {
        self.folders.len()
            + self.contents()
            + self.jobs.len()
            + self.policies.len()
            + self.pools.len()
            + self.clusters
            + self.warehouses.len()
    }

    /// Who has a home folder. Identities are nobody's assets here: a provider gives every workspace the same people.
    pub(crate) fn people(&self) -> impl Iterator<Item = &str> {
        let homes = self.folders.iter().filter_map(|folder| folder.strip_prefix("/Users/"));
        homes.filter(|home| !home.contains('/'))
    }

    /// How many of them hold bytes.
    pub(crate) fn contents(&self) -> usize {
        self.notebooks.len() + self.files.len()
    }

    /// The pages of the list of jobs.
    pub(crate) fn job_pages(&self) -> usize {
        pages(self.jobs.len())
    }

    /// The pages of the list of clusters, once for all and once for those that are pinned.
    pub(crate) fn cluster_pages(&self) -> usize {
        pages(self.clusters) + pages(self.pinned)
    }

    /// The pages of the list of warehouses.
    pub(crate) fn warehouse_pages(&self) -> usize {
        pages(self.warehouses.len())
    }

    /// How many clusters can be kept from being forgotten.
    pub(crate) fn pins(&self) -> usize {
        self.clusters.min(PINS)
    }

    fn walk(&mut self, site: &Site, folder: &str) {
        self.folders.insert(folder.to_owned());
        let listed = site.get(&format!("/api/2.0/workspace/list?path={}", segment(folder)));
        for row in listed["objects"].as_array().into_iter().flatten() {
            let path = row["path"].as_str().unwrap_or_default();
            match row["object_type"].as_str() {
                Some("NOTEBOOK") => drop(self.notebooks.insert(path.to_owned())),
                Some("FILE") => drop(self.files.insert(path.to_owned())),
                // Git folders are left alone, and so is where they live.
                Some("DIRECTORY") if !path.starts_with("/Repos") => self.walk(site, path),
                _ => {}
            }
        }
    }

    fn count_jobs(&mut self, site: &Site) {
        let rows = site.list("/api/2.2/jobs/list?limit=100&expand_tasks=true", "jobs");
        let mut calls = BTreeSet::new();
        for row in &rows {
            let id = row["job_id"].as_i64().unwrap_or_default();
            self.jobs.push(id);
            if row["has_more"] == true {
                self.long_job_pages += pages(longest_array(&site.job(id)));
            }
            let tasks = row["settings"]["tasks"].as_array().into_iter().flatten();
            let called = tasks.filter_map(|task| task["run_job_task"]["job_id"].as_i64());
            calls.extend(called.map(|called| (id, called)));
        }
        self.job_circles =
            calls.iter().filter(|(one, other)| one <= other && calls.contains(&(*other, *one))).count();
    }
}

/// A list without rows has a page, too.
fn pages(rows: usize) -> usize {
    rows.div_ceil(PAGE).max(1)
}

fn longest_array(job: &Value) -> usize {
    let arrays = ["tasks", "job_clusters", "environments", "parameters"];
    arrays.iter().filter_map(|array| Some(job[array].as_array()?.len())).max().unwrap_or(0)
}
