//! `twinlake kinds`

use clap::Args;
use serde_json::json;
use twinlake_controller::{KindRow, kinds_table};

use crate::exit::Exit;
use crate::face::Face;
use crate::paint::Paint;

/// Lists the kinds of asset that are carried: how copies find each other, what makes them sleep, what is left behind.
#[derive(Debug, Args)]
pub(crate) struct KindsArgs {}

pub(crate) fn run(_: &KindsArgs, face: &Face) -> anyhow::Result<Exit> {
    let table = kinds_table();
    face.answer(&json!({ "kinds": table }), |paint| {
        table.iter().map(|row| text(row, paint)).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Done)
}

fn text(row: &KindRow, paint: Paint) -> String {
    let bytes = if row.has_content { ", with its bytes" } else { "" };
    let mut text = format!("{}  {}\n", paint.strong(row.plural), paint.faint(row.documentation));
    text.push_str(&format!("  copies      are found by {}{bytes}\n", row.found_by));
    if !row.sleeps_by.is_empty() {
        text.push_str(&format!("  asleep      {}\n", row.sleeps_by.join("\n              ")));
    }
    if !row.stopped_by.is_empty() {
        text.push_str(&format!("  stopped     right after its create: {}\n", row.stopped_by.join(", ")));
    }
    if !row.leaves_behind.is_empty() {
        text.push_str(&format!("  left behind {}\n", row.leaves_behind.join("\n              ")));
    }
    text
}
