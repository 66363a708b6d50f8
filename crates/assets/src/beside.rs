//! Laying an older version of a document beside a newer one, so that each value finds its former self.
//!
//! Objects are matched by their keys. Items of a list are matched by the field that names them, where they have one: a
//! task that moved is still the same task. Other items are matched by what they are: first the longest run of items
//! that stand in the same order in both lists, then equal ones that moved, then what is left between two matches, in
//! order, because an item that was edited mostly stands where it stood.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// The fields that name the items of a list.
pub const ITEM_KEYS: &[&str] =
    &["task_key", "job_cluster_key", "environment_key", "environment_variables_key", "name", "key"];

/// The most comparisons that matching one list by content may cost; beyond that, items are matched by index.
const MAX_COMPARISONS: usize = 1_000_000;

/// Two older versions of a document, laid out as a newer one is. Null stands for what has no former self.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Beside {
    /// The older version in the newer one's dialect.
    pub(crate) here: Value,
    /// The older version in the other dialect.
    pub(crate) there: Value,
}

impl Beside {
    /// Lays `here` and `there`, which are the same version in two dialects, beside `document`.
    pub(crate) fn of(document: &Value, here: &Value, there: &Value) -> Self {
        if document == here {
            return Self { here: here.clone(), there: there.clone() };
        }
        match document {
            Value::Object(fields) => {
                let mut laid = (Map::new(), Map::new());
                for (key, field) in fields {
                    if let (Some(mine), Some(theirs)) = (here.get(key), there.get(key)) {
                        let Self { here, there } = Self::of(field, mine, theirs);
                        laid.0.insert(key.clone(), here);
                        laid.1.insert(key.clone(), there);
                    }
                }
                Self { here: laid.0.into(), there: laid.1.into() }
            }
            Value::Array(items) => {
                let (Some(mine), Some(theirs)) = (here.as_array(), there.as_array()) else {
                    return Self::default();
                };
                let laid = match_items(items, mine).into_iter().zip(items).map(|(index, item)| {
                    let former =
                        index.and_then(|index| Some((&mine[index], other_side(mine, theirs, index)?)));
                    former.map_or_else(Self::default, |(mine, theirs)| Self::of(item, mine, theirs))
                });
                let (here, there) = laid.map(|Self { here, there }| (here, there)).unzip();
                Self { here: Value::Array(here), there: Value::Array(there) }
            }
            _ => Self { here: here.clone(), there: there.clone() },
        }
    }
}

/// The same item in the other dialect.
fn other_side<'v>(mine: &[Value], theirs: &'v [Value], index: usize) -> Option<&'v Value> {
    let name = name_of(&mine[index]);
    match theirs.get(index) {
        Some(item) if name_of(item) == name => Some(item),
        _ => name.and_then(|name| theirs.iter().find(|item| name_of(item) == Some(name))),
    }
}

fn name_of(item: &Value) -> Option<(&'static str, &Value)> {
    ITEM_KEYS.iter().find_map(|key| Some((*key, item.get(*key)?)))
}

/// For each item, the index of its former self, each at most once.
fn match_items(items: &[Value], former: &[Value]) -> Vec<Option<usize>> {
    let mut matched = if items.iter().chain(former).any(|item| name_of(item).is_some()) {
        by_name(items, former)
    } else if items.len().saturating_mul(former.len()) > MAX_COMPARISONS {
        return (0..items.len()).map(|index| (index < former.len()).then_some(index)).collect();
    } else {
        in_same_order(items, former)
    };
    let mut taken: HashSet<usize> = matched.iter().flatten().copied().collect();
    for (item, found) in items.iter().zip(&mut matched).filter(|(item, _)| name_of(item).is_none()) {
        if found.is_none() {
            *found = (0..former.len()).find(|index| !taken.contains(index) && former[*index] == *item);
            taken.extend(*found);
        }
    }
    fill_gaps(items, former, &mut matched, &taken);
    matched
}

fn by_name(items: &[Value], former: &[Value]) -> Vec<Option<usize>> {
    let mut taken = HashSet::new();
    items
        .iter()
        .map(|item| {
            let name = name_of(item)?;
            let found = former
                .iter()
                .enumerate()
                .position(|(index, other)| !taken.contains(&index) && name_of(other) == Some(name));
            taken.extend(found);
            found
        })
        .collect()
}

/// The longest common subsequence.
fn in_same_order(items: &[Value], former: &[Value]) -> Vec<Option<usize>> {
    let (rows, columns) = (items.len(), former.len());
    let mut longest = vec![vec![0_u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if items[row] == former[column] {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let mut matched = vec![None; rows];
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if items[row] == former[column] {
            matched[row] = Some(column);
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    matched
}

/// Matches what is left between two matches, in order. Items with names are never matched so.
fn fill_gaps(items: &[Value], former: &[Value], matched: &mut [Option<usize>], taken: &HashSet<usize>) {
    let mut next = 0;
    for (item, found) in items.iter().zip(matched) {
        match found {
            Some(index) => next = *index + 1,
            None if name_of(item).is_some() => {}
            None if next < former.len() && !taken.contains(&next) && name_of(&former[next]).is_none() => {
                *found = Some(next);
                next += 1;
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matched(items: Value, former: Value) -> Vec<Option<usize>> {
        match_items(items.as_array().unwrap(), former.as_array().unwrap())
    }

    #[test]
    fn a_named_item_is_found_wherever_it_moved_and_a_renamed_one_is_new() {
        let task = |key: &str, n: u8| json!({ "task_key": key, "n": n });
        let former = json!([task("a", 1), task("b", 2), task("c", 3)]);
        assert_eq!(
            matched(json!([task("c", 9), task("x", 1), task("a", 1)]), former),
            [Some(2), None, Some(0)]
        );
    }

    #[test]
    fn items_without_names_are_found_behind_what_was_put_before_them() {
        assert_eq!(matched(json!(["n", "x", "x"]), json!(["x", "x"])), [None, Some(0), Some(1)]);
        assert_eq!(matched(json!(["x"]), json!(["y", "x"])), [Some(1)]);
    }

    #[test]
    fn an_edited_item_stands_where_it_stood_and_a_moved_one_is_found() {
        assert_eq!(matched(json!(["a", "B", "c"]), json!(["a", "b", "c"])), [Some(0), Some(1), Some(2)]);
        assert_eq!(matched(json!(["c", "a", "b"]), json!(["a", "b", "c"])), [Some(2), Some(0), Some(1)]);
    }

    #[test]
    fn both_sides_are_laid_out_as_the_newer_version_is() {
        let document = json!({ "l": ["n", "w"], "m": { "k": "w2" }, "new": 1 });
        let laid = Beside::of(
            &document,
            &json!({ "l": ["w"], "m": { "k": "w" } }),
            &json!({ "l": ["e"], "m": { "k": "e" } }),
        );
        assert_eq!(laid.here, json!({ "l": [null, "w"], "m": { "k": "w" } }));
        assert_eq!(laid.there, json!({ "l": [null, "e"], "m": { "k": "e" } }));
    }
}
