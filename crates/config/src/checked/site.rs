//! Sites, and how each of their workspaces is reached.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use twinlake_model::{SetName, SiteId};

use crate::checked::{name, setting};
use crate::fields::At;
use crate::problem::{Mark, Problem, Report};
use crate::raw::{RawSite, RawWorkspace};
use crate::{SecretRef, StorageUrl, suggest};

/// Whose region it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
}

/// One region's deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Whose region.
    pub cloud: Cloud,
    /// The region, as the cloud calls it.
    pub region: String,
    /// The workspaces, by the set that each belongs to.
    pub workspaces: BTreeMap<SetName, WorkspaceRef>,
    /// Where the controller's state is shipped to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StorageUrl>,
}

/// How a workspace is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceRef {
    /// By a profile of `.databrickscfg`.
    Profile(String),
    /// By its address and a personal access token.
    Host {
        /// `https://…`, without a slash at the end.
        host: String,
        /// Where the token is.
        token: SecretRef,
    },
}

impl Cloud {
    /// All clouds, with their names in the config.
    pub const ALL: &'static [(Self, &'static str)] =
        &[(Self::Aws, "aws"), (Self::Azure, "azure"), (Self::Gcp, "gcp")];

    /// The name in the config.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        }
    }

    /// The cloud that a workspace's address belongs to, for a first draft of a config.
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        let host = host.trim_end_matches('/');
        if host.ends_with(".azuredatabricks.net") {
            Self::Azure
        } else if host.ends_with(".gcp.databricks.com") {
            Self::Gcp
        } else {
            Self::Aws
        }
    }
}

/// Checks the sites, each and against each other. Those with a problem are left out.
pub(crate) fn check(raw: &[RawSite], report: &Report) -> BTreeMap<SiteId, Site> {
    refuse_shared_workspaces(raw, report);
    refuse_shared_state(raw, report);
    let named = |site: &RawSite| Some((SiteId::new(site.id.value.as_str()), check_one(site, report)?));
    raw.iter().filter_map(named).collect()
}

fn check_one(raw: &RawSite, report: &Report) -> Option<Site> {
    name::check(&raw.id, report);
    if raw.id.value == "in" {
        report.problem(&raw.id.spot, "cannot be a site's name, because rows of strings use it");
    }
    let cloud = raw.cloud.as_ref().and_then(|typed| cloud(typed, report));
    let mut workspaces = BTreeMap::new();
    for workspace in &raw.workspaces {
        name::check(&workspace.set, report);
        if let Some(reference) = workspace_ref(workspace, report) {
            workspaces.insert(SetName::new(workspace.set.value.as_str()), reference);
        }
    }
    let state = raw.state.as_ref().and_then(|typed| storage_url(typed, report));
    Some(Site { cloud: cloud?, region: raw.region.as_ref()?.value.clone(), workspaces, state })
}

fn cloud(typed: &At<String>, report: &Report) -> Option<Cloud> {
    let found = Cloud::ALL.iter().find(|(_, name)| *name == typed.value).map(|(cloud, _)| *cloud);
    if found.is_none() {
        let names = Cloud::ALL.iter().map(|(_, name)| *name);
        report.add(
            Problem::at(&typed.spot, format!("{:?} is not a cloud: aws, azure or gcp", typed.value))
                .suggest(suggest::did_you_mean(&typed.value, names)),
        );
    }
    found
}

/// Reads a URL of a store, or reports why it is none.
pub(crate) fn storage_url(typed: &At<String>, report: &Report) -> Option<StorageUrl> {
    StorageUrl::parse(&typed.value).map_err(|message| report.problem(&typed.spot, message)).ok()
}

fn workspace_ref(raw: &RawWorkspace, report: &Report) -> Option<WorkspaceRef> {
    if let (Some(profile), Some(other)) = (&raw.profile, raw.host.as_ref().or(raw.token.as_ref())) {
        report.add(
            Problem::at(&other.spot, "cannot stand beside a profile, which has its own host and token")
                .related(&profile.spot.mark, "the profile is named here"),
        );
        return None;
    }
    // Both are checked before either is missed, so that both are reported.
    let host = raw.host.as_ref().and_then(|typed| host(typed, report));
    let token = raw.token.as_ref().and_then(|typed| setting::secret(typed, "token", report));
    match &raw.profile {
        Some(profile) => Some(WorkspaceRef::Profile(profile.value.clone())),
        None => Some(WorkspaceRef::Host { host: host?, token: token? }),
    }
}

/// The address of a workspace: secure, or on this machine (a simulated one).
fn host(typed: &At<String>, report: &Report) -> Option<String> {
    let refuse = |message: String, instead: &str| {
        let suggestion = format!("did you mean \"{instead}\"?");
        report.add(Problem::at(&typed.spot, message).suggest(suggestion));
        None
    };
    let text = typed.value.trim_end_matches('/');
    let Some((scheme, rest)) = text.split_once("://") else {
        return refuse(format!("{text:?} has no scheme"), &format!("https://{text}"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        report.problem(&typed.spot, format!("{text:?} names no host"));
        return None;
    }
    if authority != rest {
        return refuse(format!("{text:?} is more than a host"), &format!("{scheme}://{authority}"));
    }
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    match scheme {
        "https" => Some(text.to_owned()),
        "http" if is_local => Some(text.to_owned()),
        "http" => {
            refuse("is not secure: a token would travel in the clear".to_owned(), &format!("https://{rest}"))
        }
        _ => refuse(format!("{scheme:?} is not how a workspace is reached"), &format!("https://{rest}")),
    }
}

/// Reports two sites that reach the same workspace: a standby that is the primary.
fn refuse_shared_workspaces(raw: &[RawSite], report: &Report) {
    let mut seen: HashMap<String, (&RawSite, &RawWorkspace, &Mark)> = HashMap::new();
    for site in raw {
        for workspace in &site.workspaces {
            let Some((way, typed)) = way_to(workspace) else { continue };
            let Some((other, set, mark)) = seen.get(&way) else {
                seen.insert(way, (site, workspace, &typed.spot.mark));
                continue;
            };
            if other.id.value == site.id.value {
                continue;
            }
            let consequence = if set.set.value == workspace.set.value {
                "one would be the standby of itself"
            } else {
                "a workspace belongs to one site"
            };
            report.add(
                Problem::at(
                    &typed.spot,
                    format!(
                        "is the workspace {:?} of site {:?}: {consequence}",
                        set.set.value, other.id.value
                    ),
                )
                .related(mark, format!("site {:?} names it here", other.id.value)),
            );
        }
    }
}

/// What two workspaces have in common if they are one, and where it was typed.
fn way_to(workspace: &RawWorkspace) -> Option<(String, &At<String>)> {
    if let Some(profile) = &workspace.profile {
        return Some((format!("profile {}", profile.value), profile));
    }
    let host = workspace.host.as_ref()?;
    let text = host.value.trim_end_matches('/').to_lowercase();
    let bare = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    Some((format!("host {}", bare.strip_suffix(":443").unwrap_or(bare)), host))
}

/// Reports two sites that would ship their state to the same place.
fn refuse_shared_state(raw: &[RawSite], report: &Report) {
    let state_of = |site: &RawSite| StorageUrl::parse(&site.state.as_ref()?.value).ok();
    for (index, site) in raw.iter().enumerate() {
        let (Some(typed), Some(url)) = (&site.state, state_of(site)) else { continue };
        let earlier =
            raw[..index].iter().find(|other| state_of(other).is_some_and(|state| state.overlaps(&url)));
        if let Some(other) = earlier {
            let problem = Problem::at(
                &typed.spot,
                format!("lies where site {:?} keeps its state; each site needs its own", other.id.value),
            );
            report.add(match &other.state {
                Some(state) => {
                    problem.related(&state.spot.mark, format!("site {:?} keeps it here", other.id.value))
                }
                None => problem,
            });
        }
    }
}
