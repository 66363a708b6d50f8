//! The INI dialect of `.databrickscfg`, as Python's `configparser` and the Databricks SDKs read it.
//!
//! `[section]`, `key = value` or `key: value`, whole-line comments with `#` or `;`, keys in any case. Values are
//! taken as they are: no quotes, no interpolation, no comments behind them.

use std::collections::BTreeMap;

/// A file's sections, in the order of the file.
pub(crate) type Sections = Vec<(String, BTreeMap<String, String>)>;

/// A line that cannot be read. Its text is not repeated: it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: String,
}

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<Sections, Unreadable> {
    let mut sections: Sections = Vec::new();
    for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let unreadable = |problem: String| Unreadable { line: index + 1, problem };
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some(name) = header.strip_suffix(']') else {
                return Err(unreadable("a section's name is not closed with `]`".to_owned()));
            };
            let name = name.trim();
            if sections.iter().any(|(known, _)| known == name) {
                return Err(unreadable(format!("the section [{name}] is there twice")));
            }
            sections.push((name.to_owned(), BTreeMap::new()));
            continue;
        }
        let Some(at) = line.find(['=', ':']) else {
            return Err(unreadable("neither a [section] nor `key = value`".to_owned()));
        };
        let Some((section, keys)) = sections.last_mut() else {
            return Err(unreadable("a key before the first [section]".to_owned()));
        };
        let key = line[..at].trim().to_ascii_lowercase();
        if keys.insert(key.clone(), line[at + 1..].trim().to_owned()).is_some() {
            return Err(unreadable(format!("the key `{key}` is in [{section}] twice")));
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keys_and_comments_are_read() {
        let read =
            parse("# x\n[DEFAULT]\nHost = https://a\n; y\n\n[prod east]\ntoken: a=b # kept\n").unwrap();
        assert_eq!(read[0].0, "DEFAULT");
        assert_eq!(read[0].1["host"], "https://a");
        assert_eq!(read[1].0, "prod east");
        assert_eq!(read[1].1["token"], "a=b # kept");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_repeated() {
        let error = parse("[a]\nhost = x\ndapi-secret-without-key\n").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(!error.problem.contains("dapi"));
        assert_eq!(parse("token = x\n").unwrap_err().line, 1);
        assert_eq!(parse("[a]\nx = 1\nx = 2\n").unwrap_err().line, 3);
        assert_eq!(parse("[a]\n[a]\n").unwrap_err().line, 2);
        assert_eq!(parse("[a\n").unwrap_err().line, 1);
    }

    proptest::proptest! {
        #[test]
        fn no_file_breaks_it(text in "([\\[\\]=:#; \\n]|[a-z]){0,80}") {
            let _ = parse(&text);
        }
    }
}
