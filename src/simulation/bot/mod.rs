//! A simulated market-making service: one model on a clock that the caller moves, the same in process
//! (`soak run --mock`) and as a real process (`sim bot`).
//!
//! The figures come out of the run-time parameters, the scenario and a seeded noise, in additions,
//! multiplications, divisions and square roots only, so that a seed gives the same bytes on every machine.

mod contract;
pub(crate) mod exposition;
mod latency;
pub(crate) mod model;
mod noise;
pub(crate) mod scenario;

pub(crate) use model::{RollbackAction, SimulatedBot};
pub(crate) use scenario::Scenario;
