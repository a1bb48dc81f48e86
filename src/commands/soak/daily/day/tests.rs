use super::*;
use crate::commands::soak::daily::windows::{RunShape, run};
use crate::evidence::daily::report::{DayRules, SourceFile};
use crate::evidence::daily::start;
use crate::format::config;
use crate::judge::gate::GateProfile;
use crate::judge::kpi::Measurement;
use crate::judge::record::Iteration;

fn config(change: impl FnOnce(&mut DailyConfig)) -> DailyConfig {
    let text = include_str!("../../../../../deploy/soak/daily.yaml");
    let mut config: DailyConfig = config::parse(text, config::Format::Yaml, "daily").expect("usable");
    assert_eq!(config.check(), Ok(()));
    change(&mut config);
    config
}

/// One gate, which every window keeps.
fn profile() -> GateProfile {
    let text = "{description: d, gates: {g: {kpi: net_bps, unit: bps, aggregate: every, at_least: -999, severity: hard}}}";
    config::parse(text, config::Format::Yaml, "profile").expect("usable")
}

/// Definitions that nothing depends on.
fn judge() -> DayJudge {
    let file = || SourceFile { path: "k.yaml".to_owned(), sha256: None };
    let rules = DayRules {
        kpis: file(),
        gates: file(),
        profile: "p".to_owned(),
        max_window: "1h".to_owned(),
        evidence_grace: "12h".to_owned(),
    };
    DayJudge { kpis: BTreeMap::new(), profile: profile(), rules }
}

fn date() -> Date {
    jiff::civil::date(2026, 3, 9)
}

fn kpis(edge: f64, age: Option<f64>, maker: f64) -> BTreeMap<String, Measurement> {
    let mut age_measured = Measurement::single(age.unwrap_or(1000.0), "ms", "test");
    age_measured.beyond = age.is_none();
    BTreeMap::from([
        ("net_bps".to_owned(), Measurement::single(edge, "bps", "test")),
        ("order_latency_p95_ms".to_owned(), age_measured),
        ("maker_share_ratio".to_owned(), Measurement::single(maker, "ratio", "test")),
    ])
}

/// A run with a window for each of these, one after the other from an hour of the day on.
fn of_windows(
    hour: i64,
    window_secs: u32,
    windows: &[Vec<(&str, BTreeMap<String, Measurement>)>],
) -> RunWindows {
    let begin = |at: usize| {
        let secs = hour * 3600 + i64::from(window_secs) * i64::try_from(at).expect("small");
        start(date()) + jiff::SignedDuration::from_secs(secs)
    };
    let window = |(at, members): (usize, &Vec<(&str, BTreeMap<String, Measurement>)>)| Window {
        iteration: count(at) + 1,
        from: begin(at),
        to: begin(at + 1),
        members: members.iter().map(|(name, kpis)| ((*name).to_owned(), kpis.clone())).collect(),
        params: BTreeMap::new(),
    };
    let iteration = |members: &Vec<(&str, BTreeMap<String, Measurement>)>| Iteration {
        kpis: members[0].1.clone(),
        ..Iteration::default()
    };
    let build = WatchedBuild { version: "1".to_owned(), config_hash: "a".to_owned() };
    RunWindows {
        shape: RunShape { window_secs, points: 1, is_grouped: false, expect_members: None },
        versions: vec![vec!["1".to_owned()]],
        iterations: windows.iter().map(iteration).collect(),
        profile: profile(),
        windows: windows.iter().enumerate().map(window).collect(),
        builds: BTreeSet::from([build]),
        ..run(&[])
    }
}

fn single(values: &[(f64, Option<f64>, f64)]) -> Vec<Vec<(&'static str, BTreeMap<String, Measurement>)>> {
    values.iter().map(|(edge, age, maker)| vec![("", kpis(*edge, *age, *maker))]).collect()
}

fn figures(config: &DailyConfig, runs: &[RunWindows]) -> [Figure; 3] {
    DayFigures::of(date(), config, &judge(), runs, &[]).figures
}

#[test]
fn the_windows_of_a_day_become_its_figures() {
    let mut values = vec![(3.0, Some(300.0), 0.9); 24];
    values[5] = (0.6, Some(310.0), 0.78);
    let [edge, age, taker] = figures(&config(|_| ()), &[of_windows(0, 3600, &single(&values))]);
    // Mean: 2.4 less in one of 24 is 0.1. The 95th percentile of 24 is the 23rd, and one window is the 24th.
    assert!((edge.expect("known") - 2.9).abs() < 1e-12);
    assert_eq!(age, Ok(300.0));
    // Percent of takers: a tenth, and 22 % in one of 24.
    assert!((taker.expect("known") - 10.5).abs() < 1e-9);
    values[6].1 = Some(310.0);
    let [_, age, _] = figures(&config(|_| ()), &[of_windows(0, 3600, &single(&values))]);
    assert_eq!(age, Ok(310.0));
}

#[test]
fn a_quantile_beyond_the_last_bucket_has_no_value_where_it_counts() {
    let mut values = vec![(3.0, Some(300.0), 0.9); 24];
    values[5].1 = None;
    let of = |values: &[(f64, Option<f64>, f64)], config: &DailyConfig| {
        figures(config, &[of_windows(0, 3600, &single(values))])[1].clone()
    };
    assert_eq!(of(&values, &config(|_| ())), Ok(300.0));
    let mean = config(|config| config.figures.order_age_p95_ms.aggregate = Aggregate::Mean);
    assert!(of(&values, &mean).expect_err("unknown").contains("beyond the last bucket"));
    values[6].1 = None;
    assert!(of(&values, &config(|_| ())).expect_err("unknown").contains("beyond the last bucket"));
}

#[test]
fn of_several_members_the_worst_counts_and_one_that_is_silent_leaves_the_window_unknown() {
    let both = |worse: BTreeMap<String, Measurement>| vec![("a", kpis(3.0, Some(300.0), 0.9)), ("b", worse)];
    let fleet = vec![both(kpis(2.0, Some(340.0), 0.85)); 24];
    let [edge, age, taker] = figures(&config(|_| ()), &[of_windows(0, 3600, &fleet)]);
    assert_eq!((edge, age), (Ok(2.0), Ok(340.0)));
    assert!((taker.expect("known") - 15.0).abs() < 1e-9);
    let mut fleet = fleet;
    for window in &mut fleet[..5] {
        *window = both(BTreeMap::new());
    }
    let [edge, ..] = figures(&config(|_| ()), &[of_windows(0, 3600, &fleet)]);
    let reason = edge.expect_err("nineteen hours");
    assert!(
        reason.contains("measured for 19h of the day, at least 20h") && reason.contains("of b"),
        "{reason}"
    );
}

#[test]
fn windows_count_for_as_long_as_they_last() {
    // Twelve hours at 3 in windows of an hour, eight at 2 in windows of five minutes.
    let runs = [
        of_windows(0, 3600, &single(&[(3.0, Some(300.0), 0.9); 12])),
        of_windows(12, 300, &single(&[(2.0, Some(300.0), 0.9); 96])),
    ];
    let [edge, ..] = figures(&config(|_| ()), &runs);
    assert!((edge.expect("known") - 2.6).abs() < 1e-12);
}

#[test]
fn what_was_not_said_or_cannot_be_believed_leaves_the_whole_day_unknown() {
    let good = || of_windows(0, 3600, &single(&[(3.0, Some(300.0), 0.9); 24]));
    let of = |change: fn(&mut RunWindows)| {
        let mut run = good();
        change(&mut run);
        DayFigures::of(date(), &config(|_| ()), &judge(), &[run], &[]).fault
    };
    assert_eq!(of(|_| ()), None);
    let table: [(fn(&mut RunWindows), &str); 6] = [
        (|run| run.shape.window_secs = 3601, "is 1h 1s, at most 1h count"),
        (|run| run.versions.push(vec!["2".to_owned()]), "versions 1 and 2 ran on the day"),
        (|run| run.versions.clear(), "does not say its version"),
        (|run| run.has_unnamed_build = true, "does not say its version"),
        (|run| run.contradictions.push("x".to_owned()), "`RUN_1` contradicts itself: x"),
        (|run| run.windows.truncate(19), "19h of the day were seen"),
    ];
    for (change, part) in table {
        let fault = of(change).expect(part);
        assert!(fault.contains(part), "{fault}");
    }
    // What two runs saw at once was seen once.
    let twice =
        |one, other| DayFigures::of(date(), &config(|_| ()), &judge(), &[one, other], &[]).observed_secs;
    assert_eq!(twice(good(), good()), 86_400.0);
    let half = of_windows(12, 3600, &single(&[(3.0, Some(300.0), 0.9); 12]));
    assert_eq!(twice(half.clone(), half), 43_200.0);
    let unread = LeftOut { run_dir: "RUN_2".to_owned(), reason: "torn".to_owned() };
    let fault = DayFigures::of(date(), &config(|_| ()), &judge(), &[good()], &[unread]).fault;
    assert_eq!(fault.as_deref(), Some("`RUN_2` cannot be judged again: torn"));
}

#[test]
fn a_real_run_counts_before_a_simulated_one_and_a_frozen_clock_only_under_one() {
    let with = |change: fn(&mut RunWindows)| {
        let mut run = of_windows(0, 3600, &single(&[(3.0, Some(300.0), 0.9)]));
        change(&mut run);
        run
    };
    let simulated = || with(|run| run.is_simulated = true);
    let counts = |runs: Vec<RunWindows>, is_frozen: bool| choose(runs, is_frozen).0.len();
    assert_eq!(counts(vec![simulated()], false), 1);
    assert_eq!(counts(vec![simulated(), with(|_| ())], false), 1);
    assert_eq!(counts(vec![with(|run| run.is_frozen = true)], false), 0);
    assert_eq!(counts(vec![with(|run| run.is_frozen = true)], true), 1);
    // What is over midnight is judged by the gates of the day.
    assert_eq!(counts(vec![with(|run| run.windows.clear())], true), 1);
}
