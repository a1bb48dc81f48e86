//! Laws that hold for every input; every file of this folder is a module here.
#![allow(unreachable_pub, reason = "a test binary exports nothing")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests touch the world directly"
)]

mod cron;
mod cron_rules;
mod exposition;
mod fake_server;
mod golden_pages;
mod json_cases;
mod judge;
mod lease;
mod numbers;
mod page;
mod pages;
mod prom_client;
mod readiness;
mod retention;
mod rollback_plan;
#[path = "../bench/judge/samples.rs"]
mod samples;
mod soak;
mod soak_worlds;
#[path = "../tidy.rs"]
mod tidy;
mod tokens;
mod tune;
