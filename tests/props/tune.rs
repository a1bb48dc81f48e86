//! Laws of the parameter sweep.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests touch the world directly")]

use mmops::testing::bootstrap;
use mmops::testing::choice::{Contender, best};
use mmops::testing::key::{NAMES, PerKey};
use mmops::testing::limits::{Bound, out_of_bounds};
use mmops::testing::measure::measure;
use mmops::testing::overrides;
use mmops::testing::trading::{Fees, Fill, Side, TradingOutcome};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const SETTINGS: bootstrap::BootstrapSettings =
    bootstrap::BootstrapSettings { seed: 7, resamples: 100, level: 0.9 };

fn sweep(root: &Path, line: &str) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_mmops"));
    command.args(["tune", "sweep"]).args(line.split_whitespace()).current_dir(root).env_clear();
    // 1 says that no candidate of the small grid is safe; the report is written all the same.
    let code = command.env("MMOPS_NOW", "2026-03-10T12:00:00Z").output().unwrap().status.code();
    assert!(matches!(code, Some(0 | 1)), "{line}: {code:?}");
}

fn grid(tails: &[u32], intervals: &[u32]) -> String {
    format!(
        "grid:\n  tail_age_ms: {tails:?}\n  min_interval_ms: {intervals:?}\n\
         fixed: {{base_spread_bps_delta: 0, impact_cap_ratio: 0.08, max_delta_ratio: 0.12, replace_rate_per_min: 300}}\n\
         quoter: {{base_spread_bps: 1.0, max_inventory: 0.05}}\n\
         fees: {{maker_bps: 0.0, taker_bps: 5.0}}\nlatency: {{entry_ms: 5, response_ms: 5}}\n\
         generated: {{seed: 7, minutes: 1, regime: calm, symbol: BTCUSDT}}\n\
         walk_forward: {{train_fraction: 0.5}}\nbootstrap: {{seed: 7, resamples: 100, level: 0.9}}\n"
    )
}

fn axis(low: u32, step: u32) -> impl Strategy<Value = Vec<u32>> {
    proptest::sample::subsequence((0..4).map(|i| low + step * i).collect::<Vec<_>>(), 1..=2).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_has_the_same_bytes_whatever_jobs_shards_and_list_order(
        tails in axis(500, 100), intervals in axis(60, 20), jobs in 1_usize..4, shards in 1_usize..4,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let read = |path: &str| fs::read(root.join(path)).unwrap();
        fs::write(root.join("g.yaml"), grid(&tails, &intervals)).unwrap();
        sweep(root, "--grid g.yaml --jobs 1");
        let one = read("artifacts/PARAM_SWEEP.json");
        let (mut tails, mut intervals) = (tails, intervals);
        tails.reverse();
        intervals.reverse();
        fs::write(root.join("g.yaml"), grid(&tails, &intervals)).unwrap();
        sweep(root, &format!("--grid g.yaml --jobs {jobs} --out-json b/PARAM_SWEEP.json"));
        prop_assert_eq!(&read("b/PARAM_SWEEP.json"), &one);
        for shard in 0..shards {
            sweep(root, &format!("--grid g.yaml --shard {shard}/{shards} --out-json s/P.json"));
        }
        sweep(root, "--merge s --out-json m/PARAM_SWEEP.json");
        prop_assert_eq!(&read("m/PARAM_SWEEP.json"), &one);
        prop_assert_eq!(read("m/PARAM_SWEEP.md"), read("b/PARAM_SWEEP.md"));
    }
}

fn fill() -> impl Strategy<Value = Fill> {
    let after = proptest::option::of(50.0_f64..150.0);
    (any::<bool>(), 50.0_f64..150.0, 0.001_f64..5.0, any::<bool>(), 50.0_f64..150.0, after).prop_map(
        |(buys, price, qty, maker, mid, mid_after_1s)| {
            let side = if buys { Side::Buy } else { Side::Sell };
            Fill { at_ns: 0, side, price, qty, age_ms: 100.0, maker, mid, mid_after_1s }
        },
    )
}

fn outcome(fills: Vec<Fill>, final_mid: f64) -> TradingOutcome {
    let final_position = fills.iter().map(|fill| fill.side.sign() * fill.qty).sum();
    TradingOutcome { fills, final_position, final_mid, duration_s: 60.0, ..TradingOutcome::default() }
}

proptest! {
    #[test]
    fn net_is_cash_plus_inventory_less_fees_however_it_is_split_over_fills(
        fills in prop::collection::vec(fill(), 1..60), final_mid in 50.0_f64..150.0,
    ) {
        let fees = Fees { maker_bps: -1.0, taker_bps: 4.0 };
        let (mut cash, mut position, mut turnover, mut paid) = (0.0, 0.0, 0.0, 0.0);
        for fill in &fills {
            let notional = fill.price * fill.qty;
            cash -= fill.side.sign() * notional;
            position += fill.side.sign() * fill.qty;
            turnover += notional;
            paid += notional * 1e-4 * if fill.maker { fees.maker_bps } else { fees.taker_bps };
        }
        let expected = 1e4 * (cash + position * final_mid - paid) / turnover;
        let measured = measure(&[&outcome(fills, final_mid)], &fees, &SETTINGS);
        let net = measured.metrics.net_bps.unwrap();
        prop_assert!((net - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{} {}", net, expected);
        let parts = measured.metrics.gross_bps.unwrap() - measured.metrics.fees_bps.unwrap();
        prop_assert!((net - parts).abs() < 1e-6 * (1.0 + net.abs()));
        if let Some(interval) = measured.net_interval {
            prop_assert!(interval.lower <= interval.upper);
        }
    }

    #[test]
    fn the_best_does_not_depend_on_the_order_of_the_candidates(
        figures in prop::collection::vec((-3_i32..3, 100_u32..103), 1..30), turn in 0_usize..30,
    ) {
        let mut all: Vec<Contender> = figures
            .iter()
            .enumerate()
            .map(|(index, (lower, p95))| Contender { index, lower: f64::from(*lower), p95_ms: f64::from(*p95) })
            .collect();
        let first = best(all.clone());
        let turn = turn % all.len();
        all.rotate_left(turn);
        prop_assert_eq!(best(all.clone()), first);
        let first = first.unwrap();
        prop_assert!(all.iter().all(|other| other.lower <= first.lower));
    }

    #[test]
    fn what_is_written_inside_the_bounds_reads_back_inside_them(
        shares in prop::array::uniform6(0.0_f64..=1.0),
    ) {
        let bounds = PerKey::from_fn(|i| Bound { min: 50.0 * i as f64, max: 50.0 * i as f64 + 7.5 });
        let point = PerKey::from_fn(|i| {
            let bound = bounds.values()[i];
            (bound.min + shares[i] * (bound.max - bound.min)).clamp(bound.min, bound.max)
        });
        prop_assert!(out_of_bounds(&point, &bounds).is_empty());
        let written = serde_json::to_string(&overrides::with_point(&overrides::Overrides::new(), &point)).unwrap();
        let read: overrides::Overrides = serde_json::from_str(&written).unwrap();
        prop_assert!(overrides::broken(&read, &bounds).is_empty());
        for (name, value) in NAMES.iter().zip(point.values()) {
            prop_assert_eq!(read[*name].as_f64(), Some(*value));
        }
    }
}
