//! What the steps of a run act on: an estate, one group of it, and the lease under which it moves.

use std::sync::{Arc, Mutex, PoisonError};

use twinlake_base::ErrorClass;
use twinlake_databricks::{Client, Policy};
use twinlake_lease::Term;
use twinlake_model::{
    AssetId, Epoch, FailoverGroup, GroupName, Place, Role, RunId, Selection, SiteId, Snapshot, WorkspaceSet,
};
use twinlake_sync::{Approval, Report, Route, Side, Sync, SyncError, Watch};
use twinlake_workflow::{Authority, Deed, Refusal, StepContext, StepError};

use crate::legs::{Leg, legs, selection_at};
use crate::moves::Parameters;
use crate::moves::permit::StepPermit;
use crate::news::Relay;
use crate::plan::cycle;
use crate::tenure::{self, Tenure, Without};
use crate::{ControllerError, House, Observer, term};

/// One group of an estate, about to be moved. Holds nothing of the run: that is in its log.
pub struct Move {
    pub(crate) house: House,
    pub(crate) group: GroupName,
    pub(crate) observer: Arc<dyn Observer>,
    /// Whether people said that nobody else can be moving the group, so that the witness may be silent.
    without_witness: bool,
    tenure: Mutex<Option<Arc<Tenure>>>,
    /// One taker at a time.
    turn: tokio::sync::Mutex<()>,
}

/// What one cycle within a move does.
pub(crate) struct Errand<'a> {
    pub(crate) set: &'a WorkspaceSet,
    pub(crate) source: &'a SiteId,
    pub(crate) target: &'a SiteId,
    pub(crate) role: Role,
    pub(crate) kept: Option<Snapshot>,
    pub(crate) only: Option<Arc<std::collections::BTreeSet<AssetId>>>,
    /// What of it. None: all that the group may bring into a role at the target.
    pub(crate) selection: Option<Selection>,
    pub(crate) policy: Policy,
}

impl Move {
    /// Of a group of an estate.
    #[must_use]
    pub fn new(house: House, group: GroupName, observer: Arc<dyn Observer>) -> Self {
        let (tenure, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { house, group, observer, without_witness: false, tenure, turn }
    }

    /// People said that nobody else can be moving the group: the witness may be silent.
    #[must_use]
    pub fn without_witness(mut self, may: bool) -> Self {
        self.without_witness = may;
        self
    }

    /// The group, as the config has it, with this site as its primary.
    ///
    /// # Errors
    /// When the config does not know it.
    pub(crate) fn group_in(&self, primary: &SiteId) -> Result<FailoverGroup, ControllerError> {
        let mut group = self.house.groups(Some(self.group.as_str()))?[0].clone();
        let term = Term { epoch: Epoch::default(), primary: primary.clone() };
        term::prove_known(&group, &term)?;
        (group.standbys, group.primary) = (term::standbys(&term, &group), term.primary);
        Ok(group)
    }

    /// The lease, if this process has it.
    pub(crate) fn held(&self) -> Option<Arc<Tenure>> {
        self.tenure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lease. A process that has not got it takes it, and proves that the group is where the run left it.
    ///
    /// # Errors
    /// When it cannot be had, or production moved meanwhile.
    pub(crate) async fn lease(&self, primary: &SiteId) -> Result<Arc<Tenure>, ControllerError> {
        let _turn = self.turn.lock().await;
        if let Some(tenure) = self.held() {
            return Ok(tenure);
        }
        let group = self.group_in(primary)?;
        let without = if self.without_witness { Without::Promoting } else { Without::Never };
        let tenure = Arc::new(tenure::take(&self.house, &group, without, &self.observer).await?);
        *self.tenure.lock().unwrap_or_else(PoisonError::into_inner) = Some(tenure.clone());
        Ok(tenure)
    }

    /// Where production is as far as this run has come.
    ///
    /// # Errors
    /// When the log says something that cannot be read.
    pub(crate) fn primary_now(context: &StepContext) -> Result<SiteId, StepError> {
        let parameters: Parameters = context.parameters()?;
        let advanced: Option<Term> = context.evidence(crate::runbooks::EPOCH)?;
        Ok(advanced.map_or(parameters.from, |term| term.primary))
    }

    /// The lease, for a step of a run that took it earlier.
    ///
    /// # Errors
    /// As [`Move::lease`].
    pub(crate) async fn tenure(&self, context: &StepContext) -> Result<Arc<Tenure>, StepError> {
        let primary = Self::primary_now(context)?;
        match self.lease(&primary).await {
            Ok(tenure) => Ok(tenure),
            // The step that begins the epoch may have come that far before the process ended.
            Err(ControllerError::Moved { found, .. }) if found == context.parameters::<Parameters>()?.to => {
                self.lease(&found).await.map_err(step_error)
            }
            Err(error) => Err(step_error(error)),
        }
    }

    /// Lets the lease go.
    pub(crate) async fn end(&self) {
        let tenure = self.tenure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tenure) = tenure {
            tenure.end(&self.house).await;
        }
    }

    /// A client of a place.
    pub(crate) fn client(&self, place: &Place, policy: Policy) -> Result<Client, StepError> {
        self.house.reach.client(&self.house.config, place, policy).map_err(step_error)
    }

    /// The legs of the group while this site is primary.
    pub(crate) fn legs(&self, primary: &SiteId) -> Result<Vec<Leg>, ControllerError> {
        let (house, group) = self.oriented(primary)?;
        Ok(legs(&house.config.estate, &group))
    }

    /// The estate and the group while this site is primary.
    pub(crate) fn oriented(&self, primary: &SiteId) -> Result<(House, FailoverGroup), ControllerError> {
        let group = self.group_in(primary)?;
        let mut house = self.house.clone();
        house.orient(&group.name, &Term { epoch: Epoch::default(), primary: primary.clone() });
        Ok((house, group))
    }

    /// What the group may bring into a role at a site while `primary` is primary.
    pub(crate) fn selection(
        &self,
        primary: &SiteId,
        set: &WorkspaceSet,
        site: &SiteId,
    ) -> Result<Selection, ControllerError> {
        let (house, group) = self.oriented(primary)?;
        Ok(selection_at(&house.config.estate, &group, set, site))
    }

    /// Runs one cycle within a step.
    pub(crate) async fn run(&self, context: &StepContext, errand: Errand<'_>) -> Result<Report, StepError> {
        let tenure = self.tenure(context).await?;
        let route = self.route(&tenure, &errand).map_err(step_error)?;
        let lease = tenure.at(&self.house, errand.target).await.map_err(step_error)?;
        let permit = StepPermit { context, lease: &lease };
        let run =
            RunId::new(format!("{}/{}-{}", context.run(), context.step(), self.house.setup.entropy.hex(4)));
        let leg = Leg {
            group: self.group.clone(),
            source: route.source.place.clone(),
            target: route.target.place.clone(),
            selection: route.selection.clone(),
        };
        let watch: Arc<dyn Watch> = Arc::new(Relay(self.observer.clone()));
        let sync = Sync::new(self.house.store.clone(), self.house.setup.clock.clone(), route, watch);
        let ended = sync.run(&run, &permit, Approval::Routine).await;
        ended.map_err(|source: SyncError| step_error(cycle(&leg, source)))
    }

    /// What one cycle would do.
    pub(crate) async fn plan(
        &self,
        context: &StepContext,
        errand: Errand<'_>,
    ) -> Result<twinlake_model::Plan, StepError> {
        let tenure = self.tenure(context).await?;
        let route = self.route(&tenure, &errand).map_err(step_error)?;
        let watch: Arc<dyn Watch> = Arc::new(Relay(self.observer.clone()));
        let leg = Leg {
            group: self.group.clone(),
            source: route.source.place.clone(),
            target: route.target.place.clone(),
            selection: route.selection.clone(),
        };
        let sync = Sync::new(self.house.store.clone(), self.house.setup.clock.clone(), route, watch);
        sync.plan().await.map_err(|source| step_error(cycle(&leg, source)))
    }

    fn route(&self, tenure: &Tenure, errand: &Errand<'_>) -> Result<Route, ControllerError> {
        let term = tenure.term();
        let group = self.group_in(&term.primary)?;
        let side = |site: &SiteId| {
            let place = group.place(errand.set, site);
            let client = self.house.reach.client(&self.house.config, &place, errand.policy)?;
            Ok::<_, ControllerError>(Side { place, client })
        };
        let selection = match &errand.selection {
            Some(selection) => selection.clone(),
            None => self.selection(&term.primary, errand.set, errand.target)?,
        };
        Ok(Route {
            group: self.group.clone(),
            source: side(errand.source)?,
            target: side(errand.target)?,
            selection,
            mappings: group.mappings.clone(),
            guards: group.guards,
            role: errand.role,
            kept: errand.kept.clone(),
            only: errand.only.clone(),
            epoch: term.epoch,
        })
    }
}

/// Says for the engine whether it may act: before the lease is taken it may begin and ask; afterwards it needs it.
pub(crate) struct UnderLease(pub(crate) Arc<Move>);

impl Authority for UnderLease {
    fn allow(&self, deed: Deed<'_>, until: twinlake_base::Instant) -> Result<(), Refusal> {
        let Deed::Act(step) = deed else { return Ok(()) };
        if crate::runbooks::acts_without_lease(step) {
            return Ok(());
        }
        let refusal = |reason: String, hint: Option<String>| Refusal { reason, hint };
        let Some(tenure) = self.0.held() else {
            return Err(refusal(format!("the lease of {} is not ours", self.0.group), None));
        };
        twinlake_databricks::Permit::check(&*tenure, until)
            .map_err(|refused| refusal(refused.reason, refused.hint))
    }
}

/// An operation's error, as a step tells it.
pub(crate) fn step_error(error: ControllerError) -> StepError {
    StepError::caused_by(error.class(), &error).with_hint(error.hint())
}

/// An error of the state, as a step tells it.
pub(crate) fn store_error(error: twinlake_store::StoreError) -> StepError {
    step_error(error.into())
}

/// A rule of ours says no.
pub(crate) fn refused(what: impl Into<String>, hint: impl Into<String>) -> StepError {
    StepError::new(ErrorClass::Refused, what).with_hint(Some(hint.into()))
}
