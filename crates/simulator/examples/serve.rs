//! Serves a small simulated account and prints where: `cargo run --release -p twinlake-simulator --example serve`.

#![allow(clippy::print_stdout, reason = "an example speaks to its terminal")]

use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Cloud, ServeOptions, Settings, Simulator, WorkspaceSpec};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::new(Clock::system(), Entropy::system(), Settings::quick());
    simulator.add_workspace(&WorkspaceSpec::new("east", Cloud::Aws, "us-east-1"))?;
    simulator.add_workspace(&WorkspaceSpec::new("west", Cloud::Aws, "us-west-2"))?;
    simulator.add_workspace(&WorkspaceSpec::new("europe", Cloud::Azure, "westeurope"))?;
    let served = simulator.serve(ServeOptions::default()).await?;
    for workspace in &served.workspaces {
        println!("{} {} {}", workspace.info.name, workspace.url, workspace.info.token);
    }
    println!("control {}", served.control_url);
    served.asked_to_stop().await;
    served.stop().await?;
    Ok(())
}
