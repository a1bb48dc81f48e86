//! Pure decisions: values in, values out. Nothing here reads a file, a clock or an environment.

pub mod failover;
pub mod lease;
pub mod order_log;
pub mod tuning;
