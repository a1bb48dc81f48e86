//! Seeded series with memory, and Kayenta's rule beside the judge.

use mmops::testing::judge::{CompareSettings, compare_series};
use std::f64::consts::{PI, SQRT_2};

/// Random numbers by a counter and a mixer.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((word ^ (word >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }
}

/// What becomes of the normal values of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Normal,
    /// Tails of Student's distribution with two degrees.
    Heavy,
    /// Whole numbers with ties.
    Counts,
    LogNormal,
    /// White noise of the same variance beside it.
    Noisy,
    /// A trend of two standard deviations in both arms.
    Trend,
}

/// An arm of unit variance before its shape, in which values one step apart are correlated by `rho`.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub rho: f64,
    pub n: usize,
    pub shape: Shape,
    pub shift: f64,
    pub spread: f64,
}

impl Process {
    pub fn healthy(rho: f64, n: usize) -> Self {
        Self { rho, n, shape: Shape::Normal, shift: 0.0, spread: 1.0 }
    }

    pub fn series(self, random: &mut Random) -> Vec<f64> {
        let mut last = random.normal();
        let innovation = (1.0 - self.rho * self.rho).sqrt();
        let mut series = Vec::with_capacity(self.n);
        for at in 0..self.n {
            let value = match self.shape {
                Shape::Normal => last,
                Shape::Heavy => {
                    let below = 0.5 * libm::erfc(-last / SQRT_2);
                    (2.0 * below - 1.0) / (2.0 * below * (1.0 - below)).sqrt()
                }
                Shape::Counts => (2.0 * (0.7 * last).exp()).floor(),
                Shape::LogNormal => last.exp(),
                Shape::Noisy => last + random.normal(),
                Shape::Trend => last + 2.0 * at as f64 / self.n as f64,
            };
            series.push(value * self.spread + self.shift);
            last = self.rho * last + innovation * random.normal();
        }
        series
    }
}

/// How often of so many pairs each was found, in per cent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    pub worse: f64,
    pub same: f64,
    /// There was too little data to say anything.
    pub silent: f64,
    /// The test of the location, asked alone at one in a hundred, says so.
    pub location: f64,
    /// Kayenta's rule calls them different.
    pub kayenta: f64,
}

/// Judges pairs of a baseline without and a candidate with what the process says; `common` is the standard deviation of a
/// factor that both arms of a pair have, which then is paired.
pub fn rates(candidate: Process, pairs: usize, seed: u64, margin: f64, common: Option<f64>) -> Rates {
    let baseline = Process { shift: 0.0, spread: 1.0, ..candidate };
    let mut rates = Rates::default();
    let part = 100.0 / pairs as f64;
    for pair in 0..pairs {
        let mut random = Random::new(seed.wrapping_mul(1 << 32).wrapping_add(pair as u64));
        let (mut x, mut y) = (baseline.series(&mut random), candidate.series(&mut random));
        if let Some(sd) = common {
            let factor = Process { rho: 0.99, ..Process::healthy(0.99, x.len()) }.series(&mut random);
            for arm in [&mut x, &mut y] {
                arm.iter_mut().zip(&factor).for_each(|(value, factor)| *value += sd * factor);
            }
        }
        let settings = CompareSettings { margin, is_paired: common.is_some(), with_interval: false };
        let found = compare_series(&x, &y, settings);
        rates.worse += if found.finding == "WORSE" { part } else { 0.0 };
        rates.same += if found.finding == "SAME" { part } else { 0.0 };
        rates.silent += if found.p_location.is_none() { part } else { 0.0 };
        rates.location += if found.p_location.is_some_and(|p| p <= 0.01) { part } else { 0.0 };
        rates.kayenta += if kayenta(&x, &y) { part } else { 0.0 };
    }
    rates
}

/// The rank interval of independent values, and a decision once it is further from 0 than a quarter more than needed:
/// what Kayenta does, whichever side.
pub fn kayenta(x: &[f64], y: &[f64]) -> bool {
    let mut all: Vec<(f64, bool)> =
        x.iter().map(|value| (*value, false)).chain(y.iter().map(|value| (*value, true))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let [first, second] = [x, y].map(|values| values.len() as f64);
    let (mut sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for equal in all.chunk_by(|one, other| one.0 == other.0) {
        let count = equal.len() as f64;
        let of_second = equal.iter().filter(|(_, is_second)| *is_second).count() as f64;
        sum += of_second * (before + f64::midpoint(count, 1.0));
        ties += count * count * count - count;
        before += count;
    }
    let u = sum - second * (second + 1.0) / 2.0;
    let both = first + second;
    let variance = first * second / 12.0 * ((both + 1.0) - ties / (both * (both - 1.0)));
    variance > 0.0 && ((u - first * second / 2.0) / variance.sqrt()).abs() > 2.326 / 0.75
}
