//! For each kind, how a person makes and changes assets of it, and through which calls the service is asked.

use serde_json::{Value, json};
use twinlake_assets::kinds;
use twinlake_tests::Site;

use super::house::{
    create_cluster, create_policy, create_pool, create_warehouse, job_with_notebook, reset_job,
};

/// What a story must know of a kind to tell itself for all of them.
pub(super) struct Specimen {
    pub(super) kind: &'static str,
    /// Makes number `n`. Where names may repeat, they do.
    pub(super) make: fn(&Site, usize),
    /// Changes everything that was made, to version `n`. None for what cannot change.
    pub(super) change: Option<fn(&Site, usize)>,
    /// The path of its list.
    pub(super) list: &'static str,
    /// The path of its create.
    pub(super) create: &'static str,
    /// The path of its update.
    pub(super) update: &'static str,
}

/// How many of a kind a story makes.
pub(super) const COUNT: usize = 5;

const IMPORT: &str = "/api/2.0/workspace/import";
const TREE: &str = "/api/2.0/workspace/list";

/// One specimen of each kind.
pub(super) const SPECIMENS: &[Specimen] = &[
    Specimen {
        kind: "folder",
        make: |site, n| {
            drop(site.post("/api/2.0/workspace/mkdirs", json!({"path": format!("/Shared/folder {n}/in")})))
        },
        change: None,
        list: TREE,
        create: "/api/2.0/workspace/mkdirs",
        update: "/api/2.0/workspace/mkdirs",
    },
    Specimen {
        kind: "notebook",
        make: |site, n| site.write_notebook(&format!("/Shared/notebook {n}"), &format!("print({n})")),
        change: Some(|site, version| {
            (0..COUNT).for_each(|n| {
                site.write_notebook(&format!("/Shared/notebook {n}"), &format!("print({n}) # {version}"))
            });
        }),
        list: TREE,
        create: IMPORT,
        update: IMPORT,
    },
    Specimen {
        kind: "workspace_file",
        make: |site, n| site.write_file(&format!("/Shared/file {n}"), format!("{n}").as_bytes()),
        change: Some(|site, version| {
            (0..COUNT).for_each(|n| {
                site.write_file(&format!("/Shared/file {n}"), format!("{n} {version}").as_bytes())
            });
        }),
        list: TREE,
        create: IMPORT,
        update: IMPORT,
    },
    Specimen {
        kind: "instance_pool",
        make: |site, n| {
            drop(create_pool(site, &format!("pool {n}"), json!({"min_idle_instances": 1, "max_capacity": 5})))
        },
        change: Some(|site, version| {
            for pool in site.list("/api/2.0/instance-pools/list", "instance_pools") {
                site.post(
                    "/api/2.0/instance-pools/edit",
                    json!({"instance_pool_id": pool["instance_pool_id"],
                    "instance_pool_name": pool["instance_pool_name"], "node_type_id": pool["node_type_id"],
                    "min_idle_instances": 1, "max_capacity": 10 + version}),
                );
            }
        }),
        list: "/api/2.0/instance-pools/list",
        create: "/api/2.0/instance-pools/create",
        update: "/api/2.0/instance-pools/edit",
    },
    Specimen {
        kind: "cluster_policy",
        make: |site, n| {
            drop(create_policy(
                site,
                &format!("policy {n}"),
                r#"{"num_workers": {"type": "fixed", "value": 1}}"#,
            ))
        },
        change: Some(|site, version| {
            for policy in site.list("/api/2.0/policies/clusters/list", "policies") {
                if policy["is_default"] == false {
                    site.post("/api/2.0/policies/clusters/edit", json!({"policy_id": policy["policy_id"],
                        "name": policy["name"], "definition": policy["definition"], "max_clusters_per_user": version + 1}));
                }
            }
        }),
        list: "/api/2.0/policies/clusters/list",
        create: "/api/2.0/policies/clusters/create",
        update: "/api/2.0/policies/clusters/edit",
    },
    Specimen {
        kind: "cluster",
        make: |site, n| {
            drop(create_cluster(site, &format!("cluster {}", n % 2), json!({"autotermination_minutes": 0})))
        },
        change: Some(|site, version| {
            for cluster in site.list("/api/2.1/clusters/list?page_size=100", "clusters") {
                site.post("/api/2.1/clusters/edit", json!({"cluster_id": cluster["cluster_id"],
                    "cluster_name": cluster["cluster_name"], "spark_version": cluster["spark_version"],
                    "node_type_id": cluster["node_type_id"], "num_workers": version + 2, "autotermination_minutes": 0}));
            }
        }),
        list: "/api/2.1/clusters/list",
        create: "/api/2.1/clusters/create",
        update: "/api/2.1/clusters/edit",
    },
    Specimen {
        kind: "sql_warehouse",
        make: |site, n| drop(create_warehouse(site, &format!("warehouse {n}"))),
        change: Some(|site, version| {
            for warehouse in site.list("/api/2.0/sql/warehouses", "warehouses") {
                let id = warehouse["id"].as_str().unwrap();
                site.post(
                    &format!("/api/2.0/sql/warehouses/{id}/edit"),
                    json!({"auto_stop_mins": 20 + version}),
                );
            }
        }),
        list: "/api/2.0/sql/warehouses",
        create: "/api/2.0/sql/warehouses",
        update: "/api/2.0/sql/warehouses/*/edit",
    },
    Specimen {
        kind: "job",
        make: |site, n| {
            let mut job = job_with_notebook(&format!("job {}", n % 2), "relative/path");
            job["schedule"] = json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"});
            site.create_job(job);
        },
        change: Some(|site, version| {
            for mut job in site.jobs() {
                let id = job.as_object_mut().unwrap().remove("job_id").and_then(|id| id.as_i64()).unwrap();
                job["timeout_seconds"] = json!(version);
                reset_job(site, id, job);
            }
        }),
        list: "/api/2.2/jobs/list",
        create: "/api/2.2/jobs/create",
        update: "/api/2.2/jobs/reset",
    },
];

/// Makes [`COUNT`] of them.
pub(super) fn make_all(specimen: &Specimen, site: &Site) {
    (0..COUNT).for_each(|n| (specimen.make)(site, n));
}

/// How many documents of the estate are of this kind.
pub(super) fn count(specimen: &Specimen, site: &Site) -> usize {
    let kind = match specimen.kind {
        "instance_pool" => "pool",
        "cluster_policy" => "policy",
        "sql_warehouse" => "warehouse",
        "workspace_file" => "file",
        kind => kind,
    };
    site.estate().kinds.get(kind).map_or(0, Vec::<Value>::len)
}

#[test]
fn there_is_a_specimen_of_every_kind() {
    let known: Vec<&str> = SPECIMENS.iter().map(|specimen| specimen.kind).collect();
    let kinds: Vec<&str> = kinds::schemas().map(|schema| schema.name).collect();
    assert_eq!(known, kinds);
}
