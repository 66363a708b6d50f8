//! What each API family allows, and how sure we are: `limits.toml`, read.
//!
//! A family is the set of requests that share one limit. Every request belongs to exactly one: the first row
//! of the table that covers it; the last row covers everything.

use std::collections::BTreeSet;
use std::fmt;

use http::Method;
use serde::Deserialize;

use crate::Error;
use crate::budget::HEADROOM;

/// The table of limits.
#[derive(Clone, Debug)]
pub struct Limits {
    rows: Vec<Limit>,
    primary: Share,
    standby: Share,
}

/// One row: a family of requests and what the host allows.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The family's name (`jobs.create`).
    pub family: String,
    /// What it covers.
    pub covers: Vec<Route>,
    /// Requests per second that the host allows all callers together, as far as we know.
    pub per_second: f64,
    /// How sure we are.
    pub grade: Grade,
    /// Who says so.
    pub source: String,
}

impl Limit {
    /// Requests per second that are ours under a share: the floor that a benchmark compares with.
    #[must_use]
    pub fn shared_per_second(&self, share: Share) -> f64 {
        self.per_second * share.get()
    }

    /// Requests per second that are started at most: the share, but never the last of the limit.
    #[must_use]
    pub fn paced_per_second(&self, share: Share) -> f64 {
        self.per_second * share.get().min(HEADROOM)
    }
}

/// How sure we are of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Databricks publishes it, or a page restates what Databricks publishes.
    Published,
    /// Tools that run against real workspaces found it.
    Observed,
    /// Nobody publishes it: a prudent guess of ours.
    Assumed,
}

/// The share of a limit that we use, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(1.0);

    /// A share, if it is above 0 and at most 1.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share <= 1.0).then_some(Self(share))
    }

    /// The share as a number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A method and a path pattern: `*` stands for any part of one segment, a final `**` for the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    method: Option<Method>,
    segments: Vec<String>,
}

impl Route {
    /// Reads `METHOD /path/pattern`; the method may be `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (method, path) = text.split_once(' ')?;
        let method = match method {
            "*" => None,
            name => Some(Method::from_bytes(name.as_bytes()).ok()?),
        };
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(str::to_owned).collect();
        let rest_is_last = segments.iter().rev().skip(1).all(|segment| segment != "**");
        let plain = segments.iter().all(|segment| segment == "**" || segment.matches('*').count() <= 1);
        (rest_is_last && plain).then_some(Self { method, segments })
    }

    /// Whether the pattern covers a request.
    #[must_use]
    pub fn covers(&self, method: &Method, path: &str) -> bool {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return false;
        }
        let mut given = path.trim_start_matches('/').split('/');
        for own in &self.segments {
            if own == "**" {
                return true;
            }
            if !given.next().is_some_and(|segment| segment_matches(own, segment)) {
                return false;
            }
        }
        given.next().is_none()
    }
}

/// As it is written in the table.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_ref().map_or("*", Method::as_str);
        write!(f, "{method} /{}", self.segments.join("/"))
    }
}

fn segment_matches(pattern: &str, segment: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((head, tail)) => {
            segment.len() >= head.len() + tail.len() && segment.starts_with(head) && segment.ends_with(tail)
        }
    }
}

impl Limits {
    /// The table that ships with this crate.
    ///
    /// # Errors
    /// [`Error::Limits`] if it is broken, which a test excludes.
    pub fn shipped() -> Result<Self, Error> {
        Self::parse(include_str!("limits.toml"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Limits`] names what is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let table: Table = toml::from_str(text).map_err(|error| broken(error.to_string()))?;
        let share = |name: &str, share| {
            Share::new(share).ok_or_else(|| broken(format!("share.{name} is not in 0..1")))
        };
        let (primary, standby) =
            (share("primary", table.share.primary)?, share("standby", table.share.standby)?);
        let mut names = BTreeSet::new();
        let mut rows = Vec::new();
        for row in table.limit {
            if !names.insert(row.family.clone()) {
                return Err(broken(format!("the family `{}` is there twice", row.family)));
            }
            rows.push(row.read()?);
        }
        let covers_all = |row: &Limit| row.covers.iter().any(|route| *route == Route::everything());
        if !rows.last().is_some_and(covers_all) {
            return Err(broken("the last row must cover `* /**`".to_owned()));
        }
        Ok(Self { rows, primary, standby })
    }

    /// All rows, in the order in which they are tried.
    #[must_use]
    pub fn rows(&self) -> &[Limit] {
        &self.rows
    }

    /// The row that covers a request.
    #[must_use]
    pub fn covering(&self, method: &Method, path: &str) -> Option<&Limit> {
        self.rows.get(self.index(method, path)?)
    }

    /// The index of the row that covers a request.
    pub(crate) fn index(&self, method: &Method, path: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.covers.iter().any(|route| route.covers(method, path)))
    }

    /// Our default share on a host that serves production.
    #[must_use]
    pub const fn share_on_a_primary(&self) -> Share {
        self.primary
    }

    /// Our default share on a host that sleeps.
    #[must_use]
    pub const fn share_on_a_standby(&self) -> Share {
        self.standby
    }

    /// The same table with every limit multiplied: for rehearsals in which what we believe is wrong.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        for row in &mut scaled.rows {
            row.per_second *= factor;
        }
        scaled
    }
}

impl Route {
    fn everything() -> Self {
        Self { method: None, segments: vec!["**".to_owned()] }
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    share: Shares,
    limit: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    primary: f64,
    standby: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    family: String,
    covers: Vec<String>,
    per_second: Option<f64>,
    per_minute: Option<f64>,
    grade: Grade,
    source: String,
}

impl Row {
    fn read(self) -> Result<Limit, Error> {
        let per_second = match (self.per_second, self.per_minute) {
            (Some(per_second), None) => per_second,
            (None, Some(per_minute)) => per_minute / 60.0,
            _ => return Err(broken(format!("`{}` needs either per_second or per_minute", self.family))),
        };
        if !per_second.is_finite() || per_second <= 0.0 {
            return Err(broken(format!("the limit of `{}` is not above 0", self.family)));
        }
        if self.source.is_empty() || self.covers.is_empty() {
            return Err(broken(format!("`{}` needs a source and what it covers", self.family)));
        }
        let route = |text: &String| {
            Route::parse(text)
                .ok_or_else(|| broken(format!("`{}`: `{text}` is not `METHOD /path`", self.family)))
        };
        let covers = self.covers.iter().map(route).collect::<Result<_, _>>()?;
        Ok(Limit { family: self.family, covers, per_second, grade: self.grade, source: self.source })
    }
}

const fn broken(reason: String) -> Error {
    Error::Limits { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(method: Method, path: &str) -> String {
        Limits::shipped().unwrap().covering(&method, path).unwrap().family.clone()
    }

    #[test]
    fn every_request_has_one_family() {
        for (method, path, expected) in [
            (Method::POST, "/api/2.2/jobs/create", "jobs.create"),
            (Method::POST, "/api/2.1/jobs/create", "jobs.create"),
            (Method::GET, "/api/2.2/jobs/list", "jobs.read"),
            (Method::POST, "/api/2.2/jobs/reset", "jobs.change"),
            (Method::GET, "/api/2.2/jobs/runs/get", "jobs.runs_get"),
            (Method::GET, "/api/2.2/jobs/runs/list", "jobs.runs"),
            (Method::GET, "/api/2.0/workspace/export", "workspace.export"),
            (Method::POST, "/api/2.0/workspace/mkdirs", "workspace.change"),
            (Method::GET, "/api/2.0/preview/scim/v2/Me", "scim.read"),
            (Method::GET, "/api/2.0/sql/warehouses", "warehouses"),
            (Method::POST, "/api/2.0/sql/warehouses/abc/stop", "warehouses"),
            (Method::GET, "/api/2.0/accounts/1-2/scim/v2/Users", "account_scim.list"),
            (Method::GET, "/api/2.0/accounts/1-2/scim/v2/Users/7", "account_scim.read"),
            (Method::GET, "/api/2.1/unity-catalog/catalogs", "other"),
            (Method::GET, "/", "other"),
        ] {
            assert_eq!(family(method, path), expected, "{path}");
        }
    }

    #[test]
    fn what_nobody_publishes_is_marked_as_assumed() {
        for row in Limits::shipped().unwrap().rows() {
            let unpublished = row.source.starts_with("not published");
            assert!(!unpublished || row.grade == Grade::Assumed, "{}", row.family);
        }
    }

    #[test]
    fn no_row_is_hidden_by_one_before_it() {
        let limits = Limits::shipped().unwrap();
        for row in limits.rows() {
            for route in &row.covers {
                let path = format!("/{}", route.segments.join("/").replace("**", "x").replace('*', "1"));
                let method = route.method.clone().unwrap_or(Method::PUT);
                let found = limits
                    .rows()
                    .iter()
                    .find(|row| row.covers.iter().any(|route| route.covers(&method, &path)));
                assert_eq!(found.map(|row| &row.family), Some(&row.family), "{method} {path}");
            }
        }
    }

    #[test]
    fn a_limit_per_minute_is_read_as_what_it_gives_a_second() {
        let limits = Limits::shipped().unwrap();
        let scim = limits.rows().iter().find(|row| row.family == "scim.read").unwrap();
        assert!((scim.per_second - 4.25).abs() < 1e-9);
        assert!((scim.shared_per_second(limits.share_on_a_primary()) - 1.0625).abs() < 1e-9);
    }

    #[test]
    fn a_broken_table_says_where() {
        let table = |row: &str| format!("[share]\nprimary = 0.25\nstandby = 1.0\n{row}");
        let reason = |text: &str| Limits::parse(text).unwrap_err().to_string();
        let row = "[[limit]]\nfamily = \"a\"\ncovers = [\"* /**\"]\ngrade = \"assumed\"\nsource = \"x\"\n";
        assert!(reason(&table(row)).contains("per_second or per_minute"));
        assert!(reason(&table(&format!("{row}per_second = 0\n"))).contains("above 0"));
        assert!(reason(&table(&format!("{row}per_second = 1\n{row}per_second = 1\n"))).contains("twice"));
        let partial = row.replace("* /**", "* /a/**");
        assert!(reason(&table(&format!("{partial}per_second = 1\n"))).contains("last row"));
    }
}
