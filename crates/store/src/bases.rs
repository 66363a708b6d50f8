//! Bases: the third side of each diff, per asset and direction.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, SqliteConnection};
use twinlake_model::{AssetId, Base, Epoch, Place, Version};

use crate::columns::{Names, PlaceNumbers, ROWS_AT_ONCE, digest, known_place, signed, timestamp, unsigned};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

impl Store {
    /// All bases of one direction.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn bases(&self, source: &Place, target: &Place) -> Result<BTreeMap<AssetId, Base>, StoreError> {
        self.read("loading bases", async |db| {
            let (Some(from), Some(to)) = (known_place(db, source).await?, known_place(db, target).await?)
            else {
                return Ok(BTreeMap::new());
            };
            let rows = sqlx::query(
                "SELECT asset, source_version, sent, read_back, not_kept, mappings, epoch, run, applied_at FROM base \
                 WHERE source = ? AND target = ?",
            )
            .bind(from)
            .bind(to)
            .fetch_all(db)
            .await?;
            let mut names = Names::default();
            let mut bases = BTreeMap::new();
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
        self.write("recording bases", async |db| put_bases(db, bases).await).await
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

pub(crate) async fn put_bases(db: &mut SqliteConnection, bases: &[Base]) -> Outcome<()> {
    let mut places = PlaceNumbers::default();
    for some in bases.chunks(ROWS_AT_ONCE) {
        let mut rows = Vec::with_capacity(some.len());
        for base in some {
            rows.push(BaseRow {
                source: places.of(db, &base.source).await?,
                target: places.of(db, &base.target).await?,
                source_version: serde_json::to_string(&base.source_version)?,
                sent: serde_json::to_string(&base.sent)?,
                read_back: base.read_back.as_ref().map(serde_json::to_string).transpose()?,
                not_kept: serde_json::to_string(&base.not_kept)?,
                epoch: signed(base.epoch.0)?,
                base,
            });
        }
        QueryBuilder::new(
            "INSERT OR REPLACE INTO base \
             (source, target, asset, source_version, sent, read_back, not_kept, mappings, epoch, run, applied_at) ",
        )
        .push_values(rows, |mut values, row| {
            values
                .push_bind(row.source)
                .push_bind(row.target)
                .push_bind(row.base.asset.to_string())
                .push_bind(row.source_version)
                .push_bind(row.sent)
                .push_bind(row.read_back)
                .push_bind(row.not_kept)
                .push_bind(row.base.mappings.as_bytes().to_vec())
                .push_bind(row.epoch)
                .push_bind(row.base.run.as_str())
                .push_bind(row.base.applied_at.to_string());
        })
        .build()
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// A base with what had to be converted.
struct BaseRow<'a> {
    base: &'a Base,
    source: i64,
    target: i64,
    source_version: String,
    sent: String,
    read_back: Option<String>,
    not_kept: String,
    epoch: i64,
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
        not_kept: serde_json::from_str(row.try_get(4)?)?,
        mappings: digest(row.try_get(5)?)?,
        epoch: Epoch(unsigned(row.try_get(6)?)?),
        run: names.run(row.try_get(7)?),
        applied_at: timestamp(row.try_get(8)?)?,
    })
}

fn version(text: &str) -> Outcome<Version> {
    Ok(serde_json::from_str(text)?)
}
