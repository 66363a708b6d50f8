//! Every route of the API, and how a request finds its service.
//!
//! Plain collections bring their routes with their row (`collections`); the rest stands here.

use std::sync::LazyLock;

use http::Method;

use crate::call::{Call, Outcome};
use crate::collections::{self, ROWS, Row, Verb};
use crate::services::{
    cluster_api, content, jobs, libraries, me, node_types, policy_families, run_api, tree, warehouse_config,
    warehouses, wellknown,
};

/// One endpoint of the simulated API.
#[derive(Clone, Debug)]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path; `{name}` stands for one segment, `{name...}` for the rest.
    pub path: &'static str,
    /// The service that answers: `jobs`, `clusters`, `workspace`, ...
    pub service: &'static str,
    does: Does,
}

impl Route {
    /// Whether a request to it changes something.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.method != Method::GET && !self.path.ends_with("/clusters/events")
    }

    pub(crate) fn answer(&self, call: &mut Call<'_, '_>) -> Outcome {
        self.does.answer(call)
    }
}

/// What answers a route.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Handler(fn(&mut Call<'_, '_>) -> Outcome),
    Collection(&'static Row, Verb),
}

impl std::fmt::Debug for Does {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Handler(_) => "handler",
            Self::Collection(row, _) => row.kind,
        })
    }
}

impl Does {
    pub(crate) fn answer(self, call: &mut Call<'_, '_>) -> Outcome {
        match self {
            Self::Handler(handler) => handler(call),
            Self::Collection(row, verb) => collections::answer(call, row, verb),
        }
    }
}

type Handler = fn(&mut Call<'_, '_>) -> Outcome;

/// Method, path, service, handler. `{v}` stands for each version of the jobs or clusters API.
const TABLE: &[(Method, &str, &str, Handler)] = &[
    // Before sign-in
    (Method::GET, "/.well-known/databricks-config", "wellknown", wellknown::config),
    (Method::GET, "/oidc/.well-known/oauth-authorization-server", "wellknown", wellknown::oidc),
    // Current user
    (Method::GET, "/api/2.0/preview/scim/v2/Me", "me", me::me),
    // Workspace tree
    (Method::GET, "/api/2.0/workspace/list", "workspace", tree::list),
    (Method::GET, "/api/2.0/workspace/get-status", "workspace", tree::get_status),
    (Method::POST, "/api/2.0/workspace/mkdirs", "workspace", tree::mkdirs),
    (Method::POST, "/api/2.0/workspace/delete", "workspace", tree::delete),
    (Method::POST, "/api/2.0/workspace/import", "workspace", content::import),
    (Method::GET, "/api/2.0/workspace/export", "workspace", content::export),
    (Method::POST, "/api/2.0/workspace-files/import-file/{path...}", "workspace", content::import_file),
    (Method::GET, "/api/2.0/workspace-files/{path...}", "workspace", tree::read_file),
    // Policy families
    (Method::GET, "/api/2.0/policy-families", "policy_families", policy_families::list),
    (Method::GET, "/api/2.0/policy-families/{policy_family_id}", "policy_families", policy_families::get),
    // Clusters
    (Method::POST, "/api/{clusters}/clusters/create", "clusters", cluster_api::create),
    (Method::GET, "/api/{clusters}/clusters/get", "clusters", cluster_api::get),
    (Method::GET, "/api/{clusters}/clusters/list", "clusters", cluster_api::list),
    (Method::POST, "/api/{clusters}/clusters/edit", "clusters", cluster_api::edit),
    (Method::POST, "/api/{clusters}/clusters/update", "clusters", cluster_api::update),
    (Method::POST, "/api/{clusters}/clusters/resize", "clusters", cluster_api::resize),
    (Method::POST, "/api/{clusters}/clusters/start", "clusters", cluster_api::start),
    (Method::POST, "/api/{clusters}/clusters/restart", "clusters", cluster_api::restart),
    (Method::POST, "/api/{clusters}/clusters/delete", "clusters", cluster_api::delete),
    (Method::POST, "/api/{clusters}/clusters/permanent-delete", "clusters", cluster_api::permanent_delete),
    (Method::POST, "/api/{clusters}/clusters/pin", "clusters", cluster_api::pin),
    (Method::POST, "/api/{clusters}/clusters/unpin", "clusters", cluster_api::unpin),
    (Method::POST, "/api/{clusters}/clusters/change-owner", "clusters", cluster_api::change_owner),
    (Method::POST, "/api/{clusters}/clusters/events", "clusters", cluster_api::events),
    (Method::GET, "/api/{clusters}/clusters/list-node-types", "clusters", node_types::list),
    (Method::GET, "/api/{clusters}/clusters/list-zones", "clusters", node_types::list_zones),
    (Method::GET, "/api/{clusters}/clusters/spark-versions", "clusters", node_types::spark_versions),
    // Libraries
    (Method::GET, "/api/2.0/libraries/all-cluster-statuses", "libraries", libraries::all_cluster_statuses),
    (Method::GET, "/api/2.0/libraries/cluster-status", "libraries", libraries::cluster_status),
    (Method::POST, "/api/2.0/libraries/install", "libraries", libraries::install),
    (Method::POST, "/api/2.0/libraries/uninstall", "libraries", libraries::uninstall),
    // SQL warehouses
    (Method::GET, "/api/2.0/sql/warehouses", "warehouses", warehouses::list),
    (Method::POST, "/api/2.0/sql/warehouses", "warehouses", warehouses::create),
    (Method::GET, "/api/2.0/sql/warehouses/{id}", "warehouses", warehouses::get),
    (Method::DELETE, "/api/2.0/sql/warehouses/{id}", "warehouses", warehouses::delete),
    (Method::POST, "/api/2.0/sql/warehouses/{id}/edit", "warehouses", warehouses::edit),
    (Method::POST, "/api/2.0/sql/warehouses/{id}/start", "warehouses", warehouses::start),
    (Method::POST, "/api/2.0/sql/warehouses/{id}/stop", "warehouses", warehouses::stop),
    (Method::GET, "/api/2.0/sql/config/warehouses", "warehouses", warehouse_config::get),
    (Method::PUT, "/api/2.0/sql/config/warehouses", "warehouses", warehouse_config::put),
    (
        Method::GET,
        "/api/warehouses/v1/default-warehouse-overrides",
        "warehouses",
        warehouse_config::list_overrides,
    ),
    (
        Method::POST,
        "/api/warehouses/v1/default-warehouse-overrides",
        "warehouses",
        warehouse_config::create_override,
    ),
    (
        Method::GET,
        "/api/warehouses/v1/default-warehouse-overrides/{default_warehouse_override_id}",
        "warehouses",
        warehouse_config::get_override,
    ),
    (
        Method::PATCH,
        "/api/warehouses/v1/default-warehouse-overrides/{default_warehouse_override_id}",
        "warehouses",
        warehouse_config::update_override,
    ),
    (
        Method::DELETE,
        "/api/warehouses/v1/default-warehouse-overrides/{default_warehouse_override_id}",
        "warehouses",
        warehouse_config::delete_override,
    ),
    // Jobs
    (Method::POST, "/api/{jobs}/jobs/create", "jobs", jobs::create),
    (Method::GET, "/api/{jobs}/jobs/get", "jobs", jobs::get),
    (Method::GET, "/api/{jobs}/jobs/list", "jobs", jobs::list),
    (Method::POST, "/api/{jobs}/jobs/reset", "jobs", jobs::reset),
    (Method::POST, "/api/{jobs}/jobs/update", "jobs", jobs::update),
    (Method::POST, "/api/{jobs}/jobs/delete", "jobs", jobs::delete),
    // Runs
    (Method::POST, "/api/{jobs}/jobs/run-now", "jobs", run_api::run_now),
    (Method::POST, "/api/{jobs}/jobs/runs/submit", "jobs", run_api::submit),
    (Method::GET, "/api/{jobs}/jobs/runs/get", "jobs", run_api::get),
    (Method::GET, "/api/{jobs}/jobs/runs/list", "jobs", run_api::list),
    (Method::GET, "/api/{jobs}/jobs/runs/get-output", "jobs", run_api::get_output),
    (Method::GET, "/api/{jobs}/jobs/runs/export", "jobs", run_api::export),
    (Method::POST, "/api/{jobs}/jobs/runs/cancel", "jobs", run_api::cancel),
    (Method::POST, "/api/{jobs}/jobs/runs/cancel-all", "jobs", run_api::cancel_all),
    (Method::POST, "/api/{jobs}/jobs/runs/delete", "jobs", run_api::delete),
    (Method::POST, "/api/{jobs}/jobs/runs/repair", "jobs", run_api::repair),
];

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let plain = ROWS.iter().flat_map(|row| {
        row.routes.iter().map(|(verb, method, path)| Route {
            method: method.clone(),
            path,
            service: row.list_field,
            does: Does::Collection(row, *verb),
        })
    });
    let written = TABLE.iter().flat_map(|(method, path, service, handler)| {
        versions(path).into_iter().map(|path| Route {
            method: method.clone(),
            path,
            service,
            does: Does::Handler(*handler),
        })
    });
    plain.chain(written).collect()
});

/// The paths of a row: one for each version of its API.
fn versions(path: &'static str) -> Vec<&'static str> {
    let each = |mark: &str, versions: &[&str]| -> Vec<&'static str> {
        versions.iter().map(|version| &*path.replace(mark, version).leak()).collect()
    };
    if path.contains("{jobs}") {
        each("{jobs}", &["2.2", "2.1"])
    } else if path.contains("{clusters}") {
        each("{clusters}", &["2.1", "2.0"])
    } else {
        vec![path]
    }
}

/// Every route of the API, for reading.
#[must_use]
pub fn routes() -> &'static [Route] {
    &ROUTES
}

/// What stands at the `{...}` of a route's path.
type Captured = Vec<(&'static str, String)>;

/// The route of a request.
pub(crate) fn route(method: &Method, path: &str) -> Option<(&'static Route, Captured)> {
    routes()
        .iter()
        .filter(|route| route.method == *method)
        .find_map(|route| Some((route, captured(route.path, path)?)))
}

fn captured(template: &'static str, path: &str) -> Option<Captured> {
    if !template.contains('{') {
        return (template == path).then(Vec::new);
    }
    let mut found = Vec::new();
    let (mut template, mut path) = (template, path);
    while let Some((before, rest)) = template.split_once('{') {
        path = path.strip_prefix(before)?;
        let (name, after) = rest.split_once('}')?;
        if let Some(name) = name.strip_suffix("...") {
            found.push((name, path.to_owned()));
            return Some(found);
        }
        let length = path.find('/').unwrap_or(path.len());
        if length == 0 {
            return None;
        }
        found.push((name, path[..length].to_owned()));
        (template, path) = (after, &path[length..]);
    }
    (template == path).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_finds_itself_and_no_other() {
        for route in routes() {
            let path = route.path.replace('{', "").replace("...}", "").replace('}', "");
            let (found, _) = super::route(&route.method, &path).unwrap();
            assert_eq!(found.path, route.path);
        }
    }

    #[test]
    fn a_path_parameter_is_one_segment() {
        let (_, captured) = route(&Method::POST, "/api/2.0/sql/warehouses/abc/stop").unwrap();
        assert_eq!(captured, [("id", "abc".to_owned())]);
        assert!(route(&Method::GET, "/api/2.0/sql/warehouses/a/b").is_none());
    }
}
