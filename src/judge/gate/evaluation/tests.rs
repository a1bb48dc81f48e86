use super::*;
use crate::judge::gate::KOfN;
use crate::judge::kpi::Piece;

/// At most 10, hard, 95 % coverage.
fn gate(aggregate: Aggregate) -> Gate {
    Gate {
        kpi: "k".to_owned(),
        unit: "ms".to_owned(),
        aggregate,
        at_most: Some(10.0),
        at_least: None,
        severity: Severity::Hard,
        required: None,
        warmup: 0,
        last: None,
        min_samples: 1,
        min_events: None,
        k_of_n: None,
        min_coverage: 0.95,
    }
}

/// Windows of ten points each; `None` is a window without data.
fn windows(values: &[Option<f64>]) -> Vec<WindowValue> {
    let point = |(iteration, value): (u32, &Option<f64>)| match value {
        None => WindowValue::missing(iteration, 10),
        Some(value) => WindowValue {
            iteration,
            value: Some(*value),
            beyond: false,
            n: 10,
            hits: None,
            points: 10,
            expected: 10,
            state: DataState::Measured,
            pieces: Vec::new(),
            gap_points: 0,
        },
    };
    (1..).zip(values).map(point).collect()
}

fn known(values: &[f64]) -> Vec<WindowValue> {
    windows(&values.iter().copied().map(Some).collect::<Vec<_>>())
}

fn state(gate: &Gate, points: &[WindowValue]) -> GateState {
    evaluate(gate, points, 300.0).state
}

#[test]
fn the_threshold_itself_is_kept() {
    for aggregate in [Aggregate::Every, Aggregate::Mean, Aggregate::Median, Aggregate::Max, Aggregate::P95] {
        let gate = gate(aggregate);
        assert_eq!(state(&gate, &known(&[10.0, 10.0])), GateState::Pass);
        assert_eq!(state(&gate, &known(&[10.1, 10.1])), GateState::HardFail);
    }
    let soft = Gate { severity: Severity::Soft, ..gate(Aggregate::Mean) };
    assert_eq!(state(&soft, &known(&[11.0])), GateState::SoftFail);
    let least = Gate { at_most: None, at_least: Some(10.0), ..gate(Aggregate::Min) };
    assert_eq!(state(&least, &known(&[10.0, 12.0])), GateState::Pass);
    assert_eq!(state(&least, &known(&[9.9, 12.0])), GateState::HardFail);
}

#[test]
fn each_aggregate_is_what_its_name_says() {
    let values = [4.0, 1.0, 3.0, 2.0];
    for (aggregate, expected) in [
        (Aggregate::Mean, 2.5),
        (Aggregate::Median, 2.5),
        (Aggregate::Max, 4.0),
        (Aggregate::Min, 1.0),
        (Aggregate::Sum, 10.0),
        (Aggregate::P95, 4.0),
        (Aggregate::Growth, 0.0),
        (Aggregate::Every, 4.0),
        // Half-life of one window: 4, then 2.5, 2.75, 2.375.
        (Aggregate::Ema("5m".to_owned()), 2.375),
    ] {
        let actual = evaluate(&gate(aggregate.clone()), &known(&values), 300.0).actual;
        assert_eq!(actual, Some(expected), "{aggregate:?}");
    }
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(evaluate(&gate(Aggregate::P95), &known(&hundred), 300.0).actual, Some(95.0));
    assert_eq!(evaluate(&gate(Aggregate::Growth), &known(&hundred), 300.0).actual, Some(50.0));
    assert_eq!(state(&gate(Aggregate::Growth), &known(&[1.0])), GateState::Warmup);
}

#[test]
fn k_of_n_slides_and_what_is_not_known_keeps_its_place() {
    let gate = Gate { k_of_n: Some(KOfN { k: 2, n: 3 }), min_coverage: 0.5, ..gate(Aggregate::Every) };
    let (good, bad) = (Some(1.0), Some(11.0));
    for (values, expected) in [
        (vec![good, bad, good, good, bad, good], GateState::Pass),
        (vec![good, bad, good, bad, good, good], GateState::HardFail),
        (vec![good, good, bad, bad, good, good], GateState::HardFail),
        // The gap neither resets nor counts: it could have been the second.
        (vec![good, good, bad, None, good, good], GateState::Partial),
        (vec![good, good, None, good, good, good], GateState::Pass),
        (vec![bad, None, bad], GateState::HardFail),
        (vec![bad, good], GateState::Warmup),
        (vec![good, good], GateState::Pass),
    ] {
        assert_eq!(state(&gate, &windows(&values)), expected, "{values:?}");
    }
    let tripped = evaluate(&gate, &windows(&[good, bad, good, bad, good]), 300.0);
    assert_eq!((tripped.tripped_at, tripped.first_violation, tripped.longest_streak), (Some(4), Some(2), 1));
}

#[test]
fn missing_points_are_partial_unless_what_is_known_is_bad_enough() {
    let lost = |value: f64| windows(&[Some(value), Some(value), None]);
    assert_eq!(state(&gate(Aggregate::Mean), &lost(1.0)), GateState::Partial);
    assert_eq!(state(&gate(Aggregate::Every), &lost(1.0)), GateState::Partial);
    assert_eq!(state(&gate(Aggregate::Mean), &lost(11.0)), GateState::Partial);
    // A largest value stays the largest or grows, whatever the missing window holds.
    assert_eq!(state(&gate(Aggregate::Max), &lost(11.0)), GateState::HardFail);
    assert_eq!(state(&gate(Aggregate::Every), &lost(11.0)), GateState::HardFail);
    let mut tolerated = vec![Some(1.0); 39];
    tolerated.push(None);
    assert_eq!(state(&gate(Aggregate::Mean), &windows(&tolerated)), GateState::Pass);
}

#[test]
fn nothing_known_is_said_by_its_kind() {
    let with = |knowledge: DataState| {
        let mut points = windows(&[None, None]);
        for point in &mut points {
            point.state = knowledge;
        }
        state(&gate(Aggregate::Mean), &points)
    };
    assert_eq!(with(DataState::NoData), GateState::NoData);
    assert_eq!(with(DataState::ToolError), GateState::ToolError);
    assert_eq!(with(DataState::Partial), GateState::Partial);
    assert_eq!(state(&gate(Aggregate::Mean), &[]), GateState::NoData);
}

#[test]
fn warm_up_last_windows_and_samples_are_asked_for() {
    let warm = Gate { warmup: 2, ..gate(Aggregate::Max) };
    assert_eq!(state(&warm, &known(&[99.0, 99.0, 1.0])), GateState::Pass);
    assert_eq!(state(&warm, &known(&[99.0, 99.0])), GateState::Warmup);
    let last = Gate { last: Some(2), ..gate(Aggregate::Max) };
    assert_eq!(state(&last, &known(&[99.0, 1.0, 1.0])), GateState::Pass);
    assert_eq!(state(&last, &known(&[1.0])), GateState::Warmup);
    let many = Gate { min_samples: 21, ..gate(Aggregate::Max) };
    assert_eq!(state(&many, &known(&[99.0, 99.0])), GateState::Warmup);
    assert_eq!(state(&many, &known(&[99.0, 99.0, 99.0])), GateState::HardFail);
    let events =
        Gate { at_most: None, at_least: Some(20.0), severity: Severity::Events, ..gate(Aggregate::Sum) };
    assert_eq!(state(&events, &known(&[10.0, 9.0])), GateState::Warmup);
    assert_eq!(state(&events, &known(&[10.0, 10.0])), GateState::Pass);
}

#[test]
fn a_value_beyond_the_last_bucket_is_bad_or_unknown_and_never_good() {
    for (value, expected) in [(11.0, GateState::HardFail), (9.0, GateState::Partial)] {
        for aggregate in [Aggregate::Every, Aggregate::Max, Aggregate::Mean] {
            let mut points = known(&[value]);
            points[0].beyond = true;
            assert_eq!(state(&gate(aggregate), &points), expected);
        }
    }
    let least = Gate { at_most: None, at_least: Some(10.0), ..gate(Aggregate::Every) };
    for (value, expected) in [(9.0, GateState::Partial), (11.0, GateState::Pass)] {
        let mut points = known(&[value]);
        points[0].beyond = true;
        assert_eq!(state(&least, &points), expected);
    }
}

#[test]
fn scrapes_that_gave_no_value_cover_nothing() {
    for unknown in [DataState::NoData, DataState::ToolError] {
        let mut points = known(&[5.0; 40]);
        for point in &mut points[1..] {
            point.state = unknown;
            point.value = None;
        }
        for aggregate in [Aggregate::Every, Aggregate::Mean, Aggregate::Median, Aggregate::Max] {
            let answer = evaluate(&gate(aggregate), &points, 300.0);
            assert_eq!((answer.state, answer.coverage), (GateState::Partial, 0.025), "{unknown:?}");
        }
    }
}

#[test]
fn a_window_that_breaks_the_gate_as_far_as_it_was_seen_is_never_kept() {
    let mut points = known(&[1.0; 40]);
    points[7] = WindowValue { value: Some(11.0), points: 9, state: DataState::Partial, ..points[7].clone() };
    for (aggregate, expected) in [
        (Aggregate::Every, GateState::Partial),
        (Aggregate::Max, GateState::Partial),
        (Aggregate::Mean, GateState::Pass),
    ] {
        assert_eq!(state(&gate(aggregate), &points), expected);
    }
    let twice = Gate { k_of_n: Some(KOfN { k: 2, n: 3 }), ..gate(Aggregate::Every) };
    assert_eq!(state(&twice, &points), GateState::Pass);
    points[9] = WindowValue { state: DataState::NoData, value: None, ..points[9].clone() };
    assert_eq!(state(&Gate { min_coverage: 0.9, ..twice }, &points), GateState::Partial);
}

#[test]
fn an_open_value_spoils_what_it_is_mixed_into() {
    let mut points = known(&[11.0, 1.0, 1.0, 1.0]);
    points[0].beyond = true;
    for aggregate in [Aggregate::Mean, Aggregate::Ema("5m".to_owned()), Aggregate::Growth] {
        assert_eq!(state(&gate(aggregate.clone()), &points), GateState::Partial, "{aggregate:?}");
    }
    let sum = Gate { at_most: Some(100.0), ..gate(Aggregate::Sum) };
    assert_eq!(state(&sum, &points), GateState::Partial);
    // Half of the windows lie below whatever the first one is.
    assert_eq!(state(&gate(Aggregate::Median), &points), GateState::Pass);
}

#[test]
fn windows_break_no_threshold_that_is_not_theirs() {
    for aggregate in [Aggregate::Growth, Aggregate::Sum] {
        let outcome = evaluate(&gate(aggregate), &known(&[50.0, 50.0, 50.0, 50.0]), 300.0);
        assert_eq!((outcome.violations, outcome.first_violation), (0, None));
    }
}

#[test]
fn what_only_rounding_tells_from_the_threshold_keeps_to_it_and_is_shown_so() {
    let least = Gate { at_most: None, at_least: Some(0.83), ..gate(Aggregate::Mean) };
    assert_eq!(state(&least, &known(&[0.83; 864])), GateState::Pass);
    assert_eq!(state(&least, &known(&[0.829_999_999_999_9])), GateState::Pass);
    assert_eq!(state(&least, &known(&[0.829_999_9])), GateState::HardFail);
    let most = Gate { at_most: Some(150.0), ..gate(Aggregate::Max) };
    // As far as the sum of three tenths is from 0.3.
    assert_eq!(state(&Gate { at_most: Some(0.3), ..most.clone() }, &known(&[0.1 + 0.2])), GateState::Pass);
    assert_eq!(state(&most, &known(&[150.000_000_1])), GateState::HardFail);
    for (value, text) in [
        (150.000_000_1, "150.0000001"),
        (150.0, "150"),
        (151.25, "151.25"),
        (12.345_678, "12.3457"),
        (149.999_99, "150"),
    ] {
        assert_eq!(most.figure(value), text);
    }
}

#[test]
fn a_streak_ends_at_what_is_not_known() {
    let bad = Some(11.0);
    let broken = |windows: &[WindowValue]| evaluate(&gate(Aggregate::Every), windows, 300.0).longest_streak;
    assert_eq!(broken(&windows(&[bad, bad, None, bad, bad, bad])), 3);
    let mut with_gap = windows(&[bad, bad, bad, bad]);
    with_gap[1].gap_points = 5;
    assert_eq!(broken(&with_gap), 3);
}

#[test]
fn coverage_is_points_seen_of_points_expected() {
    // Four of five points in the first of three windows: 14 of 15.
    let partial = |points: u32, expected: u32| WindowValue {
        points,
        expected,
        state: if points < expected { DataState::Partial } else { DataState::Measured },
        ..known(&[1.0]).remove(0)
    };
    let number = |(iteration, window): (u32, WindowValue)| WindowValue { iteration, ..window };
    let run = |windows: Vec<WindowValue>, aggregate| {
        let windows: Vec<WindowValue> = (1..).zip(windows).map(number).collect();
        evaluate(&gate(aggregate), &windows, 300.0)
    };
    for aggregate in [Aggregate::Every, Aggregate::Mean] {
        let found = run(vec![partial(4, 5), partial(5, 5), partial(5, 5)], aggregate);
        assert_eq!(found.state, GateState::Partial);
        assert!((found.coverage - 14.0 / 15.0).abs() < 1e-12, "{found:?}");
        assert!(found.reason.is_some_and(|reason| reason.starts_with("93.3 % of the expected points")));
    }
    let long = [vec![partial(4, 5)], vec![partial(5, 5); 20]].concat();
    assert_eq!(run(long.clone(), Aggregate::Every).state, GateState::Pass);
    // Points of a time without observation are expected.
    let mut with_gap = long;
    with_gap[5].gap_points = 5;
    let found = run(with_gap, Aggregate::Mean);
    assert_eq!((found.state, found.coverage.to_bits()), (GateState::Partial, (104.0_f64 / 110.0).to_bits()));
}

#[test]
fn few_events_decide_nothing_unless_an_exact_bound_does() {
    let gate = Gate { at_most: Some(0.02), min_events: Some(200), ..gate(Aggregate::Every) };
    let window = |hits: u64, n: u64| WindowValue {
        value: Some(hits as f64 / n as f64),
        n,
        hits: Some(hits),
        ..known(&[0.0]).remove(0)
    };
    let run = |windows: &[(u64, u64)]| {
        let number =
            |(iteration, (hits, n)): (u32, &(u64, u64))| WindowValue { iteration, ..window(*hits, *n) };
        evaluate(&gate, &(1..).zip(windows).map(number).collect::<Vec<_>>(), 300.0)
    };
    let many = (100, 100_000);
    for (windows, expected) in [
        (vec![many, (1, 1), (1, 1), many], GateState::Pass),
        (vec![many, many, (1, 1), (1, 1), (1, 1), many], GateState::Pass),
        // Most windows say nothing.
        (vec![many, (1, 1), (1, 1), (1, 1)], GateState::Partial),
        (vec![(0, 5), (0, 5)], GateState::Warmup),
        // Five of five are no accident at a limit of 2 %.
        (vec![many, (5, 5)], GateState::HardFail),
        // Together they are enough, and break it.
        ([vec![many; 30], vec![(2, 40); 10]].concat(), GateState::HardFail),
        ([vec![many; 30], vec![(0, 40); 10]].concat(), GateState::Pass),
    ] {
        let found = run(&windows);
        assert_eq!(found.state, expected, "{windows:?}: {found:?}");
    }
}

#[test]
fn what_was_counted_and_is_too_much_stays_so_whatever_is_missing() {
    let none = Gate { at_most: Some(0.0), ..gate(Aggregate::Sum) };
    let partial = |value: f64| WindowValue {
        beyond: true,
        points: 2,
        state: DataState::Partial,
        ..known(&[value]).remove(0)
    };
    for aggregate in [Aggregate::Sum, Aggregate::Max, Aggregate::Every] {
        let gate = Gate { aggregate: aggregate.clone(), ..none.clone() };
        assert_eq!(state(&gate, &[partial(3.0)]), GateState::HardFail, "{aggregate:?}");
        assert_eq!(state(&gate, &[partial(0.0)]), GateState::Partial, "{aggregate:?}");
    }
}

#[test]
fn growth_is_that_of_the_worst_life() {
    let gate = gate(Aggregate::Growth);
    let piece = |value: f64, rise: f64| Piece { value: Some(value), rise: Some(rise), points: 5 };
    let restarted = |pieces: &[Piece]| WindowValue { pieces: pieces.to_vec(), ..known(&[1.0]).remove(0) };
    // A sawtooth of which every tooth grows by 30 and no window shows more than before.
    let teeth = restarted(&[piece(1.0, 2.0), piece(20.0, 30.0), piece(20.0, 30.0)]);
    let found = evaluate(&gate, &[known(&[1.0]).remove(0), teeth], 300.0);
    assert_eq!((found.state, found.actual), (GateState::HardFail, Some(30.0)));
    // Lives of several windows: 1, 2 | 5, 30, 40.
    let values = known(&[1.0, 2.0, 5.0, 30.0, 40.0]);
    let mut split = values.clone();
    split[2].pieces = vec![Piece::default(), piece(5.0, 0.0)];
    let found = evaluate(&gate, &split, 300.0);
    assert_eq!(found.actual, Some(35.0), "{found:?}");
    // Memory that is free again after a restart is no growth, and the one life from 40 to 1 none below.
    let mut freed = known(&[40.0, 41.0, 1.0, 2.0]);
    freed[2].pieces = vec![Piece::default(), piece(1.0, 0.0)];
    assert_eq!(evaluate(&gate, &freed, 300.0).actual, Some(1.0));
}

#[test]
fn what_is_only_known_to_be_more_is_shown_so() {
    let mut beyond = known(&[2.0, 9.0]);
    beyond[1].beyond = true;
    for aggregate in [Aggregate::Every, Aggregate::Max] {
        let gate = gate(aggregate);
        assert_eq!(evaluate(&gate, &beyond, 300.0).figure(&gate), "> 9");
    }
    let gate = gate(Aggregate::Mean);
    assert_eq!(evaluate(&gate, &known(&[2.0, 9.0]), 300.0).figure(&gate), "5.5");
    let none = evaluate(&gate, &[], 300.0);
    assert_eq!((none.state, none.figure(&gate).as_str()), (GateState::NoData, "unknown"));
}

#[test]
fn an_incomplete_window_beyond_the_last_bound_leaves_a_mean_open_and_no_sum_of_counts() {
    let mut windows = known(&[1.0; 40]);
    windows[7] = WindowValue { beyond: true, points: 9, state: DataState::Partial, ..windows[7].clone() };
    for (aggregate, at_most, expected) in [
        (Aggregate::Mean, 10.0, GateState::Partial),
        (Aggregate::Ema("1h".to_owned()), 10.0, GateState::Partial),
        (Aggregate::Sum, 50.0, GateState::Pass),
        (Aggregate::Sum, 39.5, GateState::HardFail),
    ] {
        let gate = Gate { at_most: Some(at_most), ..gate(aggregate) };
        assert_eq!(state(&gate, &windows), expected, "{gate:?}");
    }
}

#[test]
fn what_is_shown_of_windows_is_what_was_judged() {
    use crate::judge::gate::BrokenStretch;
    let at = |pattern: &str| {
        let value = |c| match c {
            'x' => Some(12.0),
            'X' => Some(15.0),
            'o' => Some(9.0),
            _ => None,
        };
        windows(&pattern.chars().map(value).collect::<Vec<_>>())
    };
    for pattern in ["oooo", "xxxx", "oxxoXx", "xx?xx", "?x?X", "ooxx", "", "x"] {
        for (warmup, last, gap) in [(0, None, 0), (1, None, 0), (0, Some(3), 0), (0, None, 3)] {
            let gate = Gate { warmup, last, ..gate(Aggregate::Every) };
            let mut windows = at(pattern);
            if let Some(window) = windows.get_mut(gap).filter(|_| gap > 0) {
                window.gap_points = 5;
            }
            let counts = evaluate(&gate, &windows, 300.0);
            let judged = judged_windows(&gate, &windows);
            let stretches = gate.broken_stretches(&judged);
            let length = |stretch: &BrokenStretch| stretch.last - stretch.first + 1;
            let all = format!("{pattern} {warmup} {last:?} {gap}: {stretches:?}");
            assert_eq!(judged.len(), windows.len(), "{all}");
            assert_eq!(stretches.iter().map(length).sum::<u32>(), counts.violations, "{all}");
            assert_eq!(stretches.iter().map(length).max().unwrap_or(0), counts.longest_streak, "{all}");
            assert_eq!(stretches.first().map(|stretch| stretch.first), counts.first_violation, "{all}");
            let worst = stretches.iter().map(|stretch| stretch.worst).reduce(f64::max);
            assert!(worst.is_none() || worst == counts.actual, "{all}: {counts:?}");
        }
    }
    let left_out = judged_windows(&Gate { last: Some(1), ..gate(Aggregate::Every) }, &at("xx"));
    assert_eq!(left_out[0].answer, WindowAnswer::NotCounted);
}

#[test]
fn the_halves_of_a_growth_differ_by_what_was_judged() {
    let gate = gate(Aggregate::Growth);
    let windows = windows(&[Some(1.0), Some(2.0), None, Some(5.0), Some(7.0), Some(9.0)]);
    let [first, second] = halves(&gate, &windows).expect("there are enough");
    assert_eq!((first, second), ((1, 2, 1.5), (5, 6, 8.0)));
    assert_eq!(evaluate(&gate, &windows, 300.0).actual, Some(second.2 - first.2));
}
