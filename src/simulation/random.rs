//! Random numbers that are the same on every machine. [`SplitMix64`] is a counter and a mixer, enough for
//! noise and for drawing positions; [`Xoshiro256`] is xoshiro256++ with its state filled by it, for the
//! market, which draws many small integers.

#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A position in something of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(scaled(self.next(), length as u64)).expect("below `length`")
    }

    /// A number in `[0, 1)`.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Close to normal with mean 0 and variance 1, and never beyond 3.5: the sum of four uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Xoshiro256 {
    state: [u64; 4],
}

impl Xoshiro256 {
    pub(crate) fn new(seed: u64) -> Self {
        let mut seeds = SplitMix64::new(seed);
        Self { state: std::array::from_fn(|_| seeds.next()) }
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

    /// A number below `bound`, which is positive.
    #[expect(clippy::cast_sign_loss, reason = "a bound is positive")]
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        scaled(self.next(), bound as u64).cast_signed()
    }

    /// A number in `-reach..=reach`.
    pub(crate) fn around(&mut self, reach: i64) -> i64 {
        self.below(2 * reach + 1) - reach
    }

    /// True `parts` times in 10,000.
    pub(crate) fn chance(&mut self, parts: i64) -> bool {
        self.below(10_000) < parts
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }
}

/// A word scaled to a number below `bound`, by the high half of a product; the bias is below `bound / 2^64`.
fn scaled(word: u64, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequences_equal_the_published_ones() {
        // First outputs of xoshiro256++ from the state 1, 2, 3, 4.
        let mut random = Xoshiro256 { state: [1, 2, 3, 4] };
        let first: [u64; 4] = std::array::from_fn(|_| random.next());
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
        assert_eq!(SplitMix64::new(1_234_567).next(), 6_457_827_717_110_365_317);
        assert_eq!(Xoshiro256::new(1_234_567).state[0], 6_457_827_717_110_365_317);
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut random = Xoshiro256::new(7);
        let numbers: Vec<i64> = (0..1000).map(|_| random.around(3)).collect();
        assert_eq!((numbers.iter().min(), numbers.iter().max()), (Some(&-3), Some(&3)));
        let hits = (0..10_000).filter(|_| random.chance(2_500)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }
}
