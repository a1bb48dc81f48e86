//! Is the rate of one counter higher than that of another? Events are counted over their exposure, never averaged as
//! a series of rates that are mostly 0. Bursts make counts know less than so many independent events: the dispersion
//! of each arm says by how much.
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(clippy::many_single_char_names, reason = "a formula has the names that it is printed with")]

use super::dependence::dependence;
use super::distributions::{beta_quantile, binomial_above, normal_above};

/// How seldom a difference as large as the margin may be found to be none.
pub(super) const ONE_SIDED: f64 = 0.05;
/// Fewest slices of an arm.
const LEAST_SLICES: usize = 12;
/// With fewer events the exact test decides.
const FEW_EVENTS: f64 = 50.0;

/// Events and exposure by slice of time; NaN in either is a hole in both.
#[derive(Clone, Debug)]
pub(crate) struct EventSeries {
    events: Vec<f64>,
    exposure: Vec<f64>,
}

/// What the events of one arm come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) events: f64,
    pub(crate) exposure: f64,
    pub(crate) slices: usize,
    /// How many times more the events vary than independent ones.
    pub(crate) dispersion: f64,
}

/// Which test was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Branch {
    /// That of the share of one arm in all events (Przyborowski and Wilenski 1940), with the 95 % interval of the
    /// ratio of both rates where there is one.
    Exact { ratio: Option<(f64, f64)> },
    /// By the normal distribution of the difference.
    Normal { z: f64 },
    /// Neither arm has an event: the candidate's rate may be up to this, one-sided at 95 %.
    NoEvents { upper: f64 },
}

/// Two counters against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EventTests {
    pub(crate) arms: [Total; 2],
    pub(crate) branch: Branch,
    pub(crate) p_higher: f64,
    pub(crate) p_lower: f64,
    /// Whether the rates differ by less than the margin, whatever chance did.
    pub(crate) is_same: bool,
}

impl EventSeries {
    pub(crate) fn new(mut events: Vec<f64>, mut exposure: Vec<f64>) -> Self {
        for (event, exposed) in events.iter_mut().zip(&mut exposure) {
            if !(event.is_finite() && exposed.is_finite()) {
                (*event, *exposed) = (f64::NAN, f64::NAN);
            }
        }
        Self { events, exposure }
    }

    fn total(&self) -> Total {
        let sum = |values: &[f64]| values.iter().filter(|value| !value.is_nan()).sum::<f64>();
        let (events, exposure) = (sum(&self.events), sum(&self.exposure));
        let slices = self.events.iter().filter(|value| !value.is_nan()).count();
        let rate = events / exposure;
        let residuals: Vec<f64> =
            self.events.iter().zip(&self.exposure).map(|(events, exposed)| events - rate * exposed).collect();
        let known = dependence(&residuals);
        let is_known = events > 0.0 && !known.is_constant;
        let dispersion = if is_known { (known.n * known.long_run_variance() / events).max(1.0) } else { 1.0 };
        Total { events, exposure, slices, dispersion }
    }
}

impl Total {
    fn rate(&self) -> f64 {
        self.events / self.exposure
    }

    /// The variance of the rate.
    fn variance(&self) -> f64 {
        self.dispersion * self.rate() / self.exposure
    }
}

/// Judges the second counter against the first; `is_attempts` says whether the exposure is counted, else it is time.
/// `margin` is in the unit of the rate. An error says why there is nothing to judge.
pub(super) fn compare(
    arms: &[EventSeries; 2],
    margin: f64,
    is_attempts: bool,
) -> Result<EventTests, &'static str> {
    let arms = [arms[0].total(), arms[1].total()];
    if arms.iter().any(|arm| arm.exposure <= 0.0) {
        return Err("nothing was exposed in one of the runs: there is no data");
    }
    if arms.iter().any(|arm| arm.slices < LEAST_SLICES) {
        return Err("too few points");
    }
    let events = arms[0].events + arms[1].events;
    let tests = |branch, p_higher, p_lower, is_same| EventTests { arms, branch, p_higher, p_lower, is_same };
    if events == 0.0 {
        let exposure = arms[1].exposure;
        let upper =
            if is_attempts { 1.0 - ONE_SIDED.powf(exposure.recip()) } else { -ONE_SIDED.ln() / exposure };
        return Ok(tests(Branch::NoEvents { upper }, 1.0, 1.0, upper < margin));
    }
    let dispersion = arms[0].dispersion.max(arms[1].dispersion);
    if events < FEW_EVENTS || dispersion == 1.0 {
        let [a, b] = arms.map(|arm| (arm.events / dispersion).floor());
        let all = arms[0].exposure + arms[1].exposure;
        let [q, p] = arms.map(|arm| arm.exposure / all);
        let n = a + b;
        let (higher, lower) =
            if n > 0.0 { (binomial_above(b, n, p, q), binomial_above(a, n, q, p)) } else { (1.0, 1.0) };
        let ratio = (n > 0.0).then(|| ratio(a, b, &arms));
        return Ok(tests(Branch::Exact { ratio }, higher, lower, false));
    }
    let error = (arms[0].variance() + arms[1].variance()).sqrt();
    let difference = arms[1].rate() - arms[0].rate();
    let z = difference / error;
    let is_inside = |distance: f64| normal_above((margin - distance) / error) <= ONE_SIDED;
    let is_same = margin > 0.0 && is_inside(difference) && is_inside(-difference);
    Ok(tests(Branch::Normal { z }, normal_above(z), normal_above(-z), is_same))
}

/// The ends of the 95 % interval of the ratio of both rates (Clopper and Pearson 1934).
fn ratio(a: f64, b: f64, arms: &[Total; 2]) -> (f64, f64) {
    let share = |p: f64| {
        if p >= 1.0 { f64::INFINITY } else { p / (1.0 - p) * arms[0].exposure / arms[1].exposure }
    };
    let low = if b > 0.0 { beta_quantile(0.025, b, a + 1.0) } else { 0.0 };
    let high = if a > 0.0 { beta_quantile(0.975, b + 1.0, a) } else { 1.0 };
    (share(low), share(high))
}

#[cfg(test)]
mod tests {
    use super::super::vectors::{self, close, number, series};
    use super::*;
    use serde_json::Value;

    fn arms(case: &Value) -> [EventSeries; 2] {
        ["baseline", "candidate"]
            .map(|arm| EventSeries::new(series(&case[arm]["events"]), series(&case[arm]["exposure"])))
    }

    fn assert_ratio(name: &str, branch: Branch, expect: &Value) {
        let Branch::Exact { ratio } = branch else { panic!("{name}: {branch:?}") };
        let Some((low, high)) = ratio else {
            assert!(expect.is_null(), "{name}");
            return;
        };
        close(name, low, number(&expect[0]), 1e-9);
        close(name, high, number(&expect[1]), 1e-9);
    }

    #[test]
    fn counters_by_slice_are_what_the_formulas_give() {
        for case in vectors::cases("rates_series") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]);
            let margin = case["margin"].as_f64().unwrap_or_default();
            let found = compare(&arms(&case), margin, case["exposure_is"] == "attempts");
            let Ok(found) = found else {
                assert!(expect["verdict"] == "NO_DATA" || expect["reason"] == "too few points", "{name}");
                continue;
            };
            match found.branch {
                Branch::NoEvents { upper } => {
                    close(name, upper, number(&expect["candidate_upper"]), 1e-9);
                    assert_eq!(found.is_same, expect["verdict"] == "SAME", "{name}");
                    continue;
                }
                Branch::Exact { .. } => assert_ratio(name, found.branch, &expect["ratio_interval_95"]),
                Branch::Normal { z } => close(name, z, number(&expect["z"]), 1e-9),
            }
            for arm in 0..2 {
                close(name, found.arms[arm].events, number(&expect["events"][arm]), 1e-9);
                close(name, found.arms[arm].exposure, number(&expect["exposure"][arm]), 1e-9);
                close(name, found.arms[arm].dispersion, number(&expect["phi"][arm]), 1e-9);
            }
            close(name, found.p_higher, number(&expect["p_candidate_higher"]), 1e-9);
            close(name, found.p_lower, number(&expect["p_candidate_lower"]), 1e-9);
        }
    }

    #[test]
    fn two_counts_are_compared_as_scipy_does() {
        for case in vectors::cases("rates") {
            let (name, expect) = (case["name"].as_str().expect("a name"), &case["expect"]);
            // Spread evenly, so that nothing is dispersed.
            let arm = |at: usize| {
                let even = |key: &str| vec![number(&case[key][at]) / 16.0; 16];
                EventSeries::new(even("events"), even("exposure"))
            };
            let found = compare(&[arm(0), arm(1)], 0.0, true).expect("a judgement");
            match found.branch {
                Branch::NoEvents { .. } => assert_eq!(found.p_higher, 1.0, "{name}"),
                Branch::Exact { .. } => {
                    close(name, found.p_higher, number(&expect["p_candidate_higher"]), 1e-9);
                    assert_ratio(name, found.branch, &expect["ratio_interval_95"]);
                }
                Branch::Normal { .. } => panic!("{name}: nothing is dispersed"),
            }
        }
    }
}
