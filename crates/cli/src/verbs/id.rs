//! `twinlake id`

use clap::{Args, Subcommand};
use serde_json::json;
use twinlake_controller::{Adopted, Known, adopt, find};

use crate::args::ConfigArgs;
use crate::estate;
use crate::exit::Exit;
use crate::face::Face;
use crate::failure::Usage;
use crate::paint::Paint;
use crate::table::Table;
use crate::verbs::plan::shown_key;

/// Shows what each site calls an asset.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct IdArgs {
    #[command(subcommand)]
    action: Option<IdAction>,

    /// A name, a path, a number of either site, or an identity such as job/prod@east/123; or a part of one
    text: Option<String>,

    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum IdAction {
    /// Let our version win over a stranger that has its unique name at a standby: the next sync overwrites it
    Adopt(AdoptArgs),
}

#[derive(Debug, Args)]
struct AdoptArgs {
    /// The asset: its identity, or its name
    asset: String,

    #[command(flatten)]
    config: ConfigArgs,
}

/// How many finds are shown; the JSON shows all.
const MOST_SHOWN: usize = 50;

pub(crate) async fn run(args: &IdArgs, face: &Face) -> anyhow::Result<Exit> {
    if let Some(IdAction::Adopt(args)) = &args.action {
        let house = estate::open(&args.config).await?;
        let adopted = adopt(&house, &args.asset).await?;
        face.answer(&json!({ "adopted": adopted }), |paint| adopted_text(&adopted, paint))?;
        return Ok(Exit::Done);
    }
    let Some(text) = &args.text else {
        return Err(Usage {
            problem: "what asset? A name, a path, a number of either site, or an identity".to_owned(),
            hint: "twinlake id nightly-load".to_owned(),
        }
        .into());
    };
    let house = estate::open(&args.config).await?;
    let found = find(&house, text).await?;
    face.answer(&json!({ "assets": found }), |paint| found_text(&found, paint))?;
    Ok(Exit::Done)
}

fn found_text(found: &[Known], paint: Paint) -> String {
    let mut text = String::new();
    for known in found.iter().take(MOST_SHOWN) {
        text.push_str(&format!(
            "{}  {}\n",
            paint.strong(shown_key(known.key.as_str())),
            paint.faint(&known.asset)
        ));
        let mut table = Table::new();
        for name in &known.at {
            table.row([name.place.to_string(), name.remote.to_string()]);
        }
        text.push_str(&table.lines(2));
    }
    if found.len() > MOST_SHOWN {
        text.push_str(&format!("and {} more; all of them with -o json\n", found.len() - MOST_SHOWN));
    }
    text
}

fn adopted_text(adopted: &[Adopted], paint: Paint) -> String {
    let line = |one: &Adopted| {
        format!(
            "{} {} {} at {} is from now on the copy of {}\n",
            paint.good("✓"),
            one.asset.kind,
            paint.strong(shown_key(one.key.as_str())),
            one.target,
            one.asset
        )
    };
    let lines: String = adopted.iter().map(line).collect();
    lines
        + &format!(
            "\n  the next {} overwrites it with ours; {} shows how\n",
            paint.strong("twinlake sync"),
            paint.strong("twinlake plan")
        )
}
