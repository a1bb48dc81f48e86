//! End-to-end tests through the binary; every file of this folder is a module here.
#![allow(unreachable_pub, clippy::must_use_candidate, reason = "a test binary exports nothing")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests touch the world directly"
)]

mod answers;
mod bundle;
mod bundle_sbom;
mod bundle_trust;
mod canary;
#[path = "../bench/changes.rs"]
mod changes;
mod chaos;
mod conformity;
mod contract;
mod cron_sentinel;
mod cron_sentinel_notify;
mod deploy;
mod disturbance;
mod docs;
#[path = "../props/fake_server.rs"]
#[allow(dead_code, reason = "the tests of the client use the rest")]
mod fake_server;
mod files;
mod git;
mod golden_compare;
mod make_ready;
mod pre_live_pack;
mod process;
mod readiness;
mod record;
mod rotate;
mod rotate_safety;
mod sandbox;
mod scan_secrets;
mod sim;
mod soak;
mod soak_check;
mod soak_compare;
mod soak_daily;
mod soak_evidence;
mod soak_page;
mod soak_report;
mod soak_sources;
mod text;
mod tune;
mod workflows;

/// A test file that is not wired in would be lost silently.
#[test]
fn every_test_file_is_a_module() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let main = std::fs::read_to_string(dir.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        assert!(stem == "main" || main.contains(&format!("mod {stem};")), "{name} is not a module");
    }
}
