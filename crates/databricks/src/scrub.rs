//! Takes secrets out of texts that came from outside, before they become part of an error.
//!
//! Hosts and proxies sometimes repeat what they were sent. Our own token is known exactly; others are
//! recognised by their form: what follows `Bearer` or `Basic`, personal access tokens (`dapi…`), OAuth secrets
//! (`dose…`) and JSON web tokens (`eyJ…`).

/// The longest text that an error keeps, in characters: error bodies can be whole web pages.
const LONGEST: usize = 600;
/// A word shorter than this is no token (`dapi` alone is a word of the documentation).
const SHORTEST_TOKEN: usize = 12;
const REDACTED: &str = "REDACTED";

/// The text on one line, without secrets, cut to a length that people read.
pub(crate) fn scrub(text: &str, own: Option<&str>) -> String {
    let known = match own {
        Some(own) if !own.is_empty() => text.replace(own, REDACTED),
        _ => text.to_owned(),
    };
    let mut scrubbed = String::new();
    let mut after_scheme = false;
    for (index, word) in known.split_whitespace().enumerate() {
        if index > 0 {
            scrubbed.push(' ');
        }
        if after_scheme && word != REDACTED {
            scrubbed.push_str(REDACTED);
        } else {
            push_word(&mut scrubbed, word);
        }
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        after_scheme = bare.eq_ignore_ascii_case("bearer") || (bare == "Basic" && word == bare);
    }
    match scrubbed.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &scrubbed[..end]),
        None => scrubbed,
    }
}

/// Pushes a word with each token-like run in it replaced: tokens sit inside quotes, brackets and `key=value`.
fn push_word(scrubbed: &mut String, word: &str) {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_inner(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let token =
            run.len() >= SHORTEST_TOKEN && ["dapi", "dose", "eyJ"].iter().any(|head| run.starts_with(head));
        scrubbed.push_str(if token { REDACTED } else { run });
        let separator = after.chars().next().map_or(0, char::len_utf8);
        scrubbed.push_str(&after[..separator]);
        rest = &after[separator..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_token_is_taken_out_whatever_it_looks_like() {
        assert_eq!(scrub("bad token 'plain-words'!", Some("plain-words")), "bad token 'REDACTED'!");
    }

    #[test]
    fn tokens_of_others_are_recognised_by_their_form() {
        let text =
            "Authorization: Bearer abc.def and token=dapi0123456789abcdef, (eyJhbGciOiJIUzI1NiJ9.e30.x)";
        let scrubbed = scrub(text, None);
        assert_eq!(scrubbed, "Authorization: Bearer REDACTED and token=REDACTED, (REDACTED)");
    }

    #[test]
    fn ordinary_words_stay() {
        assert_eq!(
            scrub("Job 7 does not exist.\n  Basic checks, dapi tokens", None),
            "Job 7 does not exist. Basic REDACTED dapi tokens"
        );
        assert_eq!(scrub("ünïcode “stays”", None), "ünïcode “stays”");
    }

    #[test]
    fn a_whole_page_is_cut() {
        assert_eq!(scrub(&"x ".repeat(5000), None).chars().count(), LONGEST + 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_lets_our_token_through(before in ".{0,40}", token in "[a-z0-9]{20,40}", after in ".{0,40}") {
            let scrubbed = scrub(&format!("{before}{token}{after}"), Some(&token));
            proptest::prop_assert!(!scrubbed.contains(&token));
        }

        #[test]
        fn no_text_breaks_it(text in "\\PC*") {
            let _ = scrub(&text, None);
        }
    }
}
