//! The control over HTTP.
//!
//! | request | does |
//! |---|---|
//! | `GET /workspaces` | names, ids, tokens |
//! | `GET /clock`, `POST /clock/jump {"seconds"}` | reads the time, moves it |
//! | `GET /settings`, `PATCH /settings {...}` | reads and changes the settings |
//! | `GET /faults`, `POST /faults {...}`, `DELETE /faults`, `DELETE /faults/{number}` | faults |
//! | `GET /regions`, `POST /regions/{region}/down {...}`, `POST /regions/{region}/up` | outages |
//! | `POST /regions/{region}/lose-machines` | ends what runs on machines |
//! | `GET /callers`, `POST /callers {...}`, `DELETE /callers/{number}` | callers from outside |
//! | `POST /act {"workspace", "method", "path", "body", "actor"}` | acts as a person |
//! | `POST /users {"workspace", "user_name"}` | gives access |
//! | `POST /notebook-runs {"workspace", "path", "cluster_id", "actor"}` | runs a notebook from another one |
//! | `POST /arrivals {"workspace", "url"` or `"table"}` | sets triggers off |
//! | `GET /effects?...`, `GET /activity?workspace&from_ms&to_ms` | what happened |
//! | `POST /seed {"workspace", "size", "seed"}` | fills a workspace |
//! | `POST /stop` | stops serving |

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use twinlake_base::{ErrorClass, Timestamp};

use crate::callers::Caller;
use crate::effects::EffectQuery;
use crate::error::Error;
use crate::faults::Fault;
use crate::outage::Outage;
use crate::seed::Seed;
use crate::settings::Settings;
use crate::simulator::Simulator;

impl Simulator {
    /// The control, to be served or to be called in process. It is not part of the API and asks for no token.
    pub fn control_router(&self) -> Router {
        Router::new()
            .route("/workspaces", get(async |State(simulator): State<Self>| Json(simulator.workspaces())))
            .route("/clock", get(clock))
            .route("/clock/jump", post(jump))
            .route(
                "/settings",
                get(async |State(simulator): State<Self>| Json(simulator.settings())).patch(change_settings),
            )
            .route("/faults", get(faults).post(add_fault).delete(clear_faults))
            .route("/faults/{number}", delete(remove_fault))
            .route("/regions/{region}/down", post(region_down))
            .route("/regions/{region}/up", post(region_up))
            .route("/regions/{region}/lose-machines", post(lose_machines))
            .route("/regions", get(async |State(simulator): State<Self>| Json(simulator.regions())))
            .route(
                "/callers",
                get(async |State(simulator): State<Self>| Json(simulator.callers())).post(add_caller),
            )
            .route("/callers/{number}", delete(remove_caller))
            .route("/act", post(act))
            .route("/users", post(add_user))
            .route("/notebook-runs", post(run_notebook))
            .route("/arrivals", post(arrive))
            .route("/effects", get(effects))
            .route("/activity", get(activity))
            .route("/seed", post(seed))
            .route("/stop", post(stop))
            .with_state(self.clone())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match self.class() {
            ErrorClass::Missing => StatusCode::NOT_FOUND,
            ErrorClass::Conflict => StatusCode::CONFLICT,
            ErrorClass::Retryable | ErrorClass::Bug => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({"error": self.to_string(), "hint": self.hint()}))).into_response()
    }
}

type Answer = Result<Json<Value>, Error>;

fn refused(why: impl std::fmt::Display) -> Error {
    Error::Refused { why: why.to_string() }
}

async fn clock(State(simulator): State<Simulator>) -> Json<Value> {
    let now = simulator.now();
    Json(json!({"now": now.to_string(), "now_ms": now.as_millisecond()}))
}

#[derive(Deserialize)]
struct Jump {
    seconds: u64,
}

async fn jump(State(simulator): State<Simulator>, Json(jump): Json<Jump>) -> Answer {
    simulator.jump(Duration::from_secs(jump.seconds))?;
    Ok(clock(State(simulator)).await)
}

async fn change_settings(State(simulator): State<Simulator>, Json(changes): Json<Value>) -> Answer {
    let mut wanted = serde_json::to_value(simulator.settings()).map_err(refused)?;
    if let (Some(wanted), Some(changes)) = (wanted.as_object_mut(), changes.as_object()) {
        wanted.extend(changes.clone());
    }
    let settings: Settings = serde_json::from_value(wanted.clone()).map_err(refused)?;
    simulator.change_settings(|in_force| *in_force = settings);
    Ok(Json(wanted))
}

async fn faults(State(simulator): State<Simulator>) -> Json<Value> {
    let rows = simulator.faults().into_iter();
    Json(
        rows.map(|(number, (fault, seen))| json!({"number": number, "fault": fault, "matched": seen}))
            .collect(),
    )
}

async fn add_fault(State(simulator): State<Simulator>, Json(fault): Json<Fault>) -> Json<Value> {
    Json(json!({"number": simulator.add_fault(fault)}))
}

async fn clear_faults(State(simulator): State<Simulator>) -> Json<Value> {
    simulator.clear_faults();
    Json(json!({}))
}

async fn remove_fault(State(simulator): State<Simulator>, Path(number): Path<u64>) -> Json<Value> {
    Json(json!({"removed": simulator.remove_fault(number)}))
}

async fn region_down(
    State(simulator): State<Simulator>,
    Path(region): Path<String>,
    Json(outage): Json<Outage>,
) -> Answer {
    simulator.region_down(&region, outage)?;
    Ok(Json(json!({})))
}

async fn region_up(State(simulator): State<Simulator>, Path(region): Path<String>) -> Answer {
    simulator.region_up(&region)?;
    Ok(Json(json!({})))
}

async fn lose_machines(State(simulator): State<Simulator>, Path(region): Path<String>) -> Answer {
    simulator.lose_machines(&region)?;
    Ok(Json(json!({})))
}

async fn add_caller(State(simulator): State<Simulator>, Json(caller): Json<Caller>) -> Answer {
    Ok(Json(json!({"number": simulator.add_caller(caller)?})))
}

async fn remove_caller(State(simulator): State<Simulator>, Path(number): Path<u64>) -> Json<Value> {
    Json(json!({"removed": simulator.remove_caller(number)}))
}

#[derive(Deserialize)]
struct Act {
    workspace: String,
    method: String,
    path: String,
    body: Option<Value>,
    actor: Option<String>,
}

async fn act(State(simulator): State<Simulator>, Json(act): Json<Act>) -> Answer {
    let method = act.method.to_uppercase().parse().map_err(refused)?;
    let actor = act.actor.as_deref().unwrap_or("somebody");
    let acted = simulator.act(&act.workspace, actor, &method, &act.path, act.body)?;
    Ok(Json(json!({"status": acted.status, "body": acted.body})))
}

#[derive(Deserialize)]
struct User {
    workspace: String,
    user_name: String,
}

async fn add_user(State(simulator): State<Simulator>, Json(user): Json<User>) -> Answer {
    simulator.add_user(&user.workspace, &user.user_name)?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct NotebookRun {
    workspace: String,
    path: String,
    cluster_id: Option<String>,
    actor: Option<String>,
}

async fn run_notebook(State(simulator): State<Simulator>, Json(run): Json<NotebookRun>) -> Answer {
    let actor = run.actor.as_deref().unwrap_or("somebody");
    let id = simulator.run_notebook(&run.workspace, actor, &run.path, run.cluster_id.as_deref())?;
    Ok(Json(json!({"run_id": id})))
}

#[derive(Deserialize)]
struct Arrival {
    workspace: String,
    url: Option<String>,
    table: Option<String>,
}

async fn arrive(State(simulator): State<Simulator>, Json(arrival): Json<Arrival>) -> Answer {
    let mut fired = 0;
    if let Some(url) = &arrival.url {
        fired += simulator.files_arrive(&arrival.workspace, url)?;
    }
    if let Some(table) = &arrival.table {
        fired += simulator.table_updated(&arrival.workspace, table)?;
    }
    Ok(Json(json!({"fired": fired})))
}

async fn effects(State(simulator): State<Simulator>, Query(query): Query<EffectQuery>) -> Json<Value> {
    Json(json!({"effects": simulator.effects(&query), "count": simulator.effect_count()}))
}

#[derive(Deserialize)]
struct Span {
    workspace: String,
    from_ms: i64,
    to_ms: i64,
}

async fn activity(State(simulator): State<Simulator>, Query(span): Query<Span>) -> Answer {
    let from = Timestamp::from_millisecond(span.from_ms).map_err(refused)?;
    let to = Timestamp::from_millisecond(span.to_ms).map_err(refused)?;
    let activity = simulator.activity(&span.workspace, from, to)?;
    Ok(Json(
        json!({"activity": activity, "is_asleep": activity.is_asleep(), "billed_seconds": activity.billed_seconds()}),
    ))
}

#[derive(Deserialize)]
struct Sow {
    workspace: String,
    size: usize,
    seed: u64,
}

async fn seed(State(simulator): State<Simulator>, Json(sow): Json<Sow>) -> Answer {
    let seeded = simulator.seed(&sow.workspace, Seed { size: sow.size, seed: sow.seed })?;
    Ok(Json(json!(seeded)))
}

async fn stop(State(simulator): State<Simulator>) -> Json<Value> {
    simulator.ask_to_stop();
    Json(json!({}))
}
