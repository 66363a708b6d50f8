//! Two groups must not claim one asset: rights of promotion are exclusive.
//!
//! Decided from the selectors as far as patterns allow. Identical or nested ones are refused; ones that merely could
//! meet (`finance-*` and `*-daily`) are a warning, because only the real assets can tell; those are asked through
//! `Estate::claimants`.

use std::collections::BTreeSet;

use twinlake_model::Key;

use crate::checked::glob;
use crate::checked::selection::{Placed, PlacedSelection, everything};
use crate::fields::At;
use crate::problem::{Problem, Report, Severity, Spot};

/// What a group claims of a workspace set.
pub(crate) struct Claim {
    pub(crate) group: String,
    pub(crate) sites: BTreeSet<String>,
    pub(crate) set: String,
    pub(crate) assets: PlacedSelection,
    /// Where to point when everything is claimed.
    pub(crate) spot: Spot,
}

/// How two selectors overlap.
enum Overlap {
    /// One takes all that the other takes.
    Nested,
    /// Both would take this key.
    Crossing(String),
}

/// Reports the groups that claim the same assets; for each two of them the gravest overlap.
pub(crate) fn check(claims: &[Claim], report: &Report) {
    for (index, later) in claims.iter().enumerate() {
        for earlier in &claims[..index] {
            let meet = earlier.group != later.group
                && earlier.set == later.set
                && !earlier.sites.is_disjoint(&later.sites);
            if meet && let Some(problem) = conflict(earlier, later) {
                report.add(problem);
            }
        }
    }
}

fn conflict(earlier: &Claim, later: &Claim) -> Option<Problem> {
    let mut crossing = None;
    for theirs in earlier.includes() {
        for ours in later.includes() {
            // One example of what may never happen is enough; what certainly happens is looked for to the end.
            let found = match overlap(&theirs, &ours, earlier, later, crossing.is_none()) {
                None => continue,
                Some(found) => found,
            };
            let what = match &found {
                Overlap::Nested => "what".to_owned(),
                Overlap::Crossing(key) => format!("{key:?}, if there is one, which"),
            };
            let (mine, other) = (shown(&ours, later), shown(&theirs, earlier));
            let message = format!("{mine} claims {what} group {:?} claims with {other}", earlier.group);
            let problem = Problem::at(&ours.typed.spot, message)
                .suggest("an asset belongs to one group; exclude it from the other".to_owned())
                .related(&theirs.typed.spot.mark, format!("group {:?} claims it here", earlier.group));
            match found {
                Overlap::Nested => return Some(problem),
                Overlap::Crossing(_) => crossing = Some(Problem { severity: Severity::Warning, ..problem }),
            }
        }
    }
    crossing
}

fn shown(selector: &Placed, claim: &Claim) -> String {
    if claim.assets.include.is_empty() {
        "everything".to_owned()
    } else {
        format!("{:?}", selector.typed.value)
    }
}

impl Claim {
    fn includes(&self) -> Vec<Placed> {
        if self.assets.include.is_empty() {
            let typed = At { value: String::new(), spot: self.spot.clone() };
            return vec![Placed { selector: everything(), typed }];
        }
        self.assets.include.clone()
    }
}

/// How two selectors overlap, less what their groups exclude.
fn overlap(
    theirs: &Placed,
    ours: &Placed,
    earlier: &Claim,
    later: &Claim,
    with_crossing: bool,
) -> Option<Overlap> {
    let (one, other) = (&theirs.selector, &ours.selector);
    let kind = match (one.kinds.as_str(), other.kinds.as_str()) {
        ("*", kind) | (kind, "*") => kind,
        (one, other) if one == other => one,
        _ => return None,
    };
    if glob::clearly_apart(&one.keys, &other.keys) {
        return None;
    }
    let nested = glob::covers(&one.keys, &other.keys) || glob::covers(&other.keys, &one.keys);
    if !nested && !with_crossing {
        return None;
    }
    let mut excludes = earlier.assets.exclude.iter().chain(&later.assets.exclude);
    let excluded = excludes.any(|exclude| {
        (exclude.selector.kinds == "*" || exclude.selector.kinds == kind)
            && (glob::covers(&exclude.selector.keys, &one.keys)
                || glob::covers(&exclude.selector.keys, &other.keys))
    });
    if excluded {
        return None;
    }
    // Any kind will do where both speak for all of them, as long as no exclusion is about it.
    let kind = if kind == "*" { "assets" } else { kind };
    let (earlier, later) = (earlier.assets.selection(), later.assets.selection());
    let taken = |key: &String| {
        let key = Key::new(key.as_str());
        earlier.takes(kind, &key) && later.takes(kind, &key)
    };
    let example = glob::common(&one.keys, &other.keys).into_iter().find(taken)?;
    Some(if nested { Overlap::Nested } else { Overlap::Crossing(example) })
}
