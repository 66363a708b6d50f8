//! The schema, as numbered steps that are applied once, in order, and never changed afterwards.
//!
//! Each applied step is recorded with the digest of its text, so that a file that went another way is noticed.

use sqlx::{Connection, Row, SqliteConnection};
use twinlake_base::Timestamp;
use twinlake_model::Digest;

/// One step.
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    sql: &'static str,
}

/// All steps, oldest first.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "state", sql: include_str!("../migrations/0001_state.sql") },
    Migration { number: 2, name: "run_log", sql: include_str!("../migrations/0002_run_log.sql") },
    Migration { number: 3, name: "moves", sql: include_str!("../migrations/0003_moves.sql") },
];

/// Marks a file as ours in SQLite's own header ("TWLK").
pub(crate) const APPLICATION_ID: i64 = 0x5457_4c4b;

/// Where a file stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing in it yet.
    Empty,
    /// Ours, with this many of our steps applied.
    Ours { applied: usize },
    /// Written by a program that knows more steps than this one.
    Newer { found: i64 },
    /// A step was applied in another wording than ours.
    Altered { number: i64 },
    /// Another program's.
    Foreign,
}

/// The newest schema that this program knows.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// The schema of a file in which this many steps are taken.
pub(crate) fn number_of(applied: usize) -> i64 {
    MIGRATIONS.get(..applied).and_then(<[_]>::last).map_or(0, |migration| migration.number)
}

/// Looks without touching.
pub(crate) async fn standing(db: &mut SqliteConnection) -> Result<Standing, sqlx::Error> {
    let application_id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *db).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *db).await?;
    match (application_id, tables) {
        (0, 0) => return Ok(Standing::Empty),
        (APPLICATION_ID, 1..) => {}
        _ => return Ok(Standing::Foreign),
    }
    let applied =
        sqlx::query("SELECT number, digest FROM migration ORDER BY number").fetch_all(&mut *db).await?;
    let mut last = 0;
    for row in &applied {
        last = row.try_get(0)?;
    }
    if last > newest() {
        return Ok(Standing::Newer { found: last });
    }
    for (row, known) in applied.iter().zip(MIGRATIONS) {
        let (number, digest): (i64, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        if number != known.number || known.digest().as_bytes() != digest {
            return Ok(Standing::Altered { number });
        }
    }
    Ok(Standing::Ours { applied: applied.len() })
}

/// Takes the steps after the first `applied` ones, in one transaction.
pub(crate) async fn migrate(
    db: &mut SqliteConnection,
    applied: usize,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let pending = MIGRATIONS.get(applied..).unwrap_or_default();
    if pending.is_empty() {
        return Ok(());
    }
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    if applied == 0 {
        sqlx::raw_sql(FIRST).execute(&mut *transaction).await?;
    }
    for migration in pending {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO migration (number, name, digest, applied_at) VALUES (?, ?, ?, ?)")
            .bind(migration.number)
            .bind(migration.name)
            .bind(migration.digest().as_bytes().as_slice())
            .bind(now.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

// 1415007307 is APPLICATION_ID; a test holds that they agree.
const FIRST: &str = "
    PRAGMA application_id = 1415007307;
    CREATE TABLE migration (
        number     INTEGER PRIMARY KEY,
        name       TEXT NOT NULL,
        digest     BLOB NOT NULL,
        applied_at TEXT NOT NULL
    ) STRICT;
";

impl Migration {
    fn digest(&self) -> Digest {
        Digest::of(self.sql.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_from_one_without_gaps() {
        for (expected, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.number, expected, "{}", migration.name);
        }
    }

    #[test]
    fn the_mark_in_the_header_is_the_one_we_look_for() {
        assert!(FIRST.contains(&format!("application_id = {APPLICATION_ID};")));
    }
}
