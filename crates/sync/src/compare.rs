//! Desired, observed and base, field by field. Pure.

use std::collections::HashMap;

use serde_json::Value;
use twinlake_assets::ITEM_KEYS;

/// The pointers at which two documents differ, as people read them; whole subtrees where only one side has them.
#[must_use]
pub(crate) fn differences(one: &Value, other: &Value) -> Vec<String> {
    fn walk(one: &Value, other: &Value, at: &str, found: &mut Vec<String>) {
        match (one, other) {
            _ if one == other => {}
            (Value::Object(mine), Value::Object(theirs)) if twinlake_model::reference(one).is_none() => {
                for key in mine.keys().chain(theirs.keys().filter(|key| !mine.contains_key(*key))) {
                    let absent = Value::Null;
                    let (mine, theirs) =
                        (mine.get(key).unwrap_or(&absent), theirs.get(key).unwrap_or(&absent));
                    walk(mine, theirs, &format!("{at}/{key}"), found);
                }
            }
            (Value::Array(mine), Value::Array(theirs)) if mine.len() == theirs.len() => {
                for (index, (mine, theirs)) in side_by_side(mine, theirs).into_iter().enumerate() {
                    walk(mine, theirs, &format!("{at}/{index}"), found);
                }
            }
            _ => found.push(if at.is_empty() { "/".to_owned() } else { at.to_owned() }),
        }
    }
    let mut found = Vec::new();
    walk(one, other, "", &mut found);
    found
}

/// The pointers of what was sent and is not there. A service adds defaults to what it is sent, and leaves out what says
/// nothing (null, false, zero, an empty text, list or object); neither counts.
#[must_use]
pub(crate) fn not_kept(sent: &Value, kept: &Value) -> Vec<String> {
    fn walk(sent: &Value, kept: Option<&Value>, at: &str, found: &mut Vec<String>) {
        match (sent, kept) {
            (sent, None) if says_nothing(sent) => {}
            (Value::Object(mine), Some(Value::Object(theirs)))
                if twinlake_model::reference(sent).is_none() =>
            {
                mine.iter()
                    .for_each(|(key, value)| walk(value, theirs.get(key), &format!("{at}/{key}"), found));
            }
            (Value::Array(mine), Some(Value::Array(theirs))) if mine.len() == theirs.len() => {
                for (index, (mine, theirs)) in side_by_side(mine, theirs).into_iter().enumerate() {
                    walk(mine, Some(theirs), &format!("{at}/{index}"), found);
                }
            }
            (sent, Some(kept)) if sent == kept || (says_nothing(sent) && says_nothing(kept)) => {}
            _ => found.push(if at.is_empty() { "/".to_owned() } else { at.to_owned() }),
        }
    }
    let mut found = Vec::new();
    walk(sent, Some(kept), "", &mut found);
    found
}

/// The pointers at which two documents say something else. What says nothing does not count, on either side.
#[must_use]
pub(crate) fn says_otherwise(one: &Value, other: &Value) -> Vec<String> {
    let mut found = not_kept(one, other);
    found.extend(not_kept(other, one));
    found.sort();
    found.dedup();
    found
}

/// How a field that was sent and is not there is named to people.
#[must_use]
pub(crate) fn lost(field: &str) -> String {
    format!("{field}: not kept by the service")
}

/// Two lists of one length, item beside item. Items that have a key are found by it: a service may show tasks in an order
/// of its own, and that is no difference. Where keys are missing, repeat, or differ, items are taken as they stand.
fn side_by_side<'v>(mine: &'v [Value], theirs: &'v [Value]) -> Vec<(&'v Value, &'v Value)> {
    let by_key = |key: &str| {
        let mut of_key: HashMap<&str, &Value> = HashMap::new();
        for item in theirs {
            if of_key.insert(item.get(key)?.as_str()?, item).is_some() {
                return None;
            }
        }
        mine.iter().map(|item| Some((item, of_key.remove(item.get(key)?.as_str()?)?))).collect()
    };
    let keyed: Option<Vec<_>> = ITEM_KEYS.iter().find_map(|key| by_key(key));
    keyed.unwrap_or_else(|| mine.iter().zip(theirs).collect())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_named_by_pointer() {
        let one = json!({ "a": 1, "b": { "c": [1, 2] }, "d": 4 });
        let other = json!({ "a": 1, "b": { "c": [1, 3] }, "e": 5 });
        assert_eq!(differences(&one, &other), ["/b/c/1", "/d", "/e"]);
        assert!(differences(&one, &one).is_empty());
    }

    #[test]
    fn the_order_of_items_that_have_a_key_is_no_difference() {
        let one = json!({ "tasks": [{ "task_key": "b", "n": 1 }, { "task_key": "a", "n": 2 }] });
        let other = json!({ "tasks": [{ "task_key": "a", "n": 2 }, { "task_key": "b", "n": 3 }] });
        assert_eq!(differences(&one, &other), ["/tasks/0/n"]);
        assert_eq!(not_kept(&one, &other), ["/tasks/0/n"]);
        assert_eq!(differences(&json!([1, 2]), &json!([2, 1])), ["/0", "/1"]);
    }

    #[test]
    fn defaults_that_the_service_adds_and_nothings_that_it_drops_do_not_count() {
        let sent = json!({ "name": "x", "tags": {}, "timeout": 0, "tasks": [{ "k": 1 }] });
        assert!(
            not_kept(&sent, &json!({ "name": "x", "format": "M", "tasks": [{ "k": 1, "run_if": "ALL" }] }))
                .is_empty()
        );
        assert_eq!(not_kept(&sent, &json!({ "name": "y", "tasks": [] })), ["/name", "/tasks"]);
    }
}
