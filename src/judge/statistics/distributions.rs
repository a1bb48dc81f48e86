//! Tails of the normal, Student and binomial distributions, far out as exact as near: a tail is never taken as one
//! minus the other.
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(clippy::many_single_char_names, reason = "a formula has the names that it is printed with")]

use std::f64::consts::SQRT_2;

/// The two-sided normal quantile of 95 %.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;
/// Steps of the continued fraction; for arguments of millions it takes some thousands.
const MOST_STEPS: u32 = 100_000;

/// The chance of more than `z` under the standard normal distribution.
pub(super) fn normal_above(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The chance of more than `t` under Student's distribution.
pub(super) fn student_above(t: f64, degrees: f64) -> f64 {
    if !t.is_finite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let square = t * t;
    let tail =
        0.5 * incomplete_beta(degrees / (degrees + square), square / (degrees + square), degrees / 2.0, 0.5);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The chance of at least `hits` in `n` trials of chance `p`, with `q` = 1 - `p`.
pub(super) fn binomial_above(hits: f64, n: f64, p: f64, q: f64) -> f64 {
    if hits <= 0.0 { 1.0 } else { incomplete_beta(p, q, hits, n - hits + 1.0) }
}

/// The `p` at which a beta distribution has the share `tail` at or below it.
pub(super) fn beta_quantile(tail: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // Halving the range of the bit patterns ends at neighbours, for small answers as for large ones.
    while high.to_bits() - low.to_bits() > 1 {
        let middle = f64::from_bits(u64::midpoint(low.to_bits(), high.to_bits()));
        if incomplete_beta(middle, 1.0 - middle, a, b) < tail { low = middle } else { high = middle }
    }
    high
}

/// The regularised incomplete beta function of `x`, with `y` = 1 - `x` given as well, for near 1 it would be lost.
fn incomplete_beta(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x < (a + 1.0) / (a + b + 2.0) { below(x, y, a, b) } else { 1.0 - below(y, x, b, a) }
}

/// The same on the side where the continued fraction converges fast.
fn below(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = (a * x.ln() + b * y.ln() - log_beta).exp();
    front / a * fraction(x, a, b)
}

/// The continued fraction of the incomplete beta function, by the modified rule of Lentz.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let apart = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / apart(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..=MOST_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / apart(1.0 + term * d);
            c = apart(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tails_are_those_of_tables_and_exact_far_out() {
        // R 4.3: pnorm, pt, pbinom, each with lower.tail = FALSE; qbeta.
        let table = [
            (normal_above(0.0), 0.5),
            (normal_above(1.959_963_984_540_054), 0.025),
            (normal_above(10.0), 7.619_853_024_160_527e-24),
            (student_above(0.0, 3.0), 0.5),
            (student_above(1.0, 1.0), 0.25),
            (student_above(-1.0, 1.0), 0.75),
            (student_above(2.0, 2.0), 0.091_751_709_536_136_97),
            (student_above(f64::INFINITY, 2.0), 0.0),
            (student_above(f64::NEG_INFINITY, 2.0), 1.0),
            (binomial_above(1.0, 10.0, 0.1, 0.9), 1.0 - 0.9_f64.powi(10)),
            (binomial_above(0.0, 10.0, 0.1, 0.9), 1.0),
            (binomial_above(5.0, 5.0, 0.5, 0.5), 0.03125),
            (beta_quantile(0.025, 1.0, 1.0), 0.025),
            (beta_quantile(0.5, 4.0, 4.0), 0.5),
        ];
        for (at, (found, expected)) in table.into_iter().enumerate() {
            assert!((found - expected).abs() <= 1e-12 * expected, "{at}: {found}, {expected}");
        }
    }
}
