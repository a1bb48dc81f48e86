//! The point scale: what each section is worth, and the figure that earns all of it.

use crate::evidence::daily::Side;

/// Score below which the verdict is BLOCK.
pub(super) const BLOCK_BELOW: f64 = 70.0;
/// The score of GO.
pub(super) const FULL: f64 = 100.0;

/// Names and largest points of the sections, in the order in which they are shown.
pub(crate) const SECTIONS: [(&str, f64); 6] =
    [("edge", 30.0), ("latency", 25.0), ("taker", 15.0), ("guards", 10.0), ("chaos", 10.0), ("tests", 10.0)];

/// The figure that earns every point of a section.
pub(super) struct Target {
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) side: Side,
}

/// Of the figures of a day, in their order.
pub(super) const TARGETS: [Target; 3] = [
    Target { value: 2.5, unit: "bps", side: Side::AtLeast },
    // The age of orders, 95th percentile.
    Target { value: 350.0, unit: "ms", side: Side::AtMost },
    Target { value: 15.0, unit: "%", side: Side::AtMost },
];

impl Target {
    /// The share of the points that a figure earns, 0 to 1.
    pub(super) fn share(&self, figure: f64) -> f64 {
        match self.side {
            Side::AtLeast => (figure / self.value).clamp(0.0, 1.0),
            Side::AtMost if figure <= self.value => 1.0,
            Side::AtMost => self.value / figure,
        }
    }

    /// How far a figure is from the target; below zero where it is better.
    pub(super) fn shortfall(&self, figure: f64) -> f64 {
        match self.side {
            Side::AtLeast => self.value - figure,
            Side::AtMost => figure - self.value,
        }
    }
}
