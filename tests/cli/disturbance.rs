//! A sample of what can go wrong around every command; `cargo bench --bench faults` tries all of it.

use crate::conformity;
use crate::process::interrupt::processes;

#[path = "../bench/bed/mod.rs"]
mod bed;

#[test]
fn every_command_is_disturbed() {
    assert_eq!(
        bed::uncovered(),
        Vec::<String>::new(),
        "a command without a case in tests/bench/bed/cases.rs"
    );
}

/// Every case with a full stdout, a call that fails and one more disturbance. Each day has a seed of its own.
#[test]
fn a_disturbed_run_leaves_an_answer_or_none_and_a_next_run_that_works() {
    let seed = u64::try_from(jiff::Timestamp::now().as_second() / 86_400).unwrap();
    let faults = bed::faults(&bed::sample(seed));
    assert!(faults.is_empty(), "seed {seed}:\n{}", faults.join("\n"));
}
