//! Numbers as people read them.

/// From here on, and below the reverse, a number has an exponent: all of its digits would be dozens.
const LARGE: f64 = 1e15;

fn is_long(value: f64) -> bool {
    value != 0.0 && (value.abs() >= LARGE || value.abs() < 1.0 / LARGE)
}

/// All of its digits.
pub(crate) fn text(value: f64) -> String {
    if is_long(value) { format!("{value:e}") } else { value.to_string() }
}

/// At most so many decimals.
pub(crate) fn rounded(value: f64, decimals: usize) -> String {
    if value.abs() >= LARGE {
        return text(value);
    }
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How many decimals are printed of it, of a number with an exponent none.
pub(crate) fn decimals(value: f64) -> usize {
    if is_long(value) { 0 } else { text(value).split_once('.').map_or(0, |(_, decimals)| decimals.len()) }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_has_hundreds_of_digits() {
        for (value, full, short) in [
            (2.5, "2.5", "2.5"),
            (350.0, "350", "350"),
            (0.0, "0", "0"),
            (-12_345.678_91, "-12345.67891", "-12345.6789"),
            (1e308, "1e308", "1e308"),
            (-1.5e300, "-1.5e300", "-1.5e300"),
            (5e-324, "5e-324", "0"),
            (f64::INFINITY, "inf", "inf"),
        ] {
            assert_eq!((text(value).as_str(), rounded(value, 4).as_str()), (full, short));
        }
    }
}
