//! Is the second of two series worse? Three statistics that look at different harm: ranks (Mann and Whitney 1947) at
//! the middle, deviations from the own median (Brown and Forsythe 1974) at the spread, exceedances of a common
//! quantile at the tail. The variance of each is inflated by the dependence of what it is computed of.
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(clippy::many_single_char_names, reason = "a formula has the names that it is printed with")]

use super::arm::{Arm, pooled_ranks};
use super::dependence::{Dependence, dependence, of_both};
use super::distributions::student_above;

/// Fewest effective values of both arms together, and of each.
pub(crate) const LEAST_EFFECTIVE: f64 = 30.0;
const LEAST_OF_ARM: f64 = 25.0;
/// Fewest effective exceedances of the tail.
const LEAST_EXCEEDANCES: f64 = 20.0;
/// Where the tail begins.
const TAIL: f64 = 0.95;

/// A statistic with what decides how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) z: f64,
    pub(crate) degrees: f64,
    /// Values, or exceedances, as if they were independent.
    pub(crate) n_eff: f64,
    /// By arm, how many times more values than independent ones are needed.
    pub(crate) inflations: [f64; 2],
    /// Whether there is enough data to say anything.
    pub(crate) is_enough: bool,
}

impl Test {
    /// The chance of as much upwards, or more, if nothing is different.
    pub(super) fn p_up(&self) -> Option<f64> {
        self.is_enough.then(|| student_above(self.z, self.degrees))
    }

    /// The same downwards.
    pub(super) fn p_down(&self) -> Option<f64> {
        self.is_enough.then(|| student_above(-self.z, self.degrees))
    }
}

/// The location of the second arm against that of the first, once `shift` is taken from the second.
pub(super) fn location(one: &Arm, two: &Arm, shift: f64) -> Test {
    let (m, n) = (one.n(), two.n());
    let all = m + n;
    let pooled = pooled_ranks(one, two, shift);
    let [x, y] = pooled.ranks.map(|ranks| dependence(&ranks));
    let [f, g] = of_both(&x, &y);
    let u = pooled.sum - n * (n + 1.0) / 2.0;
    let variance = rank_variance(m, n, pooled.ties) * (n * f + m * g) / all;
    let n_eff = 2.0 / (f / m + g / n);
    let is_enough = n_eff >= LEAST_EFFECTIVE && (m / f).min(n / g) >= LEAST_OF_ARM;
    Test {
        z: (u - m * n / 2.0) / variance.sqrt(),
        degrees: welch(f / m, g / n),
        n_eff,
        inflations: [f, g],
        is_enough,
    }
}

/// The variance of the rank statistic of independent values.
pub(super) fn rank_variance(m: f64, n: f64, ties: f64) -> f64 {
    let all = m + n;
    m * n / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))
}

/// The degrees of Welch and Satterthwaite from the inverse effective sizes of two arms.
fn welch(a: f64, b: f64) -> f64 {
    if a >= 1.0 || b >= 1.0 {
        return 1.0;
    }
    ((a + b).powi(2) / (a.powi(3) / (1.0 - a) + b.powi(3) / (1.0 - b))).max(1.0)
}

/// How far the values of both arms lie from their own medians.
pub(super) struct Spread {
    arms: [Dependence; 2],
    inflations: [f64; 2],
    /// By how much a short series underrates its own deviations.
    factors: [f64; 2],
    is_enough: bool,
}

impl Spread {
    /// `at` is the location of the samples as they are.
    pub(super) fn new(one: &Arm, two: &Arm, at: &Test) -> Self {
        let arms = [one, two].map(|arm| dependence(&deviations(arm)));
        let effective = [one.n() / at.inflations[0], two.n() / at.inflations[1]];
        let factors = effective.map(|size| (size / (size - 1.0).max(1.0)).sqrt());
        Self { inflations: of_both(&arms[0], &arms[1]), arms, factors, is_enough: at.is_enough }
    }

    /// The spread of the second arm against `ratio` times that of the first.
    pub(super) fn test(&self, ratio: f64) -> Test {
        let [x, y] = &self.arms;
        let [f, g] = self.inflations;
        let [scale_x, scale_y] = [self.factors[0] * ratio, self.factors[1]];
        let variance = |arm: &Dependence, inflation: f64, scale: f64| {
            arm.corrected_variance(inflation) * scale * scale * inflation / arm.n
        };
        let variance = variance(x, f, scale_x) + variance(y, g, scale_y);
        let difference = y.mean * scale_y - x.mean * scale_x;
        let z = if variance > 0.0 { difference / variance.sqrt() } else { 0.0 };
        let n_eff = 2.0 / (f / x.n + g / y.n);
        let is_enough = self.is_enough && n_eff >= LEAST_EFFECTIVE;
        Test { z, degrees: welch(f / x.n, g / y.n), n_eff, inflations: [f, g], is_enough }
    }

    /// The mean deviation of the second arm to that of the first.
    pub(super) fn ratio(&self) -> Option<f64> {
        let [x, y] = [0, 1].map(|at| self.arms[at].mean * self.factors[at]);
        (x > 0.0).then(|| y / x)
    }
}

pub(super) fn deviations(arm: &Arm) -> Vec<f64> {
    let middle = arm.median().unwrap_or(f64::NAN);
    arm.series.iter().map(|value| (value - middle).abs()).collect()
}

/// The share of values beyond the common quantile, and the test that the second arm has at most `margin` more of them.
pub(super) fn tail(one: &Arm, two: &Arm, margin: f64, at: &Test) -> (f64, Test) {
    let (m, n) = (one.n(), two.n());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position among the values"
    )]
    let k = (TAIL * (m + n)).ceil() as usize;
    let threshold = one.kth_of_both(two, k);
    let is_beyond =
        |value: &f64| if value.is_nan() { f64::NAN } else { f64::from(u8::from(*value > threshold)) };
    let [x, y] = [one, two].map(|arm| dependence(&arm.series.iter().map(is_beyond).collect::<Vec<f64>>()));
    let [f, g] = of_both(&x, &y);
    let beyond = (x.mean * m).round() + (y.mean * n).round();
    let (share, effective) = (beyond / (m + n), beyond / f.max(g));
    let variance = share * (1.0 - share) * (f / m + g / n);
    let excess = y.mean - x.mean;
    let test = Test {
        z: if variance > 0.0 { (excess - margin) / variance.sqrt() } else { 0.0 },
        degrees: (effective - 2.0).max(1.0),
        n_eff: effective,
        inflations: [f, g],
        is_enough: at.is_enough && effective >= LEAST_EXCEEDANCES,
    };
    (excess, test)
}

/// The ranks of the sizes of differences at common times, with their signs (Wilcoxon 1945), once `shift` is taken from
/// each difference. Those that are 0 say nothing and are holes.
pub(super) fn signed_rank(differences: &[f64], shift: f64) -> Test {
    let apart: Vec<f64> = differences.iter().map(|value| value - shift).collect();
    let sizes =
        Arm::new(apart.iter().map(|value| if *value == 0.0 { f64::NAN } else { value.abs() }).collect());
    let none = Arm::new(Vec::new());
    let [ranks, _] = pooled_ranks(&sizes, &none, 0.0).ranks;
    let signed: Vec<f64> = ranks.iter().zip(&apart).map(|(rank, value)| rank * value.signum()).collect();
    let known = dependence(&signed);
    let present = || signed.iter().filter(|rank| !rank.is_nan());
    let variance = present().map(|rank| rank * rank).sum::<f64>() * known.inflation;
    let n_eff = known.n / known.inflation;
    Test {
        z: if variance > 0.0 { present().sum::<f64>() / variance.sqrt() } else { 0.0 },
        degrees: (n_eff - 1.0).max(1.0),
        n_eff,
        inflations: [known.inflation; 2],
        is_enough: n_eff >= LEAST_EFFECTIVE,
    }
}

#[cfg(test)]
mod tests {
    use super::super::distributions::normal_above;
    use super::super::vectors::{self, close, number, series};
    use super::*;

    fn arms(case: &serde_json::Value) -> [Arm; 2] {
        ["baseline", "candidate"].map(|arm| Arm::new(series(&case[arm])))
    }

    #[test]
    fn the_ranks_are_those_of_scipy() {
        for case in vectors::cases("mannwhitney") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]);
            let [one, two] = arms(&case);
            let (m, n) = (one.n(), two.n());
            let pooled = pooled_ranks(&one, &two, 0.0);
            let u = pooled.sum - n * (n + 1.0) / 2.0;
            let sigma = rank_variance(m, n, pooled.ties).sqrt();
            assert_eq!(u, number(&expect["U_candidate"]), "{name}");
            close(name, sigma, number(&expect["sigma_tie_corrected"]), 1e-9);
            // That of the baseline is `greater` where the candidate lies below.
            let z = (u - m * n / 2.0) / sigma;
            for (side, p) in [("less", normal_above(z)), ("greater", normal_above(-z))] {
                close(name, p, number(&expect[format!("p_asymptotic_no_continuity_{side}")]), 1e-9);
            }
        }
    }

    #[test]
    fn the_deviations_are_those_of_scipy() {
        for case in vectors::cases("brown_forsythe") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]);
            let [x, y] = arms(&case).map(|arm| deviations(&arm));
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let squares =
                |values: &[f64]| values.iter().map(|value| (value - mean(values)).powi(2)).sum::<f64>();
            let (m, n) = (x.len() as f64, y.len() as f64);
            for (found, expected) in [&x, &y].into_iter().zip(0..) {
                close(name, mean(found), number(&expect["mean_deviation"][expected]), 1e-9);
            }
            // The textbook statistic of two samples is the square of Student's with the pooled variance.
            let pooled = (squares(&x) + squares(&y)) / (m + n - 2.0) * (1.0 / m + 1.0 / n);
            let w = (mean(&y) - mean(&x)).powi(2) / pooled;
            close(name, w, number(&expect["W"]), 1e-9);
            close(name, 2.0 * student_above(w.sqrt(), m + n - 2.0), number(&expect["p"]), 1e-9);
        }
    }

    #[test]
    fn the_three_statistics_are_what_the_formulas_give() {
        for case in vectors::cases("pair_judge") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]);
            if expect.get("reason").is_some() {
                continue;
            }
            let [one, two] = arms(&case);
            let at = location(&one, &two, 0.0);
            let spread = Spread::new(&one, &two, &at).test(1.0);
            let (_, tail) = tail(&one, &two, 0.0, &at);
            assert_eq!(at.is_enough, expect["enough_data"] == true, "{name}");
            let parts = [
                (at, "location", "n_eff", "vif_rank"),
                (spread, "spread", "n_eff_spread", "vif_deviation"),
                (tail, "tail", "exceedances_eff", "vif_exceedance"),
            ];
            for (place, (test, z, n_eff, inflations)) in parts.into_iter().enumerate() {
                close(name, test.z, number(&expect[format!("z_{z}")]), 1e-8);
                close(name, test.n_eff, number(&expect[n_eff]), 1e-8);
                close(name, test.degrees, number(&expect["df"][place]), 1e-8);
                for arm in 0..2 {
                    close(name, test.inflations[arm], number(&expect[inflations][arm]), 1e-8);
                }
                match (test.p_up(), expect["p"][place].as_f64()) {
                    (Some(found), Some(expected)) => close(name, found, expected, 1e-7),
                    (found, expected) => assert_eq!(found, expected, "{name} {z}"),
                }
            }
        }
    }

    #[test]
    fn paired_differences_are_judged_by_their_signed_ranks() {
        let mut series_seen = 0;
        for case in vectors::cases("paired") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]["corrected"]);
            let found = signed_rank(&series(&case["difference"]), 0.0);
            if expect.is_null() {
                continue;
            }
            series_seen += 1;
            close(name, found.z, number(&expect["z"]), 1e-9);
            close(name, found.inflations[0], number(&expect["vif"]), 1e-9);
            close(name, found.n_eff, number(&expect["n_eff"]), 1e-9);
            close(name, student_above(found.z, found.degrees), number(&expect["p_greater"]), 1e-9);
        }
        assert_eq!(series_seen, 4);
        let nothing = signed_rank(&[0.0, 0.0, f64::NAN], 0.0);
        assert_eq!((nothing.z, nothing.is_enough), (0.0, false));
    }
}
