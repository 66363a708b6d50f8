//! What a move would do and what it would cost, shown before anything happens.
//!
//! A proposal reads: the witness, the state, and, unless the primary is given up, whether it answers. It writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_databricks::Policy;
use twinlake_lease::Term;
use twinlake_model::safety::{self, Approvals, MoveFacts, MoveKind, Objection, Rule};
use twinlake_model::{Digest, Epoch, FailoverGroup, GroupName, SetName, SiteId, Snapshot};
use twinlake_workflow::{PlannedStep, StepState, StepStatus};

use crate::moves::kept::latest_of;
use crate::moves::loss::{Behind, Facts, Loss};
use crate::moves::parameters::Parameters;
use crate::moves::runs::{self, Unfinished};
use crate::moves::window::{self, Window};
use crate::{ControllerError, House, replication_point, runbooks, term};

/// What is wished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The group. None: the only one.
    pub group: Option<String>,
    /// By its name in the table of runbooks: `switchover`, `forced_failover`, `failback` …
    pub runbook: String,
    /// Where to. None: where it can only be.
    pub to: Option<String>,
    /// Safety rules whose objections are set aside.
    pub acknowledged: BTreeSet<Rule>,
    /// Go on with a standby that is not complete.
    pub incomplete_too: bool,
    /// Since when production is away.
    pub outage_since: Option<Timestamp>,
    /// Who agrees to go on without the witness.
    pub without_witness: BTreeSet<String>,
}

/// What a move would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The runbook.
    pub runbook: String,
    /// Its steps, with what can be undone.
    pub steps: Vec<PlannedStep>,
    /// What the safety rules take it for.
    pub kind: MoveKind,
    /// The group.
    pub group: GroupName,
    /// Where production runs.
    pub from: SiteId,
    /// Where it would run.
    pub to: SiteId,
    /// The epoch in which this is proposed.
    pub epoch: Epoch,
    /// What would be lost.
    pub loss: Loss,
    /// Which rules are against it. None: it may begin, once it is approved.
    pub objections: Vec<Objection>,
    /// Which rules were set aside, or do not hold up a move of this kind.
    pub notes: Vec<Objection>,
    /// Who has to agree.
    pub approvals: Approvals,
    /// What an approval is bound to.
    pub digest: Digest,
    #[serde(skip, default)]
    pub(crate) kept: BTreeMap<SetName, Snapshot>,
    #[serde(skip, default)]
    pub(crate) about: Option<String>,
}

/// Proposes a move.
///
/// # Errors
/// When what is wished cannot be done as things stand: each error names what to do instead.
pub async fn propose(house: &House, wish: &Wish) -> Result<Proposal, ControllerError> {
    let group = the_group(house, wish.group.as_deref())?.clone();
    let runbook = runbooks::find(&wish.runbook).ok_or_else(|| ControllerError::NotNow {
        what: format!("there is no runbook {:?}", wish.runbook),
        instead: "twinlake failover --help".to_owned(),
    })?;
    let known = term::of(house, &group).await?;
    if let Some(why) = &known.witness_silent
        && wish.without_witness.is_empty()
    {
        return Err(ControllerError::NotNow {
            what: format!("the witness does not answer, and without it nobody is promoted: {why}"),
            instead: format!(
                "mend the witness, or, if nobody else can be moving {0}: twinlake failover {0} --forced --without-witness --approved-by NAME --approved-by NAME",
                group.name
            ),
        });
    }
    if known.witness_silent.is_some() && (wish.without_witness.len() < 2 || runbook.name != runbooks::FORCED)
    {
        return Err(ControllerError::NotNow {
            what: "without the witness only a forced failover can be made, and two people have to say that nobody else can be moving the group".to_owned(),
            instead: format!(
                "twinlake failover {} --forced --without-witness --approved-by NAME --approved-by NAME",
                group.name
            ),
        });
    }
    let mut now = house.now().await?;
    now.orient(&group.name, &known.term);
    let group = now.groups(Some(group.name.as_str()))?[0].clone();
    let case = Case { house: &now, group: &group, term: &known.term, wish };
    let found = case.decide(runbook.name).await?;
    let loss = match found.kind {
        MoveKind::Forced => case.loss(&found.to).await?,
        _ => Loss::default(),
    };
    let rules_loss = match found.kind {
        MoveKind::Forced => loss.for_rules(),
        _ => safety::Loss::None,
    };
    let facts = MoveFacts {
        now: house.setup.clock.now(),
        kind: found.kind,
        last_promotion: window::last_promotion(&house.store, &group.name).await?,
        acknowledged: wish.acknowledged.clone(),
        loss: rules_loss,
    };
    let is_move = found.from != found.to;
    let (objections, notes) = match is_move {
        true => (group.safety.objections(&facts), group.safety.notes(&facts)),
        false => (Vec::new(), Vec::new()),
    };
    let mut proposal = Proposal {
        runbook: runbook.name.to_owned(),
        steps: runbook.outline(),
        kind: found.kind,
        group: group.name.clone(),
        from: found.from,
        to: found.to,
        epoch: known.term.epoch,
        loss,
        objections,
        notes,
        approvals: if is_move { group.safety.approvals.clone() } else { Approvals::default() },
        digest: Digest::of(b""),
        kept: found.kept,
        about: found.about,
    };
    proposal.digest = proposal.bound();
    Ok(proposal)
}

impl Proposal {
    /// What an approval is bound to: everything that would be done, and what it would cost.
    fn bound(&self) -> Digest {
        let all = json!([
            self.runbook,
            self.steps,
            self.kind,
            self.group,
            self.from,
            self.to,
            self.epoch,
            self.loss,
            self.kept,
            self.about
        ]);
        twinlake_model::Document::new(&all).digest()
    }

    /// What a run is begun with that does this.
    #[must_use]
    pub fn parameters(&self, wish: &Wish) -> Parameters {
        Parameters {
            kind: self.kind,
            group: self.group.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            epoch: self.epoch,
            kept: self.kept.clone(),
            loss: self.loss.clone(),
            proposal: self.digest,
            acknowledged: wish.acknowledged.clone(),
            incomplete_too: wish.incomplete_too,
            without_witness: wish.without_witness.clone(),
            outage_since: wish.outage_since,
            about: self.about.clone(),
        }
    }
}

/// The one group that is meant.
pub(crate) fn the_group<'h>(
    house: &'h House,
    name: Option<&str>,
) -> Result<&'h FailoverGroup, ControllerError> {
    match house.groups(name)?.as_slice() {
        [only] => Ok(only),
        several => Err(ControllerError::NotNow {
            what: "there are several groups, and each moves by itself".to_owned(),
            instead: format!(
                "name one of them: {}",
                several.iter().map(|group| group.name.to_string()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

/// What a wish comes to.
struct Found {
    kind: MoveKind,
    from: SiteId,
    to: SiteId,
    kept: BTreeMap<SetName, Snapshot>,
    about: Option<String>,
}

/// A wish, and where the group stands.
struct Case<'a> {
    house: &'a House,
    group: &'a FailoverGroup,
    term: &'a Term,
    wish: &'a Wish,
}

impl Case<'_> {
    async fn decide(&self, runbook: &str) -> Result<Found, ControllerError> {
        let mut unfinished = runs::unfinished(self.house, &self.group.name).await?;
        if let Some(run) = &mut unfinished {
            self.look_closer_at(run).await?;
        }
        if let Some(unfinished) = &unfinished
            && !self.may_follow(runbook)
        {
            return Err(self.not_now(
                format!("run {} of {} is not over: {}", unfinished.run, self.group.name, unfinished.stands),
                format!("twinlake runs resume {}", unfinished.run),
            ));
        }
        match runbook {
            runbooks::SWITCHOVER | runbooks::FAILBACK => self.planned(runbook).await,
            runbooks::FORCED => self.forced(unfinished).await,
            runbooks::ABORT => self.abort(unfinished),
            runbooks::ROLLBACK => self.rollback().await,
            _ => self.in_place().await,
        }
    }

    /// The log says what a run was about to do. Whether the next epoch has begun the witness knows: a run that could not
    /// tell it has promoted nothing. And what a run has not put to sleep yet need not be woken.
    async fn look_closer_at(&self, unfinished: &mut Unfinished) -> Result<(), ControllerError> {
        let status = runs::status(self.house, &unfinished.run).await?;
        let parameters = runs::parameters(&unfinished.run, &status)?;
        if self.term.primary == parameters.from {
            unfinished.has_promoted = false;
        }
        let sleeps = |step: &StepStatus| step.acted || !matches!(step.state, StepState::Pending);
        if status.step(runbooks::QUIESCE).is_some_and(|step| !sleeps(step)) {
            unfinished.pinned.clear();
        }
        Ok(())
    }

    /// A forced failover takes over from whatever was broken off, and an abort ends what promoted nothing.
    fn may_follow(&self, runbook: &str) -> bool {
        matches!(runbook, runbooks::ABORT | runbooks::FORCED)
    }

    async fn planned(&self, runbook: &str) -> Result<Found, ControllerError> {
        let to = match (runbook, &self.wish.to) {
            (runbooks::FAILBACK, None) => self.home().await?,
            _ => self.target()?,
        };
        if to == self.term.primary {
            return Err(self.not_now(
                format!("production of {} runs in {to} already", self.group.name),
                format!("twinlake status {}", self.group.name),
            ));
        }
        for set in &self.group.sets {
            let place = self.group.place(set, &self.term.primary);
            let client = self.house.reach.client(&self.house.config, &place, Policy::QUICK)?;
            if let Err(error) = client.me().await {
                return Err(self.not_now(
                    format!(
                        "{place} does not answer, so its production cannot be moved without a loss: {error}"
                    ),
                    format!("twinlake failover {} --forced", self.group.name),
                ));
            }
            let target = self.group.place(set, &to);
            if let Some(fence) = self.house.store.fence(&self.group.name, &target).await?
                && !fence.may_be_written()
            {
                return Err(self.not_now(
                    format!("{target} was primary, and what it did unseen is not acknowledged yet"),
                    format!("twinlake sync {0}, then twinlake failback {0}", self.group.name),
                ));
            }
        }
        let is_home =
            self.house.config.estate.groups.contains_key(&self.group.name) && to == self.home().await?;
        let kind = if is_home { MoveKind::Failback } else { MoveKind::Switchover };
        Ok(Found { kind, from: self.term.primary.clone(), to, kept: BTreeMap::new(), about: None })
    }

    async fn forced(&self, unfinished: Option<Unfinished>) -> Result<Found, ControllerError> {
        let to = self.target()?;
        let mut kept = BTreeMap::new();
        // A promotion that was broken off, and whose site died, goes on elsewhere with what it was to wake.
        let promoting = unfinished.as_ref().filter(|run| run.has_promoted);
        for set in &self.group.sets {
            if let Some(snapshot) = promoting.and_then(|run| run.kept.get(&set.name)) {
                kept.insert(set.name.clone(), snapshot.clone());
                continue;
            }
            let source = self.group.place(set, &self.term.primary);
            let estate = &self.house.config.estate;
            // The latest of any group that shares the workspace may hold nothing of this one.
            let latest =
                latest_of(&self.house.store, estate, self.group, &source).await?.ok_or_else(|| {
                    self.not_now(
                        format!("{source} was never copied, so there is nothing to promote"),
                        format!("twinlake sync {}", self.group.name),
                    )
                })?;
            // A switchover that died half-way has put things to sleep there: their waking values are its own.
            let pinned = unfinished.as_ref().and_then(|run| run.pinned.get(&set.name));
            let kept_of_set = match pinned {
                None => latest,
                Some(pinned) => {
                    crate::moves::waking::with_postures_of(&self.house.store, pinned, &latest).await?.snapshot
                }
            };
            kept.insert(set.name.clone(), kept_of_set);
        }
        let about = unfinished.map(|run| run.run);
        Ok(Found { kind: MoveKind::Forced, from: self.term.primary.clone(), to, kept, about })
    }

    fn abort(&self, unfinished: Option<Unfinished>) -> Result<Found, ControllerError> {
        let Some(unfinished) = unfinished else {
            return Err(self.not_now(
                format!("no run of {} is under way", self.group.name),
                format!("twinlake runs {}", self.group.name),
            ));
        };
        if unfinished.has_promoted {
            return Err(self.not_now(
                format!(
                    "run {} has begun the next epoch: production of {} is in {} now, and going back is a move of its own",
                    unfinished.run, self.group.name, self.term.primary
                ),
                format!("twinlake runs resume {}, then twinlake rollback {}", unfinished.run, self.group.name),
            ));
        }
        let here = self.term.primary.clone();
        Ok(Found {
            kind: MoveKind::Rollback,
            from: here.clone(),
            to: here,
            kept: unfinished.pinned,
            about: Some(unfinished.run),
        })
    }

    async fn rollback(&self) -> Result<Found, ControllerError> {
        let window = self.open_window().await?;
        if window.kept.is_empty() {
            return Err(self.not_now(
                format!(
                    "{} was given up in a forced failover, so there is nothing that is sure to go back to",
                    window.from
                ),
                format!("twinlake failback {}", self.group.name),
            ));
        }
        Ok(Found {
            kind: MoveKind::Rollback,
            from: window.to,
            to: window.from,
            kept: window.kept,
            about: Some(window.run),
        })
    }

    async fn in_place(&self) -> Result<Found, ControllerError> {
        let about = match self.wish.runbook.as_str() {
            runbooks::COMMIT => Some(self.open_window().await?.run),
            _ => None,
        };
        let here = self.term.primary.clone();
        Ok(Found { kind: MoveKind::Switchover, from: here.clone(), to: here, kept: BTreeMap::new(), about })
    }

    async fn open_window(&self) -> Result<Window, ControllerError> {
        let now = self.house.setup.clock.now();
        match window::of(&self.house.store, &self.group.name).await? {
            Some(window) if window.is_open(now) && window.to == self.term.primary => Ok(window),
            _ => Err(self.not_now(
                format!("no promotion of {} waits to be committed or rolled back", self.group.name),
                format!("twinlake failback {}", self.group.name),
            )),
        }
    }

    /// Where the group began, or was promoted for good.
    async fn home(&self) -> Result<SiteId, ControllerError> {
        window::home(self.house, &self.group.name).await
    }

    /// Where to, as wished, or where it can only be.
    fn target(&self) -> Result<SiteId, ControllerError> {
        let standbys = &self.group.standbys;
        match &self.wish.to {
            Some(wished) => {
                let is_it = |site: &&SiteId| site.as_str() == wished;
                self.group.sites().find(is_it).cloned().ok_or_else(|| {
                    let sites: Vec<String> = standbys.iter().map(ToString::to_string).collect();
                    self.not_now(
                        format!("{wished} is no site of {}", self.group.name),
                        format!("--to one of: {}", sites.join(", ")),
                    )
                })
            }
            None => match standbys.as_slice() {
                [only] => Ok(only.clone()),
                several => {
                    let sites: Vec<String> = several.iter().map(ToString::to_string).collect();
                    Err(self.not_now(
                        format!("{} has several standbys", self.group.name),
                        format!("--to one of: {}", sites.join(", ")),
                    ))
                }
            },
        }
    }

    /// What would be lost if production moved now, without asking the primary.
    async fn loss(&self, to: &SiteId) -> Result<Loss, ControllerError> {
        let (store, now) = (&self.house.store, self.house.setup.clock.now());
        let mut loss = Loss::default();
        for leg in self.house.legs(self.group).into_iter().filter(|leg| leg.target.site == *to) {
            let facts = Facts {
                source: leg.source.clone(),
                target: leg.target.clone(),
                replication_point: replication_point::of(store, &leg).await?,
                last_looked_at: latest_of(store, &self.house.config.estate, self.group, &leg.source)
                    .await?
                    .map(|snapshot| snapshot.at),
                outcomes: store.outcomes(&leg.group, &leg.source, &leg.target).await?,
            };
            loss.behind.push(Behind::of(facts, now));
            loss.may_have_run.extend(store.active_runs(&leg.source).await?);
        }
        Ok(loss)
    }

    fn not_now(&self, what: String, instead: String) -> ControllerError {
        ControllerError::NotNow { what, instead }
    }
}
