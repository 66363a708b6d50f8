//! `targets:` named overlays, of which `--target` chooses one.
//!
//! An overlay may set any key of the config. Maps merge, everything else replaces what the base says, and `~` takes it
//! away. Without `--target`, the target that says `default: true` is chosen, if there is one; else the base stands as
//! it is. Overlays that are not chosen are still checked for unknown keys and wrong types.

use std::collections::BTreeMap;

use crate::fields::{At, Item, Reading};
use crate::node::{Entry, Map, Node, Value};
use crate::problem::{Problem, Report, Spot};
use crate::suggest;
use crate::variables::outside;

/// The keys of a target that are about the target itself.
const OWN_KEYS: &[&str] = &["default", "variables"];

/// The keys that cannot be overlaid.
const FOREIGN_KEYS: &[&str] = &["include", "targets"];

/// One target.
pub(crate) struct Target {
    pub(crate) name: At<String>,
    /// What it lays over the config.
    pub(crate) overlay: Node,
    /// The values that it gives to variables.
    pub(crate) variables: BTreeMap<String, At<String>>,
    is_default: bool,
}

/// Reads all targets.
pub(crate) fn read(targets: Option<&Entry>, report: &Report) -> Vec<Target> {
    let Some(entry) = targets else { return Vec::new() };
    let only = Node { mark: entry.mark.clone(), value: Value::Map(Map(vec![entry.clone()])) };
    let reading = Reading { report, partial: true };
    let Some(fields) = Item::root(&only, reading).fields() else { return Vec::new() };
    let Some(item) = fields.get("targets") else { return Vec::new() };
    let Value::Map(map) = &entry.value.value else {
        let _ = item.named();
        return Vec::new();
    };
    let one = |(name, item): (At<String>, Item<'_>)| {
        let fields = item.fields_or_none();
        let is_default = fields.get("default").and_then(|item| item.boolean()).unwrap_or(false);
        let values = fields.get("variables").map_or_else(Vec::new, |item| item.named());
        let variables =
            values.into_iter().filter_map(|(name, item)| Some((name.value, value_of(&item)?))).collect();
        let own = map.get(&name.value);
        refuse_foreign(own, &name, report);
        Target { overlay: overlay_of(own), name, variables, is_default }
    };
    item.named().into_iter().map(one).collect()
}

/// `x: value`, or as it would be declared: `x: { default: value }`.
fn value_of(item: &Item<'_>) -> Option<At<String>> {
    if item.is_scalar() {
        return item.scalar();
    }
    let fields = item.fields()?;
    let value = fields.get("default").and_then(|item| item.scalar());
    fields.finish();
    value
}

/// Reports what cannot be overlaid: what is read before a target is chosen.
fn refuse_foreign(entry: Option<&Entry>, name: &At<String>, report: &Report) {
    let Some(Entry { value: Node { value: Value::Map(own), .. }, .. }) = entry else { return };
    for entry in own.0.iter().filter(|entry| FOREIGN_KEYS.contains(&entry.key.as_str())) {
        let spot = Spot { mark: entry.mark.clone(), key: name.spot.key_below(&entry.key) };
        report.problem(&spot, "cannot stand inside a target, which is chosen later");
    }
}

fn overlay_of(entry: Option<&Entry>) -> Node {
    let mut map = Map::default();
    let mut mark = None;
    if let Some(Entry { value: Node { value: Value::Map(own), .. }, mark: at, .. }) = entry {
        let lays_over = |entry: &&Entry| {
            !OWN_KEYS.contains(&entry.key.as_str()) && !FOREIGN_KEYS.contains(&entry.key.as_str())
        };
        map.0 = own.0.iter().filter(lays_over).cloned().collect();
        mark = Some(at.clone());
    }
    let mark = mark.unwrap_or_else(|| outside("").mark);
    Node { mark, value: Value::Map(map) }
}

/// The target that counts: the one asked for, or the one that is the default.
pub(crate) fn choose<'t>(targets: &'t [Target], asked: Option<&str>, report: &Report) -> Option<&'t Target> {
    let Some(asked) = asked else {
        let mut defaults = targets.iter().filter(|target| target.is_default);
        let (chosen, second) = (defaults.next(), defaults.next());
        if let (Some(first), Some(second)) = (chosen, second) {
            report.add(
                Problem::at(&second.name.spot, "is a second default target")
                    .related(&first.name.spot.mark, "the first one is here"),
            );
        }
        return chosen;
    };
    let chosen = targets.iter().find(|target| target.name.value == asked);
    if chosen.is_none() {
        let known = targets.iter().map(|target| target.name.value.as_str());
        let suggestion = suggest::did_you_mean(asked, known).or_else(|| {
            let names: Vec<&str> = targets.iter().map(|target| target.name.value.as_str()).collect();
            (!names.is_empty()).then(|| format!("known: {}", names.join(", ")))
        });
        let problem = Problem::at(&outside("--target"), format!("there is no target {asked:?}"));
        report.add(problem.suggest(suggestion));
    }
    chosen
}

/// Lays one tree over another.
pub(crate) fn lay_over(base: &mut Node, overlay: Node) {
    match (&mut base.value, overlay) {
        (Value::Map(mine), Node { value: Value::Map(theirs), .. }) => {
            for entry in theirs.0 {
                match mine.get_mut(&entry.key) {
                    Some(below) => {
                        let both = matches!(
                            (&below.value.value, &entry.value.value),
                            (Value::Map(_), Value::Map(_))
                        );
                        if both { lay_over(&mut below.value, entry.value) } else { *below = entry }
                    }
                    None => mine.0.push(entry),
                }
            }
        }
        (_, overlay) => *base = overlay,
    }
}
