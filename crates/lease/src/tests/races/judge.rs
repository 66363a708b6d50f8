//! What was noted in a race, and what a lease promises of it.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use twinlake_base::Instant;
use twinlake_model::Epoch;

use crate::Term;

/// A request that was permitted, by the true clock.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) by: String,
    pub(super) term: Term,
    /// When the permit was asked.
    pub(super) from: Instant,
    /// When its effect has ended at the latest: its deadline, and how long the sender stood still before it sent.
    pub(super) until: Instant,
}

/// What everybody noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) sent: Vec<Sent>,
    /// The terms that began, as their beginners were told.
    pub(super) begun: Vec<Term>,
    /// The terms that records speak of, at the end.
    pub(super) recorded: Vec<Term>,
    /// How often somebody did without the witness.
    pub(super) taken_over: usize,
    /// What must not be, as seen at the time.
    pub(super) broken: Vec<String>,
}

/// How much happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were permitted.
    pub(super) sent: usize,
    /// Changes of hands between two of them.
    pub(super) changes: usize,
    /// Terms that began.
    pub(super) begun: usize,
    /// Epochs that requests were sent in.
    pub(super) epochs: usize,
    /// Times that somebody did without the witness.
    pub(super) taken_over: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.changes += other.changes;
        self.begun += other.begun;
        self.epochs += other.epochs;
        self.taken_over += other.taken_over;
    }
}

impl Notes {
    /// All that was sent, told from the first one on: the same for the same race.
    pub(super) fn retold(&self) -> Vec<(String, Term, u128, u128)> {
        let origin = self.sent.iter().map(|sent| sent.from).min();
        let since = |at: Instant| origin.map_or(0, |origin| at.duration_since(origin).as_nanos());
        let tell = |sent: &Sent| (sent.by.clone(), sent.term.clone(), since(sent.from), since(sent.until));
        self.sent.iter().map(tell).collect()
    }
}

/// No two controllers' requests overlap, an epoch that has passed does not come back, an epoch begins once and has one
/// primary.
pub(super) fn judge(notes: &Notes) -> Result<Tally, String> {
    if let Some(broken) = notes.broken.first() {
        return Err(broken.clone());
    }
    let mut sent: Vec<&Sent> = notes.sent.iter().collect();
    sent.sort_by_key(|sent| sent.from);
    let mut changes = 0;
    // The one of all requests so far that ends last, and its sender.
    let mut last: Option<&Sent> = None;
    let mut epoch = Epoch(0);
    for now in &sent {
        if now.term.epoch < epoch {
            return Err(format!("epoch {epoch} had begun, and was left: {now:?}"));
        }
        epoch = now.term.epoch;
        match last.filter(|before| before.by != now.by) {
            Some(before) if before.until > now.from => {
                return Err(format!("two at once: {before:?} {now:?}"));
            }
            Some(_) => {
                changes += 1;
                last = Some(now);
            }
            None if last.is_none_or(|before| before.until < now.until) => last = Some(now),
            None => {}
        }
    }
    let epochs = primaries(notes)?;
    Ok(Tally { sent: sent.len(), changes, begun: notes.begun.len(), epochs, taken_over: notes.taken_over })
}

/// How many epochs anything was sent in; all that anybody said of an epoch agrees on its primary.
fn primaries(notes: &Notes) -> Result<usize, String> {
    let mut begun: Vec<Epoch> = notes.begun.iter().map(|term| term.epoch).collect();
    begun.sort();
    if let Some(twice) = begun.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("epoch {} began twice", twice[0]));
    }
    let mut primaries = BTreeMap::new();
    let sent = notes.sent.iter().map(|sent| &sent.term);
    for term in sent.clone().chain(&notes.begun).chain(&notes.recorded) {
        let known = primaries.entry(term.epoch).or_insert(&term.primary);
        if **known != term.primary {
            return Err(format!("epoch {} has two primaries: {known} and {}", term.epoch, term.primary));
        }
    }
    let mut epochs: Vec<Epoch> = sent.map(|term| term.epoch).collect();
    epochs.sort();
    epochs.dedup();
    Ok(epochs.len())
}
