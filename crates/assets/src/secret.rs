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

/// What a name of a parameter has in it whose value is a password or a key.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "accountkey",
    "sharedkey",
    "connectionstring",
];

/// How passwords and keys look, whatever they are called.
const LOOKS: &[&str] =
    &["dapi", "-----BEGIN ", "Bearer ", "AccountKey=", "SharedAccessSignature", "&sig=", "?sig="];

/// What stands in the place of a part of a text.
const TAKEN_OUT: &str = "[withheld]";

/// Takes out of parameters what by its name or its looks is a password or a key. Parameters of a run are kept for people,
/// not to run by themselves, so that too much is better taken out than too little. References to scopes stay.
pub(crate) fn withhold_likely(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let names_its_value = fields.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
            for (name, field) in fields {
                let is_named = names_its_value && matches!(name.as_str(), "value" | "default");
                let is_plain = !(field.is_object() || field.is_array());
                if is_named || (is_secret_name(name) && is_plain) {
                    withhold(field);
                } else {
                    withhold_likely(field);
                }
            }
        }
        Value::Array(items) => {
            let mut is_next = false;
            for item in items {
                let name = item.as_str().filter(|text| text.starts_with('-') && !text.contains('='));
                let names_next = name.is_some_and(is_secret_name);
                if is_next && name.is_none() {
                    withhold(item);
                } else {
                    withhold_likely(item);
                }
                is_next = names_next;
            }
        }
        Value::String(text) => {
            // JSON inside a text: somebody's own parameters.
            if text.trim_start().starts_with(['{', '['])
                && let Ok(mut inner) = serde_json::from_str::<Value>(text)
            {
                withhold_likely(&mut inner);
                *text = inner.to_string();
            } else if let Some((name, secret)) = text.split_once('=')
                && is_secret_name(name)
                && !is_scope_reference(secret)
            {
                *text = format!("{name}={TAKEN_OUT}");
            } else if LOOKS.iter().any(|look| text.contains(look)) || has_a_password_in_its_url(text) {
                withhold(value);
            }
        }
        _ => {}
    }
}

fn is_secret_name(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    // A name of a table may speak of passwords; that of a parameter is short.
    name.len() <= 40 && NAMES.iter().any(|part| name.contains(part))
}

/// `jdbc:postgresql://user:password@host`.
fn has_a_password_in_its_url(text: &str) -> bool {
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
    authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

fn is_scope_reference(text: &str) -> bool {
    let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inner.is_some_and(|inner| inner.trim().starts_with("secrets/") && !inner.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_taken_out_of_parameters_and_the_rest_is_kept() {
        let inner = json!({"user": "ana", "pwd": "hunter2"}).to_string();
        let mut given = json!({
            "job_parameters": {"day": "2026-01-05", "db_password": "hunter2", "api-key": "{{secrets/a/b}}", "n": 3},
            "python_params": ["--day", "2026-01-05", "--token", "hunter2", "--secret=hunter2", "password=hunter2", inner],
            "jar_params": ["jdbc:postgresql://ana:hunter2@db/x", "s3://bucket/a@b", "dapi0123456789hunter2"],
            "tasks": {"one": {"python_operator_task": {"parameters": [
                {"name": "client_secret", "value": "hunter2"}, {"name": "day", "value": "x"},
            ]}}},
        });
        withhold_likely(&mut given);
        let text = given.to_string();
        assert!(!text.contains("hunter2"), "{text}");
        for kept in ["2026-01-05", "{{secrets/a/b}}", "\"n\":3", "s3://bucket/a@b", "ana", "\"value\":\"x\""]
        {
            assert!(text.contains(kept), "{kept} in {text}");
        }
    }

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
