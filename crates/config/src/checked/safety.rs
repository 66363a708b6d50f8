//! Safety rules: under which a group may be moved, and what is called on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use twinlake_model::Safety;
use twinlake_model::safety::{
    Approvals, DEFAULT_APPROVAL_EXPIRY, DEFAULT_HOOK_TIMEOUT, Hook, HookCall, OnFailure, Promotions, When,
};

use crate::checked::group::read_duration;
use crate::checked::{name, setting, window};
use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::safety::{RawApprovals, RawHook, RawSafety};
use crate::suggest;

/// What the file says beyond the group, and what is known.
pub(crate) struct Beyond<'a> {
    /// Whether the estate's master switch is on.
    pub(crate) promotions: bool,
    /// The phases that runs have. Empty: any name will do.
    pub(crate) phases: &'a [String],
    pub(crate) report: &'a Report,
}

/// Checks the rules of one group.
pub(crate) fn check(raw: &RawSafety, beyond: &Beyond<'_>) -> Safety {
    let report = beyond.report;
    let default = Safety::default();
    let or = |typed: &Option<At<String>>, default: Duration| {
        typed.as_ref().and_then(|typed| read_duration(typed, report)).unwrap_or(default)
    };
    Safety {
        promotions: match (beyond.promotions, raw.promotions) {
            (false, _) => Promotions::OffEverywhere,
            (true, Some(false)) => Promotions::Off,
            (true, _) => Promotions::On,
        },
        windows: raw.windows.iter().filter_map(|raw| window::check(raw, report)).collect(),
        settle: or(&raw.settle, default.settle),
        max_loss: raw.max_loss.as_ref().and_then(|typed| read_duration(typed, report)),
        approvals: raw.approvals.as_ref().map_or(default.approvals, |raw| approvals(raw, report)),
        hooks: raw.hooks.iter().filter_map(|raw| hook(raw, beyond)).collect(),
        commit_window: or(&raw.commit_window, default.commit_window),
        drain: or(&raw.drain, default.drain),
    }
}

fn approvals(raw: &RawApprovals, report: &Report) -> Approvals {
    let mut of: Vec<&At<String>> = Vec::new();
    for person in &raw.of {
        // Names that differ by case alone are one person to everybody but a computer.
        let twice = of.iter().find(|other| other.value.to_lowercase() == person.value.to_lowercase());
        match twice {
            Some(first) => report.add(
                Problem::at(&person.spot, format!("{:?} is named twice, and counts once", person.value))
                    .related(&first.spot.mark, "first named here"),
            ),
            None => of.push(person),
        }
    }
    let required = raw.required.as_ref().map_or(0, |typed| required(typed, of.len(), report));
    let expire =
        raw.expire.as_ref().and_then(|typed| positive(typed, "no approval would ever count", report));
    Approvals {
        required,
        of: of.into_iter().map(|person| person.value.clone()).collect(),
        expire: expire.unwrap_or(DEFAULT_APPROVAL_EXPIRY),
    }
}

fn required(typed: &At<String>, people: usize, report: &Report) -> usize {
    let problem = |message: String| Problem::at(&typed.spot, message);
    match typed.value.parse() {
        Ok(0) => report
            .add(problem("asks nobody".to_owned()).suggest("leave approvals out to ask nobody".to_owned())),
        // A list without a name has its own problem.
        Ok(required) if required > people && people > 0 => {
            report
                .add(problem(format!("asks for {required} of {people}, so nothing could ever be approved")));
        }
        Ok(required) => return required,
        Err(_) => report.add(problem(format!("{:?} is not a number of people", typed.value))),
    }
    0
}

fn positive(typed: &At<String>, consequence: &str, report: &Report) -> Option<Duration> {
    let duration = read_duration(typed, report)?;
    if duration.is_zero() {
        report.problem(&typed.spot, format!("is no time at all: {consequence}"));
        return None;
    }
    Some(duration)
}

fn hook(raw: &RawHook, beyond: &Beyond<'_>) -> Option<Hook> {
    let report = beyond.report;
    let when = when(raw, beyond);
    let call = call(raw, report);
    let timeout = match &raw.timeout {
        Some(typed) => positive(typed, "it would always fail", report),
        None => Some(DEFAULT_HOOK_TIMEOUT),
    };
    let on_failure = on_failure(raw, report);
    Some(Hook { when: when?, call: call?, timeout: timeout?, on_failure: on_failure? })
}

fn when(raw: &RawHook, beyond: &Beyond<'_>) -> Option<When> {
    for phase in raw.before.iter().chain(&raw.after) {
        if !beyond.phases.is_empty() && !beyond.phases.contains(&phase.value) {
            name::refuse_unknown("phase", phase, beyond.phases.iter().map(String::as_str), beyond.report);
        }
    }
    match (&raw.before, &raw.after) {
        (Some(before), Some(after)) => {
            refuse_both(after, before, "is before a phase already; make it two hooks", beyond.report);
            None
        }
        (Some(before), None) => Some(When::Before(before.value.clone())),
        (None, after) => after.as_ref().map(|after| When::After(after.value.clone())),
    }
}

fn refuse_both<T, U>(one: &At<T>, other: &At<U>, message: &str, report: &Report) {
    report.add(Problem::at(&one.spot, message).related(&other.spot.mark, "the other one is here"));
}

fn call(raw: &RawHook, report: &Report) -> Option<HookCall> {
    let headers = raw.headers.as_ref().map(|headers| setting::headers(&headers.value, report));
    let secret = raw.secret.as_ref().map(|typed| setting::secret(typed, "token", report));
    let url = raw.webhook.as_ref().map(|typed| setting::url(typed, report));
    let Some(run) = &raw.run else {
        return Some(HookCall::Webhook {
            url: url??,
            headers: headers.unwrap_or_else(|| Some(BTreeMap::new()))?,
            secret: match secret {
                Some(secret) => Some(secret?.to_string()),
                None => None,
            },
        });
    };
    if let Some(webhook) = &raw.webhook {
        refuse_both(webhook, run, "runs a program already; make it two hooks", report);
        return None;
    }
    let of_webhooks = raw.headers.as_ref().map(|headers| &headers.spot).into_iter();
    for spot in of_webhooks.chain(raw.secret.as_ref().map(|secret| &secret.spot)) {
        report.problem(spot, "is for a webhook; a program reads its environment");
    }
    if run.value.is_empty() {
        report.problem(&run.spot, "names no program; write a list such as [./notify.sh, start]");
        return None;
    }
    Some(HookCall::Run(run.value.clone()))
}

/// Before a phase a failure stops the run unless told otherwise; after one there is nothing left to stop.
fn on_failure(raw: &RawHook, report: &Report) -> Option<OnFailure> {
    let comes_after = raw.after.is_some();
    let Some(typed) = &raw.on_failure else {
        return Some(if comes_after { OnFailure::GoOn } else { OnFailure::Abort });
    };
    match typed.value.as_str() {
        "go_on" => Some(OnFailure::GoOn),
        "abort" if !comes_after => Some(OnFailure::Abort),
        "abort" => {
            report.add(
                Problem::at(&typed.spot, "cannot abort a phase that is done")
                    .suggest("write go_on, or put the hook before the phase that must not begin".to_owned()),
            );
            None
        }
        other => {
            report.add(
                Problem::at(&typed.spot, format!("{other:?} is not what a failure can mean: abort or go_on"))
                    .suggest(suggest::did_you_mean(other, ["abort", "go_on"])),
            );
            None
        }
    }
}
