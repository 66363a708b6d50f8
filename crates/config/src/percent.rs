//! Percentages: `5%`, `25%`, `2.5%`.

/// Reads a percentage between 0 and 100. The answer is in percent, not a fraction.
///
/// # Errors
/// A sentence that says what is wrong, and how it would be right.
pub(crate) fn parse(text: &str) -> Result<f64, String> {
    let malformed = || format!("{text:?} is not a percentage such as 5%");
    let Some(number) = text.trim().strip_suffix('%') else {
        return Err(match text.trim().parse::<f64>() {
            Ok(bare) if bare > 0.0 && bare <= 1.0 => {
                format!("{text:?} has no percent sign; did you mean \"{}%\"?", bare * 100.0)
            }
            Ok(bare) if (0.0..=100.0).contains(&bare) => {
                format!("{text:?} has no percent sign; did you mean \"{bare}%\"?")
            }
            _ => malformed(),
        });
    };
    let number = number.trim_end();
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(malformed());
    }
    let percent: f64 = number.parse().map_err(|_| malformed())?;
    if percent > 100.0 { Err(format!("{text:?} is more than 100%")) } else { Ok(percent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_read_as_people_write_them() {
        assert_eq!(parse("5%"), Ok(5.0));
        assert_eq!(parse("2.5 %"), Ok(2.5));
        assert_eq!(parse("100%"), Ok(100.0));
    }

    #[test]
    fn a_bare_number_is_refused_with_what_it_probably_means() {
        assert!(parse("25").unwrap_err().ends_with("did you mean \"25%\"?"));
        assert!(parse("0.25").unwrap_err().ends_with("did you mean \"25%\"?"));
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for text in ["", "%", "-5%", "101%", "inf%", "NaN%", "five%", "1e1%", "1.2.3%"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
