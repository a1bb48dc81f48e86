//! Quantiles from cumulative buckets, by the rule of Prometheus' `histogram_quantile`: linear inside the
//! bucket that holds the rank. Where that rule answers NaN, or a number that stands for "somewhere above
//! the last bound", this one says what is missing instead.

use crate::prom::staleness::is_stale;
use std::fmt;

/// How far a cumulative count may fall against the one before it, relative to it, and still be called
/// the error of summed floating-point rates; the figure is Prometheus' own.
const FALL_TOLERANCE: f64 = 1e-12;

/// How many observations were at most `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The upper bound, inclusive.
    pub upper: f64,
    /// Observations up to it.
    pub count: f64,
}

/// Why a quantile is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unknown {
    /// There are no buckets.
    NoBuckets,
    /// The bucket of all observations is missing.
    NoInfinity,
    /// There is no bucket beside the one of all observations.
    OnlyInfinity,
    /// Nothing was observed.
    NoObservations,
    /// A bound is not a number.
    BadBound,
    /// A count is not a number, infinite, or below zero.
    BadCount {
        /// The bound of that bucket.
        upper: f64,
    },
    /// The series of a bucket has ended.
    Stale {
        /// The bound of that bucket.
        upper: f64,
    },
    /// A count is smaller than that of a smaller bound.
    NotMonotonic {
        /// The bound of the smaller count.
        upper: f64,
    },
    /// Two histograms that should be one have different bounds.
    MissingBucket {
        /// A bound that only one of them has.
        upper: f64,
    },
    /// The quantile lies above the last bound; how far is not known.
    Above {
        /// The last finite bound.
        bound: f64,
    },
    /// The bucket of the rank holds nothing to interpolate in.
    EmptyBucket {
        /// The bound of that bucket.
        upper: f64,
    },
    /// The quantile asked for is not between 0 and 1.
    BadQuantile,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBuckets => write!(f, "no buckets"),
            Self::NoInfinity => write!(f, "the +Inf bucket is missing"),
            Self::OnlyInfinity => write!(f, "no bucket beside +Inf"),
            Self::NoObservations => write!(f, "no observations"),
            Self::BadBound => write!(f, "a bound is not a number"),
            Self::BadCount { upper } => write!(f, "the count up to {upper} is not usable"),
            Self::Stale { upper } => write!(f, "the bucket up to {upper} has ended"),
            Self::NotMonotonic { upper } => {
                write!(f, "the count up to {upper} is below that of a smaller bound")
            }
            Self::MissingBucket { upper } => write!(f, "the bucket up to {upper} is missing on one side"),
            Self::Above { bound } => write!(f, "above the last bound {bound}"),
            Self::EmptyBucket { upper } => write!(f, "the bucket up to {upper} is empty"),
            Self::BadQuantile => write!(f, "the quantile asked for is not between 0 and 1"),
        }
    }
}

/// Buckets that were checked: bounds ascend to +Inf, counts never fall.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram(Vec<Bucket>);

impl Histogram {
    /// Checks buckets in any order; equal bounds written differently (`1` and `1.0`) are one bucket.
    pub fn new(mut buckets: Vec<Bucket>) -> Result<Self, Unknown> {
        for Bucket { upper, count } in &mut buckets {
            // Negative and positive zero are one bound.
            *upper += 0.0;
            if upper.is_nan() || *upper == f64::NEG_INFINITY {
                return Err(Unknown::BadBound);
            }
            if is_stale(*count) {
                return Err(Unknown::Stale { upper: *upper });
            }
            if !count.is_finite() || *count < 0.0 {
                return Err(Unknown::BadCount { upper: *upper });
            }
        }
        buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
        buckets.dedup_by(|next, kept| {
            let same = next.upper.total_cmp(&kept.upper).is_eq();
            kept.count += if same { next.count } else { 0.0 };
            same
        });
        let last = buckets.last().ok_or(Unknown::NoBuckets)?;
        if last.upper != f64::INFINITY {
            return Err(Unknown::NoInfinity);
        }
        if !last.count.is_finite() {
            return Err(Unknown::BadCount { upper: last.upper });
        }
        let mut most = 0.0;
        for bucket in &mut buckets {
            if bucket.count < most {
                if most - bucket.count > most * FALL_TOLERANCE {
                    return Err(Unknown::NotMonotonic { upper: bucket.upper });
                }
                bucket.count = most;
            }
            most = bucket.count;
        }
        Ok(Self(buckets))
    }

    /// The buckets, ascending.
    pub fn buckets(&self) -> &[Bucket] {
        &self.0
    }

    /// How many observations there are.
    pub fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |bucket| bucket.count)
    }

    /// What was observed since `before`. Where any count fell, the process began again and everything
    /// counted now is new.
    pub fn since(&self, before: &Self) -> Result<Self, Unknown> {
        self.same_bounds(before)?;
        if self.0.iter().zip(&before.0).any(|(now, then)| now.count < then.count) {
            return Ok(self.clone());
        }
        let gained =
            |(now, then): (&Bucket, &Bucket)| Bucket { upper: now.upper, count: now.count - then.count };
        Self::new(self.0.iter().zip(&before.0).map(gained).collect())
    }

    /// Both together; they must have the same bounds, or a count would be short.
    pub fn plus(&self, other: &Self) -> Result<Self, Unknown> {
        self.same_bounds(other)?;
        let sum = |(a, b): (&Bucket, &Bucket)| Bucket { upper: a.upper, count: a.count + b.count };
        Self::new(self.0.iter().zip(&other.0).map(sum).collect())
    }

    fn same_bounds(&self, other: &Self) -> Result<(), Unknown> {
        let bound = |of: &Self, at: usize| of.0.get(at).map_or(f64::INFINITY, |bucket| bucket.upper);
        let differ = |at: &usize| bound(self, *at).total_cmp(&bound(other, *at)).is_ne();
        match (0..self.0.len().max(other.0.len())).find(differ) {
            Some(at) => Err(Unknown::MissingBucket { upper: bound(self, at).min(bound(other, at)) }),
            None => Ok(()),
        }
    }

    /// The value below which the share `q` of all observations lies.
    pub fn quantile(&self, q: f64) -> Result<f64, Unknown> {
        if !(0.0..=1.0).contains(&q) {
            return Err(Unknown::BadQuantile);
        }
        let [finite @ .., all] = self.0.as_slice() else { return Err(Unknown::NoBuckets) };
        let last = finite.last().ok_or(Unknown::OnlyInfinity)?;
        if all.count == 0.0 {
            return Err(Unknown::NoObservations);
        }
        let rank = q * all.count;
        let at = finite.partition_point(|bucket| bucket.count < rank);
        let Some(bucket) = finite.get(at) else { return Err(Unknown::Above { bound: last.upper }) };
        let (lower, below) = match at.checked_sub(1) {
            Some(before) => (finite[before].upper, finite[before].count),
            // Nothing says where the first bucket begins; below zero its bound is all that is known.
            None if bucket.upper <= 0.0 => return Ok(bucket.upper),
            None => (0.0, 0.0),
        };
        let inside = bucket.count - below;
        if inside == 0.0 {
            return Err(Unknown::EmptyBucket { upper: bucket.upper });
        }
        Ok(lower + (bucket.upper - lower) * ((rank - below) / inside))
    }
}

/// The quantile of unchecked buckets.
pub fn quantile(q: f64, buckets: &[Bucket]) -> Result<f64, Unknown> {
    Histogram::new(buckets.to_vec())?.quantile(q)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prom::staleness::STALE_BITS;

    const INF: f64 = f64::INFINITY;

    fn of(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|&(upper, count)| Bucket { upper, count }).collect()
    }

    fn q(q: f64, pairs: &[(f64, f64)]) -> Result<f64, Unknown> {
        quantile(q, &of(pairs))
    }

    #[test]
    fn a_quantile_is_linear_inside_its_bucket() {
        let buckets = [(10.0, 50.0), (20.0, 90.0), (40.0, 100.0), (INF, 100.0)];
        assert_eq!(q(0.5, &buckets), Ok(10.0));
        assert_eq!(q(0.7, &buckets), Ok(15.0));
        assert_eq!(q(0.95, &buckets), Ok(30.0));
        assert_eq!(q(1.0, &buckets), Ok(40.0));
        assert_eq!(q(0.0, &buckets), Ok(0.0));
        let mixed = [(INF, 100.0), (40.0, 100.0), (10.0, 50.0), (20.0, 90.0)];
        assert_eq!(q(0.95, &mixed), Ok(30.0));
        assert_eq!(q(0.1, &[(-5.0, 10.0), (5.0, 20.0), (INF, 20.0)]), Ok(-5.0));
        assert_eq!(q(0.75, &[(-5.0, 10.0), (5.0, 20.0), (INF, 20.0)]), Ok(0.0));
    }

    #[test]
    fn what_is_not_known_is_a_reason_and_no_number() {
        let nan = f64::NAN;
        assert_eq!(q(0.9, &[]), Err(Unknown::NoBuckets));
        assert_eq!(q(0.9, &[(INF, 5.0)]), Err(Unknown::OnlyInfinity));
        assert_eq!(q(0.9, &[(1.0, 5.0), (2.0, 5.0)]), Err(Unknown::NoInfinity));
        assert_eq!(q(0.9, &[(1.0, 0.0), (INF, 0.0)]), Err(Unknown::NoObservations));
        assert_eq!(q(0.9, &[(1.0, 5.0), (INF, 10.0)]), Err(Unknown::Above { bound: 1.0 }));
        assert_eq!(q(0.9, &[(1.0, 5.0), (2.0, 4.0), (INF, 10.0)]), Err(Unknown::NotMonotonic { upper: 2.0 }));
        assert_eq!(q(0.9, &[(1.0, 5.0), (INF, 4.0)]), Err(Unknown::NotMonotonic { upper: INF }));
        assert_eq!(q(0.9, &[(nan, 5.0), (INF, 5.0)]), Err(Unknown::BadBound));
        assert_eq!(q(0.9, &[(-INF, 5.0), (INF, 5.0)]), Err(Unknown::BadBound));
        assert_eq!(q(0.9, &[(1.0, nan), (INF, 5.0)]), Err(Unknown::BadCount { upper: 1.0 }));
        assert_eq!(q(0.9, &[(1.0, 5.0), (INF, INF)]), Err(Unknown::BadCount { upper: INF }));
        assert_eq!(q(0.9, &[(1.0, -1.0), (INF, 5.0)]), Err(Unknown::BadCount { upper: 1.0 }));
        let stale = f64::from_bits(STALE_BITS);
        assert_eq!(q(0.9, &[(1.0, stale), (INF, 5.0)]), Err(Unknown::Stale { upper: 1.0 }));
        assert_eq!(q(0.0, &[(1.0, 0.0), (2.0, 5.0), (INF, 5.0)]), Err(Unknown::EmptyBucket { upper: 1.0 }));
        for bad in [nan, -0.1, 1.1, INF] {
            assert_eq!(q(bad, &[(1.0, 5.0), (INF, 5.0)]), Err(Unknown::BadQuantile));
        }
    }

    #[test]
    fn the_rounding_of_summed_rates_is_no_fall_and_equal_bounds_are_one() {
        let rounded = [(1.0, 5.0), (2.0, 5.0 - 1e-15 * 5.0), (INF, 5.0)];
        assert_eq!(q(0.5, &rounded), Ok(0.5));
        assert_eq!(q(0.5, &[(1.0, 2.0), (1.0, 3.0), (INF, 5.0)]), Ok(0.5));
        assert_eq!(q(0.5, &[(-0.0, 2.0), (0.0, 3.0), (INF, 5.0)]), Ok(-0.0));
    }

    #[test]
    fn the_difference_of_two_scrapes_is_what_happened_between_them() {
        let before = Histogram::new(of(&[(1.0, 10.0), (2.0, 10.0), (INF, 10.0)])).unwrap();
        let after = Histogram::new(of(&[(1.0, 10.0), (2.0, 14.0), (INF, 14.0)])).unwrap();
        let between = after.since(&before).unwrap();
        assert_eq!(between.count(), 4.0);
        assert_eq!(between.quantile(0.5), Ok(1.5));
        assert_eq!(after.plus(&before).unwrap().count(), 24.0);

        let restarted = Histogram::new(of(&[(1.0, 3.0), (2.0, 20.0), (INF, 20.0)])).unwrap();
        assert_eq!(restarted.since(&before).unwrap(), restarted);

        let lost = Histogram::new(of(&[(2.0, 14.0), (INF, 14.0)])).unwrap();
        assert_eq!(lost.since(&before), Err(Unknown::MissingBucket { upper: 1.0 }));
        assert_eq!(before.plus(&lost), Err(Unknown::MissingBucket { upper: 1.0 }));
    }
}
