//! What is gone at the source: tombstones, their grace, and the guard on how much one plan may delete (P8). Pure.
//!
//! A copy is deleted only if the base of this pair says that we made it, a complete listing lacks its original, a GET
//! confirmed that, the grace period has passed, and the plan's share of deletions is small. Otherwise it waits.

use twinlake_base::Timestamp;
use twinlake_model::{Guards, Place, Tombstone, Verdict};

/// What is done about an asset that the source does not have any more.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mourning {
    /// The grace period has not passed.
    Wait(Verdict),
    /// It has.
    Delete,
}

/// Decides what is done about a tombstone now.
pub(crate) fn mourn(tombstone: &Tombstone, guards: &Guards, now: Timestamp) -> Mourning {
    let ends = tombstone
        .missing_since
        .checked_add(
            jiff::SignedDuration::try_from(guards.deletion_grace).unwrap_or(jiff::SignedDuration::MAX),
        )
        .unwrap_or(Timestamp::MAX);
    if now >= ends {
        return Mourning::Delete;
    }
    let (since, ends) = (to_seconds(tombstone.missing_since), to_seconds(ends));
    let why = format!("gone at {} since {since}; its copy is deleted after {ends}", tombstone.source.site);
    Mourning::Wait(Verdict::Lagging { why })
}

/// What is said of a copy that would be deleted if others did not lie in it.
pub(crate) fn kept_for_others(source: &Place) -> String {
    format!("gone at {}; kept because it holds what was made here", source.site)
}

fn to_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Why a plan that deletes so much waits for an approval, if it does. A handful may always go: a share of very few
/// says nothing.
pub(crate) fn too_many(deletions: usize, copies: usize, guards: &Guards) -> Option<String> {
    const ALWAYS_ALLOWED: usize = 3;
    let allowed = (copies * usize::from(guards.max_deleted_percent) / 100).max(ALWAYS_ALLOWED);
    (deletions > allowed).then(|| {
        format!(
            "{deletions} of {copies} copies would be deleted; more than {} % wait for an approval",
            guards.max_deleted_percent
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tombstone() -> Tombstone {
        Tombstone {
            asset: "job/prod@east/1".parse().unwrap(),
            key: twinlake_model::Key::new("nightly"),
            source: "prod@east".parse().unwrap(),
            missing_since: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_copy_waits_out_its_grace_to_the_second() {
        let guards = Guards { deletion_grace: Duration::from_secs(3600), ..Guards::default() };
        let at = |time: &str| mourn(&tombstone(), &guards, time.parse().unwrap());
        assert!(matches!(at("2026-01-01T00:59:59Z"), Mourning::Wait(Verdict::Lagging { .. })));
        assert_eq!(at("2026-01-01T01:00:00Z"), Mourning::Delete);
    }

    #[test]
    fn many_deletions_wait_for_an_approval_and_few_do_not() {
        let guards = Guards::default();
        assert_eq!(too_many(5, 100, &guards), None);
        assert_eq!(too_many(3, 4, &guards), None);
        let held = too_many(6, 100, &guards).unwrap();
        assert_eq!(held, "6 of 100 copies would be deleted; more than 5 % wait for an approval");
    }
}
