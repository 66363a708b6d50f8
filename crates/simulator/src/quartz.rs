//! Quartz cron expressions, as job schedules use them.
//!
//! Six or seven fields: seconds, minutes, hours, day of month, month, day of week (1 is Sunday), and perhaps years.
//! One of the two day fields must be `?`. Known: `*`, lists, ranges, steps, names, `L`, `L-3`, `LW`, `15W`, `6L`, `6#3`.
//! Syntax: <http://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html>

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// How far ahead an expression is searched: past a February 29th that a century skips.
const MAX_DAYS: u32 = 366 * 9;

/// A schedule.
#[derive(Clone, Debug)]
pub(crate) struct Quartz {
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
    years: Option<Vec<(i16, i16, i16)>>,
}

#[derive(Clone, Debug)]
enum Days {
    OfMonth(Vec<MonthDay>),
    OfWeek(Vec<WeekDay>),
}

#[derive(Clone, Copy, Debug)]
enum MonthDay {
    Set(u64),
    Last { before: i8 },
    LastWeekday,
    NearestWeekday(i8),
}

#[derive(Clone, Copy, Debug)]
enum WeekDay {
    Set(u64),
    Last(i8),
    Nth(i8, i8),
}

impl Quartz {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        let fields: Vec<String> = expression.split_whitespace().map(str::to_uppercase).collect();
        let [seconds, minutes, hours, day, month, weekday, rest @ ..] = fields.as_slice() else {
            return Err(format!(
                "'{expression}' has {} fields; a Quartz expression has six or seven",
                fields.len()
            ));
        };
        let days = match (day.as_str(), weekday.as_str()) {
            ("?", "?") => {
                return Err("'?' can stand for the day of the month or of the week, not for both".to_owned());
            }
            ("?", _) => Days::OfWeek(weekday.split(',').map(week_day).collect::<Result<_, _>>()?),
            (_, "?") => Days::OfMonth(day.split(',').map(month_day).collect::<Result<_, _>>()?),
            _ => return Err("one of day of month and day of week must be '?'".to_owned()),
        };
        let years = match rest {
            [] => None,
            [years] if years == "*" => None,
            [years] => Some(years.split(',').map(year_range).collect::<Result<_, _>>()?),
            _ => {
                return Err(format!(
                    "'{expression}' has {} fields; a Quartz expression has six or seven",
                    fields.len()
                ));
            }
        };
        Ok(Self {
            seconds: set(seconds, 0, 59, &[])?,
            minutes: set(minutes, 0, 59, &[])?,
            hours: set(hours, 0, 23, &[])?,
            months: set(month, 1, 12, MONTHS)?,
            days,
            years,
        })
    }

    /// The first moment after `after_ms` (epoch milliseconds) at which it fires in a time zone.
    pub(crate) fn next_after(&self, after_ms: i64, zone: &TimeZone) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let local = zone.to_datetime(after);
        let mut date = local.date();
        let mut from = second_of_day(local.time()) + 1;
        for _ in 0..MAX_DAYS {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
                from = 0;
                continue;
            }
            if self.is_day(date) {
                while let Some(second) = self.time_from(from) {
                    let hour = i8::try_from(second / 3600).ok()?;
                    let minute = i8::try_from(second / 60 % 60).ok()?;
                    let moment = date
                        .at(hour, minute, i8::try_from(second % 60).ok()?, 0)
                        .to_zoned(zone.clone())
                        .ok()?;
                    if moment.timestamp() > after {
                        return Some(moment.timestamp().as_millisecond());
                    }
                    from = second + 1;
                }
            }
            date = date.tomorrow().ok()?;
            from = 0;
        }
        None
    }

    /// The first second of a day, at or after `from`, at which it fires.
    fn time_from(&self, from: u32) -> Option<u32> {
        if from >= 86_400 {
            return None;
        }
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if let Some(found) =
            at_least(self.seconds, second).filter(|_| bit(self.hours, hour) && bit(self.minutes, minute))
        {
            return Some(hour * 3600 + minute * 60 + found);
        }
        let first_second = at_least(self.seconds, 0)?;
        if let Some(found) = at_least(self.minutes, minute + 1).filter(|_| bit(self.hours, hour)) {
            return Some(hour * 3600 + found * 60 + first_second);
        }
        let found = at_least(self.hours, hour + 1)?;
        Some(found * 3600 + at_least(self.minutes, 0)? * 60 + first_second)
    }

    fn is_day(&self, date: Date) -> bool {
        let in_years = |years: &Vec<(i16, i16, i16)>| {
            years.iter().any(|(from, to, step)| {
                (*from..=*to).contains(&date.year()) && (date.year() - from) % step == 0
            })
        };
        if !self.years.as_ref().is_none_or(in_years) {
            return false;
        }
        let last = date.days_in_month();
        match &self.days {
            Days::OfMonth(days) => days.iter().any(|day| match day {
                MonthDay::Set(set) => has(*set, date.day()),
                MonthDay::Last { before } => date.day() == last - before,
                MonthDay::LastWeekday => nearest_weekday(date, last) == Some(date.day()),
                MonthDay::NearestWeekday(day) => {
                    *day <= last && nearest_weekday(date, *day) == Some(date.day())
                }
            }),
            Days::OfWeek(days) => {
                let weekday = date.weekday().to_sunday_one_offset();
                days.iter().any(|day| match day {
                    WeekDay::Set(set) => has(*set, weekday),
                    WeekDay::Last(day) => weekday == *day && date.day() > last - 7,
                    WeekDay::Nth(day, nth) => weekday == *day && (date.day() - 1) / 7 + 1 == *nth,
                })
            }
        }
    }
}

fn second_of_day(time: Time) -> u32 {
    let part = |value: i8| u32::try_from(value).unwrap_or(0);
    part(time.hour()) * 3600 + part(time.minute()) * 60 + part(time.second())
}

/// The weekday nearest to a day, within its month.
fn nearest_weekday(date: Date, day: i8) -> Option<i8> {
    let wanted = date.with().day(day).build().ok()?;
    let shifted = match wanted.weekday().to_sunday_one_offset() {
        1 if day < date.days_in_month() => wanted.checked_add(1.day()).ok()?,
        1 => wanted.checked_sub(2.days()).ok()?,
        7 if day > 1 => wanted.checked_sub(1.day()).ok()?,
        7 => wanted.checked_add(2.days()).ok()?,
        _ => wanted,
    };
    Some(shifted.day())
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bit(set, value))
}

fn bit(set: u64, value: u32) -> bool {
    value < 64 && set >> value & 1 == 1
}

fn at_least(set: u64, value: u32) -> Option<u32> {
    let rest = if value >= 64 { 0 } else { set >> value << value };
    (rest != 0).then(|| rest.trailing_zeros())
}

/// A field as a set of numbers.
fn set(field: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    field.split(',').try_fold(0, |set, part| Ok(set | span(part, least, most, names)?))
}

fn span(part: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let wrong = || format!("'{part}' is not between {least} and {most}");
    let number = |text: &str| -> Result<u32, String> {
        let named = names
            .iter()
            .position(|name| *name == text)
            .and_then(|at| u32::try_from(at).ok())
            .map(|at| at + least);
        let number = named.map_or_else(|| text.parse().map_err(|_| wrong()), Ok)?;
        if (least..=most).contains(&number) { Ok(number) } else { Err(wrong()) }
    };
    let (range, step) = match part.split_once('/') {
        None => (part, None),
        Some((range, step)) => {
            (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(wrong)?))
        }
    };
    let (from, to) = match (range, range.split_once('-')) {
        ("*" | "", _) => (least, most),
        (_, Some((from, to))) => (number(from)?, number(to)?),
        (one, None) => (number(one)?, if step.is_some() { most } else { number(one)? }),
    };
    let width = most - least + 1;
    let length = if to >= from { to - from } else { to + width - from };
    Ok((0..=length).step_by(step.unwrap_or(1) as usize).fold(0, |set, offset| {
        let value = from + offset;
        set | 1 << if value > most { value - width } else { value }
    }))
}

fn month_day(part: &str) -> Result<MonthDay, String> {
    let day = |text: &str| {
        text.parse::<i8>()
            .ok()
            .filter(|day| (0..=31).contains(day))
            .ok_or(format!("'{part}' is not a day of a month"))
    };
    Ok(match part {
        "L" => MonthDay::Last { before: 0 },
        "LW" | "WL" => MonthDay::LastWeekday,
        _ => match (part.strip_prefix("L-"), part.strip_suffix('W')) {
            (Some(before), _) => MonthDay::Last { before: day(before)? },
            (None, Some(near)) => MonthDay::NearestWeekday(day(near)?.max(1)),
            (None, None) => MonthDay::Set(span(part, 1, 31, &[])?),
        },
    })
}

fn week_day(part: &str) -> Result<WeekDay, String> {
    let one = |text: &str| -> Result<i8, String> {
        let set = span(text, 1, 7, WEEKDAYS)?;
        i8::try_from(set.trailing_zeros()).map_err(|error| error.to_string())
    };
    if part == "L" {
        return Ok(WeekDay::Set(1 << 7));
    }
    if let Some((day, nth)) = part.split_once('#') {
        let nth = nth
            .parse()
            .ok()
            .filter(|nth| (1..=5).contains(nth))
            .ok_or(format!("'{part}' does not name a week"))?;
        return Ok(WeekDay::Nth(one(day)?, nth));
    }
    match part.strip_suffix('L') {
        Some(day) => Ok(WeekDay::Last(one(day)?)),
        None => Ok(WeekDay::Set(span(part, 1, 7, WEEKDAYS)?)),
    }
}

fn year_range(part: &str) -> Result<(i16, i16, i16), String> {
    let wrong = || format!("'{part}' is not a year");
    let year =
        |text: &str| text.parse::<i16>().ok().filter(|year| (1970..=2099).contains(year)).ok_or_else(wrong);
    let (range, step) = part.split_once('/').unwrap_or((part, "1"));
    let step = step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?;
    Ok(match range.split_once('-') {
        _ if range == "*" => (1970, 2099, step),
        Some((from, to)) => (year(from)?, year(to)?, step),
        None if part.contains('/') => (year(range)?, 2099, step),
        None => (year(range)?, year(range)?, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first `count` moments after a date, in a zone.
    fn fires(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let quartz = Quartz::parse(expression).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut at: i64 = after.parse::<Timestamp>().unwrap().as_millisecond();
        (0..count)
            .map(|_| {
                at = quartz.next_after(at, &zone).unwrap();
                Timestamp::from_millisecond(at).unwrap().to_string()
            })
            .collect()
    }

    #[test]
    fn fires_when_quartz_would() {
        let after = "2026-01-31T23:00:00Z";
        assert_eq!(
            fires("0 0/30 * * * ?", "UTC", after, 2),
            ["2026-01-31T23:30:00Z", "2026-02-01T00:00:00Z"]
        );
        assert_eq!(
            fires("15 10 6 ? * MON-FRI", "UTC", after, 2),
            ["2026-02-02T06:10:15Z", "2026-02-03T06:10:15Z"]
        );
        assert_eq!(fires("0 0 12 L * ?", "UTC", after, 2), ["2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"]);
        assert_eq!(fires("0 0 0 ? * 6#3", "UTC", after, 1), ["2026-02-20T00:00:00Z"]);
        assert_eq!(fires("0 0 0 ? * 6L", "UTC", after, 1), ["2026-02-27T00:00:00Z"]);
        assert_eq!(fires("0 0 0 LW * ?", "UTC", after, 1), ["2026-02-27T00:00:00Z"]);
        assert_eq!(fires("0 0 0 1W * ?", "UTC", after, 1), ["2026-02-02T00:00:00Z"]);
        assert_eq!(fires("0 0 0 29 2 ? *", "UTC", after, 1), ["2028-02-29T00:00:00Z"]);
        assert_eq!(
            fires("0 0 22-1/2 * * ?", "UTC", after, 2),
            ["2026-02-01T00:00:00Z", "2026-02-01T22:00:00Z"]
        );
    }

    #[test]
    fn time_zones_keep_the_hour_on_the_wall() {
        let around = fires("0 0 9 * * ?", "Europe/Berlin", "2026-03-28T00:00:00Z", 2);
        assert_eq!(around, ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]);
    }

    #[test]
    fn nonsense_is_refused() {
        for expression in [
            "",
            "* * * * *",
            "0 0 0 * * *",
            "0 0 0 ? * ?",
            "0 61 0 * * ?",
            "0 0 0 32 * ?",
            "0 0 0 ? * 8",
            "0 0 0 1 * ? 1",
        ] {
            assert!(Quartz::parse(expression).is_err(), "{expression}");
        }
    }
}
