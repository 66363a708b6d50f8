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

/// Those who get it: what others refer to first, then what has it already, then by identity.
pub(crate) fn share_out(mut claimants: Vec<Claimant>, room: usize) -> BTreeSet<AssetId> {
    claimants.sort_by_key(|claimant| (!claimant.is_needed, !claimant.has_it, claimant.asset.clone()));
    claimants.into_iter().take(room).map(|claimant| claimant.asset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first_and_what_has_it_keeps_it() {
        let claimant = |number: u32, is_needed, has_it| Claimant {
            asset: format!("cluster/prod@east/{number}").parse().unwrap(),
            is_needed,
            has_it,
        };
        let all = vec![claimant(1, false, false), claimant(2, false, true), claimant(3, true, false)];
        let of_two: Vec<String> = share_out(all, 2).iter().map(|asset| asset.minted.to_string()).collect();
        assert_eq!(of_two, ["2", "3"]);
    }
}
