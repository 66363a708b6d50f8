//! A workspace, read back by plain GETs: a second code path, which shares nothing with the one that wrote it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plain_http::{PlainHttp, query_escaped};

/// Everything of the demo's kinds that a workspace has.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Every object of the tree, by path.
    pub(crate) tree: BTreeMap<String, Value>,
    /// Bytes of notebooks and files (base64), by path.
    pub(crate) contents: BTreeMap<String, String>,
    /// Policies, by id.
    pub(crate) policies: BTreeMap<String, Value>,
    /// Pools, by id.
    pub(crate) pools: BTreeMap<String, Value>,
    /// Clusters, by id.
    pub(crate) clusters: BTreeMap<String, Value>,
    /// The ids of those that are pinned.
    pub(crate) pinned: Vec<String>,
    /// Libraries, by cluster id.
    pub(crate) libraries: BTreeMap<String, Value>,
    /// Warehouses, by id.
    pub(crate) warehouses: BTreeMap<String, Value>,
    /// Jobs, by id: whole.
    pub(crate) jobs: BTreeMap<String, Value>,
}

impl Reading {
    /// Reads a workspace.
    pub(crate) async fn of(http: &PlainHttp) -> anyhow::Result<Self> {
        let mut reading = Self::default();
        reading.read_tree(http).await?;
        reading.policies =
            by_id(pages(http, "/api/2.0/policies/clusters/list", "policies").await?, "policy_id");
        reading.pools =
            by_id(pages(http, "/api/2.0/instance-pools/list", "instance_pools").await?, "instance_pool_id");
        reading.clusters =
            by_id(pages(http, "/api/2.1/clusters/list?page_size=100", "clusters").await?, "cluster_id");
        let pinned =
            pages(http, "/api/2.1/clusters/list?page_size=100&filter_by.is_pinned=true", "clusters").await?;
        reading.pinned = by_id(pinned, "cluster_id").into_keys().collect();
        let libraries = pages(http, "/api/2.0/libraries/all-cluster-statuses", "statuses").await?;
        reading.libraries = by_id(libraries, "cluster_id");
        reading.warehouses = by_id(pages(http, "/api/2.0/sql/warehouses", "warehouses").await?, "id");
        for id in by_id(pages(http, "/api/2.2/jobs/list?limit=100", "jobs").await?, "job_id").into_keys() {
            let job = whole_job(http, &id).await?;
            reading.jobs.insert(id, job);
        }
        Ok(reading)
    }

    async fn read_tree(&mut self, http: &PlainHttp) -> anyhow::Result<()> {
        let mut folders = vec!["/".to_owned()];
        while let Some(folder) = folders.pop() {
            let target = format!("/api/2.0/workspace/list?path={}", query_escaped(&folder));
            for object in pages(http, &target, "objects").await? {
                let path = object["path"].as_str().unwrap_or_default().to_owned();
                match object["object_type"].as_str() {
                    Some("DIRECTORY") => folders.push(path.clone()),
                    Some("NOTEBOOK" | "FILE") => {
                        let target =
                            format!("/api/2.0/workspace/export?format=SOURCE&path={}", query_escaped(&path));
                        let content =
                            http.get(&target).await?["content"].as_str().unwrap_or_default().to_owned();
                        self.contents.insert(path.clone(), content);
                    }
                    _ => {}
                }
                self.tree.insert(path, object);
            }
        }
        Ok(())
    }
}

/// All pages of a list.
async fn pages(http: &PlainHttp, target: &str, items: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let joint = if target.contains('?') { '&' } else { '?' };
        let page = match token.as_str() {
            "" => http.get(target).await?,
            token => http.get(&format!("{target}{joint}page_token={}", query_escaped(token))).await?,
        };
        all.extend(page[items].as_array().into_iter().flatten().cloned());
        token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// A job with all its tasks, which come a hundred at a time.
async fn whole_job(http: &PlainHttp, id: &str) -> anyhow::Result<Value> {
    let target = format!("/api/2.2/jobs/get?job_id={id}");
    let mut whole = http.get(&target).await?;
    while let Some(token) = whole["next_page_token"].as_str().map(str::to_owned) {
        let page = http.get(&format!("{target}&page_token={}", query_escaped(&token))).await?;
        whole["next_page_token"] = page["next_page_token"].clone();
        for list in ["tasks", "job_clusters", "parameters", "environments"] {
            let more = page["settings"][list].as_array().cloned().unwrap_or_default();
            if let Some(items) = whole["settings"][list].as_array_mut() {
                items.extend(more);
            }
        }
    }
    Ok(whole)
}

fn by_id(items: Vec<Value>, id: &str) -> BTreeMap<String, Value> {
    let text = |item: &Value| match &item[id] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    items.into_iter().map(|item| (text(&item), item)).collect()
}
