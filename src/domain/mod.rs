//! Pure decisions: values in, values out. Nothing here reads a file, a clock or an environment.

pub mod evidence;
pub mod freshness;
pub mod readiness;
pub mod steps;
pub mod tuning;
