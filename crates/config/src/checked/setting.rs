//! What is sent to services of the operator's: addresses and headers, secret ones by reference.
//!
//! What was typed here may be a secret in the wrong place, so it is never repeated.

use std::collections::BTreeMap;

use twinlake_model::safety::Setting;

use crate::SecretRef;
use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::safety::Header;

/// Parts of the names of headers that hold secrets.
const SECRET_NAMES: &[&str] = &["auth", "cookie", "key", "password", "secret", "signature", "token"];

/// Reads a reference to a secret, or reports that it is none. `what` is what the secret is to us.
pub(crate) fn secret(typed: &At<String>, what: &str, report: &Report) -> Option<SecretRef> {
    let reference = SecretRef::parse(&typed.value);
    if reference.is_none() {
        report.add(
            Problem::at(&typed.spot, "is not a reference to a secret")
                .suggest(format!("write env:NAME or file:/path, never the {what} itself")),
        );
    }
    reference
}

/// Reads the address of a webhook: secure, or on this machine, or a reference to one.
pub(crate) fn url(typed: &At<String>, report: &Report) -> Option<Setting> {
    if is_reference(&typed.value) {
        return secret(typed, "address", report).map(|reference| Setting::Secret(reference.to_string()));
    }
    let (scheme, rest) = typed.value.split_once("://").unwrap_or(("", &typed.value));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let is_one = !name.is_empty() && !typed.value.contains(char::is_whitespace);
    let refuse = |message: &str| {
        let suggestion = "write https://…, or env:NAME if the address is a secret".to_owned();
        report.add(Problem::at(&typed.spot, message).suggest(suggestion));
        None
    };
    match scheme {
        "https" if is_one => Some(Setting::Plain(typed.value.clone())),
        "http" if is_one && is_local => Some(Setting::Plain(typed.value.clone())),
        "http" if is_one => refuse("is not secure: what is sent would travel in the clear"),
        _ => refuse("is not the address of a webhook"),
    }
}

/// Reads headers. None only if the report says why.
pub(crate) fn headers(typed: &[Header], report: &Report) -> Option<BTreeMap<String, Setting>> {
    let mut headers = BTreeMap::new();
    let mut is_whole = true;
    for (name, value) in typed {
        match header(name, value, report) {
            Some(setting) => {
                headers.insert(name.value.clone(), setting);
            }
            None => is_whole = false,
        }
    }
    is_whole.then_some(headers)
}

fn header(name: &At<String>, value: &At<String>, report: &Report) -> Option<Setting> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.value.is_empty() || !name.value.chars().all(is_letter) {
        report.problem(&name.spot, format!("{:?} cannot be the name of a header", name.value));
        return None;
    }
    let lower = name.value.to_lowercase();
    if is_reference(&value.value) || SECRET_NAMES.iter().any(|part| lower.contains(part)) {
        return secret(value, "value", report).map(|reference| Setting::Secret(reference.to_string()));
    }
    if value.value.contains(char::is_control) {
        report.problem(&value.spot, "cannot be the value of a header: it is more than one line");
        return None;
    }
    Some(Setting::Plain(value.value.clone()))
}

/// Whether it is meant as a reference, well written or not.
fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}
