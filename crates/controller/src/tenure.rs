//! A group's lease while we work for it: taken, renewed beside the work, let go when nothing is under way.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use twinlake_base::Instant;
use twinlake_config::{Config, StorageUrl};
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_lease::{Lease, LeaseError, Standing, Terms, Witness};
use twinlake_model::{Epoch, FailoverGroup, GroupName, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use crate::term::{self, Term};
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

    /// Begins the next epoch, with its primary: the moment of a failover.
    ///
    /// # Errors
    /// When the witness cannot be told, or somebody else has taken over. Then the epoch may or may not have begun; the
    /// next look tells.
    pub(crate) async fn advance(
        &self,
        house: &House,
        group: &FailoverGroup,
        primary: &SiteId,
    ) -> Result<Term, ControllerError> {
        let of = |source| ControllerError::Lease { group: group.name.to_string(), source: Box::new(source) };
        let epoch = self.lease.advance(primary).await.map_err(of)?;
        let term = Term { epoch, primary: primary.clone() };
        term::remember(&house.store, group, &term).await?;
        Ok(term)
    }

    /// The group's primary term.
    pub(crate) fn term(&self) -> Term {
        Term { epoch: self.lease.epoch(), primary: self.lease.primary() }
    }

    /// Lets go, once nothing is under way any more. If the witness cannot be told, the lease is waited out, which costs
    /// the next one time and nothing else.
    pub(crate) async fn end(&self, house: &House) {
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
    pub(crate) fn of(config: &Config, setup: &Setup) -> Self {
        let can_be_used =
            |url: &&StorageUrl| url.local_path().is_some() || setup.stand_ins.contains_key(url.as_str());
        if let Some(url) = config.witness.as_ref().filter(can_be_used) {
            return Self { url: url.as_str().to_owned(), is_makeshift: false };
        }
        let folder = config.local_state.parent().map_or_else(PathBuf::new, PathBuf::from).join(BESIDE_STATE);
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self { url: format!("file://{}", folder.display()), is_makeshift: true }
    }

    fn open(&self, setup: &Setup) -> Result<Objects, twinlake_objects::ObjectsError> {
        let mut options = ObjectsOptions::new(setup.clock.clone(), setup.gate.clone());
        options.create = self.is_makeshift;
        match setup.stand_ins.get(&self.url) {
            Some(stand_in) => Ok(stand_in.reopened(options)),
            None => Objects::open(&self.url, options),
        }
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
/// When somebody else holds it, the witness cannot be asked, or production moved since `group` was read.
pub(crate) async fn take(
    house: &House,
    group: &FailoverGroup,
    observer: &Arc<dyn Observer>,
) -> Result<Tenure, ControllerError> {
    let ground = Ground::of(&house.config, &house.setup);
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
    let term = Term { epoch: lease.epoch(), primary: lease.primary() };
    let judged = match term::prove_known(group, &term) {
        Ok(()) if term.primary != group.primary => Err(ControllerError::Moved {
            group: group.name.to_string(),
            found: term.primary.clone(),
            epoch: term.epoch,
            wanted: group.primary.clone(),
        }),
        judged => judged,
    };
    if let Err(error) = judged {
        // Nothing was sent under it.
        let _ = lease.release().await;
        return Err(error);
    }
    term::remember(&house.store, group, &term).await?;
    let keeper = tokio::spawn({
        let lease = lease.clone();
        async move { lease.keep().await }
    });
    Ok(Tenure { lease, keeper })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use twinlake_base::{Clock, Entropy, Env, Gate};
    use twinlake_config::{LoadOptions, load_text};
    use twinlake_store::{Store, StoreOptions};

    use super::*;
    use crate::Unobserved;

    const CONFIG: &str = "
estate: acme
sites:
  east: { cloud: aws, region: us-east-1, workspaces: { prod: { profile: east } } }
  west: { cloud: aws, region: us-west-2, workspaces: { prod: { profile: west } } }
witness: { url: \"file://WITNESS\" }
failover_groups:
  finance: { primary: east, standbys: [west], tier: 1, workspace_sets: [{ name: prod }] }
";

    /// A controller with a state of its own, at a witness that several may share.
    async fn controller(witness: &std::path::Path, actor: &str, config: &str) -> House {
        let text = config.replace("WITNESS", witness.to_str().unwrap());
        let config = load_text("twinlake.yml", &text, &LoadOptions::default()).unwrap();
        let setup = Setup {
            clock: Clock::system(),
            entropy: Entropy::system(),
            env: Env::default(),
            gate: Gate::open(),
            transport: None,
            limits: None,
            actor: actor.to_owned(),
            simulated: true,
            stand_ins: Arc::default(),
        };
        let options = StoreOptions { clock: setup.clock.clone(), gate: Gate::open() };
        House::over(Store::in_memory(options).await.unwrap(), config, setup).await.unwrap()
    }

    async fn take_finance(house: &House, observer: &Arc<dyn Observer>) -> Result<Tenure, ControllerError> {
        take(house, house.groups(Some("finance")).unwrap()[0], observer).await
    }

    #[derive(Default)]
    struct Ear(Mutex<Vec<String>>);

    impl Observer for Ear {
        fn see(&self, news: News) {
            if let News::Waiting { holder, .. } = news {
                self.0.lock().unwrap().push(holder);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_controller_that_renews_keeps_others_out_and_one_that_let_go_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let nobody: Arc<dyn Observer> = Arc::new(Unobserved);
        let one = controller(folder.path(), "anna", CONFIG).await;
        let other = controller(folder.path(), "ben", CONFIG).await;
        let held = take_finance(&one, &nobody).await.unwrap();
        let began = other.setup.clock.instant();
        let error = take_finance(&other, &nobody).await.err().unwrap();
        assert!(error.is_refusal() && error.to_string().contains("is held by anna (process"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(60), "it was seen to live: {:?}", began.elapsed());
        held.end(&one).await;
        let now = take_finance(&other, &nobody).await.unwrap();
        assert_eq!(now.epoch(), Epoch(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_controller_that_died_is_waited_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let nobody: Arc<dyn Observer> = Arc::new(Unobserved);
        let one = controller(folder.path(), "anna", CONFIG).await;
        drop(take_finance(&one, &nobody).await.unwrap());
        let other = controller(folder.path(), "ben", CONFIG).await;
        let ear = Arc::new(Ear::default());
        let observer: Arc<dyn Observer> = ear.clone();
        let began = other.setup.clock.instant();
        let now = take_finance(&other, &observer).await.unwrap();
        assert!(began.elapsed() > Terms::default().wait());
        assert!(now.check(other.setup.clock.instant() + Duration::from_secs(60)).is_ok());
        let heard = ear.0.lock().unwrap();
        assert!(heard.len() == 1 && heard[0].starts_with("anna (process"), "{heard:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_production_runs_is_known_by_the_witness_and_not_by_the_config() {
        let folder = tempfile::tempdir().unwrap();
        let nobody: Arc<dyn Observer> = Arc::new(Unobserved);
        let one = controller(folder.path(), "anna", CONFIG).await;
        let tenure = take_finance(&one, &nobody).await.unwrap();
        let group = one.groups(Some("finance")).unwrap()[0];
        tenure.advance(&one, group, &"west".into()).await.unwrap();
        tenure.end(&one).await;
        let other = controller(folder.path(), "ben", CONFIG).await;
        let error = take_finance(&other, &nobody).await.err().unwrap();
        assert!(error.is_refusal(), "{error}");
        let now = other.now().await.unwrap();
        let group = now.groups(Some("finance")).unwrap()[0];
        assert_eq!((group.primary.as_str(), group.standbys[0].as_str()), ("west", "east"));
        assert_eq!(take_finance(&now, &nobody).await.unwrap().epoch(), Epoch(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_names_a_site_unknown_to_the_config_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let nobody: Arc<dyn Observer> = Arc::new(Unobserved);
        let one = controller(folder.path(), "anna", CONFIG).await;
        take_finance(&one, &nobody).await.unwrap().end(&one).await;
        let elsewhere = CONFIG.replace("east", "north");
        let other = controller(folder.path(), "ben", &elsewhere).await;
        let error = take_finance(&other, &nobody).await.err().unwrap();
        assert!(error.is_refusal() && error.hint().unwrap().contains("name east among"), "{error}");
        assert!(other.now().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_witness_whose_folder_is_gone_is_an_error_and_not_a_new_witness() {
        let nobody: Arc<dyn Observer> = Arc::new(Unobserved);
        let house = controller(std::path::Path::new("/nowhere/witness"), "anna", CONFIG).await;
        let error = take_finance(&house, &nobody).await.err().unwrap();
        assert!(error.to_string().contains("/nowhere/witness"), "{error}");
    }
}
