//! Bases: the third side of each diff, per asset and direction.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use twinlake_model::{AssetId, Base, Epoch, Place, Version};

use crate::columns::{Names, known_place, place_number, signed, timestamp, unsigned};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

impl Store {
    /// All bases of one direction.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn bases(&self, source: &Place, target: &Place) -> Result<HashMap<AssetId, Base>, StoreError> {
        self.read("loading bases", async |db| {
            let (Some(from), Some(to)) = (known_place(db, source).await?, known_place(db, target).await?)
            else {
                return Ok(HashMap::new());
            };
            let rows = sqlx::query(
                "SELECT asset, source_version, sent, read_back, epoch, run, applied_at FROM base \
                 WHERE source = ? AND target = ?",
            )
            .bind(from)
            .bind(to)
            .fetch_all(db)
            .await?;
            let mut names = Names::default();
            let mut bases = HashMap::with_capacity(rows.len());
            for row in &rows {
                let base = base_in(row, &mut names, source, target)?;
                bases.insert(base.asset.clone(), base);
            }
            Ok(bases)
        })
    }

    /// Records what was done for one asset, in place of what was done before.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_base(&self, base: &Base) -> Result<(), StoreError> {
        self.put_bases(std::slice::from_ref(base)).await
    }

    /// Records what was done for many assets: all or none.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_bases(&self, bases: &[Base]) -> Result<(), StoreError> {
        self.write("recording bases", async |db| {
            for base in bases {
                put_base(db, base).await?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets what was done for an asset in one direction.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn remove_base(
        &self,
        asset: &AssetId,
        source: &Place,
        target: &Place,
    ) -> Result<(), StoreError> {
        self.write("removing a base", async |db| remove_base(db, asset, source, target).await).await
    }
}

pub(crate) async fn put_base(db: &mut SqliteConnection, base: &Base) -> Outcome<()> {
    let (source, target) = (place_number(db, &base.source).await?, place_number(db, &base.target).await?);
    let read_back = base.read_back.as_ref().map(serde_json::to_string).transpose()?;
    sqlx::query(
        "INSERT OR REPLACE INTO base \
         (source, target, asset, source_version, sent, read_back, epoch, run, applied_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(source)
    .bind(target)
    .bind(base.asset.to_string())
    .bind(serde_json::to_string(&base.source_version)?)
    .bind(serde_json::to_string(&base.sent)?)
    .bind(read_back)
    .bind(signed(base.epoch.0)?)
    .bind(base.run.as_str())
    .bind(base.applied_at.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn remove_base(
    db: &mut SqliteConnection,
    asset: &AssetId,
    source: &Place,
    target: &Place,
) -> Outcome<()> {
    if let (Some(from), Some(to)) = (known_place(db, source).await?, known_place(db, target).await?) {
        sqlx::query("DELETE FROM base WHERE source = ? AND target = ? AND asset = ?")
            .bind(from)
            .bind(to)
            .bind(asset.to_string())
            .execute(db)
            .await?;
    }
    Ok(())
}

fn base_in(row: &SqliteRow, names: &mut Names, source: &Place, target: &Place) -> Outcome<Base> {
    let read_back: Option<&str> = row.try_get(3)?;
    Ok(Base {
        asset: names.asset(row.try_get(0)?)?,
        source: source.clone(),
        target: target.clone(),
        source_version: version(row.try_get(1)?)?,
        sent: version(row.try_get(2)?)?,
        read_back: read_back.map(version).transpose()?,
        epoch: Epoch(unsigned(row.try_get(4)?)?),
        run: names.run(row.try_get(5)?),
        applied_at: timestamp(row.try_get(6)?)?,
    })
}

fn version(text: &str) -> Outcome<Version> {
    Ok(serde_json::from_str(text)?)
}
