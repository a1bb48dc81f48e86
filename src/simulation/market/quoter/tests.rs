use super::*;
use crate::simulation::market::feed::tests::recorded;
use crate::simulation::market::generator::generate;
use crate::simulation::market::spec::{FeedSpec, Regime};
use crate::tuning::trading::Side;
use std::sync::LazyLock;

static CALM: LazyLock<Feed> = LazyLock::new(|| {
    generate(&FeedSpec { seed: 7, minutes: 2, regime: Regime::Calm, symbol: "BTCUSDT".to_owned() })
});

static FUTURES: LazyLock<Option<Feed>> = LazyLock::new(|| recorded("binance-usdm-btcusdt-20240808.gz"));

const PARAMS: QuoterParams = QuoterParams {
    base_spread_bps: 0.7,
    min_interval_ms: 60.0,
    tail_age_ms: 600.0,
    impact_cap_ratio: 0.08,
    max_delta_ratio: 0.12,
    replace_rate_per_min: 300.0,
    max_inventory: 0.2,
};

const FREE: Fees = Fees { maker_bps: 0.0, taker_bps: 0.0 };
const NEAR: Latency = Latency { entry_ms: 10.0, response_ms: 10.0 };

fn trade(feed: &Feed, params: &QuoterParams) -> TradingOutcome {
    simulate(feed, Window::Whole, params, &FREE, &NEAR).expect("simulated")
}

/// The generated feed, and the recorded one where it lies beside the project.
fn feeds() -> impl Iterator<Item = &'static Feed> {
    std::iter::once(&*CALM).chain(FUTURES.as_ref())
}

fn sum(outcome: &TradingOutcome, value: impl Fn(&Fill) -> f64) -> f64 {
    outcome.fills.iter().map(value).sum()
}

use crate::tuning::trading::Fill;

fn edge_bps(outcome: &TradingOutcome) -> f64 {
    let edge = sum(outcome, |fill| fill.side.sign() * (fill.mid - fill.price) * fill.qty);
    1e4 * edge / sum(outcome, |fill| fill.price * fill.qty)
}

#[test]
fn base_spread_bps_trades_fills_for_edge() {
    for feed in feeds() {
        let (near, far) =
            (trade(feed, &PARAMS), trade(feed, &QuoterParams { base_spread_bps: 1.4, ..PARAMS }));
        assert!(near.fills.len() > far.fills.len() && !far.fills.is_empty(), "{}", feed.name);
        assert!(edge_bps(&near) < edge_bps(&far), "{} {} {}", feed.name, edge_bps(&near), edge_bps(&far));
    }
}

#[test]
fn min_interval_ms_spaces_the_updates_of_a_side() {
    let fast = QuoterParams { replace_rate_per_min: 1e6, ..PARAMS };
    for feed in feeds() {
        let (short, long) =
            (trade(feed, &fast), trade(feed, &QuoterParams { min_interval_ms: 100.0, ..fast }));
        assert!(short.replaces > long.replaces, "{} {} {}", feed.name, short.replaces, long.replaces);
        let most = 2.0 * long.duration_s / 0.1 + 2.0;
        assert!((long.orders_placed as f64) < most, "{} {} {most}", feed.name, long.orders_placed);
    }
}

#[test]
fn tail_age_ms_ends_resting_orders() {
    for feed in feeds() {
        let oldest = |tail_age_ms| {
            let outcome = trade(feed, &QuoterParams { tail_age_ms, ..PARAMS });
            outcome.order_lives_ms.into_iter().fold(0.0, f64::max)
        };
        let (short, long) = (oldest(400.0), oldest(800.0));
        assert!(short > 400.0 && short <= 421.0, "{} {short}", feed.name);
        assert!(long > 800.0 && long <= 821.0, "{} {long}", feed.name);
    }
}

#[test]
fn impact_cap_ratio_moves_quotes_with_the_imbalance() {
    let fast = QuoterParams { replace_rate_per_min: 1e6, max_delta_ratio: 0.0, ..PARAMS };
    for feed in feeds() {
        let (deaf, keen) = (
            trade(feed, &QuoterParams { impact_cap_ratio: 0.0, ..fast }),
            trade(feed, &QuoterParams { impact_cap_ratio: 0.3, ..fast }),
        );
        assert!(keen.replaces > deaf.replaces, "{} {} {}", feed.name, keen.replaces, deaf.replaces);
    }
}

#[test]
fn max_delta_ratio_bounds_how_fast_sizes_change() {
    for feed in feeds() {
        let spread = |max_delta_ratio| {
            let outcome = trade(feed, &QuoterParams { max_delta_ratio, ..PARAMS });
            let sizes = outcome.fills.iter().map(|fill| fill.qty);
            sizes.clone().fold(0.0, f64::max) - sizes.fold(f64::MAX, f64::min)
        };
        assert!(spread(0.0) < 1e-9, "{}: a bound of nothing leaves the base size", feed.name);
        assert!(spread(0.05) < spread(0.2), "{} {} {}", feed.name, spread(0.05), spread(0.2));
    }
}

#[test]
fn replace_rate_per_min_is_never_exceeded() {
    for feed in feeds() {
        let replaces = |replace_rate_per_min: f64| {
            let outcome = trade(feed, &QuoterParams { replace_rate_per_min, ..PARAMS });
            let most =
                replace_rate_per_min * outcome.duration_s / 60.0 + (replace_rate_per_min / 60.0).max(1.0);
            assert!(outcome.replaces as f64 <= most, "{} {} {most}", feed.name, outcome.replaces);
            outcome.replaces
        };
        assert!(replaces(120.0) < replaces(360.0), "{}", feed.name);
    }
}

#[test]
fn max_inventory_is_never_exceeded() {
    for feed in feeds() {
        let reached = |max_inventory| {
            let outcome = trade(feed, &QuoterParams { max_inventory, max_delta_ratio: 0.0, ..PARAMS });
            assert!(outcome.max_inventory <= max_inventory + 1e-9, "{} {}", feed.name, outcome.max_inventory);
            outcome.max_inventory
        };
        assert!(reached(0.05) < reached(0.4), "{}", feed.name);
    }
}

#[test]
fn slow_orders_take_more_often() {
    for feed in feeds() {
        let takers = |ms| {
            let latency = Latency { entry_ms: ms, response_ms: ms };
            let outcome = simulate(feed, Window::Whole, &PARAMS, &FREE, &latency).expect("simulated");
            outcome.fills.iter().filter(|fill| !fill.maker).count() as f64 / outcome.fills.len() as f64
        };
        assert!(takers(0.1) < takers(50.0), "{} {} {}", feed.name, takers(0.1), takers(50.0));
    }
}

#[test]
fn the_shipped_grid_has_no_two_equal_candidates_at_its_corners() {
    for feed in feeds() {
        let mut outcomes = Vec::new();
        for corner in 0..16_u32 {
            let pick = |bit: u32, low, high| if corner & (1 << bit) == 0 { low } else { high };
            outcomes.push(trade(
                feed,
                &QuoterParams {
                    base_spread_bps: 1.0,
                    max_delta_ratio: pick(0, 0.10, 0.15),
                    impact_cap_ratio: pick(1, 0.06, 0.10),
                    min_interval_ms: pick(2, 60.0, 100.0),
                    tail_age_ms: pick(3, 600.0, 800.0),
                    ..PARAMS
                },
            ));
        }
        for (index, outcome) in outcomes.iter().enumerate() {
            assert!(outcome.fills.len() >= 10, "{} {index} {}", feed.name, outcome.fills.len());
            assert!(!outcomes[..index].contains(outcome), "{} {index}", feed.name);
        }
    }
}

#[test]
fn the_record_agrees_with_itself() {
    for feed in feeds() {
        let outcome = trade(feed, &PARAMS);
        let bought = sum(&outcome, |fill| fill.side.sign() * fill.qty);
        assert!((bought - outcome.final_position).abs() < 1e-9);
        assert_eq!(outcome.orders_filled, outcome.fills.len() as u64);
        assert!(outcome.order_lives_ms.len() as u64 <= outcome.orders_placed);
        assert!(outcome.order_lives_ms.iter().all(|age| *age >= 10.0), "no order ends before it can arrive");
        assert!(outcome.fills.is_sorted_by_key(|fill| fill.at_ns));
        for fill in &outcome.fills {
            assert!((feed.first_ns..=feed.last_ns).contains(&fill.at_ns));
            assert_eq!(fill.mid_after_1s.is_none(), fill.at_ns + 1_000_000_000 > feed.last_ns);
        }
        let maker_edge = |fill: &&Fill| fill.maker && fill.side.sign() * (fill.mid - fill.price) < 0.0;
        let odd = outcome.fills.iter().filter(maker_edge).count();
        assert!(10 * odd < outcome.fills.len(), "{}: a maker buys below and sells above the mid", feed.name);
    }
}

#[test]
fn equal_arguments_give_equal_outcomes_on_every_thread() {
    let first = trade(&CALM, &PARAMS);
    let others = std::thread::scope(|scope| {
        let run = || scope.spawn(|| trade(&CALM, &PARAMS));
        let runs = [run(), run()];
        runs.map(|run| run.join().expect("no panic"))
    });
    assert!(others.iter().all(|other| *other == first));
}

#[test]
fn the_parts_of_a_split_do_not_overlap_and_start_without_position() {
    let part = |window| simulate(&CALM, window, &PARAMS, &FREE, &NEAR).expect("simulated");
    let (whole, first, rest) = (part(Window::Whole), part(Window::First(0.6)), part(Window::Rest(0.6)));
    assert!((first.duration_s + rest.duration_s - whole.duration_s).abs() < 1e-6);
    let since_start_s = |at_ns: i64| (at_ns - CALM.first_ns.max(CALM.ready_local_ns)) as f64 / 1e9;
    assert!(first.fills.iter().all(|fill| since_start_s(fill.at_ns) <= first.duration_s + 1e-8));
    assert!(rest.fills.iter().all(|fill| since_start_s(fill.at_ns) >= first.duration_s - 1e-8));
    assert!(!first.fills.is_empty() && !rest.fills.is_empty());
    // Until an answer could differ, the first part is the beginning of the whole.
    assert_eq!(first.fills[0], whole.fills[0]);
    let carried = sum(&rest, |fill| fill.side.sign() * fill.qty);
    assert!((carried - rest.final_position).abs() < 1e-9);
    for share in [0.0, 1.0, f64::NAN, -0.5] {
        let error = simulate(&CALM, Window::First(share), &PARAMS, &FREE, &NEAR).expect_err("refused");
        assert!(error.to_string().starts_with("cannot split a feed at"), "{error}");
    }
}

#[test]
fn a_parameter_that_is_no_number_is_refused_by_name() {
    for (params, expected) in [
        (QuoterParams { tail_age_ms: f64::NAN, ..PARAMS }, "`tail_age_ms` is NaN"),
        (QuoterParams { max_inventory: 0.0, ..PARAMS }, "`max_inventory` is 0"),
        (QuoterParams { impact_cap_ratio: -0.1, ..PARAMS }, "`impact_cap_ratio` is -0.1"),
        (QuoterParams { base_spread_bps: f64::INFINITY, ..PARAMS }, "`base_spread_bps` is inf"),
    ] {
        let error = simulate(&CALM, Window::Whole, &params, &FREE, &NEAR).expect_err("refused");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_buy_below_the_mid_is_a_gain_for_the_maker() {
    let outcome = trade(&CALM, &PARAMS);
    let buy = outcome.fills.iter().find(|fill| fill.side == Side::Buy && fill.maker).expect("a buy");
    assert!(buy.price < buy.mid);
    let sell = outcome.fills.iter().find(|fill| fill.side == Side::Sell && fill.maker).expect("a sell");
    assert!(sell.price > sell.mid);
}
