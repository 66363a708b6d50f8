//! `check`: everything that can be known to be wrong before anything is written.
//!
//! The config was read whole before this. Here every workspace is reached, our rights are proven, no two places may be
//! one workspace, and the groups' claims and mappings are held against the assets that there really are.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use twinlake_assets::{Body, Error as AssetError, Listed, Scope, kinds};
use twinlake_base::ErrorClass;
use twinlake_config::{Config, Notice, Problem};
use twinlake_databricks::Policy;
use twinlake_model::{GroupName, Key, KindName, Place, Selection};
use twinlake_store::{Store, StoreOptions};

use crate::kinds::plural;
use crate::legs::legs;
use crate::mapping_use::UnusedRows;
use crate::same_workspace::twins;
use crate::tenure::Ground;
use crate::{ControllerError, Reach, Setup, Standing};

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
        notes: Ground::of(config).note().into_iter().collect(),
    };
    check_state(config, setup, &mut report).await;
    check_witness(config, setup, &mut report).await;
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

/// The witness must answer, and agree with the config on where production runs.
async fn check_witness(config: &Config, setup: &Setup, report: &mut CheckReport) {
    let ground = Ground::of(config);
    for group in config.estate.groups.values() {
        let error = match ground.look(setup, &group.name).await {
            Ok(Some(standing)) if standing.primary != group.primary => ControllerError::OtherPrimary {
                group: group.name.to_string(),
                found: standing.primary,
                wanted: group.primary.clone(),
            },
            Ok(_) => continue,
            Err(error) => error,
        };
        report.findings.push(about("witness", &error));
    }
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

/// What the groups claim of the assets that a place really has.
struct Claims {
    /// Per kind (plural), how many some group claims.
    claimed: BTreeMap<String, usize>,
    /// Per group that is primary here, how many it takes, base layer included.
    taken: BTreeMap<GroupName, usize>,
    /// Assets that several groups claim: kinds, key, groups.
    contested: Vec<(String, Key, Vec<GroupName>)>,
    /// Per group, the mappings that stand for nothing.
    unused: BTreeMap<GroupName, UnusedRows>,
}

/// How many contested assets are named; more would hide everything else.
const MOST_NAMED: usize = 10;

/// Proves that no asset is claimed by two groups, where the config leaves it open.
///
/// # Errors
/// [`ControllerError::Contested`]; or when a primary that several groups share cannot be listed.
pub(crate) async fn prove_uncontested(reach: &Reach, config: &Config) -> Result<(), ControllerError> {
    for place in shared_primaries(config) {
        let mut contested = claims(reach, config, &place).await?.contested.into_iter();
        if let Some((kinds, key, groups)) = contested.next() {
            let more = match contested.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let what = format!("{kinds}:{key} of {place}{more}");
            let groups = groups.iter().map(ToString::to_string).collect();
            return Err(ControllerError::Contested { what, groups });
        }
    }
    Ok(())
}

/// The places where more than one group reads.
fn shared_primaries(config: &Config) -> BTreeSet<Place> {
    let groups = config.estate.groups.values();
    let sources = groups.flat_map(|group| group.sets.iter().map(|set| group.place(set, &group.primary)));
    let mut seen = BTreeSet::new();
    sources.filter(|place| !seen.insert(place.clone())).collect()
}

/// Lists every kind at a primary, and holds the groups' selections and mappings against what there is.
async fn claims(reach: &Reach, config: &Config, place: &Place) -> Result<Claims, ControllerError> {
    let estate = &config.estate;
    let mut selections: BTreeMap<GroupName, Selection> = BTreeMap::new();
    for group in estate.groups.values().filter(|group| group.primary == place.site) {
        let leg = legs(estate, group).into_iter().find(|leg| leg.source == *place);
        selections.extend(leg.map(|leg| (group.name.clone(), leg.selection)));
    }
    let mut found = Claims {
        claimed: BTreeMap::new(),
        taken: selections.keys().map(|group| (group.clone(), 0)).collect(),
        contested: Vec::new(),
        unused: estate
            .groups
            .values()
            .filter(|group| selections.contains_key(&group.name))
            .map(|group| (group.name.clone(), UnusedRows::of(&group.mappings, &place.site)))
            .collect(),
    };
    let reader = reach.client(config, place, Policy::PATIENT)?.reader();
    let scope = Scope { selection: everything_of(selections.values()) };
    let mut listings = BTreeSet::new();
    for kind in kinds::KINDS.iter().filter(|kind| listings.insert(kind.listing().name())) {
        let mut unread = Vec::new();
        let mut see = |row: Listed| -> Result<(), AssetError> {
            let kinds = plural(row.kind);
            let takers = selections.iter().filter(|(_, selection)| selection.takes(kinds, &row.key));
            let takers: Vec<GroupName> = takers.map(|(group, _)| group.clone()).collect();
            if takers.is_empty() {
                return Ok(());
            }
            *found.claimed.entry(kinds.to_owned()).or_default() += 1;
            let claimants = estate.claimants(place, kinds, &row.key);
            if claimants.len() > 1 && !estate.base_layer.takes(kinds, &row.key) {
                let claimants = claimants.into_iter().cloned().collect();
                found.contested.push((kinds.to_owned(), row.key.clone(), claimants));
            }
            for group in &takers {
                *found.taken.entry(group.clone()).or_default() += 1;
            }
            match row.body {
                Body::Whole(portrait) | Body::WithoutContent(portrait, _) => {
                    let rows = found.unused.iter_mut().filter(|(group, _)| takers.contains(group));
                    rows.for_each(|(_, rows)| rows.see(&portrait.spec));
                }
                Body::Unread(_) => unread.push((KindName::from(row.kind), row.remote, takers)),
                _ => {}
            }
            Ok(())
        };
        kind.listing()
            .list(&reader, &scope, &mut see)
            .await
            .map_err(|source| crawling(place, kind.schema().plural, source))?;
        for (kind, remote, takers) in unread {
            let rows = |found: &Claims| takers.iter().any(|group| found.has_unused_rows(group));
            let Some(kind) = kinds::find(kind.as_str()).filter(|_| rows(&found)) else { continue };
            let document = kind
                .read(&reader, &remote)
                .await
                .map_err(|source| crawling(place, kind.schema().plural, source))?;
            let Some(document) = document else { continue };
            let rows = found.unused.iter_mut().filter(|(group, _)| takers.contains(group));
            rows.for_each(|(_, rows)| rows.see(&document));
        }
    }
    Ok(found)
}

fn crawling(place: &Place, what: &str, source: AssetError) -> ControllerError {
    ControllerError::Crawl(Box::new(twinlake_sync::SyncError::Crawl {
        what: what.to_owned(),
        place: place.clone(),
        source: Box::new(source),
    }))
}

/// A selection that leaves out nothing that any of these takes.
fn everything_of<'s>(selections: impl Iterator<Item = &'s Selection>) -> Selection {
    let mut all = Selection::none();
    for selection in selections {
        if selection.include.is_empty() {
            return Selection::all();
        }
        all.include.extend(selection.include.iter().cloned());
    }
    all
}

impl Claims {
    fn has_unused_rows(&self, group: &GroupName) -> bool {
        self.unused.get(group).is_some_and(|rows| !rows.rows().is_empty())
    }

    /// Says what is wrong with them, and returns how many assets of each kind are claimed.
    fn judge(self, place: &Place, findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
        let more = self.contested.len().saturating_sub(MOST_NAMED);
        for (kinds, key, groups) in self.contested.into_iter().take(MOST_NAMED) {
            let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
            findings.push(Finding {
                severity: Severity::Refused,
                about: place.to_string(),
                message: format!("{kinds}:{key} is claimed by the groups {}", groups.join(" and ")),
                hint: Some(
                    "an asset belongs to one group: exclude it from the others, or name it in base_layer"
                        .into(),
                ),
            });
        }
        if more > 0 {
            findings.push(Finding {
                severity: Severity::Refused,
                about: place.to_string(),
                message: format!("{more} more assets are claimed by several groups"),
                hint: None,
            });
        }
        for (group, taken) in &self.taken {
            if *taken == 0 {
                findings.push(Finding {
                    severity: Severity::Warning,
                    about: format!("failover_groups.{group}"),
                    message: format!("takes none of the assets that {place} has"),
                    hint: Some("compare its `include` with what `twinlake kinds` calls the kinds".into()),
                });
            }
        }
        for (group, rows) in &self.unused {
            for row in rows.rows() {
                findings.push(Finding {
                    severity: Severity::Warning,
                    about: format!("failover_groups.{group}.{}", row.table),
                    message: format!(
                        "{:?} stands in no asset of {place}, so this row maps nothing",
                        row.value
                    ),
                    hint: None,
                });
            }
        }
        self.claimed
    }
}
