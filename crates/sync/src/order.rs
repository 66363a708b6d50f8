//! Which creates must begin as stubs, because they refer to each other in a circle. Pure.
//!
//! Order itself is not decided here: a change starts as soon as what it needs is there. A circle would never start, so
//! some of its members are created without what closes it and filled afterwards. As few as a greedy choice finds:
//! every stub costs one more request.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_model::AssetId;

/// The members to create as stubs so that no circle is left. `edges` are the needs among what is to be created;
/// what already exists is left out by the caller.
pub(crate) fn stubs(edges: &BTreeMap<AssetId, BTreeSet<AssetId>>) -> BTreeSet<AssetId> {
    let mut edges = edges.clone();
    let mut stubs = BTreeSet::new();
    loop {
        peel(&mut edges);
        // The one that most of the circle waits for cuts the most; ties go by identity, so that a plan is stable.
        let waited_for = |asset: &AssetId| edges.values().filter(|needs| needs.contains(asset)).count();
        let Some(stub) =
            edges.keys().max_by_key(|asset| (waited_for(asset), std::cmp::Reverse(*asset))).cloned()
        else {
            return stubs;
        };
        edges.insert(stub.clone(), BTreeSet::new());
        stubs.insert(stub);
    }
}

/// Takes away everything that is in no circle: what needs nothing that is left, again and again.
fn peel(edges: &mut BTreeMap<AssetId, BTreeSet<AssetId>>) {
    loop {
        let left: BTreeSet<AssetId> = edges.keys().cloned().collect();
        let before = edges.len();
        edges.retain(|_, needs| needs.iter().any(|need| left.contains(need)));
        if edges.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(number: u8) -> AssetId {
        format!("job/prod@east/{number}").parse().unwrap()
    }

    fn graph(edges: &[(u8, u8)]) -> BTreeMap<AssetId, BTreeSet<AssetId>> {
        let mut graph: BTreeMap<AssetId, BTreeSet<AssetId>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(job(*to)).or_default();
            graph.entry(job(*from)).or_default().insert(job(*to));
        }
        graph
    }

    #[test]
    fn a_pair_needs_one_stub_a_self_reference_one_and_a_chain_none() {
        assert_eq!(stubs(&graph(&[(1, 2), (2, 1), (3, 1)])).len(), 1);
        assert_eq!(stubs(&graph(&[(1, 1)])), [job(1)].into());
        assert!(stubs(&graph(&[(1, 2), (2, 3)])).is_empty());
    }

    proptest! {
        #[test]
        fn without_the_stubs_needs_everything_can_start(edges in prop::collection::vec((0u8..8, 0u8..8), 0..24)) {
            let graph = graph(&edges);
            let stubs = stubs(&graph);
            let mut done: BTreeSet<AssetId> = stubs.clone();
            loop {
                let before = done.len();
                for (asset, needs) in &graph {
                    if needs.iter().all(|need| done.contains(need)) {
                        done.insert(asset.clone());
                    }
                }
                if done.len() == before { break; }
            }
            prop_assert_eq!(done.len(), graph.len());
        }
    }
}
