//! One text that somebody edited, in the other dialect.
//!
//! The text once read `there` at the other side and `here` on this one. What is common to `here` and the text as it is now
//! was not edited and reads as it did there; what lies between the first and the last edit is looked up in the tables. A
//! word is never cut: one that the edit touches, or makes, is part of the edit.

use twinlake_model::{Piece, Vocabulary};

use crate::localize::Dialects;

/// What `text` is at the other side. None where the tables do not lead from the answer to what stands here: then they
/// are other tables than those of the base, and it says nothing.
pub(crate) fn carry_edit(
    text: &str,
    here: &str,
    there: &str,
    vocabulary: Vocabulary<'_>,
    dialects: Dialects<'_>,
) -> Option<String> {
    let back = dialects.reversed();
    let former = back.pieces(vocabulary, there);
    if former.iter().map(Piece::mapped).collect::<String>() != here {
        return None;
    }
    if text == here {
        return Some(there.to_owned());
    }
    let (start, end) = edited(text, here, &former, &dialects.pieces(vocabulary, text));
    let (head, tail) = around(&former, start, here.len() - (text.len() - end));
    let edit = dialects.translate(vocabulary, &text[start..end]);
    let candidate = format!("{head}{edit}{tail}");
    (back.translate(vocabulary, &candidate) == text).then_some(candidate)
}

/// The bytes of `text` that were edited, widened until no word is cut, neither one of `here` nor one of `text`.
fn edited(text: &str, here: &str, former: &[Piece<'_>], now: &[Piece<'_>]) -> (usize, usize) {
    let mut start = common_start(text, here);
    let mut end = text.len() - common_end(&text[start..], &here[start..]);
    loop {
        let before = (start, end);
        let mut at = 0;
        for piece in now {
            let (from, to) = (at, at + piece.text.len());
            if piece.becomes.is_some() && from < end && to > start {
                (start, end) = (start.min(from), end.max(to));
            }
            at = to;
        }
        let mut at = 0;
        for piece in former {
            let (from, to) = (at, at + piece.mapped().len());
            // The same place, seen from the end: the two texts need not be of one length.
            let end_here = here.len() - (text.len() - end);
            if piece.becomes.is_some() && from < start && to > start {
                start = from;
            }
            if piece.becomes.is_some() && from < end_here && to > end_here {
                end = text.len() - (here.len() - to);
            }
            at = to;
        }
        if before == (start, end) {
            return before;
        }
    }
}

/// What stood around the bytes `start..end` of the former text, as it reads at the other side.
fn around(former: &[Piece<'_>], start: usize, end: usize) -> (String, String) {
    let (mut head, mut tail) = (String::new(), String::new());
    let mut at = 0;
    for piece in former {
        let to = at + piece.mapped().len();
        if to <= start {
            head.push_str(piece.text);
        } else if at >= end {
            tail.push_str(piece.text);
        } else if piece.becomes.is_none() {
            // What reads the same on both sides may be cut anywhere.
            head.push_str(&piece.text[..start.saturating_sub(at)]);
            tail.push_str(&piece.text[(end - at).min(piece.text.len())..]);
        }
        at = to;
    }
    (head, tail)
}

fn common_start(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    same.map(|(char, _)| char.len_utf8()).sum()
}

fn common_end(one: &str, other: &str) -> usize {
    let same = one.chars().rev().zip(other.chars().rev()).take_while(|(one, other)| one == other);
    same.map(|(char, _)| char.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use twinlake_model::{Mappings, Row, StringRow};

    use super::*;

    /// The words of `east`, `west` in the field `p`; carries `now` (west), which was `there` (east), back to east.
    fn carried(words: &[(&str, &str)], there: &str, now: &str) -> Option<String> {
        let row = |east: &str, west: &str| StringRow {
            row: Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into()),
            within: vec!["p".into()],
        };
        let mappings = Mappings {
            strings: words.iter().map(|(east, west)| row(east, west)).collect(),
            ..Mappings::default()
        };
        let (east, west) = ("east".into(), "west".into());
        let dialects = Dialects { from: &west, to: &east, mappings: &mappings };
        let here = dialects.reversed().translate(Vocabulary::Text("p"), there);
        carry_edit(now, &here, there, Vocabulary::Text("p"), dialects)
    }

    #[test]
    fn what_stands_around_an_edit_is_what_it_was_also_where_two_words_became_one() {
        let words = [("one", "w"), ("two", "w")];
        assert_eq!(carried(&words, "one,two", "w,w").unwrap(), "one,two");
        assert_eq!(carried(&words, "one,two", "w,w!").unwrap(), "one,two!");
        assert_eq!(carried(&words, "one,two", "!w,w").unwrap(), "!one,two");
        assert_eq!(carried(&words, "one,two", "w;w").unwrap(), "one;two");
    }

    #[test]
    fn a_word_that_an_edit_makes_is_looked_up() {
        let words = [("us-east-1", "us-west-2")];
        assert_eq!(carried(&words, "r=us-west-1", "r=us-west-2").unwrap(), "r=us-east-1");
        assert_eq!(carried(&words, "us-west-2 stays", "us-west-2 stays!").unwrap(), "us-west-2 stays!");
    }

    #[test]
    fn text_of_several_bytes_a_character_is_cut_between_characters() {
        let words = [("één", "één-west")];
        assert_eq!(carried(&words, "één→é", "één-west→è").unwrap(), "één→è");
    }

    #[test]
    fn a_word_that_disappears_at_this_side_is_not_doubled() {
        let words = [("gone ", "")];
        assert_eq!(carried(&words, "a gone b", "a !b").unwrap(), "a gone !b");
    }
}
