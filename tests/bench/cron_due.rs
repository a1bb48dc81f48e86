//! Due times of random expressions in twenty zones over three years, by the search of mmops and, minute by minute, by
//! the documented rules of `cron(8)` and of `robfig/cron`; ends at the first difference.
//!
//! `cargo bench --bench cron_due -- [EXPRESSIONS] [SEED]`: 200 of each dialect and seed 1 unless it says otherwise.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a bench measures the world")]

#[path = "../props/cron_rules.rs"]
#[allow(dead_code, reason = "the sample of the suite uses the rest")]
mod cron_rules;

use cron_rules::{Job, Numbers, ZONES, hold, minutes, zone};
use mmops::testing::cron::Dialect;

const YEARS_S: (i64, i64) = (1_672_531_200, 1_767_225_600);

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let (count, seed) = (given.first().copied().unwrap_or(200), given.get(1).copied().unwrap_or(1));
    let mut numbers = Numbers::new(seed);
    let dialects = [Dialect::Vixie, Dialect::Kubernetes];
    let jobs: Vec<Job> =
        (0..count).flat_map(|_| dialects).map(|dialect| Job::any(&mut numbers, dialect)).collect();
    for name in ZONES {
        let minutes = minutes(&zone(name), YEARS_S.0, YEARS_S.1);
        let runs: usize = jobs.iter().map(|job| hold(job, name, &minutes)).sum();
        println!("{name}: {} expressions, {runs} runs, no difference", jobs.len());
    }
}
