//! Whether two documents say the same, each in its own site's words. Pure.
//!
//! Mappings are checked as relations: a value may stand for another one if a row says so, and must not stand there
//! unmapped where a row names it. What was first seen at the target may be called there what it always was, because the
//! way back is not the tables' to say (P9).

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use twinlake_assets::{Embed, Field, Fragment};
use twinlake_model::{MappingTable, Mappings, SiteId};

use super::holding::OPENED;

/// In whose words the two documents are.
pub(super) struct Site<'a> {
    pub(super) from: &'a SiteId,
    pub(super) to: &'a SiteId,
    pub(super) mappings: &'a Mappings,
    /// Whether the asset was first seen at the target.
    pub(super) is_home: bool,
}

/// What is known of the values at and below a place of a document.
#[derive(Clone, Copy, Debug, Default)]
struct Rule {
    table: Option<MappingTable>,
    text: Option<&'static str>,
}

/// How the items of a list find each other.
#[derive(Clone, Copy, Debug)]
enum Order {
    Keyed(&'static str),
    None,
}

/// What the schema says of one document, by pointer.
#[derive(Default)]
struct Rules {
    words: HashMap<String, Rule>,
    orders: HashMap<String, Order>,
    defaults: HashSet<String>,
}

/// Where two documents differ, by pointers into the source's.
pub(super) fn differences(
    fragment: &Fragment,
    source: &Value,
    target: &Value,
    site: &Site<'_>,
) -> Vec<String> {
    let mut rules = Rules::default();
    rules.learn(fragment, source, "");
    let mut of_target = Rules::default();
    of_target.learn(fragment, target, "");
    rules.defaults.extend(of_target.defaults);
    let comparison = Comparison { rules, site };
    let mut found = BTreeSet::new();
    comparison.walk(source, target, "", Rule::default(), &mut found);
    found.into_iter().collect()
}

impl Rules {
    fn learn(&mut self, fragment: &Fragment, part: &Value, above: &str) {
        for field in fragment.fields {
            match field {
                Field::SiteLocal(at, table) => {
                    at.visit(part, |pointer, _| self.word(above, pointer).table = Some(*table));
                }
                Field::FreeText(at, name) => {
                    at.visit(part, |pointer, _| self.word(above, pointer).text = Some(name));
                }
                Field::Keyed(at, key) => at.visit(part, |pointer, _| {
                    self.orders.insert(format!("{above}{pointer}"), Order::Keyed(key));
                }),
                Field::Unordered(at) => at.visit(part, |pointer, _| {
                    self.orders.insert(format!("{above}{pointer}"), Order::None);
                }),
                Field::ServerDefault(at) => at.visit(part, |pointer, _| {
                    self.defaults.insert(format!("{above}{pointer}"));
                }),
                Field::ServerOwned(_) | Field::CreateOnly(_) | Field::Secret(_) => {}
            }
        }
        for embed in fragment.embeds {
            match embed {
                Embed::At(at, inner) => {
                    at.visit(part, |pointer, part| self.learn(inner, part, &format!("{above}{pointer}")));
                }
                Embed::InText(at, inner) => at.visit(part, |pointer, text| {
                    if let Some(part) = text.get(OPENED) {
                        self.learn(inner, part, &format!("{above}{pointer}/{OPENED}"));
                    }
                }),
            }
        }
    }

    fn word(&mut self, above: &str, pointer: &str) -> &mut Rule {
        self.words.entry(format!("{above}{pointer}")).or_default()
    }
}

struct Comparison<'a> {
    rules: Rules,
    site: &'a Site<'a>,
}

impl Comparison<'_> {
    fn walk(&self, one: &Value, other: &Value, at: &str, above: Rule, found: &mut BTreeSet<String>) {
        let own = self.rules.words.get(at).copied().unwrap_or_default();
        let rule = Rule { table: own.table.or(above.table), text: own.text.or(above.text) };
        match (one, other) {
            (Value::Object(mine), Value::Object(theirs)) => {
                let keys: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
                for key in keys {
                    let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    match (mine.get(key), theirs.get(key)) {
                        (Some(mine), Some(theirs)) => self.walk(mine, theirs, &at, rule, found),
                        (Some(only), None) | (None, Some(only)) => {
                            if !is_nothing(only) && !self.rules.defaults.contains(&at) {
                                found.insert(at);
                            }
                        }
                        (None, None) => {}
                    }
                }
            }
            (Value::Array(mine), Value::Array(theirs)) => {
                if mine.len() == theirs.len() {
                    self.walk_items(mine, theirs, at, rule, found);
                } else {
                    found.insert(named(at));
                }
            }
            (Value::String(mine), Value::String(theirs)) if self.is_alike(mine, theirs, rule) => {}
            (Value::String(_), Value::String(_)) => drop(found.insert(named(at))),
            _ if one == other || (is_nothing(one) && is_nothing(other)) => {}
            _ => drop(found.insert(named(at))),
        }
    }

    fn walk_items(
        &self,
        mine: &[Value],
        theirs: &[Value],
        at: &str,
        rule: Rule,
        found: &mut BTreeSet<String>,
    ) {
        let differs = |index: usize, mine: &Value, theirs: &Value| {
            let mut inner = BTreeSet::new();
            self.walk(mine, theirs, &format!("{at}/{index}"), rule, &mut inner);
            inner
        };
        let mut left: Vec<&Value> = theirs.iter().collect();
        for (index, item) in mine.iter().enumerate() {
            let partner = match self.rules.orders.get(at) {
                None => Some(0),
                Some(Order::Keyed(key)) => left.iter().position(|other| other.get(*key) == item.get(*key)),
                Some(Order::None) => left.iter().position(|other| differs(index, item, other).is_empty()),
            };
            match partner {
                Some(partner) => found.extend(differs(index, item, left.remove(partner))),
                None => drop(found.insert(format!("{at}/{index}"))),
            }
        }
    }

    fn is_alike(&self, one: &str, other: &str, rule: Rule) -> bool {
        let Site { from, to, mappings, is_home } = self.site;
        match (rule.table, rule.text) {
            (Some(table), _) => {
                let rows = mappings.tables.get(&table).map_or(&[][..], Vec::as_slice);
                let rows: Vec<(&str, &str)> =
                    rows.iter().filter_map(|row| Some((row.at(from)?, row.at(to)?))).collect();
                match table {
                    MappingTable::Locations => locations_alike(one, other, &rows, *is_home),
                    _ => values_alike(one, other, &rows, *is_home),
                }
            }
            (None, Some(name)) => {
                let rows =
                    mappings.strings.iter().filter(|row| row.within.iter().any(|within| within == name));
                let words: Vec<(&str, &str)> =
                    rows.filter_map(|row| Some((row.row.at(from)?, row.row.at(to)?))).collect();
                texts_alike(one, other, &words, *is_home)
            }
            (None, None) => one == other,
        }
    }
}

/// Whether a whole value may stand for another one.
fn values_alike(one: &str, other: &str, rows: &[(&str, &str)], is_home: bool) -> bool {
    let is_named = rows.iter().any(|(here, _)| *here == one);
    rows.contains(&(one, other)) || (one == other && (is_home || !is_named))
}

/// Whether a URL may stand for another one: what follows the longest prefix that a row names is the same.
fn locations_alike(one: &str, other: &str, rows: &[(&str, &str)], is_home: bool) -> bool {
    let below = |url: &str, prefix: &str| -> Option<String> {
        let is_folder = prefix.strip_suffix('/') == Some(url);
        if is_folder { Some(String::new()) } else { url.strip_prefix(prefix).map(str::to_owned) }
    };
    let named = rows.iter().filter(|(here, _)| !here.is_empty() && below(one, here).is_some());
    let longest = named.clone().map(|(here, _)| here.len()).max();
    let leads_there = named
        .filter(|(here, _)| Some(here.len()) == longest || is_home)
        .any(|(here, there)| below(one, here) == below(other, there));
    leads_there || (one == other && (is_home || longest.is_none()))
}

/// Whether a text may stand for another one: it reads the same, but for words that a row names.
fn texts_alike(one: &str, other: &str, words: &[(&str, &str)], is_home: bool) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![(0, 0)];
    while let Some((mine, theirs)) = open.pop() {
        if !seen.insert((mine, theirs)) {
            continue;
        }
        let (left, right) = (&one[mine..], &other[theirs..]);
        if left.is_empty() && right.is_empty() {
            return true;
        }
        let here = words.iter().filter(|(word, _)| !word.is_empty() && left.starts_with(word));
        let longest = here.clone().map(|(word, _)| word.len()).max();
        let stands =
            here.filter(|(word, there)| (Some(word.len()) == longest || is_home) && right.starts_with(there));
        open.extend(stands.map(|(word, there)| (mine + word.len(), theirs + there.len())));
        if let (Some(letter), Some(same)) = (left.chars().next(), right.chars().next())
            && letter == same
            && (is_home || longest.is_none())
        {
            open.push((mine + letter.len_utf8(), theirs + same.len_utf8()));
        }
    }
    false
}

/// What a service leaves out as readily as it shows it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

fn named(at: &str) -> String {
    if at.is_empty() { "/".to_owned() } else { at.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twinlake_assets::kinds;
    use twinlake_model::{Row, StringRow};

    use super::*;

    fn row(east: &str, west: &str) -> Row {
        Row([("east".into(), east.to_owned()), ("west".into(), west.to_owned())].into())
    }

    fn mappings() -> Mappings {
        let types = vec![row("i3.xlarge", "i4i.xlarge"), row("i3.2xlarge", "i4i.xlarge")];
        let locations = vec![row("s3://east/", "s3://west/"), row("s3://east/deep/", "s3://deep/")];
        let word = StringRow { row: row("us-east-1", "us-west-2"), within: vec!["spark_conf".into()] };
        Mappings {
            tables: [(MappingTable::NodeTypes, types), (MappingTable::Locations, locations)].into(),
            strings: vec![word],
        }
    }

    fn cluster(from: &str, to: &str, is_home: bool, one: &Value, other: &Value) -> Vec<String> {
        let (from, to) = (SiteId::from(from), SiteId::from(to));
        let site = Site { from: &from, to: &to, mappings: &mappings(), is_home };
        differences(&kinds::find("cluster").unwrap().schema().fragment, one, other, &site)
    }

    #[test]
    fn a_value_that_a_row_names_must_be_the_other_sites_and_any_other_one_the_same() {
        let spec = |node: &str| json!({ "cluster_name": "a", "node_type_id": node });
        let out =
            |one: &str, other: &str| cluster("east", "west", false, &spec(one), &spec(other)).is_empty();
        assert!(
            out("i3.xlarge", "i4i.xlarge") && out("i3.2xlarge", "i4i.xlarge") && out("m5.large", "m5.large")
        );
        assert!(!out("i3.xlarge", "i3.xlarge") && !out("m5.large", "i4i.xlarge"));
        let home =
            |one: &str, other: &str| cluster("west", "east", true, &spec(one), &spec(other)).is_empty();
        assert!(home("i4i.xlarge", "i3.xlarge") && home("i4i.xlarge", "i3.2xlarge"));
        assert!(home("i4i.xlarge", "i4i.xlarge"), "it was called so at home before");
        assert!(!home("i4i.xlarge", "m5.large"));
    }

    #[test]
    fn words_in_a_text_must_be_the_other_sites_and_what_stands_around_them_the_same() {
        let spec = |text: &str| json!({ "spark_conf": { "a": text } });
        let out =
            |one: &str, other: &str| cluster("east", "west", false, &spec(one), &spec(other)).is_empty();
        assert!(out("r=us-east-1,us-east-1!", "r=us-west-2,us-west-2!"));
        assert!(!out("r=us-east-1", "r=us-east-1"));
        assert!(!out("r=us-east-1", "s=us-west-2"));
        assert!(!out("r=us-east-1", "r=us-west-2 "));
        assert!(out("é us-west-2", "é us-west-2"), "no row names it at the source");
    }

    #[test]
    fn a_url_must_lie_below_what_the_longest_prefix_leads_to() {
        let site = |one: &str, other: &str| {
            let rows = [("s3://east/", "s3://west/"), ("s3://east/deep/", "s3://deep/")];
            locations_alike(one, other, &rows, false)
        };
        assert!(site("s3://east/a", "s3://west/a") && site("s3://east/deep/a", "s3://deep/a"));
        assert!(site("s3://east", "s3://west") && site("s3://else/a", "s3://else/a"));
        assert!(!site("s3://east/deep/a", "s3://west/deep/a") && !site("s3://east/a", "s3://east/a"));
    }

    #[test]
    fn order_counts_only_where_the_schema_says_so_and_nothing_is_as_good_as_absent() {
        let (from, to) = (SiteId::from("east"), SiteId::from("west"));
        let site = Site { from: &from, to: &to, mappings: &Mappings::default(), is_home: false };
        let fragment = &kinds::find("job").unwrap().schema().fragment;
        let task = |key: &str, retries: i64| json!({ "task_key": key, "max_retries": retries });
        let job = |tasks: Vec<Value>| json!({ "name": "a", "tasks": tasks, "tags": {} });
        let told = |one: &Value, other: &Value| differences(fragment, one, other, &site);
        let one = job(vec![task("a", 1), task("b", 2)]);
        assert!(told(&one, &json!({ "name": "a", "tasks": [task("b", 2), task("a", 1)] })).is_empty());
        assert_eq!(told(&one, &job(vec![task("a", 1), task("b", 3)])), ["/tasks/1/max_retries"]);
        assert_eq!(told(&one, &job(vec![task("a", 1), task("c", 2)])), ["/tasks/1"]);
        assert_eq!(told(&one, &job(vec![task("a", 1)])), ["/tasks"]);
        let list = |list: Value| json!({ "name": "a", "tasks": [{ "task_key": "a", "depends_on": list }] });
        assert_eq!(
            told(&list(json!([1, 2])), &list(json!([2, 1]))),
            ["/tasks/0/depends_on/0", "/tasks/0/depends_on/1"]
        );
    }
}
