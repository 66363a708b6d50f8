//! One request on its way through a service: what was asked, and what is answered.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::stage::Stage;

/// A request, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Percent-decoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Body,
    /// What the client called us (`Host`), for URLs in answers.
    pub(crate) host: String,
}

/// What came with a request.
#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Json(Value),
    /// A form's text fields and its files.
    Form(BTreeMap<String, Bytes>),
    Raw(Bytes),
}

impl Request {
    /// A request with a JSON body, as a person or an outside caller sends it.
    pub(crate) fn of(method: Method, target: &str, body: Option<Value>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = body.map_or(Body::Empty, Body::Json);
        Self {
            method,
            path: percent_decode(path, false),
            query: parse_query(query),
            body,
            host: "localhost".to_owned(),
        }
    }
}

/// What a service answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(Value),
    Raw { bytes: Bytes, content_type: &'static str, file_name: String },
}

impl Reply {
    /// `{}`.
    pub(crate) fn empty() -> Self {
        Self::Json(Value::Object(Map::new()))
    }
}

/// How a service ends.
pub(crate) type Outcome = Result<Reply, Refusal>;

/// A request at the service that answers it.
pub(crate) struct Call<'a, 's> {
    pub(crate) stage: &'a mut Stage<'s>,
    pub(crate) request: &'a Request,
    /// What stands at the `{...}` of the route.
    pub(crate) captured: Vec<(&'static str, String)>,
}

impl Call<'_, '_> {
    /// A parameter by name: from the path, the query, the form or the JSON body, in this order.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        if let Some((_, value)) = self.captured.iter().find(|(known, _)| *known == name) {
            return Some(value.clone());
        }
        if let Some((_, value)) = self.request.query.iter().find(|(known, _)| known == name) {
            return Some(value.clone());
        }
        match &self.request.body {
            Body::Json(body) => match body.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            },
            Body::Form(fields) => fields.get(name).map(|value| String::from_utf8_lossy(value).into_owned()),
            Body::Empty | Body::Raw(_) => None,
        }
    }

    /// A parameter that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<String, Refusal> {
        self.text(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Refusal::bad_field(name, format!("Missing required field: {name}")))
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Refusal::bad_field(name, format!("{name} must be an int64, not '{text}'")))
            })
            .transpose()
    }

    /// A whole number that must be there.
    pub(crate) fn need_number(&self, name: &str) -> Result<i64, Refusal> {
        self.number(name)?.ok_or_else(|| Refusal::bad_field(name, format!("Missing required field: {name}")))
    }

    /// A size or count; negative ones are refused.
    pub(crate) fn size(&self, name: &str) -> Result<Option<usize>, Refusal> {
        self.number(name)?
            .map(|number| {
                usize::try_from(number)
                    .map_err(|_| Refusal::bad_field(name, format!("{name} must not be negative")))
            })
            .transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// All values of a repeated query parameter, or of a JSON list of strings.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let from_query = self
            .request
            .query
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .collect::<Vec<_>>();
        if !from_query.is_empty() {
            return from_query;
        }
        self.value(name)
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// A field of the JSON body.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        match &self.request.body {
            Body::Json(body) => body.get(name),
            _ => None,
        }
    }

    /// The JSON body, which must be an object.
    pub(crate) fn document(&self) -> Result<Map<String, Value>, Refusal> {
        match &self.request.body {
            Body::Json(Value::Object(document)) => Ok(document.clone()),
            Body::Empty => Ok(Map::new()),
            _ => Err(Refusal::malformed("The request body is not a JSON object.")),
        }
    }
}

/// Decodes `%41` and, in queries, `+`.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let raw = text.as_bytes();
    let mut at = 0;
    while at < raw.len() {
        let hex = |offset: usize| raw.get(at + offset).and_then(|digit| char::from(*digit).to_digit(16));
        match raw[at] {
            b'%' if hex(1).is_some() && hex(2).is_some() => {
                let (high, low) = (hex(1).unwrap_or(0), hex(2).unwrap_or(0));
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 2;
            }
            b'+' if plus_is_space => bytes.push(b' '),
            byte => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads `a=1&b=2`.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        })
        .collect()
}
