//! What a comparison costs: two documents of 64 MiB that differ in one leaf, the same with the keys of each
//! record reversed, one against its copy, and with its records in another order; against two documents parsed and
//! compared in memory. One object of a million keys against the same backwards.
//! Prints ratios; `tests/bench/README.md` keeps them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const BYTES: usize = 64 << 20;
const KEYS: u64 = 1_000_000;

fn record(n: u64, changed: bool, reversed: bool) -> String {
    let x = |k: u64| (n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(k) >> 11) as f64 / 9e15;
    let net = x(1) + if changed { 0.001 } else { 0.0 };
    let quantiles: Vec<String> = (0..12).map(|k| format!("{:?}", x(k) * 1e3)).collect();
    let mut fields = [
        format!("\"iter\":{n}"),
        format!("\"ts\":\"2026-01-01T00:{:02}:00Z\"", n % 60),
        format!("\"kpi\":{{\"net_bps\":{net:?},\"maker_share\":{:?},\"fills\":{}}}", x(2), n % 5000),
        format!("\"quantiles\":[{}]", quantiles.join(",")),
        "\"note\":\"guard \\\"soft\\\" state\",\"ok\":true,\"skip\":null".to_owned(),
    ];
    if reversed {
        fields.reverse();
    }
    format!("{{{}}}", fields.join(","))
}

fn records(changed: bool, reversed: bool) -> Vec<String> {
    let mut records = Vec::new();
    let mut length = 0;
    while length < BYTES {
        let is_changed = changed && length > BYTES / 10 * 9 && length < BYTES / 10 * 9 + 500;
        records.push(record(records.len() as u64, is_changed, reversed));
        length += records.last().map_or(0, String::len) + 1;
    }
    records
}

fn document(records: &[String]) -> String {
    format!("{{\"iterations\":[{}]}}\n", records.join(","))
}

fn object(keys: impl Iterator<Item = u64>) -> String {
    let entries: Vec<String> = keys.map(|key| format!("\"key{key:07}\":{key}.5")).collect();
    format!("{{{}}}\n", entries.join(",\n"))
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (name, changed, reversed) in [
        ("a.json", false, false),
        ("same.json", false, false),
        ("leaf.json", true, false),
        ("back.json", true, true),
    ] {
        std::fs::write(at(name), document(&records(changed, reversed))).unwrap();
    }
    let mut mixed = records(false, false);
    mixed.sort_by_key(|record| record.bytes().rev().take(40).map(u64::from).sum::<u64>());
    mixed.reverse();
    std::fs::write(at("mixed.json"), document(&mixed)).unwrap();
    std::fs::write(at("keys.json"), object(0..KEYS)).unwrap();
    std::fs::write(at("keys_back.json"), object((0..KEYS).rev())).unwrap();
    let ours = |actual: &str| {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mmops"));
        let baseline = if actual == "keys_back.json" { "keys.json" } else { "a.json" };
        command.args(["golden-compare", "--baseline"]).arg(at(baseline)).arg("--actual").arg(at(actual));
        if actual == "mixed.json" {
            command.args(["--ignore-order", "root.iterations"]);
        }
        assert!(command.stdout(Stdio::null()).status().unwrap().success());
        started.elapsed()
    };
    let trees = || {
        let started = Instant::now();
        let read = |name| serde_json::from_slice::<Value>(&std::fs::read(at(name)).unwrap()).unwrap();
        assert!(read("a.json") != read("leaf.json"));
        started.elapsed()
    };
    let names = ["leaf.json", "back.json", "same.json", "mixed.json", "keys_back.json"];
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); names.len() + 1];
    for _ in 0..ROUNDS {
        for (index, name) in names.iter().enumerate() {
            times[index].push(ours(name));
        }
        times[names.len()].push(trees());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        (times[0], times[times.len() / 2], times[times.len() - 1])
    };
    let (_, base, _) = median(&mut times[names.len()].clone());
    for (times, name) in times.iter_mut().zip(names.iter().copied().chain(["two trees in memory"])) {
        let (least, middle, most) = median(times);
        let ratio = middle.as_secs_f64() / base.as_secs_f64();
        println!("{name}: {middle:?} ({least:?}..{most:?}), {ratio:.2} of two trees in memory");
    }
}
