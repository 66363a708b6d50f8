//! The log of runs, kept in the state.

use async_trait::async_trait;
use sqlx::{Row, SqliteConnection};
use twinlake_workflow::{Appended, Event, Log, LogError, Recorded, Seq};

use crate::columns::{signed, timestamp, unsigned};
use crate::trouble::{Outcome, Trouble};
use crate::{Store, StoreError};

#[async_trait]
impl Log for Store {
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError> {
        self.write("appending to the log of a run", async |db| append(db, run, expected, event).await)
            .await
            .map_err(|error| log_error(run, error))
    }

    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError> {
        Store::read(self, "reading the log of a run", async |db| read(db, run).await)
            .map_err(|error| log_error(run, error))
    }

    async fn runs(&self) -> Result<Vec<String>, LogError> {
        Store::read(self, "listing runs", async |db| runs(db).await)
            .map_err(|error| log_error("(all)", error))
    }
}

async fn append(db: &mut SqliteConnection, run: &str, expected: Seq, event: &Event) -> Outcome<Appended> {
    let last: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM run_event WHERE run = ?")
        .bind(run)
        .fetch_one(&mut *db)
        .await?;
    let last = Seq(unsigned(last.unwrap_or(0))?);
    if last != expected {
        return Ok(Appended::Conflict { last });
    }
    sqlx::query("INSERT INTO run_event (run, seq, at, name, detail) VALUES (?, ?, ?, ?, ?)")
        .bind(run)
        .bind(signed(last.next().0)?)
        .bind(event.at.to_string())
        .bind(&event.name)
        .bind(event.detail.to_string())
        .execute(db)
        .await?;
    Ok(Appended::At(last.next()))
}

async fn read(db: &mut SqliteConnection, run: &str) -> Outcome<Vec<Recorded>> {
    let rows = sqlx::query("SELECT seq, at, name, detail FROM run_event WHERE run = ? ORDER BY seq")
        .bind(run)
        .fetch_all(db)
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    let mut last = Seq::START;
    for row in &rows {
        let seq = Seq(unsigned(row.try_get(0)?)?);
        if seq != last.next() {
            return Err(Trouble::Unreadable(format!("event {} of run {run} is missing", last.next())));
        }
        last = seq;
        let event = Event {
            at: timestamp(row.try_get(1)?)?,
            name: row.try_get(2)?,
            detail: serde_json::from_str(row.try_get(3)?)?,
        };
        events.push(Recorded { seq, event });
    }
    Ok(events)
}

async fn runs(db: &mut SqliteConnection) -> Outcome<Vec<String>> {
    let rows = sqlx::query("SELECT run, at FROM run_event WHERE seq = 1").fetch_all(db).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        runs.push((timestamp(row.try_get(1)?)?, row.try_get::<String, _>(0)?));
    }
    runs.sort();
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn log_error(run: &str, error: StoreError) -> LogError {
    let run = run.to_owned();
    match error {
        StoreError::Crashed(crashed) => LogError::Crashed(crashed),
        StoreError::Damaged { detail, .. } => LogError::Damaged { run, detail },
        StoreError::Lost { .. } => LogError::Unknown { run, source: Box::new(error) },
        other => LogError::Unavailable { run, source: Box::new(other) },
    }
}
