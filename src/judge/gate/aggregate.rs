//! How the windows of a run become one value, and what that means for windows that are not known.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::statistics::{median, nearest_rank};
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

impl Aggregate {
    /// Whether the threshold can be held against the value of one window.
    pub(crate) fn is_of_one_window(&self) -> bool {
        match self {
            Self::Growth | Self::Sum => false,
            Self::Every | Self::P95 | Self::Mean | Self::Median | Self::Max | Self::Min | Self::Ema(_) => {
                true
            }
        }
    }

    /// Whether further windows can only make it larger, or leave it as it is.
    pub(super) fn only_rises(&self) -> bool {
        match self {
            Self::Sum | Self::Max => true,
            Self::Every | Self::P95 | Self::Mean | Self::Median | Self::Min | Self::Growth | Self::Ema(_) => {
                false
            }
        }
    }

    pub(super) fn extreme(&self) -> Option<Extreme> {
        match self {
            Self::Max => Some(Extreme::Largest),
            Self::Min => Some(Extreme::Smallest),
            Self::Every | Self::P95 | Self::Mean | Self::Median | Self::Sum | Self::Growth | Self::Ema(_) => {
                None
            }
        }
    }

    pub(super) fn of_lower_bound(&self) -> LowerBound {
        match self {
            Self::Every | Self::P95 | Self::Median | Self::Max | Self::Min => LowerBound::Compared,
            Self::Mean | Self::Sum | Self::Ema(_) => LowerBound::Added,
            Self::Growth => LowerBound::Subtracted,
        }
    }

    /// The half-life of the moving average, seconds.
    pub(super) fn half_life_secs(&self) -> Result<Option<f64>, String> {
        let text = match self {
            Self::Ema(text) => text,
            Self::Every
            | Self::P95
            | Self::Mean
            | Self::Median
            | Self::Max
            | Self::Min
            | Self::Sum
            | Self::Growth => return Ok(None),
        };
        let parsed = humantime::parse_duration(text);
        let secs = parsed.map_err(|error| format!("half-life `{text}`: {error}"))?.as_secs_f64();
        if secs > 0.0 { Ok(Some(secs)) } else { Err(format!("half-life `{text}` must not be zero")) }
    }

    /// The value of windows in order, each `window_secs` long; none where there are too few, or where each is
    /// judged by itself.
    pub(super) fn value(&self, values: &[f64], window_secs: f64) -> Option<f64> {
        let sum = || values.iter().sum::<f64>();
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
