//! `variables:` and `${var.x}`.
//!
//! A variable's value comes, first match, from `--var x=…`, from `TWINLAKE_VAR_x`, from the chosen target's
//! `variables`, from its `default`. Values are text and may use other variables. `$${` stands for a plain `${`.

use std::collections::BTreeMap;

use twinlake_base::Env;

use crate::fields::{At, Item};
use crate::literal_secret;
use crate::node::{Node, Value, join};
use crate::problem::{Mark, Problem, Report, Spot};
use crate::suggest;

/// Before the name of a variable in the environment.
pub const VARIABLE_PREFIX: &str = "TWINLAKE_VAR_";

/// How many variables may lead from one to the next.
const MAX_DEPTH: usize = 32;
/// The longest text that variables may build, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The values of all variables. None stands for one whose problem was reported.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, Option<String>>);

/// A variable as it was declared.
struct Declared {
    name: At<String>,
    default: Option<At<String>>,
    /// Whether it was declared in a way that was reported already.
    is_malformed: bool,
}

impl Variables {
    /// Finds every variable's value.
    pub(crate) fn resolve(
        declared: Option<Item<'_>>,
        of_target: &BTreeMap<String, At<String>>,
        given: &BTreeMap<String, String>,
        env: &Env,
        report: &Report,
    ) -> Self {
        let declared: Vec<Declared> = declared.map_or_else(Vec::new, |item| read(&item));
        let known = || declared.iter().map(|variable| variable.name.value.as_str());
        let unknown = |name: &str, spot: &Spot| {
            let problem = Problem::at(spot, format!("there is no variable {name:?}"));
            report.add(problem.suggest(suggest::did_you_mean(name, known())));
        };
        for name in given.keys().filter(|name| !known().any(|known| known == *name)) {
            unknown(name, &outside(&format!("--var {name}")));
        }
        for (name, value) in of_target.iter().filter(|(name, _)| !known().any(|known| known == *name)) {
            unknown(name, &value.spot);
        }
        let mut sources = BTreeMap::new();
        for declared in &declared {
            let Declared { name, default, .. } = declared;
            let source = source(&name.value, of_target, given, env).or_else(|| default.clone());
            match &source {
                None if declared.is_malformed => {}
                None => report.add(Problem::at(&name.spot, "has no value").suggest(format!(
                    "pass --var {0}=…, set {VARIABLE_PREFIX}{0}, or give it a default",
                    name.value
                ))),
                Some(value) if value.spot.mark.line == 0 && literal_secret::find(&value.value).is_some() => {
                    report.problem(&value.spot, "looks like a secret, and a variable is no place for one");
                }
                Some(_) => {}
            }
            sources.insert(name.value.clone(), source);
        }
        let mut variables = Self::default();
        for name in sources.keys() {
            variables.expand_variable(name, &sources, &mut Vec::new(), report);
        }
        variables
    }

    /// Puts the values in place of every `${var.x}` below a node.
    pub(crate) fn substitute(&self, node: &mut Node, path: &str, report: &Report) {
        match &mut node.value {
            Value::Scalar { text, plain } if text.contains("${") => {
                let spot = Spot { mark: node.mark.clone(), key: path.to_owned() };
                let lookup = |name: &str| self.lookup(name, &spot, report);
                match expand(text, &spot, report, lookup) {
                    Some(expanded) => (*text, *plain) = (expanded, false),
                    None => node.value = Value::Broken,
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.substitute(item, &format!("{path}[{index}]"), report);
                }
            }
            Value::Map(map) => {
                for entry in &mut map.0 {
                    self.substitute(&mut entry.value, &join(path, &entry.key), report);
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Broken => {}
        }
    }

    fn lookup(&self, name: &str, spot: &Spot, report: &Report) -> Option<String> {
        if let Some(value) = self.0.get(name) {
            return value.clone();
        }
        let known = self.0.keys().map(String::as_str);
        let suggestion = suggest::did_you_mean(name, known);
        let none = self.0.is_empty().then(|| "declare it under variables".to_owned());
        report.add(Problem::at(spot, format!("there is no variable {name:?}")).suggest(suggestion.or(none)));
        None
    }

    /// Gives one variable its value, after those that it uses. `open` are the ones that wait for this one.
    fn expand_variable<'s>(
        &mut self,
        name: &'s str,
        sources: &'s BTreeMap<String, Option<At<String>>>,
        open: &mut Vec<&'s str>,
        report: &Report,
    ) {
        if self.0.contains_key(name) {
            return;
        }
        let Some(Some(source)) = sources.get(name) else {
            self.0.insert(name.to_owned(), None);
            return;
        };
        open.push(name);
        for used in names_in(&source.value) {
            let Some((used, _)) = sources.get_key_value(used) else { continue };
            if open.len() >= MAX_DEPTH {
                report.problem(&source.spot, format!("leads through more than {MAX_DEPTH} variables"));
                self.0.insert(name.to_owned(), None);
            } else if open.contains(&used.as_str()) {
                report.problem(&source.spot, format!("uses itself, by way of ${{var.{used}}}"));
                self.0.insert(name.to_owned(), None);
            } else {
                self.expand_variable(used, sources, open, report);
            }
        }
        open.pop();
        if !self.0.contains_key(name) {
            // A name that is not declared must be looked up among all that are, not among those that have a value yet.
            let lookup = |wanted: &str| match self.0.get(wanted) {
                Some(value) => value.clone(),
                None => {
                    let suggestion = suggest::did_you_mean(wanted, sources.keys().map(String::as_str));
                    let problem = Problem::at(&source.spot, format!("there is no variable {wanted:?}"));
                    report.add(problem.suggest(suggestion));
                    None
                }
            };
            let value = expand(&source.value, &source.spot, report, lookup);
            self.0.insert(name.to_owned(), value);
        }
    }
}

fn read(declared: &Item<'_>) -> Vec<Declared> {
    let one = |(name, item): (At<String>, Item<'_>)| {
        if !name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            item.report().problem(&name.spot, "is not a name of letters, digits, - and _");
        }
        // `x: value` is short for a default.
        if item.is_scalar() {
            return Declared { name, default: item.scalar(), is_malformed: false };
        }
        // `x:` alone declares a variable that must be given.
        if item.is_null() {
            return Declared { name, default: None, is_malformed: false };
        }
        let fields = item.fields_or_none();
        let default = fields.get("default").and_then(|item| item.scalar());
        let _ = fields.get("description").map(|item| item.scalar());
        fields.finish();
        Declared { name, default, is_malformed: !item.is_map() }
    };
    declared.named().into_iter().map(one).collect()
}

/// A value from outside the declaration, and where it came from.
fn source(
    name: &str,
    of_target: &BTreeMap<String, At<String>>,
    given: &BTreeMap<String, String>,
    env: &Env,
) -> Option<At<String>> {
    if let Some(value) = given.get(name) {
        return Some(At { value: value.clone(), spot: outside(&format!("--var {name}")) });
    }
    let variable = format!("{VARIABLE_PREFIX}{name}");
    if let Some(value) = env.get(&variable) {
        return Some(At { value: value.to_owned(), spot: outside(&variable) });
    }
    of_target.get(name).cloned()
}

/// A place that is not in a file.
pub(crate) fn outside(name: &str) -> Spot {
    Spot { mark: Mark { file: name.into(), line: 0, column: 0 }, key: String::new() }
}

/// The names that a text uses, in order.
fn names_in(text: &str) -> Vec<&str> {
    pieces(text).into_iter().filter_map(|piece| piece.strip_prefix("${var.")?.strip_suffix('}')).collect()
}

/// A text in pieces: each `${…}` (or an open `${`), each `$${`, and what stands between.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        let escaped = rest[..dollar].ends_with('$');
        let start = if escaped { dollar - 1 } else { dollar };
        if start > 0 {
            pieces.push(&rest[..start]);
        }
        rest = &rest[start..];
        let end = if escaped { "$${".len() } else { rest.find('}').map_or(rest.len(), |at| at + 1) };
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// A text with its variables in place. None, and a problem, where one has no value.
fn expand(
    text: &str,
    spot: &Spot,
    report: &Report,
    lookup: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let mut expanded = Some(String::new());
    let mut of_secrets = false;
    for piece in pieces(text) {
        let value = if piece == "$${" {
            Some("${".to_owned())
        } else if let Some(name) = piece.strip_prefix("${var.").and_then(|rest| rest.strip_suffix('}')) {
            lookup(name)
        } else if piece.starts_with("${") {
            report.add(
                Problem::at(spot, format!("{piece:?} is not a variable"))
                    .suggest("write ${var.name}, or $${ for a plain ${".to_owned()),
            );
            None
        } else {
            Some(piece.to_owned())
        };
        of_secrets |= value.as_deref().and_then(literal_secret::find).is_some();
        expanded = expanded.zip(value).map(|(text, value)| text + &value);
        if expanded.as_ref().is_some_and(|text| text.len() > MAX_BYTES) {
            report.problem(spot, format!("becomes longer than {MAX_BYTES} bytes"));
            return None;
        }
    }
    // Each part that is a secret of itself was reported where it stands.
    if !of_secrets && expanded.as_deref().and_then(literal_secret::find).is_some() {
        report.problem(spot, "becomes something that looks like a secret, and a config is no place for one");
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_its_pieces() {
        assert_eq!(pieces("a${var.x}b$${c}${var.y}"), ["a", "${var.x}", "b", "$${", "c}", "${var.y}"]);
        assert_eq!(pieces("${open"), ["${open"]);
        assert_eq!(pieces("plain $ {x}"), ["plain $ {x}"]);
        assert_eq!(names_in("${var.x}-${env.y}-${var.z}"), ["x", "z"]);
    }
}
