//! What a site did after production was promoted elsewhere, and that was never replicated.

use std::fmt::Write as _;

use twinlake_controller::Acknowledged;
use twinlake_model::{FoundAwake, How, Tail};

use crate::moving::proposal::run_lines;
use crate::paint::Paint;
use crate::table::Table;
use crate::verbs::plan::shown_key;
use crate::words::{count, time};

/// How many assets are named; the JSON names all.
const MOST_NAMED: usize = 25;

/// The tail of one place.
pub(crate) fn text(told: &Acknowledged, paint: Paint) -> String {
    let Acknowledged { group, place, divergence, .. } = told;
    let mut text = format!("{}  what {place} did that was never replicated\n", paint.strong(group));
    for (how, word) in [(How::Made, "made"), (How::Edited, "edited"), (How::Deleted, "deleted")] {
        let those: Vec<_> = divergence.assets.iter().filter(|one| one.how == how).collect();
        if those.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n  {} {word}", paint.fair(count(those.len(), "asset")));
        let mut table = Table::new();
        for one in those.iter().take(MOST_NAMED) {
            table.row([
                one.asset.kind.to_string(),
                shown_key(one.key.as_str()),
                paint.faint(one.fields.join(", ")),
            ]);
        }
        text.push_str(&table.lines(4));
        more(&mut text, those.len());
    }
    if !divergence.runs.is_empty() {
        let runs = count(divergence.runs.len(), "run");
        let _ = writeln!(text, "\n  {} began there unseen; what they wrote is not known", paint.fair(runs));
        text.push_str(&run_lines(&divergence.runs, paint));
    }
    if !told.found_awake.is_empty() {
        text.push_str("\n  found awake there since, and put to sleep\n");
        text.push_str(&awake_lines(&told.found_awake, paint));
    }
    text.push('\n');
    text + &standing(told, paint)
}

/// Where the tail is kept, and what may be done.
fn standing(told: &Acknowledged, paint: Paint) -> String {
    let Acknowledged { group, place, .. } = told;
    match &told.tail {
        Tail::Quarantined { divergence, at } => format!(
            "  All of it is kept in the state as {divergence}, read at {}.\n  Nothing is written over it, and {group} \
             is unprotected, until somebody has read this:\n  → {}\n",
            time(*at),
            paint.strong(format!("twinlake failback {group} --acknowledge-tail {}", divergence.short()))
        ),
        Tail::Acknowledged { divergence, by, at } => format!(
            "  {} {by} acknowledged it at {}; it is kept in the state as {}.\n  The next sync writes over what was \
             edited there. What was made there stays, asleep.\n  → {}, then {}\n",
            paint.good("✓"),
            time(*at),
            divergence.short(),
            paint.strong(format!("twinlake sync {group}")),
            paint.strong(format!("twinlake failback {group}"))
        ),
        Tail::None | Tail::Unseen => format!("  {place} has no tail that is known\n"),
    }
}

/// What was awake and should not have been, a line each.
pub(crate) fn awake_lines(found: &[FoundAwake], paint: Paint) -> String {
    let mut table = Table::new();
    for one in found.iter().take(MOST_NAMED) {
        let fields = if one.is_asleep {
            paint.faint(one.fields.join(", "))
        } else {
            format!("{} {}", one.fields.join(", "), paint.bad("still awake"))
        };
        table.row([one.asset.kind.to_string(), shown_key(one.key.as_str()), fields]);
    }
    let mut text = table.lines(4);
    more(&mut text, found.len());
    text
}

fn more(text: &mut String, all: usize) {
    if all > MOST_NAMED {
        let _ = writeln!(text, "    and {} more; all of them with -o json", all - MOST_NAMED);
    }
}
