//! Who gets what a workspace has only so much of, such as pins for sleeping clusters. Pure.

use std::collections::BTreeSet;

use twinlake_model::AssetId;

/// One that would like to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimant {
    pub(crate) asset: AssetId,
    /// Whether others refer to it: then it is needed first.
    pub(crate) is_needed: bool,
    /// Whether it has it already. Among equals, what has it keeps it.
    pub(crate) has_it: bool,
}

/// Those who get it: what others refer to first, then what has it already, then by identity. What another one still holds
/// must be given back before it can be handed on, so its heir waits until it is free.
pub(crate) fn share_out(mut claimants: Vec<Claimant>, room: usize) -> BTreeSet<AssetId> {
    let held = claimants.iter().filter(|claimant| claimant.has_it).count();
    let mut free = room.saturating_sub(held);
    claimants.sort_by_key(|claimant| (!claimant.is_needed, !claimant.has_it, claimant.asset.clone()));
    claimants.truncate(room);
    claimants.retain(|claimant| {
        let gets_it = claimant.has_it || free > 0;
        free -= usize::from(gets_it && !claimant.has_it);
        gets_it
    });
    claimants.into_iter().map(|claimant| claimant.asset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant(number: u32, is_needed: bool, has_it: bool) -> Claimant {
        let asset = format!("cluster/prod@east/{number}").parse().unwrap();
        Claimant { asset, is_needed, has_it }
    }

    #[test]
    fn what_is_handed_on_is_given_back_first() {
        let before = vec![claimant(1, false, true), claimant(2, true, false)];
        assert!(share_out(before, 1).is_empty());
        let after = vec![claimant(1, false, false), claimant(2, true, false)];
        assert_eq!(share_out(after, 1).len(), 1);
    }

    #[test]
    fn what_others_need_comes_first_and_what_has_it_keeps_it() {
        let all = vec![claimant(1, false, false), claimant(2, false, true), claimant(3, true, false)];
        let of_two: Vec<String> = share_out(all, 2).iter().map(|asset| asset.minted.to_string()).collect();
        assert_eq!(of_two, ["2", "3"]);
    }
}
