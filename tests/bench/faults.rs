//! Every command of the binary under full disks, broken streams, failing and interrupted calls, few descriptors,
//! and signals at seeded moments.
//!
//! `cargo bench --bench faults [-- COMMAND [KIND [SEED]]]` runs all of it for the commands and the kinds of
//! disturbance that begin so, and prints a table; the tests run a sample.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    dead_code,
    unreachable_pub,
    clippy::must_use_candidate,
    reason = "a bench prints, and a test uses a part of it"
)]

pub mod bed;
#[path = "../cli/conformity.rs"]
mod conformity;
mod processes;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let uncovered = bed::uncovered();
    assert!(uncovered.is_empty(), "no case for {uncovered:?}");
    let results = bed::whole(word(2).parse().unwrap_or(0), word(0), word(1), |fault| println!("{fault}"));
    let faults = bed::faults(&results);
    println!("| command | disturbance | runs | faults |\n| --- | --- | --- | --- |");
    for ((command, kind), (runs, faults)) in &results {
        println!("| `{command}` | {kind} | {runs} | {} |", faults.len());
    }
    let runs: usize = results.values().map(|(runs, _)| runs).sum();
    println!("{runs} runs, {} faults", faults.len());
    assert!(faults.is_empty(), "see above");
}
