//! How often the judge of `soak compare` is wrong, and what it costs: its tables at any seed, beside Kayenta's rule.
//! `cargo bench --bench judge -- [PAIRS [SEED]]`; 10,000 pairs a row take some minutes.
#![allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints"
)]

#[path = "judge/samples.rs"]
mod samples;

use mmops::testing::judge::{CompareSettings, compare_series};
use samples::{Process, Random, Shape, rates};
use std::time::{Duration, Instant};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let (pairs, seed) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(1));
    let pairs = usize::try_from(pairs).unwrap();
    println!("{pairs} pairs a row, a fifth of them from n 5,000 on, seed {seed}");
    let fewer = |n: usize| if n >= 5000 { pairs.div_ceil(5) } else { pairs };

    println!("\nhealthy: WORSE % / too little data % [Kayenta's rule]");
    for rho in [0.0, 0.5, 0.8, 0.9, 0.95] {
        let cells = [50, 100, 200, 400, 1000, 5000].map(|n| {
            let found = rates(Process::healthy(rho, n), fewer(n), seed, 0.0, None);
            format!("{:.1} / {:.0} [{:.0}]", found.worse, found.silent, found.kayenta)
        });
        println!("  rho {rho:<4} {}", cells.join("   "));
    }
    println!("\nother shapes, healthy: WORSE % at rho 0.5 and 0.9, n 400 and 2,000");
    for shape in [Shape::Heavy, Shape::Counts, Shape::LogNormal, Shape::Noisy, Shape::Trend] {
        let cells = [(0.5, 400), (0.9, 400), (0.5, 2000), (0.9, 2000)].map(|(rho, n)| {
            let process = Process { shape, ..Process::healthy(rho, n) };
            format!("{:.1}", rates(process, fewer(n), seed, 0.0, None).worse)
        });
        println!("  {shape:?}: {}", cells.join("   "));
    }
    println!("\ndifferent: WORSE % [Kayenta's rule]");
    let shifted = |shift, rho, n| Process { shift, ..Process::healthy(rho, n) };
    let wider = |spread, rho, n| Process { spread, ..Process::healthy(rho, n) };
    for (name, process) in [
        ("shift 1 sd, rho 0.8, n 400", shifted(1.0, 0.8, 400)),
        ("shift 0.5 sd, rho 0.8, n 1,000", shifted(0.5, 0.8, 1000)),
        ("shift 1 sd, rho 0.9, n 1,000", shifted(1.0, 0.9, 1000)),
        ("shift 1 sd, rho 0.5, n 200", shifted(1.0, 0.5, 200)),
        ("spread x 1.5, rho 0.8, n 400", wider(1.5, 0.8, 400)),
        ("spread x 2, rho 0.8, n 400", wider(2.0, 0.8, 400)),
    ] {
        let found = rates(process, pairs, seed, 0.0, None);
        println!("  {name}: {:.0} [{:.0}]", found.worse, found.kayenta);
    }
    println!("\nhealthy, with a margin: SAME %");
    for (margin, rho, n) in [(1.0, 0.8, 400), (0.5, 0.8, 400), (0.5, 0.8, 1000), (0.25, 0.8, 5000)] {
        let found = rates(Process::healthy(rho, n), fewer(n), seed, margin, None);
        println!("  margin {margin} sd, rho {rho}, n {n}: {:.0}", found.same);
    }
    println!("\npaired, a common factor of 2 sd: WORSE % (the location alone at 0.01), healthy and shifted");
    for (rho, n, shift) in [(0.8, 400, 1.0), (0.9, 1000, 1.0), (0.8, 1000, 0.5)] {
        let healthy = rates(Process::healthy(rho, n), pairs, seed, 0.0, Some(2.0));
        let found = rates(shifted(shift, rho, n), pairs, seed, 0.0, Some(2.0));
        println!(
            "  rho {rho}, n {n}: {:.1} ({:.1}), {shift} sd found {:.0} ({:.0})",
            healthy.worse, healthy.location, found.worse, found.location
        );
    }
    costs(seed);
}

/// What one figure of three days of points every 15 seconds costs.
fn costs(seed: u64) {
    let mut random = Random::new(seed);
    let process = Process::healthy(0.8, 17_280);
    let (x, y) = (process.series(&mut random), process.series(&mut random));
    println!("\n17,280 points an arm, one figure");
    for (name, is_paired, with_interval) in [
        ("verdict", false, false),
        ("with the interval", false, true),
        ("paired", true, false),
        ("paired, with the interval", true, true),
    ] {
        let settings = CompareSettings { margin: 0.1, is_paired, with_interval };
        let mut times: Vec<Duration> = (0..31)
            .map(|_| {
                let started = Instant::now();
                let _ = std::hint::black_box(compare_series(&x, &y, settings));
                started.elapsed()
            })
            .collect();
        times.sort();
        println!("  {name}: {:?} ({:?}..{:?})", times[times.len() / 2], times[0], times[times.len() - 1]);
    }
}
