//! Reading. A GET changes nothing, so it needs no permit and may be repeated within its budget.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::call::Core;
use crate::paging::{self, Complete, ListCall};
use crate::{Answer, Error, Policy};

/// Reads from one host. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pub(crate) core: Arc<Core>,
    pub(crate) policy: Policy,
}

impl Reader {
    /// The same reader with another patience.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { core: self.core.clone(), policy }
    }

    /// Reads one JSON document.
    ///
    /// # Errors
    /// As [`Reader::get`]; [`Error::Malformed`] if the answer is not JSON.
    pub async fn get_json(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Error> {
        self.get(path, query).await?.json()
    }

    /// Reads bytes as they are, for downloads.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub async fn get_bytes(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, Error> {
        Ok(self.core.read(&self.policy, path, query, true).await?.body)
    }

    /// Reads one answer with its headers.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::LoginPage`], [`Error::BudgetSpent`] when the host stays silent or busy.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Error> {
        self.core.read(&self.policy, path, query, false).await
    }

    /// Walks a list to its end, page by page, and hands each item to `on_item`.
    ///
    /// # Errors
    /// The first broken page, or the first error of `on_item`, ends the walk. What was handed out until then
    /// is not a listing.
    pub async fn walk(
        &self,
        list: &ListCall,
        on_item: &mut (dyn FnMut(Value) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        paging::walk(self, list, on_item).await
    }
}
