//! Opening what a verb works on.

use twinlake_base::Env;
use twinlake_config::{Config, LoadOptions, load};
use twinlake_controller::{House, Setup, phase_names, plural_names};

use crate::args::ConfigArgs;

/// Reads the config.
pub(crate) fn config(args: &ConfigArgs, env: &Env) -> anyhow::Result<Config> {
    let options = LoadOptions {
        target: args.target.clone(),
        vars: args.vars.iter().cloned().collect(),
        env: env.clone(),
        known_kinds: plural_names(),
        known_phases: phase_names(),
    };
    Ok(load(&args.config, &options)?)
}

/// Reads the config and opens its state.
pub(crate) async fn open(args: &ConfigArgs) -> anyhow::Result<House> {
    let setup = Setup::system();
    let config = config(args, &setup.env)?;
    Ok(House::open(config, setup).await?)
}
