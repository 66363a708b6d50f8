//! Cycles: when each one ran, what came of it, and the verdicts of the latest.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use twinlake_base::Timestamp;
use twinlake_model::{GroupName, Outcome, Place, RunId};

use crate::blobs::{pack, unpack};
use crate::columns::{known_place, place_number, place_of, timestamp, unsigned};
use crate::trouble;
use crate::{Store, StoreError};

/// The number of a cycle. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CycleId(i64);

/// One pass of one workspace set, from a source to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The run it belongs to. A run has one cycle per workspace set.
    pub run: RunId,
    /// The group.
    pub group: GroupName,
    /// Where it read.
    pub source: Place,
    /// Where it wrote.
    pub target: Place,
    /// When it began.
    pub started_at: Timestamp,
}

/// How a cycle ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleEnd {
    /// When.
    pub ended_at: Timestamp,
    /// Whether every verdict counts as complete.
    pub complete: bool,
    /// Counts and times for people, in the shape of whoever writes them.
    pub summary: serde_json::Value,
}

/// A cycle of the past, or the present one.
#[derive(Clone, Debug, PartialEq)]
pub struct PastCycle {
    /// Its number.
    pub id: CycleId,
    /// What it was.
    pub cycle: Cycle,
    /// How it ended. None: it runs, or was interrupted.
    pub end: Option<CycleEnd>,
}

impl Store {
    /// Records that a cycle begins.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn begin_cycle(&self, cycle: &Cycle) -> Result<CycleId, StoreError> {
        self.write("beginning a cycle", async |db| {
            let (source, target) =
                (place_number(db, &cycle.source).await?, place_number(db, &cycle.target).await?);
            let number = sqlx::query_scalar(
                "INSERT INTO cycle (run, group_name, source, target, started_at) \
                 VALUES (?, ?, ?, ?, ?) RETURNING id",
            )
            .bind(cycle.run.as_str())
            .bind(cycle.group.as_str())
            .bind(source)
            .bind(target)
            .bind(cycle.started_at.to_string())
            .fetch_one(db)
            .await?;
            Ok(CycleId(number))
        })
        .await
    }

    /// Records how a cycle ended, and its verdicts in place of the former ones of its group
    /// and direction: both or neither.
    ///
    /// # Errors
    /// [`StoreError::NotOpen`] when it has ended before; then nothing is changed.
    pub async fn end_cycle(
        &self,
        id: CycleId,
        end: &CycleEnd,
        outcomes: &[Outcome],
    ) -> Result<(), StoreError> {
        self.write("ending a cycle", async |db| {
            let (size, zstd) = pack(&serde_json::to_vec(outcomes)?)?;
            let ended = sqlx::query(
                "UPDATE cycle SET ended_at = ?, complete = ?, summary = ? WHERE id = ? AND ended_at IS NULL",
            )
            .bind(end.ended_at.to_string())
            .bind(end.complete)
            .bind(end.summary.to_string())
            .bind(id.0)
            .execute(&mut *db)
            .await?;
            if ended.rows_affected() == 0 {
                return Err(StoreError::NotOpen { what: "cycle", number: id.0 }.into());
            }
            sqlx::query(
                "INSERT OR REPLACE INTO outcomes (group_name, source, target, cycle, size, zstd) \
                 SELECT group_name, source, target, id, ?, ? FROM cycle WHERE id = ?",
            )
            .bind(size)
            .bind(zstd)
            .bind(id.0)
            .execute(db)
            .await?;
            Ok(())
        })
        .await
    }

    /// The cycle of a direction that began last, ended or not.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn last_cycle(&self, source: &Place, target: &Place) -> Result<Option<PastCycle>, StoreError> {
        Ok(self.cycles(source, target, 1).await?.pop())
    }

    /// The cycles of a direction, newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn cycles(
        &self,
        source: &Place,
        target: &Place,
        limit: u32,
    ) -> Result<Vec<PastCycle>, StoreError> {
        self.read("loading cycles", async |db| {
            let (Some(from), Some(to)) = (known_place(db, source).await?, known_place(db, target).await?)
            else {
                return Ok(Vec::new());
            };
            let rows = sqlx::query(
                "SELECT id, run, group_name, source, target, started_at, ended_at, complete, summary \
                 FROM cycle WHERE source = ? AND target = ? ORDER BY id DESC LIMIT ?",
            )
            .bind(from)
            .bind(to)
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
            let mut cycles = Vec::with_capacity(rows.len());
            for row in &rows {
                cycles.push(past_cycle(db, row).await?);
            }
            Ok(cycles)
        })
    }

    /// The verdicts of a group's cycle in a direction that ended last; none before the first. Another group's cycles
    /// between the same places have verdicts of their own.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn outcomes(
        &self,
        group: &GroupName,
        source: &Place,
        target: &Place,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.read("loading verdicts", async |db| {
            let (Some(from), Some(to)) = (known_place(db, source).await?, known_place(db, target).await?)
            else {
                return Ok(Vec::new());
            };
            let row = sqlx::query(
                "SELECT size, zstd FROM outcomes WHERE group_name = ? AND source = ? AND target = ?",
            )
            .bind(group.as_str())
            .bind(from)
            .bind(to)
            .fetch_optional(db)
            .await?;
            let Some(row) = row else { return Ok(Vec::new()) };
            let bytes = unpack(row.try_get(1)?, unsigned(row.try_get(0)?)?)?;
            Ok(serde_json::from_slice(&bytes)?)
        })
    }
}

async fn past_cycle(db: &mut SqliteConnection, row: &SqliteRow) -> trouble::Outcome<PastCycle> {
    let ended_at: Option<&str> = row.try_get(6)?;
    let end = match ended_at {
        None => None,
        Some(ended_at) => Some(CycleEnd {
            ended_at: timestamp(ended_at)?,
            complete: row.try_get(7)?,
            summary: serde_json::from_str(row.try_get(8)?)?,
        }),
    };
    let cycle = Cycle {
        run: row.try_get::<&str, _>(1)?.into(),
        group: row.try_get::<&str, _>(2)?.into(),
        source: place_of(db, row.try_get(3)?).await?,
        target: place_of(db, row.try_get(4)?).await?,
        started_at: timestamp(row.try_get(5)?)?,
    };
    Ok(PastCycle { id: CycleId(row.try_get(0)?), cycle, end })
}
