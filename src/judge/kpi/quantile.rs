//! Quantiles from cumulative buckets, by the rule of Prometheus' `histogram_quantile`: linear inside the
//! bucket that holds the rank. Where that rule answers NaN, or names the last bound for a rank beyond it,
//! this one says so.
#![warn(clippy::wildcard_enum_match_arm)]

/// How far a cumulative count may fall against the one before it, relative to it and at all, and still be
/// called the error of a floating-point sum; the relative figure is Prometheus' own.
const FALL_TOLERANCE: (f64, f64) = (1e-12, 1e-9);

/// How many events were at most `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The upper bound, inclusive.
    pub upper: f64,
    /// Events up to it.
    pub count: f64,
}

/// Where a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantile {
    /// At this value.
    At(f64),
    /// Somewhere beyond the last finite bound, which is this.
    Beyond(f64),
}

/// Why a quantile is not known.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unknown {
    /// There are no buckets.
    #[error("no bucket")]
    NoBuckets,
    /// The bucket of all events is missing.
    #[error("the histogram has no +Inf bucket")]
    NoInfinity,
    /// There is no bucket beside the one of all events.
    #[error("the histogram has no finite bucket")]
    OnlyInfinity,
    /// There was no event.
    #[error("no event in the window, so there is no quantile")]
    NoEvents,
    /// The bounds do not ascend.
    #[error("the bounds of the buckets do not ascend")]
    BadBound,
    /// A count is not a number, infinite, or below zero.
    #[error("the count up to {upper} is not usable")]
    BadCount {
        /// The bound of that bucket.
        upper: f64,
    },
    /// A count is smaller than that of a smaller bound.
    #[error("the count up to {upper} is below that of a smaller bound")]
    Falls {
        /// The bound of the smaller count.
        upper: f64,
    },
    /// The quantile asked for is not above 0 and at most 1.
    #[error("the quantile asked for is not above 0 and at most 1")]
    BadQuantile,
}

/// The value below which the share `q` of all events lies, from buckets in ascending order of their bounds.
pub fn quantile(buckets: &[Bucket], q: f64) -> Result<Quantile, Unknown> {
    if !(q > 0.0 && q <= 1.0) {
        return Err(Unknown::BadQuantile);
    }
    let (all, finite) = buckets.split_last().ok_or(Unknown::NoBuckets)?;
    let ascends = buckets.is_sorted_by(|low, high| low.upper < high.upper);
    if !ascends || buckets[0].upper.is_nan() || buckets[0].upper == f64::NEG_INFINITY {
        return Err(Unknown::BadBound);
    }
    if all.upper != f64::INFINITY {
        return Err(Unknown::NoInfinity);
    }
    let last = finite.last().ok_or(Unknown::OnlyInfinity)?;
    // A count that falls by no more than an error of summing counts as the one before it.
    let mut most = 0.0_f64;
    let mut counts = Vec::with_capacity(buckets.len());
    for Bucket { upper, count } in buckets {
        if !count.is_finite() || *count < 0.0 {
            return Err(Unknown::BadCount { upper: *upper });
        }
        if most - count > most * FALL_TOLERANCE.0 + FALL_TOLERANCE.1 {
            return Err(Unknown::Falls { upper: *upper });
        }
        most = most.max(*count);
        counts.push(most);
    }
    if most <= 0.0 {
        return Err(Unknown::NoEvents);
    }
    let rank = q * most;
    let at = counts[..finite.len()].partition_point(|count| *count < rank);
    let Some(bucket) = finite.get(at) else { return Ok(Quantile::Beyond(last.upper)) };
    let (lower, below) = match at.checked_sub(1) {
        Some(before) => (finite[before].upper, counts[before]),
        // Nothing says where the first bucket begins; below zero its bound is all that is known.
        None if bucket.upper <= 0.0 => return Ok(Quantile::At(bucket.upper)),
        None => (0.0, 0.0),
    };
    Ok(Quantile::At(lower + (bucket.upper - lower) * ((rank - below) / (counts[at] - below))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn of(q: f64, buckets: &[(f64, f64)]) -> Result<Quantile, Unknown> {
        let bucket = |(upper, count): &(f64, f64)| Bucket { upper: *upper, count: *count };
        quantile(&buckets.iter().map(bucket).collect::<Vec<_>>(), q)
    }

    #[test]
    fn a_quantile_is_linear_inside_its_bucket() {
        let buckets = [(10.0, 50.0), (20.0, 90.0), (40.0, 100.0), (INF, 100.0)];
        for (q, wanted) in [(0.25, 5.0), (0.5, 10.0), (0.9, 20.0), (0.95, 30.0), (1.0, 40.0)] {
            assert_eq!(of(q, &buckets), Ok(Quantile::At(wanted)), "{q}");
        }
        // Empty buckets on the way hold no rank.
        assert_eq!(of(0.5, &[(1.0, 0.0), (2.0, 0.0), (4.0, 8.0), (INF, 8.0)]), Ok(Quantile::At(3.0)));
        let negative = [(-5.0, 10.0), (5.0, 20.0), (INF, 20.0)];
        assert_eq!(of(0.1, &negative), Ok(Quantile::At(-5.0)));
        assert_eq!(of(0.75, &negative), Ok(Quantile::At(0.0)));
    }

    #[test]
    fn beyond_the_last_bound_only_the_bound_is_known() {
        let buckets = [(1.0, 5.0), (2.0, 6.0), (INF, 10.0)];
        assert_eq!(of(0.6, &buckets), Ok(Quantile::At(2.0)));
        assert_eq!(of(0.61, &buckets), Ok(Quantile::Beyond(2.0)));
        assert_eq!(of(1.0, &[(1.0, 0.0), (INF, 1.0)]), Ok(Quantile::Beyond(1.0)));
    }

    #[test]
    fn what_is_not_known_is_a_reason_and_no_number() {
        let nan = f64::NAN;
        let table = [
            (&[][..], Unknown::NoBuckets),
            (&[(INF, 5.0)], Unknown::OnlyInfinity),
            (&[(1.0, 5.0), (2.0, 5.0)], Unknown::NoInfinity),
            (&[(1.0, 0.0), (INF, 0.0)], Unknown::NoEvents),
            (&[(1.0, 5.0), (2.0, 4.0), (INF, 10.0)], Unknown::Falls { upper: 2.0 }),
            (&[(1.0, 5.0), (INF, 4.0)], Unknown::Falls { upper: INF }),
            (&[(nan, 5.0), (INF, 5.0)], Unknown::BadBound),
            (&[(nan, 5.0)], Unknown::BadBound),
            (&[(1.0, 5.0), (nan, 5.0)], Unknown::BadBound),
            (&[(-INF, 5.0), (INF, 5.0)], Unknown::BadBound),
            (&[(2.0, 5.0), (1.0, 5.0), (INF, 5.0)], Unknown::BadBound),
            (&[(1.0, 5.0), (1.0, 5.0), (INF, 5.0)], Unknown::BadBound),
            (&[(1.0, nan), (INF, 5.0)], Unknown::BadCount { upper: 1.0 }),
            (&[(1.0, 5.0), (INF, INF)], Unknown::BadCount { upper: INF }),
            (&[(1.0, -1.0), (INF, 5.0)], Unknown::BadCount { upper: 1.0 }),
        ];
        for (buckets, unknown) in table {
            assert_eq!(of(0.9, buckets), Err(unknown), "{buckets:?}");
        }
        for bad in [nan, 0.0, -0.1, 1.1, INF] {
            assert_eq!(of(bad, &[(1.0, 5.0), (INF, 5.0)]), Err(Unknown::BadQuantile));
        }
    }

    #[test]
    fn the_error_of_a_sum_is_no_fall() {
        let fallen = |by: f64| of(0.5, &[(1.0, 5.0), (2.0, 5.0 - by), (INF, 5.0)]);
        assert_eq!(fallen(1e-10), Ok(Quantile::At(0.5)));
        assert_eq!(fallen(1e-6), Err(Unknown::Falls { upper: 2.0 }));
    }
}
