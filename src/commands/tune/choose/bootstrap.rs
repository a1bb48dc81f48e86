//! How sure a ratio is: a moving-block bootstrap over time-ordered accounts.
//!
//! Fills cluster and share the same price moves, so single fills must not be drawn alone. Blocks of
//! consecutive fills are drawn with replacement, from a recording closed to a circle, until they have
//! as many fills as it; the ratio of each such series is one draw, and the interval lies between the
//! draws' quantiles. The generator is seeded, and every candidate sees the same seed.

use crate::judge::statistics::quantile;
use crate::simulation::random::SplitMix64;
use serde::{Deserialize, Serialize};

/// Fewer accounts than this say nothing about their own spread.
pub(crate) const MIN_ACCOUNTS: usize = 20;

/// How the interval is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapSettings {
    /// Seed of the generator.
    pub seed: u64,
    /// Draws.
    pub resamples: u32,
    /// Share of the draws between both ends.
    pub level: f64,
}

impl BootstrapSettings {
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(100..=100_000).contains(&self.resamples) {
            problems.push(format!("`bootstrap.resamples` is {}: it must be 100..100000", self.resamples));
        }
        if !(0.5..=0.999).contains(&self.level) {
            problems.push(format!("`bootstrap.level` is {}: it must be 0.5..0.999", self.level));
        }
        problems
    }
}

/// Where the ratio lies, at the level of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

/// What one fill adds to the numerator and to the denominator of the ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Account {
    /// Money won, quote units.
    pub(crate) profit: f64,
    /// Money turned over, quote units.
    pub(crate) turnover: f64,
}

/// The interval of `sum(profit) / sum(turnover)`, or why there is none.
pub(crate) fn interval(accounts: &[Account], settings: &BootstrapSettings) -> Result<Interval, String> {
    let n = accounts.len();
    if n < MIN_ACCOUNTS {
        return Err(format!("{n} fills, and an interval needs {MIN_ACCOUNTS}"));
    }
    let block = block_length(n);
    // Sums from the first account up to each one, over two rounds of the circle, make a block two
    // subtractions.
    let mut sums = Vec::with_capacity(2 * n + 1);
    let mut sum = Account { profit: 0.0, turnover: 0.0 };
    sums.push(sum);
    for account in accounts.iter().chain(accounts) {
        sum.profit += account.profit;
        sum.turnover += account.turnover;
        sums.push(sum);
    }
    let mut random = SplitMix64::new(settings.seed);
    let mut ratios: Vec<f64> = (0..settings.resamples)
        .map(|_| {
            let (mut profit, mut turnover) = (0.0, 0.0);
            let mut left = n;
            while left > 0 {
                let length = left.min(block);
                let start = random.index(n);
                profit += sums[start + length].profit - sums[start].profit;
                turnover += sums[start + length].turnover - sums[start].turnover;
                left -= length;
            }
            profit / turnover
        })
        .collect();
    if ratios.iter().any(|ratio| !ratio.is_finite()) {
        return Err("a resampled series has no finite ratio".to_owned());
    }
    ratios.sort_by(f64::total_cmp);
    let tail = (1.0 - settings.level) / 2.0;
    let (lower, upper) = (quantile(&ratios, tail), quantile(&ratios, 1.0 - tail));
    lower
        .zip(upper)
        .map(|(lower, upper)| Interval { lower, upper })
        .ok_or("no resample was asked for".to_owned())
}

/// Twice the least integer whose cube reaches `n`: blocks grow with the recording, their number too.
/// Integers only, so that every machine takes the same length.
fn block_length(n: usize) -> usize {
    let mut root = 1;
    while root * root * root < n {
        root += 1;
    }
    2 * root
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BootstrapSettings = BootstrapSettings { seed: 7, resamples: 400, level: 0.9 };

    /// Roughly normal: the sum of twelve uniform numbers.
    fn noise(random: &mut SplitMix64) -> f64 {
        (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0
    }

    /// A series whose neighbours share half of their shock, around `mean`.
    fn series(seed: u64, n: usize, mean: f64) -> Vec<Account> {
        let mut random = SplitMix64::new(seed);
        let mut shock = 0.0;
        let account = |_| {
            shock = 0.5 * shock + noise(&mut random);
            Account { profit: mean + shock, turnover: 1.0 }
        };
        (0..n).map(account).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
        let accounts = series(1, 300, 0.5);
        let first = interval(&accounts, &SETTINGS);
        assert_eq!(first, interval(&accounts, &SETTINGS));
        assert_ne!(first, interval(&accounts, &BootstrapSettings { seed: 8, ..SETTINGS }));
    }

    #[test]
    fn intervals_of_dependent_series_cover_the_truth_about_as_often_as_they_say() {
        let covered = (0..300)
            .filter(|seed| {
                let interval = interval(&series(1000 + seed, 400, 0.3), &SETTINGS).unwrap();
                (interval.lower..=interval.upper).contains(&0.3)
            })
            .count();
        // 90 % asked for; blocks of finite length lose a little. Drawing single fills covers 66 %.
        assert!((246..=288).contains(&covered), "{covered} of 300");
    }

    #[test]
    fn constant_accounts_have_an_interval_of_no_width() {
        let accounts = [Account { profit: 2.0, turnover: 4.0 }; 64];
        assert_eq!(interval(&accounts, &SETTINGS), Ok(Interval { lower: 0.5, upper: 0.5 }));
    }

    #[test]
    fn too_few_fills_and_broken_numbers_have_no_interval() {
        let few = interval(&series(1, 19, 0.0), &SETTINGS).unwrap_err();
        assert_eq!(few, "19 fills, and an interval needs 20");
        let mut broken = series(1, 30, 0.0);
        broken[4].profit = f64::NAN;
        assert!(interval(&broken, &SETTINGS).is_err());
    }

    #[test]
    fn blocks_grow_with_the_series() {
        let lengths: Vec<usize> = [20, 27, 28, 1000, 1001].map(block_length).to_vec();
        assert_eq!(lengths, [6, 6, 8, 20, 22]);
    }
}
