//! Is a run inside its limits? What is measured ([`kpi`]), what is allowed ([`gate`]), and the worst of
//! it ([`verdict`]); [`record`] is a run as it is kept, and judged again.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod gate;
pub(crate) mod kpi;
pub(crate) mod record;
pub(crate) mod statistics;
pub(crate) mod trend;
pub(crate) mod verdict;
