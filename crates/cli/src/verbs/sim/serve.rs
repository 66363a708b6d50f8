//! Serving a simulated account.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Limits, ServeOptions, Served, Settings, Simulator};

use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::paint::Paint;
use crate::plain_http::PlainHttp;
use crate::table::Table;
use crate::verbs::sim::account::{self, Wanted};
use crate::verbs::sim::{files, people};

/// How a simulated account is served.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A workspace, as `NAME[:CLOUD[:REGION[:PORT]]]`; the first one is the primary of the config [default: east and west]
    #[arg(long = "workspace", value_name = "SPEC", value_parser = account::parse)]
    workspaces: Vec<Wanted>,

    /// The port of the control [default: any free one]
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,

    /// Fill the first workspace with a retailer's estate of about this many assets
    #[arg(long, value_name = "N")]
    size: Option<usize>,

    /// The same number gives the same estate, ids and all
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// How long one request takes
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency_ms: u64,

    /// Refuse what goes beyond the published limits of the service
    #[arg(long)]
    limits: bool,

    /// What takes minutes takes a second: for clients that wait
    #[arg(long)]
    quick: bool,

    /// The time of the account: `simulated` can be moved, `real` cannot
    #[arg(long, value_enum, default_value_t, value_name = "TIME")]
    clock: Time,

    /// Keep the account in this file: read when it is there, written at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Write a .databrickscfg with a profile for each workspace
    #[arg(long, value_name = "FILE")]
    write_profiles: Option<PathBuf>,

    /// Write a twinlake.yml that works with the account
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Time {
    #[default]
    Simulated,
    Real,
}

pub(crate) async fn run(args: &ServeArgs, face: &Face) -> anyhow::Result<Exit> {
    let simulator = open(args)?;
    let mut options = ServeOptions {
        control_port: args.control_port,
        state: args.state.clone(),
        ..ServeOptions::default()
    };
    for wanted in &args.workspaces {
        options.ports.extend(wanted.port.map(|port| (wanted.spec.name.clone(), port)));
    }
    let served = simulator.serve(options).await?;
    let control = PlainHttp::new(&served.control_url, None)?;
    let seeded = match (args.size, served.workspaces.first()) {
        (Some(size), Some(first)) => Some(people::seed(&control, &first.info.name, size, args.seed).await?),
        _ => None,
    };
    let profiles = written(args.write_profiles.as_deref(), || files::profiles(&served.workspaces))?;
    let config = written(args.write_config.as_deref(), || files::config(&served.workspaces, None))?;
    let document = json!({
        "simulated": true,
        "control": served.control_url,
        "workspaces": served.workspaces.iter().map(|workspace| json!({
            "name": workspace.info.name, "url": workspace.url, "id": workspace.info.id.to_string(),
            "cloud": workspace.info.cloud, "region": workspace.info.region,
            "user_name": workspace.info.user_name, "token": workspace.info.token,
        })).collect::<Vec<Value>>(),
        "profiles": profiles, "config": config,
        "seeded": seeded,
    });
    face.answer(&document, |paint| text(&served, profiles.as_deref(), config.as_deref(), paint))?;
    tokio::select! {
        () = served.asked_to_stop() => {}
        () = crate::verbs::sync::interrupted() => {}
    }
    served.stop().await?;
    Ok(Exit::Done)
}

/// The account: read from its file, or new.
fn open(args: &ServeArgs) -> anyhow::Result<Simulator> {
    let clock = match args.clock {
        Time::Simulated => Clock::simulated(Clock::system().now()),
        Time::Real => Clock::system(),
    };
    let entropy = Entropy::seeded(args.seed);
    if let Some(path) = args.state.as_deref().filter(|path| path.exists()) {
        if !args.workspaces.is_empty() {
            let problem = format!(
                "{} says which workspaces there are; --workspace does not go with it",
                path.display()
            );
            return Err(
                Usage { problem, hint: "leave out --workspace, or name another --state".to_owned() }.into()
            );
        }
        return Ok(Simulator::load(path, clock, entropy)?);
    }
    let mut settings = if args.quick { Settings::quick() } else { Settings::default() };
    settings.latency_ms = args.latency_ms;
    if args.limits {
        settings.limits = Limits::published();
    }
    let simulator = Simulator::new(clock, entropy, settings);
    let wanted = if args.workspaces.is_empty() { account::usual() } else { args.workspaces.clone() };
    for wanted in &wanted {
        simulator.add_workspace(&wanted.spec)?;
    }
    Ok(simulator)
}

fn written(path: Option<&Path>, text: impl FnOnce() -> String) -> anyhow::Result<Option<PathBuf>> {
    path.map(|path| files::write_new(path, &text())).transpose()
}

fn text(served: &Served, profiles: Option<&Path>, config: Option<&Path>, paint: Paint) -> String {
    let mut text = format!("{} a simulated Databricks account\n\n", paint.good("✓ serving"));
    let mut table = Table::new();
    table.row(["workspace", "region", "id", "address", "token"].map(|heading| paint.faint(heading)));
    for workspace in &served.workspaces {
        table.row([
            paint.strong(&workspace.info.name),
            format!("{} {}", workspace.info.cloud.name(), workspace.info.region),
            workspace.info.id.to_string(),
            workspace.url.clone(),
            workspace.info.token.clone(),
        ]);
    }
    text.push_str(&table.lines(2));
    text.push_str(&format!("\n  control  {}\n\n", served.control_url));
    let first = served.workspaces.first().map_or("east", |workspace| workspace.info.name.as_str());
    let control = &served.control_url;
    let mut commands = Table::new();
    let mut command = |line: String, what: &str| commands.row([line, paint.faint(what)]);
    command(
        format!("twinlake sim seed --size 300 --workspace {first} --control {control}"),
        "a retailer's estate",
    );
    command(format!("twinlake sim clock --jump 24h --control {control}"), "let time pass");
    command(
        format!("twinlake sim fault --path '/api/*/jobs/**' --status 429 --times 5 --control {control}"),
        "make it hard",
    );
    text.push_str(&commands.lines(2));
    if let Some(profiles) = profiles {
        text.push_str(&format!("\n  export DATABRICKS_CONFIG_FILE={}\n", profiles.display()));
    }
    if let Some(config) = config {
        text.push_str(&format!("  twinlake check --config {}\n", config.display()));
    }
    text + &format!("\n  {}\n", paint.faint("Ctrl-C stops it"))
}
