//! Random numbers that are the same on every machine: xoshiro256++ seeded by splitmix64, integers only.

/// A generator of 64-bit numbers.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    /// Spreads a seed over the state.
    pub(super) fn new(mut seed: u64) -> Self {
        let state = std::array::from_fn(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        });
        Self { state }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number below `bound`, which is far below 2^32, so that the bias of the multiplication is nil.
    #[expect(clippy::cast_sign_loss, reason = "a bound is positive")]
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        ((u128::from(self.next()) * u128::from(bound as u64)) >> 64) as i64
    }

    /// A number in `-reach..=reach`.
    pub(super) fn around(&mut self, reach: i64) -> i64 {
        self.below(2 * reach + 1) - reach
    }

    /// True `parts` times in 10,000.
    pub(super) fn chance(&mut self, parts: i64) -> bool {
        self.below(10_000) < parts
    }

    /// True or false.
    pub(super) fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_equals_the_published_one() {
        // First outputs of xoshiro256++ from the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        let first: [u64; 4] = std::array::from_fn(|_| random.next());
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
        // First output of splitmix64 from the seed 1234567.
        assert_eq!(Random::new(1_234_567).state[0], 6_457_827_717_110_365_317);
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut random = Random::new(7);
        let numbers: Vec<i64> = (0..1000).map(|_| random.around(3)).collect();
        assert_eq!((numbers.iter().min(), numbers.iter().max()), (Some(&-3), Some(&3)));
        let hits = (0..10_000).filter(|_| random.chance(2_500)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }
}
