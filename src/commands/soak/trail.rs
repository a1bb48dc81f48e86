//! What the iterations of a run say of their own making: by which program and clock, and where the clock was set.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::header::Header;
use crate::judge::kpi::{DataState, Measurement};
use crate::judge::record::Iteration;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// The iterations in which the wall clock was set, and by how many seconds.
    pub(super) clock_steps: Vec<(u32, f64)>,
    /// The header of the last iteration, with the least trustworthy clock of all.
    pub(super) header: Header,
    /// Why a figure of a member was last not known, by both names; without members the first is empty.
    pub(super) causes: BTreeMap<(String, String), Cause>,
    /// Parameters in force, window by window.
    pub(super) parameters: Vec<ParametersInForce>,
}

/// Why a figure is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// The last iteration in which it was not.
    pub(super) iteration: u32,
    pub(super) reason: String,
}

/// The parameters in force in a window, as the bot itself reports them.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub(crate) struct ParametersInForce {
    pub(super) iteration: u32,
    /// By name; empty where members are watched one by one, or none are reported.
    pub(super) parameters: Arc<BTreeMap<String, f64>>,
    /// The same of each member.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) members: Arc<BTreeMap<String, BTreeMap<String, f64>>>,
}

/// The last value once more where it is the same.
fn shared<T: PartialEq>(value: T, last: Option<&Arc<T>>) -> Arc<T> {
    last.filter(|last| ***last == value).map_or_else(|| Arc::new(value), Arc::clone)
}

impl Trail {
    pub(super) fn of<'a>(iterations: impl IntoIterator<Item = &'a Iteration>) -> Self {
        let mut trail = Self::default();
        iterations.into_iter().for_each(|iteration| trail.add(iteration));
        trail
    }

    pub(super) fn add(&mut self, iteration: &Iteration) {
        self.clock_steps.extend(iteration.clock_step_secs.map(|secs| (iteration.iteration, secs)));
        self.add_causes("", &iteration.kpis, iteration.iteration);
        for (name, member) in &iteration.members {
            self.add_causes(name, &member.kpis, iteration.iteration);
        }
        let members = iteration.members.iter();
        let members = members.map(|(name, member)| (name.clone(), member.params.clone())).collect();
        // Of a fleet there is one for each member and window, and they hardly ever change.
        let last = self.parameters.last();
        let parameters = shared(iteration.params.clone(), last.map(|last| &last.parameters));
        let members = shared(members, last.map(|last| &last.members));
        self.parameters.push(ParametersInForce { iteration: iteration.iteration, parameters, members });
        let clock = self.header.clock.max(iteration.header.clock);
        self.header = Header { clock, ..iteration.header.clone() };
    }

    fn add_causes(&mut self, member: &str, kpis: &BTreeMap<String, Measurement>, iteration: u32) {
        for (kpi, measured) in kpis {
            if let Some(reason) = measured.reason.clone().filter(|_| measured.state != DataState::Measured) {
                self.causes.insert((member.to_owned(), kpi.clone()), Cause { iteration, reason });
            }
        }
    }

    /// Why a figure was last not known, of a member or of the whole.
    pub(super) fn cause(&self, member: Option<&str>, kpi: &str) -> Option<&Cause> {
        self.causes.get(&(member.unwrap_or_default().to_owned(), kpi.to_owned()))
    }
}
