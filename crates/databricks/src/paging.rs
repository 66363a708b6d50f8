//! Listings that end with a proof, or with an error.
//!
//! A listing that stopped early must never look like a short one, because what is missing from a listing may be
//! deleted elsewhere. So a walk hands out items as they come, and only its end makes a [`Complete`].
//!
//! What the pages may look like (catalogue of Databricks' APIs, section 0): an empty page with a token goes on;
//! a page without the items field and without a token is an empty last page; everything else that deviates is an error.

use std::collections::HashSet;

use serde_json::Value;
use twinlake_base::Timestamp;

use crate::{Error, Reader};

/// How a list is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paging {
    /// Not at all: one answer holds everything.
    None,
    /// By tokens.
    Token {
        /// The query parameter that takes the token (`page_token`; `next_page_token` for Git folders).
        param: &'static str,
        /// The field of the answer that gives the next one (`next_page_token`).
        next: &'static str,
        /// The query parameter for the page's size, and the size.
        size: Option<(&'static str, u32)>,
    },
    /// As in SCIM: `startIndex` (1-based) and `count`, until an empty page.
    Scim {
        /// The page's size.
        count: u32,
    },
}

impl Paging {
    /// The usual style: `page_token` in, `next_page_token` out, and a size under the API's own name for it.
    #[must_use]
    pub const fn token(size_param: &'static str, size: u32) -> Self {
        Self::Token { param: "page_token", next: "next_page_token", size: Some((size_param, size)) }
    }
}

/// A list to walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCall {
    /// The path (`/api/2.2/jobs/list`).
    pub path: String,
    /// Parameters that go with every page.
    pub query: Vec<(String, String)>,
    /// The answer's field that holds the items; empty when the answer itself is the array.
    pub items: String,
    /// How it is cut into pages.
    pub paging: Paging,
}

impl ListCall {
    /// A list without further parameters.
    #[must_use]
    pub fn new(path: impl Into<String>, items: impl Into<String>, paging: Paging) -> Self {
        Self { path: path.into(), query: Vec::new(), items: items.into(), paging }
    }

    /// With one more parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }
}

/// Proof that one listing, or several, were read to their ends. Only a walk can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    requests: u64,
    items: u64,
    started_at: Timestamp,
    finished_at: Timestamp,
}

impl Complete {
    /// Pages that were asked for.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Items that were handed out.
    #[must_use]
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// When the first page was asked for: what changed later may or may not be in the listing.
    #[must_use]
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When the last page was read.
    #[must_use]
    pub const fn finished_at(&self) -> Timestamp {
        self.finished_at
    }

    /// The proof that two listings are complete.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            items: self.items + other.items,
            started_at: self.started_at.min(other.started_at),
            finished_at: self.finished_at.max(other.finished_at),
        }
    }

    /// Joins the proofs of several walks, such as the folders of a tree. Of no walks there is no proof.
    #[must_use]
    pub fn all(proofs: impl IntoIterator<Item = Self>) -> Option<Self> {
        proofs.into_iter().reduce(Self::and)
    }
}

/// Walks a list to its end.
pub(crate) async fn walk(
    reader: &Reader,
    list: &ListCall,
    on_item: &mut (dyn FnMut(Value) -> Result<(), Error> + Send),
) -> Result<Complete, Error> {
    let clock = &reader.core.clock;
    let mut proof = Complete { requests: 0, items: 0, started_at: clock.now(), finished_at: clock.now() };
    let mut cursor = Cursor::start(list.paging);
    loop {
        let of_page = cursor.parameters();
        let query: Vec<(&str, &str)> =
            list.query.iter().chain(&of_page).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = reader.get(&list.path, &query).await?;
        let malformed = |reason: String| Error::Malformed { request: answer.request.clone(), reason };
        let body = if answer.body.is_empty() {
            // An empty body is a fine answer to a change, but no page.
            return Err(malformed("an empty body where a page of a list was expected".to_owned()));
        } else {
            answer.json()?
        };
        let page = Page::read(body, &list.items, list.paging).map_err(malformed)?;
        proof.requests += 1;
        proof.items += page.items.len() as u64;
        let more = cursor.advance(&page).map_err(malformed)?;
        for item in page.items {
            on_item(item)?;
        }
        if !more {
            proof.finished_at = clock.now();
            return Ok(proof);
        }
    }
}

/// One page, read.
#[derive(Debug, PartialEq)]
struct Page {
    items: Vec<Value>,
    next: Option<String>,
    total: Option<u64>,
}

impl Page {
    fn read(mut body: Value, field: &str, paging: Paging) -> Result<Self, String> {
        if field.is_empty() {
            return match body {
                Value::Array(items) => Ok(Self { items, next: None, total: None }),
                _ => Err("not an array where a list was expected".to_owned()),
            };
        }
        let Some(fields) = body.as_object_mut() else {
            return Err("not an object where a page of a list was expected".to_owned());
        };
        let items = match fields.remove(field) {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(format!("`{field}` is not an array")),
            // Empty pages leave the field out; an error that comes with status 200 leaves it out, too.
            None if fields.contains_key("error_code") || fields.contains_key("error") => {
                return Err(format!("an error in place of `{field}`"));
            }
            None => Vec::new(),
        };
        let next = match paging {
            Paging::Token { next, .. } => next_token(fields, next)?,
            Paging::None | Paging::Scim { .. } => None,
        };
        let total = fields.get("totalResults").and_then(Value::as_u64);
        Ok(Self { items, next, total })
    }
}

fn next_token(fields: &serde_json::Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        Some(Value::String(token)) if !token.is_empty() => return Ok(Some(token.clone())),
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => return Err(format!("`{name}` is not text")),
    }
    if fields.get("has_more") == Some(&Value::Bool(true)) {
        return Err(format!("it has more, but no `{name}`"));
    }
    Ok(None)
}

/// Where a walk is.
#[derive(Debug)]
struct Cursor {
    paging: Paging,
    token: Option<String>,
    seen: HashSet<String>,
    /// Items so far: SCIM counts them.
    items: u64,
}

impl Cursor {
    fn start(paging: Paging) -> Self {
        Self { paging, token: None, seen: HashSet::new(), items: 0 }
    }

    /// What the next page is asked with.
    fn parameters(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        match self.paging {
            Paging::None => Vec::new(),
            Paging::Token { param, size, .. } => {
                let size = size.map(|(name, size)| pair(name, size.to_string()));
                size.into_iter().chain(self.token.as_ref().map(|token| pair(param, token.clone()))).collect()
            }
            Paging::Scim { count } => {
                vec![pair("startIndex", (self.items + 1).to_string()), pair("count", count.to_string())]
            }
        }
    }

    /// Goes on behind a page. Returns whether there is more.
    fn advance(&mut self, page: &Page) -> Result<bool, String> {
        self.items += page.items.len() as u64;
        match self.paging {
            Paging::None => Ok(false),
            Paging::Token { .. } => {
                if let Some(token) = &page.next
                    && !self.seen.insert(token.clone())
                {
                    return Err("the same page token came twice: the listing goes in a circle".to_owned());
                }
                self.token.clone_from(&page.next);
                Ok(self.token.is_some())
            }
            // The end is an empty page, or the total. An empty page before the total is a listing that stopped.
            Paging::Scim { .. } => match page.total {
                Some(total) if page.items.is_empty() && self.items < total => {
                    Err(format!("it ended after {} of {total} items", self.items))
                }
                Some(total) => Ok(self.items < total),
                None => Ok(!page.items.is_empty()),
            },
        }
    }
}
