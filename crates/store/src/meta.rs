//! A few facts about the estate that the state belongs to.

use crate::{Store, StoreError};

impl Store {
    /// The value of a fact: `estate`, the name of the estate in the config that made this state.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read("reading a fact", async |db| {
            Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
                .bind(key)
                .fetch_optional(db)
                .await?)
        })
    }

    /// Sets a fact.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.write("recording a fact", async |db| {
            sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
                .bind(key)
                .bind(value)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }
}
