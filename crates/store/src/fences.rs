//! Fences: how surely each place that is no longer primary is held back, per group.

use sqlx::Row;
use twinlake_model::{Fence, GroupName, Place};

use crate::columns::{known_place, place_number};
use crate::{Store, StoreError};

impl Store {
    /// Keeps a fence, in place of what was known of that group and place.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_fence(&self, fence: &Fence) -> Result<(), StoreError> {
        self.write("recording a fence", async |db| {
            let place = place_number(db, &fence.place).await?;
            sqlx::query("INSERT OR REPLACE INTO fence (group_name, place, body) VALUES (?, ?, ?)")
                .bind(fence.group.as_str())
                .bind(place)
                .bind(serde_json::to_string(fence)?)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// The fences of a group, in order of place.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn fences(&self, group: &GroupName) -> Result<Vec<Fence>, StoreError> {
        self.read("loading fences", async |db| {
            let rows = sqlx::query("SELECT body FROM fence WHERE group_name = ?")
                .bind(group.as_str())
                .fetch_all(db)
                .await?;
            let mut fences: Vec<Fence> = Vec::with_capacity(rows.len());
            for row in &rows {
                fences.push(serde_json::from_str(row.try_get(0)?)?);
            }
            fences.sort_by(|one, two| one.place.cmp(&two.place));
            Ok(fences)
        })
    }

    /// The fence of a group at a place. None: it never ceased to be primary there, or the fence was lifted.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn fence(&self, group: &GroupName, place: &Place) -> Result<Option<Fence>, StoreError> {
        self.read("loading a fence", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(None) };
            let body: Option<String> =
                sqlx::query_scalar("SELECT body FROM fence WHERE group_name = ? AND place = ?")
                    .bind(group.as_str())
                    .bind(number)
                    .fetch_optional(db)
                    .await?;
            Ok(body.as_deref().map(serde_json::from_str).transpose()?)
        })
    }

    /// Forgets a fence, because the place is primary again. One that is not there is no error.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn remove_fence(&self, group: &GroupName, place: &Place) -> Result<(), StoreError> {
        self.write("lifting a fence", async |db| {
            let Some(number) = known_place(db, place).await? else { return Ok(()) };
            sqlx::query("DELETE FROM fence WHERE group_name = ? AND place = ?")
                .bind(group.as_str())
                .bind(number)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }
}
