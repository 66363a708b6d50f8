//! Durations as people write them: `5m`, `24h`, `90s`, `1h30m`, `2d`.

use std::time::Duration;

/// Each unit, with its seconds. A written duration uses each at most once, largest first.
const UNITS: &[(char, u64)] = &[('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// Reads a duration.
///
/// # Errors
/// A sentence that says what is wrong, and how it would be right.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let example = "a duration such as 90s, 5m, 24h or 1h30m";
    let text = text.trim();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("{text:?} has no unit; write {example}"));
    }
    let malformed = || format!("{text:?} is not {example}");
    let mut seconds: u64 = 0;
    let mut rest = text;
    let mut units = UNITS;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
        let unit = rest[digits..].chars().next().ok_or_else(malformed)?;
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let count: u64 = rest[..digits].parse().map_err(|_| malformed())?;
        let part = count.checked_mul(units[at].1).ok_or_else(malformed)?;
        seconds = seconds.checked_add(part).ok_or_else(malformed)?;
        units = &units[at + 1..];
        rest = &rest[digits + unit.len_utf8()..];
    }
    if text.is_empty() { Err(malformed()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Prints a duration in the same words; fractions of a second are left out.
pub(crate) fn show(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    let mut shown = String::new();
    for (unit, size) in UNITS {
        if seconds >= *size {
            shown.push_str(&format!("{}{unit}", seconds / size));
            seconds %= size;
        }
    }
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them_and_print_the_same() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("24h", 86_400), ("1h30m", 5_400), ("2d", 172_800), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(parse(&show(Duration::from_secs(seconds))), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(show(Duration::from_secs(5_400)), "1h30m");
    }

    #[test]
    fn a_number_without_a_unit_is_refused_by_that_name() {
        assert!(parse("5").unwrap_err().contains("has no unit"));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "m",
            "5 m",
            "5x",
            "-5m",
            "30m1h",
            "5m5m",
            "99999999999999999999s",
            "9999999999999999999d",
            "1.5h",
            "５m",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
