//! Why an answer stays open though a value is there: too little was seen, or what was seen may be more.
#![warn(clippy::wildcard_enum_match_arm)]

use super::{Evaluation, GateOutcome, WindowValue};
use crate::judge::gate::Aggregate;
use crate::judge::gate::aggregate::LowerBound;
use crate::judge::kpi::DataState;
use crate::judge::verdict::GateState;

impl Evaluation<'_> {
    /// Whether fewer than half of the windows could be judged by themselves.
    pub(super) fn too_few_known(&self, actual: Option<f64>) -> Option<GateOutcome> {
        let (known, windows) = (self.counts.judged as usize, self.windows.len());
        let reason = || {
            let points = 100.0 * self.counts.coverage;
            format!(
                "{known} of {windows} windows can be judged by themselves, with {points:.1} % of the points"
            )
        };
        (2 * known < windows).then(|| self.counts.with(GateState::Partial, actual, reason()))
    }

    pub(super) fn too_few_windows(&self, actual: Option<f64>) -> Option<GateOutcome> {
        let (there, wanted) = (self.windows.len(), self.wanted);
        let reason = || format!("{there} of {wanted} windows");
        (there < wanted).then(|| self.counts.with(GateState::Warmup, actual, reason()))
    }

    pub(super) fn too_few_observations(&self, actual: Option<f64>) -> Option<GateOutcome> {
        let (seen, needed) = (self.counts.n, self.gate.min_samples);
        let reason = || format!("{seen} observations, {needed} are needed");
        (seen < needed).then(|| self.counts.with(GateState::Warmup, actual, reason()))
    }

    pub(super) fn too_little_coverage(&self, actual: Option<f64>) -> Option<GateOutcome> {
        let (there, needed) = (self.counts.coverage, self.gate.min_coverage);
        let reason = || {
            let (known, windows) = (self.counts.judged, self.windows.len());
            let windows = format!("{known} of {windows} windows have a value that counts");
            let (there, needed) = (100.0 * there, 100.0 * needed);
            format!("{there:.1} % of the expected points, {needed:.0} % are needed; {windows}")
        };
        (there < needed).then(|| self.counts.with(GateState::Partial, actual, reason()))
    }

    /// Whether what is only known to be at least some value leaves the answer open.
    pub(super) fn lower_bound(&self, actual: Option<f64>) -> Option<GateOutcome> {
        let gate = self.gate;
        let is_open = |(window, value): &(&WindowValue, f64)| {
            let matters = match gate.aggregate.traits().of_lower_bound {
                LowerBound::Subtracted => true,
                LowerBound::Added => gate.at_most.is_some(),
                LowerBound::Compared => gate.at_most.is_some() && gate.holds(*value),
            };
            // What was counted in an incomplete window and is summed up is a matter of coverage.
            let is_counted = window.state == DataState::Partial && gate.aggregate == Aggregate::Sum;
            window.beyond && !is_counted && matters
        };
        let reason = "a value lies beyond the last bucket bound";
        let is_any = self.known.iter().any(is_open);
        is_any.then(|| self.counts.with(GateState::Partial, actual, reason.to_owned()))
    }

    /// Whether an incomplete window could be the largest or the smallest.
    pub(super) fn suspect(&self, actual: Option<f64>) -> Option<GateOutcome> {
        self.gate.aggregate.traits().extreme?;
        let window = self.windows.iter().find(|window| window.is_suspect(self.gate))?;
        let reason = format!("iteration {} breaks it as far as it was seen", window.iteration);
        Some(self.counts.with(GateState::Partial, actual, reason))
    }
}
