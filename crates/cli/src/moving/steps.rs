//! A run while it goes on, on standard error: a line for each step that settles, and on a terminal one that is written
//! over with what is being done and the clock against the objective.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use twinlake_base::{Clock, Timestamp};
use twinlake_controller::{Happened, News, Note, Observer, PlannedStep, RunEvent, RunProgress};

use crate::face::Face;
use crate::moving::proposal::title;
use crate::paint::Paint;
use crate::progress::ProgressLine;
use crate::words::{between, cut, duration};

/// How wide what a step says of itself may be on a terminal, and where lines stay.
const WIDTHS: (usize, usize) = (46, 240);

/// Shows the steps of a run as they happen.
pub(crate) struct StepLines {
    face: Face,
    /// The line that is written over.
    line: ProgressLine,
    titles: BTreeMap<String, String>,
    /// How wide the widest title is.
    width: usize,
    /// When the step that is under way was begun.
    began: Mutex<Option<Timestamp>>,
}

/// What a step came to.
struct Settled {
    mark: char,
    step: String,
    said: String,
}

impl StepLines {
    /// For a run of these steps.
    pub(crate) fn new(face: Face, clock: Clock, outline: &[PlannedStep]) -> Self {
        let titles: BTreeMap<String, String> =
            outline.iter().map(|step| (step.name.clone(), step.title.clone())).collect();
        let width = titles.values().map(|title| title.chars().count()).max().unwrap_or(0);
        Self { face, line: ProgressLine::new(face, clock), titles, width, began: Mutex::default() }
    }

    /// Takes the line that is written over away.
    pub(crate) fn end(&self) {
        self.line.end();
    }

    fn title(&self, step: &str) -> String {
        self.titles.get(step).cloned().unwrap_or_else(|| title(step))
    }

    fn follow(&self, progress: &RunProgress) {
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        match &progress.happened {
            Happened::Further { step, what, done, of } => {
                let of = of.map(|of| format!(" ({done} of {of})")).unwrap_or_default();
                self.line
                    .phase(&format!("{}  {}: ", clock(progress), self.title(step)), &format!("{what}{of}"));
            }
            Happened::Logged(RunEvent::StepBegan { step, .. }) => {
                *began = Some(progress.at);
                self.line.phase(&format!("{}  {}: ", clock(progress), self.title(step)), "");
            }
            Happened::Logged(event) => {
                let Some(settled) = settled(event, *began, progress.at) else { return };
                // A remark does not end its step.
                if !matches!(event, RunEvent::StepNoted { .. }) {
                    *began = None;
                }
                self.line.end();
                if !self.face.is_json() {
                    self.face.aside(&self.shown(&settled, progress));
                }
            }
        }
    }

    fn shown(&self, settled: &Settled, progress: &RunProgress) -> String {
        let paint = self.face.paint_aside();
        let title = format!("{:<width$}", self.title(&settled.step), width = self.width);
        let width = if self.face.can_rewrite() { WIDTHS.0 } else { WIDTHS.1 };
        let said = cut(&settled.said, width);
        format!("  {} {:>10}  {title}  {said}", painted(settled.mark, paint), elapsed(progress))
            .trim_end()
            .to_owned()
    }
}

impl Observer for StepLines {
    fn see(&self, news: News) {
        match news {
            News::Run { progress, .. } => self.follow(&progress),
            other => self.line.see(other),
        }
    }
}

/// What a line says of an event, if it is worth one.
fn settled(event: &RunEvent, began: Option<Timestamp>, at: Timestamp) -> Option<Settled> {
    let took = || began.map(|began| between(began, at)).unwrap_or_default();
    let (mark, step, said) = match event {
        RunEvent::StepDone { step, .. } => ('✓', step, took()),
        // Where the config names no hooks, there is nothing to say of them.
        RunEvent::StepSkipped { step, .. } if step.starts_with("hooks_") => return None,
        RunEvent::StepSkipped { step, reason, .. } => ('·', step, reason.clone()),
        RunEvent::StepFailed { step, attempt, error, .. } => {
            ('✗', step, format!("attempt {attempt} failed: {error}"))
        }
        RunEvent::StepWaiting { step, .. } => ('!', step, "waits".to_owned()),
        RunEvent::StepNoted { step, note: Note::Deviation { what } } => ('!', step, what.clone()),
        _ => return None,
    };
    Some(Settled { mark, step: step.clone(), said })
}

fn painted(mark: char, paint: Paint) -> String {
    match mark {
        '✓' => paint.good(mark),
        '✗' => paint.bad(mark),
        '!' => paint.fair(mark),
        _ => paint.faint(mark),
    }
}

fn elapsed(progress: &RunProgress) -> String {
    duration(progress.elapsed().as_secs_f64().max(0.0))
}

/// How long the run has been going on, against its objective.
fn clock(progress: &RunProgress) -> String {
    #[expect(clippy::cast_precision_loss, reason = "hours")]
    match progress.objectives.rto_seconds {
        Some(target) => format!("{} of {}", elapsed(progress), duration(target as f64)),
        None => elapsed(progress),
    }
}
