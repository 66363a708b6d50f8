//! Moments, durations and foreign text in words.

use jiff::{Timestamp, Unit};

/// A moment, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// A duration: `0.4 s`, `12 s`, `4 min 3 s`, `1 h 4 min`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and not negative")]
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds} s"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// A figure's value, without a fraction that says nothing.
pub(super) fn figure(value: f64, unit: &str) -> String {
    if unit == "seconds" {
        return duration(value);
    }
    if value.fract() == 0.0 { format!("{value:.0} {unit}") } else { format!("{value:.2} {unit}") }
}

/// Text of others on one line, without characters that a terminal obeys.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<_> = [0.04, 9.96, 59.6, 243.0, 3843.0].into_iter().map(duration).collect();
        assert_eq!(said, ["0.0 s", "10 s", "1 min 0 s", "4 min 3 s", "1 h 4 min"]);
    }

    #[test]
    fn foreign_text_cannot_command_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
