//! Noise with a memory.

use crate::simulation::random::SplitMix64;

/// Noise with a memory: variance 1, and what it was fades within `memory_secs`.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    memory_secs: f64,
    value: f64,
}

impl Drift {
    pub(super) fn new(memory_secs: f64) -> Self {
        Self { memory_secs, value: 0.0 }
    }

    /// Moves on by `secs` and returns the new value.
    pub(super) fn step(&mut self, secs: f64, random: &mut SplitMix64) -> f64 {
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
            let mut random = SplitMix64::new(7);
            let mut drift = Drift::new(600.0);
            let values: Vec<f64> = (0..200_000).map(|_| drift.step(secs, &mut random)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.2 && (variance - 1.0).abs() < 0.3, "{secs}: {mean} {variance}");
        }
    }
}
