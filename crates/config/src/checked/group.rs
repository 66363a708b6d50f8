//! Failover groups: what moves together, what it is promised, and its limits.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use twinlake_model::{
    FailoverGroup, GroupName, Guards, Objectives, SetName, Shares, SiteId, Tier, WorkspaceSet,
};

use crate::checked::overlap::Claim;
use crate::checked::safety::Beyond;
use crate::checked::selection::{Absent, PlacedSelection, refuse_empty};
use crate::checked::{mapping, name, safety, selection};
use crate::duration;
use crate::fields::At;
use crate::percent;
use crate::problem::{Problem, Report};
use crate::raw::{RawContact, RawGroup, RawSite};

/// The shortest schedule. A cycle lists every kind; more often than this, cycles would queue behind each other.
pub const MIN_SCHEDULE: Duration = Duration::from_secs(30);

/// Who is told, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// What they decide or do: `DR lead`.
    pub role: String,
    /// How they are reached.
    pub to: String,
}

/// What the checks of one group need to know.
pub(crate) struct Surroundings<'a> {
    pub(crate) sites: &'a [RawSite],
    pub(crate) kinds: &'a [String],
    pub(crate) safety: Beyond<'a>,
    pub(crate) report: &'a Report,
}

/// One group, as far as it could be read.
pub(crate) struct CheckedGroup {
    /// None when something that it cannot do without has a problem.
    pub(crate) group: Option<FailoverGroup>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) contacts: Vec<Contact>,
}

/// Checks a group.
pub(crate) fn check(raw: &RawGroup, around: &Surroundings<'_>) -> CheckedGroup {
    let report = around.report;
    name::check(&raw.name, report);
    let primary = raw.primary.as_ref().filter(|primary| is_site(primary, around));
    let standbys = standbys(raw, around);
    let sites: Vec<&str> =
        primary.iter().copied().chain(standbys.iter().copied()).map(|site| site.value.as_str()).collect();
    warn_of_shared_region(primary, &standbys, around);
    let (sets, claims) = sets(raw, &sites, around);
    let objectives = objectives(raw, report);
    let schedule = schedule(raw, objectives, report);
    let known = mapping::Sites { all: names(around), group: sites };
    let mappings = mapping::check(raw, &known, report);
    let select = |raw: Option<&_>| selection::check(raw, Absent::Nothing, around.kinds, report);
    let (warm, accept) = (select(raw.warm.as_ref()), select(raw.accept.as_ref()));
    let waves = raw.waves.iter().map(|wave| select(Some(wave))).collect();
    let (guards, shares) = (guards(raw, report), shares(raw, report));
    let safety = safety::check(&raw.safety, &around.safety);
    let group = primary.zip(objectives).map(|(primary, objectives)| FailoverGroup {
        name: GroupName::new(raw.name.value.as_str()),
        primary: SiteId::new(primary.value.as_str()),
        standbys: standbys.iter().map(|site| SiteId::new(site.value.as_str())).collect(),
        objectives,
        sets,
        catalogs: raw.catalogs.iter().map(|catalog| catalog.value.clone()).collect(),
        mappings,
        warm,
        waves,
        accept,
        guards,
        shares,
        safety,
        schedule,
    });
    CheckedGroup { group, claims, contacts: raw.contacts.iter().filter_map(contact).collect() }
}

fn contact(raw: &RawContact) -> Option<Contact> {
    Some(Contact { role: raw.role.as_ref()?.value.clone(), to: raw.to.as_ref()?.value.clone() })
}

fn names<'a>(around: &Surroundings<'a>) -> Vec<&'a str> {
    around.sites.iter().map(|site| site.id.value.as_str()).collect()
}

fn is_site(typed: &At<String>, around: &Surroundings<'_>) -> bool {
    let known = names(around).contains(&typed.value.as_str());
    if !known {
        name::refuse_unknown("site", typed, names(around), around.report);
    }
    known
}

/// The standbys that are sites, each once, and none of them the primary.
fn standbys<'r>(raw: &'r RawGroup, around: &Surroundings<'_>) -> Vec<&'r At<String>> {
    let mut found: Vec<&At<String>> = Vec::new();
    for standby in &raw.standbys {
        let refuse = |message: &str, other: &At<String>, note: &str| {
            around.report.add(Problem::at(&standby.spot, message).related(&other.spot.mark, note));
        };
        let twice = found.iter().find(|other| other.value == standby.value);
        match raw.primary.as_ref().filter(|primary| primary.value == standby.value) {
            Some(primary) => {
                refuse(
                    &format!("{:?} is the primary, so it cannot be its own standby", standby.value),
                    primary,
                    "it is the primary here",
                );
            }
            None if twice.is_some() => {
                if let Some(first) = twice {
                    refuse(&format!("{:?} is named twice", standby.value), first, "it is first named here");
                }
            }
            None if is_site(standby, around) => found.push(standby),
            None => {}
        }
    }
    found
}

/// A standby in the primary's own region goes down with it.
fn warn_of_shared_region(primary: Option<&At<String>>, standbys: &[&At<String>], around: &Surroundings<'_>) {
    let region = |name: &str| {
        let site = around.sites.iter().find(|site| site.id.value == name)?;
        Some((site.cloud.as_ref()?.value.clone(), site.region.as_ref()?.value.clone()))
    };
    let Some(home) = primary.and_then(|primary| region(&primary.value)) else { return };
    for standby in standbys.iter().filter(|standby| region(&standby.value).as_ref() == Some(&home)) {
        let message =
            format!("{:?} is in the primary's region, {}, and would be lost with it", standby.value, home.1);
        around.report.add(Problem::warning(&standby.spot, message));
    }
}

fn sets(raw: &RawGroup, sites: &[&str], around: &Surroundings<'_>) -> (Vec<WorkspaceSet>, Vec<Claim>) {
    let report = around.report;
    let mut sets: Vec<WorkspaceSet> = Vec::new();
    let mut claims = Vec::new();
    for set in &raw.sets {
        let assets = set.assets.as_ref().map_or_else(PlacedSelection::default, |raw| {
            refuse_empty(raw, report);
            PlacedSelection::check(raw, around.kinds, report)
        });
        let Some(name) = &set.name else { continue };
        if sets.iter().any(|other| other.name.as_str() == name.value) {
            report.problem(&name.spot, format!("the set {:?} is named twice in this group", name.value));
            continue;
        }
        let absent: Vec<&str> =
            sites.iter().copied().filter(|site| !has_workspace(site, &name.value, around)).collect();
        if !absent.is_empty() {
            refuse_absent(name, &absent, sites, around);
        }
        sets.push(WorkspaceSet { name: SetName::new(name.value.as_str()), assets: assets.selection() });
        // A selector that could not be read must not look like a claim to everything.
        let typed = set.assets.as_ref().and_then(|raw| raw.include.as_ref());
        if assets.include.is_empty() && typed.is_some() {
            continue;
        }
        claims.push(Claim {
            group: raw.name.value.clone(),
            sites: sites.iter().map(|site| (*site).to_owned()).collect(),
            set: name.value.clone(),
            assets,
            spot: set.spot.clone(),
        });
    }
    (sets, claims)
}

fn has_workspace(site: &str, set: &str, around: &Surroundings<'_>) -> bool {
    let site = around.sites.iter().find(|other| other.id.value == site);
    site.is_none_or(|site| site.workspaces.iter().any(|workspace| workspace.set.value == set))
}

/// Says which sites lack the set; or, where none has it, which set was probably meant.
fn refuse_absent(name: &At<String>, absent: &[&str], sites: &[&str], around: &Surroundings<'_>) {
    if absent.len() == sites.len() {
        let of_group = around.sites.iter().filter(|site| sites.contains(&site.id.value.as_str()));
        let known: BTreeSet<&str> = of_group
            .flat_map(|site| &site.workspaces)
            .map(|workspace| workspace.set.value.as_str())
            .collect();
        name::refuse_unknown("workspace set", name, known, around.report);
        return;
    }
    let list = absent.iter().map(|site| format!("{site:?}")).collect::<Vec<_>>().join(" and ");
    let message =
        format!("site {list} has no workspace {:?}; a set has one at every site of its group", name.value);
    around.report.problem(&name.spot, message);
}

fn objectives(raw: &RawGroup, report: &Report) -> Option<Objectives> {
    if let (Some(tier), Some(objectives)) = (&raw.tier, &raw.objectives) {
        report.add(
            Problem::at(&objectives.spot, "cannot stand beside a tier, which has its own objectives")
                .related(&tier.spot.mark, "the tier is given here"),
        );
    }
    let own = raw.objectives.as_ref().map(|objectives| {
        let rpo = objectives.value.rpo.as_ref().and_then(|typed| read_duration(typed, report));
        let rto = objectives.value.rto.as_ref().and_then(|typed| read_duration(typed, report));
        rpo.zip(rto).map(|(rpo, rto)| Objectives { rpo, rto })
    });
    let of_tier = raw.tier.as_ref().map(|typed| match typed.value.as_str() {
        "1" => Some(Tier::One.objectives()),
        "2" => Some(Tier::Two.objectives()),
        "3" => Some(Tier::Three.objectives()),
        other => {
            let meant = match other.to_lowercase().as_str() {
                "hot" | "one" => Some("did you mean 1?"),
                "warm" | "two" => Some("did you mean 2?"),
                "cold" | "three" => Some("did you mean 3?"),
                _ => None,
            };
            report.add(
                Problem::at(&typed.spot, format!("{other:?} is not a tier: 1 (hot), 2 (warm) or 3 (cold)"))
                    .suggest(meant.map(str::to_owned)),
            );
            None
        }
    });
    own.or(of_tier).flatten()
}

fn schedule(raw: &RawGroup, objectives: Option<Objectives>, report: &Report) -> Option<Duration> {
    let typed = raw.schedule.as_ref()?;
    let schedule = read_duration(typed, report)?;
    if schedule < MIN_SCHEDULE {
        let shortest = duration::show(MIN_SCHEDULE);
        report.problem(
            &typed.spot,
            format!("{:?} is shorter than {shortest}, the shortest schedule", typed.value),
        );
    } else if let Some(objectives) = objectives.filter(|objectives| objectives.rpo < schedule) {
        let rpo = duration::show(objectives.rpo);
        report.add(
            Problem::warning(
                &typed.spot,
                format!("every {} is too seldom for an RPO of {rpo}", duration::show(schedule)),
            )
            .suggest("sync more often, or promise less".to_owned()),
        );
    }
    Some(schedule)
}

/// Reads a duration, or reports why it is none.
pub(crate) fn read_duration(typed: &At<String>, report: &Report) -> Option<Duration> {
    duration::parse(&typed.value).map_err(|message| report.problem(&typed.spot, message)).ok()
}

fn read_percent(typed: &At<String>, report: &Report) -> Option<f64> {
    percent::parse(&typed.value).map_err(|message| report.problem(&typed.spot, message)).ok()
}

fn guards(raw: &RawGroup, report: &Report) -> Guards {
    let mut guards = Guards::default();
    if let Some(typed) = &raw.deletion_grace
        && let Some(grace) = read_duration(typed, report)
    {
        if grace.is_zero() {
            let message = "gives no time to notice: a copy goes in the cycle that first misses its original";
            report.add(Problem::warning(&typed.spot, message));
        }
        guards.deletion_grace = grace;
    }
    if let Some(typed) = &raw.max_deletions
        && let Some(percent) = read_percent(typed, report)
    {
        match whole(percent) {
            Some(percent) => guards.max_deleted_percent = percent,
            None => report.problem(&typed.spot, format!("{:?} is not a whole percentage", typed.value)),
        }
    }
    guards
}

/// A percentage without a fraction.
fn whole(percent: f64) -> Option<u8> {
    (0..=100).find(|whole| (f64::from(*whole) - percent).abs() < f64::EPSILON)
}

fn shares(raw: &RawGroup, report: &Report) -> Shares {
    let share = |typed: Option<&At<String>>, default: f64| {
        let Some(typed) = typed else { return default };
        let Some(percent) = read_percent(typed, report) else { return default };
        if percent <= 0.0 {
            report.problem(&typed.spot, "leaves us no request at all; give a share above 0%");
        }
        percent / 100.0
    };
    let Shares { primary, standby } = Shares::default();
    Shares {
        primary: share(raw.primary_share.as_ref(), primary),
        standby: share(raw.standby_share.as_ref(), standby),
    }
}
