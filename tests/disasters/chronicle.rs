//! What processes of the product send and write, in the order in which it happens: the judge's own record, taken at the
//! seams and from the simulation, without a word from the product.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use http::{Method, Request, Response};
use serde_json::Value;
use tokio::time::Instant;
use twinlake_base::{Clock, Gate, GateDecision, Gatekeeper, Passage, Seam, Side};
use twinlake_databricks::{Transport, Undelivered};
use twinlake_objects::{Objects, ObjectsOptions};
use twinlake_simulator::{Deed, Effect, EffectQuery};
use twinlake_tests::{Deployment, Keeper, Site};

use super::survey::{Survey, estate_kind, is_awake};

/// Who the product is at every site.
pub(super) const PRODUCT: &str = "admin@acme.example";

/// The rows that there are, by the names of their records.
const ROWS: [&str; 2] = ["lease", "standby"];

/// One record of a row, and when it was there.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// In which row: that of the witness, or one that a site keeps for when the witness is silent.
    pub(super) row: String,
    /// Its place in the order of everything.
    pub(super) number: u64,
    /// How many effects there had been.
    pub(super) effects: u64,
    /// By the clock of the judge.
    pub(super) at: Instant,
    /// The process.
    pub(super) holder: String,
    /// The epoch that it says.
    pub(super) epoch: u64,
    /// The primary that it says.
    pub(super) primary: String,
    /// Whether it lets go.
    pub(super) released: bool,
}

/// One request of the product that can change something.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// Its place in the order of everything.
    pub(super) number: u64,
    /// The process.
    pub(super) process: String,
    /// What was sent where.
    pub(super) what: String,
    /// When its sender gives up.
    pub(super) deadline: Instant,
    /// The place of its answer in the order of everything.
    pub(super) answered: Option<u64>,
}

/// Something that slept and was woken by the product.
#[derive(Clone, Debug)]
pub(super) struct Woken {
    /// Where.
    pub(super) site: String,
    /// By which effect.
    pub(super) effect: Effect,
}

/// Everything of it.
pub(super) struct Chronicle {
    clock: Clock,
    sites: BTreeMap<String, Site>,
    simulator: twinlake_simulator::Simulator,
    /// Where rows lie: the witness, and what each site keeps.
    stores: BTreeMap<String, Objects>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    number: u64,
    /// Every time that a record was about to be put, or had been.
    puts: Vec<Put>,
    /// By row and name, which is by number.
    held: BTreeMap<(String, String), Held>,
    writes: Vec<Write>,
    woken: Vec<Woken>,
    seen: u64,
    awake: BTreeMap<(String, &'static str, String), bool>,
}

/// Somebody at the witness's door, on the way in or out.
struct Put {
    process: String,
    name: String,
    number: u64,
    effects: u64,
    at: Instant,
}

impl Chronicle {
    pub(super) fn of(deployment: &Deployment) -> Arc<Self> {
        let options = || ObjectsOptions::new(deployment.clock.clone(), Gate::open());
        Arc::new(Self {
            clock: deployment.clock.clone(),
            sites: deployment.sites.clone(),
            simulator: deployment.simulator.clone(),
            stores: deployment
                .objects
                .iter()
                .map(|(url, objects)| (url.clone(), objects.reopened(options())))
                .collect(),
            pages: Mutex::default(),
        })
    }

    /// From here on, what is awake is known to be this.
    pub(super) fn settle(&self, surveys: &BTreeMap<String, Survey>) {
        let mut pages = self.pages.lock().unwrap();
        pages.seen = self.simulator.effect_count();
        pages.awake.clear();
        for (site, survey) in surveys {
            for ((kind, _), id) in &survey.ids {
                let is_awake = survey.awake_ids.contains(&(*kind, id.clone()));
                pages.awake.insert((site.clone(), kind, id.clone()), is_awake);
            }
        }
    }

    /// Takes out what was recorded since the last time. Requests without an answer stay, and so do the witness's records.
    pub(super) async fn turn(&self) -> (Vec<Write>, Vec<Woken>, Vec<Held>) {
        self.look();
        self.read_rows().await;
        let mut pages = self.pages.lock().unwrap();
        let now = self.clock.instant();
        let writes = pages.writes.clone();
        pages.writes.retain(|write| write.answered.is_none() && write.deadline > now);
        let woken = std::mem::take(&mut pages.woken);
        pages.puts.clear();
        (writes, woken, pages.held.values().cloned().collect())
    }

    /// The records that were put by a process that did not live to see it.
    async fn read_rows(&self) {
        for (url, store) in &self.stores {
            for row in ROWS {
                for object in store.list(&format!("{row}/retail")).await.unwrap() {
                    self.read(url, &object.name);
                    let known = (format!("{row} {url}"), object.name.clone());
                    let is_known = self.pages.lock().unwrap().held.contains_key(&known);
                    assert!(is_known, "nobody was seen to put {known:?}");
                }
            }
        }
    }

    /// Somebody puts a record, or has put it.
    fn put(&self, process: &str, name: &str, is_after: bool) {
        let effects = self.simulator.effect_count();
        let at = self.clock.instant();
        {
            let mut pages = self.pages.lock().unwrap();
            let number = pages.next();
            pages.puts.push(Put { process: process.to_owned(), name: name.to_owned(), number, effects, at });
        }
        if is_after {
            self.stores.keys().for_each(|url| self.read(url, name));
        }
    }

    /// Reads a record where it is seen for the first time. Old ones are cleared away, so this cannot wait.
    fn read(&self, url: &str, name: &str) {
        let row = format!("{} {url}", name.split('/').next().unwrap_or_default());
        let key = (row.clone(), name.to_owned());
        if self.pages.lock().unwrap().held.contains_key(&key) {
            return;
        }
        let read = self.stores[url].get(name).now_or_never().expect("a store in memory answers at once");
        let Some(bytes) = read.expect("a store in memory") else { return };
        let record: Value = serde_json::from_slice(&bytes).expect("a record");
        let holder = record["holder"].as_str().unwrap_or_default();
        let holder = holder.split(" (").next().unwrap_or_default().to_owned();
        let mut pages = self.pages.lock().unwrap();
        let by_holder = |put: &&Put| put.process == holder && put.name == name;
        let Some(put) = pages.puts.iter().rfind(by_holder) else { return };
        let held = Held {
            row,
            number: put.number,
            effects: put.effects,
            at: put.at,
            holder,
            epoch: record["epoch"].as_u64().unwrap_or_default(),
            primary: record["primary"].as_str().unwrap_or_default().to_owned(),
            released: record["released"] == true,
        };
        pages.held.insert(key, held);
    }

    fn sent(&self, process: &str, what: String, deadline: Instant) -> u64 {
        let mut pages = self.pages.lock().unwrap();
        let number = pages.next();
        pages.writes.push(Write { number, process: process.to_owned(), what, deadline, answered: None });
        number
    }

    fn answered(&self, number: u64) {
        self.look();
        let mut pages = self.pages.lock().unwrap();
        let answered = pages.next();
        if let Some(write) = pages.writes.iter_mut().find(|write| write.number == number) {
            write.answered = Some(answered);
        }
    }

    /// Looks at what happened since the last look, and notes what the product woke.
    fn look(&self) {
        let mut pages = self.pages.lock().unwrap();
        let query = EffectQuery { after: pages.seen, ..EffectQuery::default() };
        let effects = self.simulator.effects(&query);
        for effect in effects {
            pages.seen = effect.number;
            let is_change =
                matches!(effect.deed, Deed::Created | Deed::Updated | Deed::Started | Deed::Stopped);
            let Some(kind) = estate_kind(&effect.kind).filter(|_| is_change) else { continue };
            if !["job", "pool", "cluster", "warehouse"].contains(&kind) {
                continue;
            }
            let site = &self.sites[&*effect.workspace];
            let now = is_awake(site, &effect.kind, &effect.id).unwrap_or(false);
            let at = (effect.workspace.to_string(), kind, effect.id.clone());
            // Compute starts by being made; everything else is made asleep.
            let starts_at_birth = ["cluster", "warehouse"].contains(&kind);
            let was = pages.awake.insert(at, now).unwrap_or(starts_at_birth);
            if now && !was && &*effect.actor == PRODUCT {
                pages.woken.push(Woken { site: effect.workspace.to_string(), effect });
            }
        }
    }
}

impl Pages {
    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

fn is_record(name: &str) -> bool {
    ROWS.iter().any(|row| name.strip_prefix(row).is_some_and(|rest| rest.starts_with("/retail/")))
}

/// The keeper of one process's gate, which also tells the chronicle what is put into the witness.
pub(super) struct Doorkeeper {
    pub(super) process: String,
    pub(super) keeper: Keeper,
    pub(super) chronicle: Arc<Chronicle>,
}

impl Gatekeeper for Doorkeeper {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        if passage.seam == Seam::Objects
            && let Some(name) = passage.what.strip_prefix("PUT ").filter(|name| is_record(name))
        {
            self.chronicle.put(&self.process, name, passage.side == Side::After);
        }
        self.keeper.decide(passage)
    }
}

/// A process's way to the workspaces, which also tells the chronicle what is sent.
pub(super) struct Observed {
    pub(super) process: String,
    pub(super) inner: Arc<dyn Transport>,
    pub(super) chronicle: Arc<Chronicle>,
}

#[async_trait]
impl Transport for Observed {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        if request.method() == Method::GET {
            return self.inner.send(request, deadline).await;
        }
        let what = format!("{} {}", request.method(), request.uri());
        let number = self.chronicle.sent(&self.process, what, deadline);
        let answer = self.inner.send(request, deadline).await;
        self.chronicle.answered(number);
        answer
    }
}
