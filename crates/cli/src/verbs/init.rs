//! `twinlake init`

use std::path::PathBuf;

use clap::Args;
use twinlake_base::Env;
use twinlake_controller::{InitOptions, init, profiles};

use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;

/// Writes a first config from two profiles of .databrickscfg. An existing file is never touched.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The profile of the workspace where production runs
    #[arg(long, value_name = "PROFILE")]
    primary: Option<String>,

    /// The profile of the workspace that is to stand by
    #[arg(long, value_name = "PROFILE")]
    standby: Option<String>,

    /// What the estate is called
    #[arg(long, value_name = "NAME", default_value = "main-estate")]
    estate: String,

    /// What the failover group is called
    #[arg(long, value_name = "NAME", default_value = "main")]
    group: String,

    /// The primary's region, as its cloud calls it
    #[arg(long, value_name = "REGION")]
    primary_region: Option<String>,

    /// The standby's region
    #[arg(long, value_name = "REGION")]
    standby_region: Option<String>,

    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "twinlake.yml")]
    config: PathBuf,
}

pub(crate) fn run(args: &InitArgs, face: &Face) -> anyhow::Result<Exit> {
    let env = Env::system();
    let (Some(primary), Some(standby)) = (&args.primary, &args.standby) else {
        return Err(ask_for_profiles(&env)?.into());
    };
    let options = InitOptions {
        path: args.config.clone(),
        primary: primary.clone(),
        standby: standby.clone(),
        estate: args.estate.clone(),
        group: args.group.clone(),
        primary_region: args.primary_region.clone(),
        standby_region: args.standby_region.clone(),
    };
    let written = init(&options, &env)?;
    face.answer(&written, |paint| {
        format!(
            "{} wrote {}: {} is the primary, {} stands by\n\n  Read it, then run: {}\n",
            paint.good("✓"),
            written.path.display(),
            paint.strong(&written.primary),
            paint.strong(&written.standby),
            paint.strong("twinlake check"),
        )
    })?;
    Ok(Exit::Done)
}

/// Names the profiles that there are, so that the next command can be typed.
fn ask_for_profiles(env: &Env) -> anyhow::Result<Usage> {
    let names = profiles(env)?;
    let problem = format!(
        "two profiles are needed: where production runs, and where it should be able to run ({} has {})",
        env.get("DATABRICKS_CONFIG_FILE").unwrap_or("~/.databrickscfg"),
        if names.is_empty() { "none".to_owned() } else { names.join(", ") },
    );
    let example =
        |index: usize, otherwise: &str| names.get(index).cloned().unwrap_or_else(|| otherwise.to_owned());
    let hint =
        format!("twinlake init --primary {} --standby {}", example(0, "prod-east"), example(1, "prod-west"));
    Ok(Usage { problem, hint })
}
