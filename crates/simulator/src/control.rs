//! The control: what tests, demos and operators of the simulation do to it, apart from the API.
//!
//! In process these are methods; served, `control_http` offers the same at a port of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use twinlake_base::Timestamp;

use crate::agenda::Event;
use crate::call::{Reply, Request};
use crate::callers::{self, Caller};
use crate::effects::{Activity, Deed, Effect, EffectQuery};
use crate::error::Error;
use crate::faults::Fault;
use crate::outage::Outage;
use crate::services::{runs, tree, triggers};
use crate::settings::Settings;
use crate::simulator::Simulator;

/// What somebody who acts through the control is answered: HTTP status and JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// 200, or a refusal's status.
    pub status: u16,
    /// The answer's document. For raw content, a string.
    pub body: Value,
}

impl Simulator {
    /// What time it is in the account, after everything that was due has happened.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut account = self.gateway.lock();
        account.settle();
        Timestamp::from_millisecond(account.world.now_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a simulated clock forward, and lets everything happen that falls into that time.
    ///
    /// # Errors
    /// [`Error::ClockIsReal`].
    pub fn jump(&self, by: Duration) -> Result<(), Error> {
        let mut account = self.gateway.lock();
        if !account.clock.jump(by) {
            return Err(Error::ClockIsReal);
        }
        account.settle();
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.gateway.lock().world.settings.clone()
    }

    /// Changes settings from now on. `change` must not call the simulator: it holds the account.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut account = self.gateway.lock();
        account.settle();
        change(&mut account.world.settings);
    }

    /// Puts a fault in force. Returns its number.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.gateway.lock().faults.add(fault)
    }

    /// The faults in force by number, each with how many requests matched it so far.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<u64, (Fault, u64)> {
        self.gateway.lock().faults.all().map(|(id, fault, seen)| (id, (fault.clone(), seen))).collect()
    }

    /// Takes a fault out of force. Returns whether it was in force.
    pub fn remove_fault(&self, number: u64) -> bool {
        self.gateway.lock().faults.remove(number)
    }

    /// Takes all faults out of force.
    pub fn clear_faults(&self) {
        let mut account = self.gateway.lock();
        account.faults.clear();
        account.shadows.clear();
    }

    /// Takes a region down, for all its workspaces.
    ///
    /// # Errors
    /// [`Error::UnknownRegion`].
    pub fn region_down(&self, region: &str, outage: Outage) -> Result<(), Error> {
        let mut account = self.gateway.lock();
        account.settle();
        account.check_region(region)?;
        account.world.outages.insert(region.to_owned(), outage);
        if outage.life_stops {
            account.stop(region);
        } else {
            account.resume(region);
            account.settle();
        }
        Ok(())
    }

    /// All machines of a region are lost, as when the power fails: clusters and warehouses end, the tasks on them fail and are
    /// tried again as their jobs say. Where life stands still it shows when life goes on.
    ///
    /// # Errors
    /// [`Error::UnknownRegion`].
    pub fn lose_machines(&self, region: &str) -> Result<(), Error> {
        let mut account = self.gateway.lock();
        account.settle();
        account.check_region(region)?;
        for at in 0..account.world.workspaces.len() {
            if account.world.workspaces[at].region == region {
                let now_ms = account.world.now_ms;
                account.world.agenda.enter(now_ms, at, Event::MachinesAreLost);
            }
        }
        account.settle();
        Ok(())
    }

    /// The regions that there are, each with what is wrong with it.
    #[must_use]
    pub fn regions(&self) -> BTreeMap<String, Option<Outage>> {
        let account = self.gateway.lock();
        let outages = &account.world.outages;
        let regions = account.world.workspaces.iter().map(|workspace| workspace.region.clone());
        regions.map(|region| (region.clone(), outages.get(&region).copied())).collect()
    }

    /// Brings a region back.
    ///
    /// # Errors
    /// [`Error::UnknownRegion`].
    pub fn region_up(&self, region: &str) -> Result<(), Error> {
        let mut account = self.gateway.lock();
        account.settle();
        account.check_region(region)?;
        account.world.outages.remove(region);
        account.resume(region);
        account.settle();
        Ok(())
    }

    /// Sends a caller from outside on its way. Returns its number.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`], or [`Error::Refused`] if its schedule cannot be read.
    pub fn add_caller(&self, caller: Caller) -> Result<u64, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        callers::add(&mut account, caller)
    }

    /// The callers that are on their way, by number.
    #[must_use]
    pub fn callers(&self) -> BTreeMap<u64, Caller> {
        self.gateway.lock().world.callers.clone()
    }

    /// Calls a caller off. Returns whether it was on its way.
    pub fn remove_caller(&self, number: u64) -> bool {
        self.gateway.lock().world.callers.remove(&number).is_some()
    }

    /// Acts as a person at a workspace, through the services that the API has: no network, no sign-in, no limits, no
    /// faults. `target` is a path with its query.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`]. What the service refuses is not an error: see [`Acted::status`].
    pub fn act(
        &self,
        workspace: &str,
        actor: &str,
        method: &Method,
        target: &str,
        body: Option<Value>,
    ) -> Result<Acted, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let outcome = account.dispatch(at, &Request::of(method.clone(), target, body), actor);
        Ok(match outcome {
            Ok(Reply::Json(body)) => Acted { status: 200, body },
            Ok(Reply::Raw { bytes, .. }) => {
                Acted { status: 200, body: Value::String(String::from_utf8_lossy(&bytes).into_owned()) }
            }
            Err(refusal) => Acted { status: refusal.status, body: account.refusal_document(&refusal) },
        })
    }

    /// Gives somebody access to a workspace; the home folder appears.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn add_user(&self, workspace: &str, user_name: &str) -> Result<(), Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        tree::add_user(&mut account.stage(at, "control"), user_name);
        Ok(())
    }

    /// A notebook of somebody runs another one, on a cluster if one is named. Returns the run's id.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn run_notebook(
        &self,
        workspace: &str,
        actor: &str,
        path: &str,
        cluster_id: Option<&str>,
    ) -> Result<i64, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let run = runs::run_notebook(&mut account.stage(at, actor), path, cluster_id);
        account.settle();
        Ok(run)
    }

    /// Files arrive at a URL that triggers may watch. Returns how many fired.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn files_arrive(&self, workspace: &str, url: &str) -> Result<usize, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let fired = triggers::files_arrive(&mut account.stage(at, "control"), url);
        account.settle();
        Ok(fired)
    }

    /// A table is written that triggers may watch. Returns how many fired.
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn table_updated(&self, workspace: &str, table: &str) -> Result<usize, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let fired = triggers::table_updated(&mut account.stage(at, "control"), table);
        account.settle();
        Ok(fired)
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn effects(&self, query: &EffectQuery) -> Vec<Effect> {
        let mut account = self.gateway.lock();
        account.settle();
        account.world.effects.find(query).cloned().collect()
    }

    /// How many effects there have been: a cheap way to see that there were none since.
    #[must_use]
    pub fn effect_count(&self) -> u64 {
        let mut account = self.gateway.lock();
        account.settle();
        account.world.effects.len() as u64
    }

    /// What went on at a workspace between two moments: did anything start, fire, run or bill?
    ///
    /// # Errors
    /// [`Error::UnknownWorkspace`].
    pub fn activity(&self, workspace: &str, from: Timestamp, to: Timestamp) -> Result<Activity, Error> {
        let mut account = self.gateway.lock();
        account.settle();
        let at = account.place(workspace)?;
        let (from_ms, to_ms) = (from.as_millisecond(), to.as_millisecond());
        let query = EffectQuery {
            workspace: Some(workspace.to_owned()),
            from_ms: Some(from_ms),
            to_ms: Some(to_ms),
            ..EffectQuery::default()
        };
        let mut activity = Activity::default();
        for effect in account.world.effects.find(&query) {
            match effect.deed {
                Deed::Started => activity.started += 1,
                Deed::Fired => activity.fired += 1,
                Deed::Ran => activity.ran += 1,
                Deed::Skipped => activity.skipped += 1,
                Deed::Queued => activity.queued += 1,
                Deed::Created | Deed::Updated | Deed::Deleted | Deed::Stopped | Deed::Ended => {}
            }
        }
        let to_ms = to_ms.min(account.world.now_ms);
        account.world.workspaces[at].meters.add_to(&mut activity, from_ms, to_ms);
        Ok(activity)
    }

    /// Asks whoever serves the account to stop.
    pub fn ask_to_stop(&self) {
        self.gateway.stopping.send_replace(true);
    }
}
