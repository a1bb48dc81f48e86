//! How fast a `/metrics` page is read: this crate's parser, in both formats, against `prometheus-parse`,
//! side by side in each round. Prints MB/s and ratios; `tests/bench/exposition.md` keeps them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use mmops::prom::text::{Format, parse};
use prometheus_parse::Scrape;
use std::time::Instant;

const ROUNDS: usize = 15;
/// About the size of a page of 20,000 series.
const LINES: u32 = 20_000;

/// A page of counters and buckets like those of a busy exporter.
fn page(format: Format) -> String {
    let mut text = String::from("# HELP app_requests What was asked.\n# TYPE app_requests counter\n");
    for line in 0..LINES / 2 {
        let (route, code, value) = (line % 97, 200 + line % 5, f64::from(line) * 13.37);
        text.push_str(&format!(
            "app_requests_total{{method=\"GET\",route=\"/api/v1/r{route}\",code=\"{code}\",shard=\"{line}\"}} {value}\n"
        ));
    }
    text.push_str("# HELP stage_ms How long.\n# TYPE stage_ms histogram\n");
    for line in 0..LINES / 2 {
        let (stage, le) =
            (line / 20, [0.5, 1.0, 2.5, 5.0, 10.0][(line % 5) as usize] * f64::from(1 + line % 20));
        text.push_str(&format!("stage_ms_bucket{{stage=\"stage_{stage}\",le=\"{le}\"}} {}\n", line * 7));
    }
    text + if format == Format::OpenMetrics { "# EOF\n" } else { "" }
}

fn main() {
    let (text, open) = (page(Format::Text), page(Format::OpenMetrics));
    let megabytes = text.len() as f64 / 1e6;
    let mut speeds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let ours = parse(text.as_bytes(), Format::Text).unwrap().samples.len();
        speeds[0].push(megabytes / started.elapsed().as_secs_f64());
        let started = Instant::now();
        let strict = parse(open.as_bytes(), Format::OpenMetrics).unwrap().samples.len();
        speeds[1].push(megabytes / started.elapsed().as_secs_f64());
        let started = Instant::now();
        let theirs = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap().samples.len();
        speeds[2].push(megabytes / started.elapsed().as_secs_f64());
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
}
