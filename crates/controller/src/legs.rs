//! What a group copies from where to where: one leg per workspace set and standby. Pure.

use serde::Serialize;
use twinlake_model::{Estate, FailoverGroup, GroupName, Place, Selection, Selector, SiteId, WorkspaceSet};

/// One leg of a group: a workspace set, from the primary to one standby.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// The group.
    pub group: GroupName,
    /// Where it is read.
    pub source: Place,
    /// Where it is written.
    pub target: Place,
    /// What of it: the group's own assets, and the base layer.
    #[serde(skip)]
    pub selection: Selection,
}

/// The legs of a group, from its primary: sets in the order of the config, standbys in their order.
///
/// The base layer travels with every leg, but never to a site where another group is primary: there it belongs to
/// those who work with it.
#[must_use]
pub(crate) fn legs(estate: &Estate, group: &FailoverGroup) -> Vec<Leg> {
    let of_set = |set| {
        let standbys = group.standbys.iter();
        standbys.map(move |standby| (set, standby))
    };
    let pairs = group.sets.iter().flat_map(of_set);
    pairs
        .map(|(set, standby)| Leg {
            group: group.name.clone(),
            source: group.place(set, &group.primary),
            target: group.place(set, standby),
            selection: selection_at(estate, group, set, standby),
        })
        .collect()
}

/// What a group may bring into a role at one of its sites: its own assets, and the base layer unless another group is
/// primary there.
pub(crate) fn selection_at(
    estate: &Estate,
    group: &FailoverGroup,
    set: &WorkspaceSet,
    site: &SiteId,
) -> Selection {
    let works_there = |other: &&FailoverGroup| {
        other.name != group.name
            && other.primary == *site
            && other.sets.iter().any(|its| its.name == set.name)
    };
    if group.primary == *site || !estate.groups.values().any(|other| works_there(&other)) {
        return with_base_layer(&set.assets, &estate.base_layer);
    }
    let mut own = set.assets.clone();
    if estate.base_layer != Selection::none() {
        own.exclude.extend(estate.base_layer.include.iter().cloned());
    }
    own
}

/// A group's selection, and the base layer's.
///
/// A selection has one list of exclusions for all that it includes. An exclusion of the group that names exactly what the
/// base layer includes is dropped, so that a group can leave a kind to the base layer; all others hold for both.
fn with_base_layer(group: &Selection, base_layer: &Selection) -> Selection {
    if *base_layer == Selection::none() {
        return group.clone();
    }
    let is_included = |selector: &&Selector| base_layer.include.contains(selector);
    let mut exclude: Vec<Selector> =
        group.exclude.iter().filter(|selector| !is_included(selector)).cloned().collect();
    exclude.extend(base_layer.exclude.iter().cloned());
    if group.include.is_empty() || base_layer.include.is_empty() {
        // One of them means everything.
        return Selection { include: Vec::new(), exclude };
    }
    let include = group.include.iter().chain(&base_layer.include).cloned().collect();
    Selection { include, exclude }
}

#[cfg(test)]
mod tests {
    use twinlake_model::Key;

    use super::*;

    fn selection(include: &[&str], exclude: &[&str]) -> Selection {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Selection { include: parse(include), exclude: parse(exclude) }
    }

    #[test]
    fn the_base_layer_travels_with_every_group() {
        let joined = with_base_layer(
            &selection(&["jobs:finance-*"], &["jobs:*-scratch"]),
            &selection(&["cluster_policies:*"], &["cluster_policies:test-*"]),
        );
        assert!(joined.takes("jobs", &Key::new("finance-a")));
        assert!(!joined.takes("jobs", &Key::new("finance-scratch")));
        assert!(joined.takes("cluster_policies", &Key::new("shared")));
        assert!(!joined.takes("cluster_policies", &Key::new("test-1")));
        assert!(!joined.takes("clusters", &Key::new("any")));
    }

    #[test]
    fn a_group_that_leaves_a_kind_to_the_base_layer_still_carries_it() {
        let base_layer = selection(&["cluster_policies:*"], &[]);
        let joined = with_base_layer(&selection(&[], &["cluster_policies:*", "jobs:tmp-*"]), &base_layer);
        assert!(joined.takes("cluster_policies", &Key::new("shared")));
        assert!(!joined.takes("jobs", &Key::new("tmp-1")) && joined.takes("jobs", &Key::new("a")));
    }

    #[test]
    fn without_a_base_layer_a_group_is_what_it_says() {
        let group = selection(&["jobs:*"], &[]);
        assert_eq!(with_base_layer(&group, &Selection::none()), group);
    }
}
