//! Windows for planned moves: days, hours, and by whose clock.

use jiff::civil::Time;
use twinlake_model::safety::{Day, Days, Window, Zone};

use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::safety::RawWindow;
use crate::suggest;

/// Checks a window. None only if the report says why.
pub(crate) fn check(raw: &RawWindow, report: &Report) -> Option<Window> {
    let days = match &raw.days {
        Some(typed) => days(typed, report),
        None => Some(Day::every()),
    };
    let from = raw.from.as_ref().and_then(|typed| time(typed, "00:00", report));
    let to = raw.to.as_ref().and_then(|typed| time(typed, "24:00", report));
    let zone = raw.zone.as_ref().and_then(|typed| zone(typed, report));
    let (from, to) = (from?, to?);
    let is_whole_day =
        from == Time::midnight() && raw.to.as_ref().is_some_and(|to| to.value.trim() == "24:00");
    if let Some(typed) = raw.to.as_ref().filter(|_| from == to && !is_whole_day) {
        report.add(
            Problem::at(&typed.spot, "closes when it opens")
                .suggest("for a whole day write from: 00:00, to: 24:00".to_owned()),
        );
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

/// `sat`, `mon-fri`, `fri-mon`, each item perhaps several with commas between them.
fn days(typed: &At<Vec<At<String>>>, report: &Report) -> Option<Days> {
    if typed.value.is_empty() {
        report.problem(&typed.spot, "is empty: name the days, or leave days out for every day");
    }
    let mut found = Days::new();
    let mut is_whole = true;
    for item in &typed.value {
        for part in item.value.split(',') {
            match range(part.trim()) {
                Ok(days) => found.extend(days),
                Err(word) => {
                    let names = Day::ALL.iter().map(|(_, name)| *name);
                    let suggestion = suggest::did_you_mean(word, names)
                        .unwrap_or_else(|| "write mon, sat-sun or [tue, thu]".to_owned());
                    report.add(Problem::at(&item.spot, format!("{word:?} is not a day")).suggest(suggestion));
                    is_whole = false;
                }
            }
        }
    }
    (is_whole && !found.is_empty()).then_some(found)
}

/// The days of one part, or the word in it that is none.
fn range(part: &str) -> Result<Days, &str> {
    let (first, last) =
        part.split_once('-').map_or((part, part), |(first, last)| (first.trim(), last.trim()));
    let at = |word| {
        let is = |(_, name): &(Day, &str)| name.eq_ignore_ascii_case(word);
        Day::ALL.iter().position(is).ok_or(word)
    };
    let (first, last) = (at(first)?, at(last)?);
    // A range may run over the end of the week.
    let length = (last + Day::ALL.len() - first) % Day::ALL.len() + 1;
    Ok(Day::ALL.iter().cycle().skip(first).take(length).map(|(day, _)| *day).collect())
}

/// `22:00`. `midnight` is how the day's own midnight is written: 00:00 opens a day, 24:00 closes it.
fn time(typed: &At<String>, midnight: &str, report: &Report) -> Option<Time> {
    let text = typed.value.trim();
    if text == midnight {
        return Some(Time::midnight());
    }
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let is_number = |part: &str| matches!(part.len(), 1..=2) && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(hour) || minute.len() != 2 || !is_number(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let time = read();
    if time.is_none() {
        report.problem(&typed.spot, format!("{text:?} is not a time of day such as 22:00"));
    }
    time
}

fn zone(typed: &At<String>, report: &Report) -> Option<Zone> {
    let text = typed.value.trim();
    let zone = Zone::named(text);
    if let Err(error) = &zone {
        let meant = suggest::did_you_mean(text, Zone::names());
        report.add(Problem::at(&typed.spot, error.to_string()).suggest(meant));
    }
    zone.ok()
}
