//! What people do at any site, at any time: they make, edit, delete, pause, unpause, run, submit, start and stop.

use std::cell::Cell;

use http::Method;
use serde_json::{Value, json};
use twinlake_base::Entropy;
use twinlake_tests::Site;

use super::estate;

/// People, who give everything that they make a name of its own.
pub(super) struct People {
    pub(super) chance: Entropy,
    made: Cell<u64>,
}

impl People {
    pub(super) fn new(chance: Entropy) -> Self {
        Self { chance, made: Cell::new(100) }
    }

    /// Somebody does something. Returns it in words, for a trace.
    pub(super) fn act(&self, site: &Site) -> String {
        match self.below(10) {
            0..=5 => self.at_jobs(site),
            6 => self.at_notebooks(site),
            7 => self.at_pools(site),
            8 => self.at_warehouses(site),
            _ => self.submit(site),
        }
    }

    fn at_jobs(&self, site: &Site) -> String {
        let jobs = site.list("/api/2.2/jobs/list?limit=100&expand_tasks=true", "jobs");
        let (number, found) = (self.below(12), self.pick(&jobs));
        let (Some(job), 2..) = (found, number) else {
            let name = self.name(if self.below(3) == 0 { "critical" } else { "job" });
            return self.post(site, "/api/2.2/jobs/create", estate::job(&name, &self.chance));
        };
        let id = &job["job_id"];
        let update = |settings: Value| {
            self.post(site, "/api/2.2/jobs/update", json!({"job_id": id, "new_settings": settings}))
        };
        match number {
            2 | 3 => update(json!({"timeout_seconds": 60 + self.below(3600)})),
            4..=6 if job["settings"]["schedule"].is_object() => {
                let mut schedule = job["settings"]["schedule"].clone();
                let is_paused = schedule["pause_status"] == "PAUSED";
                schedule["pause_status"] = json!(if is_paused { "UNPAUSED" } else { "PAUSED" });
                update(json!({ "schedule": schedule }))
            }
            4..=6 => update(json!({"max_concurrent_runs": 1 + self.below(4)})),
            7 => update(json!({"queue": {"enabled": self.below(2) == 0}})),
            8 | 9 => self.post(site, "/api/2.2/jobs/run-now", json!({"job_id": id})),
            10 => self.post(site, "/api/2.2/jobs/delete", json!({"job_id": id})),
            _ => update(json!({"description": format!("about {}", self.below(1000))})),
        }
    }

    fn at_notebooks(&self, site: &Site) -> String {
        let number = self.below(4);
        let path = if number == 3 {
            format!("/Shared/etl/{}", self.name("made"))
        } else {
            format!("/Shared/etl/n{}", number % 2)
        };
        self.post(site, "/api/2.0/workspace/mkdirs", json!({"path": "/Shared/etl"}));
        let source = format!("# Databricks notebook source\nprint({})", self.below(1000));
        use base64::Engine;
        let content = base64::engine::general_purpose::STANDARD.encode(source);
        let import = json!({"path": path, "format": "SOURCE", "language": "PYTHON", "overwrite": true,
                            "content": content});
        self.post(site, "/api/2.0/workspace/import", import)
    }

    fn at_pools(&self, site: &Site) -> String {
        let pools = site.list("/api/2.0/instance-pools/list", "instance_pools");
        let Some(pool) = self.pick(&pools) else { return "somebody looked for a pool".to_owned() };
        let edit = json!({"instance_pool_id": pool["instance_pool_id"], "node_type_id": pool["node_type_id"],
                          "instance_pool_name": pool["instance_pool_name"],
                          "custom_tags": pool["custom_tags"],
                          "min_idle_instances": self.below(3), "max_capacity": 10 + self.below(5)});
        self.post(site, "/api/2.0/instance-pools/edit", edit)
    }

    fn at_warehouses(&self, site: &Site) -> String {
        let warehouses = site.list("/api/2.0/sql/warehouses", "warehouses");
        let Some(warehouse) = self.pick(&warehouses) else {
            return "somebody looked for a warehouse".to_owned();
        };
        let id = warehouse["id"].as_str().unwrap_or_default();
        let verb = ["start", "stop"][self.below(2)];
        self.post(site, &format!("/api/2.0/sql/warehouses/{id}/{verb}"), json!({}))
    }

    fn submit(&self, site: &Site) -> String {
        let task = json!({"task_key": "a", "notebook_task": {"notebook_path": "/Shared/etl/n0"},
                          "new_cluster": {"spark_version": "15.4.x-scala2.12", "num_workers": 1,
                                          "node_type_id": "i3.xlarge"}});
        let name = self.name("submitted");
        self.post(site, "/api/2.2/jobs/runs/submit", json!({"run_name": name, "tasks": [task]}))
    }

    fn name(&self, what: &str) -> String {
        self.made.set(self.made.get() + 1);
        format!("{what}-{}", self.made.get())
    }

    fn post(&self, site: &Site, target: &str, body: Value) -> String {
        let shown: String = body.to_string().chars().take(140).collect();
        let came_to = match site.try_act(&Method::POST, target, Some(body)) {
            Ok(answer) => answer.to_string(),
            Err((status, _)) => status.to_string(),
        };
        let came_to: String = came_to.chars().take(50).collect();
        format!("somebody at {}: {target} {shown} → {came_to}", site.name)
    }

    fn pick<'v>(&self, from: &'v [Value]) -> Option<&'v Value> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or(0)
    }
}
