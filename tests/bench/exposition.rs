//! How fast a `/metrics` page is read: this crate's parser, in both formats, against `prometheus-parse`,
//! side by side in each round, in time of the processor, so that other work on the machine counts little.
//! Prints MB/s and ratios; `tests/bench/README.md` keeps them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use mmops::testing::exposition::{Format, parse};
use prometheus_parse::Scrape;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 15;
/// About the size of a page of 20,000 series.
const LINES: u32 = 20_000;

/// A page of counters and buckets like those of a busy exporter.
fn page(format: Format, lines: u32) -> String {
    let mut text = String::from("# HELP app_requests What was asked.\n# TYPE app_requests counter\n");
    for line in 0..lines / 2 {
        let (route, code, value) = (line % 97, 200 + line % 5, f64::from(line) * 13.37);
        text.push_str(&format!(
            "app_requests_total{{method=\"GET\",route=\"/api/v1/r{route}\",code=\"{code}\",shard=\"{line}\"}} {value}\n"
        ));
    }
    text.push_str("# HELP stage_ms How long.\n# TYPE stage_ms histogram\n");
    for line in 0..lines / 2 {
        let (stage, le) = (line / 20, 0.5 * f64::from(1 + line % 20));
        text.push_str(&format!("stage_ms_bucket{{stage=\"stage_{stage}\",le=\"{le}\"}} {}\n", line * 7));
    }
    text + if format == Format::OpenMetrics { "# EOF\n" } else { "" }
}

/// Seconds of the processor that this thread has used.
fn cpu_secs() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn main() {
    let (text, open) = (page(Format::Text, LINES), page(Format::OpenMetrics, LINES));
    let megabytes = text.len() as f64 / 1e6;
    let mut speeds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let started = cpu_secs();
        let ours = parse(text.as_bytes(), Format::Text).unwrap().samples.len();
        speeds[0].push(megabytes / (cpu_secs() - started));
        let started = cpu_secs();
        let strict = parse(open.as_bytes(), Format::OpenMetrics).unwrap().samples.len();
        speeds[1].push(megabytes / (cpu_secs() - started));
        let started = cpu_secs();
        let theirs = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap().samples.len();
        speeds[2].push(megabytes / (cpu_secs() - started));
        assert_eq!(ours, strict);
        // The peer folds the buckets of a histogram into one sample.
        assert!(theirs > 0 && ours == LINES as usize);
    }
    println!("{megabytes:.2} MB, {LINES} lines, {ROUNDS} rounds");
    let names = ["text 0.0.4", "OpenMetrics 1.0", "prometheus-parse"];
    let median = |speeds: &mut Vec<f64>| {
        speeds.sort_by(f64::total_cmp);
        speeds[speeds.len() / 2]
    };
    let peer = median(&mut speeds[2]);
    for (name, speeds) in names.iter().zip(&mut speeds) {
        let middle = median(speeds);
        let (least, most) = (speeds[0], speeds[speeds.len() - 1]);
        println!(
            "{name}: {middle:.0} MB/s ({least:.0}..{most:.0}), {:.1} times prometheus-parse",
            middle / peer
        );
    }
    let large = page(Format::Text, 10 * LINES);
    let mut speeds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let started = cpu_secs();
            parse(large.as_bytes(), Format::Text).unwrap();
            large.len() as f64 / 1e6 / (cpu_secs() - started)
        })
        .collect();
    println!("a page of ten times the lines: {:.0} MB/s", median(&mut speeds));
}
