//! `k` of `n` windows in a row.

use super::value::WindowValue;
use crate::judge::gate::{Gate, KOfN};

pub(super) enum Sliding {
    Held,
    /// At this iteration.
    Violated(u32),
    /// Broken or not, depending on windows that are not known.
    Unknown(String),
    /// Some windows break it, and there are too few to say more.
    TooEarly(String),
}

/// Slides `n` windows over the run: broken once `k` of them break the threshold. A window that is not known
/// keeps its place and counts for neither side.
pub(super) fn sliding(gate: &Gate, windows: &[&WindowValue]) -> Sliding {
    let KOfN { k, n } = gate.k_of_n.unwrap_or(KOfN { k: 1, n: 1 });
    let violates = |window: &WindowValue| window.known(gate).is_some_and(|value| !gate.holds(value));
    let (mut violating, mut suspect, mut unknown) = (0, 0, 0);
    let mut undecided = None;
    for (index, window) in windows.iter().enumerate() {
        violating += u32::from(violates(window));
        suspect += u32::from(window.is_suspect(gate));
        unknown += u32::from(window.known(gate).is_none());
        if let Some(gone) = index.checked_sub(n as usize).map(|gone| windows[gone]) {
            violating -= u32::from(violates(gone));
            suspect -= u32::from(gone.is_suspect(gate));
            unknown -= u32::from(gone.known(gate).is_none());
        }
        if violating >= k {
            return Sliding::Violated(window.iteration);
        }
        if violating + suspect > 0 && violating + unknown >= k && undecided.is_none() {
            undecided = Some(window.iteration);
        }
    }
    if let Some(at) = undecided {
        let reason = format!("broken in or beside windows that are not known, at iteration {at}");
        return Sliding::Unknown(reason);
    }
    if windows.len() < n as usize && violating > 0 {
        let there = windows.len();
        return Sliding::TooEarly(format!("{violating} of {there} windows break it, {k} of {n} would fail"));
    }
    Sliding::Held
}
