//! What can end an operation.

use std::path::PathBuf;

use twinlake_base::ErrorClass;
use twinlake_model::{Epoch, Place, SiteId};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// The config is wrong; every problem is named.
    #[error(transparent)]
    Config(#[from] twinlake_config::Problems),
    /// The config has no such group.
    #[error("there is no failover group {name:?}")]
    UnknownGroup {
        /// What was asked for.
        name: String,
        /// The groups that there are.
        known: Vec<String>,
    },
    /// The config names no workspace at a place.
    #[error("{place} is no workspace of the config")]
    NoWorkspace {
        /// The place.
        place: Place,
    },
    /// A place cannot be reached, or is not what the config takes it for.
    #[error("reaching {place}: {source}")]
    Reach {
        /// The place.
        place: Place,
        /// Why not.
        #[source]
        source: Box<twinlake_databricks::Error>,
    },
    /// The token of a place cannot be fetched.
    #[error("the token for {place}: {source}")]
    Secret {
        /// The place.
        place: Place,
        /// Why not.
        #[source]
        source: twinlake_config::SecretError,
    },
    /// HTTP cannot be set up.
    #[error(transparent)]
    Http(Box<twinlake_databricks::Error>),
    /// Two places are one workspace.
    #[error("{one} and {other} are one and the same workspace ({workspace_id}); nothing was written")]
    SameWorkspace {
        /// The one.
        one: Place,
        /// The other.
        other: Place,
        /// Its id.
        workspace_id: String,
    },
    /// The state cannot be opened, read or written.
    #[error(transparent)]
    Store(Box<twinlake_store::StoreError>),
    /// The state is another estate's.
    #[error("the state {} is that of estate {found:?}, and the config is of {wanted:?}", .path.display())]
    OtherEstate {
        /// The state file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The lease of a group cannot be had.
    #[error("the lease of {group}: {source}")]
    Lease {
        /// The group.
        group: String,
        /// Why not.
        #[source]
        source: Box<twinlake_lease::LeaseError>,
    },
    /// The lease names a primary that the config does not know.
    #[error(
        "production of {group} runs in {found} by its lease, and the config knows no such site of the group"
    )]
    StrangePrimary {
        /// The group.
        group: String,
        /// Where it runs.
        found: SiteId,
    },
    /// Production moved while we were about to work for it.
    #[error("production of {group} runs in {found} since epoch {epoch}, and not in {wanted} any more")]
    Moved {
        /// The group.
        group: String,
        /// Where it runs.
        found: SiteId,
        /// Since which epoch.
        epoch: Epoch,
        /// Where we took it to run.
        wanted: SiteId,
    },
    /// A cycle ended early.
    #[error("{target} from {origin}: {source}")]
    Cycle {
        /// Where it read.
        origin: Place,
        /// Where it writes.
        target: Place,
        /// Why.
        #[source]
        source: Box<twinlake_sync::SyncError>,
    },
    /// What runs at a place cannot be seen or cancelled.
    #[error("{what} of {place}: {source}")]
    Activity {
        /// What runs there, as a plural.
        what: String,
        /// Where.
        place: Place,
        /// Why not.
        #[source]
        source: Box<twinlake_assets::Error>,
    },
    /// A safety rule is against a move.
    #[error("{rule} is against it: {reason}")]
    Objection {
        /// The rule.
        rule: String,
        /// What is the case.
        reason: String,
        /// What satisfies it.
        satisfied_by: String,
    },
    /// A move cannot be made as things stand.
    #[error("{what}")]
    NotNow {
        /// What stands in its way.
        what: String,
        /// The next command to run.
        instead: String,
    },
    /// The key with which state is encrypted cannot be fetched.
    #[error("the state key: {source}")]
    StateKey {
        /// Why not.
        #[source]
        source: twinlake_config::SecretError,
    },
    /// State cannot be shipped, or not be recovered.
    #[error(transparent)]
    Vault(Box<twinlake_vault::VaultError>),
    /// A run's log failed, or does not allow what was asked.
    #[error(transparent)]
    Run(#[from] Box<twinlake_workflow::WorkflowError>),
    /// A place could not be listed to a proven end.
    #[error(transparent)]
    Crawl(Box<twinlake_sync::SyncError>),
    /// Several groups claim one asset.
    #[error("{what} is claimed by the groups {}; nothing was written", .groups.join(" and "))]
    Contested {
        /// The first such asset, and how many more there are.
        what: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// What was approved is not what would be done.
    #[error("no plan has the digest {approved}; {}", said(.standing))]
    NotThatPlan {
        /// What was approved.
        approved: String,
        /// The plans that there are: target, digest, changes.
        standing: Vec<(Place, String, usize)>,
    },
    /// Somebody asked to stop.
    #[error("stopped as asked; what was done is recorded")]
    Stopped,
    /// Nothing is known by this text.
    #[error("nothing is known by {text:?}")]
    UnknownAsset {
        /// What was asked for.
        text: String,
    },
    /// Several assets are meant by this text.
    #[error("{text:?} could be {} assets: {}", .found.len(), .found.join(", "))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// Their identities.
        found: Vec<String>,
    },
    /// There is nothing to adopt.
    #[error("{asset} cannot be adopted: {why}")]
    NotAdoptable {
        /// The asset.
        asset: String,
        /// Why not.
        why: String,
    },
    /// A first config cannot be written.
    #[error("{}: {why}", .path.display())]
    Init {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file cannot be written or a folder made.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: std::io::Error,
    },
}

fn said(standing: &[(Place, String, usize)]) -> String {
    let one = |(place, digest, changes): &(Place, String, usize)| match changes {
        0 => format!("{place} is in step"),
        _ => format!("the plan for {place} is {digest}"),
    };
    standing.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl From<twinlake_databricks::Error> for ControllerError {
    fn from(error: twinlake_databricks::Error) -> Self {
        Self::Http(Box::new(error))
    }
}

impl From<twinlake_store::StoreError> for ControllerError {
    fn from(error: twinlake_store::StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl ControllerError {
    /// What the error asks for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Config(problems) => problems.class(),
            Self::Reach { source, .. } | Self::Http(source) => source.class(),
            Self::Secret { source, .. } => source.class(),
            Self::Store(error) => error.class(),
            Self::Lease { source, .. } => source.class(),
            Self::Activity { source, .. } => source.class(),
            Self::Run(error) => error.class(),
            Self::StateKey { source } => source.class(),
            Self::Vault(error) => error.class(),
            Self::Cycle { source, .. } | Self::Crawl(source) => source.class(),
            Self::SameWorkspace { .. }
            | Self::OtherEstate { .. }
            | Self::StrangePrimary { .. }
            | Self::Objection { .. }
            | Self::NotNow { .. }
            | Self::Moved { .. }
            | Self::NotThatPlan { .. }
            | Self::Contested { .. } => ErrorClass::Refused,
            Self::UnknownGroup { .. } | Self::NoWorkspace { .. } | Self::UnknownAsset { .. } => {
                ErrorClass::Missing
            }
            Self::Ambiguous { .. } | Self::NotAdoptable { .. } | Self::Init { .. } => ErrorClass::Invalid,
            Self::Stopped | Self::Io { .. } => ErrorClass::Retryable,
        }
    }

    /// Whether a rule of ours says no, which is another thing than having failed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Cycle { source, .. } if matches!(**source, twinlake_sync::SyncError::Rights { .. }) => true,
            _ => self.class() == ErrorClass::Refused,
        }
    }

    /// The next command to run, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(problems) => problems.hint(),
            Self::UnknownGroup { known, .. } => Some(format!("one of: {}", known.join(", "))),
            Self::NoWorkspace { place } => {
                Some(format!("name it in twinlake.yml: sites.{}.workspaces.{}", place.site, place.set))
            }
            Self::Reach { source, .. } | Self::Http(source) => source.hint(),
            Self::Secret { source, .. } => source.hint(),
            Self::Store(error) => error.hint(),
            Self::Lease { source, .. } => source.hint(),
            Self::Cycle { source, .. } | Self::Crawl(source) => source.hint(),
            Self::SameWorkspace { other, .. } => Some(format!(
                "give {other} a workspace of its own in twinlake.yml (profile or host), then run `twinlake check`"
            )),
            Self::OtherEstate { .. } => {
                Some("set `local_state` in twinlake.yml to a file of this estate's own".to_owned())
            }
            Self::StrangePrimary { group, found } => {
                Some(format!("name {found} among the sites of failover_groups.{group} in twinlake.yml"))
            }
            Self::Activity { source, .. } => source.hint(),
            Self::Run(error) => error.hint(),
            Self::StateKey { source } => source.hint(),
            Self::Vault(error) => error.hint(),
            Self::Objection { satisfied_by, .. } => Some(satisfied_by.clone()),
            Self::NotNow { instead, .. } => Some(instead.clone()),
            Self::Moved { .. } => Some("twinlake status".to_owned()),
            Self::NotThatPlan { .. } => Some("twinlake plan".to_owned()),
            Self::Stopped => Some("run `twinlake sync` to continue".to_owned()),
            Self::UnknownAsset { .. } => {
                Some("`twinlake id` knows what a sync has seen: names, ids, paths".to_owned())
            }
            Self::Ambiguous { found, .. } => found.first().map(|first| format!("twinlake id adopt {first}")),
            Self::NotAdoptable { .. } => Some("twinlake status".to_owned()),
            Self::Contested { .. } => Some("twinlake check".to_owned()),
            Self::Init { .. } | Self::Io { .. } => None,
        }
    }
}
