//! The audit: who did what, in a chain of digests.
//!
//! Each row's digest covers the row and the digest before it, so a row that was changed, removed or slipped in breaks
//! the chain from there on. The head is also kept apart, so that a tail that was cut off shows. A broken chain is
//! reported and never repaired: it goes on from where it stands, and the break stays visible.
//!
//! Whoever can write the file can also write a whole new chain; that shows only against a head kept elsewhere.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use twinlake_base::Timestamp;
use twinlake_model::Digest;

use crate::columns::{digest, signed, timestamp, unsigned};
use crate::trouble::{Outcome, Trouble};
use crate::{Store, StoreError};

const HEAD: &str = "audit_head";

/// Something that an auditor will ask about. No secrets, ever.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: a person, or the controller by its run.
    pub actor: String,
    /// What was done: `sync.applied`, `deletions.approved`.
    pub action: String,
    /// To what: a group, a place, an asset.
    pub subject: String,
    /// The rest, in the action's own shape.
    pub detail: Value,
}

/// An entry and its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub number: u64,
    /// What was recorded.
    pub entry: AuditEntry,
    /// The digest of this row and all before it.
    pub digest: Digest,
}

/// What a walk over the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// How many rows there are.
    pub rows: u64,
    /// The digest of the last row; None when there are none.
    pub head: Option<Digest>,
    /// The first row that is not what was recorded. None: the chain is whole.
    pub broken: Option<BrokenRow>,
}

/// Where a chain is not whole, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// The row's number.
    pub number: u64,
    /// What is wrong with it.
    pub why: String,
}

impl Store {
    /// Adds an entry to the end of the chain. Its digest vouches for everything before it.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn append_audit(&self, entry: &AuditEntry) -> Result<Digest, StoreError> {
        self.write("writing the audit", async |db| append(db, entry).await).await
    }

    /// Walks the chain from its first row and says where, if anywhere, it is not what was recorded.
    ///
    /// # Errors
    /// When the state cannot be read. A broken chain is not an error but the answer.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        self.read("verifying the audit", async |db| verify(db).await)
    }

    /// The digest of a row, which vouches for it and all rows before it. None: there is no such row.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn audit_digest(&self, number: u64) -> Result<Option<Digest>, StoreError> {
        self.read("reading the audit", async |db| {
            let found: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM audit WHERE number = ?")
                .bind(signed(number)?)
                .fetch_optional(db)
                .await?;
            found.as_deref().map(digest).transpose()
        })
    }

    /// How many rows the audit has, and the digest of the last one, without walking the chain.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn audit_head(&self) -> Result<Option<(u64, Digest)>, StoreError> {
        self.read("reading the audit", async |db| head(db).await)
    }

    /// The newest entries, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.read("reading the audit", async |db| {
            let rows = sqlx::query(
                "SELECT number, at, actor, action, subject, detail, previous, digest FROM audit \
                 ORDER BY number DESC LIMIT ?",
            )
            .bind(limit)
            .fetch_all(db)
            .await?;
            rows.iter()
                .map(|row| {
                    let link = Link::of(row)?;
                    let entry = AuditEntry {
                        at: timestamp(&link.at)?,
                        actor: link.actor,
                        action: link.action,
                        subject: link.subject,
                        detail: serde_json::from_str(&link.detail)?,
                    };
                    Ok(AuditRow { number: link.number, entry, digest: link.digest })
                })
                .collect()
        })
    }
}

/// The number and digest of the last row.
pub(crate) async fn head(db: &mut SqliteConnection) -> Outcome<Option<(u64, Digest)>> {
    let row = sqlx::query("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok((unsigned(row.try_get(0)?)?, digest(row.try_get(1)?)?))).transpose()
}

async fn append(db: &mut SqliteConnection, entry: &AuditEntry) -> Outcome<Digest> {
    let last = head(db).await?.unwrap_or((0, origin()));
    // After a tail was cut off, the chain goes on from the head that was lost, so that the gap stays visible.
    let (last_number, previous) = match kept_head(db).await? {
        Some(head) if head.0 > last.0 => head,
        _ => last,
    };
    let mut link = Link {
        number: last_number + 1,
        at: entry.at.to_string(),
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        subject: entry.subject.clone(),
        detail: entry.detail.to_string(),
        previous,
        digest: previous,
    };
    link.digest = link.expected();
    sqlx::query(
        "INSERT INTO audit (number, at, actor, action, subject, detail, previous, digest) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed(link.number)?)
    .bind(&link.at)
    .bind(&link.actor)
    .bind(&link.action)
    .bind(&link.subject)
    .bind(&link.detail)
    .bind(link.previous.as_bytes().as_slice())
    .bind(link.digest.as_bytes().as_slice())
    .execute(&mut *db)
    .await?;
    sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
        .bind(HEAD)
        .bind(format!("{} {}", link.number, link.digest))
        .execute(db)
        .await?;
    Ok(link.digest)
}

async fn verify(db: &mut SqliteConnection) -> Outcome<AuditReport> {
    let kept = kept_head(db).await?.unwrap_or((0, origin()));
    let rows = sqlx::query(
        "SELECT number, at, actor, action, subject, detail, previous, digest FROM audit ORDER BY number",
    )
    .fetch_all(db)
    .await?;
    let mut report = AuditReport { rows: rows.len() as u64, head: None, broken: None };
    let mut before = (0, origin());
    for row in &rows {
        let link = Link::of(row)?;
        report.head = Some(link.digest);
        if report.broken.is_none() {
            report.broken = link.fault(before).map(|why| BrokenRow { number: link.number, why });
        }
        before = (link.number, link.digest);
    }
    if report.broken.is_none() && kept != before {
        let why = format!("it should be the last of {} rows: the end of the chain was changed", kept.0);
        report.broken = Some(BrokenRow { number: before.0, why });
    }
    Ok(report)
}

/// The number and digest of the row that was recorded last.
async fn kept_head(db: &mut SqliteConnection) -> Outcome<Option<(u64, Digest)>> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT value FROM meta WHERE key = ?").bind(HEAD).fetch_optional(db).await?;
    let Some((number, digest)) = text.as_deref().and_then(|text| text.split_once(' ')) else {
        return Ok(None);
    };
    match number.parse() {
        Ok(number) => Ok(Some((number, digest.parse()?))),
        Err(_) => Err(Trouble::Unreadable(format!("{number:?} is not the number of a row"))),
    }
}

/// One row as it stands, every value as text so that what was hashed can be hashed again.
struct Link {
    number: u64,
    at: String,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    previous: Digest,
    digest: Digest,
}

impl Link {
    fn of(row: &SqliteRow) -> Outcome<Self> {
        Ok(Self {
            number: unsigned(row.try_get(0)?)?,
            at: row.try_get(1)?,
            actor: row.try_get(2)?,
            action: row.try_get(3)?,
            subject: row.try_get(4)?,
            detail: row.try_get(5)?,
            previous: digest(row.try_get(6)?)?,
            digest: digest(row.try_get(7)?)?,
        })
    }

    /// The digest that this row must have. A JSON array, so that no two rows print the same.
    fn expected(&self) -> Digest {
        let values = serde_json::json!([
            self.number,
            self.at,
            self.actor,
            self.action,
            self.subject,
            self.detail,
            self.previous
        ]);
        Digest::of(values.to_string().as_bytes())
    }

    fn fault(&self, (number, digest): (u64, Digest)) -> Option<String> {
        if self.number != number + 1 {
            return Some(format!("it follows row {number}: rows between them are missing"));
        }
        if self.previous != digest {
            return Some(format!("it does not continue row {number}: the chain forks here"));
        }
        (self.digest != self.expected()).then(|| "it was changed after it was recorded".to_owned())
    }
}

/// What the first row continues.
fn origin() -> Digest {
    Digest::from_bytes([0; 32])
}
