//! On a bare machine: the newest state of all locations, and the runs that went on after it was shipped.

use std::fmt;
use std::path::{Path, PathBuf};

use twinlake_base::{Clock, Gate, Timestamp};
use twinlake_model::Digest;
use twinlake_store::{Draft, Store, StoreOptions};
use twinlake_workflow::{Appended, Log, LogError, Recorded, Seq};

use crate::error::Standing;
use crate::header::Opened;
use crate::reconcile::{Copies, after, compare, end};
use crate::search::{Candidate, Found, search};
use crate::shelf::{Shelf, is_crash};
use crate::{Key, Location, ObjectLog, VaultError};

/// Which state people want, where it is not simply the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The location's name.
    pub location: String,
    /// Which generation there. None: its newest.
    pub generation: Option<u64>,
}

/// How to recover.
#[derive(Clone, Debug)]
pub struct RecoverOptions {
    /// Which state. None: the newest of all, which is refused where the audit forks.
    pub choice: Option<Choice>,
    /// For the state that is made.
    pub clock: Clock,
    /// Asked at each write to the state that is made.
    pub gate: Gate,
}

/// A state that stands again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where it stands.
    pub path: PathBuf,
    /// Which location it came from.
    pub location: String,
    /// Its number there.
    pub generation: u64,
    /// When it was shipped.
    pub shipped_at: Timestamp,
    /// Who shipped it.
    pub shipped_by: String,
    /// How many rows its audit has.
    pub audit_rows: u64,
    /// The digest of the last of them.
    pub audit_head: Option<Digest>,
    /// The runs that were not in it, or had gone on, by name.
    pub runs: Vec<ImportedRun>,
    /// Everything that people should know about it. Not empty does not mean that it is wrong.
    pub remarks: Vec<Remark>,
}

/// A run whose events were taken over from the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRun {
    /// Which run.
    pub run: String,
    /// How many events were taken over.
    pub events: u64,
    /// From which location.
    pub location: String,
}

/// Something that was noticed while recovering, and did not stop it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// A location did not answer. It may hold something newer.
    Unreachable {
        /// Its name.
        location: String,
        /// Why.
        why: String,
    },
    /// A shipped state could not be used.
    PassedOver {
        /// Where.
        location: String,
        /// Which.
        generation: u64,
        /// Why, with the object's name.
        why: String,
    },
    /// A shipped state does not continue into the one that was chosen. It stays where it is.
    Forked {
        /// Where.
        location: String,
        /// Which.
        generation: u64,
        /// The row of the audit that differs.
        row: u64,
    },
    /// A shipped state had gone further than the one that was chosen.
    LeftOut {
        /// Where.
        location: String,
        /// Which.
        generation: u64,
        /// How many rows its audit has.
        rows: u64,
    },
    /// The audit was not whole when it was shipped. It is as it was.
    BrokenAudit {
        /// The first row that is not what was recorded.
        row: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The objects of a run are not what the recovered state has of it, or cannot be read. The state's are kept.
    Run {
        /// Which run, or all of a location.
        run: String,
        /// Where.
        location: String,
        /// What is wrong.
        why: String,
    },
}

/// Puts the newest state of all locations where none is, and takes over what the runs did after it was shipped.
///
/// Newest is the one with the longest audit; of equal ones the one that was shipped last. It is taken only as a whole:
/// its digest, its encryption, every page and every reference of the database, and its audit against what the
/// shipment says. One that fails is passed over and named.
///
/// Locations that do not answer are named, and do not stop it. An existing state is never touched.
///
/// # Errors
/// [`VaultError::Forked`] when a shipped state does not continue into the newest, and nobody chose;
/// [`VaultError::Nothing`]; when every state was passed over, the reason of the newest;
/// [`StoreError::Exists`](twinlake_store::StoreError::Exists) inside [`VaultError::Store`]. Then `into` is as it was.
pub async fn recover(
    locations: &[Location],
    key: &Key,
    into: &Path,
    options: RecoverOptions,
) -> Result<Recovered, VaultError> {
    if !key.can_open() {
        return Err(VaultError::NoIdentity);
    }
    let mut found = search(locations).await?;
    let mut first_error = found.unreadable.take();
    if found.candidates.is_empty() {
        return Err(first_error.unwrap_or_else(|| nothing(&found)));
    }
    require_choice(&found, options.choice.as_ref())?;
    let store_options = StoreOptions { clock: options.clock, gate: options.gate };
    let mut remarks = found.remarks.clone();
    for candidate in found.candidates.iter().filter(|one| one.is_chosen(options.choice.as_ref())) {
        let (opened, draft) = match open(candidate, key, into, &store_options).await {
            Ok(whole) => whole,
            Err(error) if is_crash(&error) || is_about_the_place(&error) => return Err(error),
            Err(error) => {
                remarks.push(Remark::PassedOver {
                    location: candidate.location.name.clone(),
                    generation: candidate.header.generation,
                    why: error.to_string(),
                });
                first_error.get_or_insert(error);
                continue;
            }
        };
        let completed = complete(&draft, candidate, &found, key, options.choice.is_some()).await;
        let (runs, noticed) = match completed {
            Ok(completed) => completed,
            Err(error) => {
                if !is_crash(&error) {
                    draft.discard()?;
                }
                return Err(error);
            }
        };
        draft.finish().await?;
        remarks.extend(noticed);
        let facts = &candidate.header.facts;
        return Ok(Recovered {
            path: into.to_owned(),
            location: candidate.location.name.clone(),
            generation: candidate.header.generation,
            shipped_at: facts.at,
            shipped_by: opened.by,
            audit_rows: facts.audit_rows,
            audit_head: facts.audit_head,
            runs,
            remarks,
        });
    }
    Err(first_error.unwrap_or_else(|| nothing(&found)))
}

fn require_choice(found: &Found<'_>, choice: Option<&Choice>) -> Result<(), VaultError> {
    match choice {
        Some(choice) if !found.candidates.iter().any(|one| one.is_chosen(Some(choice))) => {
            let there = found
                .candidates
                .iter()
                .map(|one| format!("generation {} at {}", one.header.generation, one.location.name));
            let wanted = match choice.generation {
                Some(generation) => format!("generation {generation} at {}", choice.location),
                None => choice.location.clone(),
            };
            Err(VaultError::NoSuchChoice { wanted, there: there.collect() })
        }
        _ => Ok(()),
    }
}

fn nothing(found: &Found<'_>) -> VaultError {
    VaultError::Nothing {
        looked: found.looked.iter().map(|location| location.name.clone()).collect(),
        unreachable: found.remarks.iter().map(ToString::to_string).collect(),
    }
}

/// What another candidate would meet as well.
const fn is_about_the_place(error: &VaultError) -> bool {
    use twinlake_store::StoreError::{Exists, Full, Io, Locked, NoFolder, ReadOnly};
    matches!(
        error,
        VaultError::Store(
            Exists { .. } | NoFolder { .. } | Io { .. } | Full { .. } | ReadOnly { .. } | Locked { .. }
        )
    )
}

/// Opens a shipped state and drafts it beside its place, checked whole.
async fn open(
    candidate: &Candidate<'_>,
    key: &Key,
    into: &Path,
    options: &StoreOptions,
) -> Result<(Opened, Draft), VaultError> {
    let generation = candidate.header.generation;
    let gone = || VaultError::Damaged {
        object: crate::names::state(generation),
        place: candidate.location.objects.place().to_owned(),
        detail: "it was listed and is gone".to_owned(),
    };
    let opened = Shelf(candidate.location).open(generation, key).await?.ok_or_else(gone)?;
    let draft = Store::draft(into, &opened.bytes, options.clone()).await?;
    let head = draft.store().audit_head().await;
    let facts = &candidate.header.facts;
    let expected = facts.audit_head.map(|head| (facts.audit_rows, head));
    match head {
        Ok(head) if head == expected => Ok((opened, draft)),
        Ok(_) => {
            draft.discard()?;
            Err(VaultError::Damaged {
                object: crate::names::state(generation),
                place: candidate.location.objects.place().to_owned(),
                detail: "its audit does not end as the shipment says".to_owned(),
            })
        }
        Err(error) => {
            draft.discard()?;
            Err(error.into())
        }
    }
}

/// Holds the draft against everything else that was found, and takes over what the runs did since.
async fn complete(
    draft: &Draft,
    chosen: &Candidate<'_>,
    found: &Found<'_>,
    key: &Key,
    people_chose: bool,
) -> Result<(Vec<ImportedRun>, Vec<Remark>), VaultError> {
    let mut remarks = Vec::new();
    if let Some(broken) = draft.store().verify_audit().await?.broken {
        remarks.push(Remark::BrokenAudit { row: broken.number, why: broken.why });
    }
    for other in &found.candidates {
        let Standing { location, generation, audit_rows: rows, .. } = other.standing();
        if rows > chosen.header.facts.audit_rows {
            remarks.push(Remark::LeftOut { location, generation, rows });
            continue;
        }
        let here = if rows == 0 { None } else { draft.store().audit_digest(rows).await? };
        if here == other.header.facts.audit_head {
            continue;
        }
        if !people_chose {
            let (one, other) = (Box::new(chosen.standing()), Box::new(other.standing()));
            return Err(VaultError::Forked { one, other, row: rows });
        }
        remarks.push(Remark::Forked { location, generation, row: rows });
    }
    let mut runs = Vec::new();
    for location in &found.looked {
        let log = ObjectLog::new(location.objects.clone(), key.clone())?;
        import(draft.store(), &log, location, &mut runs, &mut remarks).await?;
    }
    Ok((runs, remarks))
}

/// Takes over what a location knows of runs and the state does not.
async fn import(
    store: &Store,
    log: &ObjectLog,
    location: &Location,
    runs: &mut Vec<ImportedRun>,
    remarks: &mut Vec<Remark>,
) -> Result<(), VaultError> {
    let remark =
        |run: &str, why: String| Remark::Run { run: run.to_owned(), location: location.name.clone(), why };
    let lengths = match log.lengths().await {
        Ok(lengths) => lengths,
        Err(LogError::Crashed(crashed)) => return Err(crashed.into()),
        Err(error) => {
            remarks.push(remark("(all)", error.to_string()));
            return Ok(());
        }
    };
    for (run, length) in lengths {
        let here = Log::read(store, &run).await?;
        let there = match events(log, &run, length, &here).await {
            Ok(there) => there,
            Err(LogError::Crashed(crashed)) => return Err(crashed.into()),
            Err(error) => {
                remarks.push(remark(&run, error.to_string()));
                continue;
            }
        };
        match compare(&there, &here) {
            Copies::Same | Copies::SecondLonger(_) => {}
            Copies::Forked(seq) => {
                remarks.push(remark(&run, format!("event {seq} is not the one that the state has")));
            }
            Copies::FirstLonger(_) => {
                let events = take_over(store, &run, &there, end(&here)).await?;
                runs.push(ImportedRun { run, events, location: location.name.clone() });
            }
        }
    }
    Ok(())
}

/// The events of a run at a location. Where the state has as many or more, only the last of them is read: it stands
/// for those before it.
async fn events(
    log: &ObjectLog,
    run: &str,
    length: Seq,
    here: &[Recorded],
) -> Result<Vec<Recorded>, LogError> {
    if length > end(here) {
        return log.read(run).await;
    }
    let mut there: Vec<Recorded> =
        here.iter().take_while(|recorded| recorded.seq < length).cloned().collect();
    there.push(log.event(run, length).await?);
    Ok(there)
}

async fn take_over(store: &Store, run: &str, events: &[Recorded], mut last: Seq) -> Result<u64, VaultError> {
    let mut taken = 0;
    for recorded in after(events, last) {
        match store.append(run, last, &recorded.event).await? {
            Appended::At(seq) => (last, taken) = (seq, taken + 1),
            // Nobody else knows of the draft.
            Appended::Conflict { .. } => break,
        }
    }
    Ok(taken)
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { location, why } => {
                write!(f, "{location} was not reached, and may hold something newer: {why}")
            }
            Self::PassedOver { location, generation, why } => {
                write!(f, "generation {generation} at {location} was passed over: {why}")
            }
            Self::Forked { location, generation, row } => write!(
                f,
                "generation {generation} at {location} is another controller's: its audit differs at row {row}"
            ),
            Self::LeftOut { location, generation, rows } => {
                write!(
                    f,
                    "generation {generation} at {location} had gone further, to row {rows} of the audit"
                )
            }
            Self::BrokenAudit { row, why } => write!(f, "the audit is broken at row {row}: {why}"),
            Self::Run { run, location, why } => {
                write!(f, "run {run} at {location} was not taken over: {why}")
            }
        }
    }
}
