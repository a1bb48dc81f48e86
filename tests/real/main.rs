//! Against real programs: a Prometheus and a browser of this machine. Where it is not installed a test says so and is
//! passed over; with `MMOPS_REQUIRE_REAL=1` that is a failure.
#![allow(unreachable_pub, clippy::must_use_candidate, reason = "a test binary exports nothing")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests touch the world directly"
)]

mod chain;
mod cron;
mod deploy;
#[path = "../props/fake_server.rs"]
#[allow(dead_code, reason = "the tests of the client itself use the rest")]
mod fake_server;
#[path = "../props/golden_pages.rs"]
#[allow(dead_code, reason = "the tests of the file itself use the rest")]
mod golden_pages;
mod history;
mod judged;
mod page;
#[path = "../props/pages.rs"]
#[allow(dead_code, reason = "the tests of the file itself use the rest")]
mod pages;
mod proxy;
mod reality;
mod release;
mod report;
mod server;
mod soak;
