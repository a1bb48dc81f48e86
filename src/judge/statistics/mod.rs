//! Figures of samples: every statistic that is more than a sum stands here once.
#![warn(clippy::wildcard_enum_match_arm)]

mod arm;
mod comparison;
mod dependence;
mod distributions;
mod events;
mod interval;
mod two_samples;
#[cfg(test)]
mod vectors;

pub(crate) use arm::Arm;
pub(crate) use comparison::{
    Comparison, FAMILY_ALPHA, Finding, KpiJudgement, Margins, Series, SeriesTests, Tests, judge,
};
pub(crate) use dependence::variance_inflation;
pub(crate) use distributions::Z95;
pub(crate) use events::{Branch, EventSeries, EventTests};
pub(crate) use interval::Shift;

/// A sum that does not lose what is small beside it (Neumaier 1974): as exact as if it were rounded once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost +=
            if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    pub(crate) fn value(self) -> f64 {
        // Where the sum is infinite, what was lost is no number.
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

/// The chance of at least `hits` in `n` independent trials that each hit with chance `p`: the exact upper tail of
/// the binomial distribution. `n` is small, a few hundred.
pub(crate) fn binomial_at_least(hits: u64, n: u64, p: f64) -> f64 {
    if hits == 0 {
        return 1.0;
    }
    if hits > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let odds = (p / (1.0 - p)).ln();
    let mut log_mass = n as f64 * (1.0 - p).ln();
    let mut tail = Sum::default();
    for count in 0..=n {
        if count >= hits {
            tail.add(log_mass.exp());
        }
        log_mass += odds + ((n - count) as f64 / (count + 1) as f64).ln();
    }
    tail.value().min(1.0)
}

pub(crate) use crate::format::number::median;

/// The nearest-rank percentile of values in ascending order: the smallest that has at least `percent` of all at
/// or below it.
pub(crate) fn nearest_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The quantile of values in ascending order, linear between neighbours: the rule that numpy calls `linear`, R
/// type 7. `q` lies between 0 and 1.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the slice")]
    let low = (at.floor() as usize).min(last);
    let high = (low + 1).min(last);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64))
}

/// The harmonic mean; 0 when any value is 0.
pub(crate) fn harmonic_mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.len() as f64 / values.iter().map(|value| 1.0 / value).sum::<f64>())
}

/// Spearman's rank correlation, ties taking the mean of their ranks; none where one of both never changes.
pub(crate) fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (x, y) = (midranks(&x), midranks(&y));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let products = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).collect::<Sum>().value()
    };
    let scale = (products(&x, &x) * products(&y, &y)).sqrt();
    (scale > 0.0).then(|| products(&x, &y) / scale)
}

/// The rank of each value, from 1 on; equal values share the mean of their ranks.
fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|one, other| values[*one] == values[*other]) {
        let rank = before as f64 + f64::midpoint(equal.len() as f64, 1.0);
        for index in equal {
            ranks[*index] = rank;
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_loses_nothing_that_is_small() {
        let table: [(&[f64], f64); 3] = [(&[0.1; 10], 1.0), (&[1.0, 1e100, 1.0, -1e100], 2.0), (&[], 0.0)];
        for (values, expected) in table {
            let found = values.iter().copied().collect::<Sum>().value();
            assert!(found.to_bits() == expected.to_bits(), "{values:?}: {found}");
        }
        let days = std::iter::repeat_n(0.83, 25_920).collect::<Sum>().value() / 25_920.0;
        assert!(days.to_bits() == 0.83_f64.to_bits(), "{days}");
        assert!([f64::MAX, f64::MAX].into_iter().collect::<Sum>().value().is_infinite());
    }

    #[test]
    fn the_tail_of_a_binomial_is_exact() {
        // Chances of coins and dice, by hand.
        let table = [
            (0, 10, 0.3, 1.0),
            (1, 1, 0.02, 0.02),
            (2, 3, 0.5, 0.5),
            (1, 10, 0.1, 1.0 - 0.9_f64.powi(10)),
            (199, 199, 0.5, 0.5_f64.powi(199)),
            (3, 2, 0.5, 0.0),
            (1, 5, 0.0, 0.0),
            (5, 5, 1.0, 1.0),
        ];
        for (hits, n, p, expected) in table {
            let found = binomial_at_least(hits, n, p);
            assert!(
                (found - expected).abs() <= 1e-12 * expected.max(1e-300),
                "{hits} of {n} at {p}: {found}"
            );
        }
    }

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn the_nearest_rank_is_one_of_the_values() {
        let hundred: Vec<u32> = (1..=100).collect();
        let table = [(0, 1), (1, 1), (50, 50), (95, 95), (100, 100)];
        for (percent, expected) in table {
            assert_eq!(nearest_rank(&hundred, percent), Some(expected), "{percent}");
        }
        assert_eq!(nearest_rank(&[1, 2, 3, 4], 95), Some(4));
        assert_eq!(nearest_rank::<u32>(&[], 95), None);
    }

    #[test]
    fn a_quantile_is_interpolated_between_neighbours() {
        let table: [(&[f64], f64, f64); 4] = [
            (&[1.0, 2.0, 3.0, 4.0], 0.95, 3.85),
            (&[5.0], 0.95, 5.0),
            (&[0.0, 10.0], 1.0, 10.0),
            (&[0.0, 10.0], 0.0, 0.0),
        ];
        for (values, q, expected) in table {
            let found = quantile(values, q).expect("a value");
            assert!((found - expected).abs() < 1e-12, "{values:?} {q}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_harmonic_mean_is_pulled_to_the_smallest() {
        assert_eq!(harmonic_mean(&[2.0, 2.0]), Some(2.0));
        assert_eq!(harmonic_mean(&[1.0, 0.0]), Some(0.0));
        assert_eq!(harmonic_mean(&[]), None);
    }

    #[test]
    fn the_rank_correlation_is_that_of_scipy() {
        let vectors = include_str!("../../../tests/data/vectors/rank_correlation.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).expect("vectors");
        for case in vectors["cases"].as_array().expect("cases") {
            let numbers = |key: &str| case[key].as_array().expect("numbers").clone().into_iter();
            let number = |value: serde_json::Value| value.as_f64().expect("a number");
            let pairs: Vec<(f64, f64)> = numbers("x").map(number).zip(numbers("y").map(number)).collect();
            let (found, expected) =
                (rank_correlation(&pairs).expect("it"), number(case["expect"]["spearman"].clone()));
            assert!((found - expected).abs() < 1e-9, "{}: {found}, {expected}", case["name"]);
        }
        assert_eq!(rank_correlation(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(rank_correlation(&[]), None);
    }
}
