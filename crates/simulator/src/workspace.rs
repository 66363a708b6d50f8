//! One simulated workspace: who may enter, and the stores of its services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::collections::Collection;
use crate::effects::Meters;
use crate::services::clusters::Clusters;
use crate::services::jobs::Jobs;
use crate::services::runs::Runs;
use crate::services::tree::Tree;
use crate::services::warehouses::Warehouses;

/// The clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
}

impl Cloud {
    /// As `/.well-known/databricks-config` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        }
    }
}

/// What a workspace is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// Our handle for it; unique in the account.
    pub name: String,
    /// `us-east-1`, `westeurope`, ...
    pub region: String,
    /// Whose region it is.
    pub cloud: Cloud,
}

impl WorkspaceSpec {
    /// A workspace in a region.
    #[must_use]
    pub fn new(name: &str, cloud: Cloud, region: &str) -> Self {
        Self { name: name.to_owned(), region: region.to_owned(), cloud }
    }
}

/// What a client needs to know of a workspace. The token opens nothing but the simulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceInfo {
    /// Our handle for it.
    pub name: String,
    /// Its id, as in `X-Databricks-Org-Id`.
    pub id: u64,
    /// Where it is.
    pub region: String,
    /// Whose region it is.
    pub cloud: Cloud,
    /// A personal access token of its administrator.
    pub token: String,
    /// That administrator's user name.
    pub user_name: String,
}

/// A workspace. Cloning shares contents and documents, so that yesterday's state can be kept for stale reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) name: Arc<str>,
    pub(crate) id: u64,
    pub(crate) region: String,
    pub(crate) cloud: Cloud,
    pub(crate) token: String,
    /// The administrator in whose name the API is used.
    pub(crate) user: Arc<str>,
    pub(crate) user_id: u64,
    /// Everybody who has been given access, the administrator among them.
    pub(crate) users: BTreeSet<String>,
    pub(crate) tree: Tree,
    /// The plain kinds, by name.
    pub(crate) collections: BTreeMap<String, Collection>,
    /// Counts the changes of the plain kinds, for what is derived from them.
    pub(crate) revision: u64,
    pub(crate) clusters: Clusters,
    pub(crate) warehouses: Warehouses,
    /// `sql/config/warehouses`.
    pub(crate) warehouse_config: Value,
    /// Default warehouses by user id.
    pub(crate) warehouse_overrides: BTreeMap<String, Value>,
    pub(crate) jobs: Jobs,
    pub(crate) runs: Runs,
    pub(crate) meters: Meters,
}

impl Workspace {
    pub(crate) fn info(&self) -> WorkspaceInfo {
        WorkspaceInfo {
            name: self.name.to_string(),
            id: self.id,
            region: self.region.clone(),
            cloud: self.cloud,
            token: self.token.clone(),
            user_name: self.user.to_string(),
        }
    }

    pub(crate) fn collection(&self, kind: &str) -> Option<&Collection> {
        self.collections.get(kind)
    }
}
