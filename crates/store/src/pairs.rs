//! The id map.

use sqlx::{QueryBuilder, Row, SqliteConnection};
use twinlake_model::{AssetId, IdMap, Place, RemoteId, SetName};

use crate::columns::{Names, PlaceNumbers, ROWS_AT_ONCE, known_place};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

/// The most that a search answers with.
const MOST_FOUND: i64 = 1000;

impl Store {
    /// All pairs of a workspace set.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn id_map(&self, set: &SetName) -> Result<IdMap, StoreError> {
        self.read("loading the id map", async |db| {
            let rows = sqlx::query(
                "SELECT pair.asset, place.site, pair.remote FROM pair JOIN place ON place.id = pair.place \
                 WHERE place.set_name = ?",
            )
            .bind(set.as_str())
            .fetch_all(db)
            .await?;
            let mut names = Names::default();
            let mut map = IdMap::default();
            for row in &rows {
                let asset = names.asset(row.try_get(0)?)?;
                let place = names.place_at(set, row.try_get(1)?);
                map.pair(asset, place, row.try_get::<&str, _>(2)?.into());
            }
            Ok(map)
        })
    }

    /// Records that `place` calls `asset` by `remote`. Whatever either was paired with there is forgotten, as in
    /// [`IdMap::pair`].
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn pair(&self, asset: &AssetId, place: &Place, remote: &RemoteId) -> Result<(), StoreError> {
        let pair = (asset.clone(), place.clone(), remote.clone());
        self.write("pairing an id", async |db| pair_all(db, &[pair]).await).await
    }

    /// Records many pairs at once: all or none.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn pair_all(&self, pairs: &[(AssetId, Place, RemoteId)]) -> Result<(), StoreError> {
        self.write("pairing ids", async |db| pair_all(db, pairs).await).await
    }

    /// Forgets what `place` calls `asset`.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn unpair(&self, asset: &AssetId, place: &Place) -> Result<(), StoreError> {
        self.write("unpairing an id", async |db| unpair(db, asset, place).await).await
    }

    /// The pairs whose asset or remote id is `text`, or whose asset's printed form contains it; at most a thousand,
    /// in order of asset. What people paste: a job's number at either site, a path, `job/prod@east/123`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn find_ids(&self, text: &str) -> Result<Vec<(AssetId, Place, RemoteId)>, StoreError> {
        self.read("searching the id map", async |db| {
            let rows = sqlx::query(
                "SELECT pair.asset, place.set_name, place.site, pair.remote \
                 FROM pair JOIN place ON place.id = pair.place \
                 WHERE pair.asset IN (SELECT asset FROM pair WHERE remote = ?1 OR instr(asset, ?1) > 0) \
                 ORDER BY pair.asset, place.site LIMIT ?2",
            )
            .bind(text)
            .bind(MOST_FOUND)
            .fetch_all(db)
            .await?;
            let mut names = Names::default();
            rows.iter()
                .map(|row| {
                    let place =
                        Place::new(row.try_get::<&str, _>(1)?.into(), row.try_get::<&str, _>(2)?.into());
                    Ok((names.asset(row.try_get(0)?)?, place, row.try_get::<&str, _>(3)?.into()))
                })
                .collect()
        })
    }
}

pub(crate) async fn pair_all(db: &mut SqliteConnection, pairs: &[(AssetId, Place, RemoteId)]) -> Outcome<()> {
    let mut places = PlaceNumbers::default();
    for some in pairs.chunks(ROWS_AT_ONCE) {
        let mut rows = Vec::with_capacity(some.len());
        for (asset, place, remote) in some {
            rows.push((asset, places.of(db, place).await?, remote));
        }
        // REPLACE removes the rows that stand in the way of either uniqueness, which is what the contract asks for.
        QueryBuilder::new("INSERT OR REPLACE INTO pair (asset, kind, place, remote) ")
            .push_values(rows, |mut row, (asset, place, remote)| {
                row.push_bind(asset.to_string())
                    .push_bind(asset.kind.as_str())
                    .push_bind(place)
                    .push_bind(remote.as_str());
            })
            .build()
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

pub(crate) async fn unpair(db: &mut SqliteConnection, asset: &AssetId, place: &Place) -> Outcome<()> {
    if let Some(number) = known_place(db, place).await? {
        sqlx::query("DELETE FROM pair WHERE asset = ? AND place = ?")
            .bind(asset.to_string())
            .bind(number)
            .execute(db)
            .await?;
    }
    Ok(())
}
