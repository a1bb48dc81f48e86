//! The point scale: what each section is worth, and the figure that earns all of it.

/// Net edge that earns every point, basis points.
pub(crate) const EDGE_TARGET_BPS: f64 = 2.5;
/// Order age up to which every point is earned, milliseconds.
pub(crate) const LATENCY_TARGET_MS: f64 = 350.0;
/// Taker share up to which every point is earned, percent.
pub(crate) const TAKER_TARGET_PCT: f64 = 15.0;
/// Score below which the verdict is BLOCK.
pub(crate) const BLOCK_BELOW: f64 = 70.0;
/// The score of GO.
pub(crate) const FULL: f64 = 100.0;

/// Names and largest points of the sections, in the order in which they are shown.
pub(crate) const SECTIONS: [(&str, f64); 6] =
    [("edge", 30.0), ("latency", 25.0), ("taker", 15.0), ("guards", 10.0), ("chaos", 10.0), ("tests", 10.0)];
