use super::super::vectors::{self, close, number, series};
use super::*;
use serde_json::Value;

fn judge(comparisons: &[Comparison], with_interval: bool) -> Vec<KpiJudgement> {
    super::judge(comparisons.iter().map(|one| Tests::of(one, with_interval)).collect())
}

fn margins(kpi: &Value) -> Margins {
    Margins {
        shift: number(&kpi["margin"]),
        spread: number(&kpi["spread_margin"]),
        spread_same: number(&kpi["spread_margin_same"]),
        tail: number(&kpi["tail_margin"]),
        any_change: kpi["any_change"] == true,
    }
}

fn comparison(kpi: &Value) -> Comparison {
    let sign = if kpi["direction"] == "higher_is_better" { -1.0 } else { 1.0 };
    let arm = |name: &str| Arm::new(series(&kpi[name]).iter().map(|value| sign * value).collect());
    Comparison::Series(Box::new(Series {
        arms: [arm("baseline"), arm("candidate")],
        differences: None,
        margins: margins(kpi),
        is_censored: false,
    }))
}

fn assert_test(name: &str, found: &Test, expect: &Value) {
    close(name, found.z, number(&expect["z"]), 1e-8);
    close(name, found.degrees, number(&expect["df"]), 1e-8);
    let n_eff = expect.get("n_eff").unwrap_or(&expect["exceedances_eff"]);
    close(name, found.n_eff, number(n_eff), 1e-8);
    assert_eq!(found.is_enough, expect["enough"] == true, "{name}");
    for (arm, inflation) in expect["vif"].as_array().into_iter().flatten().enumerate() {
        close(name, found.inflations[arm], number(inflation), 1e-8);
    }
}

fn assert_p(name: &str, found: Option<f64>, expect: &Value) {
    match (found, expect.as_f64()) {
        (Some(found), Some(expected)) => close(name, found, expected, 1e-7),
        (found, expected) => assert_eq!(found, expected, "{name}"),
    }
}

#[test]
fn figures_with_margins_are_judged_as_the_formulas_say() {
    let mut seen = std::collections::BTreeSet::new();
    for case in vectors::cases("pair_margins") {
        let name = case["name"].as_str().expect("a name");
        let kpis = case["kpis"].as_array().expect("figures");
        let comparisons: Vec<Comparison> = kpis.iter().map(comparison).collect();
        for (found, expect) in
            judge(&comparisons, false).iter().zip(case["expect"]["kpis"].as_array().expect("it"))
        {
            assert_eq!(found.finding.as_str(), expect["verdict"].as_str().expect("a verdict"), "{name}");
            seen.insert(found.finding);
            for part in 0..3 {
                assert_p(name, found.p_worse[part], &expect["p_worse"][part]);
                close(name, found.adjusted_worse[part], number(&expect["holm_worse"][part]), 1e-7);
            }
            assert_p(name, found.p_better, &expect["p_better"]);
            close(name, found.adjusted_better, number(&expect["holm_better"]), 1e-7);
            let Tests::Series(tests) = &found.tests else {
                assert!(expect.get("reason").is_some(), "{name}");
                continue;
            };
            assert_test(name, &tests.location, &expect["as_they_are"]);
            assert_test(name, &tests.above, &expect["location_minus_margin"]);
            assert_test(name, &tests.below, &expect["location_plus_margin"]);
            assert_test(name, &tests.spread, &expect["spread"]);
            assert_test(name, &tests.tail, &expect["tail"]);
            if let Some(shown) = expect["same"]["shown"].as_bool() {
                assert_eq!(tests.is_same, shown, "{name}");
            }
            let more = tests.more_points.map(|more| more.to_vec());
            assert_eq!(serde_json::to_value(more).expect("counts"), expect["more_points"], "{name}");
        }
    }
    assert_eq!(seen.len(), 4, "every finding is in the vectors");
}

/// A change of the spread alone (kayenta#780), which ranks do not see.
#[test]
fn a_change_of_the_spread_alone_is_found_where_it_is_asked_for() {
    let table = [
        ("kayenta-780-drawn-300", false, Finding::Inconclusive),
        ("kayenta-780-drawn-300", true, Finding::Worse),
        ("kayenta-780-drawn-300-swapped", false, Finding::Worse),
        ("kayenta-780-as-listed", false, Finding::Inconclusive),
        ("kayenta-780-as-listed", true, Finding::Inconclusive),
    ];
    let cases = vectors::cases("pair_judge");
    for (name, any_change, expected) in table {
        let case = cases.iter().find(|case| case["name"] == name).expect("the case");
        let arms = ["baseline", "candidate"].map(|arm| Arm::new(series(&case[arm])));
        let margins = Margins { shift: 0.0, spread: 1.0, spread_same: 1.5, tail: 0.0, any_change };
        let compared = Series { arms, differences: None, margins, is_censored: false };
        let judged = judge(&[Comparison::Series(Box::new(compared))], false).remove(0);
        assert_eq!(judged.finding, expected, "{name} {any_change}");
    }
}

#[test]
fn the_family_is_corrected_as_statsmodels_does() {
    for case in vectors::cases("holm") {
        let name = case["name"].as_str().expect("a name");
        let found = holm(&series(&case["p"]));
        for (at, found) in found.into_iter().enumerate() {
            assert!((found - number(&case["expect"]["adjusted"][at])).abs() <= 1e-12, "{name} {at}");
        }
    }
}

/// Values that depend on each other, by a generator of their own.
fn sample(seed: u64, n: usize, shift: f64, scale: f64) -> Vec<f64> {
    let mut random = crate::simulation::random::SplitMix64::new(seed);
    let mut last = 0.0;
    let mut next = || {
        last = 0.5 * last + random.normal();
        last * scale + shift
    };
    (0..n).map(|_| next()).collect()
}

fn of_samples(one: Vec<f64>, two: Vec<f64>, shift: f64, is_paired: bool) -> Comparison {
    let differences = is_paired.then(|| one.iter().zip(&two).map(|(one, two)| two - one).collect());
    let margins = Margins { shift, spread: 1.0, spread_same: 1.5, tail: 0.0, any_change: false };
    Comparison::Series(Box::new(Series {
        arms: [Arm::new(one), Arm::new(two)],
        differences,
        margins,
        is_censored: false,
    }))
}

fn found(comparison: Comparison) -> (Finding, Box<SeriesTests>) {
    let judged = judge(&[comparison], true).remove(0);
    let Tests::Series(tests) = judged.tests else { panic!("{judged:?}") };
    (judged.finding, tests)
}

#[test]
fn swapped_arms_give_the_mirrored_answer_and_a_common_shift_gives_the_same() {
    for (seed, shift) in [(1, 0.0), (2, 0.4), (3, 1.5), (4, -1.5)] {
        for is_paired in [false, true] {
            let (x, y) = (sample(seed, 240, 0.0, 1.0), sample(seed + 100, 240, shift, 1.0));
            let (finding, one) = found(of_samples(x.clone(), y.clone(), 0.25, is_paired));
            let (mirrored, other) = found(of_samples(y.clone(), x.clone(), 0.25, is_paired));
            let expected = match finding {
                Finding::Worse => Finding::Better,
                Finding::Better => Finding::Worse,
                Finding::Same | Finding::Inconclusive => finding,
            };
            // A tail or a spread may be worse on either side, the location on one only.
            if mirrored != Finding::Worse && finding != Finding::Worse || shift.abs() > 1.0 {
                assert_eq!(mirrored, expected, "{seed} {is_paired}");
            }
            close("z", one.location.z, -other.location.z, 1e-9);
            close("z at the margin", one.above.z, -other.below.z, 1e-9);
            let (one_shift, other_shift) = (one.shift.expect("it"), other.shift.expect("it").mirrored());
            close("shift", one_shift.estimate, other_shift.estimate, 1e-9);
            // Eighths and powers of two: adding loses nothing.
            let coarse = |values: &[f64]| {
                values.iter().map(|value| (value * 64.0).round() / 64.0).collect::<Vec<f64>>()
            };
            let moved = |values: Vec<f64>| values.iter().map(|value| value + 1024.0).collect::<Vec<f64>>();
            let (here, a) = found(of_samples(coarse(&x), coarse(&y), 0.25, is_paired));
            let (there, b) = found(of_samples(moved(coarse(&x)), moved(coarse(&y)), 0.25, is_paired));
            assert_eq!((here, a.above, a.below), (there, b.above, b.below), "{seed} {is_paired}");
        }
    }
}

#[test]
fn a_wider_margin_never_makes_worse() {
    let (x, y) = (sample(5, 300, 0.0, 1.0), sample(6, 300, 1.0, 1.0));
    for is_paired in [false, true] {
        let mut last = 0.0;
        let mut findings = Vec::new();
        for step in 0..30 {
            let margin = f64::from(step) * 0.1;
            let judged = judge(&[of_samples(x.clone(), y.clone(), margin, is_paired)], false).remove(0);
            let p = judged.p_worse[0].expect("enough data");
            assert!(p >= last, "{margin}: {p} after {last}");
            last = p;
            findings.push(judged.finding);
        }
        findings.dedup();
        assert_eq!(findings, [Finding::Worse, Finding::Inconclusive, Finding::Same], "{is_paired}");
    }
}

#[test]
fn what_says_nothing_is_not_judged() {
    let table = [
        (vec![1.0; 11], vec![2.0; 40], "too few points"),
        (vec![f64::NAN; 40], vec![2.0; 40], "too few points"),
        (vec![f64::INFINITY; 40], vec![2.0; 40], "too few points"),
        (vec![3.0; 40], vec![3.0; 40], "all values equal: no information"),
        (vec![3.0; 40], vec![4.0; 40], "both arms constant"),
    ];
    for (one, two, reason) in table {
        let judged = judge(&[of_samples(one, two, 1.0, false)], true).remove(0);
        assert_eq!(judged.finding, Finding::Inconclusive, "{reason}");
        assert!(matches!(&judged.tests, Tests::Unknown(found) if found == reason), "{:?}", judged.tests);
    }
    assert!(judge(&[], true).is_empty());
}
