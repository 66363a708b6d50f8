//! The ledger of runs: what ran at a place, as it was last seen, and up to when the place was asked.

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};
use twinlake_base::Timestamp;
use twinlake_model::{Place, SeenRun};

use crate::columns::{PlaceNumbers, ROWS_AT_ONCE, known_place, moment, place_number};
use crate::trouble::Outcome;
use crate::{Store, StoreError};

impl Store {
    /// Keeps what was seen to run, and that `place` was asked up to `until`: all or nothing. A run that is known
    /// (same place, activity and id) takes the newer look's values; an older look changes nothing, and `until` never
    /// goes back. An empty list is an answer, too: nothing ran.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_seen_runs(
        &self,
        place: &Place,
        until: Timestamp,
        runs: &[SeenRun],
    ) -> Result<(), StoreError> {
        self.write("recording what runs", async |db| {
            let number = place_number(db, place).await?;
            sqlx::query(
                "INSERT INTO ledger_look (place, until_us) VALUES (?, ?) \
                 ON CONFLICT (place) DO UPDATE SET until_us = max(until_us, excluded.until_us)",
            )
            .bind(number)
            .bind(until.as_microsecond())
            .execute(&mut *db)
            .await?;
            let mut places = PlaceNumbers::default();
            for some in runs.chunks(ROWS_AT_ONCE) {
                let mut rows = Vec::with_capacity(some.len());
                for run in some {
                    rows.push((places.of(db, &run.place).await?, run, serde_json::to_string(run)?));
                }
                QueryBuilder::new(
                    "INSERT INTO seen_run (place, activity, id, began_us, ended_us, seen_us, body) ",
                )
                .push_values(&rows, |mut row, (place, run, body)| {
                    row.push_bind(*place)
                        .push_bind(run.activity.as_str())
                        .push_bind(run.id.as_str())
                        .push_bind(run.began_at.as_microsecond())
                        .push_bind(run.ended_at.map(Timestamp::as_microsecond))
                        .push_bind(run.seen_at.as_microsecond())
                        .push_bind(body.as_str());
                })
                .push(
                    " ON CONFLICT (place, activity, id) DO UPDATE SET began_us = excluded.began_us, \
                     ended_us = excluded.ended_us, seen_us = excluded.seen_us, body = excluded.body \
                     WHERE excluded.seen_us >= seen_us",
                )
                .build()
                .execute(&mut *db)
                .await?;
            }
            Ok(())
        })
        .await
    }

    /// What ran at a place at `since` or later, as far as it was seen: what ended then or later, and what had not
    /// ended when it was last seen. All of it without `since`. In order of beginning.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn seen_runs(
        &self,
        place: &Place,
        since: Option<Timestamp>,
    ) -> Result<Vec<SeenRun>, StoreError> {
        self.read("loading what ran", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(Vec::new()) };
            let rows = sqlx::query(
                "SELECT body FROM seen_run WHERE place = ? AND (ended_us IS NULL OR ended_us >= ?) \
                 ORDER BY began_us, activity, id",
            )
            .bind(number)
            .bind(since.map_or(i64::MIN, Timestamp::as_microsecond))
            .fetch_all(db)
            .await?;
            rows.iter().map(seen_run).collect()
        })
    }

    /// What had not ended at a place when it was last seen: at a place that is lost, what `may have run`. In order of
    /// beginning.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn active_runs(&self, place: &Place) -> Result<Vec<SeenRun>, StoreError> {
        self.read("loading what runs", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(Vec::new()) };
            let rows = sqlx::query(
                "SELECT body FROM seen_run WHERE place = ? AND ended_us IS NULL \
                 ORDER BY began_us, activity, id",
            )
            .bind(number)
            .fetch_all(db)
            .await?;
            rows.iter().map(seen_run).collect()
        })
    }

    /// Up to when a place was asked what ran there. None: never.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn last_ledger_look(&self, place: &Place) -> Result<Option<Timestamp>, StoreError> {
        self.read("reading when the ledger was kept last", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(None) };
            let until: Option<i64> = sqlx::query_scalar("SELECT until_us FROM ledger_look WHERE place = ?")
                .bind(number)
                .fetch_optional(db)
                .await?;
            until.map(moment).transpose()
        })
    }

    /// Forgets what ended at a place before `before`, so that the ledger does not grow for ever. What had not ended
    /// stays. Says how many were forgotten.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn forget_seen_runs(&self, place: &Place, before: Timestamp) -> Result<u64, StoreError> {
        self.write("forgetting what ran long ago", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(0) };
            let gone = sqlx::query("DELETE FROM seen_run WHERE place = ? AND ended_us < ?")
                .bind(number)
                .bind(before.as_microsecond())
                .execute(db)
                .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}

fn seen_run(row: &SqliteRow) -> Outcome<SeenRun> {
    Ok(serde_json::from_str(row.try_get(0)?)?)
}
