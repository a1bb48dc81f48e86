//! How the windows of a run become one value, and what that means for windows that are not known.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::format::duration;
use crate::judge::statistics::{Sum, median, nearest_rank};
use serde::{Deserialize, Serialize};

/// Many windows to one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Each window is judged by itself.
    Every,
    /// The nearest-rank 95th percentile.
    P95,
    /// The mean.
    Mean,
    /// The median.
    Median,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The sum.
    Sum,
    /// The median of the second half less that of the first.
    Growth,
    /// The moving average at the end, with this half-life, such as `24h`.
    Ema(String),
}

/// Which end of the windows an aggregate is: what is known of it stands whatever other windows hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    Largest,
    Smallest,
}

/// What becomes of a value that is only known to be at least what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LowerBound {
    /// It stays one of several values that are compared with the threshold.
    Compared,
    /// It is added to others: the aggregate is at least what was computed.
    Added,
    /// It may be taken from another: the aggregate could be anything.
    Subtracted,
}

/// What an aggregate means for windows that are not known, or not exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AggregateTraits {
    /// The threshold can be held against the value of one window.
    pub(crate) is_of_one_window: bool,
    /// Further windows can only make it larger, or leave it as it is.
    pub(super) only_rises: bool,
    pub(super) extreme: Option<Extreme>,
    pub(super) of_lower_bound: LowerBound,
}

impl Aggregate {
    pub(crate) fn traits(&self) -> AggregateTraits {
        use LowerBound::{Added, Compared, Subtracted};
        let (is_of_one_window, only_rises, extreme, of_lower_bound) = match self {
            Self::Every | Self::P95 | Self::Median => (true, false, None, Compared),
            Self::Mean | Self::Ema(_) => (true, false, None, Added),
            Self::Max => (true, true, Some(Extreme::Largest), Compared),
            Self::Min => (true, false, Some(Extreme::Smallest), Compared),
            Self::Sum => (false, true, None, Added),
            Self::Growth => (false, false, None, Subtracted),
        };
        AggregateTraits { is_of_one_window, only_rises, extreme, of_lower_bound }
    }

    /// The half-life of the moving average, seconds.
    pub(super) fn half_life_secs(&self) -> Result<Option<f64>, String> {
        let Self::Ema(text) = self else { return Ok(None) };
        let parsed = duration::parse(text);
        let secs = parsed.map_err(|error| format!("half-life `{text}`: {error}"))?.as_secs_f64();
        if secs > 0.0 { Ok(Some(secs)) } else { Err(format!("half-life `{text}` must not be zero")) }
    }

    /// The value of windows in order, each `window_secs` long; none where there are too few, or where each is
    /// judged by itself.
    pub(crate) fn value(&self, values: &[f64], window_secs: f64) -> Option<f64> {
        let sum = || values.iter().copied().collect::<Sum>().value();
        match self {
            Self::Every => None,
            Self::Mean => Some(sum() / values.len() as f64),
            Self::Sum => Some(sum()),
            Self::Max => values.iter().copied().reduce(f64::max),
            Self::Min => values.iter().copied().reduce(f64::min),
            Self::Median => median(values),
            Self::P95 => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                nearest_rank(&sorted, 95)
            }
            Self::Growth => {
                let half = values.len() / 2;
                let (first, second) = (median(&values[..half])?, median(&values[values.len() - half..])?);
                Some(second - first)
            }
            Self::Ema(_) => {
                let half_life = self.half_life_secs().ok().flatten()?;
                let kept = 0.5_f64.powf(window_secs / half_life);
                values.iter().copied().reduce(|average, value| kept * average + (1.0 - kept) * value)
            }
        }
    }
}
