//! Pure decisions: values in, values out. Nothing here reads a file, a clock or an environment.

pub mod retention;
pub mod tuning;
