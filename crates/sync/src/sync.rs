//! One cycle of one workspace set, from a source to a target.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use twinlake_assets::{Scope, kinds};
use twinlake_base::Clock;
use twinlake_databricks::Permit;
use twinlake_model::{AssetId, Base, IdMap, KindName, Outcome, Plan, RunId, Verdict};
use twinlake_store::{Cycle, CycleEnd, Store};

use crate::apply::{Applied, Apply};
use crate::confirm::{self, Confirmed};
use crate::crawl::Crawl;
use crate::pairing::{self, Pairs};
use crate::read_ahead::{ReadAhead, Unread};
use crate::report::Report;
use crate::route::{Approval, Route, Side};
use crate::view::View;
use crate::{
    Inventory, Progress, SyncError, Watch, bases, content, inventory, planning, read_back, rights, settle,
};

/// A route that is kept in step.
pub struct Sync {
    store: Store,
    clock: Clock,
    route: Route,
    watch: Arc<dyn Watch>,
}

/// What is known of both places before they are looked at: what each calls what, and what everything was.
type Known<'a> = (&'a IdMap, &'a BTreeMap<AssetId, Base>);

/// How often a cycle starts over because an answer was lost and has been settled.
const ROUNDS: usize = 3;

/// The verdicts of a round. What an earlier round of the same cycle found drifted and put back is still told.
fn with_earlier_drift(mut outcomes: Vec<Outcome>, earlier: &[Outcome]) -> Vec<Outcome> {
    let drifted: HashMap<&AssetId, &Verdict> = earlier
        .iter()
        .filter(|outcome| matches!(outcome.verdict, Verdict::Drifted { .. }))
        .map(|outcome| (&outcome.asset, &outcome.verdict))
        .collect();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.verdict == Verdict::InSync) {
        if let Some(verdict) = drifted.get(&outcome.asset) {
            outcome.verdict = (*verdict).clone();
        }
    }
    outcomes
}

impl Sync {
    /// Prepares a route. Nothing is read or written yet.
    #[must_use]
    pub fn new(store: Store, clock: Clock, route: Route, watch: Arc<dyn Watch>) -> Self {
        Self { store, clock, route, watch }
    }

    /// What a cycle would do. Reads both ends; writes to neither.
    ///
    /// # Errors
    /// When either end could not be read to a proven end, or the state could not.
    pub async fn plan(&self) -> Result<Plan, SyncError> {
        let (_, mut ahead) = self.read_ahead();
        let (view, confirmed) = self.survey(None, &mut ahead).await?;
        let plan = planning::plan(&self.store, &self.route, &view, &confirmed, self.clock.now()).await?;
        self.watch.see(Progress::Planned { changes: plan.changes.len() });
        Ok(plan)
    }

    /// Brings the target into step.
    ///
    /// What can be done is done; what cannot has a verdict that says so. A crash or an error at any point leaves a
    /// state from which the next cycle goes on.
    ///
    /// # Errors
    /// When either end could not be read to a proven end (then nothing was written), when the permit ended, or
    /// when the state could not be written.
    pub async fn run(
        &self,
        run: &RunId,
        permit: &dyn Permit,
        approval: Approval,
    ) -> Result<Report, SyncError> {
        let route = &self.route;
        let started_at = self.clock.now();
        let cycle = Cycle {
            run: run.clone(),
            group: route.group.clone(),
            source: route.source.place.clone(),
            target: route.target.place.clone(),
            started_at,
        };
        let number = self.store.begin_cycle(&cycle).await?;
        let mut report = Report {
            run: run.clone(),
            source: cycle.source,
            target: cycle.target,
            started_at,
            ended_at: started_at,
            changes: 0,
            writes: 0,
            outcomes: Vec::new(),
            held: None,
            awake: Vec::new(),
            found_awake: Vec::new(),
        };
        for round in 1..=ROUNDS {
            // An approval is of one plan. What a later round finds to do was not in it.
            let approval = if round == 1 { approval } else { Approval::Routine };
            let applied = self.round(run, permit, approval).await?;
            report.changes += applied.changes;
            report.writes += applied.writes;
            report.awake.extend(applied.awake);
            report.found_awake.extend(applied.found_awake);
            report.outcomes = with_earlier_drift(applied.outcomes, &report.outcomes);
            report.held = applied.held;
            if !applied.has_open_questions {
                break;
            }
        }
        report.ended_at = self.clock.now();
        report.outcomes.sort_by(|one, other| one.asset.cmp(&other.asset));
        let end = CycleEnd {
            ended_at: report.ended_at,
            complete: report.is_complete(|_| false),
            summary: serde_json::json!({
                "verdicts": report.tally(), "changes": report.changes, "writes": report.writes,
            }),
        };
        self.store.end_cycle(number, &end, &report.outcomes).await?;
        Ok(report)
    }

    async fn round(
        &self,
        run: &RunId,
        permit: &dyn Permit,
        approval: Approval,
    ) -> Result<Applied, SyncError> {
        let (unread, mut ahead) = self.read_ahead();
        let (mut view, confirmed) = self.survey(Some(unread), &mut ahead).await?;
        if !confirmed.copies.lost.is_empty() {
            self.keep(run, &view.target).await?;
            confirmed.copies.forget_lost(&self.store, &self.route.target.place).await?;
        }
        let mut plan = planning::plan(&self.store, &self.route, &view, &confirmed, self.clock.now()).await?;
        if let Approval::Plan(digest) = approval
            && plan.digest() != digest
        {
            let place = self.route.target.place.clone();
            return Err(SyncError::OtherPlan { place, approved: digest.short() });
        }
        if approval != Approval::Routine {
            plan.held = None;
        }
        self.watch.see(Progress::Planned { changes: plan.changes.len() });
        let apply = Apply {
            store: &self.store,
            clock: &self.clock,
            route: &self.route,
            run,
            permit,
            watch: &*self.watch,
        };
        let mut applied = apply.run(&plan, &mut view, &mut ahead).await?;
        if self.route.kept.is_none() && !self.route.is_within_one_place() {
            self.keep(run, &view.source).await?;
        }
        let touched = std::mem::take(&mut applied.touched);
        if !touched.is_empty() {
            self.watch.see(Progress::ReadingBack { place: self.route.target.place.clone() });
            match self.crawl(&self.route.target, &touched, (&view.ids, &view.bases), None).await {
                Ok(again) => {
                    let reader = self.route.target.client.reader();
                    let reading =
                        read_back::Reading { store: &self.store, clock: &self.clock, reader: &reader };
                    reading.record(again, &mut view, &mut applied.outcomes).await?;
                }
                Err(error) if error.is_final() => return Err(error),
                Err(error) => read_back::leave_open(&view, &touched, &error, &mut applied.outcomes),
            }
        }
        self.keep(run, &view.target).await?;
        Ok(applied)
    }

    /// Looks at both ends, side by side, and answers the questions that an earlier cycle left open.
    ///
    /// What `unread` is told of, `ahead` reads meanwhile.
    async fn survey(
        &self,
        unread: Option<UnboundedSender<Unread>>,
        ahead: &mut ReadAhead,
    ) -> Result<(View, Confirmed), SyncError> {
        let Route { source, target, .. } = &self.route;
        futures::try_join!(self.prove(source), self.prove(target))?;
        let questions = self.store.open_intents(&target.place).await?;
        settle::wait(&self.clock, &target.place, &questions, &*self.watch).await;
        let ids = self.store.id_map(&source.place.set).await?;
        let (bases, made) = bases::bases(&self.store, &source.place, &target.place, &ids).await?;
        if unread.is_some() && !made.is_empty() {
            self.store.put_bases(&made).await?;
        }
        let (source_found, target_found) = ahead.beside(self.look((&ids, &bases), unread)).await?;
        let mut view = View { bases, source: source_found, target: target_found, ids, pairs: Pairs::new() };
        settle::answer(&self.store, &questions, &mut view, &*self.watch).await?;
        let copies = confirm::copies(&self.store, &self.route, &mut view, self.clock.now());
        let mut copies = ahead.beside(copies).await?;
        view.pairs = pairing::pair(&view);
        copies.hidden.extend(content::read_what_decides(&self.store, &self.route, &mut view, ahead).await?);
        let originals = confirm::originals(&self.store, &self.route, &view, self.clock.now());
        let gone = ahead.beside(originals).await?;
        Ok((view, Confirmed { copies, gone }))
    }

    /// Proves our rights at an end, unless nothing is asked there.
    async fn prove(&self, side: &Side) -> Result<(), SyncError> {
        if self.route.kept.is_some() && side.place == self.route.source.place {
            return Ok(());
        }
        rights::prove(&side.client.reader(), &side.place).await
    }

    /// The inventories of source and target.
    async fn look(
        &self,
        known: Known<'_>,
        unread: Option<UnboundedSender<Unread>>,
    ) -> Result<(Inventory, Inventory), SyncError> {
        let Route { source, target, kept, .. } = &self.route;
        let all: HashSet<KindName> = kinds::schemas().map(|schema| schema.name.into()).collect();
        if let Some(snapshot) = kept {
            let found = self.crawl(target, &all, known, None).await?;
            return Ok((inventory::kept(&self.store, snapshot, known.0).await?, found));
        }
        if self.route.is_within_one_place() {
            let found = self.crawl(target, &all, known, None).await?;
            return Ok((found.clone(), found));
        }
        futures::try_join!(self.crawl(source, &all, known, unread), self.crawl(target, &all, known, None))
    }

    async fn crawl(
        &self,
        side: &Side,
        wanted: &HashSet<KindName>,
        (ids, remembered): Known<'_>,
        unread: Option<UnboundedSender<Unread>>,
    ) -> Result<Inventory, SyncError> {
        let crawl = Crawl {
            place: &side.place,
            reader: &side.client.reader(),
            scope: &Scope { selection: self.route.selection.clone() },
            ids,
            // A place that takes a role of its own holds other groups' copies, too; they are theirs to fence.
            keeps_copies: side.place == self.route.target.place && !self.route.is_within_one_place(),
            remembered,
            store: &self.store,
            watch: &*self.watch,
            at: self.clock.now(),
            unread,
        };
        crawl.run(wanted).await
    }

    /// What reads the source's bytes, and how it is told which.
    fn read_ahead(&self) -> (UnboundedSender<Unread>, ReadAhead) {
        let Side { place, client } = &self.route.source;
        ReadAhead::new(self.store.clone(), client.reader(), place.clone())
    }

    /// Keeps an inventory as the place's latest snapshot.
    async fn keep(&self, run: &RunId, inventory: &Inventory) -> Result<(), SyncError> {
        inventory.keep(&self.store, run).await.map(drop)
    }
}
