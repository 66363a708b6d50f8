//! Names that the operator gives: sites, workspace sets, groups.

use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::suggest;

/// The longest name. Names become parts of paths and of tags, which have bounds of their own.
const MAX_LENGTH: usize = 63;

/// Reports a name that could not be told apart inside `prod@east` or `job/prod@east/7`.
pub(crate) fn check(name: &At<String>, report: &Report) {
    let text = &name.value;
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !starts_well || !fits || text.len() > MAX_LENGTH {
        let rule = format!("use up to {MAX_LENGTH} letters, digits, -, _ and .");
        report.add(Problem::at(&name.spot, format!("{text:?} cannot be a name")).suggest(rule));
    }
}

/// Reports a name that refers to nothing, with the one that was probably meant.
pub(crate) fn refuse_unknown<'k>(
    what: &str,
    name: &At<String>,
    known: impl IntoIterator<Item = &'k str>,
    report: &Report,
) {
    let known: Vec<&str> = known.into_iter().collect();
    let suggestion = suggest::did_you_mean(&name.value, known.iter().copied())
        .or_else(|| (!known.is_empty() && known.len() <= 12).then(|| format!("known: {}", known.join(", "))));
    report.add(Problem::at(&name.spot, format!("there is no {what} {:?}", name.value)).suggest(suggestion));
}
