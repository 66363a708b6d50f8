//! Which creates must begin as stubs, because they refer to each other in a circle. Pure.
//!
//! When a change starts is not decided here: it starts as soon as what it needs is there. A circle would never start, so
//! some of its members are created without what closes it and filled afterwards. As few as a greedy choice finds:
//! every stub costs one more request.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use twinlake_model::{Action, AssetId, Change, Document};

/// A change and, if it sends one, the document.
pub(crate) type Drawn = (Change, Option<Document>);

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

/// Puts changes into an order in which each comes after what it needs, and otherwise by identity.
pub(crate) fn in_order(changes: Vec<Drawn>) -> Vec<Drawn> {
    let mut waiting: BTreeMap<(AssetId, Action), Drawn> =
        changes.into_iter().map(|drawn| ((drawn.0.asset.clone(), drawn.0.action), drawn)).collect();
    let mut dependents: HashMap<AssetId, Vec<(AssetId, Action)>> = HashMap::new();
    let mut open: HashMap<(AssetId, Action), usize> = HashMap::new();
    let begun: HashSet<AssetId> = waiting
        .keys()
        .filter(|(_, action)| *action != Action::Fill)
        .map(|(asset, _)| asset.clone())
        .collect();
    let mut ready = BTreeSet::new();
    for (name, (change, _)) in &waiting {
        let needs: BTreeSet<&AssetId> =
            change.needs.iter().chain(&change.after).filter(|need| begun.contains(*need)).collect();
        needs.iter().for_each(|need| dependents.entry((*need).clone()).or_default().push(name.clone()));
        if needs.is_empty() {
            ready.insert(name.clone());
        }
        open.insert(name.clone(), needs.len());
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(name) = ready.pop_first() {
        let Some(drawn) = waiting.remove(&name) else { continue };
        ordered.push(drawn);
        if name.1 != Action::Fill {
            for dependent in dependents.remove(&name.0).unwrap_or_default() {
                let left = open.entry(dependent.clone()).or_insert(1);
                *left -= 1;
                if *left == 0 {
                    ready.insert(dependent);
                }
            }
        }
    }
    // Nothing is left where stubs cut every circle; were something left, it is better shown last than lost.
    ordered.extend(waiting.into_values());
    ordered
}

/// What waits for itself, directly or through others, and what waits for that.
pub(crate) fn without_beginning(
    mut edges: BTreeMap<AssetId, BTreeSet<AssetId>>,
) -> BTreeMap<AssetId, BTreeSet<AssetId>> {
    peel(&mut edges);
    edges
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
