//! SQL warehouses. API: <https://docs.databricks.com/api/workspace/warehouses>
//!
//! Creating one starts it. Every workspace is born with a stopped starter warehouse.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::Event;
use crate::call::{Call, Outcome, Reply};
use crate::collections::Document;
use crate::effects::{Deed, Metered};
use crate::paging;
use crate::refusal::Refusal;
use crate::services::runs;
use crate::stage::Stage;

/// The states of a warehouse that it can be seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    Starting,
    Running,
    Stopping,
    Stopped,
}

/// A warehouse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Warehouse {
    pub(crate) id: String,
    settings: Arc<Document>,
    creator: Arc<str>,
    pub(crate) state: State,
    generation: u32,
    busy: u32,
    active_ms: i64,
}

impl Warehouse {
    fn number(&self, key: &str) -> i64 {
        self.settings.get(key).and_then(Value::as_i64).unwrap_or(0)
    }

    fn name(&self) -> &str {
        self.settings.get("name").and_then(Value::as_str).unwrap_or("")
    }
}

/// All warehouses of a workspace, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Warehouses {
    items: BTreeMap<u64, Warehouse>,
    ids: HashMap<String, u64>,
    last: u64,
}

impl Warehouses {
    pub(crate) fn get(&self, id: &str) -> Option<&Warehouse> {
        self.items.get(self.ids.get(id)?)
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Warehouse> {
        self.items.get_mut(self.ids.get(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Warehouse> {
        self.items.values()
    }
}

const FIELDS: &[&str] = &[
    "name",
    "auto_stop_mins",
    "channel",
    "cluster_size",
    "enable_photon",
    "enable_serverless_compute",
    "instance_profile_arn",
    "max_dbu",
    "max_num_clusters",
    "min_num_clusters",
    "reyden_cluster_size_multiplier",
    "spot_instance_policy",
    "statement_timeout",
    "tags",
    "warehouse_type",
];

const SIZES: &[&str] = &[
    "2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large",
    "5X-Large",
];

/// The warehouse that every workspace has.
pub(crate) fn lay_out(stage: &mut Stage<'_>) {
    let mut settings = Document::new();
    settings.insert("name".to_owned(), json!("Serverless Starter Warehouse"));
    settings.insert("cluster_size".to_owned(), json!("Small"));
    settings.insert("auto_stop_mins".to_owned(), json!(10));
    settings.insert("enable_serverless_compute".to_owned(), json!(true));
    add_defaults(&mut settings);
    add(stage, settings);
}

fn add_defaults(settings: &mut Document) {
    let least = settings.get("min_num_clusters").cloned().unwrap_or_else(|| json!(1));
    for (key, value) in [
        ("min_num_clusters", least.clone()),
        ("max_num_clusters", least),
        ("auto_stop_mins", json!(120)),
        ("warehouse_type", json!("PRO")),
        ("enable_photon", json!(true)),
        ("enable_serverless_compute", json!(false)),
        ("spot_instance_policy", json!("COST_OPTIMIZED")),
        ("channel", json!({"name": "CHANNEL_NAME_CURRENT"})),
        ("tags", json!({"custom_tags": []})),
    ] {
        settings.entry(key).or_insert(value);
    }
}

fn add(stage: &mut Stage<'_>, settings: Document) -> String {
    let id = stage.entropy.hex(16);
    let warehouse = Warehouse {
        id: id.clone(),
        settings: Arc::new(settings),
        creator: Arc::clone(&stage.ws.user),
        state: State::Stopped,
        generation: 0,
        busy: 0,
        active_ms: stage.now,
    };
    let store = &mut stage.ws.warehouses;
    store.last += 1;
    store.ids.insert(id.clone(), store.last);
    store.items.insert(store.last, warehouse);
    id
}

/// Checks settings and completes them.
fn accepted(stage: &Stage<'_>, mut settings: Document, own_id: Option<&str>) -> Result<Document, Refusal> {
    settings.retain(|key, value| FIELDS.contains(&key.as_str()) && !value.is_null());
    let name = settings.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    if name.is_empty() || name.chars().count() >= 100 {
        return Err(Refusal::bad_field("name", "The name of a warehouse must have 1 to 99 characters."));
    }
    if stage.ws.warehouses.iter().any(|other| other.name() == name && Some(other.id.as_str()) != own_id) {
        return Err(Refusal::exists_409(format!("SQL warehouse with name '{name}' already exists.")));
    }
    let size = settings.get("cluster_size").and_then(Value::as_str).unwrap_or("");
    if !SIZES.contains(&size) {
        return Err(Refusal::bad_field(
            "cluster_size",
            format!("'{size}' is not a size of a warehouse's clusters."),
        ));
    }
    add_defaults(&mut settings);
    let number = |key: &str| settings.get(key).and_then(Value::as_i64).unwrap_or(0);
    let serverless = settings.get("enable_serverless_compute") == Some(&json!(true));
    let minutes = number("auto_stop_mins");
    if minutes < 0 || minutes != 0 && minutes < if serverless { 1 } else { 10 } {
        return Err(Refusal::bad_field("auto_stop_mins", "auto_stop_mins must be 0 or at least 10."));
    }
    let (least, most) = (number("min_num_clusters"), number("max_num_clusters"));
    if !(1..=30).contains(&least) || most < least || most > 40 {
        let message =
            "min_num_clusters must be 1 to 30, and max_num_clusters no less than that and at most 40.";
        return Err(Refusal::bad_field("min_num_clusters", message));
    }
    if serverless && settings.get("warehouse_type") == Some(&json!("CLASSIC")) {
        return Err(Refusal::bad_field("warehouse_type", "Serverless compute needs the warehouse type PRO."));
    }
    if settings
        .get("tags")
        .and_then(|tags| tags.get("custom_tags"))
        .and_then(Value::as_array)
        .is_some_and(|tags| tags.len() >= 45)
    {
        return Err(Refusal::bad_field("tags", "A warehouse has fewer than 45 tags."));
    }
    Ok(settings)
}

/// Starts a stopped warehouse.
pub(crate) fn begin(stage: &mut Stage<'_>, id: &str) {
    let now = stage.now;
    let Some(warehouse) = stage.ws.warehouses.get_mut(id) else { return };
    if !matches!(warehouse.state, State::Stopped | State::Stopping) {
        return;
    }
    stage.ws.meters.set(Metered::Warehouse, id, 1, now);
    stage.effect(Deed::Started, "sql_warehouse", id, "");
    go(stage, id, State::Starting, stage.settings.warehouse_start_seconds);
}

fn end(stage: &mut Stage<'_>, id: &str, why: &str) {
    let Some(warehouse) = stage.ws.warehouses.get_mut(id) else { return };
    if matches!(warehouse.state, State::Stopped | State::Stopping) {
        return;
    }
    stage.effect(Deed::Stopped, "sql_warehouse", id, why);
    go(stage, id, State::Stopping, stage.settings.warehouse_stop_seconds);
}

/// Every machine of the workspace is gone.
pub(crate) fn lose_machines(stage: &mut Stage<'_>) {
    let ids: Vec<String> = stage.ws.warehouses.items.values().map(|warehouse| warehouse.id.clone()).collect();
    for id in ids {
        end(stage, &id, "its machines were lost");
        runs::warehouse_lost(stage, &id);
    }
}

fn go(stage: &mut Stage<'_>, id: &str, state: State, seconds: u64) {
    let Some(warehouse) = stage.ws.warehouses.get_mut(id) else { return };
    warehouse.state = state;
    warehouse.generation += 1;
    let event = Event::WarehouseSettles { id: id.to_owned(), generation: warehouse.generation };
    stage.after_seconds(seconds, event);
}

/// A transition is complete.
pub(crate) fn settle(stage: &mut Stage<'_>, id: &str, generation: u32) {
    let now = stage.now;
    let Some(warehouse) =
        stage.ws.warehouses.get_mut(id).filter(|warehouse| warehouse.generation == generation)
    else {
        return;
    };
    match warehouse.state {
        State::Starting => {
            warehouse.state = State::Running;
            warehouse.active_ms = now;
            let minutes = warehouse.number("auto_stop_mins");
            if minutes > 0 {
                let event = Event::WarehouseIdles { id: id.to_owned(), generation };
                stage.at_ms(now + minutes * 60_000, event);
            }
        }
        State::Stopping => {
            warehouse.state = State::Stopped;
            stage.ws.meters.set(Metered::Warehouse, id, 0, now);
        }
        State::Running | State::Stopped => {}
    }
}

/// A warehouse may have been idle for long enough.
pub(crate) fn idle(stage: &mut Stage<'_>, id: &str, generation: u32) {
    let now = stage.now;
    let Some(warehouse) = stage.ws.warehouses.get(id).filter(|warehouse| warehouse.generation == generation)
    else {
        return;
    };
    let minutes = warehouse.number("auto_stop_mins");
    if warehouse.state != State::Running || minutes == 0 {
        return;
    }
    let due = if warehouse.busy > 0 { now } else { warehouse.active_ms } + minutes * 60_000;
    if due <= now {
        end(stage, id, "idle");
    } else {
        stage.at_ms(due, Event::WarehouseIdles { id: id.to_owned(), generation });
    }
}

/// A task begins (`by` +1) or ends (-1) on a warehouse.
pub(crate) fn occupy(stage: &mut Stage<'_>, id: &str, by: i32) {
    let now = stage.now;
    if let Some(warehouse) = stage.ws.warehouses.get_mut(id) {
        warehouse.busy = warehouse.busy.saturating_add_signed(by);
        warehouse.active_ms = now;
    }
}

fn asked(call: &Call<'_, '_>) -> Result<Warehouse, Refusal> {
    let id = call.need("id")?;
    let found = call.stage.ws.warehouses.get(&id);
    found.cloned().ok_or_else(|| Refusal::missing(format!("SQL warehouse {id} does not exist.")))
}

fn show(stage: &Stage<'_>, warehouse: &Warehouse) -> Value {
    let mut shown = (*warehouse.settings).clone();
    let host = format!("{}.{}.simulated", stage.ws.name, stage.ws.cloud.name());
    let path = format!("/sql/1.0/warehouses/{}", warehouse.id);
    let up = warehouse.state == State::Running;
    shown.insert("id".to_owned(), json!(warehouse.id));
    shown.insert("size".to_owned(), shown.get("cluster_size").cloned().unwrap_or_default());
    shown.insert("state".to_owned(), json!(warehouse.state));
    shown.insert("creator_name".to_owned(), json!(&*warehouse.creator));
    shown.insert("num_clusters".to_owned(), json!(if up { warehouse.number("min_num_clusters") } else { 0 }));
    shown.insert("num_active_sessions".to_owned(), json!(0));
    shown.insert(
        "jdbc_url".to_owned(),
        json!(format!(
            "jdbc:spark://{host}:443/default;transportMode=http;ssl=1;AuthMech=3;httpPath={path};"
        )),
    );
    shown.insert(
        "odbc_params".to_owned(),
        json!({"hostname": host, "path": path, "protocol": "https", "port": 443}),
    );
    shown.insert("health".to_owned(), if up { json!({"status": "HEALTHY"}) } else { json!({}) });
    Value::Object(shown)
}

pub(crate) fn create(call: &mut Call<'_, '_>) -> Outcome {
    let settings = accepted(call.stage, call.document()?, None)?;
    let name = settings.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    let id = add(call.stage, settings);
    call.stage.effect(Deed::Created, "sql_warehouse", &id, name);
    begin(call.stage, &id);
    Ok(Reply::Json(json!({"id": id})))
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let size = call.stage.settings.page_size(
        "warehouses",
        call.size("page_size")?.filter(|size| *size > 0),
        1000,
        1000,
    );
    let empty = call.stage.settings.empty_page_before_last;
    let keys = call.stage.ws.warehouses.items.keys().copied();
    let page = paging::page(keys, false, call.text("page_token").as_deref(), 0, size, empty)?;
    let shown: Vec<Value> = page
        .keys
        .iter()
        .filter_map(|key| call.stage.ws.warehouses.items.get(key))
        .map(|warehouse| show(call.stage, warehouse))
        .collect();
    let mut answer = json!({"warehouses": shown});
    if let Some(next) = page.next {
        answer["next_page_token"] = json!(next);
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let warehouse = asked(call)?;
    Ok(Reply::Json(show(call.stage, &warehouse)))
}

/// Changes what is sent and keeps the rest.
pub(crate) fn edit(call: &mut Call<'_, '_>) -> Outcome {
    let warehouse = asked(call)?;
    let mut settings = (*warehouse.settings).clone();
    settings.extend(call.document()?.into_iter().filter(|(_, value)| !value.is_null()));
    let settings = accepted(call.stage, settings, Some(&warehouse.id))?;
    let name = settings.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    if let Some(warehouse) = call.stage.ws.warehouses.get_mut(&warehouse.id) {
        warehouse.settings = Arc::new(settings);
    }
    call.stage.effect(Deed::Updated, "sql_warehouse", &warehouse.id, name);
    Ok(Reply::empty())
}

pub(crate) fn delete(call: &mut Call<'_, '_>) -> Outcome {
    let warehouse = asked(call)?;
    let now = call.stage.now;
    call.stage.ws.meters.set(Metered::Warehouse, &warehouse.id, 0, now);
    let store = &mut call.stage.ws.warehouses;
    if let Some(key) = store.ids.remove(&warehouse.id) {
        store.items.remove(&key);
    }
    call.stage.effect(Deed::Deleted, "sql_warehouse", &warehouse.id, warehouse.name());
    Ok(Reply::empty())
}

pub(crate) fn start(call: &mut Call<'_, '_>) -> Outcome {
    let warehouse = asked(call)?;
    begin(call.stage, &warehouse.id);
    Ok(Reply::empty())
}

pub(crate) fn stop(call: &mut Call<'_, '_>) -> Outcome {
    let warehouse = asked(call)?;
    end(call.stage, &warehouse.id, "asked");
    Ok(Reply::empty())
}
