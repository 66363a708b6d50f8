//! `check`: everything that can be known to be wrong before anything is written.
//!
//! The config was read whole before this. Here every workspace is reached, our rights are proven, no two places may be
//! one workspace, and the groups' claims and mappings are held against the assets that there really are.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use twinlake_base::ErrorClass;
use twinlake_config::{Config, Notice, Problem};
use twinlake_lease::Term;
use twinlake_model::Place;
use twinlake_store::{Store, StoreOptions};

use crate::claims::claims;
use crate::same_workspace::twins;
use crate::tenure::Ground;
use crate::{ControllerError, Reach, Setup, Standing, term};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A rule of ours forbids to go on.
    Refused,
    /// It will not work like this.
    Problem,
    /// It works, and is probably not what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a place, a group, a file.
    pub about: String,
    /// What is wrong.
    pub message: String,
    /// The next command to run, or thing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A workspace that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceChecked {
    /// Which.
    pub place: Place,
    /// Its address.
    pub host: String,
    /// Its id.
    pub workspace_id: String,
    /// Who we are there.
    pub user: String,
    /// Whether we see everything there.
    pub is_admin: bool,
    /// How many assets of each kind (plural) the groups that are primary there claim; empty on standbys.
    pub claimed: BTreeMap<String, usize>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The estate.
    pub estate: String,
    /// The workspaces that were reached.
    pub places: Vec<PlaceChecked>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What is probably not meant in the config, with its line.
    pub warnings: Vec<Problem>,
    /// What the config says and this version does not act on.
    pub notices: Vec<Notice>,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

impl CheckReport {
    /// The worst that was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).min()
    }
}

/// Checks a config against the world. Writes to no workspace and not to the state.
///
/// # Errors
/// Only when HTTP cannot be set up; everything else is a finding.
pub async fn check(config: &Config, setup: &Setup) -> Result<CheckReport, ControllerError> {
    let reach = Reach::new(setup)?;
    let mut report = CheckReport {
        estate: config.estate.name.clone(),
        places: Vec::new(),
        findings: Vec::new(),
        warnings: config.warnings.clone(),
        notices: config.notices().to_vec(),
        notes: Ground::of(config, setup).note().into_iter().collect(),
    };
    check_state(config, setup, &mut report).await;
    let config = &as_of_now(config, setup, &mut report).await;
    let standings = reach_all(&reach, config, &mut report).await;
    let ids = standings.iter().map(|(place, standing)| (place, standing.identity.workspace_id.as_str()));
    if let Some(found) = twins(ids) {
        let error = ControllerError::SameWorkspace {
            one: found.one.clone(),
            other: found.other,
            workspace_id: found.workspace_id,
        };
        report.findings.push(about(&found.one.to_string(), &error));
    }
    for (place, standing) in standings {
        let mut claimed = BTreeMap::new();
        if standing.is_admin && config.estate.groups.values().any(|group| group.primary == place.site) {
            match claims(&reach, config, &place).await {
                Ok(claims) => claimed = claims.judge(&place, &mut report.findings),
                Err(error) => report.findings.push(about(&place.to_string(), &error)),
            }
        }
        report.places.push(PlaceChecked {
            place,
            host: standing.host,
            workspace_id: standing.identity.workspace_id,
            user: standing.identity.user_name,
            is_admin: standing.is_admin,
            claimed,
        });
    }
    report.findings.sort_by_key(|finding| finding.severity);
    Ok(report)
}

fn about(subject: &str, error: &ControllerError) -> Finding {
    let severity = if error.class() == ErrorClass::Refused { Severity::Refused } else { Severity::Problem };
    Finding { severity, about: subject.to_owned(), message: error.to_string(), hint: error.hint() }
}

/// A state file that is there must be sound; one that is not there is made by the first sync.
async fn check_state(config: &Config, setup: &Setup, report: &mut CheckReport) {
    let path = &config.local_state;
    if !path.exists() {
        return;
    }
    let options = StoreOptions { clock: setup.clock.clone(), gate: setup.gate.clone() };
    if let Err(error) = Store::open(path, options).await {
        report.findings.push(about("local_state", &error.into()));
    }
}

/// The config, with each group's primary where its witness says that it is. The witness must answer.
async fn as_of_now(config: &Config, setup: &Setup, report: &mut CheckReport) -> Config {
    let (ground, mut now) = (Ground::of(config, setup), config.clone());
    for group in now.estate.groups.values_mut() {
        let error = match ground.look(setup, &group.name).await {
            Ok(None) => continue,
            Ok(Some(standing)) => {
                let term = Term { epoch: standing.epoch, primary: standing.primary };
                match term::prove_known(group, &term) {
                    Ok(()) => {
                        (group.standbys, group.primary) = (term::standbys(&term, group), term.primary);
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        report.findings.push(about("witness", &error));
    }
    now
}

async fn reach_all(reach: &Reach, config: &Config, report: &mut CheckReport) -> Vec<(Place, Standing)> {
    let places: BTreeSet<Place> = config
        .sites
        .iter()
        .flat_map(|(site, its)| its.workspaces.keys().map(|set| Place::new(set.clone(), site.clone())))
        .collect();
    let standings = places.into_iter().map(|place| async move {
        let standing = reach.standing(config, &place).await;
        (place, standing)
    });
    let mut reached = Vec::new();
    for (place, standing) in futures::future::join_all(standings).await {
        match standing {
            Ok(standing) => {
                if !standing.is_admin {
                    report.findings.push(no_admin(&place, &standing));
                }
                reached.push((place, standing));
            }
            Err(error) => report.findings.push(about(&place.to_string(), &error)),
        }
    }
    reached
}

fn no_admin(place: &Place, standing: &Standing) -> Finding {
    let user = &standing.identity.user_name;
    Finding {
        severity: Severity::Problem,
        about: place.to_string(),
        message: format!("{user} is not an administrator, so what it cannot see would look deleted"),
        hint: Some(format!("add {user} to the group admins of {}", standing.host)),
    }
}
