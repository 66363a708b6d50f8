//! Numbers, times and lists as people read them.

use jiff::Timestamp;

/// `1 job`, `2 jobs`, `3 policies`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let word = match (number, one.strip_suffix('y')) {
        (1, _) => one.to_owned(),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{one}s"),
    };
    format!("{number} {word}")
}

/// `2026-05-12 10:00:00Z`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `850 ms`, `4.2 s`, `5 min 12 s`, `2 h 5 min`, `3 d 4 h`: the two units that matter.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds of a positive time")]
    let whole = seconds.round() as i64;
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(size, _)| whole >= *size).unwrap_or(units.len() - 1);
    let (size, unit) = units[first];
    let rest = units.get(first + 1).map(|(smaller, unit)| (whole % size / smaller, unit));
    match rest {
        Some((rest, smaller)) if rest > 0 => format!("{} {unit} {rest} {smaller}", whole / size),
        _ => format!("{} {unit}", whole / size),
    }
}

/// The time between two moments.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    duration(to.duration_since(from).as_secs_f64().max(0.0))
}

/// A text on one line, cut to a width with an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let line = text.replace(['\n', '\r'], " ");
    if line.chars().count() <= width {
        return line;
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A text in lines of at most `width`, each after `indent` spaces.
pub(crate) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    let room = width.saturating_sub(indent);
    for word in text.split_whitespace() {
        let is_full = !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room;
        if is_full {
            lines.push_str(&format!("{:indent$}{line}\n", ""));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{:indent$}{line}\n", ""));
    }
    lines
}

/// Reads `90s`, `30m`, `25h`, `30d`.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let read = |(unit, size): &(&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*size);
    units.iter().find_map(read).ok_or_else(|| format!("{text:?} is not a time such as 90s, 30m, 25h or 30d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_the_two_units_that_matter() {
        let shown = [0.0, 0.85, 4.24, 42.0, 312.0, 7500.0, 90_000.0, 86_400.0].map(duration);
        assert_eq!(shown, ["0 ms", "850 ms", "4.2 s", "42 s", "5 min 12 s", "2 h 5 min", "1 d 1 h", "1 d"]);
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        let shown = [count(1, "job"), count(0, "job"), count(2, "policy"), count(2, "day")];
        assert_eq!(shown, ["1 job", "0 jobs", "2 policies", "2 days"]);
    }

    #[test]
    fn long_texts_end_with_an_ellipsis() {
        assert_eq!(cut("one\ntwo", 20), "one two");
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn times_are_read_in_the_units_that_people_use() {
        assert_eq!(
            ["90s", "30m", "25h", "30d"].map(|text| seconds(text).unwrap()),
            [90, 1800, 90_000, 2_592_000]
        );
        assert!(seconds("soon").is_err());
    }

    #[test]
    fn texts_are_wrapped_between_words() {
        assert_eq!(wrapped("one two three", 2, 10), "  one two\n  three\n");
        assert_eq!(wrapped("unbreakable", 0, 4), "unbreakable\n");
        assert_eq!(wrapped("", 2, 10), "");
    }
}
