use super::*;
use crate::judge::kpi::{DataState, Measurement, Reducer, Selector, SeriesCount, TimeUnit};

fn selector(text: &str) -> Selector {
    Selector::try_from(text.to_owned()).expect("a selector")
}

fn collector(measure: Measure) -> Collector {
    let definition = KpiDefinition {
        description: String::new(),
        unit: "custom:u".to_owned(),
        from: None,
        scale: None,
        measure,
        series: SeriesCount { min: 1, max: 2 },
        min_coverage: 0.75,
        promql: None,
        edge_report: None,
    };
    Collector::new(vec![("k".to_owned(), definition)], Grouping::default(), "test", 1000)
}

fn fleet() -> Grouping {
    let instance = || "instance".to_owned();
    Grouping { group_by: Some(instance()), target_labels: vec![instance()] }
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Scrapes once a second, each a list of values for the series in order; NaN stands for what it is, and a
/// missing value for a missing sample. The first scrape comes before the window.
fn window(collector: &mut Collector, series: &[SeriesId], scrapes: &[&[Option<f64>]]) -> Measurement {
    for (second, values) in (0..).zip(scrapes) {
        collector.begin_scrape(second * 1000);
        for (id, value) in series.iter().zip(*values) {
            if let Some(value) = value {
                collector.sample(*id, *value);
            }
        }
        collector.end_scrape();
        if second == 0 {
            collector.close_baseline();
        }
    }
    let expected = u32::try_from(scrapes.len() - 1).expect("small");
    collector.close(expected).remove(WHOLE).expect("the whole").kpis.remove("k").expect("the figure")
}

fn close_to(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

#[test]
fn a_restarted_counter_counts_from_zero() {
    let mut collector = collector(Measure::Rate { of: vec![selector("c")], per: TimeUnit::Minute });
    let id = collector.register("c", &labels(&[]), &Declared::default());
    let scrapes: Vec<[Option<f64>; 1]> = [100.0, 110.0, 3.0, 5.0, 5.0].map(|value| [Some(value)]).to_vec();
    let scrapes: Vec<&[Option<f64>]> = scrapes.iter().map(<[_; 1]>::as_slice).collect();
    let measured = window(&mut collector, &[id], &scrapes);
    // 10, then 3 after the restart, 2 and 0, in four seconds.
    assert!(close_to(measured.value, 15.0 / 4.0 * 60.0), "{measured:?}");
    assert_eq!((measured.resets, measured.points, measured.state), (1, 4, DataState::Measured));
}

#[test]
fn too_few_points_are_partial_and_none_are_no_data() {
    let gauge = || collector(Measure::Gauge { of: selector("g"), over: Reducer::Mean, across: Reducer::Max });
    let full: &[Option<f64>] = &[Some(2.0)];
    let nan: &[Option<f64>] = &[Some(f64::NAN)];
    for (scrapes, state, points) in [
        ([full, full, full, full, full], DataState::Measured, 4),
        ([full, full, full, full, &[None]], DataState::Measured, 3),
        ([full, full, full, nan, &[None]], DataState::Partial, 2),
        ([full, nan, nan, nan, nan], DataState::NoData, 0),
        ([full, &[None], &[None], &[None], &[None]], DataState::NoData, 0),
    ] {
        let mut collector = gauge();
        let id = collector.register("g", &labels(&[]), &Declared::default());
        let measured = window(&mut collector, &[id], &scrapes);
        assert_eq!((measured.state, measured.points), (state, points));
        assert_eq!(measured.value.is_some(), points > 0);
        assert_eq!(measured.reason.is_none(), state == DataState::Measured);
    }
}

#[test]
fn one_unusable_series_spoils_the_point_and_more_series_than_declared_are_an_error() {
    let gauge = || collector(Measure::Gauge { of: selector("g"), over: Reducer::Max, across: Reducer::Sum });
    let run = |values: &[Option<f64>]| {
        let mut collector = gauge();
        let series: Vec<SeriesId> = (0..values.len())
            .map(|number| {
                collector.register("g", &labels(&[("n", &number.to_string())]), &Declared::default())
            })
            .collect();
        window(&mut collector, &series, &[values, values])
    };
    assert!(close_to(run(&[Some(1.0), Some(2.0)]).value, 3.0));
    assert_eq!(run(&[Some(1.0), Some(f64::INFINITY)]).state, DataState::NoData);
    assert_eq!(run(&[Some(1.0), Some(2.0), Some(3.0)]).state, DataState::ToolError);
}

#[test]
fn a_ratio_without_events_is_no_data() {
    let ratio = Measure::Ratio { of: vec![selector("hit")], to: vec![selector("hit"), selector("miss")] };
    let run = |hits: f64, misses: f64| {
        let mut collector = collector(ratio.clone());
        let series = [
            collector.register("hit", &labels(&[]), &Declared::default()),
            collector.register("miss", &labels(&[]), &Declared::default()),
        ];
        window(&mut collector, &series, &[&[Some(5.0), Some(5.0)], &[Some(5.0 + hits), Some(5.0 + misses)]])
    };
    assert!(close_to(run(3.0, 1.0).value, 0.75));
    assert_eq!(run(3.0, 1.0).n, 4);
    assert_eq!(run(0.0, 0.0).state, DataState::NoData);
}

#[test]
fn a_quantile_lies_inside_its_bucket_or_beyond_the_last_bound() {
    let run = |bounds: &[&str], counts: &[f64]| {
        let mut collector = collector(Measure::Quantile { of: selector("h{s=\"a\"}"), q: 0.5 });
        let series: Vec<SeriesId> = bounds
            .iter()
            .map(|le| {
                collector.register("h_bucket", &labels(&[("s", "a"), ("le", le)]), &Declared::default())
            })
            .collect();
        let before: Vec<Option<f64>> = counts.iter().map(|_| Some(7.0)).collect();
        let after: Vec<Option<f64>> = counts.iter().map(|count| Some(7.0 + count)).collect();
        window(&mut collector, &series, &[&before, &after])
    };
    let measured = run(&["10", "20", "+Inf"], &[2.0, 8.0, 10.0]);
    assert!(close_to(measured.value, 15.0) && !measured.beyond && measured.n == 10, "{measured:?}");
    let beyond = run(&["10", "20", "+Inf"], &[1.0, 2.0, 10.0]);
    assert!(close_to(beyond.value, 20.0) && beyond.beyond, "{beyond:?}");
    for (bounds, counts, state) in [
        (["10", "20", "30"], [1.0, 2.0, 3.0], DataState::NoData),
        (["10", "20", "+Inf"], [0.0, 0.0, 0.0], DataState::NoData),
        (["10", "20", "+Inf"], [5.0, 2.0, 6.0], DataState::ToolError),
        (["x", "20", "+Inf"], [1.0, 2.0, 6.0], DataState::NoData),
    ] {
        assert_eq!(run(&bounds, &counts).state, state, "{bounds:?}");
    }
}

#[test]
fn what_grew_over_a_long_gap_is_not_known() {
    let mut collector = collector(Measure::Increase { of: vec![selector("c")] });
    let id = collector.register("c", &labels(&[]), &Declared::default());
    let gap: &[Option<f64>] = &[None];
    let scrapes: [&[Option<f64>]; 6] = [&[Some(1.0)], gap, gap, gap, &[Some(100.0)], &[Some(101.0)]];
    let measured = window(&mut collector, &[id], &scrapes);
    assert!(close_to(measured.value, 1.0), "{measured:?}");
    assert_eq!((measured.points, measured.state), (1, DataState::Partial));
}

#[test]
fn members_are_told_apart_by_their_label() {
    let definition = KpiDefinition {
        description: String::new(),
        unit: "custom:u".to_owned(),
        from: None,
        scale: None,
        measure: Measure::Gauge { of: selector("g"), over: Reducer::Last, across: Reducer::Max },
        series: SeriesCount::default(),
        min_coverage: 0.95,
        promql: None,
        edge_report: None,
    };
    let kpis = vec![("k".to_owned(), definition)];
    let mut collector = Collector::new(kpis, fleet(), "test", 1000);
    let a = collector.register("g", &labels(&[("instance", "a")]), &Declared::default());
    let b = collector.register("g", &labels(&[("instance", "b")]), &Declared::default());
    let nobody = collector.register("g", &labels(&[]), &Declared::default());
    collector.begin_scrape(1000);
    for (id, value) in [(a, 1.0), (b, 2.0), (nobody, 9.0)] {
        collector.sample(id, value);
    }
    collector.end_scrape();
    let members = collector.close(1);
    let values: Vec<(&str, Option<f64>)> =
        members.iter().map(|(name, member)| (name.as_str(), member.kpis["k"].value)).collect();
    assert_eq!(values, [("a", Some(1.0)), ("b", Some(2.0))]);
}

#[test]
fn every_selector_needs_its_series() {
    let ratio = Measure::Ratio { of: vec![selector("hit")], to: vec![selector("hit"), selector("miss")] };
    let rate = Measure::Rate { of: vec![selector("hit"), selector("miss")], per: TimeUnit::Second };
    for measure in [ratio, rate] {
        let mut collector = collector(measure);
        let id = collector.register("hit", &labels(&[]), &Declared::default());
        let measured = window(&mut collector, &[id], &[&[Some(5.0)], &[Some(8.0)]]);
        assert_eq!((measured.state, measured.value), (DataState::NoData, None));
    }
    // Two series of each selector are no more than two.
    let mut collector = collector(Measure::Increase { of: vec![selector("a"), selector("b")] });
    let series: Vec<SeriesId> = ["a", "b"]
        .iter()
        .flat_map(|name| ["1", "2"].map(|n| (*name, n)))
        .map(|(name, n)| collector.register(name, &labels(&[("n", n)]), &Declared::default()))
        .collect();
    let measured = window(&mut collector, &series, &[&[Some(1.0); 4], &[Some(2.0); 4]]);
    assert_eq!((measured.state, measured.value), (DataState::Measured, Some(4.0)));
}

#[test]
fn a_rate_is_over_the_time_that_was_seen() {
    let mut collector = collector(Measure::Rate { of: vec![selector("c")], per: TimeUnit::Second });
    let id = collector.register("c", &labels(&[]), &Declared::default());
    let scrapes: [&[Option<f64>]; 4] = [&[Some(0.0)], &[Some(10.0)], &[None], &[Some(30.0)]];
    let measured = window(&mut collector, &[id], &scrapes);
    assert!(close_to(measured.value, 10.0), "{measured:?}");
}

#[test]
fn time_that_several_counters_cover_counts_once() {
    let mut collector = collector(Measure::Rate { of: vec![selector("c")], per: TimeUnit::Second });
    let series =
        ["a", "b"].map(|name| collector.register("c", &labels(&[("n", name)]), &Declared::default()));
    // The second is missing at every other scrape.
    let scrapes: [&[Option<f64>]; 5] = [
        &[Some(0.0), Some(0.0)],
        &[Some(10.0), None],
        &[Some(20.0), Some(20.0)],
        &[Some(30.0), None],
        &[Some(40.0), Some(40.0)],
    ];
    let measured = window(&mut collector, &series, &scrapes);
    assert!(close_to(measured.value, 20.0), "{measured:?}");
}

#[test]
fn a_member_that_never_shows_anything_is_unknown_and_a_series_of_nobody_is_harmless() {
    let gauge = Measure::Gauge { of: selector("g"), over: Reducer::Last, across: Reducer::Max };
    let kpis = collector(gauge).kpis;
    let mut collector = Collector::new(kpis, fleet(), "test", 1000);
    let nobody = collector.register("g", &labels(&[]), &Declared::default());
    let stamp = collector.register("mm_simulated", &labels(&[]), &Declared::default());
    collector.begin_scrape(1000);
    collector.sample(nobody, 1.0);
    assert!(!collector.saw_simulation());
    // A stamp that is no number is none that says the process is real.
    collector.sample(stamp, f64::NAN);
    collector.end_scrape();
    assert!(collector.saw_simulation());
    assert!(collector.close(1).is_empty());
    collector.expect_member("a");
    let members = collector.close(1);
    assert_eq!(members["a"].kpis["k"].state, DataState::NoData);
}

#[test]
fn parameters_are_those_of_the_window() {
    let mut collector = collector(Measure::Increase { of: vec![selector("c")] });
    let param = collector.register("mm_param", &labels(&[("name", "tail_age_ms")]), &Declared::default());
    let mut shown = |at_ms: i64, value: Option<f64>| {
        collector.begin_scrape(at_ms);
        if let Some(value) = value {
            collector.sample(param, value);
        }
        collector.end_scrape();
        collector.close(1).remove(WHOLE).expect("the whole").params
    };
    assert_eq!(shown(1000, Some(600.0)), BTreeMap::from([("tail_age_ms".to_owned(), 600.0)]));
    assert_eq!(shown(2000, None), BTreeMap::new());
}
