//! What a step costs: 100 steps of `/bin/true` through the whole binary, against the nearest peers that
//! are on the machine, and the error of a deadline. Prints ratios; `tests/bench/README.md` keeps them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STEPS: u32 = 100;
const ROUNDS: usize = 11;

fn wall(command: &mut Command) -> Duration {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    started.elapsed()
}

fn spread(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort();
    (times[0], times[times.len() / 2], times[times.len() - 1])
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    let step = |n: u32| format!("  - {{name: s{n}, argv: [/bin/true]}}\n");
    write("plan.yaml", format!("steps:\n{}", (0..STEPS).map(step).collect::<String>()));
    write("Makefile", format!("all:\n{}", "\t@/bin/true\n".repeat(STEPS as usize)));
    write("timeouts.sh", "timeout 30 /bin/true\n".repeat(STEPS as usize));
    let at = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).current_dir(dir.path());
        command
    };
    let mmops = env!("CARGO_BIN_EXE_mmops");
    let pack = ["pre-live-pack", "--dry-run", "--plan", "plan.yaml", "--jobs", "1"];
    let runners = [
        ("mmops", at(mmops, &pack)),
        ("make (no timeouts)", at("make", &["-s"])),
        ("sh + timeout(1)", at("sh", &["timeouts.sh"])),
    ];
    let mut times = vec![Vec::new(); runners.len()];
    let mut runners = runners;
    for _ in 0..ROUNDS {
        for ((_, command), times) in runners.iter_mut().zip(&mut times) {
            times.push(wall(command));
        }
    }
    let base = spread(times[0].clone()).1;
    for ((name, _), times) in runners.iter().zip(times) {
        let (least, median, most) = spread(times);
        let each = median / STEPS;
        println!(
            "{name}: {each:?} a step (whole {least:?}..{most:?}), mmops / it {:.2}",
            base.as_secs_f64() / median.as_secs_f64()
        );
    }
    write("late.yaml", "steps:\n  - {name: a, argv: [sleep, '60'], timeout: 500ms}\n".to_owned());
    let late = ["pre-live-pack", "--dry-run", "--plan", "late.yaml"];
    let errors =
        (0..ROUNDS).map(|_| wall(&mut at(mmops, &late)).saturating_sub(Duration::from_millis(500))).collect();
    let (least, median, most) = spread(errors);
    println!("deadline of 500 ms: {median:?} late, start-up and report included ({least:?}..{most:?})");
    let version = (0..ROUNDS).map(|_| wall(&mut at(mmops, &["--version"]))).collect();
    println!("mmops --version: {:?}", spread(version).1);
}
