//! A group's lease while we work for it: taken, renewed beside the work, let go when nothing is under way.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use twinlake_base::Instant;
use twinlake_config::Config;
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_lease::{Lease, LeaseError, Standing, Terms, Witness};
use twinlake_model::{Epoch, FailoverGroup, GroupName};
use twinlake_objects::{Objects, ObjectsOptions};

use crate::{ControllerError, House, News, Observer, Setup};

/// The folder of leases beside the state, where the config names no witness that this version can use.
const BESIDE_STATE: &str = "witness";

/// The lease of a group, kept alive. Dropped without [`end`](Self::end) it is waited out by whoever comes next.
pub(crate) struct Tenure {
    lease: Lease,
    keeper: JoinHandle<LeaseError>,
}

impl Tenure {
    /// The group's primary term.
    pub(crate) fn epoch(&self) -> Epoch {
        self.lease.epoch()
    }

    /// Lets go, once nothing is under way any more. If the witness cannot be told, the lease is waited out, which costs
    /// the next one time and nothing else.
    pub(crate) async fn end(self, house: &House) {
        house.reach.nothing_under_way().await;
        self.keeper.abort();
        if let Err(error) = self.lease.release().await {
            tracing::warn!(group = %self.lease.group(), %error, "the lease was not released; it ends by itself");
        }
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Permit for Tenure {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        self.lease.check(until)
    }
}

/// Where leases lie.
pub(crate) struct Ground {
    url: String,
    /// Whether the config's witness is not used.
    pub(crate) is_makeshift: bool,
}

impl Ground {
    /// The config's witness if it is a folder, else a folder beside the state.
    pub(crate) fn of(config: &Config) -> Self {
        if let Some(url) = config.witness.as_ref().filter(|url| url.local_path().is_some()) {
            return Self { url: url.as_str().to_owned(), is_makeshift: false };
        }
        let folder = config.local_state.parent().map_or_else(PathBuf::new, PathBuf::from).join(BESIDE_STATE);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self { url: format!("file://{}", folder.display()), is_makeshift: true }
    }

    fn open(&self, setup: &Setup) -> Result<Objects, twinlake_objects::ObjectsError> {
        let mut options = ObjectsOptions::new(setup.clock.clone(), setup.gate.clone());
        options.create = self.is_makeshift;
        Objects::open(&self.url, options)
    }

    /// Whether it was used before.
    pub(crate) fn is_new(&self) -> bool {
        !std::path::Path::new(self.url.trim_start_matches("file://")).exists()
    }

    /// What the operator should know of it.
    pub(crate) fn note(&self) -> Option<String> {
        self.is_makeshift.then(|| {
            format!(
                "leases are kept in {}: this keeps two controllers on this machine apart, not on two machines",
                self.url.trim_start_matches("file://")
            )
        })
    }

    /// Asks the witness about a group, which proves that it can be asked. A folder beside the state need not be there yet.
    pub(crate) async fn look(
        &self,
        setup: &Setup,
        group: &GroupName,
    ) -> Result<Option<Standing>, ControllerError> {
        if self.is_makeshift && self.is_new() {
            return Ok(None);
        }
        let of = |source| ControllerError::Lease { group: group.to_string(), source: Box::new(source) };
        self.witness(setup, group)?.standing(group).await.map_err(of)
    }

    fn witness(&self, setup: &Setup, group: &GroupName) -> Result<Witness, ControllerError> {
        let objects = self.open(setup).map_err(|source| ControllerError::Lease {
            group: group.to_string(),
            source: Box::new(LeaseError::Witness { group: group.clone(), source }),
        })?;
        let holder = format!("{} (process {})", setup.actor, std::process::id());
        let (clock, entropy) = (setup.clock.clone(), setup.entropy.clone());
        Ok(Witness::new(objects, holder, Terms::default(), clock, entropy))
    }
}

/// Takes the lease of a group. Another controller that shows itself refuses us at once; one that does not is waited out.
///
/// # Errors
/// When somebody else holds it, the witness cannot be asked, or the group's primary is not the one of the config.
pub(crate) async fn take(
    house: &House,
    group: &FailoverGroup,
    observer: &Arc<dyn Observer>,
) -> Result<Tenure, ControllerError> {
    let ground = Ground::of(&house.config);
    let witness = ground.witness(&house.setup, &group.name)?;
    let of = |source| ControllerError::Lease { group: group.name.to_string(), source: Box::new(source) };
    let first = witness.standing(&group.name).await.map_err(of)?.map(|standing| standing.written_at);
    let mut told = false;
    let lease = loop {
        let error = match witness.acquire(&group.name, &group.primary).await {
            Ok(lease) => break lease,
            Err(error) => error,
        };
        let LeaseError::Held { holder, until, .. } = &error else { return Err(of(error)) };
        let last = witness.standing(&group.name).await.map_err(of)?.map(|standing| standing.written_at);
        if last != first {
            // It was renewed while we looked: its holder lives.
            return Err(of(error));
        }
        if !told {
            told = true;
            let (group, holder, until) = (group.name.clone(), holder.clone(), *until);
            observer.see(News::Waiting { group, holder, until });
        }
        let wait = until.duration_since(house.setup.clock.now()).unsigned_abs();
        let pause = Terms::default().renew_every.min(wait) + std::time::Duration::from_millis(50);
        house.setup.clock.sleep(pause).await;
    };
    let (there, here) = (lease.primary(), &group.primary);
    if there != *here {
        let (group, wanted) = (group.name.to_string(), here.clone());
        // Nothing was sent under it.
        let _ = lease.release().await;
        return Err(ControllerError::OtherPrimary { group, found: there, wanted });
    }
    let keeper = tokio::spawn({
        let lease = lease.clone();
        async move { lease.keep().await }
    });
    Ok(Tenure { lease, keeper })
}
