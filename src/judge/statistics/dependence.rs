//! How much less a series knows than as many independent values: neighbours resemble each other.
//!
//! An autoregression is fitted by the Yule-Walker equations (Levinson's recursion), its order chosen by AIC (Akaike
//! 1974), and the sum of its coefficients corrected for the bias of short series (Kendall 1954; Marriott and Pope
//! 1954). The variance of a mean is that of independent values times the factor that comes of it (Berk 1974).
#![warn(clippy::wildcard_enum_match_arm)]

use super::Sum;

/// The highest order that is tried.
const MOST_ORDER: usize = 12;

/// What a series on a regular grid knows of its mean; NaN is a hole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dependence {
    /// Values that are there.
    pub(super) n: f64,
    pub(super) mean: f64,
    /// Of the values, by the number of them.
    pub(super) variance: f64,
    /// Whether all values are equal, so that nothing is known of their dependence.
    pub(super) is_constant: bool,
    /// The factor by which dependence inflates the variance of the mean, 1 or more: the number of values divided by
    /// it is the number of independent ones that know as much.
    pub(super) inflation: f64,
}

/// [`Dependence::inflation`] of a series; 1 of one that is constant or too short to tell.
pub(crate) fn variance_inflation(series: &[f64]) -> f64 {
    dependence(series).inflation
}

pub(super) fn dependence(series: &[f64]) -> Dependence {
    let present = || series.iter().copied().filter(|value| !value.is_nan());
    let n = present().count() as f64;
    let mean = present().collect::<Sum>().value() / n;
    let mut values = present();
    let first = values.next();
    let is_constant = values.all(|value| Some(value) == first);
    if is_constant {
        return Dependence { n, mean: first.unwrap_or(mean), variance: 0.0, is_constant, inflation: 1.0 };
    }
    let covariances = autocovariances(series, mean, n);
    let inflation = if n < 3.0 { 1.0 } else { inflation(&covariances, n) };
    Dependence { n, mean, variance: covariances[0], is_constant, inflation }
}

impl Dependence {
    /// Values less what their dependence takes away; at least 1.
    fn free(&self, inflation: f64) -> f64 {
        (self.n - inflation).max(1.0)
    }

    /// The variance of the values as it would be of so many independent ones.
    pub(super) fn corrected_variance(&self, inflation: f64) -> f64 {
        self.variance * self.n / self.free(inflation)
    }

    pub(super) fn long_run_variance(&self) -> f64 {
        self.corrected_variance(self.inflation) * self.inflation
    }
}

/// The inflations of two arms. A constant arm takes the other's.
pub(super) fn of_both(one: &Dependence, other: &Dependence) -> [f64; 2] {
    [
        if one.is_constant { other.inflation } else { one.inflation },
        if other.is_constant { one.inflation } else { other.inflation },
    ]
}

fn inflation(covariances: &[f64], n: f64) -> f64 {
    let corrected = |sum: f64| (sum + (1.0 + 3.0 * sum) / n).min(1.0 - 1.0 / n);
    let (sum, innovation) = autoregression(covariances, n);
    let of_model = if sum > 0.0 {
        innovation / covariances[0] / (1.0 - corrected(sum)).powi(2)
    } else {
        // Values that alternate earn no credit.
        1.0
    };
    let first = corrected(covariances[1] / covariances[0]);
    let of_neighbours = (1.0 + first) / (1.0 - first);
    of_model.max(of_neighbours).max(1.0)
}

fn most_order(n: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    let most = ((10.0 * n.log10()).floor().min(n / 10.0)) as usize;
    most.clamp(1, MOST_ORDER)
}

/// The covariances of values so many steps apart, from 0 to the highest order. A hole is as good as the mean: it adds
/// nothing to any of them.
fn autocovariances(series: &[f64], mean: f64, n: f64) -> Vec<f64> {
    let apart = |value: &f64| if value.is_nan() { 0.0 } else { value - mean };
    let apart: Vec<f64> = series.iter().map(apart).collect();
    (0..=most_order(n)).map(|lag| product(&apart, apart.get(lag..).unwrap_or_default()) / n).collect()
}

/// The sum of products, in four sums at once: a processor waits for one.
fn product(one: &[f64], other: &[f64]) -> f64 {
    let one = &one[..other.len()];
    let (ones, others) = (one.chunks_exact(4), other.chunks_exact(4));
    let rest = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum::<f64>();
    let mut sums = [0.0_f64; 4];
    for (a, b) in ones.zip(others) {
        for at in 0..4 {
            sums[at] += a[at] * b[at];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The sum of the coefficients of the autoregression with the least AIC, and the variance of its innovations.
fn autoregression(covariances: &[f64], n: f64) -> (f64, f64) {
    let mut coefficients: Vec<f64> = Vec::new();
    let mut innovation = covariances[0];
    let mut best = (n * innovation.ln(), 0.0, innovation);
    for order in 1..covariances.len() {
        let known: f64 = coefficients.iter().zip(1..).map(|(phi, lag)| phi * covariances[order - lag]).sum();
        let reflection = (covariances[order] - known) / innovation;
        innovation *= 1.0 - reflection * reflection;
        if innovation <= 0.0 {
            break;
        }
        let mirrored: Vec<f64> = coefficients.iter().rev().copied().collect();
        for (phi, mirror) in coefficients.iter_mut().zip(mirrored) {
            *phi -= reflection * mirror;
        }
        coefficients.push(reflection);
        let criterion = n * innovation.ln() + 2.0 * order as f64;
        if criterion < best.0 {
            best = (criterion, coefficients.iter().sum(), innovation);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, number, series};
    use super::*;

    #[test]
    fn it_is_what_the_formulas_give_for_seeded_series() {
        for case in vectors::cases("long_run_variance") {
            let (found, expect) = (dependence(&series(&case["x"])), &case["expect"]);
            let name = case["name"].as_str().expect("a name");
            assert_eq!(found.is_constant, expect["constant"] == true, "{name}");
            assert_eq!(found.n, number(&expect["n"]), "{name}");
            vectors::close(name, found.inflation, number(&expect["vif"]), 1e-9);
            vectors::close(name, found.long_run_variance(), number(&expect["long_run_variance"]), 1e-9);
            if !found.is_constant {
                vectors::close(name, found.variance, number(&expect["autocovariance"][0]), 1e-9);
            }
        }
    }

    #[test]
    fn few_or_equal_values_are_taken_as_they_are() {
        for series in [&[][..], &[1.0, 2.0], &[3.0, f64::NAN, 3.0, 3.0], &[f64::NAN; 4]] {
            assert_eq!(variance_inflation(series), 1.0, "{series:?}");
        }
    }
}
