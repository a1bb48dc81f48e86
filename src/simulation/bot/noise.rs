//! Seeded noise that is the same on every machine: splitmix64, and a process that returns to zero.

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A generator for one seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Close to normal with mean 0 and variance 1, and never beyond 3.5: the sum of four even numbers.
    pub(super) fn normal(&mut self) -> f64 {
        let even = |word: u64| (word >> 11) as f64 / (1_u64 << 53) as f64;
        let sum: f64 = (0..4).map(|_| even(self.next())).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}

/// Noise with a memory: variance 1, and what it was fades within `memory_secs`.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    memory_secs: f64,
    value: f64,
}

impl Drift {
    /// A process that starts at its mean.
    pub(super) fn new(memory_secs: f64) -> Self {
        Self { memory_secs, value: 0.0 }
    }

    /// Moves on by `secs` and returns the new value.
    pub(super) fn step(&mut self, secs: f64, random: &mut Random) -> f64 {
        let kept = self.memory_secs / (self.memory_secs + secs);
        self.value = kept * self.value + (1.0 - kept * kept).sqrt() * random.normal();
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_has_mean_zero_and_variance_one_at_any_step() {
        for secs in [1.0, 15.0, 600.0] {
            let mut random = Random::new(7);
            let mut drift = Drift::new(600.0);
            let values: Vec<f64> = (0..200_000).map(|_| drift.step(secs, &mut random)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.2 && (variance - 1.0).abs() < 0.3, "{secs}: {mean} {variance}");
        }
    }
}
