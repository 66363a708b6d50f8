//! The groups' claims and mappings, held against the assets that there really are.
//!
//! The config can compare patterns with patterns. Whether two patterns that cross really meet in an asset, whether a group
//! takes anything at all and whether a mapping maps anything is only known from the lists of the primary.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_assets::{Body, Error as AssetError, Listed, Scope, kinds};
use twinlake_config::Config;
use twinlake_databricks::Policy;
use twinlake_model::{GroupName, Key, KindName, Place, Selection};

use crate::check::{Finding, Severity};
use crate::kinds::plural;
use crate::legs::legs;
use crate::mapping_use::UnusedRows;
use crate::{ControllerError, Reach};

/// What the groups claim of the assets that a place really has.
pub(crate) struct Claims {
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

/// Proves that no asset of these places is claimed by two groups, where the config leaves it open.
///
/// # Errors
/// [`ControllerError::Contested`]; or when a primary that several groups share cannot be listed.
pub(crate) async fn prove_uncontested(
    reach: &Reach,
    config: &Config,
    among: &BTreeSet<Place>,
) -> Result<(), ControllerError> {
    for place in shared_primaries(config).into_iter().filter(|place| among.contains(place)) {
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
pub(crate) async fn claims(reach: &Reach, config: &Config, place: &Place) -> Result<Claims, ControllerError> {
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
    pub(crate) fn judge(self, place: &Place, findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
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
