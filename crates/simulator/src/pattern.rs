//! Path patterns of faults and limits.

/// Whether a path matches: `*` stands for one segment or part of one, `**` at the end for any rest.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix("**") {
        return within(prefix, path, true);
    }
    within(pattern, path, false)
}

fn within(pattern: &str, path: &str, open_ended: bool) -> bool {
    let (mut pattern, mut path) = (pattern, path);
    loop {
        match pattern.find('*') {
            None => return if open_ended { path.starts_with(pattern) } else { path == pattern },
            Some(at) => {
                let Some(rest) = path.strip_prefix(&pattern[..at]) else { return false };
                let after = &pattern[at + 1..];
                let reach = rest.find('/').unwrap_or(rest.len());
                let stop = after.chars().next();
                let skip = match stop {
                    None | Some('/') => reach,
                    Some(next) => match rest[..reach].find(next) {
                        Some(found) => found,
                        None => return false,
                    },
                };
                pattern = after;
                path = &rest[skip..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_one_segment_and_two_stars_are_the_rest() {
        assert!(matches("/api/*/jobs/create", "/api/2.2/jobs/create"));
        assert!(!matches("/api/*/create", "/api/2.2/jobs/create"));
        assert!(matches("/api/2.0/sql/**", "/api/2.0/sql/warehouses/1/stop"));
        assert!(matches("/**", "/anything"));
        assert!(matches("/api/2.0/sql/warehouses/*", "/api/2.0/sql/warehouses/1"));
        assert!(!matches("/api/2.0/sql/warehouses/*", "/api/2.0/sql/warehouses/1/stop"));
        assert!(matches("/api/2.2/jobs/*", "/api/2.2/jobs/list"));
    }
}
