//! Figures of samples: every statistic that is more than a sum stands here once.
#![warn(clippy::wildcard_enum_match_arm)]

/// The middle value; the mean of the middle two for an even count.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

/// The nearest-rank percentile of values in ascending order: the smallest that has at least `percent` of all at
/// or below it.
pub(crate) fn nearest_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The quantile of values in ascending order, linear between neighbours: the rule that numpy calls `linear`, R
/// type 7. `q` lies between 0 and 1.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the slice")]
    let low = (at.floor() as usize).min(last);
    let high = (low + 1).min(last);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64))
}

/// The harmonic mean; 0 when any value is 0.
pub(crate) fn harmonic_mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.len() as f64 / values.iter().map(|value| 1.0 / value).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn the_nearest_rank_is_one_of_the_values() {
        let hundred: Vec<u32> = (1..=100).collect();
        let table = [(0, 1), (1, 1), (50, 50), (95, 95), (100, 100)];
        for (percent, expected) in table {
            assert_eq!(nearest_rank(&hundred, percent), Some(expected), "{percent}");
        }
        assert_eq!(nearest_rank(&[1, 2, 3, 4], 95), Some(4));
        assert_eq!(nearest_rank::<u32>(&[], 95), None);
    }

    #[test]
    fn a_quantile_is_interpolated_between_neighbours() {
        let table: [(&[f64], f64, f64); 4] = [
            (&[1.0, 2.0, 3.0, 4.0], 0.95, 3.85),
            (&[5.0], 0.95, 5.0),
            (&[0.0, 10.0], 1.0, 10.0),
            (&[0.0, 10.0], 0.0, 0.0),
        ];
        for (values, q, expected) in table {
            let found = quantile(values, q).expect("a value");
            assert!((found - expected).abs() < 1e-12, "{values:?} {q}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_harmonic_mean_is_pulled_to_the_smallest() {
        assert_eq!(harmonic_mean(&[2.0, 2.0]), Some(2.0));
        assert_eq!(harmonic_mean(&[1.0, 0.0]), Some(0.0));
        assert_eq!(harmonic_mean(&[]), None);
    }
}
