//! What users of other judges complained about, as cases of ours: each is named by the report upstream that it
//! answers. `tests/upstream.txt` says of every complaint where it is held, or why not.

use crate::format::config;
use crate::judge::gate::{Gate, GateProfile, Severity};
use crate::judge::kpi::Declared;
use crate::judge::kpi::collector::{Affected, Collector, Grouping, WHOLE};
use crate::judge::kpi::{KpiCatalogue, KpiDefinition};
use crate::judge::record::{GateResult, Iteration, Ledger};
use crate::judge::verdict::{GateState, RunVerdict};
use std::collections::BTreeMap;

/// Seconds between two scrapes; a window has ten.
const INTERVAL_SECS: i64 = 30;
const SCRAPES: u32 = 10;

/// What a page shows; NaN where a value is `f64::NAN`. An empty page is a scrape that failed.
type Page<'a> = Vec<(&'a str, f64)>;

fn typed<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    config::read(yaml, config::Format::Yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

struct Soak {
    kpis: BTreeMap<String, KpiDefinition>,
    profile: GateProfile,
    pages: Vec<Vec<(String, f64)>>,
}

impl Soak {
    /// A figure `k` and a hard gate `g` on it, as YAML has them.
    fn of(kpi: &str, gate: &str) -> Self {
        let kpi: KpiDefinition = typed(&format!("{{description: '', {kpi}}}"));
        let unit = kpi.unit.clone();
        let gate: Gate = typed(&format!("{{kpi: k, unit: '{unit}', severity: hard, {gate}}}"));
        let kpis = BTreeMap::from([("k".to_owned(), kpi)]);
        let mut profile =
            GateProfile { gates: BTreeMap::from([("g".to_owned(), gate)]), ..Default::default() };
        let catalogue = KpiCatalogue { kpis: kpis.clone() };
        assert_eq!(profile.problems("p", &catalogue), Vec::<String>::new());
        profile.set_min_events(|name| catalogue.kpis[name].measure.counts_events());
        Self { kpis, profile, pages: Vec::new() }
    }

    fn gauge(gate: &str) -> Self {
        Self::of("unit: ms, measure: {gauge: {of: m, over: mean}}", gate)
    }

    fn ratio(gate: &str) -> Self {
        Self::of("unit: ratio, measure: {ratio: {of: [errors_total], to: [requests_total]}}", gate)
    }

    /// A window of scrapes, each made by its number from 0.
    fn window<'a>(mut self, page: impl Fn(u32) -> Page<'a>) -> Self {
        let own = |(name, value): (&str, f64)| (name.to_owned(), value);
        self.pages.extend((0..SCRAPES).map(|at| page(at).into_iter().map(own).collect()));
        self
    }

    /// Windows of a gauge that is this all the time.
    fn levels(self, levels: &[f64]) -> Self {
        levels.iter().fold(self, |soak, level| soak.window(|_| vec![("m", *level)]))
    }

    /// Windows in which so many of so many requests fail, counted by counters from 0 on.
    fn requests(mut self, windows: &[(f64, f64)]) -> Self {
        let (mut errors, mut requests) = (0.0, 0.0);
        for (bad, all) in windows {
            for _ in 0..SCRAPES {
                errors += bad / f64::from(SCRAPES);
                requests += all / f64::from(SCRAPES);
                self.pages
                    .push(vec![("errors_total".to_owned(), errors), ("requests_total".to_owned(), requests)]);
            }
        }
        self
    }

    fn run(self) -> (RunVerdict, GateResult) {
        let kpis = self.kpis.into_iter().collect();
        let mut collector = Collector::new(kpis, Grouping::default(), "test", INTERVAL_SECS * 1000);
        let mut ids = BTreeMap::new();
        let mut ledger = Ledger::new(300.0, SCRAPES, false);
        let zeros: Vec<(String, f64)> = self.pages[0].iter().map(|(name, _)| (name.clone(), 0.0)).collect();
        for (at, page) in (0_i64..).zip([vec![zeros], self.pages].concat()) {
            collector.begin_scrape(at * INTERVAL_SECS * 1000);
            for (name, value) in page {
                let register = || collector.register(&name, &BTreeMap::new(), &Declared::default());
                let id = *ids.entry(name.clone()).or_insert_with(register);
                collector.sample(id, value);
            }
            collector.end_scrape();
            if at == 0 {
                collector.close_baseline();
            } else if at % i64::from(SCRAPES) == 0 {
                let kpis = collector.close(SCRAPES).remove(WHOLE).expect("the whole").kpis;
                let iteration = u32::try_from(at / i64::from(SCRAPES)).expect("few");
                ledger.add(&Iteration { iteration, kpis, ..Iteration::default() });
            }
        }
        let mut judgement = ledger.judge(&self.profile);
        (judgement.verdict, judgement.gates.remove("g").expect("the gate"))
    }

    #[track_caller]
    fn is(self, verdict: RunVerdict, state: GateState) -> GateResult {
        let (found, gate) = self.run();
        assert_eq!((found, gate.outcome.state), (verdict, state), "{gate:?}");
        gate
    }
}

use GateState::{HardFail, NoData, Partial, Pass, SoftFail, Warmup};
use RunVerdict::{Fail, Inconclusive};

const EVERY: &str = "aggregate: every, at_most: 100";

#[test]
fn upstream_argo_4479_failed_and_errored_measurements_are_no_success() {
    let soak = Soak::gauge(EVERY).levels(&[200.0, 200.0]);
    let soak = (0..3).fold(soak, |soak, _| soak.window(|_| Page::new()));
    soak.is(Fail, HardFail);
}

#[test]
fn upstream_argo_180_459_a_value_that_is_no_number_is_none() {
    Soak::gauge(EVERY).levels(&[f64::NAN, f64::NAN]).is(Inconclusive, NoData);
    Soak::gauge("aggregate: mean, at_most: 100").levels(&[f64::NAN]).is(Inconclusive, NoData);
}

#[test]
fn upstream_argo_1466_an_infinite_value_is_none() {
    Soak::gauge("aggregate: every, at_least: 1").levels(&[f64::INFINITY]).is(Inconclusive, NoData);
}

#[test]
fn upstream_argo_2101_4679_an_empty_result_is_no_success_and_no_crash() {
    Soak::gauge(EVERY).window(|_| vec![("other", 1.0)]).is(Inconclusive, NoData);
}

#[test]
fn upstream_argo_1905_a_metric_without_a_value_holds_and_does_not_fail() {
    Soak::gauge(EVERY).levels(&[50.0]).window(|_| Page::new()).is(Inconclusive, Partial);
}

#[test]
fn upstream_argo_4792_so_many_in_a_row_fail_and_single_ones_do_not() {
    let gate = "aggregate: every, at_most: 100, k_of_n: {k: 3, n: 3}";
    Soak::gauge(gate).levels(&[200.0, 50.0, 200.0, 200.0, 50.0]).is(RunVerdict::Pass, Pass);
    let gate = Soak::gauge(gate).levels(&[50.0, 200.0, 200.0, 200.0, 50.0]).is(Fail, HardFail);
    assert_eq!(gate.outcome.tripped_at, Some(4));
}

#[test]
fn upstream_argo_4023_one_flaky_window_does_not_decide() {
    let gate = "aggregate: every, at_most: 100, k_of_n: {k: 2, n: 3}";
    Soak::gauge(gate).levels(&[50.0, 500.0, 50.0, 50.0]).is(RunVerdict::Pass, Pass);
}

#[test]
fn upstream_argo_404_2658_the_reason_says_value_limit_and_when() {
    let gate = Soak::gauge(EVERY).levels(&[50.0, 150.000_1, 50.0]).is(Fail, HardFail);
    let reason = gate.outcome.reason.unwrap_or_default();
    assert!(reason.contains("first at iteration 2"), "{reason}");
    assert_eq!((gate.condition.as_str(), gate.outcome.actual), ("<= 100 ms", Some(150.000_1)));
}

#[test]
fn upstream_argo_943_success_waits_for_every_gate() {
    let mut soak = Soak::gauge(EVERY).levels(&[50.0]);
    let later = Gate { last: Some(3), ..soak.profile.gates["g"].clone() };
    soak.profile.gates.insert("later".to_owned(), later);
    assert_eq!(soak.run().0, Inconclusive);
}

#[test]
fn upstream_argo_1617_a_gate_that_only_watches_decides_nothing() {
    let mut soak = Soak::gauge("aggregate: mean, at_most: 1000").levels(&[200.0]);
    let soft = Gate { at_most: Some(1.0), severity: Severity::Soft, ..soak.profile.gates["g"].clone() };
    soak.profile.gates.insert("watched".to_owned(), soft);
    assert_eq!(soak.run().0, RunVerdict::Pass);
}

#[test]
fn upstream_argo_872_1052_a_profile_that_cannot_be_judged_is_refused() {
    let catalogue = KpiCatalogue { kpis: BTreeMap::new() };
    let soak = Soak::gauge(EVERY);
    let problems = soak.profile.problems("p", &catalogue);
    assert!(problems.iter().any(|problem| problem.contains("there is no kpi `k`")), "{problems:?}");
}

#[test]
fn upstream_flagger_1098_1095_a_rate_of_nothing_does_not_advance() {
    Soak::ratio("aggregate: every, at_most: 0.01").requests(&[(0.0, 0.0)]).is(Inconclusive, NoData);
}

#[test]
fn upstream_flagger_1501_bursts_wait_without_a_failure() {
    let windows = [(1.0, 10_000.0), (1.0, 1.0), (0.0, 0.0), (1.0, 10_000.0), (1.0, 10_000.0)];
    let gate = Soak::ratio("aggregate: every, at_most: 0.01").requests(&windows).run().1;
    assert_ne!(gate.outcome.state, HardFail, "{gate:?}");
}

#[test]
fn upstream_suna_3403_one_error_at_low_traffic_aborts_nothing() {
    let windows = [(100.0, 100_000.0), (1.0, 1.0), (1.0, 1.0), (100.0, 100_000.0)];
    Soak::ratio("aggregate: every, at_most: 0.02").requests(&windows).is(RunVerdict::Pass, Pass);
}

#[test]
fn upstream_pyrra_1925_few_events_are_no_burn() {
    Soak::ratio("aggregate: every, at_most: 0.001").requests(&[(0.5, 10.0); 4]).is(Inconclusive, Warmup);
}

#[test]
fn upstream_kayenta_633_a_large_change_of_few_samples_is_no_pass() {
    Soak::gauge("aggregate: mean, at_most: 1000, min_samples: 50").levels(&[650.0]).is(Inconclusive, Warmup);
}

#[test]
fn upstream_kayenta_799_errors_against_none_are_counted() {
    let windows = [(0.0, 1000.0), (30.0, 1000.0)];
    Soak::ratio("aggregate: every, at_most: 0.02").requests(&windows).is(Fail, HardFail);
}

#[test]
fn upstream_kayenta_803_a_failure_names_the_windows() {
    let gate = Soak::gauge(EVERY).levels(&[200.0, 200.0, 50.0]).is(Fail, HardFail);
    assert_eq!((gate.outcome.violations, gate.outcome.longest_streak), (2, 2));
}

#[test]
fn upstream_kayenta_421_330_what_is_required_must_have_data() {
    let soak = Soak::gauge("aggregate: every, at_most: 100, required: true").window(|_| Page::new());
    soak.is(Inconclusive, NoData);
}

#[test]
fn upstream_kayenta_420_no_outlier_is_removed() {
    Soak::gauge("aggregate: max, at_most: 100").levels(&[50.0, 50.0, 50.0, 5000.0, 50.0]).is(Fail, HardFail);
}

#[test]
fn upstream_deck_kayenta_314_low_confidence_is_a_state_of_its_own() {
    let gate = Soak::gauge("aggregate: mean, at_most: 100, min_samples: 50").levels(&[50.0]);
    gate.is(Inconclusive, Warmup);
}

#[test]
fn upstream_spinnaker_6278_a_quantile_needs_events() {
    let kpi = "unit: ms, measure: {quantile: {of: h, q: 0.9}}";
    let mut soak = Soak::of(kpi, EVERY);
    let buckets = ["h_bucket"];
    soak.pages = vec![vec![(buckets[0].to_owned(), 1.0)]; 10];
    // A histogram without bounds has no quantile at all.
    soak.is(Inconclusive, NoData);
}

#[test]
fn upstream_k6_1346_1053_4283_a_threshold_without_samples_is_not_kept() {
    Soak::gauge("aggregate: p95, at_most: 100").window(|_| Page::new()).is(Inconclusive, NoData);
    Soak::of("unit: count, measure: {increase: {of: [errors_total]}}", "aggregate: sum, at_most: 0")
        .window(|_| Page::new())
        .is(Inconclusive, NoData);
}

#[test]
fn upstream_k6_2379_1136_only_the_last_windows_count_where_asked() {
    let gate = "aggregate: every, at_most: 100, last: 2";
    Soak::gauge(gate).levels(&[500.0, 500.0, 50.0, 50.0]).is(RunVerdict::Pass, Pass);
    Soak::gauge(gate).levels(&[50.0, 50.0, 50.0, 500.0]).is(Fail, HardFail);
}

#[test]
fn upstream_k6_107_a_broken_threshold_stays_on_record() {
    let gate = Soak::gauge(EVERY).levels(&[50.0, 500.0, 50.0]).is(Fail, HardFail);
    assert_eq!((gate.outcome.first_violation, gate.outcome.actual), (Some(2), Some(500.0)));
}

#[test]
fn upstream_locust_560_one_failed_request_is_no_red_build() {
    let windows = [(1.0, 1000.0), (0.0, 1000.0)];
    Soak::ratio("aggregate: every, at_most: 0.01").requests(&windows).is(RunVerdict::Pass, Pass);
}

#[test]
fn upstream_prometheus_17482_data_that_vanish_resolve_nothing() {
    let soak = Soak::gauge(EVERY).levels(&[200.0]);
    let soak = (0..30).fold(soak, |soak, _| soak.window(|_| Page::new()));
    soak.is(Fail, HardFail);
}

#[test]
fn upstream_prometheus_3886_12967_the_first_increments_count() {
    let kpi = "unit: count, series: {min: 1, max: 9}, measure: {increase: {of: [errors_total]}}";
    let soak = Soak::of(kpi, "aggregate: sum, at_most: 0");
    // A counter that is made with its first error.
    let page = |at: u32| if at < 5 { vec![("up", 1.0)] } else { vec![("up", 1.0), ("errors_total", 3.0)] };
    let (verdict, gate) = soak.window(page).run();
    assert_eq!((verdict, gate.outcome.actual), (Fail, Some(3.0)), "{gate:?}");
}

#[test]
fn upstream_keptn_9198_1212_a_missing_figure_is_the_same_answer_however_often_it_is_asked() {
    let run = || Soak::gauge(EVERY).levels(&[50.0]).window(|_| Page::new()).run().1.outcome;
    assert_eq!(run(), run());
    assert_eq!(run().state, Partial);
}

#[test]
fn upstream_keptn_6096_a_profile_without_a_gate_is_refused() {
    let catalogue = KpiCatalogue { kpis: BTreeMap::new() };
    let problems = GateProfile::default().problems("p", &catalogue);
    assert!(problems.iter().any(|problem| problem.contains("there is no gate")), "{problems:?}");
}

#[test]
fn upstream_pithead_1652_a_soak_without_a_condition_to_fail_is_refused() {
    let mut soak = Soak::gauge(EVERY);
    for gate in soak.profile.gates.values_mut() {
        gate.severity = Severity::Soft;
    }
    let problems = soak.profile.problems("p", &KpiCatalogue { kpis: soak.kpis });
    assert!(problems.iter().any(|problem| problem.contains("could not fail")), "{problems:?}");
}

#[test]
fn upstream_questdb_181_memory_that_swings_is_no_leak_and_one_that_creeps_is() {
    let gate = "aggregate: growth, at_most: 64";
    let swing: Vec<f64> = (0..24).map(|at| 500.0 + 200.0 * f64::from(at % 2)).collect();
    Soak::gauge(gate).levels(&swing).is(RunVerdict::Pass, Pass);
    let creep: Vec<f64> = (0..24).map(|at| 500.0 + 10.0 * f64::from(at)).collect();
    Soak::gauge(gate).levels(&creep).is(Fail, HardFail);
}

#[test]
fn upstream_artillery_690_a_soft_gate_fails_softly() {
    let mut soak = Soak::gauge("aggregate: mean, at_most: 1000").levels(&[200.0]);
    let gate = soak.profile.gates.get_mut("g").expect("it is there");
    (gate.severity, gate.at_most) = (Severity::Soft, Some(1.0));
    soak.is(RunVerdict::Pass, SoftFail);
}

#[test]
fn upstream_flagger_1035_the_reason_says_what_could_not_be_asked() {
    let kpis = Soak::gauge(EVERY).kpis.into_iter().collect();
    let mut collector = Collector::new(kpis, Grouping::default(), "test", 1000);
    collector.begin_scrape(0);
    collector.end_scrape();
    collector.fail_scrape(Affected::default(), "`http://bot/metrics` answered 503");
    let measured = collector.close(1).remove(WHOLE).expect("the whole").kpis.remove("k").expect("the figure");
    assert_eq!(measured.reason.as_deref(), Some("`http://bot/metrics` answered 503"));
}
