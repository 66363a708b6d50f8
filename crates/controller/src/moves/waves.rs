//! In which order assets wake: by the group's waves, each with what its assets refer to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_model::{AssetId, Key, Selection};

/// What is known of an asset that is to wake.
#[derive(Clone, Debug)]
pub(crate) struct Sleeper {
    /// The plural name of its kind.
    pub(crate) kinds: &'static str,
    /// What people call it.
    pub(crate) key: Key,
    /// What it refers to.
    pub(crate) refers_to: Vec<AssetId>,
}

/// The assets of each wave, in order. What no wave takes comes last, in one of its own. An asset is in the first wave
/// that takes it or anything that refers to it, so nothing wakes before what it needs. Empty waves stay, so that
/// numbers are those of the config.
pub(crate) fn waves(sleepers: &BTreeMap<AssetId, Sleeper>, config: &[Selection]) -> Vec<BTreeSet<AssetId>> {
    let mut left: BTreeSet<&AssetId> = sleepers.keys().collect();
    let mut waves = Vec::new();
    for selection in config {
        let mut wave = BTreeSet::new();
        let mut open: Vec<&AssetId> = left
            .iter()
            .filter(|asset| sleepers.get(**asset).is_some_and(|its| selection.takes(its.kinds, &its.key)))
            .copied()
            .collect();
        while let Some(asset) = open.pop() {
            if !left.remove(asset) {
                continue;
            }
            wave.insert(asset.clone());
            if let Some(sleeper) = sleepers.get(asset) {
                open.extend(sleeper.refers_to.iter().filter(|needed| left.contains(needed)));
            }
        }
        waves.push(wave);
    }
    if !left.is_empty() {
        waves.push(left.into_iter().cloned().collect());
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AssetId {
        let (kind, number) = text.split_once(' ').unwrap();
        format!("{kind}/prod@east/{number}").parse().unwrap()
    }

    fn sleepers(rows: &[(&str, &'static str, &str, &[&str])]) -> BTreeMap<AssetId, Sleeper> {
        let of = |row: &(&str, &'static str, &str, &[&str])| {
            let refers_to = row.3.iter().map(|one| id(one)).collect();
            (id(row.0), Sleeper { kinds: row.1, key: Key::new(row.2), refers_to })
        };
        rows.iter().map(of).collect()
    }

    fn selections(texts: &[&str]) -> Vec<Selection> {
        let of = |text: &&str| Selection { include: vec![text.parse().unwrap()], exclude: Vec::new() };
        texts.iter().map(of).collect()
    }

    fn shown(waves: &[BTreeSet<AssetId>]) -> Vec<Vec<String>> {
        let one = |asset: &AssetId| format!("{} {}", asset.kind, asset.minted);
        waves.iter().map(|wave| wave.iter().map(one).collect()).collect()
    }

    #[test]
    fn what_an_asset_needs_wakes_with_it_and_what_no_wave_takes_comes_last() {
        let all = sleepers(&[
            ("job 1", "jobs", "critical", &["pool 8", "job 2"]),
            ("job 2", "jobs", "helper", &["warehouse 9"]),
            ("job 3", "jobs", "report", &["warehouse 9"]),
            ("pool 8", "instance_pools", "big", &[]),
            ("warehouse 9", "sql_warehouses", "bi", &[]),
            ("cluster 4", "clusters", "sandbox", &[]),
        ]);
        let found = waves(&all, &selections(&["jobs:critical", "jobs:nothing-like-it", "jobs:*"]));
        let expected: [&[&str]; 4] =
            [&["job 1", "job 2", "pool 8", "warehouse 9"], &[], &["job 3"], &["cluster 4"]];
        assert_eq!(shown(&found), expected);
    }

    #[test]
    fn a_circle_of_references_ends() {
        let all = sleepers(&[("job 1", "jobs", "a", &["job 2"]), ("job 2", "jobs", "b", &["job 1"])]);
        assert_eq!(shown(&waves(&all, &selections(&["jobs:a"]))), [["job 1", "job 2"]]);
        assert_eq!(waves(&all, &[]).len(), 1);
    }
}
