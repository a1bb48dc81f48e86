//! Which candidate: the safe one with the highest lower end of `net_bps`; ties go to the lower 95th
//! percentile of order age at the fill, then to the lower parameters in key order. Nothing is chosen among the
//! unsafe, and nothing is chosen by a figure that is unknown.

use super::figures::Figures;
use std::cmp::Ordering;

/// A safe candidate as far as the choice looks at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contender {
    /// Number in the grid, which is key order.
    pub index: usize,
    /// Lower end of the `net_bps` interval.
    pub lower: f64,
    /// 95th percentile of how old orders were when they were filled, milliseconds.
    pub p95_ms: f64,
}

impl Contender {
    /// A contender, if what the choice needs is known.
    pub fn new(index: usize, measured: &Figures) -> Option<Self> {
        let lower = measured.net_interval?.lower;
        let p95_ms = measured.metrics.order_age_p95_ms?;
        (lower.is_finite() && p95_ms.is_finite()).then_some(Self { index, lower, p95_ms })
    }

    /// Best first.
    pub fn rank(&self, other: &Self) -> Ordering {
        let lower = other.lower.total_cmp(&self.lower);
        lower.then(self.p95_ms.total_cmp(&other.p95_ms)).then(self.index.cmp(&other.index))
    }
}

/// The best of all contenders, or none.
pub fn best(contenders: impl IntoIterator<Item = Contender>) -> Option<Contender> {
    contenders.into_iter().min_by(Contender::rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tune::choose::safety::tests::measured;

    fn chosen(contenders: &[(usize, f64, f64)]) -> Option<usize> {
        let all = contenders.iter().map(|(index, lower, p95_ms)| Contender {
            index: *index,
            lower: *lower,
            p95_ms: *p95_ms,
        });
        best(all).map(|best| best.index)
    }

    #[test]
    fn the_highest_lower_end_wins_then_the_lower_p95_then_key_order() {
        assert_eq!(chosen(&[(0, 1.0, 100.0), (1, 1.1, 340.0)]), Some(1));
        assert_eq!(chosen(&[(0, 1.0, 200.0), (1, 1.0, 100.0)]), Some(1));
        assert_eq!(chosen(&[(2, 1.0, 100.0), (1, 1.0, 100.0)]), Some(1));
        assert_eq!(chosen(&[(0, -3.0, 100.0), (1, -2.0, 100.0)]), Some(1));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn an_unknown_figure_is_no_contender() {
        assert!(Contender::new(0, &measured(1.0, 100.0)).is_some());
        assert_eq!(Contender::new(0, &Figures::default()), None);
        assert_eq!(Contender::new(0, &measured(f64::NAN, 100.0)), None);
        assert_eq!(Contender::new(0, &measured(1.0, f64::INFINITY)), None);
    }
}
