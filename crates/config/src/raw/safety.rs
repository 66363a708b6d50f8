//! What was typed under a group's `safety`.

use super::{Text, text, within};
use crate::fields::{At, Fields, Item};

#[derive(Debug, Default)]
pub(crate) struct RawSafety {
    pub(crate) promotions: Option<bool>,
    pub(crate) windows: Vec<RawWindow>,
    pub(crate) settle: Text,
    pub(crate) max_loss: Text,
    pub(crate) approvals: Option<RawApprovals>,
    pub(crate) hooks: Vec<RawHook>,
    pub(crate) commit_window: Text,
    pub(crate) drain: Text,
}

#[derive(Debug)]
pub(crate) struct RawWindow {
    /// None: every day.
    pub(crate) days: Option<At<Vec<At<String>>>>,
    pub(crate) from: Text,
    pub(crate) to: Text,
    pub(crate) zone: Text,
}

#[derive(Debug)]
pub(crate) struct RawApprovals {
    pub(crate) required: Text,
    pub(crate) of: Vec<At<String>>,
    pub(crate) expire: Text,
}

#[derive(Debug)]
pub(crate) struct RawHook {
    pub(crate) before: Text,
    pub(crate) after: Text,
    /// A program and its arguments.
    pub(crate) run: Option<At<Vec<String>>>,
    pub(crate) webhook: Text,
    pub(crate) headers: Option<At<Vec<Header>>>,
    pub(crate) secret: Text,
    pub(crate) timeout: Text,
    pub(crate) on_failure: Text,
}

/// A header's name and value.
pub(crate) type Header = (At<String>, At<String>);

impl RawSafety {
    pub(crate) fn read(item: Option<Item<'_>>) -> Self {
        let mut safety = Self::default();
        within(item, |fields| {
            safety = Self {
                promotions: fields.get("promotions").and_then(|item| item.switch()),
                windows: each(fields.get("windows"), RawWindow::read),
                settle: text(fields.get("settle")),
                max_loss: text(fields.get("max_loss")),
                approvals: None,
                hooks: each(fields.get("hooks"), RawHook::read),
                commit_window: text(fields.get("commit_window")),
                drain: text(fields.get("drain")),
            };
            within(fields.get("approvals"), |fields| safety.approvals = Some(RawApprovals::read(fields)));
        });
        safety
    }
}

impl RawWindow {
    fn read(fields: &Fields<'_>) -> Self {
        let days = |item: Item<'_>| At {
            value: if item.is_list() { item.texts() } else { item.text().into_iter().collect() },
            spot: item.spot.clone(),
        };
        Self {
            days: fields.get("days").map(days),
            from: text(fields.need("from", "say when it opens, such as 22:00")),
            to: text(fields.need("to", "say when it closes, such as 04:00")),
            zone: text(fields.need("zone", "say by whose clock, such as Europe/Berlin or UTC")),
        }
    }
}

impl RawApprovals {
    fn read(fields: &Fields<'_>) -> Self {
        let of = fields.need_some("of", "name who may approve, such as [ana, ben]");
        Self {
            required: text(fields.need("required", "say how many people, such as 2")),
            of: of.map_or_else(Vec::new, |item| item.texts()),
            expire: text(fields.get("expire")),
        }
    }
}

impl RawHook {
    fn read(fields: &Fields<'_>) -> Self {
        let run = fields.get("run").map(|item| At {
            value: item.texts().into_iter().map(|word| word.value).collect(),
            spot: item.spot.clone(),
        });
        let headers = fields.get("headers").map(|item| At {
            value: item.named().into_iter().filter_map(|(name, item)| Some((name, item.text()?))).collect(),
            spot: item.spot.clone(),
        });
        let (before, after, webhook) = (fields.get("before"), fields.get("after"), fields.get("webhook"));
        if before.is_none() && after.is_none() {
            fields.missing("before", "name a phase to come before or after, such as before: promote");
        }
        if run.is_none() && webhook.is_none() {
            fields.missing("run", "give a program with its arguments, or a webhook");
        }
        Self {
            before: text(before),
            after: text(after),
            run,
            webhook: text(webhook),
            headers,
            secret: text(fields.get("secret")),
            timeout: text(fields.get("timeout")),
            on_failure: text(fields.get("on_failure")),
        }
    }
}

/// Reads a list of maps of ours.
fn each<T>(item: Option<Item<'_>>, read: impl Fn(&Fields<'_>) -> T) -> Vec<T> {
    let items = item.map_or_else(Vec::new, |item| item.list());
    let one = |item: &Item<'_>| {
        let fields = item.fields()?;
        let value = read(&fields);
        fields.finish();
        Some(value)
    };
    items.iter().filter_map(one).collect()
}
