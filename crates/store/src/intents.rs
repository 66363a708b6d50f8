//! Intents: written before a request is sent, closed with what came of it.
//!
//! What a request changed and the closing of its intent are recorded in one transaction. So after a crash an intent is
//! either open, and a question to the target, or its effect is known.

use sqlx::{Row, SqliteConnection};
use twinlake_model::{AssetId, Base, Intent, Place, RemoteId};

use crate::bases::{put_bases, remove_base};
use crate::columns::{known_place, place_number};
use crate::pairs::{pair_all, unpair};
use crate::tombstones::clear_tombstone;
use crate::trouble::Outcome;
use crate::{Store, StoreError};

/// The number of an intent. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentId(i64);

impl Store {
    /// Records what is about to be sent. Send nothing before this has returned.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn open_intent(&self, intent: &Intent) -> Result<IntentId, StoreError> {
        self.write("recording an intent", async |db| {
            let target = place_number(db, &intent.target).await?;
            let number = sqlx::query_scalar("INSERT INTO intent (target, body) VALUES (?, ?) RETURNING id")
                .bind(target)
                .bind(serde_json::to_string(intent)?)
                .fetch_one(db)
                .await?;
            Ok(IntentId(number))
        })
        .await
    }

    /// Records that nothing is open any more: the request is known to have had its effect, or none.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`] when it was closed before; then nothing is changed.
    pub async fn close_intent(&self, intent: IntentId) -> Result<(), StoreError> {
        self.write("closing an intent", async |db| close(db, intent).await).await
    }

    /// Records what a create made: pairs the base's asset at its target, keeps the base and closes the intent, all or
    /// nothing. So there is no copy of which the base does not say where it came from.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`] when the intent was closed before; then nothing is paired.
    pub async fn record_created(
        &self,
        intent: IntentId,
        base: &Base,
        remote: &RemoteId,
    ) -> Result<(), StoreError> {
        self.write("recording a creation", async |db| {
            close(db, intent).await?;
            pair_all(db, &[(base.asset.clone(), base.target.clone(), remote.clone())]).await?;
            put_bases(db, std::slice::from_ref(base)).await
        })
        .await
    }

    /// Records that something which stands at the target already is an asset's copy: pairs it and keeps the base, both
    /// or neither.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn record_adopted(&self, base: &Base, remote: &RemoteId) -> Result<(), StoreError> {
        self.write("recording an adoption", async |db| {
            pair_all(db, &[(base.asset.clone(), base.target.clone(), remote.clone())]).await?;
            put_bases(db, std::slice::from_ref(base)).await
        })
        .await
    }

    /// Records what was sent: keeps the base and closes the intent, both or neither.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`] when the intent was closed before; then the base stays as it was.
    pub async fn record_applied(&self, intent: IntentId, base: &Base) -> Result<(), StoreError> {
        self.write("recording a change", async |db| {
            close(db, intent).await?;
            put_bases(db, std::slice::from_ref(base)).await
        })
        .await
    }

    /// Records a deletion: forgets the copy's id, its base and its tombstone and closes the intent, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`] when the intent was closed before; then nothing is forgotten.
    pub async fn record_deleted(
        &self,
        intent: IntentId,
        asset: &AssetId,
        source: &Place,
        target: &Place,
    ) -> Result<(), StoreError> {
        self.write("recording a deletion", async |db| {
            close(db, intent).await?;
            unpair(db, asset, target).await?;
            remove_base(db, asset, source, target).await?;
            clear_tombstone(db, asset, source).await
        })
        .await
    }

    /// The intents at a place whose effect is not known, oldest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn open_intents(&self, target: &Place) -> Result<Vec<(IntentId, Intent)>, StoreError> {
        self.read("loading open intents", async |db| {
            let Some(number) = known_place(db, target).await? else { return Ok(Vec::new()) };
            let rows = sqlx::query("SELECT id, body FROM intent WHERE target = ? ORDER BY id")
                .bind(number)
                .fetch_all(db)
                .await?;
            rows.iter()
                .map(|row| Ok((IntentId(row.try_get(0)?), serde_json::from_str(row.try_get(1)?)?)))
                .collect()
        })
    }
}

async fn close(db: &mut SqliteConnection, intent: IntentId) -> Outcome<()> {
    let closed = sqlx::query("DELETE FROM intent WHERE id = ?").bind(intent.0).execute(db).await?;
    match closed.rows_affected() {
        0 => Err(StoreError::NotOpen { what: "intent", number: intent.0 }.into()),
        _ => Ok(()),
    }
}
