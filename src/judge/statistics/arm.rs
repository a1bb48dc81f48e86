//! One side of a comparison, and the ranks of both among each other.
#![warn(clippy::wildcard_enum_match_arm)]

/// A series on a regular grid, of which larger is worse; NaN is a hole.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(super) series: Vec<f64>,
    /// The values that are there with their positions, in ascending order.
    sorted: Vec<(f64, usize)>,
}

/// The ranks of two arms among each other, from 1 on, equal values sharing the mean of theirs.
pub(super) struct PooledRanks {
    /// By arm, in the order of time; holes stay holes.
    pub(super) ranks: [Vec<f64>; 2],
    /// Of the second arm.
    pub(super) sum: f64,
    /// The sum of t^3 - t over groups of t equal values.
    pub(super) ties: f64,
}

impl Arm {
    /// What is not finite is a hole.
    pub(crate) fn new(mut series: Vec<f64>) -> Self {
        series.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f64::NAN);
        let present = series.iter().copied().enumerate().filter(|(_, value)| !value.is_nan());
        let mut sorted: Vec<(f64, usize)> = present.map(|(at, value)| (value, at)).collect();
        sorted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        Self { series, sorted }
    }

    pub(crate) fn series(&self) -> &[f64] {
        &self.series
    }

    /// Values that are there.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn n(&self) -> f64 {
        self.sorted.len() as f64
    }

    pub(super) fn range(&self) -> Option<(f64, f64)> {
        self.sorted.first().zip(self.sorted.last()).map(|(low, high)| (low.0, high.0))
    }

    pub(crate) fn median(&self) -> Option<f64> {
        let half = self.sorted.len() / 2;
        let high = self.sorted.get(half)?.0;
        Some(if self.sorted.len() % 2 == 1 { high } else { f64::midpoint(self.sorted[half - 1].0, high) })
    }

    /// The values in ascending order.
    pub(super) fn values(&self) -> Vec<f64> {
        self.sorted.iter().map(|(value, _)| *value).collect()
    }

    /// The `k`-th smallest value of both, from 1 on.
    pub(super) fn kth_of_both(&self, other: &Self, k: usize) -> f64 {
        let (mut one, mut two) = (self.sorted.iter().peekable(), other.sorted.iter().peekable());
        let mut next = || match (one.peek(), two.peek()) {
            (Some((first, _)), Some((second, _))) if second < first => two.next(),
            (Some(_), _) => one.next(),
            (None, _) => two.next(),
        };
        for _ in 1..k {
            next();
        }
        next().map_or(f64::NAN, |(value, _)| *value)
    }
}

/// The ranks of two arms, once `shift` is taken from the second.
pub(super) fn pooled_ranks(one: &Arm, two: &Arm, shift: f64) -> PooledRanks {
    let mut ranks = [vec![f64::NAN; one.series.len()], vec![f64::NAN; two.series.len()]];
    let (mut sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    let (mut left, mut right) = (&one.sorted[..], &two.sorted[..]);
    loop {
        let first = left.first().map(|(value, _)| *value);
        let second = right.first().map(|(value, _)| value - shift);
        let value = match (first, second) {
            (Some(first), Some(second)) => first.min(second),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return PooledRanks { ranks, sum, ties },
        };
        let lefts = left.iter().take_while(|(one, _)| *one == value).count();
        let rights = right.iter().take_while(|(one, _)| one - shift == value).count();
        let equal = (lefts + rights) as f64;
        let rank = before + f64::midpoint(equal, 1.0);
        left[..lefts].iter().for_each(|(_, at)| ranks[0][*at] = rank);
        right[..rights].iter().for_each(|(_, at)| ranks[1][*at] = rank);
        (left, right) = (&left[lefts..], &right[rights..]);
        sum += rank * rights as f64;
        ties += equal * equal * equal - equal;
        before += equal;
    }
}
