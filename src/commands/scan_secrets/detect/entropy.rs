//! Shannon entropy of a byte string.

/// Bits per byte; 0 for an empty string.
pub(crate) fn bits_per_byte(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert!((bits_per_byte(b"") - 0.0).abs() < 1e-12);
        assert!((bits_per_byte(b"aaaa") - 0.0).abs() < 1e-12);
        assert!((bits_per_byte(b"abab") - 1.0).abs() < 1e-12);
        assert!((bits_per_byte(b"0123456789abcdef") - 4.0).abs() < 1e-12);
    }
}
