//! Places in a document: a JSON pointer in which `*` stands for any key or index.
//!
//! A `*` within a longer segment stands for any run of characters there, because some documents have paths as keys:
//! `/init_scripts.*.workspace.destination/value`.

use serde_json::Value;

/// A pattern such as `/tasks/*/existing_cluster_id`. The empty pattern is the document itself.
///
/// Keys are taken as they stand; `~1` and `~0` are read as in RFC 6901.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(pub &'static str);

impl Pattern {
    /// Calls `visit` with the concrete pointer and the value of each match, in document order.
    pub fn visit<'v>(&self, document: &'v Value, mut visit: impl FnMut(&str, &'v Value)) {
        let mut pointers = Vec::new();
        expand(document, &segments(self.0), &mut String::new(), &mut pointers);
        for pointer in pointers {
            if let Some(value) = document.pointer(&pointer) {
                visit(&pointer, value);
            }
        }
    }

    /// Calls `visit` with the concrete pointer and the value of each match, which it may change.
    pub fn visit_mut(&self, document: &mut Value, mut visit: impl FnMut(&str, &mut Value)) {
        let mut pointers = Vec::new();
        expand(document, &segments(self.0), &mut String::new(), &mut pointers);
        for pointer in pointers {
            if let Some(value) = document.pointer_mut(&pointer) {
                visit(&pointer, value);
            }
        }
    }

    /// Takes every match out of the document and returns it with its pointer. Matches inside lists are taken out
    /// of the objects there; whole list items are not removed by a pattern.
    pub fn take(&self, document: &mut Value) -> Vec<(String, Value)> {
        let Some((parent, last)) = self.0.rsplit_once('/') else { return Vec::new() };
        let mut parents = Vec::new();
        expand(document, &segments(parent), &mut String::new(), &mut parents);
        let mut taken = Vec::new();
        for pointer in parents {
            let Some(Value::Object(fields)) = document.pointer_mut(&pointer) else { continue };
            let keys: Vec<String> = fields.keys().filter(|key| fits(last, key)).cloned().collect();
            for key in keys {
                if let Some(value) = fields.remove(&key) {
                    taken.push((format!("{pointer}/{}", escape(&key)), value));
                }
            }
        }
        taken
    }

    /// Whether a concrete pointer matches.
    #[must_use]
    pub fn matches(&self, pointer: &str) -> bool {
        let (mine, theirs) = (segments(self.0), segments(pointer));
        mine.len() == theirs.len() && mine.iter().zip(&theirs).all(|(one, other)| fits(one, &unescape(other)))
    }
}

/// Whether a segment of a pattern stands for a key.
fn fits(segment: &str, key: &str) -> bool {
    let Some((start, rest)) = segment.split_once('*') else { return unescape(segment) == key };
    let Some(mut left) = key.strip_prefix(&unescape(start)) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let part = unescape(part);
        let Some(at) = left.find(&part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(&unescape(end))
}

fn segments(pattern: &str) -> Vec<&str> {
    pattern.split('/').skip(1).collect()
}

fn expand(value: &Value, rest: &[&str], pointer: &mut String, found: &mut Vec<String>) {
    let Some((segment, rest)) = rest.split_first() else {
        found.push(pointer.clone());
        return;
    };
    let length = pointer.len();
    let mut descend = |key: &str, child: &Value| {
        pointer.push('/');
        pointer.push_str(&escape(key));
        expand(child, rest, pointer, found);
        pointer.truncate(length);
    };
    match value {
        Value::Object(fields) if segment.contains('*') => {
            fields.iter().filter(|(key, _)| fits(segment, key)).for_each(|(key, child)| descend(key, child));
        }
        Value::Object(fields) => {
            let key = unescape(segment);
            if let Some(child) = fields.get(&key) {
                descend(&key, child);
            }
        }
        Value::Array(items) if *segment == "*" => {
            items.iter().enumerate().for_each(|(index, child)| descend(&index.to_string(), child));
        }
        Value::Array(items) => {
            if let Some(child) = segment.parse().ok().and_then(|index: usize| items.get(index)) {
                descend(segment, child);
            }
        }
        _ => {}
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_visits_every_item_and_every_key() {
        let mut document = json!({ "tasks": [{ "id": 1 }, {}, { "id": 3 }], "conf": { "a/b": "x" } });
        let mut seen = Vec::new();
        Pattern("/tasks/*/id").visit(&document, |pointer, value| seen.push(format!("{pointer}={value}")));
        assert_eq!(seen, ["/tasks/0/id=1", "/tasks/2/id=3"]);
        Pattern("/conf/*").visit_mut(&mut document, |pointer, value| *value = json!(pointer));
        assert_eq!(document["conf"]["a/b"], "/conf/a~1b");
    }

    #[test]
    fn what_is_taken_is_gone_and_is_returned_with_its_pointer() {
        let mut document = json!({ "tasks": [{ "id": 1, "k": 2 }, { "id": 3 }] });
        let taken = Pattern("/tasks/*/id").take(&mut document);
        assert_eq!(taken, [("/tasks/0/id".to_owned(), json!(1)), ("/tasks/1/id".to_owned(), json!(3))]);
        assert_eq!(document, json!({ "tasks": [{ "k": 2 }, {}] }));
    }

    #[test]
    fn a_star_within_a_segment_stands_for_a_run_of_characters() {
        let document =
            json!({ "init_scripts.0.s3.region": 1, "init_scripts.*.s3.region": 2, "init_scripts": 3 });
        let mut seen = Vec::new();
        let pattern = Pattern("/init_scripts.*.s3.region");
        pattern.visit(&document, |pointer, _| seen.push(pointer.to_owned()));
        assert_eq!(seen, ["/init_scripts.*.s3.region", "/init_scripts.0.s3.region"]);
        assert!(pattern.matches("/init_scripts.12.s3.region"));
        assert!(!pattern.matches("/init_scripts.12.s3.endpoint"));
        assert!(!Pattern("/ab*ba").matches("/aba"));
    }

    #[test]
    fn a_pointer_matches_its_pattern() {
        assert!(Pattern("/tasks/*/id").matches("/tasks/12/id"));
        assert!(!Pattern("/tasks/*/id").matches("/tasks/12"));
    }
}
