//! Progress of long work, on standard error: one line that is written over on a terminal, a line now and then elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use twinlake_base::{Clock, Instant};
use twinlake_controller::{News, Observer};

use crate::face::Face;
use crate::words::{cut, time};

/// How often the line of a terminal is written over at most.
const REWRITE_EVERY: Duration = Duration::from_millis(80);
/// How often a line is written where lines stay.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How wide a line may be: what a narrow terminal would break in two cannot be written over.
const WIDTH: usize = 79;

/// Shows what an operation is doing.
pub(crate) struct ProgressLine {
    face: Face,
    clock: Clock,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    leg: String,
    phase: String,
    last: Option<Instant>,
    is_open: bool,
}

/// What a piece of news does to the line.
enum Effect {
    /// Worth a line wherever lines are written.
    Line(String),
    /// A new phase: shown at once where it is written over.
    Phase(String),
    /// The same phase, further on: shown when it is time.
    Further(String),
    /// Nothing to show.
    None,
}

impl ProgressLine {
    pub(crate) fn new(face: Face, clock: Clock) -> Self {
        Self { face, clock, shown: Mutex::default() }
    }

    /// Shows what a step of a run is doing; `before` also stands before whatever follows.
    pub(crate) fn phase(&self, before: &str, what: &str) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        (shown.leg, shown.phase) = (before.to_owned(), what.to_owned());
        if self.face.can_rewrite() {
            self.show(&mut shown, true);
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_open {
            shown.is_open = false;
            self.face.aside_raw("\r\x1b[K");
        }
    }

    fn show(&self, shown: &mut Shown, is_new: bool) {
        let now = self.clock.instant();
        let since = |last: Instant| now.saturating_duration_since(last);
        let pause = if self.face.can_rewrite() { REWRITE_EVERY } else { LINE_EVERY };
        // Short work needs no lines that stay.
        let began = *shown.last.get_or_insert(now);
        if !is_new && since(began) < pause {
            return;
        }
        shown.last = Some(now);
        let text = cut(&format!("{}{}", shown.leg, shown.phase), WIDTH);
        if self.face.can_rewrite() {
            shown.is_open = true;
            self.face.aside_raw(&format!("\r\x1b[K{}", self.face.paint_aside().faint(text)));
        } else if !self.face.is_json() {
            self.face.aside(&text);
        }
    }
}

fn effect(news: &News) -> Effect {
    use twinlake_controller::Progress;
    let News::Cycle(progress) = news else {
        return match news {
            News::Waiting { group, holder, until } => Effect::Line(format!(
                "the lease of {group} is {holder}'s; waiting until {} whether it is still there",
                time(*until)
            )),
            _ => Effect::None,
        };
    };
    match progress {
        Progress::Crawling { place } => Effect::Phase(format!("reading {place}")),
        Progress::Found { place, assets } => Effect::Further(format!("reading {place}: {assets} assets")),
        Progress::Crawled { place, assets } => Effect::Phase(format!("read {place}: {assets} assets")),
        Progress::Waiting { place, questions, until } => Effect::Phase(format!(
            "waiting until {}: {questions} lost answers at {place} must be visible by then",
            time(*until)
        )),
        Progress::Settled { asset, happened } => {
            let had = if *happened { "had" } else { "had not" };
            Effect::Line(format!("an earlier request for {asset} {had} taken effect"))
        }
        Progress::Planned { changes } => Effect::Phase(format!("{changes} changes to make")),
        Progress::Changed { key, done, of, asset, .. } => {
            Effect::Further(format!("changed {done} of {of}: {} {key}", asset.kind))
        }
        Progress::ReadingBack { place } => Effect::Phase(format!("reading back {place}")),
    }
}

impl Observer for ProgressLine {
    fn see(&self, news: News) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let News::Leg(leg) = &news {
            shown.leg = format!("{}: {} → {}  ", leg.group, leg.source, leg.target);
            return;
        }
        let (phase, is_new) = match effect(&news) {
            Effect::Line(phase) => (phase, true),
            Effect::Phase(phase) => (phase, self.face.can_rewrite()),
            Effect::Further(phase) => (phase, false),
            Effect::None => return,
        };
        shown.phase = phase;
        self.show(&mut shown, is_new);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.end();
    }
}
