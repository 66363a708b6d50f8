//! What makes jobs run without being asked: schedules, periods, continuity, arrivals.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::agenda::Event;
use crate::collections::Document;
use crate::effects::Deed;
use crate::quartz::Quartz;
use crate::refusal::Refusal;
use crate::services::runs::{self, Beginning};
use crate::stage::Stage;

/// A trigger of a job.
#[derive(Clone, Debug)]
pub(crate) enum Trigger {
    Cron {
        quartz: Box<Quartz>,
        zone: TimeZone,
    },
    Periodic {
        every_ms: i64,
    },
    Continuous,
    /// Files arrive under a URL.
    Files {
        url: String,
    },
    /// Tables are updated.
    Tables {
        names: Vec<String>,
    },
    /// Something else that only others can bring about.
    Other,
}

impl Trigger {
    /// As a run names what started it.
    pub(crate) const fn run_trigger(&self) -> &'static str {
        match self {
            Self::Cron { .. } | Self::Periodic { .. } => "PERIODIC",
            Self::Continuous => "CONTINUOUS",
            Self::Files { .. } => "FILE_ARRIVAL",
            Self::Tables { .. } => "TABLE",
            Self::Other => "ONE_TIME",
        }
    }
}

/// The triggers of a job's settings, each with whether it is active.
pub(crate) fn of(settings: &Document) -> Result<Vec<(Trigger, bool)>, Refusal> {
    let mut triggers = Vec::new();
    let active = |value: &Value| value.get("pause_status").and_then(Value::as_str) != Some("PAUSED");
    if let Some(schedule) = settings.get("schedule") {
        triggers.push((cron(schedule)?, active(schedule)));
    }
    if let Some(trigger) = settings.get("trigger") {
        triggers.push((other(trigger)?, active(trigger)));
    }
    if let Some(continuous) = settings.get("continuous") {
        triggers.push((Trigger::Continuous, active(continuous)));
    }
    for trigger in settings.get("triggers").and_then(Value::as_array).into_iter().flatten() {
        let parsed = match trigger.get("schedule") {
            Some(schedule) => cron(schedule)?,
            None if trigger.get("continuous").is_some() => Trigger::Continuous,
            None => other(trigger)?,
        };
        triggers.push((parsed, active(trigger)));
    }
    Ok(triggers)
}

fn cron(schedule: &Value) -> Result<Trigger, Refusal> {
    let text = |key: &str| schedule.get(key).and_then(Value::as_str).unwrap_or("");
    let quartz = Quartz::parse(text("quartz_cron_expression")).map_err(|why| {
        Refusal::bad_field("quartz_cron_expression", format!("Invalid quartz_cron_expression: {why}"))
    })?;
    let zone = TimeZone::get(text("timezone_id")).map_err(|_| {
        Refusal::bad_field("timezone_id", format!("Invalid timezone_id '{}'", text("timezone_id")))
    })?;
    Ok(Trigger::Cron { quartz: Box::new(quartz), zone })
}

fn other(trigger: &Value) -> Result<Trigger, Refusal> {
    if let Some(periodic) = trigger.get("periodic") {
        let minutes = match periodic.get("unit").and_then(Value::as_str) {
            Some("MINUTES") => 1,
            Some("HOURS") => 60,
            Some("DAYS") => 1440,
            Some("WEEKS") => 10_080,
            _ => {
                return Err(Refusal::bad_field(
                    "trigger.periodic.unit",
                    "unit must be MINUTES, HOURS, DAYS or WEEKS",
                ));
            }
        };
        let interval = periodic.get("interval").and_then(Value::as_i64).filter(|interval| *interval > 0);
        let interval = interval
            .ok_or_else(|| Refusal::bad_field("trigger.periodic.interval", "interval must be positive"))?;
        return Ok(Trigger::Periodic { every_ms: interval * minutes * 60_000 });
    }
    if let Some(files) = trigger.get("file_arrival") {
        let url = files.get("url").and_then(Value::as_str).filter(|url| !url.is_empty());
        let url =
            url.ok_or_else(|| Refusal::bad_field("trigger.file_arrival.url", "Missing required field: url"))?;
        return Ok(Trigger::Files { url: url.to_owned() });
    }
    if let Some(tables) = trigger.get("table_update") {
        let names = tables.get("table_names").and_then(Value::as_array).into_iter().flatten();
        return Ok(Trigger::Tables { names: names.filter_map(Value::as_str).map(str::to_owned).collect() });
    }
    Ok(Trigger::Other)
}

/// Enters a job's triggers into the agenda. Entries of before are void.
pub(crate) fn arm(stage: &mut Stage<'_>, id: i64) {
    let Some(job) = stage.ws.jobs.get_mut(id) else { return };
    job.generation += 1;
    let (generation, settings) = (job.generation, job.settings.clone());
    for (index, (trigger, active)) in of(&settings).unwrap_or_default().iter().enumerate() {
        if *active && let Some(due_ms) = next_ms(trigger, stage.now, true) {
            stage.at_ms(due_ms, Event::JobFires { id, generation, trigger: index });
        }
    }
}

fn next_ms(trigger: &Trigger, now_ms: i64, first: bool) -> Option<i64> {
    match trigger {
        Trigger::Cron { quartz, zone } => quartz.next_after(now_ms, zone),
        Trigger::Periodic { every_ms } => Some(now_ms + every_ms),
        Trigger::Continuous => first.then_some(now_ms),
        Trigger::Files { .. } | Trigger::Tables { .. } | Trigger::Other => None,
    }
}

/// A trigger of a job is due.
pub(crate) fn fire(stage: &mut Stage<'_>, id: i64, generation: u32, index: usize) {
    let Some(job) = stage.ws.jobs.get(id).filter(|job| job.generation == generation) else { return };
    let Ok(triggers) = of(&job.settings) else { return };
    let Some((trigger, true)) = triggers.get(index) else { return };
    if matches!(trigger, Trigger::Continuous) && stage.ws.runs.is_active(id) {
        return;
    }
    begin(stage, id, trigger);
    if let Some(due_ms) = next_ms(trigger, stage.now, false) {
        stage.at_ms(due_ms, Event::JobFires { id, generation, trigger: index });
    }
}

fn begin(stage: &mut Stage<'_>, id: i64, trigger: &Trigger) {
    stage.effect(Deed::Fired, "job", id, trigger.run_trigger());
    runs::begin_job(stage, id, Beginning { trigger: trigger.run_trigger(), ..Beginning::default() });
}

/// Files have arrived at a URL: every active trigger that watches it fires. Returns how many.
pub(crate) fn files_arrive(stage: &mut Stage<'_>, url: &str) -> usize {
    fire_matching(
        stage,
        |trigger| matches!(trigger, Trigger::Files { url: watched } if url.starts_with(watched.as_str())),
    )
}

/// A table was updated.
pub(crate) fn table_updated(stage: &mut Stage<'_>, name: &str) -> usize {
    fire_matching(
        stage,
        |trigger| matches!(trigger, Trigger::Tables { names } if names.iter().any(|watched| watched == name)),
    )
}

fn fire_matching(stage: &mut Stage<'_>, matches: impl Fn(&Trigger) -> bool) -> usize {
    let due: Vec<(i64, Trigger)> = stage
        .ws
        .jobs
        .iter()
        .flat_map(|job| of(&job.settings).unwrap_or_default().into_iter().map(|trigger| (job.id, trigger)))
        .filter(|(_, (trigger, active))| *active && matches(trigger))
        .map(|(id, (trigger, _))| (id, trigger))
        .collect();
    for (id, trigger) in &due {
        begin(stage, *id, trigger);
    }
    due.len()
}

/// A run of a continuous job has ended: the next follows, after a failure with a pause that grows.
pub(crate) fn follow_up(stage: &mut Stage<'_>, id: i64, failures: u32) {
    let Some(job) = stage.ws.jobs.get(id) else { return };
    let generation = job.generation;
    let triggers = of(&job.settings).unwrap_or_default();
    let Some(index) =
        triggers.iter().position(|(trigger, active)| *active && matches!(trigger, Trigger::Continuous))
    else {
        return;
    };
    let pause_seconds = if failures == 0 { 0 } else { 60u64 << failures.min(6) };
    stage.after_seconds(pause_seconds, Event::JobFires { id, generation, trigger: index });
}
