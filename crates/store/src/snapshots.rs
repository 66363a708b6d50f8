//! Snapshots: what a place had, as history. A tree of digests; a cycle in which nothing changed adds one short row.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use twinlake_model::{Digest, KindName, Manifest, Place, RunId, Snapshot};

use crate::columns::{digest, known_place, place_number, timestamp};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

impl Store {
    /// Keeps a manifest. The documents it names are the caller's to keep, before.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<Digest, StoreError> {
        let text = serde_json::to_vec(manifest)
            .map_err(|error| crate::trouble::Trouble::from(error).about("keeping a manifest", self.path()))?;
        self.put_blob(&text).await
    }

    /// The manifest of a digest.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`].
    pub async fn manifest(&self, digest: Digest) -> Result<Manifest, StoreError> {
        let bytes = self.get(digest, "manifest")?;
        serde_json::from_slice(&bytes).map_err(|error| self.damaged(digest, error.to_string()))
    }

    /// Keeps a snapshot as the newest of its place.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] when a manifest of it is not kept; then the snapshot is not either.
    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let manifests: Vec<Digest> = snapshot.manifests.values().copied().collect();
        if let Some(missing) = self.missing_blobs(&manifests).await?.first() {
            return Err(StoreError::MissingBlob { what: "manifest", digest: *missing });
        }
        self.write("keeping a snapshot", async |db| {
            let place = place_number(db, &snapshot.place).await?;
            let number: i64 =
                sqlx::query_scalar("INSERT INTO snapshot (place, at, run) VALUES (?, ?, ?) RETURNING id")
                    .bind(place)
                    .bind(snapshot.at.to_string())
                    .bind(snapshot.run.as_str())
                    .fetch_one(&mut *db)
                    .await?;
            for (kind, manifest) in &snapshot.manifests {
                sqlx::query("INSERT INTO snapshot_manifest (snapshot, kind, manifest) VALUES (?, ?, ?)")
                    .bind(number)
                    .bind(kind.as_str())
                    .bind(manifest.as_bytes().as_slice())
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// The snapshot that was kept last.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn latest_snapshot(&self, place: &Place) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.snapshots(place, 1).await?.pop())
    }

    /// The snapshots of a place, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn snapshots(&self, place: &Place, limit: u32) -> Result<Vec<Snapshot>, StoreError> {
        self.read("loading snapshots", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(Vec::new()) };
            let rows =
                sqlx::query("SELECT id, at, run FROM snapshot WHERE place = ? ORDER BY id DESC LIMIT ?")
                    .bind(number)
                    .bind(limit)
                    .fetch_all(&mut *db)
                    .await?;
            let mut snapshots = Vec::with_capacity(rows.len());
            for row in &rows {
                snapshots.push(snapshot_of(db, place, row).await?);
            }
            Ok(snapshots)
        })
    }

    /// The snapshot of a place that a run made; its newest one where it made several.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn snapshot(&self, place: &Place, run: &RunId) -> Result<Option<Snapshot>, StoreError> {
        self.read("loading a snapshot", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(None) };
            let row = sqlx::query(
                "SELECT id, at, run FROM snapshot WHERE place = ? AND run = ? ORDER BY id DESC LIMIT 1",
            )
            .bind(number)
            .bind(run.as_str())
            .fetch_optional(&mut *db)
            .await?;
            match row {
                Some(row) => Ok(Some(snapshot_of(db, place, &row).await?)),
                None => Ok(None),
            }
        })
    }

    /// Keeps the newest snapshot of a place for a run, for good: nothing that clears away history removes it, and
    /// what is kept later does not take its place. Where the run has pinned one of that place before, that one stays
    /// and is given. None: the place has no snapshot.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn pin_latest_snapshot(
        &self,
        place: &Place,
        by: &RunId,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.write("pinning a snapshot", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(None) };
            sqlx::query(
                "INSERT OR IGNORE INTO snapshot_pin (run, place, snapshot) \
                 SELECT ?, place, id FROM snapshot WHERE place = ? ORDER BY id DESC LIMIT 1",
            )
            .bind(by.as_str())
            .bind(number)
            .execute(&mut *db)
            .await?;
            pinned(db, place, number, by).await
        })
        .await
    }

    /// The snapshot of a place that a run has pinned.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn pinned_snapshot(&self, place: &Place, by: &RunId) -> Result<Option<Snapshot>, StoreError> {
        self.read("loading a pinned snapshot", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(None) };
            pinned(db, place, number, by).await
        })
    }
}

async fn pinned(
    db: &mut SqliteConnection,
    place: &Place,
    number: i64,
    by: &RunId,
) -> Outcome<Option<Snapshot>> {
    let row = sqlx::query(
        "SELECT snapshot.id, snapshot.at, snapshot.run FROM snapshot_pin \
         JOIN snapshot ON snapshot.id = snapshot_pin.snapshot \
         WHERE snapshot_pin.run = ? AND snapshot_pin.place = ?",
    )
    .bind(by.as_str())
    .bind(number)
    .fetch_optional(&mut *db)
    .await?;
    match row {
        Some(row) => Ok(Some(snapshot_of(db, place, &row).await?)),
        None => Ok(None),
    }
}

/// The snapshot of a row of id, at, run.
async fn snapshot_of(db: &mut SqliteConnection, place: &Place, row: &SqliteRow) -> Outcome<Snapshot> {
    Ok(Snapshot {
        place: place.clone(),
        at: timestamp(row.try_get(1)?)?,
        run: row.try_get::<&str, _>(2)?.into(),
        manifests: manifests_of(db, row.try_get(0)?).await?,
    })
}

async fn manifests_of(db: &mut SqliteConnection, snapshot: i64) -> Outcome<BTreeMap<KindName, Digest>> {
    let rows = sqlx::query("SELECT kind, manifest FROM snapshot_manifest WHERE snapshot = ?")
        .bind(snapshot)
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Ok((row.try_get::<&str, _>(0)?.into(), digest(row.try_get(1)?)?))).collect()
}
