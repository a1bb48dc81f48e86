//! Whether a series still speaks: the marker by which Prometheus says that it has ended.

/// The bits of the one NaN that is the marker.
pub(crate) const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is the stale marker; any other NaN is not.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_nan_is_a_stale_marker() {
        assert!(is_stale(f64::from_bits(STALE_BITS)));
        assert!(!is_stale(f64::NAN));
        assert!(!is_stale(f64::from_bits(0x7ff8_0000_0000_0001)));
    }
}
