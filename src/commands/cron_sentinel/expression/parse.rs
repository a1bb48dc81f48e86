//! From the text of an expression to its fields, by the grammar of each dialect.

use super::calendar::Expression;
use super::days::Days;
use crate::commands::cron_sentinel::dialect::{DayRule, Dialect};
use crate::format::duration;
use std::collections::BTreeSet;
use std::time::Duration;

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The years that a field of years may name.
const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2099;

/// A field: its name, its bounds, and names for its values.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
    dialect: Dialect,
}

/// The values of a field, and whether one part of it is `*`.
#[derive(Clone, Copy, Default)]
struct Values {
    bits: u64,
    is_star: bool,
}

/// What an expression says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The zone that stands in front of it.
    pub(crate) zone: Option<String>,
    pub(crate) timing: Timing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    Calendar(Expression),
    /// So long after the run before, whenever that was.
    Every(Duration),
}

/// Reads an expression; one that never comes is refused.
pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Parsed, String> {
    let text = text.trim();
    let (zone, rest) = zone(text, dialect)?;
    if let Some(every) = rest.strip_prefix("@every") {
        return Ok(Parsed { zone, timing: Timing::Every(interval(text, every, dialect)?) });
    }
    let resolved = match MACROS.iter().find(|(name, _)| rest.eq_ignore_ascii_case(name)) {
        Some((_, fields)) if dialect != Dialect::QuartzLike => fields,
        _ if rest.starts_with('@') => {
            let known: Vec<&str> = MACROS.iter().map(|(name, _)| *name).collect();
            return Err(match dialect {
                Dialect::QuartzLike => format!("`{text}`: the dialect quartz-like has no such names"),
                Dialect::Vixie | Dialect::Kubernetes => format!("`{text}` is none of {}", known.join(", ")),
            });
        }
        _ => rest,
    };
    let parts: Vec<&str> = resolved.split_whitespace().collect();
    let expression = match (dialect, parts.as_slice()) {
        (Dialect::QuartzLike, [second, rest @ .., year]) if rest.len() == 5 => {
            fields(dialect, second, rest, Some(year))?
        }
        (Dialect::QuartzLike, [second, rest @ ..]) if rest.len() == 5 => fields(dialect, second, rest, None)?,
        (Dialect::Vixie | Dialect::Kubernetes, rest) if rest.len() == 5 => fields(dialect, "0", rest, None)?,
        _ => {
            let wanted = match dialect {
                Dialect::QuartzLike => {
                    "six or seven are wanted: second, minute, hour, day of month, month, day of week, year"
                }
                Dialect::Vixie | Dialect::Kubernetes => {
                    "five are wanted: minute, hour, day of month, month, day of week"
                }
            };
            return Err(format!("`{text}` has {} fields; {wanted}", parts.len()));
        }
    };
    if !expression.comes() {
        return Err(format!("`{text}` never comes"));
    }
    Ok(Parsed { zone, timing: Timing::Calendar(expression) })
}

/// A zone in front of the expression, and what is behind it.
fn zone(text: &str, dialect: Dialect) -> Result<(Option<String>, &str), String> {
    let Some(zone) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok((None, text));
    };
    if dialect != Dialect::Kubernetes {
        let dialect = dialect.as_str();
        return Err(format!(
            "`{text}`: the dialect {dialect} has no CRON_TZ= in an expression; write timezone"
        ));
    }
    let (zone, rest) = zone.split_once(char::is_whitespace).unwrap_or((zone, ""));
    Ok((Some(zone.to_owned()), rest.trim()))
}

fn interval(text: &str, every: &str, dialect: Dialect) -> Result<Duration, String> {
    if dialect != Dialect::Kubernetes {
        return Err(format!("`{text}`: the dialect {} has no @every", dialect.as_str()));
    }
    let interval = duration::parse(every.trim()).map_err(|error| format!("`{text}`: {error}"))?;
    // A second is the least that the scheduler counts in.
    Ok(Duration::from_secs(interval.as_secs().max(1)))
}

fn fields(dialect: Dialect, second: &str, rest: &[&str], year: Option<&str>) -> Result<Expression, String> {
    let [minute, hour, day, month, weekday] = *rest else {
        return Err("an expression has five fields behind its seconds".to_owned());
    };
    let field = |name, least, most, names| Field { name, least, most, names, dialect };
    let minutes = field("minute", 0, 59, &[]).parse(minute)?;
    let hours = field("hour", 0, 23, &[]).parse(hour)?;
    Ok(Expression {
        seconds: field("second", 0, 59, &[]).parse(second)?.bits,
        minutes: minutes.bits,
        hours: hours.bits,
        months: field("month", 1, 12, &MONTHS).parse(month)?.bits,
        days: days(dialect, day, weekday)?,
        years: year.filter(|year| *year != "*").map(years).transpose()?,
        is_interval: minute.starts_with('*') || hour.starts_with('*'),
    })
}

fn days(dialect: Dialect, day: &str, weekday: &str) -> Result<Days, String> {
    let of_month = Field { name: "day of month", least: 1, most: 31, names: &[], dialect };
    let (least, most) = match dialect {
        Dialect::Vixie => (0, 7),
        Dialect::Kubernetes => (0, 6),
        Dialect::QuartzLike => (1, 7),
    };
    let of_week = Field { name: "day of week", least, most, names: &DAYS, dialect };
    let mut days = Days::default();
    let (by_month, by_week) = if dialect == Dialect::QuartzLike {
        (special_days(of_month, day, &mut days)?, special_weekdays(of_week, weekday, &mut days)?)
    } else {
        (of_month.parse(day)?, of_week.parse(weekday)?)
    };
    days.of_month = by_month.bits;
    days.of_week = match dialect {
        // Sunday is 0 and 7.
        Dialect::Vixie => (by_week.bits | by_week.bits >> 7) & 0x7f,
        Dialect::Kubernetes => by_week.bits,
        Dialect::QuartzLike => by_week.bits >> 1,
    };
    days.both = match dialect.rules().day_rule {
        DayRule::BothIfOneBeginsWithStar => day.starts_with('*') || weekday.starts_with('*'),
        DayRule::BothIfOneIsStar => by_month.is_star || by_week.is_star,
        DayRule::TheOneThatIsGiven => {
            let is_open = |text: &str| text == "?" || text == "*";
            if day == "?" && weekday == "?" {
                return Err("only one of the day fields may be `?`".to_owned());
            }
            if !is_open(day) && !is_open(weekday) {
                return Err("one of the day fields must be `?`".to_owned());
            }
            true
        }
    };
    Ok(days)
}

/// Takes `L`, `L-3`, `LW` and `15W` out of a list of days.
fn special_days(field: Field, text: &str, days: &mut Days) -> Result<Values, String> {
    let fault = |reason: String| format!("day of month `{text}`: {reason}");
    let mut plain = Vec::new();
    for part in text.split(',') {
        let upper = part.to_ascii_uppercase();
        if upper == "LW" {
            days.last_working = true;
        } else if let Some(before) = upper.strip_prefix('L') {
            let before = if before.is_empty() {
                Some(0)
            } else {
                before.strip_prefix('-').and_then(|b| b.parse().ok())
            };
            let before: u8 =
                before.filter(|before| *before <= 30).ok_or_else(|| fault(format!("`{part}` is no day")))?;
            days.before_last |= 1 << before;
        } else if let Some(day) = upper.strip_suffix('W') {
            days.nearest_working |= 1 << field.value(day).map_err(fault)?;
        } else {
            plain.push(part);
        }
    }
    if plain.is_empty() { Ok(Values::default()) } else { field.parse(&plain.join(",")) }
}

/// Takes `FRI#2` and `FRIL` out of a list of days of the week; `L` alone is Saturday.
fn special_weekdays(field: Field, text: &str, days: &mut Days) -> Result<Values, String> {
    let fault = |reason: String| format!("day of week `{text}`: {reason}");
    let mut plain = Vec::new();
    for part in text.split(',') {
        if let Some((day, number)) = part.split_once('#') {
            let number: u8 = number
                .parse()
                .ok()
                .filter(|number| (1..=5).contains(number))
                .ok_or_else(|| fault(format!("`{part}` has no number from 1 to 5")))?;
            days.numbered[usize::from(field.value(day).map_err(fault)? - 1)] |= 1 << number;
        } else if part.eq_ignore_ascii_case("l") {
            plain.push("7");
        } else if let Some(day) = part.strip_suffix(['L', 'l']) {
            days.last_of_week |= 1 << (field.value(day).map_err(fault)? - 1);
        } else {
            plain.push(part);
        }
    }
    if plain.is_empty() { Ok(Values::default()) } else { field.parse(&plain.join(",")) }
}

fn years(text: &str) -> Result<BTreeSet<i16>, String> {
    let fault = |part: &str| format!("year `{text}`: `{part}` is not between {FIRST_YEAR} and {LAST_YEAR}");
    let mut years = BTreeSet::new();
    for part in text.split(',') {
        let year = |text: &str| {
            let year = text.parse::<i16>().ok().filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year));
            year.ok_or_else(|| fault(text))
        };
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step: usize = step.parse().ok().filter(|step| *step > 0).ok_or_else(|| fault(part))?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (FIRST_YEAR, LAST_YEAR),
            Some((from, to)) => (year(from)?, year(to)?),
            None if part.contains('/') => (year(range)?, LAST_YEAR),
            None => (year(range)?, year(range)?),
        };
        if from > to {
            return Err(format!("year `{text}`: `{range}` runs backwards"));
        }
        years.extend((from..=to).step_by(step));
    }
    Ok(years)
}

impl Field {
    fn parse(self, text: &str) -> Result<Values, String> {
        let mut values = Values::default();
        for part in text.split(',') {
            let part = self.part(part).map_err(|reason| format!("{} `{text}`: {reason}", self.name))?;
            values = Values { bits: values.bits | part.bits, is_star: values.is_star || part.is_star };
        }
        Ok(values)
    }

    fn part(self, part: &str) -> Result<Values, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                // A step beyond the field leaves its first value, which one scheduler takes.
                let most = if self.dialect == Dialect::Kubernetes { u8::MAX } else { self.most };
                let step = step.parse::<u8>().ok().filter(|step| (1..=most).contains(step));
                (
                    range,
                    Some(step.ok_or_else(|| format!("`{part}` has no step between 1 and {}", self.most))?),
                )
            }
            None => (part, None),
        };
        let is_star = range == "*" || (range == "?" && self.takes_question());
        let (from, to) = match range.split_once('-') {
            _ if is_star => (self.least, self.most),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None if step.is_some() => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        let step = step.unwrap_or(1);
        let is_star = is_star && step == 1;
        let every = |from: u8, to: u8| (from..=to).step_by(step.into());
        if from <= to {
            return Ok(Values { bits: every(from, to).fold(0, |bits, value| bits | 1 << value), is_star });
        }
        if self.dialect != Dialect::QuartzLike {
            let dialect = self.dialect.as_str();
            return Err(format!("`{range}` runs backwards, which the dialect {dialect} does not take"));
        }
        // `FRI-MON` runs on from the end of the week to its beginning.
        let round = self.most - self.least + 1;
        let wrapped =
            every(from, to + round).map(|value| if value > self.most { value - round } else { value });
        Ok(Values { bits: wrapped.fold(0, |bits, value| bits | 1 << value), is_star })
    }

    /// Whether `?` may stand for any value.
    fn takes_question(self) -> bool {
        match self.dialect {
            Dialect::Vixie => false,
            Dialect::Kubernetes => true,
            Dialect::QuartzLike => self.name.starts_with("day of"),
        }
    }

    fn value(self, text: &str) -> Result<u8, String> {
        let name = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        // Months are named from 1 on, days of the week from the least number on.
        let named = name.and_then(|at| u8::try_from(at).ok()).map(|at| at + self.least);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let value = named.or_else(|| text.parse().ok().filter(|_| digits));
        value.filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| self.refused(text))
    }

    fn refused(self, text: &str) -> String {
        let special =
            text == "?" || (text.contains(['L', 'W', '#', 'l', 'w']) && self.name.starts_with("day of"));
        let foreign = special && self.dialect != Dialect::QuartzLike;
        let bounds = format!("`{text}` is not between {} and {}", self.least, self.most);
        if foreign {
            format!("{bounds}; the dialect {} has no such sign", self.dialect.as_str())
        } else {
            bounds
        }
    }
}
