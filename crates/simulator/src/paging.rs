//! Page tokens, and the pages of lists.
//!
//! A token carries the key after which the next page begins, so that what is added or deleted between two pages
//! neither repeats nor hides what stood before. To clients it is opaque.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::Refusal;

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// `n`: the page after the key; `p`: the page that ends before it.
    pub(crate) backward: bool,
    pub(crate) key: u64,
    /// The empty page has been shown.
    pub(crate) emptied: bool,
}

impl Cursor {
    pub(crate) fn token(self) -> String {
        let direction = if self.backward { 'p' } else { 'n' };
        let emptied = if self.emptied { 'e' } else { 'f' };
        URL_SAFE_NO_PAD.encode(format!("{direction}{emptied}{}", self.key))
    }

    /// Reads a token. Those that we did not issue are refused.
    pub(crate) fn parse(token: &str) -> Result<Self, Refusal> {
        let refused = || Refusal::bad_field("page_token", format!("Invalid page token: {token}"));
        let text = URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(refused)?;
        let (head, key) = text.split_at_checked(2).ok_or_else(refused)?;
        let (backward, emptied) = match head {
            "nf" => (false, false),
            "ne" => (false, true),
            "pf" => (true, false),
            "pe" => (true, true),
            _ => return Err(refused()),
        };
        Ok(Self { backward, key: key.parse().map_err(|_| refused())?, emptied })
    }
}

/// A page: the keys that it shows, and the tokens around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) keys: Vec<u64>,
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
}

/// Cuts one page from `keys`, which come in the list's order, ascending or descending (`descending`).
/// `offset` skips that many on the first page. `empty_before_last` puts an empty page with a token before the last one.
pub(crate) fn page(
    keys: impl DoubleEndedIterator<Item = u64>,
    descending: bool,
    token: Option<&str>,
    offset: usize,
    size: usize,
    empty_before_last: bool,
) -> Result<Page, Refusal> {
    let cursor = token.filter(|token| !token.is_empty()).map(Cursor::parse).transpose()?;
    let after = |key: u64, mark: u64| if descending { key < mark } else { key > mark };
    let Some(cursor) = cursor else {
        let shown: Vec<u64> = keys.skip(offset).take(size + 1).collect();
        return Ok(cut(shown, size, offset > 0, empty_before_last, false));
    };
    if cursor.backward {
        let mut shown: Vec<u64> =
            keys.rev().filter(|key| !after(*key, cursor.key) && *key != cursor.key).take(size + 1).collect();
        let more_before = shown.len() > size;
        shown.truncate(size);
        shown.reverse();
        let next = shown.last().map(|key| Cursor { backward: false, key: *key, emptied: true }.token());
        let previous = shown
            .first()
            .filter(|_| more_before)
            .map(|key| Cursor { backward: true, key: *key, emptied: true }.token());
        return Ok(Page { keys: shown, next, previous });
    }
    let shown: Vec<u64> = keys.filter(|key| after(*key, cursor.key)).take(size + 1).collect();
    if empty_before_last && !cursor.emptied && shown.len() <= size {
        return Ok(Page {
            keys: Vec::new(),
            next: Some(Cursor { emptied: true, ..cursor }.token()),
            previous: None,
        });
    }
    Ok(cut(shown, size, true, empty_before_last, cursor.emptied))
}

fn cut(mut shown: Vec<u64>, size: usize, before: bool, empty_before_last: bool, emptied: bool) -> Page {
    let more = shown.len() > size;
    shown.truncate(size);
    let next = shown
        .last()
        .filter(|_| more)
        .map(|key| Cursor { backward: false, key: *key, emptied: emptied || !empty_before_last }.token());
    let previous = shown
        .first()
        .filter(|_| before)
        .map(|key| Cursor { backward: true, key: *key, emptied: true }.token());
    Page { keys: shown, next, previous }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(empty: bool) -> Vec<Vec<u64>> {
        let (mut pages, mut token) = (Vec::new(), None);
        loop {
            let page = page((1..=5).rev(), true, token.as_deref(), 0, 2, empty).unwrap();
            pages.push(page.keys);
            match page.next {
                Some(next) => token = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        assert_eq!(walk(false), [vec![5, 4], vec![3, 2], vec![1]]);
    }

    #[test]
    fn an_empty_page_can_carry_a_token() {
        assert_eq!(walk(true), [vec![5, 4], vec![3, 2], vec![], vec![1]]);
    }

    #[test]
    fn a_page_can_be_walked_back() {
        let first = page((1..=5).rev(), true, None, 0, 2, false).unwrap();
        let second = page((1..=5).rev(), true, first.next.as_deref(), 0, 2, false).unwrap();
        let back = page((1..=5).rev(), true, second.previous.as_deref(), 0, 2, false).unwrap();
        assert_eq!(back.keys, first.keys);
    }

    #[test]
    fn a_foreign_token_is_refused() {
        assert_eq!(
            page(1..=5, false, Some("what"), 0, 2, false).unwrap_err().code,
            "INVALID_PARAMETER_VALUE"
        );
    }
}
