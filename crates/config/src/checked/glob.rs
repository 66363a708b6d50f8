//! What two globs have in common, decided from the patterns alone.
//!
//! Globs are read as the model's selectors read them: in a path a star stops at a slash, in a name it does not. Where
//! the syntax goes beyond what is followed exactly here (character classes), the answers err on the side of "no".

use std::collections::{HashMap, VecDeque};

/// The most patterns that braces are spelt out into; beyond it a pattern has nothing in common with any other.
const MAX_SPELLINGS: usize = 64;
/// The most pairs of states that are visited to find a text that two patterns share.
const MAX_STATES: usize = 20_000;
/// What a slash is read as in a name.
const NO_SLASH: &str = "\u{1}";
/// The longest pattern that is compared.
const MAX_LENGTH: usize = 512;

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This letter.
    Letter(char),
    /// Any one letter but a slash.
    Any,
    /// One of a class, spelt `[…]`.
    Class(String),
    /// Any letters but slashes.
    Star,
    /// Any letters.
    All,
    /// Nothing, or any letters that end with a slash: `**/`.
    Folders,
}

/// Whether everything that `narrow` matches is matched by `wide`. May say no where the truth is yes.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    readings(wide, narrow).iter().all(|of_paths| {
        let (wide, narrow) = (spellings(wide, *of_paths), spellings(narrow, *of_paths));
        !narrow.is_empty() && narrow.iter().all(|narrow| wide.iter().any(|wide| covers_tokens(wide, narrow)))
    })
}

/// Whether two patterns begin or end with plain letters that cannot agree. Tells most pairs apart at once.
pub(crate) fn clearly_apart(one: &str, other: &str) -> bool {
    const WILD: [char; 8] = ['*', '?', '[', ']', '{', '}', '\\', '!'];
    let (first, second) = (one.find(WILD).unwrap_or(one.len()), other.find(WILD).unwrap_or(other.len()));
    let (start, begin) = (&one[..first], &other[..second]);
    if !start.starts_with(begin) && !begin.starts_with(start) {
        return true;
    }
    let tail = |pattern: &str| pattern.rfind(WILD).map_or(0, |at| at + 1);
    let (end, finish) = (&one[tail(one)..], &other[tail(other)..]);
    !end.ends_with(finish) && !finish.ends_with(end)
}

/// Texts that both match, if there is any; first short ones, then some in which every star holds a letter.
pub(crate) fn common(one: &str, other: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for of_paths in readings(one, other) {
        for one in &spellings(one, *of_paths) {
            for other in &spellings(other, *of_paths) {
                found.extend(meet(one, other));
                found.extend(meet(&filled(one), &filled(other)));
            }
        }
    }
    found.iter().map(|text| text.replace(NO_SLASH, "/")).collect()
}

/// Whether keys that both match are paths (true), names (false), or can be either.
fn readings(one: &str, other: &str) -> &'static [bool] {
    let is_name = |pattern: &str| pattern.starts_with(|c| !matches!(c, '*' | '?' | '[' | '{' | '\\'));
    if one.starts_with('/') || other.starts_with('/') {
        &[true]
    } else if is_name(one) || is_name(other) {
        &[false]
    } else {
        &[true, false]
    }
}

/// Whether a pattern has a `**` that is not a whole segment; what it then matches is not defined.
pub(crate) fn has_torn_stars(pattern: &str) -> bool {
    let mut spelt = Vec::new();
    let _ = spell(pattern, &mut spelt);
    spelt.iter().any(|pattern| pattern.split('/').any(|part| part.contains("**") && part != "**"))
}

fn spellings(pattern: &str, of_paths: bool) -> Vec<Vec<Token>> {
    let mut spelt = Vec::new();
    if pattern.chars().count() <= MAX_LENGTH && spell(pattern, &mut spelt) {
        // As in a selector: a slash in a name separates nothing, so it is read as some other letter.
        let slash = if of_paths { "/" } else { NO_SLASH };
        spelt.iter().map(|pattern| tokens(&pattern.replace('/', slash), of_paths)).collect()
    } else {
        Vec::new()
    }
}

/// Spells out the braces. False when there are too many.
fn spell(pattern: &str, spelt: &mut Vec<String>) -> bool {
    let Some((before, choices, after)) = first_braces(pattern) else {
        spelt.push(pattern.to_owned());
        return spelt.len() <= MAX_SPELLINGS;
    };
    choices.iter().all(|choice| spell(&format!("{before}{choice}{after}"), spelt))
}

/// The first outermost `{a,b}`: what is before it, its choices, what is after it.
fn first_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (mut depth, mut open, mut from) = (0, 0, 0);
    let mut choices = Vec::new();
    let mut escaped = false;
    for (at, c) in pattern.char_indices() {
        let was_escaped = escaped;
        escaped = c == '\\' && !was_escaped;
        if was_escaped {
            continue;
        }
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    (open, from) = (at, at + 1);
                }
            }
            ',' if depth == 1 => {
                choices.push(&pattern[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(&pattern[from..at]);
                return Some((&pattern[..open], choices, &pattern[at + 1..]));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    None
}

fn tokens(pattern: &str, of_paths: bool) -> Vec<Token> {
    let star = || if of_paths { Token::Star } else { Token::All };
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let at_segment = matches!(tokens.last(), None | Some(Token::Letter('/') | Token::Folders));
        let (token, length) = match c {
            '*' if at_segment && of_paths && rest.starts_with("**/") => (Token::Folders, 3),
            '*' if at_segment && rest == "**" => (Token::All, 2),
            '*' => (star(), rest.len() - rest.trim_start_matches('*').len()),
            '?' => (Token::Any, 1),
            '[' => match rest[1..].find(']') {
                Some(end) => (Token::Class(rest[..end + 2].to_owned()), end + 2),
                None => (Token::Letter('['), 1),
            },
            '\\' => match rest[1..].chars().next() {
                Some(next) => (Token::Letter(next), 1 + next.len_utf8()),
                None => (Token::Letter('\\'), 1),
            },
            letter => (Token::Letter(letter), letter.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

/// Matches one pattern against another, whose wildcards are letters of their own kind.
fn covers_tokens(wide: &[Token], narrow: &[Token]) -> bool {
    // covered[n]: the part of `wide` read so far covers the first n tokens of `narrow`.
    let mut covered = vec![false; narrow.len() + 1];
    covered[0] = true;
    for token in wide {
        let mut next = vec![false; narrow.len() + 1];
        match token {
            Token::Letter(_) | Token::Any | Token::Class(_) => {
                for (n, under) in narrow.iter().enumerate() {
                    let fits = under == token
                        || (*token == Token::Any && matches!(under, Token::Letter(c) if *c != '/'))
                        || (*token == Token::Any && matches!(under, Token::Class(_)));
                    next[n + 1] = covered[n] && fits;
                }
            }
            Token::Star | Token::All | Token::Folders => {
                // Whether some earlier point was covered and everything since then can be swallowed.
                let mut open = false;
                for n in 0..=narrow.len() {
                    let under = n.checked_sub(1).map(|n| &narrow[n]);
                    let swallows = under.is_some_and(|under| {
                        *token != Token::Star
                            || !matches!(under, Token::Letter('/') | Token::All | Token::Folders)
                    });
                    open &= swallows;
                    let may_end = *token != Token::Folders
                        || matches!(under, Some(Token::Letter('/') | Token::Folders));
                    next[n] = covered[n] || (open && may_end);
                    open |= covered[n];
                }
            }
        }
        covered = next;
    }
    covered[narrow.len()]
}

/// Every star holds at least one letter.
fn filled(pattern: &[Token]) -> Vec<Token> {
    let fill = |token: &Token| match token {
        Token::Star | Token::All => vec![Token::Any, token.clone()],
        _ => vec![token.clone()],
    };
    pattern.iter().flat_map(fill).collect()
}

/// Where a pattern stands: before a token, and whether inside the folders of a [`Token::Folders`].
type State = (usize, bool);

/// For each pair of states, the pair before it and the letter that led from there.
type Paths = HashMap<(State, State), ((State, State), Option<char>)>;

/// A shortest text that both match.
fn meet(one: &[Token], other: &[Token]) -> Option<String> {
    let mut letters: Vec<char> = vec!['x', '/', '\u{1}'];
    for token in one.iter().chain(other) {
        match token {
            Token::Letter(c) => letters.push(*c),
            Token::Class(text) => letters.extend(text.chars().filter(|c| c.is_alphanumeric())),
            _ => {}
        }
    }
    // Plain letters first, so that examples read well.
    letters.sort_unstable_by_key(|c| (*c != 'x', !c.is_alphanumeric(), *c));
    letters.dedup();
    let start: (State, State) = ((0, false), (0, false));
    let mut came_from = Paths::new();
    came_from.insert(start, (start, None));
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if came_from.len() > MAX_STATES {
            return None;
        }
        if at == ((one.len(), false), (other.len(), false)) {
            return Some(text_to(at, &came_from));
        }
        let mut reach = |to: (State, State), by: Option<char>| {
            if let std::collections::hash_map::Entry::Vacant(vacant) = came_from.entry(to) {
                vacant.insert((at, by));
                queue.push_back(to);
            }
        };
        if let Some(next) = skip(one, at.0) {
            reach((next, at.1), None);
        }
        if let Some(next) = skip(other, at.1) {
            reach((at.0, next), None);
        }
        for letter in &letters {
            for first in steps(one, at.0, *letter).into_iter().flatten() {
                for second in steps(other, at.1, *letter).into_iter().flatten() {
                    reach((first, second), Some(*letter));
                }
            }
        }
    }
    None
}

/// The state that is reached without a letter.
fn skip(pattern: &[Token], (at, inside): State) -> Option<State> {
    let may = matches!(pattern.get(at), Some(Token::Star | Token::All | Token::Folders)) && !inside;
    may.then_some((at + 1, false))
}

/// The states that are reached by a letter.
fn steps(pattern: &[Token], (at, inside): State, letter: char) -> [Option<State>; 2] {
    let Some(token) = pattern.get(at) else { return [None, None] };
    let past = Some((at + 1, false));
    match token {
        Token::Letter(c) => [past.filter(|_| *c == letter), None],
        Token::Any => [past.filter(|_| letter != '/'), None],
        Token::Class(class) => [past.filter(|_| fast_glob::glob_match(class, letter.to_string())), None],
        Token::Star => [Some((at, inside)).filter(|_| letter != '/'), None],
        Token::All => [Some((at, inside)), None],
        Token::Folders => [Some((at, true)), past.filter(|_| letter == '/')],
    }
}

fn text_to(end: (State, State), came_from: &Paths) -> String {
    let mut letters = Vec::new();
    let mut at = end;
    while let Some((before, by)) = came_from.get(&at) {
        letters.extend(*by);
        if *before == at {
            break;
        }
        at = *before;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinlake_model::{Key, Selector};

    use super::*;

    fn takes(pattern: &str, key: &str) -> bool {
        Selector { kinds: "*".into(), keys: pattern.into() }.takes("jobs", &Key::new(key))
    }

    /// Patterns and keys over few letters, so that they meet often.
    fn pattern() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec!["a", "b", "-", "/", "*", "?", "{a,b}", "[ab]", "*/", "/**/"]);
        let body = prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat());
        (prop::sample::select(vec!["", "/"]), body, prop::sample::select(vec!["", "/**"]))
            .prop_map(|(before, body, after)| format!("{before}{body}{after}").replace("//", "/"))
            .prop_filter("what ** means inside a segment is not defined", |pattern| !has_torn_stars(pattern))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_a_wide_pattern_covers_it_takes(
            wide in pattern(),
            narrow in pattern(),
            keys in prop::collection::vec("/?[abx/-]{1,6}", 1..60),
        ) {
            if covers(&wide, &narrow) {
                for key in keys.iter().filter(|key| takes(&narrow, key)) {
                    prop_assert!(takes(&wide, key), "{wide} is said to cover {narrow}, and does not take {key}");
                }
            }
        }

        #[test]
        fn patterns_that_have_a_key_in_common_have_an_example(
            one in pattern(),
            other in pattern(),
            keys in prop::collection::vec("/?[abx/-]{1,6}", 1..60),
        ) {
            // A trailing or doubled slash is no key of the service.
            let is_key = |key: &&String| !key.contains("//") && !key.ends_with('/');
            if let Some(key) = keys.iter().filter(is_key).find(|key| takes(&one, key) && takes(&other, key)) {
                let examples = common(&one, &other);
                prop_assert!(!examples.is_empty(), "{one} and {other} both take {key}");
                prop_assert!(!clearly_apart(&one, &other), "{one} and {other} both take {key}");
            }
        }
    }

    #[test]
    fn identical_and_nested_patterns_are_seen() {
        for (wide, narrow) in [
            ("finance-*", "finance-*"),
            ("**", "finance-*"),
            ("**", "/Shared/finance/**"),
            ("finance-*", "finance-daily-?"),
            ("/Shared/**", "/Shared/finance/**"),
            ("/Shared/**", "/Shared/*/x"),
            ("/**/x", "/Shared/**/x"),
            ("*", "a/b"),
            ("{a,b}-*", "{b,a}-1"),
            ("[ab]*", "[ab]x"),
        ] {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
        }
    }

    #[test]
    fn what_is_wider_or_beside_is_not_nested() {
        for (wide, narrow) in [
            ("finance-*", "**"),
            ("finance-*", "*-daily"),
            ("/Shared/*", "/Shared/**"),
            ("/Shared/*", "/Shared/a/b"),
            ("finance-?", "finance-*"),
            ("a-*", "{a,b}-1"),
            ("/**/x", "/Shared/xx"),
        ] {
            assert!(!covers(wide, narrow), "{wide} does not cover {narrow}");
        }
    }

    #[test]
    fn patterns_that_cross_have_an_example_and_patterns_apart_have_none() {
        assert_eq!(common("finance-*", "*-daily")[0], "finance-daily");
        assert_eq!(common("/Shared/*/x", "/Shared/a/**")[0], "/Shared/a/x");
        assert_eq!(common("a[0-9]", "a?")[0], "a0");
        assert_eq!(common("**/x", "/a/b/*")[0], "/a/b/x");
        assert!(common("finance-*", "marketing-*").is_empty());
        assert!(common("/Shared/finance/**", "/Shared/marketing/**").is_empty());
        assert!(common("/Shared/*", "/Shared/a/b").is_empty());
        assert!(common("jobs", "/jobs").is_empty());
    }
}
