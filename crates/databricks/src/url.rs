//! Percent-encoding of paths and queries (RFC 3986): everything but the unreserved characters is encoded.

use std::fmt::Write as _;

/// Encodes one segment of a path, so that names with blanks, slashes or question marks stay one segment.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `?name=value&…`, or nothing when there are no parameters.
pub(crate) fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(&segment(name));
        text.push('=');
        text.push_str(&segment(value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_stays_one_segment() {
        assert_eq!(segment("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }

    #[test]
    fn a_query_encodes_names_and_values() {
        assert_eq!(
            query([("path", "/Shared/a&b"), ("filter_by.x", "1")]),
            "?path=%2FShared%2Fa%26b&filter_by.x=1"
        );
        assert_eq!(query([]), "");
    }
}
