//! Where a group stands now: its epoch, and the site that is primary in it.
//!
//! The config's `primary` is where a group began. The witness knows where it is; what the witness said last is kept in
//! the state, so that `status` answers when the witness does not.

use serde::Serialize;
use twinlake_lease::Term;
use twinlake_model::{Epoch, FailoverGroup, SiteId};
use twinlake_store::Store;

use crate::tenure::Ground;
use crate::{ControllerError, House};

/// A term, and how we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownTerm {
    /// The term. Epoch 0: nobody has taken the group's lease yet.
    #[serde(flatten)]
    pub term: Term,
    /// Why the witness was not believed, where it could not be asked: what is said is then what was known last.
    pub witness_silent: Option<String>,
}

/// Where a group begins.
fn first(group: &FailoverGroup) -> Term {
    Term { epoch: Epoch::default(), primary: group.primary.clone() }
}

/// The group's sites that are not primary: the config's primary first, if it is one of them.
pub(crate) fn standbys(term: &Term, group: &FailoverGroup) -> Vec<SiteId> {
    group.sites().filter(|site| **site != term.primary).cloned().collect()
}

/// Where a group stands, by its witness; if that cannot be asked, by what it said last.
///
/// # Errors
/// When the state cannot be read, or the witness names a primary that is no site of the group.
pub(crate) async fn of(house: &House, group: &FailoverGroup) -> Result<KnownTerm, ControllerError> {
    let standing = Ground::of(&house.config, &house.setup).look(&house.setup, &group.name).await;
    let remembered = recall(&house.store, group).await?;
    let (term, witness_silent) = match standing {
        Ok(Some(standing)) => {
            let term = Term { epoch: standing.epoch, primary: standing.primary };
            // A term that began without the witness is newer than what the witness knows.
            (remembered.filter(|remembered| remembered.epoch > term.epoch).unwrap_or(term), None)
        }
        Ok(None) => (remembered.unwrap_or_else(|| first(group)), None),
        Err(error) => (remembered.unwrap_or_else(|| first(group)), Some(error.to_string())),
    };
    prove_known(group, &term)?;
    Ok(KnownTerm { term, witness_silent })
}

/// Proves that a term's primary is one of the group's sites.
///
/// # Errors
/// [`ControllerError::StrangePrimary`].
pub(crate) fn prove_known(group: &FailoverGroup, term: &Term) -> Result<(), ControllerError> {
    if group.sites().any(|site| *site == term.primary) {
        return Ok(());
    }
    Err(ControllerError::StrangePrimary { group: group.name.to_string(), found: term.primary.clone() })
}

fn fact(group: &FailoverGroup) -> String {
    format!("term/{}", group.name)
}

/// What was known last.
pub(crate) async fn recall(store: &Store, group: &FailoverGroup) -> Result<Option<Term>, ControllerError> {
    let text = store.meta(&fact(group)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps what is known now.
pub(crate) async fn remember(
    store: &Store,
    group: &FailoverGroup,
    term: &Term,
) -> Result<(), ControllerError> {
    let text = serde_json::json!(term).to_string();
    if store.meta(&fact(group)).await?.as_ref() == Some(&text) {
        return Ok(());
    }
    Ok(store.put_meta(&fact(group), &text).await?)
}
