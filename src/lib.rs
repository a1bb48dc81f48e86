//! x
pub mod ctx;
pub mod domain;
pub mod exit;
pub mod market;
pub mod report;
pub mod sys;
use std::process::ExitCode;
/// x
pub fn run(_a: std::env::ArgsOs) -> ExitCode {
    ExitCode::SUCCESS
}
