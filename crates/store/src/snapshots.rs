//! Snapshots: what a place had, as history. A tree of digests; a cycle in which nothing changed adds one short row.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection};
use twinlake_model::{Digest, KindName, Manifest, Place, Snapshot};

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
                snapshots.push(Snapshot {
                    place: place.clone(),
                    at: timestamp(row.try_get(1)?)?,
                    run: row.try_get::<&str, _>(2)?.into(),
                    manifests: manifests_of(db, row.try_get(0)?).await?,
                });
            }
            Ok(snapshots)
        })
    }
}

async fn manifests_of(db: &mut SqliteConnection, snapshot: i64) -> Outcome<BTreeMap<KindName, Digest>> {
    let rows = sqlx::query("SELECT kind, manifest FROM snapshot_manifest WHERE snapshot = ?")
        .bind(snapshot)
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Ok((row.try_get::<&str, _>(0)?.into(), digest(row.try_get(1)?)?))).collect()
}
