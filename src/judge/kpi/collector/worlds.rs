//! Worlds of pages that a process may show, and what the figures must make of them.

use super::*;
use crate::format::exposition::Kind;
use crate::judge::kpi::{DataState, LifeCause, Measurement, Reducer, Selector, SeriesCount, TimeUnit};

/// A page: names with labels as they stand there, and values. An empty page is a scrape that failed.
type Page = Vec<(&'static str, f64)>;

fn selector(text: &str) -> Selector {
    Selector::try_from(text.to_owned()).expect("a selector")
}

fn definition(unit: &str, measure: Measure) -> KpiDefinition {
    KpiDefinition {
        description: String::new(),
        unit: unit.to_owned(),
        from: None,
        scale: None,
        measure,
        series: SeriesCount { min: 1, max: 1 },
        min_coverage: 0.75,
        promql: None,
        edge_report: None,
    }
}

fn gauge(of: &str, over: Reducer) -> KpiDefinition {
    definition("count", Measure::Gauge { of: selector(of), over, across: Reducer::Max })
}

fn restarts() -> KpiDefinition {
    definition("count", Measure::Restarts)
}

fn increase() -> KpiDefinition {
    let increase = definition("count", Measure::Increase { of: vec![selector("t_total")] });
    KpiDefinition { series: SeriesCount { min: 1, max: 9 }, ..increase }
}

fn rate() -> KpiDefinition {
    definition("1/s", Measure::Rate { of: vec![selector("t_total")], per: TimeUnit::Second })
}

/// The labels of `name{a="1",b="2"}`.
fn parts(series: &str) -> (&str, BTreeMap<String, String>) {
    let Some((name, rest)) = series.split_once('{') else { return (series, BTreeMap::new()) };
    let pairs = rest.trim_end_matches('}').split(',').map(|pair| pair.split_once('=').expect("a pair"));
    (name, pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned())).collect())
}

struct World {
    collector: Collector,
    known: BTreeMap<&'static str, SeriesId>,
    second: i64,
}

impl World {
    fn new(kpis: &[(&str, KpiDefinition)], grouping: Grouping) -> Self {
        let kpis = kpis.iter().map(|(name, kpi)| ((*name).to_owned(), kpi.clone())).collect();
        let collector = Collector::new(kpis, grouping, "test", 1000);
        Self { collector, known: BTreeMap::new(), second: 0 }
    }

    fn scrape(&mut self, page: &[(&'static str, f64)]) {
        self.collector.begin_scrape(self.second * 1000);
        for (series, value) in page {
            let id = *self.known.entry(series).or_insert_with(|| {
                let (name, labels) = parts(series);
                self.collector.register(name, &labels, &Declared::default())
            });
            self.collector.sample(id, *value);
        }
        self.collector.end_scrape();
        self.second += 1;
    }

    /// Scrapes once a second; the first page comes before the window.
    fn window(&mut self, pages: &[Page]) -> BTreeMap<String, Member> {
        if self.second == 0 {
            self.scrape(&pages[0]);
            self.collector.close_baseline();
            return self.window(&pages[1..]);
        }
        for page in pages {
            self.scrape(page);
        }
        self.collector.close(u32::try_from(pages.len()).expect("few"))
    }
}

fn one(kpi: KpiDefinition, pages: &[Page]) -> Measurement {
    let mut world = World::new(&[("k", kpi)], Grouping::default());
    world.window(pages).remove(WHOLE).expect("the whole").kpis.remove("k").expect("the figure")
}

/// Pages with one series.
fn of(series: &'static str, values: &[f64]) -> Vec<Page> {
    values.iter().map(|value| vec![(series, *value)]).collect()
}

#[track_caller]
fn assert_value(measured: &Measurement, expected: f64) {
    let is_close = measured.value.is_some_and(|value| (value - expected).abs() < 1e-9);
    assert!(is_close && measured.state == DataState::Measured, "{expected}: {measured:?}");
}

#[test]
fn a_crash_loop_is_counted_and_each_life_grows_by_itself() {
    // Four scrapes a life; memory grows by 50 in each and is free again after it.
    let page = |second: i32| -> Page {
        let (life, age) = (f64::from(second / 4), f64::from(second % 4));
        vec![("m", 100.0 + 50.0 * age), ("process_start_time_seconds", 1000.0 + 4.0 * life)]
    };
    let pages: Vec<Page> = (0..13).map(page).collect();
    let kpis = [("restarts", restarts()), ("m", gauge("m", Reducer::Mean))];
    let mut world = World::new(&kpis, Grouping::default());
    let member = world.window(&pages).remove(WHOLE).expect("the whole");
    assert_value(&member.kpis["restarts"], 3.0);
    let rises: Vec<Option<f64>> = member.kpis["m"].pieces.iter().map(|piece| piece.rise).collect();
    // The first page came before the window, and the last life has shown one.
    assert_eq!(rises, [Some(100.0), Some(150.0), Some(150.0), Some(0.0)]);
    let causes: Vec<LifeCause> = member.lives.iter().map(|life| life.cause).collect();
    assert_eq!(
        causes,
        [LifeCause::FirstSeen, LifeCause::StartTime, LifeCause::StartTime, LifeCause::StartTime]
    );
}

#[test]
fn without_a_start_time_fallen_counters_are_a_restart() {
    let pages = of("t_total", &[10.0, 20.0, 5.0, 9.0]);
    assert_value(&one(rate(), &pages), 19.0 / 3.0);
    let kpis = [("restarts", restarts()), ("k", rate())];
    let mut world = World::new(&kpis, Grouping::default());
    assert_value(&world.window(&pages)[WHOLE].kpis["restarts"], 1.0);
    // A gauge alone says nothing of its process.
    let mut world =
        World::new(&[("restarts", restarts()), ("m", gauge("m", Reducer::Mean))], Grouping::default());
    let measured = &world.window(&of("m", &[1.0, 2.0]))[WHOLE].kpis["restarts"];
    assert_eq!(measured.state, DataState::NoData);
}

#[test]
fn two_processes_behind_one_address_are_no_figure() {
    let pages = of("t_total", &[1000.0, 5.0, 1000.0, 5.0, 1000.0]);
    let measured = one(rate(), &pages);
    assert_eq!(measured.state, DataState::ToolError);
    assert!(measured.reason.is_some_and(|reason| reason.contains("several processes answer")));
    let start =
        |value: f64, start: f64| -> Page { vec![("t_total", value), ("process_start_time_seconds", start)] };
    let pages = [start(1000.0, 100.0), start(5.0, 200.0), start(1000.0, 100.0)];
    assert_eq!(one(restarts(), &pages).state, DataState::ToolError);
    // Restarts that the process tells of are no riddle, however many.
    let pages = [start(1000.0, 100.0), start(5.0, 200.0), start(3.0, 300.0)];
    assert_value(&one(restarts(), &pages), 2.0);
    assert_value(&one(rate(), &pages), 4.0);
}

#[test]
fn one_fallen_counter_resets_all_of_its_process() {
    let buckets = |low: f64, all: f64| -> Page {
        vec![("h_bucket{le=\"100\"}", low), ("h_bucket{le=\"200\"}", all), ("h_bucket{le=\"+Inf\"}", all)]
    };
    let quantile = definition("ms", Measure::Quantile { of: selector("h"), q: 0.95 });
    // The first bucket fell from 100 to 48, so all 150 are new: 48 below 100, the rest below 200.
    let measured = one(quantile, &[buckets(100.0, 100.0), buckets(48.0, 150.0)]);
    assert_value(&measured, 100.0 + 100.0 * (0.95 * 150.0 - 48.0) / 102.0);
    let ratio = Measure::Ratio { of: vec![selector("bad_total")], to: vec![selector("t_total")] };
    let page = |bad, all| -> Page { vec![("bad_total", bad), ("t_total", all)] };
    assert_value(&one(definition("ratio", ratio), &[page(55.0, 1000.0), page(60.0, 400.0)]), 0.15);
}

#[test]
fn a_counter_that_falls_in_a_process_that_goes_on_is_no_figure() {
    let page = |value| -> Page { vec![("t_total", value), ("process_start_time_seconds", 7.0)] };
    let measured = one(rate(), &[page(10.0), page(20.0), page(5.0)]);
    assert_eq!((measured.state, measured.points), (DataState::Partial, 1));
    assert!(measured.reason.is_some_and(|reason| reason.contains("fell from 20 to 5")));
}

#[test]
fn the_first_value_of_a_new_counter_is_its_increase() {
    let (old, new) = (("t_total{guard=\"edge\"}", 3.0), ("t_total{guard=\"latency\"}", 500.0));
    assert_value(&one(increase(), &[vec![old], vec![old], vec![old, new]]), 500.0);
    // Not after a scrape that failed for longer than two intervals, and not after a page with faults.
    let gone = || Page::new();
    let measured = one(increase(), &[vec![old], gone(), gone(), gone(), vec![old, new]]);
    assert_eq!((measured.state, measured.value), (DataState::NoData, None));
    let faulty = |number| (FAULTY_FAMILIES, number);
    let pages = [vec![old, faulty(1.0)], vec![old, new, faulty(0.0)]];
    assert_eq!(one(increase(), &pages).state, DataState::NoData);
    // A page that is up and shows none of our series is a page.
    assert_value(&one(increase(), &[vec![("up", 1.0)], vec![("up", 1.0), new]]), 500.0);
}

#[test]
fn what_was_there_once_is_missed() {
    let (a, b) = (("t_total{n=\"a\"}", 1.0), ("t_total{n=\"b\"}", 1.0));
    let measured = one(increase(), &[vec![a, b], vec![a, b], vec![a], vec![a], vec![a]]);
    assert_eq!((measured.state, measured.points), (DataState::Partial, 1));
    assert!(measured.reason.is_some_and(|reason| reason.contains("t_total{n=\"b\"}` is not there")));
    // A process that was started anew owes nothing to its life before.
    let start = |secs| ("process_start_time_seconds", secs);
    let measured = one(increase(), &[vec![a, b, start(1.0)], vec![a, start(9.0)], vec![a, start(9.0)]]);
    assert_eq!(measured.state, DataState::Measured);
}

#[test]
fn a_process_in_the_place_of_another_is_a_restart_and_not_two_series() {
    let grouping = || Grouping { group_by: None, target_labels: vec!["instance".to_owned()] };
    let old: Page = vec![("up{instance=\"a\"}", 1.0), ("t_total{instance=\"a\"}", 10.0)];
    let new: Page = vec![("up{instance=\"b\"}", 1.0), ("t_total{instance=\"b\"}", 2.0)];
    let down: Page = vec![("up{instance=\"a\"}", 0.0), new[0], new[1]];
    let kpis = [("restarts", restarts()), ("rate", rate())];
    let run = |pages: &[Page]| World::new(&kpis, grouping()).window(pages).remove(WHOLE).expect("the whole");
    let member = run(&[old.clone(), old.clone(), old.clone(), old.clone(), new.clone(), new.clone()]);
    assert_value(&member.kpis["restarts"], 1.0);
    assert_eq!(member.lives.last().map(|life| life.cause), Some(LifeCause::Replaced));
    assert_eq!(member.kpis["rate"].points, 4, "all but the first scrape of the new one, which has no pair");
    // One that is looked for and does not answer was not replaced.
    let member = run(&[old.clone(), old, down.clone(), down]);
    assert_eq!(member.kpis["restarts"].value, Some(0.0));
    assert_eq!(member.kpis["rate"].points, 1);
}

#[test]
fn a_member_that_is_down_is_no_restart_and_no_point() {
    let grouping = Grouping { group_by: Some("instance".into()), target_labels: vec!["instance".into()] };
    let mut world = World::new(&[("k", rate()), ("restarts", restarts())], grouping);
    let (a, b) = (("t_total{instance=\"a\"}", 1.0), ("t_total{instance=\"b\"}", 1.0));
    let (up, down) = (("up{instance=\"b\"}", 1.0), ("up{instance=\"b\"}", 0.0));
    world.collector.fail_scrape(Affected { member: Some("b"), metric: None }, "b answered 500");
    let members =
        world.window(&[vec![a, b, up], vec![a, b, up], vec![a, down], vec![a, down], vec![a, down]]);
    assert_eq!(members["a"].kpis["k"].state, DataState::Measured);
    let measured = &members["b"].kpis["restarts"];
    assert_eq!((measured.value, measured.points, measured.state), (Some(0.0), 1, DataState::Partial));
    // What is only known of a part may be more.
    assert!(measured.beyond);
}

#[test]
fn a_reason_belongs_to_its_member_and_its_metric() {
    let grouping = Grouping { group_by: Some("instance".into()), target_labels: vec!["instance".into()] };
    let kpis = [("m", gauge("m", Reducer::Mean)), ("t", rate())];
    let mut world = World::new(&kpis, grouping);
    let page = vec![("m{instance=\"a\"}", 1.0), ("m{instance=\"b\"}", 1.0)];
    world.scrape(&page);
    world.collector.close_baseline();
    world.scrape(&[]);
    world.collector.fail_scrape(Affected { member: Some("a"), metric: None }, "connection refused");
    world.collector.fail_scrape(Affected { member: None, metric: Some("m") }, "line 3 is torn");
    let members = world.collector.close(1);
    let reason = |member: &str, kpi: &str| members[member].kpis[kpi].reason.clone();
    assert_eq!(reason("a", "m").as_deref(), Some("connection refused"));
    assert_eq!(reason("b", "m").as_deref(), Some("line 3 is torn"));
    assert_eq!(reason("b", "t").as_deref(), Some("no usable sample"));
}

#[test]
fn what_a_family_says_of_itself_must_not_contradict_the_figure() {
    let declared = |kind, unit: Option<&str>| Declared { kind, unit: unit.map(str::to_owned) };
    let of = |kpi: KpiDefinition, name: &str, declared: &Declared| {
        let mut collector = Collector::new(vec![("k".to_owned(), kpi)], Grouping::default(), "test", 1000);
        let id = collector.register(name, &BTreeMap::new(), declared);
        for at_ms in [0, 1000] {
            collector.begin_scrape(at_ms);
            collector.sample(id, 50.0);
            collector.end_scrape();
            if at_ms == 0 {
                collector.close_baseline();
            }
        }
        collector.close(1).remove(WHOLE).expect("the whole").kpis.remove("k").expect("the figure")
    };
    let unit = |unit: &str, from: Option<&str>| KpiDefinition {
        unit: unit.to_owned(),
        from: from.map(str::to_owned),
        ..gauge("m", Reducer::Last)
    };
    let table = [
        (rate(), "t_total", declared(Some(Kind::Gauge), None), Some("TYPE gauge")),
        (rate(), "t_total", declared(Some(Kind::Counter), None), None),
        (rate(), "t_total", declared(Some(Kind::Unknown), None), None),
        (gauge("m", Reducer::Max), "m", declared(Some(Kind::Counter), None), Some("TYPE counter")),
        (unit("ms", None), "m", declared(None, Some("seconds")), Some("is in s")),
        (unit("ms", Some("seconds")), "m", declared(None, Some("seconds")), None),
        (unit("s", None), "m", declared(Some(Kind::Gauge), Some("seconds")), None),
    ];
    for (kpi, name, declared, reason) in table {
        let measured = of(kpi, name, &declared);
        let found = measured.reason.unwrap_or_default();
        assert_eq!(measured.state == DataState::ToolError, reason.is_some(), "{declared:?}: {found}");
        assert!(found.contains(reason.unwrap_or_default()), "{declared:?}: {found}");
    }
    assert_value(&of(unit("ms", Some("seconds")), "m", &Declared::default()), 50_000.0);
}

#[test]
fn a_mean_of_days_is_not_off_by_rounding() {
    let pages: Vec<Page> = (0..=17_280).map(|_| vec![("m", 0.83)]).collect();
    let value = one(gauge("m", Reducer::Mean), &pages).value.expect("a value");
    assert!((value - 0.83).abs() <= f64::EPSILON, "{value}");
}

#[test]
fn a_restart_in_a_time_without_observation_belongs_to_the_window_after_it() {
    let mut world = World::new(&[("k", restarts())], Grouping::default());
    let page = |secs| vec![("process_start_time_seconds", secs)];
    world.window(&[page(1.0), page(1.0)]);
    world.second += 3600;
    world.scrape(&page(500.0));
    world.collector.close_baseline();
    let member = world.window(&[page(500.0)]).remove(WHOLE).expect("the whole");
    assert_value(&member.kpis["k"], 1.0);
    assert_eq!(member.lives.len(), 1);
}

#[test]
fn buckets_are_compared_over_the_same_time_also_after_one_was_lost() {
    let bucket = ["h_bucket{le=\"5\"}", "h_bucket{le=\"+Inf\"}"];
    let page = |count: f64, low: bool, all: f64| -> Page {
        let all = (bucket[1], all);
        if low { vec![(bucket[0], count), all] } else { vec![all] }
    };
    let quantile = definition("ms", Measure::Quantile { of: selector("h"), q: 0.95 });
    let lost = |second: i32| (4..=5).contains(&second);
    // All events lie in the first bucket. It is away for two scrapes after one that failed, and when it is back the
    // other is no number.
    let pages: Vec<Page> = (0..9)
        .map(|second| match (second, f64::from(second) * 100.0) {
            (3, _) => Page::new(),
            (6, count) => page(count, true, f64::INFINITY),
            (_, count) => page(count, !lost(second), count),
        })
        .collect();
    let measured = one(KpiDefinition { min_coverage: 0.1, ..quantile }, &pages);
    assert!(measured.value.is_some_and(|value| value <= 5.0) && !measured.beyond, "{measured:?}");
}

#[test]
fn a_build_that_was_said_late_counts_and_a_converted_ratio_has_no_hits() {
    let build = |version: &'static str| (version, 1.0);
    let (first, second) = (build("mm_build_info{version=\"1\"}"), build("mm_build_info{version=\"2\"}"));
    let mut world = World::new(&[("k", gauge("m", Reducer::Mean))], Grouping::default());
    let m = ("m", 1.0);
    let member = world.window(&[vec![m], vec![m, first], vec![m, second]]).remove(WHOLE).expect("the whole");
    let versions: Vec<&str> = member
        .lives
        .iter()
        .filter_map(|life| life.build.as_ref())
        .map(|build| build.version.as_str())
        .collect();
    assert_eq!(versions, ["1", "2"]);

    let ratio = || Measure::Ratio { of: vec![selector("bad_total")], to: vec![selector("t_total")] };
    let pages = [vec![("bad_total", 0.0), ("t_total", 0.0)], vec![("bad_total", 2.0), ("t_total", 100.0)]];
    assert_eq!(one(definition("ratio", ratio()), &pages).hits, Some(2));
    let scaled = KpiDefinition { scale: Some(10.0), ..definition("ratio", ratio()) };
    assert_eq!(one(scaled, &pages).hits, None);
}
