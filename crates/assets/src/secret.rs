//! Secrets that somebody wrote in plain text (P15).
//!
//! A field that is made for a password is known by [`Field::Secret`](crate::Field::Secret). What stands there as
//! `{{secrets/scope/key}}` is a reference and is carried. Anything else is taken out before the document goes
//! anywhere: a mark stands in its place, is left out of what is sent, and is seen afterwards as a field that the target
//! did not keep, so the verdict is `partial` and names it.
//!
//! What people write into fields of their own (Spark settings, environment variables, parameters) cannot be told from
//! any other text, and without it the copy would not run. It is carried and kept in the state, and nothing prints it:
//! plans, errors and debugging output name fields, never their values.

use serde_json::{Value, json};

const WITHHELD: &str = "$secret";

/// Puts the mark in the place of a secret in plain text.
pub(crate) fn withhold(value: &mut Value) {
    let is_harmless = match value {
        Value::String(text) => text.is_empty() || is_scope_reference(text),
        Value::Null => true,
        _ => is_withheld(value),
    };
    if !is_harmless {
        *value = json!({ WITHHELD: "in plain text, not carried" });
    }
}

/// Whether a value is the mark.
pub(crate) fn is_withheld(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key(WITHHELD))
}

fn is_scope_reference(text: &str) -> bool {
    let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|inner| inner.trim().starts_with("secrets/") && !inner.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_a_scope_is_carried_and_anything_else_is_not() {
        for (text, is_carried) in [
            ("{{secrets/docker/password}}", true),
            (" {{ secrets/docker/password }} ", true),
            ("", true),
            ("hunter2", false),
            ("x{{secrets/docker/password}}", false),
            ("{{secrets/a/b}}:{{secrets/c/d}}", false),
        ] {
            let mut value = json!(text);
            withhold(&mut value);
            assert_eq!(!is_withheld(&value), is_carried, "{text:?}");
            let once = value.clone();
            withhold(&mut value);
            assert_eq!(value, once);
        }
    }
}
