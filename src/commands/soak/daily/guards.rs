//! The regression guard of a day: is it worse than the days before?
#![warn(clippy::wildcard_enum_match_arm)]

use super::day::{FIGURES, Figure};
use crate::evidence::daily::baseline::{self, HISTORY_DAYS, is_kept};
use crate::evidence::daily::report::{Baseline, NO_HISTORY, NONE};
use crate::format::number;
use std::collections::BTreeMap;

/// What a guard says: its reason, or why it cannot say one, and what it was judged on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GuardAnswer {
    pub(super) reason: Result<String, String>,
    pub(super) notes: Vec<String>,
}

/// The days before, newest first: the value of each figure, where it has one.
pub(super) type History = Vec<[Option<f64>; 3]>;

/// With fewer days the answer says on how few.
const FEW: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Kept,
    Regressed,
    NoHistory,
    Unknown,
}

/// Compares each figure with the median of the days that have a value.
pub(super) fn regression(
    figures: &[Figure; 3],
    history: &History,
) -> (GuardAnswer, BTreeMap<String, Baseline>) {
    let (mut notes, mut baselines, mut found) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (at, (kind, today)) in FIGURES.iter().zip(figures).enumerate() {
        let values: Vec<f64> = history.iter().filter_map(|day| day[at]).collect();
        let baseline = baseline::baseline(kind.side, &values);
        let Baseline { median: middle, days, limit } = baseline;
        baselines.insert(kind.field.to_owned(), baseline);
        let comparison = match (limit, today) {
            (_, Err(_)) => Comparison::Unknown,
            (None, Ok(_)) => Comparison::NoHistory,
            (Some(limit), Ok(today)) if is_kept(kind.side, *today, limit) => Comparison::Kept,
            (Some(_), Ok(_)) => Comparison::Regressed,
        };
        if let (Some(limit), Some(middle), Ok(today)) = (limit, middle, today)
            && comparison == Comparison::Regressed
        {
            notes.push(format!(
                "{}: {} {} against a median of {} over {days} days, the limit is {}",
                kind.field,
                number::text(*today),
                kind.unit,
                number::text(middle),
                number::text(limit)
            ));
        } else if (1..FEW).contains(&days) {
            notes.push(format!("{}: judged on {days} of {HISTORY_DAYS} days alone", kind.field));
        }
        found.push((kind, comparison));
    }
    let first = |wanted: Comparison| found.iter().find(|(_, comparison)| *comparison == wanted);
    let reason = if let Some((kind, _)) = first(Comparison::Regressed) {
        Ok(kind.regression.to_owned())
    } else if let Some((kind, _)) = first(Comparison::Unknown) {
        Err(format!("{} of the day is not known, so it cannot be compared", kind.field))
    } else if let Some((kind, _)) = first(Comparison::NoHistory) {
        notes.push(format!("{}: none of the {HISTORY_DAYS} days before has a value", kind.field));
        Ok(NO_HISTORY.to_owned())
    } else {
        Ok(NONE.to_owned())
    };
    (GuardAnswer { reason, notes }, baselines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(today: [f64; 3], history: &[[f64; 3]]) -> (String, usize) {
        let history: History = history.iter().map(|day| day.map(Some)).collect();
        let (answer, _) = regression(&today.map(Ok), &history);
        (answer.reason.expect("known"), answer.notes.len())
    }

    /// Edge, order age and taker share of a day against the days before, the recorded pairs of the earlier toolkit
    /// among them.
    #[test]
    fn a_day_a_tenth_worse_than_the_median_is_a_regression() {
        let base = [3.0, 300.0, 12.0];
        let table: [([f64; 3], Vec<[f64; 3]>, &str); 14] = [
            ([2.0, 400.0, 15.0], vec![[2.939, 302.1, 12.0]; 7], "EDGE_REG"),
            // Exactly a tenth.
            ([2.7, 330.0, 13.2], vec![base; 7], "NONE"),
            ([2.699, 330.0, 13.2], vec![base; 7], "EDGE_REG"),
            ([2.7, 330.1, 13.2], vec![base; 7], "LAT_REG"),
            ([2.7, 330.0, 13.21], vec![base; 7], "TAKER_REG"),
            ([9.0, 10.0, 0.0], vec![base; 7], "NONE"),
            (base, Vec::new(), "NO_HISTORY"),
            (base, vec![base], "NONE"),
            ([2.0, 300.0, 12.0], vec![base], "EDGE_REG"),
            // The median: one wild day of the seven moves nothing, where the mean would.
            ([2.8, 300.0, 12.0], [vec![[30.0, 300.0, 12.0]], vec![base; 6]].concat(), "NONE"),
            // A loss that grows is a regression as well: a tenth of 2 is allowed, not more.
            ([-2.2, 300.0, 12.0], vec![[-2.0, 300.0, 12.0]; 7], "NONE"),
            ([-2.3, 300.0, 12.0], vec![[-2.0, 300.0, 12.0]; 7], "EDGE_REG"),
            ([0.0, 300.0, 0.0], vec![[0.0, 300.0, 0.0]; 7], "NONE"),
            ([-0.1, 300.0, 0.0], vec![[0.0, 300.0, 0.0]; 7], "EDGE_REG"),
        ];
        for (today, history, expected) in table {
            assert_eq!(of(today, &history).0, expected, "{today:?} {history:?}");
        }
    }

    #[test]
    fn fewer_than_three_days_are_told() {
        let base = [3.0, 300.0, 12.0];
        for (days, notes) in [(1, 3), (2, 3), (3, 0), (7, 0)] {
            assert_eq!(of(base, &vec![base; days]).1, notes, "{days}");
        }
    }

    #[test]
    fn what_is_not_known_cannot_be_compared_unless_another_figure_is_a_regression() {
        let history: History = vec![[Some(3.0), Some(300.0), None]; 7];
        let unknown = || Err("unknown".to_owned());
        let reason = |today: [Figure; 3]| regression(&today, &history).0.reason;
        assert!(reason([Ok(3.0), unknown(), Ok(12.0)]).expect_err("unknown").contains("order_age_p95_ms"));
        assert_eq!(reason([Ok(2.0), unknown(), Ok(12.0)]), Ok("EDGE_REG".to_owned()));
        // None of the days has a taker share.
        assert_eq!(reason([Ok(3.0), Ok(300.0), Ok(12.0)]), Ok("NO_HISTORY".to_owned()));
    }
}
