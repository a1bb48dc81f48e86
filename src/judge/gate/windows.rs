//! What each window of a run says of a gate by itself, for whoever shows a run: what is drawn is what was judged.
#![warn(clippy::wildcard_enum_match_arm)]

use super::Gate;

/// What one window says of a gate by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WindowAnswer {
    /// It is left out: in the warm-up, or before the last windows that count.
    NotCounted,
    /// Too little is known of it.
    Unknown,
    /// Its value does not break the threshold, or the threshold is not that of one window.
    Kept(f64),
    /// Its value breaks the threshold.
    Broken(f64),
}

/// A window with its number, from 1, and its answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct JudgedWindow {
    pub(crate) iteration: u32,
    pub(crate) answer: WindowAnswer,
    /// The value is only known to be at least that.
    pub(crate) beyond: bool,
    /// Whether there was a time without observation before it.
    pub(crate) is_after_gap: bool,
}

/// Windows without a break that break a threshold; an unknown window and a gap end them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BrokenStretch {
    /// Number of the first window.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The value furthest on the wrong side.
    pub(crate) worst: f64,
    /// The window that has it.
    pub(crate) worst_at: u32,
}

impl Gate {
    /// Whether `value` lies further on the wrong side, or less far on the right one, than `other`.
    pub(crate) fn is_worse(&self, value: f64, other: f64) -> bool {
        if self.at_most.is_some() { value > other } else { value < other }
    }

    /// The stretches of windows that break the threshold, in order.
    pub(crate) fn broken_stretches(&self, windows: &[JudgedWindow]) -> Vec<BrokenStretch> {
        let mut stretches: Vec<BrokenStretch> = Vec::new();
        let mut is_going_on = false;
        for window in windows {
            let WindowAnswer::Broken(value) = window.answer else {
                is_going_on = false;
                continue;
            };
            let at = window.iteration;
            match stretches.last_mut().filter(|_| is_going_on && !window.is_after_gap) {
                Some(stretch) => {
                    stretch.last = at;
                    if self.is_worse(value, stretch.worst) {
                        (stretch.worst, stretch.worst_at) = (value, at);
                    }
                }
                None => stretches.push(BrokenStretch { first: at, last: at, worst: value, worst_at: at }),
            }
            is_going_on = true;
        }
        stretches
    }
}
