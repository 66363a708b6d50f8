//! A group's lease while we work for it: taken, renewed beside the work, let go when nothing is under way.
//!
//! The lease itself lies at the witness. Beside it, each site that keeps state has a row of its own, which everybody holds
//! who writes to that site for the group: so while the witness is gone replication can go on to a site whose row says
//! that nobody was promoted meanwhile, and nobody can be promoted there behind its back. Promotion needs the witness,
//! or two people who say that nobody else can be moving the group.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use twinlake_base::Instant;
use twinlake_config::{Config, StorageUrl};
use twinlake_databricks::{Permit, PermitRefused};
use twinlake_lease::{Lease, LeaseError, Standing, Term, Terms, Witness};
use twinlake_model::{Epoch, FailoverGroup, GroupName, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use crate::{ControllerError, House, News, Observer, Setup, term};

/// The folder of leases beside the state, where the config names no witness that this version can use.
const BESIDE_STATE: &str = "witness";
/// The name of the rows that sites keep.
const OF_A_SITE: &str = "standby";

/// What may be done without the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    /// Nothing.
    Never,
    /// Standbys are kept in step, where their site keeps a row.
    Replicating,
    /// A site is promoted: people said that nobody else can be moving the group.
    Promoting,
}

/// The lease of a group, kept alive. Dropped without [`end`](Self::end) it is waited out by whoever comes next.
pub(crate) struct Tenure {
    group: FailoverGroup,
    term: Mutex<Term>,
    /// None: the witness does not answer.
    main: Option<Kept>,
    /// Why not.
    pub(crate) witness_silent: Option<String>,
    rows: tokio::sync::Mutex<BTreeMap<SiteId, Option<Kept>>>,
}

/// A lease and what renews it.
struct Kept {
    lease: Lease,
    keeper: JoinHandle<LeaseError>,
}

/// The right to write to one site for a group.
pub(crate) struct SitePermit {
    leases: Vec<Lease>,
}

impl Permit for SitePermit {
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        self.leases.iter().try_for_each(|lease| lease.check(until))
    }
}

impl Kept {
    fn of(lease: Lease) -> Self {
        let keeper = tokio::spawn({
            let lease = lease.clone();
            async move { lease.keep().await }
        });
        Self { lease, keeper }
    }

    async fn end(&self) {
        self.keeper.abort();
        if let Err(error) = self.lease.release().await {
            tracing::warn!(group = %self.lease.group(), %error, "a lease was not released; it ends by itself");
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Tenure {
    /// The group's primary term.
    pub(crate) fn term(&self) -> Term {
        self.term.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of the group's primary term.
    pub(crate) fn epoch(&self) -> Epoch {
        self.term().epoch
    }

    /// The right to write to a site. Where the site keeps state, its row is taken, too, and nothing is written there
    /// without it: somebody who cannot ask the witness may go by it.
    ///
    /// # Errors
    /// When somebody else writes there, the row says that production moved, or, without the witness, there is no row.
    pub(crate) async fn at(&self, house: &House, site: &SiteId) -> Result<SitePermit, ControllerError> {
        let mut rows = self.rows.lock().await;
        if !rows.contains_key(site) {
            let row = self.take_row(house, site).await?;
            rows.insert(site.clone(), row);
        }
        let row = rows.get(site).and_then(Option::as_ref).map(|kept| kept.lease.clone());
        let main = self.main.as_ref().map(|kept| kept.lease.clone());
        Ok(SitePermit { leases: main.into_iter().chain(row).collect() })
    }

    async fn take_row(&self, house: &House, site: &SiteId) -> Result<Option<Kept>, ControllerError> {
        let Some(ground) = Ground::of_site(&house.config, &house.setup, site) else {
            return match self.main {
                Some(_) => Ok(None),
                None => Err(self.no_row(site, "it keeps no state")),
            };
        };
        let witness = ground.witness(&house.setup, &self.group.name)?.in_row(OF_A_SITE);
        let ours = self.term();
        if self.main.is_none() {
            let standing = witness.standing(&self.group.name).await;
            match standing {
                Ok(Some(standing)) if standing.epoch == ours.epoch && standing.primary == ours.primary => {}
                Ok(Some(standing)) => {
                    return Err(self.moved(&Term { epoch: standing.epoch, primary: standing.primary }));
                }
                Ok(None) => return Err(self.no_row(site, "nobody has a lease in it yet")),
                Err(error) => return Err(self.no_row(site, &error.to_string())),
            }
        }
        let lease = match acquire_patiently(house, &witness, &self.group, &ours.primary, None).await {
            Ok(lease) => lease,
            Err(error) => return Err(of_group(&self.group, error)),
        };
        let there = lease.term();
        if there.epoch > ours.epoch && there.primary != ours.primary {
            // A term that began without the witness, which learns of it now.
            if let Some(main) = &self.main {
                let told = main.lease.advance_to(there.epoch, &there.primary).await;
                told.map_err(|error| of_group(&self.group, error))?;
                term::remember(&house.store, &self.group, &there).await?;
            }
            let _ = lease.release().await;
            return Err(self.moved(&there));
        }
        if there != ours {
            let told = lease.advance_to(ours.epoch, &ours.primary).await;
            told.map_err(|error| of_group(&self.group, error))?;
        }
        Ok(Some(Kept::of(lease)))
    }

    /// Begins the next epoch, with its primary: the moment of a failover. The witness is told first, the site second.
    ///
    /// # Errors
    /// When the witness cannot be told, or somebody else has taken over. Then the epoch may or may not have begun; the
    /// next look tells.
    pub(crate) async fn advance(&self, house: &House, primary: &SiteId) -> Result<Term, ControllerError> {
        drop(self.at(house, primary).await?);
        let ours = self.term();
        let next = match &self.main {
            Some(main) => {
                let epoch =
                    main.lease.advance(primary).await.map_err(|error| of_group(&self.group, error))?;
                Term { epoch, primary: primary.clone() }
            }
            // One epoch may have begun that the witness knows of and this site does not.
            None => Term { epoch: Epoch(ours.epoch.0.saturating_add(2)), primary: primary.clone() },
        };
        let rows = self.rows.lock().await;
        for (site, row) in rows.iter().filter_map(|(site, row)| Some((site, row.as_ref()?))) {
            match row.lease.advance_to(next.epoch, primary).await {
                Ok(()) => {}
                Err(error) if site == primary => return Err(of_group(&self.group, error)),
                Err(error) => tracing::warn!(%site, %error, "the site was not told of the new epoch"),
            }
        }
        drop(rows);
        term::remember(&house.store, &self.group, &next).await?;
        *self.term.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
        Ok(next)
    }

    /// Lets go, once nothing is under way any more. If a witness cannot be told, the lease is waited out, which costs
    /// the next one time and nothing else.
    pub(crate) async fn end(&self, house: &House) {
        house.reach.nothing_under_way().await;
        for row in self.rows.lock().await.values().flatten() {
            row.end().await;
        }
        if let Some(main) = &self.main {
            main.end().await;
        }
    }

    fn no_row(&self, site: &SiteId, why: &str) -> ControllerError {
        ControllerError::NotNow {
            what: format!(
                "the witness does not answer, and {site} cannot say that nobody was promoted there meanwhile: {why}"
            ),
            instead: format!(
                "mend the witness; `twinlake check` says whether it answers for {}",
                self.group.name
            ),
        }
    }

    fn moved(&self, there: &Term) -> ControllerError {
        ControllerError::Moved {
            group: self.group.name.to_string(),
            found: there.primary.clone(),
            epoch: there.epoch,
            wanted: self.group.primary.clone(),
        }
    }
}

impl Permit for Tenure {
    /// Whether the group is ours, wherever it is written.
    fn check(&self, until: Instant) -> Result<(), PermitRefused> {
        if let Some(main) = &self.main {
            return main.lease.check(until);
        }
        let refused = |reason: &str| PermitRefused { reason: reason.to_owned(), hint: None };
        let Ok(rows) = self.rows.try_lock() else {
            return Err(refused("a site's lease is just being taken"));
        };
        if rows.values().flatten().next().is_none() {
            return Err(refused("the witness does not answer, and no site's lease is held"));
        }
        rows.values().flatten().try_for_each(|row| row.lease.check(until))
    }
}

fn of_group(group: &FailoverGroup, source: LeaseError) -> ControllerError {
    ControllerError::Lease { group: group.name.to_string(), source: Box::new(source) }
}

/// Whether an error means that the place of the leases does not answer.
const fn is_silence(error: &LeaseError) -> bool {
    matches!(error, LeaseError::Witness { .. } | LeaseError::Unsettled { .. })
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

    /// Where a site keeps state, if this version can use it.
    pub(crate) fn of_site(config: &Config, setup: &Setup, site: &SiteId) -> Option<Self> {
        let url = config.site(site)?.state.as_ref()?;
        let can_be_used = url.local_path().is_some() || setup.stand_ins.contains_key(url.as_str());
        can_be_used.then(|| Self { url: url.as_str().to_owned(), is_makeshift: false })
    }

    /// Opens it. `request` is how long one request may take; None: as long as usual.
    pub(crate) fn open(
        &self,
        setup: &Setup,
        request: Option<Duration>,
    ) -> Result<Objects, twinlake_objects::ObjectsError> {
        let mut options = ObjectsOptions::new(setup.clock.clone(), setup.gate.clone());
        options.request = request.unwrap_or(ObjectsOptions::DEFAULT_REQUEST);
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
        let objects = self.open(setup, None).map_err(|source| ControllerError::Lease {
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
/// When somebody else holds it, the witness cannot be asked and `without` does not cover that, or production moved since
/// `group` was read.
pub(crate) async fn take(
    house: &House,
    group: &FailoverGroup,
    without: Without,
    observer: &Arc<dyn Observer>,
) -> Result<Tenure, ControllerError> {
    let ground = Ground::of(&house.config, &house.setup);
    let taken = match ground.witness(&house.setup, &group.name) {
        Ok(witness) => acquire_patiently(house, &witness, group, &group.primary, Some(observer)).await,
        Err(ControllerError::Lease { source, .. }) => Err(*source),
        Err(error) => return Err(error),
    };
    let remembered = term::recall(&house.store, group).await?;
    let lease = match taken {
        Ok(lease) => lease,
        Err(error) if is_silence(&error) && without != Without::Never => {
            let witness_silent = Some(error.to_string());
            let known = remembered.filter(|term| term.primary == group.primary);
            let Some(term) = known else { return Err(of_group(group, error)) };
            if without == Without::Promoting {
                // Whoever holds the lease at the witness cannot renew it either, and ends.
                house.setup.clock.sleep(Terms::default().wait()).await;
            }
            let (term, rows) = (Mutex::new(term), tokio::sync::Mutex::default());
            return Ok(Tenure { group: group.clone(), term, main: None, witness_silent, rows });
        }
        Err(error) => return Err(of_group(group, error)),
    };
    let mut term = lease.term();
    if let Some(remembered) = remembered.filter(|remembered| remembered.epoch > term.epoch) {
        // It began without the witness, which learns of it before anybody acts by it.
        lease
            .advance_to(remembered.epoch, &remembered.primary)
            .await
            .map_err(|error| of_group(group, error))?;
        term = remembered;
    }
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
    let (main, rows) = (Some(Kept::of(lease)), tokio::sync::Mutex::default());
    Ok(Tenure { group: group.clone(), term: Mutex::new(term), main, witness_silent: None, rows })
}

/// Takes a lease, or waits out a holder that does not show itself.
async fn acquire_patiently(
    house: &House,
    witness: &Witness,
    group: &FailoverGroup,
    primary: &SiteId,
    observer: Option<&Arc<dyn Observer>>,
) -> Result<Lease, LeaseError> {
    let first = witness.standing(&group.name).await?.map(|standing| standing.written_at);
    let mut told = false;
    loop {
        let error = match witness.acquire(&group.name, primary).await {
            Ok(lease) => return Ok(lease),
            Err(error) => error,
        };
        let LeaseError::Held { holder, until, .. } = &error else { return Err(error) };
        let last = witness.standing(&group.name).await?.map(|standing| standing.written_at);
        if last != first {
            // It was renewed while we looked: its holder lives.
            return Err(error);
        }
        if let Some(observer) = observer.filter(|_| !std::mem::replace(&mut told, true)) {
            let (group, holder, until) = (group.name.clone(), holder.clone(), *until);
            observer.see(News::Waiting { group, holder, until });
        }
        let wait = until.duration_since(house.setup.clock.now()).unsigned_abs();
        let pause = Terms::default().renew_every.min(wait) + std::time::Duration::from_millis(50);
        house.setup.clock.sleep(pause).await;
    }
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
        take(house, house.groups(Some("finance")).unwrap()[0], Without::Never, observer).await
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
        tenure.advance(&one, &"west".into()).await.unwrap();
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
