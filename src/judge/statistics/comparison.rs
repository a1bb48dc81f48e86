//! Is the second of two runs worse? Each figure is asked at its margin for location, spread and tail, and all questions
//! together err once in a hundred (Holm 1979): a figure is not found worse because many were looked at.
#![warn(clippy::wildcard_enum_match_arm)]

use super::arm::Arm;
use super::distributions::Z95;
use super::events::{self, EventSeries, EventTests, ONE_SIDED};
use super::interval::{self, Shift};
use super::two_samples::{self, LEAST_EFFECTIVE, Spread, Test, signed_rank, tail};
use schemars::JsonSchema;
use serde::Serialize;

/// How seldom all figures of a pair of equal runs together may be found worse.
pub(crate) const FAMILY_ALPHA: f64 = 0.01;
/// Fewest values of an arm.
pub(crate) const LEAST_POINTS: usize = 12;

/// What is borne.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Margins {
    /// Of the location, in the unit of the figure.
    pub(crate) shift: f64,
    /// Of the spread, as a ratio: for WORSE, and for SAME.
    pub(crate) spread: f64,
    pub(crate) spread_same: f64,
    /// Of the tail, as a share of the points.
    pub(crate) tail: f64,
    /// Whether less spread is worse as well.
    pub(crate) any_change: bool,
}

/// The values of a figure in both runs, baseline first, larger being worse.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) arms: [Arm; 2],
    /// Candidate less baseline at common times, where both ran at once.
    pub(crate) differences: Option<Vec<f64>>,
    pub(crate) margins: Margins,
    /// Whether some values are only known to be at least what they are: then nothing proves that they are the same.
    pub(crate) is_censored: bool,
}

/// One figure of both runs.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    Series(Box<Series>),
    Events {
        arms: [EventSeries; 2],
        margin: f64,
        is_attempts: bool,
    },
    /// It cannot be judged, for this reason.
    Unknown(String),
}

/// What is found of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Finding {
    /// The difference is smaller than the margin.
    Same,
    /// It is better by more than the margin.
    Better,
    /// What is known does not decide.
    Inconclusive,
    /// It is worse by more than the margin.
    Worse,
}

impl Finding {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Same => "SAME",
            Self::Better => "BETTER",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Worse => "WORSE",
        }
    }
}

/// The tests of a figure as a series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesTests {
    /// The samples as they are.
    pub(crate) location: Test,
    /// Once the margin is taken from the candidate, and once it is added.
    pub(crate) above: Test,
    pub(crate) below: Test,
    pub(crate) spread: Test,
    pub(crate) spread_ratio: Option<f64>,
    pub(crate) tail: Test,
    /// Share of points beyond the common quantile, candidate less baseline.
    pub(crate) tail_excess: f64,
    pub(crate) is_paired: bool,
    /// By how much the candidate is worse.
    pub(crate) shift: Option<Shift>,
    /// How many more points of each arm would do, where there are too few.
    pub(crate) more_points: Option<[u64; 2]>,
    p_spread: Option<f64>,
    /// Whether the location lies inside its margin.
    pub(crate) is_inside: bool,
    /// Whether the spread does as well.
    is_same: bool,
}

/// What the tests of a figure are.
#[derive(Clone, Debug)]
pub(crate) enum Tests {
    Series(Box<SeriesTests>),
    Events(EventTests),
    Unknown(String),
}

/// A figure, judged among all others.
#[derive(Clone, Debug)]
pub(crate) struct KpiJudgement {
    pub(crate) finding: Finding,
    pub(crate) tests: Tests,
    /// Chances of the three tests for worse, none where there is too little data: by themselves, and as one of all.
    pub(crate) p_worse: [Option<f64>; 3],
    pub(crate) adjusted_worse: [f64; 3],
    pub(crate) p_better: Option<f64>,
    pub(crate) adjusted_better: f64,
}

impl Tests {
    /// Makes the tests of a figure. The interval of the shift is shown and decides nothing.
    pub(crate) fn of(comparison: &Comparison, with_interval: bool) -> Self {
        match comparison {
            Comparison::Series(series) => match series.problem() {
                Some(problem) => Self::Unknown(problem.to_owned()),
                None => Self::Series(Box::new(series.tests(with_interval))),
            },
            Comparison::Events { arms, margin, is_attempts } => {
                match events::compare(arms, *margin, *is_attempts) {
                    Ok(tests) => Self::Events(tests),
                    Err(problem) => Self::Unknown(problem.to_owned()),
                }
            }
            Comparison::Unknown(reason) => Self::Unknown(reason.clone()),
        }
    }

    /// The chances of the tests for worse. A counter has one test in the place of three.
    fn p_worse(&self) -> [Option<f64>; 3] {
        match self {
            Self::Series(tests) => [tests.above.p_up(), tests.p_spread, tests.tail.p_up()],
            Self::Events(tests) => [Some(tests.p_higher), None, None],
            Self::Unknown(_) => [None; 3],
        }
    }

    fn p_better(&self) -> Option<f64> {
        match self {
            Self::Series(tests) => tests.below.p_down(),
            // Its dispersion is estimated, and so the limit is that of one part of three.
            Self::Events(tests) => Some((3.0 * tests.p_lower).min(1.0)),
            Self::Unknown(_) => None,
        }
    }

    fn is_same(&self) -> bool {
        match self {
            Self::Series(tests) => tests.is_same,
            Self::Events(tests) => tests.is_same,
            Self::Unknown(_) => false,
        }
    }
}

/// Judges all figures of a pair of runs at once.
pub(crate) fn judge(all: Vec<Tests>) -> Vec<KpiJudgement> {
    let family: Vec<f64> = all.iter().flat_map(|tests| tests.p_worse().map(|p| p.unwrap_or(1.0))).collect();
    let mirrored: Vec<f64> = all.iter().map(|tests| tests.p_better().unwrap_or(1.0)).collect();
    let (worse, better) = (holm(&family), holm(&mirrored));
    let judged = |(at, tests): (usize, Tests)| {
        let adjusted_worse = [worse[3 * at], worse[3 * at + 1], worse[3 * at + 2]];
        let finding = if adjusted_worse.iter().any(|p| *p <= FAMILY_ALPHA) {
            Finding::Worse
        } else if better[at] <= FAMILY_ALPHA {
            Finding::Better
        } else if tests.is_same() {
            Finding::Same
        } else {
            Finding::Inconclusive
        };
        let (p_worse, p_better) = (tests.p_worse(), tests.p_better());
        KpiJudgement { finding, p_worse, adjusted_worse, p_better, adjusted_better: better[at], tests }
    };
    all.into_iter().enumerate().map(judged).collect()
}

/// The chances as those of one of all (Holm 1979).
fn holm(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|one, other| chances[*one].total_cmp(&chances[*other]));
    let mut adjusted = vec![1.0; chances.len()];
    let mut least = 0.0_f64;
    for (before, at) in order.into_iter().enumerate() {
        least = least.max(((chances.len() - before) as f64 * chances[at]).min(1.0));
        adjusted[at] = least;
    }
    adjusted
}

impl Series {
    /// Why nothing can be said of it.
    fn problem(&self) -> Option<&'static str> {
        if self.arms.iter().any(|arm| arm.len() < LEAST_POINTS) {
            return Some("too few points");
        }
        let [one, two] = [self.arms[0].range()?, self.arms[1].range()?];
        let is_constant = |(low, high): (f64, f64)| low == high;
        match (is_constant(one) && is_constant(two), one.0 == two.0) {
            (false, _) => None,
            (true, true) => Some("all values equal: no information"),
            (true, false) => Some("both arms constant"),
        }
    }

    /// The differences, where there are enough of them.
    fn pairs(&self) -> Option<&[f64]> {
        let differences = self.differences.as_deref()?;
        let count = differences.iter().filter(|value| value.is_finite()).count();
        (count >= LEAST_POINTS).then_some(differences)
    }

    fn tests(&self, with_interval: bool) -> SeriesTests {
        let [one, two] = &self.arms;
        let margins = self.margins;
        let unpaired = two_samples::location(one, two, 0.0);
        let pairs = self.pairs();
        let at_shift = |shift: f64| match pairs {
            Some(differences) => signed_rank(differences, shift),
            None => two_samples::location(one, two, shift),
        };
        let location = if pairs.is_some() { at_shift(0.0) } else { unpaired };
        // At a shift of nothing the test is the one that was made; one at a shift needs the data of both.
        let at_margin = |shift: f64| {
            let test = if shift == 0.0 { location } else { at_shift(shift) };
            Test { is_enough: test.is_enough && location.is_enough, ..test }
        };
        let (above, below) = (at_margin(margins.shift), at_margin(-margins.shift));
        let spreads = Spread::new(one, two, &unpaired);
        let spread = spreads.test(margins.spread);
        let inverse = |ratio: f64| spreads.test(ratio.recip());
        let p_spread = match (spread.p_up(), margins.any_change) {
            (Some(p), true) => {
                inverse(margins.spread).p_down().map(|inverse| (2.0 * p.min(inverse)).min(1.0))
            }
            (p, _) => p,
        };
        let (tail_excess, tail) = tail(one, two, margins.tail, &unpaired);
        let is_rejected = |p: Option<f64>| p.is_some_and(|p| p <= ONE_SIDED);
        let is_spread_same = is_rejected(spreads.test(margins.spread_same).p_down())
            && (!margins.any_change || is_rejected(inverse(margins.spread_same).p_up()));
        let is_inside = margins.shift > 0.0 && is_rejected(above.p_down()) && is_rejected(below.p_up());
        let shift = with_interval.then(|| self.shift(pairs, &location)).flatten();
        let (of_pairs, of_arms) = ([location, above], [unpaired, spread]);
        let is_short = |test: &&Test| !test.is_enough;
        let more_points = match (of_pairs.iter().find(is_short), pairs) {
            (Some(test), Some(differences)) => Some([missing_pairs(test, differences); 2]),
            (found, _) => found.or_else(|| of_arms.iter().find(is_short)).map(|test| self.missing(test)),
        };
        SeriesTests {
            location,
            above,
            below,
            spread,
            spread_ratio: spreads.ratio(),
            tail,
            tail_excess,
            is_paired: pairs.is_some(),
            shift,
            more_points,
            p_spread,
            is_inside,
            is_same: is_inside && is_spread_same && !self.is_censored,
        }
    }

    fn shift(&self, pairs: Option<&[f64]>, location: &Test) -> Option<Shift> {
        let [one, two] = &self.arms;
        let [f, g] = location.inflations;
        if let Some(differences) = pairs {
            return interval::of_pairs(differences, Z95, f);
        }
        let (m, n) = (one.n(), two.n());
        interval::of_two(one, two, Z95, (n * f + m * g) / (m + n))
    }

    /// How many more points of each arm would be enough, if they depend on each other as much.
    fn missing(&self, test: &Test) -> [u64; 2] {
        [0, 1].map(|arm| count(LEAST_EFFECTIVE * test.inflations[arm], self.arms[arm].n()))
    }
}

/// The same of pairs, of which those without a difference count for nothing.
fn missing_pairs(test: &Test, differences: &[f64]) -> u64 {
    let there = differences.iter().filter(|value| value.is_finite()).count() as f64;
    let used = test.n_eff * test.inflations[0];
    if used < 1.0 { 0 } else { count(LEAST_EFFECTIVE * test.inflations[0] * there / used, there) }
}

fn count(needed: f64, there: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, not negative")]
    let missing = (needed.ceil() - there).max(0.0) as u64;
    missing
}

#[cfg(test)]
mod tests;
