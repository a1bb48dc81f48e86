//! By how much one sample lies above another: the median of all differences, and an interval around it from the same
//! order statistics (Hodges and Lehmann 1963). All of them are as many as the product of both sizes, and are never
//! kept: an order statistic is found by halving the range in which it lies and counting what lies below.
#![warn(clippy::wildcard_enum_match_arm)]

use super::arm::{Arm, pooled_ranks};
use super::two_samples::rank_variance;

/// Halvings of a range of values before that of bit patterns is halved, which ends however the values lie.
const OF_VALUES: u32 = 24;

/// A shift with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Shift {
    pub(crate) fn mirrored(self) -> Self {
        // Adding 0 leaves no -0.
        Self { estimate: 0.0 - self.estimate, low: 0.0 - self.high, high: 0.0 - self.low }
    }
}

/// Sums of one of `rows` and one of `columns`, both in ascending order, times `scale`.
struct Sums<'a> {
    rows: &'a [f64],
    columns: &'a [f64],
    scale: f64,
    /// Whether both are the same and each pair counts once.
    is_triangle: bool,
}

/// The shift of the second arm against the first; `z` is the normal quantile of the interval's confidence, `inflation`
/// that of the rank statistic.
pub(super) fn of_two(one: &Arm, two: &Arm, z: f64, inflation: f64) -> Option<Shift> {
    let mut rows: Vec<f64> = one.values().iter().map(|value| -value).collect();
    rows.reverse();
    let columns = two.values();
    let ties = pooled_ranks(one, two, 0.0).ties;
    let sigma = (rank_variance(one.n(), two.n(), ties) * inflation).sqrt();
    Sums { rows: &rows, columns: &columns, scale: 1.0, is_triangle: false }.shift(z * sigma)
}

/// The shift of differences at common times, from the means of all pairs of them (Walsh 1949).
pub(super) fn of_pairs(differences: &[f64], z: f64, inflation: f64) -> Option<Shift> {
    let values = Arm::new(differences.to_vec()).values();
    let n = values.len() as f64;
    let sigma = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 * inflation).sqrt();
    Sums { rows: &values, columns: &values, scale: 0.5, is_triangle: true }.shift(z * sigma)
}

impl Sums<'_> {
    fn len(&self) -> usize {
        let n = self.columns.len();
        if self.is_triangle { n * (n + 1) / 2 } else { self.rows.len() * n }
    }

    fn value(&self, row: usize, column: usize) -> f64 {
        (self.rows[row] + self.columns[column]) * self.scale
    }

    fn first_column(&self, row: usize) -> usize {
        if self.is_triangle { row } else { 0 }
    }

    /// How many sums are at most `bound`.
    fn at_most(&self, bound: f64) -> usize {
        let (mut columns, mut count) = (self.columns, 0);
        for (row, first) in self.rows.iter().enumerate() {
            while let [rest @ .., last] = columns
                && (first + last) * self.scale > bound
            {
                columns = rest;
            }
            let before = self.first_column(row);
            if columns.len() <= before {
                break;
            }
            count += columns.len() - before;
        }
        count
    }

    /// The sums above `low` and at most `high`.
    fn between(&self, low: f64, high: f64) -> Vec<f64> {
        let (mut begin, mut end) = (self.columns.len(), self.columns.len());
        let mut found = Vec::new();
        for row in 0..self.rows.len() {
            while begin > 0 && self.value(row, begin - 1) > low {
                begin -= 1;
            }
            while end > 0 && self.value(row, end - 1) > high {
                end -= 1;
            }
            let first = self.first_column(row);
            if end <= first {
                break;
            }
            found.extend((begin.max(first)..end).map(|column| self.value(row, column)));
        }
        found
    }

    /// The interval whose ends lie `distance` ranks from the middle, and the median.
    fn shift(&self, distance: f64) -> Option<Shift> {
        let last = self.len().checked_sub(1)?;
        let middle = self.len() as f64 / 2.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a position among the sums"
        )]
        let k = ((middle - distance - 0.5).floor().max(0.0) as usize).min(last / 2);
        let (low, high) = (self.kth(k, None), self.kth(last - k, None));
        let bounds = Some((low, high));
        let (one, other) = (self.kth(last / 2, bounds), self.kth(self.len() / 2, bounds));
        Some(Shift { estimate: f64::midpoint(one, other), low, high })
    }

    /// The `k`-th sum, from 0 on; `bounds` are two sums between which it lies, where they are known.
    fn kth(&self, k: usize, bounds: Option<(f64, f64)>) -> f64 {
        let least = || self.value(0, 0);
        let most = || self.value(self.rows.len() - 1, self.columns.len() - 1);
        let (low, mut high) = bounds.unwrap_or_else(|| (least(), most()));
        if self.at_most(low) > k {
            return low;
        }
        // At most k sums lie at or below `low`, and more than k at or below `high`.
        let (mut low, mut below, mut within) = (low, self.at_most(low), self.at_most(high));
        let few = 4 * (self.rows.len() + self.columns.len());
        let mut steps = 0;
        while within - below > few {
            let middle = match steps {
                OF_VALUES.. => between_patterns(low, high),
                // Where the sums are about as dense, the rank says where to look; every other step halves all the same.
                _ if steps % 2 == 0 => {
                    low + (high - low) * ((k - below) as f64 + 0.5) / (within - below) as f64
                }
                _ => f64::midpoint(low, high),
            };
            steps += 1;
            if middle <= low || middle >= high {
                if steps > OF_VALUES {
                    return high;
                }
                steps = OF_VALUES;
                continue;
            }
            let count = self.at_most(middle);
            if count > k { (high, within) = (middle, count) } else { (low, below) = (middle, count) }
        }
        let mut found = self.between(low, high);
        let (_, value, _) = found.select_nth_unstable_by(k - below, f64::total_cmp);
        *value
    }
}

/// The number halfway between two, counted in representable numbers.
fn between_patterns(low: f64, high: f64) -> f64 {
    // As integers of the same order as the numbers.
    let ordered = |value: f64| {
        let bits = (value + 0.0).to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    let middle = i64::midpoint(ordered(low), ordered(high));
    f64::from_bits((if middle < 0 { i64::MIN - middle } else { middle }).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::super::distributions::Z95;
    use super::super::vectors::{self, number, series};
    use super::*;

    const Z98: f64 = 2.326_347_874_040_840_8;
    const WAYS: [(&str, f64, f64); 4] = [
        ("conf95_vif1", Z95, 1.0),
        ("conf95_vif3", Z95, 3.0),
        ("conf98_vif1", Z98, 1.0),
        ("conf98_vif3", Z98, 3.0),
    ];

    fn assert_is(name: &str, found: Option<Shift>, expect: &serde_json::Value) {
        let found = found.expect("a shift");
        for (value, key) in [(found.estimate, "estimate"), (found.low, "low"), (found.high, "high")] {
            assert!((value - number(&expect[key])).abs() <= 1e-9, "{name} {key}: {value}, {expect}");
        }
    }

    #[test]
    fn the_interval_is_that_of_all_differences() {
        for case in vectors::cases("hodges_lehmann") {
            let [one, two] = ["baseline", "candidate"].map(|arm| Arm::new(series(&case[arm])));
            for (key, z, inflation) in WAYS {
                let found = of_two(&one, &two, z, inflation);
                assert_is(case["name"].as_str().expect("a name"), found, &case["expect"][key]);
            }
        }
    }

    #[test]
    fn the_interval_of_pairs_is_that_of_all_their_means() {
        for case in vectors::cases("paired") {
            for (key, z, inflation) in WAYS {
                let expect = &case["expect"][key];
                if !expect.is_null() {
                    let found = of_pairs(&series(&case["difference"]), z, inflation);
                    assert_is(case["name"].as_str().expect("a name"), found, expect);
                }
            }
        }
    }

    /// Every order statistic of samples too large to be picked from at once, with ties, zeros and both signs.
    #[test]
    fn an_order_statistic_is_that_of_the_sorted_sums() {
        let sample = |size: u64, factor: u64, modulus: u64, scale: f64| {
            let mut values: Vec<f64> = (0..size)
                .map(|at| (at * factor % modulus) as f64 * scale - modulus as f64 * scale / 2.0)
                .collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let table = [
            (sample(90, 7919, 101, 0.37), sample(80, 104_729, 97, 0.11)),
            (sample(90, 1, 3, 1.0), sample(90, 1, 2, 1.0)),
            (vec![0.0; 60], vec![0.0; 60]),
            (sample(70, 31, 64, 1e-300), sample(70, 17, 64, 1e-300)),
        ];
        for (rows, columns) in &table {
            let sums = Sums { rows, columns, scale: 1.0, is_triangle: false };
            let mut all: Vec<f64> =
                rows.iter().flat_map(|row| columns.iter().map(move |column| row + column)).collect();
            all.sort_by(f64::total_cmp);
            for k in (0..all.len()).step_by(97).chain([all.len() - 1]) {
                assert_eq!(sums.kth(k, None), all[k], "{k}");
            }
        }
    }
}
