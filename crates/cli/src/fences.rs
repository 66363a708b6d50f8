//! Where the places stand that were primary once: fenced or not, loudly.

use std::fmt::Write as _;

use twinlake_controller::FenceReport;
use twinlake_model::Tail;

use crate::moving::proposal::run_lines;
use crate::moving::tail::awake_lines;
use crate::paint::Paint;
use crate::verbs::sync::verdict_lines;
use crate::words::{count, time};

/// One place, with what was found there.
pub(crate) fn text(fence: &FenceReport, paint: Paint) -> String {
    let FenceReport { group, place, since, .. } = fence;
    let mut text = format!(
        "{}  {place}, {}\n",
        paint.strong(group),
        paint.faint(format!("no longer primary since epoch {}, {}", fence.epoch, time(*since)))
    );
    text.push_str(&standing(fence, paint));
    text.push_str(&found(fence, paint));
    text + &tail(fence, paint)
}

/// The one line that matters most.
pub(crate) fn standing(fence: &FenceReport, paint: Paint) -> String {
    match (&fence.level, fence.confirmed_at) {
        (Some(level), Some(at)) if fence.is_fenced() => {
            format!("  {} {level}; confirmed at {}\n", paint.good("✓ fenced"), time(at))
        }
        _ => {
            let why =
                fence.trouble.as_deref().unwrap_or("something there is still awake, or nobody looked yet");
            format!(
                "  {} it may be processing\n    {why}\n    → every {} tries again\n",
                paint.bad(format!("✗ unfenced since {}:", time(fence.since))),
                paint.strong(format!("twinlake sync {}", fence.group))
            )
        }
    }
}

/// What a look found and did.
fn found(fence: &FenceReport, paint: Paint) -> String {
    let Some(visited) = &fence.visited else { return String::new() };
    let mut text = String::new();
    if !visited.found_awake.is_empty() {
        let what = count(visited.found_awake.len(), "asset");
        let _ = writeln!(text, "\n  {} found awake there and put to sleep again", paint.fair(what));
        text.push_str(&awake_lines(&visited.found_awake, paint));
    }
    if !visited.awake_still.is_empty() {
        let _ = writeln!(text, "\n  {}", paint.bad("could not be put to sleep"));
        text.push_str(&verdict_lines(&visited.awake_still, paint));
    }
    let sections = [
        ("found running there and cancelled", &visited.ran),
        ("still running after it was cancelled", &visited.still_running),
        ("running there, and nobody can tell whose; left alone", &visited.unclear),
    ];
    for (what, runs) in sections.into_iter().filter(|(_, runs)| !runs.is_empty()) {
        let _ = writeln!(text, "\n  {} {what}", paint.fair(count(runs.len(), "run")));
        text.push_str(&run_lines(runs, paint));
    }
    if !visited.left_for_others.is_empty() {
        let left = visited.left_for_others.join(", ");
        let _ = writeln!(text, "\n  left awake, because the production of another group uses it: {left}");
    }
    text
}

/// What it did unseen, and the command that lets replication begin.
pub(crate) fn tail(fence: &FenceReport, paint: Paint) -> String {
    let FenceReport { group, place, since, .. } = fence;
    let (why, command) = match &fence.tail {
        Tail::None | Tail::Acknowledged { .. } => return String::new(),
        Tail::Unseen => (
            format!("nobody has seen yet what {place} did since"),
            format!("twinlake sync {group}, once it answers"),
        ),
        Tail::Quarantined { divergence, .. } => (
            format!("what {place} did unseen ({}) is kept, and not written over", divergence.short()),
            format!("twinlake failback {group} shows it, and how to let replication begin"),
        ),
    };
    format!("\n  {} {why}\n    → {command}\n", paint.bad(format!("✗ unprotected since {}:", time(*since))))
}
