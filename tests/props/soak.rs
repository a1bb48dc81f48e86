//! Laws of the soak's judgement: unknown is never PASS, over generated worlds of metrics.

use mmops::testing::collector::{Collector, Declared, Grouping, WHOLE};
use mmops::testing::gate::{Aggregate, Gate, GateProfile, KOfN, Severity};
use mmops::testing::kpi::{KpiDefinition, Measure, Reducer, Selector, SeriesCount, TimeUnit};
use mmops::testing::record::{Iteration, Ledger};
use mmops::testing::verdict::RunVerdict;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Scrapes in a window.
const SCRAPES: i64 = 20;
const INTERVAL_MS: i64 = 15_000;

/// What one scrape shows of one series.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Good,
    Missing,
    NotANumber,
    Infinite,
    Negative,
    Restarted,
    /// Arrives with a time that is long past.
    Late,
    /// A histogram without its finite bucket.
    Torn,
}

fn shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        40 => Just(Shown::Good),
        1 => Just(Shown::Missing),
        1 => Just(Shown::NotANumber),
        1 => Just(Shown::Infinite),
        1 => Just(Shown::Negative),
        1 => Just(Shown::Restarted),
        1 => Just(Shown::Late),
        1 => Just(Shown::Torn),
    ]
}

/// Windows of scrapes; some windows are lost as a whole, and some worlds are clean.
fn world() -> impl Strategy<Value = Vec<Vec<Shown>>> {
    let scrapes = usize::try_from(SCRAPES).unwrap();
    let window = prop_oneof![
        6 => prop::collection::vec(Just(Shown::Good), scrapes),
        2 => prop::collection::vec(shown(), scrapes),
        1 => prop::collection::vec(Just(Shown::Missing), scrapes),
        1 => prop::collection::vec(Just(Shown::NotANumber), scrapes),
        1 => (0..scrapes).prop_map(move |at| {
            let mut window = vec![Shown::Good; scrapes];
            window[at] = Shown::Torn;
            window
        }),
    ];
    prop::collection::vec(window, 1..12)
}

fn measure(kind: usize) -> Measure {
    let selector = |name: &str| Selector::try_from(name.to_owned()).unwrap();
    match kind {
        0 => Measure::Gauge { of: selector("m"), over: Reducer::Mean, across: Reducer::Max },
        1 => Measure::Ratio { of: vec![selector("m")], to: vec![selector("m")] },
        2 => Measure::Rate { of: vec![selector("m")], per: TimeUnit::Second },
        _ => Measure::Quantile { of: selector("h"), q: 0.95 },
    }
}

fn gate(aggregate: usize) -> Gate {
    let aggregate = [
        Aggregate::Every,
        Aggregate::Mean,
        Aggregate::Median,
        Aggregate::Max,
        Aggregate::P95,
        Aggregate::Ema("1h".to_owned()),
        Aggregate::Every,
    ][aggregate]
        .clone();
    let k_of_n = (aggregate == Aggregate::Every).then_some(KOfN { k: 2, n: 3 });
    Gate {
        kpi: "k".to_owned(),
        unit: "u".to_owned(),
        aggregate,
        at_most: Some(1e12),
        at_least: None,
        severity: Severity::Hard,
        required: None,
        warmup: 0,
        last: None,
        min_samples: 1,
        min_events: None,
        k_of_n,
        min_coverage: 0.95,
    }
}

/// Judges a world in which every value that is there keeps to its limit.
fn judge(world: &[Vec<Shown>], kind: usize, aggregate: usize) -> RunVerdict {
    let definition = KpiDefinition {
        description: String::new(),
        unit: "u".to_owned(),
        from: None,
        scale: None,
        measure: measure(kind),
        series: SeriesCount::default(),
        min_coverage: 0.95,
        promql: None,
        edge_report: None,
    };
    let mut collector =
        Collector::new(vec![("k".to_owned(), definition)], Grouping::default(), "test", INTERVAL_MS);
    let labels = |le: &str| BTreeMap::from([("le".to_owned(), le.to_owned())]);
    let series = if kind == 3 {
        vec![
            collector.register("h_bucket", &labels("5"), &Declared::default()),
            collector.register("h_bucket", &labels("+Inf"), &Declared::default()),
        ]
    } else {
        vec![collector.register("m", &BTreeMap::new(), &Declared::default())]
    };
    let mut ledger = Ledger::new(300.0, u32::try_from(SCRAPES).unwrap(), false);
    let mut now = 0;
    let mut counter = 1000.0;
    collector.begin_scrape(now);
    for id in &series {
        collector.sample(*id, counter);
    }
    collector.end_scrape();
    collector.close_baseline();
    for (number, window) in (1..).zip(world) {
        for one in window {
            now += INTERVAL_MS;
            counter += 10.0;
            collector.begin_scrape(if matches!(one, Shown::Late) { 0 } else { now });
            let value = match one {
                Shown::Good | Shown::Late | Shown::Torn => Some(counter),
                Shown::Missing => None,
                Shown::NotANumber => Some(f64::NAN),
                Shown::Infinite => Some(f64::INFINITY),
                Shown::Negative => Some(-1.0),
                Shown::Restarted => {
                    counter = 1.0;
                    Some(counter)
                }
            };
            let torn = matches!(one, Shown::Torn) && series.len() > 1;
            for id in series.iter().skip(usize::from(torn)) {
                if let Some(value) = value {
                    collector.sample(*id, value);
                }
            }
            collector.end_scrape();
        }
        let mut members = collector.close(u32::try_from(SCRAPES).unwrap());
        let mut iteration = Iteration::default();
        iteration.iteration = number;
        iteration.kpis = members.remove(WHOLE).unwrap().kpis;
        ledger.add(&iteration);
    }
    let profile =
        GateProfile { gates: BTreeMap::from([("g".to_owned(), gate(aggregate))]), ..GateProfile::default() };
    ledger.judge(&profile).verdict
}

/// The part of scrapes that show a usable value, counted without the code under test.
fn clean_part(world: &[Vec<Shown>], kind: usize) -> f64 {
    let usable = |one: &&Shown| match one {
        Shown::Good | Shown::Restarted => true,
        // A histogram that lacks a bucket is no point.
        Shown::Torn => kind != 3,
        Shown::Negative => kind == 0,
        Shown::Missing | Shown::NotANumber | Shown::Infinite | Shown::Late => false,
    };
    let all = world.iter().flatten().count();
    world.iter().flatten().filter(usable).count() as f64 / all as f64
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("MMOPS_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_missing_never_passes_and_never_fails(world in world(), kind in 0_usize..4, aggregate in 0_usize..7) {
        let verdict = judge(&world, kind, aggregate);
        let part = clean_part(&world, kind);
        // Every value that is there keeps to the limit, so nothing may fail.
        prop_assert_ne!(verdict, RunVerdict::Fail);
        if part < 0.95 {
            prop_assert_eq!(verdict, RunVerdict::Inconclusive, "{} of the points", part);
        }
        if world.iter().flatten().all(|one| matches!(one, Shown::Good)) {
            prop_assert_eq!(verdict, RunVerdict::Pass);
        }
    }
}
