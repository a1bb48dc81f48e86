//! Which values lie far from the others: distance from the median in robust standard deviations.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::daily::report::Anomaly;
use crate::judge::statistics::median;

/// The median absolute deviation of a normal distribution times this is its standard deviation.
const NORMAL: f64 = 1.4826;
/// A value this many deviations away is an anomaly.
const FAR: f64 = 3.0;
/// Where more than half of the values are equal the deviation is 0: at least this part of the median is taken, so
/// that a value far away is seen and one that only rounding moved is not.
const FLOOR: f64 = 0.01;
/// Of a figure whose median is 0.
const LEAST: f64 = 1e-9;
/// Fewer values say nothing of each other.
const FEWEST: usize = 4;
/// Anomalies that are told of one figure.
const MOST: usize = 3;

/// The anomalies of one figure, the farthest first.
pub(super) fn anomalies(figure: &str, values: &[(String, f64)]) -> Vec<Anomaly> {
    let plain: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let Some(middle) = median(&plain).filter(|_| plain.len() >= FEWEST) else { return Vec::new() };
    let distances: Vec<f64> = plain.iter().map(|value| (value - middle).abs()).collect();
    let deviation = NORMAL * median(&distances).unwrap_or_default();
    let scale = deviation.max(FLOOR * middle.abs()).max(LEAST);
    let mut found: Vec<Anomaly> = values
        .iter()
        .map(|(at, value)| Anomaly {
            figure: figure.to_owned(),
            at: at.clone(),
            value: *value,
            median: middle,
            score: (value - middle) / scale,
        })
        .filter(|anomaly| anomaly.score.abs() > FAR)
        .collect();
    found.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    found.truncate(MOST);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Vec<(String, f64)> {
        let named: Vec<(String, f64)> =
            values.iter().enumerate().map(|(at, value)| (at.to_string(), *value)).collect();
        let score = |anomaly: Anomaly| (anomaly.at, (anomaly.score * 100.0).round() / 100.0);
        anomalies("x", &named).into_iter().map(score).collect()
    }

    #[test]
    fn a_value_far_from_the_median_is_an_anomaly() {
        // Median 3, deviations 2 1 0 1 97: median absolute deviation 1, so 97 / 1.4826.
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 100.0]), [("4".to_owned(), 65.43)]);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]), []);
        // 4.4478 is 3 deviations away and no more.
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 3.0 + 3.0 * 1.4826]), []);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 3.0 + 3.01 * 1.4826]), [("4".to_owned(), 3.01)]);
    }

    #[test]
    fn where_most_values_are_equal_one_far_away_is_seen_all_the_same() {
        // The deviation is 0: a hundredth of the median stands for it.
        assert_eq!(of(&[10.0, 10.0, 10.0, 10.0, -50.0]), [("4".to_owned(), -600.0)]);
        assert_eq!(of(&[10.0, 10.0, 10.0, 10.0, 10.2]), []);
        assert_eq!(of(&[0.0, 0.0, 0.0, 0.0, 0.1]).len(), 1);
    }

    #[test]
    fn few_values_say_nothing_and_of_many_the_farthest_are_told() {
        assert_eq!(of(&[1.0, 1.0, 50.0]), []);
        let mut values = vec![1.0; 20];
        values.extend([9.0, 8.0, 7.0, 6.0]);
        let found: Vec<String> = of(&values).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, ["20", "21", "22"]);
    }
}
