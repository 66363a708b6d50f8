//! Approvals and acknowledgements: who said yes to what. Added, never changed, never removed.

use sqlx::Row;
use twinlake_base::Timestamp;

use crate::columns::timestamp;
use crate::{Store, StoreError};

/// Somebody's yes. What it counts for, and how long, is decided by whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The digest of what was approved or acknowledged, as text: a plan, a divergence. Exactly this and nothing else.
    pub subject: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they wrote to it.
    pub note: Option<String>,
}

impl Store {
    /// Adds an approval.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        self.write("recording an approval", async |db| {
            sqlx::query("INSERT INTO approval (subject, by, at, note) VALUES (?, ?, ?, ?)")
                .bind(&approval.subject)
                .bind(&approval.by)
                .bind(approval.at.to_string())
                .bind(approval.note.as_deref())
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// The approvals of a subject, in the order in which they came. The same person may be among them twice.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn approvals(&self, subject: &str) -> Result<Vec<Approval>, StoreError> {
        self.read("loading approvals", async |db| {
            let rows =
                sqlx::query("SELECT subject, by, at, note FROM approval WHERE subject = ? ORDER BY id")
                    .bind(subject)
                    .fetch_all(db)
                    .await?;
            rows.iter()
                .map(|row| {
                    Ok(Approval {
                        subject: row.try_get(0)?,
                        by: row.try_get(1)?,
                        at: timestamp(row.try_get(2)?)?,
                        note: row.try_get(3)?,
                    })
                })
                .collect()
        })
    }
}
