//! What a fence leaves alone because another group's production uses it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_model::{AssetId, Estate, FailoverGroup, Place, Selection, Selector, SetName};

use crate::moves::waves::Sleeper;

/// The other groups whose production is at a place.
pub(crate) fn at_work<'e>(
    estate: &'e Estate,
    group: &FailoverGroup,
    place: &Place,
) -> Vec<&'e FailoverGroup> {
    let others =
        estate.groups.values().filter(|other| other.name != group.name && other.primary == place.site);
    others.filter(|other| other.sets.iter().any(|its| its.name == place.set)).collect()
}

/// What groups speak for in a workspace set.
pub(crate) fn selections(groups: &[&FailoverGroup], set: &SetName) -> Vec<Selection> {
    let its = groups.iter().flat_map(|group| group.sets.iter().filter(|its| its.name == *set));
    its.map(|its| its.assets.clone()).collect()
}

/// What the other groups' assets are, and what they refer to, however indirectly.
pub(crate) fn used_by(assets: &BTreeMap<AssetId, Sleeper>, others: &[Selection]) -> BTreeSet<AssetId> {
    let is_theirs = |its: &Sleeper| others.iter().any(|other| other.takes(its.kinds, &its.key));
    let mut open: Vec<&AssetId> =
        assets.iter().filter(|(_, its)| is_theirs(its)).map(|(asset, _)| asset).collect();
    let mut used = BTreeSet::new();
    while let Some(asset) = open.pop() {
        if used.insert(asset.clone())
            && let Some(its) = assets.get(asset)
        {
            open.extend(&its.refers_to);
        }
    }
    used
}

/// What the group's fence may touch: all that it takes, but nothing that is used by others.
pub(crate) fn without(
    selection: &Selection,
    assets: &BTreeMap<AssetId, Sleeper>,
    used: &BTreeSet<AssetId>,
) -> Selection {
    let mut rest = selection.clone();
    let shared = used.iter().filter_map(|asset| assets.get(asset));
    let shared = shared.filter(|its| selection.takes(its.kinds, &its.key));
    rest.exclude.extend(shared.map(|its| Selector::exactly(its.kinds, &its.key)));
    rest
}

#[cfg(test)]
mod tests {
    use twinlake_model::Key;

    use super::*;

    #[test]
    fn a_pool_that_another_groups_job_needs_through_a_policy_is_left_alone() {
        let id = |text: &str| text.parse::<AssetId>().unwrap();
        let (pool, policy, theirs, ours) =
            (id("pool/prod@east/1"), id("policy/prod@east/2"), id("job/prod@east/3"), id("job/prod@east/4"));
        let sleeper = |kinds, key: &str, refers_to: &[&AssetId]| Sleeper {
            kinds,
            key: Key::new(key),
            refers_to: refers_to.iter().map(|one| (*one).clone()).collect(),
        };
        let assets = BTreeMap::from([
            (pool.clone(), sleeper("instance_pools", "big [1]*", &[])),
            (policy.clone(), sleeper("cluster_policies", "p", &[&pool])),
            (theirs.clone(), sleeper("jobs", "hr-a", &[&policy])),
            (ours.clone(), sleeper("jobs", "finance-a", &[&pool])),
        ]);
        let hr = Selection { include: vec!["jobs:hr-*".parse().unwrap()], exclude: Vec::new() };
        let used = used_by(&assets, &[hr]);
        assert_eq!(used, BTreeSet::from([pool, policy, theirs]));
        let finance = Selection {
            include: vec!["jobs:finance-*".parse().unwrap(), "instance_pools:*".parse().unwrap()],
            exclude: Vec::new(),
        };
        let rest = without(&finance, &assets, &used);
        assert!(!rest.takes("instance_pools", &Key::new("big [1]*")));
        assert!(rest.takes("instance_pools", &Key::new("big 1 and more")));
        assert!(rest.takes("jobs", &Key::new("finance-a")));
    }
}
