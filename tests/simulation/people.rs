//! What people do at a site: they make, change, rename, clone, run, start, stop and delete, often the same things.
//!
//! Names and paths are few, so that what two people make collides. What the service refuses is the person's affair.

use http::Method;
use serde_json::{Value, json};
use twinlake_base::Entropy;
use twinlake_tests::Site;

/// Somebody with rights to everything at a site.
pub(super) struct Person<'a> {
    pub(super) site: &'a Site,
    pub(super) chance: &'a Entropy,
}

const POOLS: (&str, &str) = ("/api/2.0/instance-pools/list", "instance_pools");
const POLICIES: (&str, &str) = ("/api/2.0/policies/clusters/list", "policies");
const CLUSTERS: (&str, &str) =
    ("/api/2.1/clusters/list?filter_by.cluster_sources=UI&filter_by.cluster_sources=API", "clusters");
const WAREHOUSES: (&str, &str) = ("/api/2.0/sql/warehouses", "warehouses");

impl Person<'_> {
    /// Does something. Returns it in words, for a trace.
    pub(super) fn act(&self) -> String {
        match self.below(12) {
            0..=3 => self.at_the_tree(),
            4..=7 => self.at_jobs(),
            8 | 9 => self.at_clusters(),
            10 => self.at_pools_and_policies(),
            _ => self.at_warehouses(),
        }
    }

    fn at_the_tree(&self) -> String {
        let path = self.path();
        let text = format!("# {}", self.chance.below(1000));
        match self.below(9) {
            0..=2 => {
                self.post("/api/2.0/workspace/mkdirs", json!({"path": parent(&path)}));
                self.import(&path, json!({"format": "SOURCE", "language": "PYTHON"}), &text)
            }
            3 | 4 => {
                self.post("/api/2.0/workspace/mkdirs", json!({"path": parent(&path)}));
                self.import(&format!("{path}.txt"), json!({"format": "RAW"}), &text)
            }
            5 => self.post("/api/2.0/workspace/mkdirs", json!({"path": format!("{path}-folder/in")})),
            6 => self.post("/api/2.0/workspace/delete", json!({"path": path})),
            7 => self.post("/api/2.0/workspace/delete", json!({"path": format!("{path}.txt")})),
            _ => self.post("/api/2.0/workspace/delete", json!({"path": parent(&path), "recursive": true})),
        }
    }

    fn at_jobs(&self) -> String {
        let jobs = self.site.jobs();
        let job = self.pick(&jobs);
        let (id, name) = (job["job_id"].clone(), format!("job-{}", self.below(5)));
        let update = |settings: Value| {
            self.post("/api/2.2/jobs/update", json!({"job_id": id, "new_settings": settings}))
        };
        match self.below(12) {
            0 | 1 => self.post("/api/2.2/jobs/create", self.job(&name, &jobs)),
            2 => {
                // A clone takes everything along, tags as well.
                let mut clone = job.clone();
                clone.as_object_mut().map(|fields| fields.remove("job_id"));
                self.post("/api/2.2/jobs/create", clone)
            }
            3 => update(json!({"name": name})),
            4 => update(json!({"schedule": self.schedule()})),
            5 => update(json!({"max_concurrent_runs": 1 + self.below(4), "queue": {"enabled": self.coin()}})),
            6 => update(json!({"tasks": self.tasks(&jobs)})),
            7 => update(
                json!({"tasks": [{"task_key": "call", "run_job_task": {"job_id": self.pick(&jobs)["job_id"]}}]}),
            ),
            8 => self.post("/api/2.2/jobs/run-now", json!({"job_id": id})),
            9 => self.post(
                "/api/2.2/jobs/update",
                json!({"job_id": id, "fields_to_remove": ["schedule", "tags"]}),
            ),
            10 => self.post("/api/2.2/jobs/delete", json!({"job_id": id})),
            _ => update(json!({"timeout_seconds": self.below(3600)})),
        }
    }

    fn job(&self, name: &str, jobs: &[Value]) -> Value {
        let mut job =
            json!({"name": name, "tasks": self.tasks(jobs), "max_concurrent_runs": 1 + self.below(3)});
        if self.coin() {
            job["schedule"] = self.schedule();
        }
        if self.coin() {
            job["queue"] = json!({"enabled": true});
        }
        job
    }

    fn schedule(&self) -> Value {
        let state = if self.coin() { "PAUSED" } else { "UNPAUSED" };
        json!({"quartz_cron_expression": format!("0 {} * * * ?", self.below(60)), "timezone_id": "UTC", "pause_status": state})
    }

    fn tasks(&self, jobs: &[Value]) -> Value {
        let mut task = json!({"task_key": "main", "notebook_task": {"notebook_path": self.path()}});
        match self.below(6) {
            0 => task["existing_cluster_id"] = self.pick(&self.all(CLUSTERS))["cluster_id"].clone(),
            1 => {
                let pool = self.pick(&self.all(POOLS))["instance_pool_id"].clone();
                task["new_cluster"] =
                    json!({"spark_version": "15.4.x-scala2.12", "num_workers": 1, "instance_pool_id": pool});
            }
            2 => task["notebook_task"]["warehouse_id"] = self.pick(&self.all(WAREHOUSES))["id"].clone(),
            3 if !jobs.is_empty() => {
                task = json!({"task_key": "call", "run_job_task": {"job_id": self.pick(jobs)["job_id"]}});
            }
            _ => {}
        }
        json!([task])
    }

    fn at_clusters(&self) -> String {
        let clusters = self.all(CLUSTERS);
        let id = self.pick(&clusters)["cluster_id"].clone();
        let by_id = json!({"cluster_id": id});
        let mut spec = id
            .as_str()
            .and_then(|id| self.read(&format!("/api/2.1/clusters/get?cluster_id={id}")))
            .map(|cluster| cluster["spec"].clone())
            .unwrap_or_default();
        match self.below(9) {
            0 => self.post(
                "/api/2.1/clusters/create",
                json!({"cluster_name": format!("cluster-{}", self.below(4)), "num_workers": self.below(4),
                       "spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge"}),
            ),
            1 => self.post("/api/2.1/clusters/create", spec),
            2 | 3 => {
                spec["cluster_id"] = id;
                spec["num_workers"] = json!(self.below(8));
                if self.coin() {
                    spec["cluster_name"] = json!(format!("cluster-{}", self.below(4)));
                }
                self.post("/api/2.1/clusters/edit", spec)
            }
            4 => self.post("/api/2.1/clusters/start", by_id),
            5 => self.post("/api/2.1/clusters/delete", by_id),
            6 => self.post("/api/2.1/clusters/permanent-delete", by_id),
            7 => self.post("/api/2.1/clusters/pin", by_id),
            _ => self.post("/api/2.1/clusters/unpin", by_id),
        }
    }

    fn at_pools_and_policies(&self) -> String {
        let (pools, policies) = (self.all(POOLS), self.all(POLICIES));
        let (pool, policy) = (self.pick(&pools), self.pick(&policies));
        let name = self.below(4);
        let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool["instance_pool_id"]}});
        match self.below(7) {
            0 => self.post(
                "/api/2.0/instance-pools/create",
                json!({"instance_pool_name": format!("pool-{name}"), "node_type_id": "i3.xlarge",
                       "min_idle_instances": self.below(3), "max_capacity": 10}),
            ),
            1 | 2 => self.post(
                "/api/2.0/instance-pools/edit",
                json!({"instance_pool_id": pool["instance_pool_id"], "node_type_id": pool["node_type_id"],
                       "instance_pool_name": format!("pool-{name}"), "min_idle_instances": self.below(3),
                       "max_capacity": 10 + self.below(5)}),
            ),
            3 => self.post(
                "/api/2.0/instance-pools/delete",
                json!({"instance_pool_id": pool["instance_pool_id"]}),
            ),
            4 => self.post(
                "/api/2.0/policies/clusters/create",
                json!({"name": format!("policy {name}"), "definition": definition.to_string()}),
            ),
            5 => self.post(
                "/api/2.0/policies/clusters/edit",
                json!({"policy_id": policy["policy_id"], "name": format!("policy {name}"), "definition": definition.to_string()}),
            ),
            _ => self.post("/api/2.0/policies/clusters/delete", json!({"policy_id": policy["policy_id"]})),
        }
    }

    fn at_warehouses(&self) -> String {
        let warehouses = self.all(WAREHOUSES);
        let warehouse = self.pick(&warehouses);
        let id = warehouse["id"].as_str().unwrap_or_default();
        let body = json!({"name": format!("warehouse {}", self.below(4)), "cluster_size": "Small",
                          "auto_stop_mins": 10 + self.below(9)});
        match self.below(5) {
            0 => self.post("/api/2.0/sql/warehouses", body),
            1 => self.post(&format!("/api/2.0/sql/warehouses/{id}/edit"), body),
            2 => self.post(&format!("/api/2.0/sql/warehouses/{id}/start"), json!({})),
            3 => self.post(&format!("/api/2.0/sql/warehouses/{id}/stop"), json!({})),
            _ => self.send(&Method::DELETE, &format!("/api/2.0/sql/warehouses/{id}"), None),
        }
    }

    /// One of a few paths.
    fn path(&self) -> String {
        let folder = ["/Shared/etl", "/Shared/etl/deep/er", "/Shared/bi", "/Shared/new"][self.below(4)];
        format!("{folder}/notebook-{}", self.below(12))
    }

    fn import(&self, path: &str, fields: Value, text: &str) -> String {
        use base64::Engine;
        let mut body = fields;
        body["path"] = json!(path);
        body["overwrite"] = json!(true);
        body["content"] = json!(base64::engine::general_purpose::STANDARD.encode(text));
        self.post("/api/2.0/workspace/import", body)
    }

    fn post(&self, target: &str, body: Value) -> String {
        self.send(&Method::POST, target, Some(body))
    }

    fn send(&self, method: &Method, target: &str, body: Option<Value>) -> String {
        let shown: String =
            body.as_ref().map(Value::to_string).unwrap_or_default().chars().take(160).collect();
        let came_to = match self.site.try_act(method, target, body) {
            Ok(answer) => answer.to_string(),
            Err((status, _)) => status.to_string(),
        };
        let came_to: String = came_to.chars().take(60).collect();
        format!("somebody at {}: {method} {target} {shown} → {came_to}", self.site.name)
    }

    fn read(&self, target: &str) -> Option<Value> {
        self.site.try_act(&Method::GET, target, None).ok()
    }

    fn all(&self, (target, field): (&str, &str)) -> Vec<Value> {
        self.site.list(target, field)
    }

    fn pick(&self, from: &[Value]) -> Value {
        if from.is_empty() { Value::Null } else { from[self.below(from.len())].clone() }
    }

    fn coin(&self) -> bool {
        self.below(2) == 0
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or(0)
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}
