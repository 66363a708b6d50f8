//! What is done to a simulated account that is running, through its control.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::plain_http::{PlainHttp, query_escaped};
use crate::verbs::sim::{ControlArgs, people};
use crate::words::{count, seconds};

/// What one can do to it.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Fill a workspace with a retailer's estate
    Seed(SeedArgs),
    /// Show the simulated time, or move it
    Clock(ClockArgs),
    /// Put a fault between clients and the service, show the faults, or clear them
    Fault(FaultArgs),
    /// Take a region down, or bring it back
    Region(RegionArgs),
    /// Act as somebody at a workspace: any request of the API
    Act(ActArgs),
    /// Show what happened: what was created, started, fired, ran, and by whom
    Effects(EffectsArgs),
    /// Stop the simulation
    Stop(StopArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// About how many assets
    #[arg(long, value_name = "N", default_value_t = 300)]
    size: usize,
    /// The same number gives the same estate
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Which workspace [default: the first]
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ClockArgs {
    /// Move it forward: 90s, 30m, 25h, 30d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    jump: Option<u64>,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FaultArgs {
    /// Take all faults away
    #[arg(long, conflicts_with_all = ["status", "act"])]
    clear: bool,
    /// Only at this workspace
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Only this HTTP method; `read` and `write` stand for all that do so
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Only paths like this: * for one segment, ** for any rest
    #[arg(long = "path", value_name = "PATTERN")]
    paths: Vec<String>,
    /// Answer with this status
    #[arg(long, value_name = "STATUS", conflicts_with = "act")]
    status: Option<u16>,
    /// The error code that goes with the status
    #[arg(long, value_name = "CODE", requires = "status")]
    code: Option<String>,
    /// Do something else to the request
    #[arg(long, value_enum, value_name = "WHAT")]
    act: Option<FaultAct>,
    /// Let so many requests pass first
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,
    /// How many requests it meets [default: all]
    #[arg(long, value_name = "N")]
    times: Option<u64>,
    /// After the effect: it happened, and the answer is lost
    #[arg(long)]
    after_effect: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FaultAct {
    /// The connection breaks
    Cut,
    /// No answer, ever
    BlackHole,
    /// A 200 with a page to sign in
    LoginPage,
    /// Five seconds late
    Slow,
    /// The first read after a write shows what was before
    Stale,
}

#[derive(Debug, Args)]
pub(crate) struct RegionArgs {
    /// The region, as `twinlake sim` printed it: us-east-1
    region: String,
    /// What becomes of it
    #[arg(value_enum)]
    state: RegionState,
    /// Also nothing happens inside: clusters and runs stand still
    #[arg(long)]
    life_stops: bool,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RegionState {
    /// It is well again
    Up,
    /// Connections are refused
    Down,
    /// Requests are never answered
    BlackHole,
    /// 503 after two seconds
    Unavailable,
    /// Reads are answered, writes are not
    ReadsOnly,
    /// A page to sign in, with status 200
    LoginPage,
    /// Every second API fails
    HalfTheApis,
}

#[derive(Debug, Args)]
pub(crate) struct ActArgs {
    /// The HTTP method
    method: String,
    /// Path and query
    path: String,
    /// The JSON body
    body: Option<String>,
    /// At which workspace [default: the first]
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Who acts
    #[arg(long = "as", value_name = "NAME", default_value = "somebody")]
    actor: String,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EffectsArgs {
    /// Only at this workspace
    #[arg(long, value_name = "NAME")]
    workspace: Option<String>,
    /// Only created, updated, deleted, started, stopped, fired, ran, ended, queued or skipped
    #[arg(long, value_name = "DEED")]
    deed: Option<String>,
    /// Only after this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,
    #[command(flatten)]
    control: ControlArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) async fn run(action: Action, face: &Face) -> anyhow::Result<Exit> {
    let control = match &action {
        Action::Seed(SeedArgs { control, .. })
        | Action::Clock(ClockArgs { control, .. })
        | Action::Fault(FaultArgs { control, .. })
        | Action::Region(RegionArgs { control, .. })
        | Action::Act(ActArgs { control, .. })
        | Action::Effects(EffectsArgs { control, .. })
        | Action::Stop(StopArgs { control }) => control,
    };
    let http = PlainHttp::new(&control.control, None)?;
    let (answer, text) = match &action {
        Action::Seed(args) => seed(args, &http).await?,
        Action::Clock(args) => clock(args, &http).await?,
        Action::Fault(args) => fault(args, &http).await?,
        Action::Region(args) => region(args, &http).await?,
        Action::Act(args) => act(args, &http).await?,
        Action::Effects(args) => effects(args, &http).await?,
        Action::Stop(_) => (http.post("/stop", &json!({})).await?, "stopped\n".to_owned()),
    };
    face.answer(&answer, |_| text)?;
    Ok(Exit::Done)
}

type Told = anyhow::Result<(Value, String)>;

async fn first_workspace(http: &PlainHttp) -> anyhow::Result<String> {
    let workspaces = http.get("/workspaces").await?;
    Ok(workspaces[0]["name"].as_str().unwrap_or_default().to_owned())
}

async fn workspace(named: Option<&String>, http: &PlainHttp) -> anyhow::Result<String> {
    match named {
        Some(name) => Ok(name.clone()),
        None => first_workspace(http).await,
    }
}

async fn seed(args: &SeedArgs, http: &PlainHttp) -> Told {
    let workspace = workspace(args.workspace.as_ref(), http).await?;
    let seeded = people::seed(http, &workspace, args.size, args.seed).await?;
    let counts: Vec<String> = seeded
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(what, _)| *what != "content_bytes")
        .map(|(what, count)| format!("{} {count}", what.replace('_', " ")))
        .collect();
    let text = format!("{workspace} has a simulated estate: {}\n", counts.join(", "));
    Ok((seeded, text))
}

async fn clock(args: &ClockArgs, http: &PlainHttp) -> Told {
    let now = match args.jump {
        Some(seconds) => http.post("/clock/jump", &json!({ "seconds": seconds })).await?,
        None => http.get("/clock").await?,
    };
    let text = format!("{} (simulated)\n", now["now"].as_str().unwrap_or_default());
    Ok((now, text))
}

async fn fault(args: &FaultArgs, http: &PlainHttp) -> Told {
    if args.clear {
        return Ok((http.json("DELETE", "/faults", None).await?, "no faults are in force\n".to_owned()));
    }
    let Some(act) = fault_act(args) else {
        let faults = http.get("/faults").await?;
        let rows = faults.as_array().map_or(0, Vec::len);
        let text = match rows {
            0 => "no faults are in force\n".to_owned(),
            rows => format!("{} in force:\n{faults:#}\n", count(rows, "fault")),
        };
        return Ok((faults, text));
    };
    let mut matches = Map::new();
    if let Some(workspace) = &args.workspace {
        matches.insert("workspace".to_owned(), json!(workspace));
    }
    if let Some(method) = &args.method {
        matches.insert("method".to_owned(), json!(method));
    }
    matches.insert("paths".to_owned(), json!(args.paths));
    let fault = json!({
        "match": matches, "after": args.after, "times": args.times,
        "side": if args.after_effect { "after" } else { "before" }, "act": act,
    });
    let added = http.post("/faults", &fault).await?;
    let text = format!("fault {} is in force\n", added["number"]);
    Ok((added, text))
}

fn fault_act(args: &FaultArgs) -> Option<Value> {
    if let Some(status) = args.status {
        let code = args.code.as_deref().unwrap_or(usual_code(status));
        let body = json!({ "error_code": code, "message": "simulated fault" });
        return Some(json!({ "answer": { "status": status, "body": body } }));
    }
    Some(match args.act? {
        FaultAct::Cut => json!("cut"),
        FaultAct::BlackHole => json!("black_hole"),
        FaultAct::LoginPage => json!("login_page"),
        FaultAct::Slow => json!({ "slow": { "milliseconds": 5000 } }),
        FaultAct::Stale => json!({ "stale": "first_read" }),
    })
}

const fn usual_code(status: u16) -> &'static str {
    match status {
        400 => "INVALID_PARAMETER_VALUE",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "RESOURCE_DOES_NOT_EXIST",
        409 => "RESOURCE_CONFLICT",
        429 => "REQUEST_LIMIT_EXCEEDED",
        503 => "TEMPORARILY_UNAVAILABLE",
        _ => "INTERNAL_ERROR",
    }
}

async fn region(args: &RegionArgs, http: &PlainHttp) -> Told {
    let appearance = match args.state {
        RegionState::Up => {
            let answer = http.post(&format!("/regions/{}/up", args.region), &json!({})).await?;
            return Ok((answer, format!("{} is up\n", args.region)));
        }
        RegionState::Down => json!("refused"),
        RegionState::BlackHole => json!("black_hole"),
        RegionState::Unavailable => json!({ "unavailable": { "after_ms": 2000 } }),
        RegionState::ReadsOnly => json!("reads_only"),
        RegionState::LoginPage => json!("login_page"),
        RegionState::HalfTheApis => json!("half_the_apis"),
    };
    let outage = json!({ "appearance": appearance, "life_stops": args.life_stops });
    let answer = http.post(&format!("/regions/{}/down", args.region), &outage).await?;
    Ok((answer, format!("{} is down\n", args.region)))
}

async fn act(args: &ActArgs, http: &PlainHttp) -> Told {
    let wrong = |error: serde_json::Error| Usage {
        problem: format!("the body is not JSON: {error}"),
        hint: "twinlake sim act POST /api/2.2/jobs/create '{\"name\":\"nightly\"}' --control …".to_owned(),
    };
    let body = args.body.as_deref().map(serde_json::from_str::<Value>).transpose().map_err(wrong)?;
    let request = json!({
        "workspace": workspace(args.workspace.as_ref(), http).await?, "method": args.method, "path": args.path,
        "body": body, "actor": args.actor,
    });
    let acted = http.post("/act", &request).await?;
    let text = format!("{} {:#}\n", acted["status"], acted["body"]);
    Ok((acted, text))
}

async fn effects(args: &EffectsArgs, http: &PlainHttp) -> Told {
    let mut target = format!("/effects?after={}", args.after);
    for (name, value) in [("workspace", &args.workspace), ("deed", &args.deed)] {
        if let Some(value) = value {
            target.push_str(&format!("&{name}={}", query_escaped(value)));
        }
    }
    let found = http.get(&target).await?;
    let rows = found["effects"].as_array().map_or(&[][..], Vec::as_slice);
    let word = |effect: &Value, field: &str| effect[field].as_str().unwrap_or_default().to_owned();
    let mut table = crate::table::Table::new();
    for effect in rows {
        table.row([
            effect["number"].to_string(),
            word(effect, "workspace"),
            word(effect, "deed"),
            word(effect, "kind"),
            word(effect, "id"),
            format!("by {}", word(effect, "actor")),
            word(effect, "detail"),
        ]);
    }
    let text = format!("{}{}, simulated\n", table.lines(0), count(rows.len(), "effect"));
    Ok((found, text))
}
