//! Tombstones: what the source no longer has, and since when.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection};
use twinlake_model::{AssetId, Key, Place, Tombstone};

use crate::columns::{Names, known_place, place_number, timestamp};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

impl Store {
    /// What a place no longer has.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn tombstones(&self, source: &Place) -> Result<BTreeMap<AssetId, Tombstone>, StoreError> {
        self.read("loading tombstones", async |db| {
            let Some(number) = known_place(db, source).await? else { return Ok(BTreeMap::new()) };
            let rows = sqlx::query("SELECT asset, key, missing_since FROM tombstone WHERE source = ?")
                .bind(number)
                .fetch_all(db)
                .await?;
            let mut names = Names::default();
            rows.iter()
                .map(|row| {
                    let asset = names.asset(row.try_get(0)?)?;
                    let tombstone = Tombstone {
                        asset: asset.clone(),
                        key: Key::new(row.try_get::<&str, _>(1)?),
                        source: source.clone(),
                        missing_since: timestamp(row.try_get(2)?)?,
                    };
                    Ok((asset, tombstone))
                })
                .collect()
        })
    }

    /// Records that an asset is gone. One that stands already keeps its earlier date: a later look must not start the
    /// grace period anew.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_tombstone(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        self.write("recording a tombstone", async |db| {
            let source = place_number(db, &tombstone.source).await?;
            sqlx::query(
                "INSERT OR IGNORE INTO tombstone (source, asset, key, missing_since) VALUES (?, ?, ?, ?)",
            )
            .bind(source)
            .bind(tombstone.asset.to_string())
            .bind(tombstone.key.as_str())
            .bind(tombstone.missing_since.to_string())
            .execute(db)
            .await?;
            Ok(())
        })
        .await
    }

    /// Records that an asset is back.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn clear_tombstone(&self, asset: &AssetId, source: &Place) -> Result<(), StoreError> {
        self.write("clearing a tombstone", async |db| clear_tombstone(db, asset, source).await).await
    }
}

pub(crate) async fn clear_tombstone(
    db: &mut SqliteConnection,
    asset: &AssetId,
    source: &Place,
) -> Outcome<()> {
    if let Some(number) = known_place(db, source).await? {
        sqlx::query("DELETE FROM tombstone WHERE source = ? AND asset = ?")
            .bind(number)
            .bind(asset.to_string())
            .execute(db)
            .await?;
    }
    Ok(())
}
