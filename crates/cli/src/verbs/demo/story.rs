//! Telling the story: chapters, what happens, and checks that hold or do not.

use serde::Serialize;
use twinlake_base::{Clock, Instant};

use crate::face::{Face, say};
use crate::words::{duration, wrapped};

/// What the demo tells and finds.
pub(crate) struct Story {
    face: Face,
    clock: Clock,
    began: Instant,
    chapters: usize,
    checks: Vec<Check>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What.
    pub(crate) what: String,
    /// Whether it does.
    pub(crate) holds: bool,
    /// What was found instead, where it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) instead: Vec<String>,
}

/// Where what is told begins, after its mark.
const INDENT: usize = 5;
/// How wide a line is, so that a narrow terminal shows it whole.
const WIDTH: usize = 79;
/// How much of what was found instead is told.
const MOST_TOLD: usize = 6;

impl Story {
    pub(crate) fn new(face: Face, clock: Clock) -> Self {
        let began = clock.instant();
        Self { face, clock, began, chapters: 0, checks: Vec::new() }
    }

    /// A new chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        let number = self.chapters;
        self.line(&format!("\n{}", self.face.paint().strong(format!("{number}. {title}"))));
    }

    /// Something happens.
    pub(crate) fn tell(&self, what: &str) {
        self.point(&self.face.paint().faint("·"), what);
    }

    /// A command that an operator would type.
    pub(crate) fn command(&self, command: &str) {
        self.line(&format!("   {} {}", self.face.paint().faint("$"), self.face.paint().strong(command)));
    }

    /// What a command prints.
    pub(crate) fn quote(&self, text: &str) {
        text.lines().for_each(|line| self.line(format!("     {line}").trim_end()));
    }

    /// A line with a mark before it, and below it what does not fit beside it.
    fn point(&self, mark: &str, what: &str) {
        let lines = wrapped(what, INDENT, WIDTH);
        self.line(&format!("   {mark} {}", lines.trim()));
    }

    /// Something must hold, unless there is something instead.
    pub(crate) fn check(&mut self, what: impl Into<String>, instead: Vec<String>) {
        let (what, paint) = (what.into(), self.face.paint());
        let holds = instead.is_empty();
        let mark = if holds { paint.good("✓") } else { paint.bad("✗") };
        self.point(&mark, &what);
        for one in instead.iter().take(MOST_TOLD) {
            self.line(&format!("       {}", paint.bad(one)));
        }
        if instead.len() > MOST_TOLD {
            self.line(&format!("       {}", paint.bad(format!("and {} more", instead.len() - MOST_TOLD))));
        }
        self.checks.push(Check { what, holds, instead });
    }

    /// Something must be so.
    pub(crate) fn must(&mut self, what: impl Into<String>, is_so: bool, instead: impl FnOnce() -> String) {
        self.check(what, if is_so { Vec::new() } else { vec![instead()] });
    }

    /// The end: what all of it came to.
    pub(crate) fn end(&self, simulated_days: u64) {
        let paint = self.face.paint();
        let failed = self.checks.iter().filter(|check| !check.holds).count();
        let took = duration(self.seconds());
        let sum = match failed {
            0 => paint.good(format!("✓ all {} checks hold", self.checks.len())),
            failed => paint.bad(format!("✗ {failed} of {} checks do not hold", self.checks.len())),
        };
        self.line(&format!("\n{sum} · {took} by the clock on the wall, {simulated_days} days simulated"));
        self.line(&format!("   {}", paint.faint("every workspace, figure and date above is simulated")));
    }

    /// A line of the story. Stories are for people.
    pub(crate) fn line(&self, line: &str) {
        if !self.face.is_json() {
            say(&format!("{line}\n"));
        }
    }

    /// How long it took so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.clock.instant().saturating_duration_since(self.began).as_secs_f64()
    }

    /// What was found.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Whether all of it holds.
    pub(crate) fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}
