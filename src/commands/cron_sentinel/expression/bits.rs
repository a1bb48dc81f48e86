//! Sets of small numbers as the bits of one.

pub(super) fn has(bits: u64, value: u8) -> bool {
    bits >> value & 1 == 1
}

pub(super) fn highest(bits: u64, most: u8) -> Option<u8> {
    let below = bits & (u64::MAX >> (63 - most.min(63)));
    (below != 0).then(|| u8::try_from(below.ilog2()).unwrap_or_default())
}

pub(super) fn lowest(bits: u64, least: u8) -> Option<u8> {
    let above = bits.checked_shr(least.into()).unwrap_or_default();
    (above != 0).then(|| least + u8::try_from(above.trailing_zeros()).unwrap_or_default())
}
