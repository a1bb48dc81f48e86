//! Pure decisions: values in, values out. Nothing here reads a file, a clock or an environment.

pub mod bundle;
pub mod cron;
pub mod evidence;
pub mod failover;
pub mod freshness;
pub mod gate;
pub mod golden;
pub mod kpi;
pub mod lease;
pub mod order_log;
pub mod readiness;
pub mod release;
pub mod retention;
pub mod secrets;
pub mod soak;
pub mod steps;
pub mod tuning;
pub mod verdict;
