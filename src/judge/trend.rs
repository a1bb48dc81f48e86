//! Where a figure is going: the Theil-Sen slope over the windows (Theil 1950, Sen 1968), and how sure it is.
//!
//! The slope is the median of the slopes between all pairs of windows, so that a third of the windows may be wild and
//! it says the same, and it is as right for losses as for profits. Its interval is Sen's, by Kendall's variance, which
//! is inflated by as much as neighbouring windows resemble each other.
#![warn(clippy::wildcard_enum_match_arm)]

use super::statistics::{Z95, median, variance_inflation};
use schemars::JsonSchema;
use serde::Serialize;

/// More windows than that become as many blocks, each the median of its windows: all pairs of 2,000 windows would be
/// two million slopes a figure, and tell no more.
const MOST_POINTS: usize = 300;
/// With fewer windows there is no interval, and so no direction.
const LEAST_POINTS: usize = 4;
/// What is smaller than this part of the values is their rounding.
const ROUNDING: f64 = 1e-9;

/// Where a figure is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// The whole interval of the slope lies above 0.
    Up,
    /// The whole interval of the slope lies below 0.
    Down,
    /// The interval holds 0.
    Flat,
    /// There are too few windows to say.
    Unknown,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Flat => "flat",
            Self::Unknown => "unknown",
        }
    }
}

/// A slope in units of the figure an iteration, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Slope {
    /// Change an iteration.
    pub(crate) per_iteration: f64,
    /// Lower end of the 95 % interval.
    pub(crate) low: f64,
    /// Upper end.
    pub(crate) high: f64,
}

impl Slope {
    pub(crate) fn direction(slope: Option<Self>) -> Direction {
        match slope {
            None => Direction::Unknown,
            Some(slope) if slope.low > 0.0 => Direction::Up,
            Some(slope) if slope.high < 0.0 => Direction::Down,
            Some(_) => Direction::Flat,
        }
    }
}

/// The slope over windows in ascending order, each with its number; none where there are too few.
pub(crate) fn slope(windows: &[(u32, f64)]) -> Option<Slope> {
    if windows.len() < LEAST_POINTS {
        return None;
    }
    let points = blocks(windows);
    let middle = theil_sen(&points, 1.0)?.per_iteration;
    let slope = theil_sen(&points, variance_inflation(&residuals(&points, middle)))?;
    // A figure that stands still but for the rounding of its last digit goes nowhere.
    let largest = points.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let still = |change: f64| if change.abs() <= ROUNDING * largest { 0.0 } else { change };
    Some(Slope { per_iteration: still(slope.per_iteration), low: still(slope.low), high: still(slope.high) })
}

/// The windows, or the medians of blocks of them.
fn blocks(windows: &[(u32, f64)]) -> Vec<(f64, f64)> {
    let size = windows.len().div_ceil(MOST_POINTS);
    let block = |windows: &[(u32, f64)]| {
        let values: Vec<f64> = windows.iter().map(|(_, value)| *value).collect();
        let at: f64 = windows.iter().map(|(number, _)| f64::from(*number)).sum();
        Some((at / windows.len() as f64, median(&values)?))
    };
    windows.chunks(size).filter_map(block).collect()
}

/// What the slope leaves of the points, on their grid; numbers that are missing are holes in it.
fn residuals(points: &[(f64, f64)], slope: f64) -> Vec<f64> {
    let steps = points.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let step = steps.fold(f64::INFINITY, f64::min);
    let largest = points.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let intercepts: Vec<f64> = points.iter().map(|(at, value)| value - slope * at).collect();
    let middle = median(&intercepts).unwrap_or_default();
    let mut grid: Vec<f64> = Vec::with_capacity(points.len());
    for ((at, _), intercept) in points.iter().zip(&intercepts) {
        let position = ((at - points[0].0) / step).round();
        // Beyond as many holes as points, more of them change nothing.
        while (grid.len() as f64) < position && grid.len() < 2 * points.len() {
            grid.push(f64::NAN);
        }
        let left = intercept - middle;
        grid.push(if left.abs() <= ROUNDING * largest { 0.0 } else { left });
    }
    grid
}

/// The slope of points in ascending order, and Sen's interval with Kendall's variance times `inflation`.
fn theil_sen(points: &[(f64, f64)], inflation: f64) -> Option<Slope> {
    let n = points.len();
    let mut slopes = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for (index, (at, value)) in points.iter().enumerate() {
        slopes.extend(points[index + 1..].iter().map(|(later, next)| (next - value) / (later - at)));
    }
    let count = slopes.len();
    let last = count.checked_sub(1)?;
    let ties = |size: usize| size as f64 * (size as f64 - 1.0) * (2.0 * size as f64 + 5.0);
    let mut values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    let tied: f64 = values.chunk_by(|one, other| one == other).map(|equal| ties(equal.len())).sum();
    let half_width = Z95 * ((ties(n) - tied) / 18.0 * inflation).sqrt();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the positions")]
    let rank = |at: f64| at.clamp(0.0, last as f64) as usize;
    let below = rank(((count as f64 - half_width) / 2.0).round_ties_even() - 1.0);
    let above = rank((f64::midpoint(count as f64, half_width)).round_ties_even());
    let mut nth = |at: usize| *slopes.select_nth_unstable_by(at, f64::total_cmp).1;
    let (low, high) = (nth(below), nth(above));
    Some(Slope { per_iteration: f64::midpoint(nth(last / 2), nth(count / 2)), low, high })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn trend(values: &[f64]) -> (Direction, Option<Slope>) {
        let windows: Vec<(u32, f64)> = (1..).zip(values.iter().copied()).collect();
        let slope = slope(&windows);
        (Slope::direction(slope), slope)
    }

    #[test]
    fn slope_and_interval_are_those_of_scipy() {
        let vectors = include_str!("../../tests/data/vectors/theil_sen.json");
        let vectors: Value = serde_json::from_str(vectors).expect("vectors");
        let cases = vectors["cases"].as_array().expect("cases").iter();
        let cases: Vec<&Value> = cases.filter(|case| case["confidence"] == 0.95).collect();
        assert!(cases.len() > 2);
        for case in cases {
            let numbers = |key: &str| {
                case[key].as_array().expect("numbers").iter().map(|x| x.as_f64().expect("one")).collect()
            };
            let (x, y): (Vec<f64>, Vec<f64>) = (numbers("x"), numbers("y"));
            let points: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
            let found = theil_sen(&points, 1.0).expect("a slope");
            for (name, found) in [("slope", found.per_iteration), ("low", found.low), ("high", found.high)] {
                let expected = case["expect"][name].as_f64().expect("it");
                assert!((found - expected).abs() < 1e-9, "{} {name}: {found}, {expected}", case["name"]);
            }
        }
    }

    #[test]
    fn a_loss_that_grows_goes_down_and_one_that_shrinks_goes_up() {
        let grows: Vec<f64> = (0..8).map(|at| -3.0 - 0.1 * f64::from(at)).collect();
        let shrinks: Vec<f64> = grows.iter().rev().copied().collect();
        assert_eq!(trend(&grows).0, Direction::Down);
        assert_eq!(trend(&shrinks).0, Direction::Up);
        let slope = trend(&grows).1.expect("a slope");
        assert!((slope.per_iteration + 0.1).abs() < 1e-12 && slope.low <= slope.high, "{slope:?}");
    }

    #[test]
    fn what_stands_still_or_is_short_has_no_direction() {
        assert_eq!(trend(&[0.85; 8]).0, Direction::Flat);
        assert_eq!(trend(&[0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3]).0, Direction::Flat);
        assert_eq!(trend(&[1.0, 2.0, 3.0]).0, Direction::Unknown);
        // One wild window of eight is no trend.
        assert_eq!(trend(&[1.0, 1.1, 0.9, 1.0, 50.0, 1.1, 0.9, 1.0]).0, Direction::Flat);
    }

    #[test]
    fn memory_widens_the_interval() {
        // A slow wave: of independent values this would be a trend.
        let wave: Vec<f64> = (0..120).map(|at| (f64::from(at) / 55.0).sin()).collect();
        let windows: Vec<(u32, f64)> = (1..).zip(wave.iter().copied()).collect();
        let points = blocks(&windows);
        let naive = theil_sen(&points, 1.0).expect("a slope");
        let found = slope(&windows).expect("a slope");
        assert!(found.high - found.low > 2.0 * (naive.high - naive.low), "{naive:?} {found:?}");
    }

    #[test]
    fn thousands_of_windows_have_the_slope_that_they_have() {
        let windows: Vec<(u32, f64)> =
            (1..=2000).map(|at| (at, 0.01 * f64::from(at) + f64::from(at % 7))).collect();
        let found = slope(&windows).expect("a slope");
        assert!((found.per_iteration - 0.01).abs() < 1e-4, "{found:?}");
        assert_eq!(Slope::direction(Some(found)), Direction::Up);
    }

    #[test]
    fn windows_that_are_missing_keep_their_place() {
        let windows: Vec<(u32, f64)> =
            (1..=20).filter(|at| !(5..12).contains(at)).map(|at| (at, 2.0 * f64::from(at))).collect();
        let found = slope(&windows).expect("a slope");
        assert!((found.per_iteration - 2.0).abs() < 1e-12, "{found:?}");
    }
}
