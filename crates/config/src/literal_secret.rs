//! Secrets that were typed where only a reference belongs.
//!
//! A config is read by many and kept in version control, so what looks like a token is refused anywhere in it, comments
//! included, and what it said is never repeated.

use std::ops::Range;

/// How a kind of secret looks: its prefix, and the letters that follow it.
struct Shape {
    prefix: &'static str,
    follows: fn(char) -> bool,
    /// How many must follow before we believe it.
    at_least: usize,
    /// Whether one of them must be a digit, because words are spelt with these letters too.
    with_digit: bool,
}

const fn hex(c: char) -> bool {
    matches!(c, '0'..='9' | 'a'..='f')
}

const fn base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%' | '+' | '/' | '=')
}

const fn age(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// Tokens of Databricks (`dapi`, `dose`, `dkea`, each before 32 hexadecimal digits), signed tokens (JWT), Azure's
/// shared access signatures, identities of age, private keys.
const SHAPES: &[Shape] = &[
    // Shorter ones than the service mints are taken too, if they hold a digit: people shorten what they paste.
    Shape { prefix: "dapi", follows: hex, at_least: 4, with_digit: true },
    Shape { prefix: "dose", follows: hex, at_least: 16, with_digit: true },
    Shape { prefix: "dkea", follows: hex, at_least: 16, with_digit: true },
    Shape { prefix: "eyJ", follows: base64, at_least: 24, with_digit: false },
    Shape { prefix: "sig=", follows: base64, at_least: 16, with_digit: false },
    Shape { prefix: "AGE-SECRET-KEY-", follows: age, at_least: 8, with_digit: false },
    Shape { prefix: "age-secret-key-", follows: age, at_least: 8, with_digit: false },
    Shape {
        prefix: "-----BEGIN ",
        follows: |c| c.is_ascii_uppercase() || c == ' ',
        at_least: 4,
        with_digit: false,
    },
];

/// How many letters must follow a prefix that stands inside a word.
const LONG: usize = 16;

/// The first secret in a text, in bytes.
pub(crate) fn find(text: &str) -> Option<Range<usize>> {
    let found = SHAPES.iter().filter_map(|shape| shape.find(text)).chain(password(text));
    found.min_by_key(|range| range.start)
}

/// The text with every secret in it taken out.
pub(crate) fn hide(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(range) = find(rest) {
        shown.push_str(&rest[..range.start]);
        shown.push_str("(secret)");
        rest = &rest[range.end..];
    }
    shown + rest
}

impl Shape {
    fn find(&self, text: &str) -> Option<Range<usize>> {
        text.match_indices(self.prefix).find_map(|(start, _)| {
            let inside_a_word = text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
            let tail = &text[start + self.prefix.len()..];
            let length = tail.find(|c| !(self.follows)(c)).unwrap_or(tail.len());
            let has_digit = !self.with_digit || tail[..length].contains(|c: char| c.is_ascii_digit());
            let at_least = if inside_a_word { self.at_least.max(LONG) } else { self.at_least };
            let believed = length >= at_least && has_digit;
            believed.then(|| start..start + self.prefix.len() + length)
        })
    }
}

/// The password of `scheme://user:password@host`.
fn password(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, _)| {
        let start = at + "://".len();
        let length =
            text[start..].find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(text.len() - start);
        let user = text[start..start + length].rfind('@').map(|end| &text[start..start + end])?;
        let (name, password) = user.split_once(':')?;
        let from = start + name.len() + 1;
        (!password.is_empty()).then(|| from..from + password.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_found_and_hidden() {
        for (text, shown) in [
            ("dapi0123456789abcdef0123456789abcdef-2 x", "(secret)-2 x"),
            ("a dapi12ab b dapi12ab", "a (secret) b (secret)"),
            ("x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0", "x=(secret)"),
            ("https://me:hunter2@host/x", "https://me:(secret)@host/x"),
            ("abfss://c@a/x?sv=1&sig=abcdefghijklmnop%3D", "abfss://c@a/x?sv=1&(secret)"),
        ] {
            assert!(find(text).is_some(), "{text}");
            assert_eq!(hide(text), shown);
        }
    }

    #[test]
    fn ordinary_words_are_left_alone() {
        for text in [
            "env:DATABRICKS_TOKEN",
            "jobs:dapifeed-*",
            "dapi",
            "abfss://container@account.dfs.core.windows.net/x",
            "leonidapi1234",
            "s3://bucket/a:b@c",
            "a dose of 1234",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
