use super::*;
use crate::judge::kpi::{KpiCatalogue, Measurement};
use crate::judge::record::Iteration;
use crate::judge::statistics::{Finding, Tests, judge};
use crate::sys::config;

const WINDOW_MS: i64 = 300_000;

/// Definitions of a gauge, a ratio and a rate.
fn definitions() -> BTreeMap<String, KpiDefinition> {
    let text = "kpis:\n  g: {description: d, unit: ms, measure: {gauge: {of: g, over: mean}}}\n  r: {description: d, unit: ratio, \
                measure: {ratio: {of: [a], to: [b]}}}\n  t: {description: d, unit: 1/h, measure: {rate: {of: [a], per: hour}}}\n";
    let catalogue: KpiCatalogue = config::parse(text, config::Format::Yaml, "kpis").expect("kpis");
    catalogue.kpis
}

fn margins() -> BTreeMap<String, KpiMargin> {
    let text = "kpis:\n  g: {unit: ms, better: lower, margin: 1}\n  r: {unit: ratio, better: lower, margin: 0.01}\n  t: {unit: \
                1/h, better: lower, margin: 1}\n";
    let file: super::super::MarginFile =
        config::parse(text, config::Format::Yaml, "margins").expect("margins");
    file.kpis
}

fn measured(value: Option<f64>, unit: &str) -> Measurement {
    match value {
        Some(value) => {
            let hits = format!("{value}").parse().ok();
            Measurement { n: 100, hits, ..Measurement::single(value, unit, "test") }
        }
        None => Measurement::unknown(DataState::NoData, unit, 1, "test", "nothing"),
    }
}

/// A run whose windows have these values; `gap` is an iteration and the milliseconds that were lost before it.
fn ledger(values: &[Option<f64>], gap: Option<(u32, f64)>) -> Ledger {
    let mut ledger = Ledger::new(300.0, 1, false);
    for (value, number) in values.iter().zip(1..) {
        let kpis = ["g", "r", "t"].map(|kpi| (kpi.to_owned(), measured(*value, "ms")));
        let gap_before_secs = gap.filter(|(before, _)| *before == number).map(|(_, secs)| secs);
        ledger.add(&Iteration {
            iteration: number,
            kpis: kpis.into(),
            gap_before_secs,
            ..Iteration::default()
        });
    }
    ledger
}

fn some(count: u32) -> Vec<Option<f64>> {
    (0..count).map(|at| Some(f64::from(at))).collect()
}

/// The figure of this name of two runs, the second of which began so many milliseconds after the first.
fn aligned(kpi: &str, runs: [&Ledger; 2], later_ms: i64) -> (Concurrency, Aligned) {
    let kpis = definitions();
    let [one, two] = [(runs[0], 0), (runs[1], later_ms)].map(|(run, at)| Timeline::new(run, &kpis, at, 300));
    let alignment = Alignment::new([one, two], 15_000);
    let mut figures = alignment.figures(&margins());
    let at = figures.iter().position(|(name, _)| name == kpi).expect("the figure");
    (alignment.concurrency, figures.swap_remove(at).1)
}

fn series(aligned: &Aligned) -> &Series {
    match &aligned.comparison {
        Comparison::Series(series) => series,
        other @ (Comparison::Events { .. } | Comparison::Unknown(_)) => panic!("{other:?}"),
    }
}

#[test]
fn windows_at_one_time_are_pairs_and_others_are_not() {
    let run = ledger(&some(20), None);
    let table = [
        (0, Concurrency::Paired, Some(20)),
        (15_000, Concurrency::Paired, Some(20)),
        (15_001, Concurrency::Overlapping, None),
        (WINDOW_MS / 2, Concurrency::Overlapping, None),
        (10 * WINDOW_MS, Concurrency::Paired, Some(10)),
        (11 * WINDOW_MS, Concurrency::Overlapping, None),
        (20 * WINDOW_MS, Concurrency::Apart, None),
        (-20 * WINDOW_MS, Concurrency::Apart, None),
    ];
    for (later_ms, expected, pairs) in table {
        let (found, aligned) = aligned("g", [&run, &run], later_ms);
        assert_eq!(found, expected, "{later_ms}");
        let differences = series(&aligned).differences.as_ref();
        let known = differences.map(|all| all.iter().filter(|one| one.is_finite()).count());
        assert_eq!(known, pairs, "{later_ms}");
        // One that began ten windows later has in each the value of ten windows before.
        if later_ms == 10 * WINDOW_MS {
            assert!(differences.expect("pairs").iter().all(|one| one.is_nan() || *one == -10.0));
        }
    }
}

#[test]
fn a_gap_is_a_hole_and_what_lies_behind_it_keeps_its_time() {
    let (gapped, whole) = (ledger(&some(20), Some((11, 900.0))), ledger(&some(23), None));
    let (concurrency, found) = aligned("g", [&whole, &gapped], 0);
    assert_eq!(concurrency, Concurrency::Paired);
    assert_eq!(found.series[1].len(), 23);
    assert_eq!(found.series[1].iter().filter(|value| value.is_none()).count(), 3);
    // Points that were lost are missing ones.
    assert!(
        matches!(&found.comparison, Comparison::Unknown(reason) if reason.starts_with("87.0 % of the points of the candidate"))
    );
    let ledgers = [ledger(&some(400), None), ledger(&some(390), Some((11, 3000.0)))];
    let (_, found) = aligned("g", [&ledgers[0], &ledgers[1]], 0);
    let differences = series(&found).differences.as_ref().expect("pairs");
    assert_eq!((differences[9], differences[20]), (0.0, -10.0));
    assert!(differences[10..20].iter().all(|one| one.is_nan()));
}

#[test]
fn of_a_much_longer_run_what_is_nearest_in_time_is_kept() {
    let (long, short) = (ledger(&some(100), None), ledger(&some(20), None));
    let first = |aligned: &Aligned, arm: usize| series(aligned).arms[arm].series().first().copied();
    let table = [
        // The long one first: its end. Last: its begin. Around: its middle.
        ([&long, &short], 100 * WINDOW_MS, 0, 60.0),
        ([&short, &long], 20 * WINDOW_MS, 1, 0.0),
        ([&long, &short], 40 * WINDOW_MS + 100_000, 0, 30.0),
    ];
    for (runs, later_ms, arm, expected) in table {
        let (_, found) = aligned("g", runs, later_ms);
        assert_eq!(series(&found).arms[arm].len(), 40, "{later_ms}");
        assert_eq!(first(&found, arm), Some(expected), "{later_ms}");
        assert!(
            found.notes[0].contains("the 40 windows nearest to the other run count"),
            "{:?}",
            found.notes
        );
    }
}

#[test]
fn what_is_mostly_zero_is_counted_and_not_ranked() {
    let sparse: Vec<Option<f64>> = (0..40).map(|at| Some(f64::from(u8::from(at % 3 == 0)))).collect();
    let none = vec![Some(0.0); 40];
    let (sparse, none) = (ledger(&sparse, None), ledger(&none, None));
    for (kpi, is_attempts, factor) in [("r", true, 1.0), ("t", false, 3600.0)] {
        let (_, found) = aligned(kpi, [&none, &sparse], 0);
        assert!((found.rate_factor - factor).abs() < 1e-12, "{kpi}");
        let Comparison::Events { is_attempts: found, .. } = &found.comparison else {
            panic!("{kpi}: {found:?}")
        };
        assert_eq!(*found, is_attempts, "{kpi}");
    }
    // A gauge counts nothing.
    assert!(matches!(aligned("g", [&none, &sparse], 0).1.comparison, Comparison::Series(_)));
    // 40 windows of 5 minutes without an event leave room for 0.9 an hour, and of 4,000 attempts for 0.00075.
    for kpi in ["t", "r"] {
        let found = aligned(kpi, [&none, &none], 0).1;
        let judged = judge(vec![Tests::of(&found.comparison, true)]).remove(0);
        assert_eq!(judged.finding, Finding::Same, "{kpi}");
    }
}

#[test]
fn what_cannot_be_compared_says_why() {
    let holes: Vec<Option<f64>> = (0..40).map(|at| (at % 4 != 0).then_some(1.0)).collect();
    let (whole, holed) = (ledger(&some(40), None), ledger(&holes, None));
    let kpis = definitions();
    let mut other = definitions();
    let _ = other.remove("r");
    other.get_mut("g").expect("the gauge").scale = Some(2.0);
    let run = |ledger, kpis| Timeline::new(ledger, kpis, 0, 300);
    let reasons = |runs: [Timeline<'_>; 2]| {
        let figures = Alignment::new(runs, 0).figures(&margins());
        let reason = |aligned: &Aligned| match &aligned.comparison {
            Comparison::Unknown(reason) => reason.clone(),
            Comparison::Series(_) | Comparison::Events { .. } => String::new(),
        };
        figures.iter().map(|(_, aligned)| reason(aligned)).collect::<Vec<_>>()
    };
    let missing = "75.0 % of the points of the candidate are there, 95 % are needed";
    assert_eq!(reasons([run(&whole, &kpis), run(&holed, &kpis)]), [missing; 3]);
    let found = reasons([run(&whole, &kpis), run(&whole, &other)]);
    assert_eq!(found, ["both runs measured it in another way", "the candidate did not measure it", ""]);
    let empty = Ledger::new(300.0, 1, false);
    let nothing = "0.0 % of the points of the candidate are there, 95 % are needed";
    assert_eq!(reasons([run(&whole, &kpis), run(&empty, &kpis)]), [nothing; 3]);
}
