//! From when on GO can be reached: the days that can still become good ones, and the first of them, which may have
//! nothing to be compared with.
#![warn(clippy::wildcard_enum_match_arm)]

use super::baseline::HISTORY_DAYS;
use super::date::end;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// What a day says of those that come after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PastDay {
    pub(crate) date: Date,
    pub(crate) has_report: bool,
    /// Whether anything of it was seen.
    pub(crate) was_watched: bool,
    /// Which of its figures a later day can be compared with.
    pub(crate) has_figure: [bool; 3],
}

/// The days to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// The first day that can still be a good one.
    pub(crate) first_good: Date,
    /// Whether a day before it shows what it can be compared with.
    pub(crate) has_history: bool,
}

impl Outlook {
    /// By the days before today, the newest last. Today counts where it is watched, which it is taken to be where the last
    /// day with a report was, or where as much of it is left as must be seen.
    pub(crate) fn new(now: Timestamp, min_observed_hours: f64, before: &[PastDay]) -> Self {
        let today = now.to_zoned(TimeZone::UTC).date();
        let left = end(today).duration_since(now).as_secs_f64() / 3600.0;
        // A report that nobody made yet says nothing of its day.
        let mut newest = before.iter().rev().filter(|day| day.date < today).take(2);
        let newest = newest.find(|day| day.has_report);
        let is_today = left >= min_observed_hours || newest.is_some_and(|day| day.was_watched);
        let first_good = if is_today { Ok(today) } else { today.tomorrow() }.unwrap_or(today);
        let compared: Vec<Date> =
            std::iter::successors(first_good.yesterday().ok(), |date| date.yesterday().ok())
                .take(HISTORY_DAYS)
                .collect();
        let compared = || before.iter().filter(|day| compared.contains(&day.date));
        let has_history = (0..3).all(|at| compared().any(|day| day.has_figure[at]));
        Self { first_good, has_history }
    }

    /// Whether a day that is still to come cannot be compared with any before it.
    pub(crate) fn is_without_history(self, date: Date) -> bool {
        date == self.first_good && !self.has_history
    }
}

/// The first day on which a score does not ask for `date` any more: `window` days follow it, and the last one is
/// over.
pub(crate) fn go_without(date: Date, window: usize) -> Option<Date> {
    let days = i64::try_from(window).ok()?.checked_add(1)?;
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}
