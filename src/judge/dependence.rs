//! How much less a series of windows knows than as many independent ones: neighbours resemble each other.
//!
//! An autoregression is fitted by the Yule-Walker equations (Levinson's recursion), its order chosen by AIC (Akaike
//! 1974), and the sum of its coefficients corrected for the bias of short series (Kendall 1954; Marriott and Pope
//! 1954). The variance of a mean is that of independent values times the factor that comes of it (Berk 1974).
#![warn(clippy::wildcard_enum_match_arm)]

use super::statistics::Sum;

/// The highest order that is tried.
const MOST_ORDER: usize = 12;

/// The factor by which dependence inflates the variance of a mean, 1 or more: the number of values divided by it is
/// the number of independent ones that know as much. Values that are not there are holes in the grid.
pub(crate) fn variance_inflation(series: &[Option<f64>]) -> f64 {
    let present: Vec<f64> = series.iter().copied().flatten().collect();
    let n = present.len() as f64;
    let is_constant = present.iter().all(|value| *value == present[0]);
    if present.len() < 3 || is_constant {
        return 1.0;
    }
    let mean = present.iter().copied().collect::<Sum>().value() / n;
    let covariances = autocovariances(series, mean, n, most_order(present.len()));
    let corrected = |sum: f64| (sum + (1.0 + 3.0 * sum) / n).min(1.0 - 1.0 / n);
    let (sum, innovation) = autoregression(&covariances, n);
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

fn most_order(n: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    let by_logarithm = (10.0 * (n as f64).log10()).floor() as usize;
    MOST_ORDER.min(by_logarithm).min(n / 10).max(1)
}

/// The covariances of values so many windows apart, from 0 to the highest order.
fn autocovariances(series: &[Option<f64>], mean: f64, n: f64, most: usize) -> Vec<f64> {
    let pairs = |lag: usize| series.iter().zip(series.iter().skip(lag));
    let covariance = |lag: usize| {
        let both = pairs(lag).filter_map(|(one, other)| one.zip(*other));
        both.map(|(one, other)| (one - mean) * (other - mean)).collect::<Sum>().value() / n
    };
    (0..=most).map(covariance).collect()
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
    use super::*;
    use serde_json::Value;

    #[test]
    fn it_is_what_the_formulas_give_for_seeded_series() {
        let vectors = include_str!("../../tests/data/vectors/long_run_variance.json");
        let vectors: Value = serde_json::from_str(vectors).expect("vectors");
        for case in vectors["cases"].as_array().expect("cases") {
            let series: Vec<Option<f64>> =
                case["x"].as_array().expect("a series").iter().map(Value::as_f64).collect();
            let (found, expected) =
                (variance_inflation(&series), case["expect"]["vif"].as_f64().expect("it"));
            assert!((found - expected).abs() <= 1e-9 * expected, "{}: {found}, {expected}", case["name"]);
        }
    }

    #[test]
    fn few_or_equal_values_are_taken_as_they_are() {
        for series in [&[][..], &[Some(1.0), Some(2.0)], &[Some(3.0), None, Some(3.0), Some(3.0)]] {
            assert!((variance_inflation(series) - 1.0).abs() < 1e-12, "{series:?}");
        }
    }
}
