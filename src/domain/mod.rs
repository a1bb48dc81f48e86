//! Pure decisions: values in, values out. Nothing here reads a file, a clock or an environment.

pub mod bundle;
pub mod cron;
pub mod failover;
pub mod golden;
pub mod order_log;
pub mod readiness;
pub mod retention;
pub mod secrets;
pub mod steps;
pub mod tuning;
