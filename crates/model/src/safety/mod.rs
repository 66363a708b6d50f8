//! The rules under which a group may be moved: what the operator allowed beforehand, held against what is the case.
//!
//! Everything here is decided from the config, the history and now, before the first event of a run. An objection names
//! its rule and what satisfies it. Who asks, who records and who runs hooks is elsewhere.

mod approvals;
mod hook;
mod window;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use approvals::{Approvals, DEFAULT_APPROVAL_EXPIRY, Given, Standing, Uncounted, Why};
pub use hook::{DEFAULT_HOOK_TIMEOUT, Hook, HookCall, OnFailure, Setting, When};
pub use window::{Day, Days, UnknownZone, Window, Zone};

/// How long after a promotion the next one waits for a second thought. Longer than most outages that come and go.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(60 * 60);

/// How long a rollback is offered after a promotion. A working day and its night.
pub const DEFAULT_COMMIT_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long active runs may end by themselves before they are cancelled.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(10 * 60);

/// Under which rules a group moves. The default lets everything through but a second promotion within the hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safety {
    /// The master switch.
    pub promotions: Promotions,
    /// When planned moves may begin. None: at any time.
    pub windows: Vec<Window>,
    /// How long after a promotion the next one has to be acknowledged. Zero: never.
    pub settle: Duration,
    /// The loss beyond which a forced failover has to be acknowledged. None: there is no such bound.
    pub max_loss: Option<Duration>,
    /// Who has to agree.
    pub approvals: Approvals,
    /// What is called before and after phases of a run, in the order of the config.
    pub hooks: Vec<Hook>,
    /// How long a rollback is offered after a promotion.
    pub commit_window: Duration,
    /// How long a quiesce lets active runs end by themselves before it cancels them.
    pub drain: Duration,
}

/// Whether a group may be promoted anywhere at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promotions {
    /// Yes.
    #[default]
    On,
    /// Not this group.
    Off,
    /// No group of the estate.
    OffEverywhere,
}

/// What sort of move is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// Planned and lossless, away from a healthy primary.
    Switchover,
    /// The primary is gone.
    Forced,
    /// Planned, home again.
    Failback,
    /// Back to where production was, within the commit window: the move before is undone.
    Rollback,
}

/// What is the case when a move is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveFacts {
    /// The date.
    pub now: Timestamp,
    /// What is asked for.
    pub kind: MoveKind,
    /// When the group was last promoted anywhere. None: it never was, since its first epoch.
    pub last_promotion: Option<Timestamp>,
    /// Which rules the operator has read the objection of and goes on nevertheless.
    pub acknowledged: BTreeSet<Rule>,
    /// What would be lost, as far as is known.
    pub loss: Loss,
}

/// What a move would lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing: everything has arrived.
    None,
    /// What was written within this time: RPO now.
    Known(Duration),
    /// Nobody can tell, for instance because no cycle ever ended.
    Unknown,
}

/// A rule that can object, by its key in the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The master switch.
    Promotions,
    /// Planned moves only inside a window.
    Windows,
    /// No second promotion soon after the last one.
    Settle,
    /// No forced failover beyond the ceiling on loss.
    MaxLoss,
}

/// Why a rule is against a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Which rule.
    pub rule: Rule,
    /// What is the case, as a sentence without its full stop.
    pub reason: String,
    /// What satisfies it.
    pub hint: String,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            promotions: Promotions::On,
            windows: Vec::new(),
            settle: DEFAULT_SETTLE,
            max_loss: None,
            approvals: Approvals::default(),
            hooks: Vec::new(),
            commit_window: DEFAULT_COMMIT_WINDOW,
            drain: DEFAULT_DRAIN,
        }
    }
}

impl Safety {
    /// What stands against a move, in order of rule. None: it may begin, as soon as it is
    /// [approved](Approvals::judge).
    #[must_use]
    pub fn objections(&self, facts: &MoveFacts) -> Vec<Objection> {
        self.found(facts).filter(|objection| !is_set_aside(objection.rule, facts)).collect()
    }

    /// What is against a move and does not hold it up: a window that a forced failover does not wait for, and what was
    /// acknowledged. It belongs into the record of the run.
    #[must_use]
    pub fn notes(&self, facts: &MoveFacts) -> Vec<Objection> {
        self.found(facts).filter(|objection| is_set_aside(objection.rule, facts)).collect()
    }

    /// The hooks that are called at a moment of a run, in order.
    pub fn hooks_at<'s>(&'s self, when: &'s When) -> impl Iterator<Item = &'s Hook> {
        self.hooks.iter().filter(move |hook| hook.when == *when)
    }

    fn found(&self, facts: &MoveFacts) -> impl Iterator<Item = Objection> {
        [self.switch(), self.window(facts), self.settling(facts), self.ceiling(facts)].into_iter().flatten()
    }

    fn switch(&self) -> Option<Objection> {
        let (reason, hint) = match self.promotions {
            Promotions::On => return None,
            Promotions::Off => (
                "promotions of this group are switched off",
                "set promotions: on in the group's safety rules",
            ),
            Promotions::OffEverywhere => (
                "promotions are switched off for the whole estate",
                "set promotions: on at the top of the config",
            ),
        };
        Some(Objection { rule: Rule::Promotions, reason: reason.to_owned(), hint: hint.to_owned() })
    }

    /// A rollback is not planned: its time is that of the move which it undoes.
    fn window(&self, facts: &MoveFacts) -> Option<Objection> {
        let is_inside = self.windows.is_empty() || self.windows.iter().any(|window| window.holds(facts.now));
        if is_inside || facts.kind == MoveKind::Rollback {
            return None;
        }
        let next = self
            .windows
            .iter()
            .filter_map(|window| Some((window.next_opening(facts.now)?, window)))
            .min_by_key(|(opens, _)| *opens);
        let hint = match next {
            Some((opens, window)) => {
                format!("wait for {}, or change the group's windows", window.zone.show(opens))
            }
            None => "change the group's windows: none of them ever opens".to_owned(),
        };
        let reason = format!("{:.0} lies in no window for planned moves", facts.now);
        Some(Objection { rule: Rule::Windows, reason, hint })
    }

    /// A rollback undoes the last promotion and does not add to the coming and going.
    fn settling(&self, facts: &MoveFacts) -> Option<Objection> {
        let last = facts.last_promotion.filter(|_| facts.kind != MoveKind::Rollback)?;
        // A promotion with a date to come was made by a clock that goes ahead of ours: it has just happened.
        let since = Duration::try_from(facts.now.duration_since(last)).unwrap_or_default();
        let remaining = self.settle.checked_sub(since).filter(|remaining| !remaining.is_zero())?;
        let reason = format!(
            "the group was promoted {} ago, at {last:.0}, and settles for {}",
            show(since),
            show(self.settle)
        );
        let hint = format!("wait {}, or run it again with --acknowledge {}", show(remaining), Rule::Settle);
        Some(Objection { rule: Rule::Settle, reason, hint })
    }

    fn ceiling(&self, facts: &MoveFacts) -> Option<Objection> {
        let ceiling = self.max_loss.filter(|_| facts.kind == MoveKind::Forced)?;
        let reason = match facts.loss {
            Loss::Known(loss) if loss > ceiling => {
                format!("the last {} would be lost, and the ceiling is {}", show(loss), show(ceiling))
            }
            Loss::Unknown => {
                format!("nobody can tell what would be lost, and the ceiling is {}", show(ceiling))
            }
            Loss::Known(_) | Loss::None => return None,
        };
        let hint = format!("look at the loss, then run it again with --acknowledge {}", Rule::MaxLoss);
        Some(Objection { rule: Rule::MaxLoss, reason, hint })
    }
}

/// Whether what a rule says is written down and holds nothing up.
fn is_set_aside(rule: Rule, facts: &MoveFacts) -> bool {
    match rule {
        Rule::Promotions => false,
        Rule::Windows => facts.kind == MoveKind::Forced,
        Rule::Settle | Rule::MaxLoss => facts.acknowledged.contains(&rule),
    }
}

impl Rule {
    /// All rules, each with its key in the config.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Promotions, "promotions"),
        (Self::Windows, "windows"),
        (Self::Settle, "settle"),
        (Self::MaxLoss, "max_loss"),
    ];

    /// The key in the config.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Promotions => "promotions",
            Self::Windows => "windows",
            Self::Settle => "settle",
            Self::MaxLoss => "max_loss",
        }
    }

    /// Whether an operator who has read its objection may go on. The others are satisfied by the config or by waiting.
    #[must_use]
    pub const fn can_be_acknowledged(self) -> bool {
        matches!(self, Self::Settle | Self::MaxLoss)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no rule which can be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a rule that can be acknowledged: settle or max_loss")]
pub struct NotAcknowledgeable {
    /// What was read.
    pub text: String,
}

impl FromStr for Rule {
    type Err = NotAcknowledgeable;

    fn from_str(text: &str) -> Result<Self, NotAcknowledgeable> {
        let found = Self::ALL.iter().find(|(rule, name)| *name == text && rule.can_be_acknowledged());
        found.map(|(rule, _)| *rule).ok_or_else(|| NotAcknowledgeable { text: text.to_owned() })
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.rule, self.reason, self.hint)
    }
}

/// A duration for people: `1h 30m`, to the second.
fn show(duration: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX));
    format!("{whole:#}")
}

#[cfg(test)]
mod tests;
