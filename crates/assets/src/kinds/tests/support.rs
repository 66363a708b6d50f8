//! What the stories have in common: fixtures, changes, and a service that answers from a script.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;
use twinlake_base::{Clock, Entropy, Secret};
use twinlake_databricks::{Client, Complete, Host, Reader, Transport, Undelivered};
use twinlake_model::{
    Action, AssetId, Change, Digest, IdMap, Key, Place, Posture, Selection, Version, references_in,
};

use crate::{AssetKind, Error, Listed, Portrait, Scope, kinds, symbolize};

pub(crate) fn kind(name: &str) -> &'static dyn AssetKind {
    kinds::find(name).unwrap()
}

pub(crate) fn east() -> Place {
    "prod@east".parse().unwrap()
}

pub(crate) fn west() -> Place {
    "prod@west".parse().unwrap()
}

/// The raw documents of a kind.
pub(crate) fn fixtures(name: &str) -> Vec<Value> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{name}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// A raw document, taken apart.
pub(crate) fn portrait(name: &str, raw: Value) -> Portrait {
    kind(name).portray(raw).unwrap()
}

/// A raw document of east, made portable.
pub(crate) fn portable(name: &str, raw: Value) -> Portrait {
    let mut portrait = portrait(name, raw);
    symbolize::symbolize(&kind(name).schema().fragment, &mut portrait.spec, &east(), &IdMap::default());
    portrait
}

/// Every asset that documents refer to, and `asset` itself, paired with an id of west: ids of numbers become others,
/// ids of text become `west-…`.
pub(crate) fn paired_in_west(asset: &AssetId, documents: &[&Value]) -> IdMap {
    let referred = documents.iter().flat_map(|document| references_in(document));
    IdMap::of(referred.chain([asset.clone()]).map(|asset| {
        let remote = match asset.minted.as_str().parse::<i64>() {
            Ok(number) if *asset.kind.as_str() == *"job" => (number + 7_000).to_string(),
            _ => format!("west-{}", asset.minted),
        };
        (asset, west(), remote.as_str().into())
    }))
}

pub(crate) fn asset(name: &str, portrait: &Portrait) -> AssetId {
    AssetId::new(name.into(), east(), portrait.remote.clone())
}

/// A change that makes west's copy of a portable document.
pub(crate) fn change(name: &str, action: Action, portrait: &Portrait, posture: Posture) -> Change {
    let version = |posture| Version { spec: Digest::of(b""), posture, content: None };
    let desired = version(posture);
    serde_json::from_value(json!({
        "asset": asset(name, portrait), "key": portrait.key, "action": action, "remote": null,
        "source": desired, "desired": desired, "observed": null, "rewrites": true, "content_mark": null,
        "fields": [], "drift": [], "partial": [], "not_kept": [], "needs": [], "requests": [],
    }))
    .unwrap()
}

pub(crate) fn posture(entries: Value) -> Posture {
    serde_json::from_value(entries).unwrap()
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text)
}

/// Answers a path with its query. None is "it does not exist".
type Script = dyn Fn(&str) -> Option<Value> + Send + Sync;

/// A service that answers from a script and remembers what it was asked.
pub(crate) struct Service {
    script: Box<Script>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
        let asked = request.uri().path_and_query().unwrap().to_string();
        let answer = (self.script)(&asked);
        self.asked.lock().unwrap().push(asked);
        let (status, body) = match answer {
            Some(body) => (200, body),
            None => (404, json!({ "error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing" })),
        };
        Ok(Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
    }
}

impl Service {
    pub(crate) fn new(script: impl Fn(&str) -> Option<Value> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), asked: Mutex::default() })
    }

    pub(crate) fn reader(self: &Arc<Self>) -> Reader {
        let host = Host::parse("https://east.cloud.databricks.com").unwrap();
        let clock = Clock::simulated("2026-03-01T00:00:00Z".parse().unwrap());
        Client::builder(host, Secret::new("token".to_owned()))
            .transport(self.clone())
            .clock(clock)
            .entropy(Entropy::seeded(1))
            .build()
            .unwrap()
            .reader()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Lists a kind, with everything that was found.
    pub(crate) async fn list(
        self: &Arc<Self>,
        name: &str,
        include: &[&str],
    ) -> (Vec<Listed>, Result<Complete, Error>) {
        let include = include.iter().map(|selector| selector.parse().unwrap()).collect();
        let scope = Scope { selection: Selection { include, exclude: Vec::new() } };
        let mut found = Vec::new();
        let listing = kind(name).listing();
        let proof = listing
            .list(&self.reader(), &scope, &mut |listed| {
                found.push(listed);
                Ok(())
            })
            .await;
        (found, proof)
    }
}
