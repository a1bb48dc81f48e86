use super::*;
use proptest::prelude::*;

fn date(day: i64) -> Date {
    jiff::civil::date(2026, 3, 1) + jiff::Span::new().days(day)
}

fn figure(range: std::ops::Range<f64>) -> impl Strategy<Value = Figure> {
    prop_oneof![6 => range.prop_map(Ok), 1 => Just(Err("unknown".to_owned()))]
}

fn flag() -> impl Strategy<Value = Flag> {
    prop_oneof![8 => Just(Ok(true)), 1 => Just(Ok(false)), 1 => Just(Err("unknown".to_owned()))]
}

fn window() -> impl Strategy<Value = Window> {
    let day = (figure(2.3..3.0), figure(300.0..370.0), figure(10.0..16.0), flag(), flag(), flag());
    proptest::collection::vec(day, 1..9).prop_map(|days| {
        let day = |(at, (edge, age, taker, guards, chaos, tests))| Day {
            edge_net_bps: edge,
            order_age_p95_ms: age,
            taker_share_pct: taker,
            guards_ok: guards,
            chaos_ok: chaos,
            tests_ok: tests,
            ..good_day(date(at))
        };
        let days: Vec<Day> = (0_i64..).zip(days).map(day).collect();
        Window { days, remarks: Vec::new(), simulated: false }
    })
}

fn good(days: i64) -> Window {
    Window { days: (0..days).map(|at| good_day(date(at))).collect(), remarks: Vec::new(), simulated: false }
}

fn explained(window: &Window, today: i64) -> Explanation {
    Explained { window, reports: "r".to_owned(), drills: Vec::new(), unmet_drills: 0, today: date(today) }
        .explanation()
}

fn verdict_of(window: &Window) -> Verdict {
    verdict_with(window, &[])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Made again with it, each rule is otherwise; with one change less, or with a last value that goes less far,
    /// it is not.
    #[test]
    fn the_change_of_a_rule_flips_it_and_a_smaller_one_does_not(window in window()) {
        for (at, rule) in RULES.iter().enumerate() {
            let (was, changes) = (is_lost(&window, at), flip(&window, at));
            prop_assert!(!changes.is_empty());
            prop_assert_ne!(is_lost(&with(&window, &changes), at), was);
            for left_out in 0..changes.len() {
                let mut fewer = changes.clone();
                fewer.remove(left_out);
                prop_assert_eq!(is_lost(&with(&window, &fewer), at), was);
            }
            // The last value that is moved goes no further than it must.
            if let (Some(last), Rule::Median { field, .. }) = (changes.last(), *rule)
                && let (NewValue::Number(to), Ok(from)) = (last.to, field(&window.days[last.day]))
            {
                let less = if to > *from { to.next_down() } else { to.next_up() };
                let mut nearer = changes.clone();
                nearer.pop();
                nearer.push(DayChange { to: NewValue::Number(less), ..*last });
                prop_assert_eq!(is_lost(&with(&window, &nearer), at), was);
            }
        }
    }

    /// The change of the verdict flips it: from GO to HOLD, from anything else to GO.
    #[test]
    fn the_change_of_the_verdict_flips_it(window in window()) {
        let flip = explained(&window, 20).flip;
        let expected = if verdict_of(&window) == Verdict::Go { "HOLD" } else { "GO" };
        prop_assert_eq!(flip.verdict, expected);
    }
}

#[test]
fn a_good_week_is_one_bad_day_from_hold() {
    let week = good(7);
    let explained = explained(&week, 7);
    assert_eq!(explained.missing, []);
    let edge = &explained.rules[0];
    assert_eq!((&edge.value, edge.margin, edge.n, edge.of), (&json!(2.5), Some(0.0), 7, 7));
    // The median of seven falls with the fourth.
    assert_eq!(edge.flip.len(), 4);
    assert_eq!(edge.flip[0].to, json!(2.5_f64.next_down()));
    assert_eq!((explained.flip.verdict.as_str(), explained.flip.changes.len()), ("HOLD", 1));
}

#[test]
fn what_is_missing_is_told_with_the_day_on_which_it_can_be_there() {
    let mut week = good(7);
    // The oldest day has no history, and the edge of four days is low.
    week.days[0].guards_ok = Err("NO_HISTORY".to_owned());
    for day in &mut week.days[3..] {
        day.edge_net_bps = Ok(2.0);
    }
    week.days[6].chaos_ok = Ok(false);
    let explained = explained(&week, 7);
    let missing: Vec<(&str, Option<&str>)> =
        explained.missing.iter().map(|step| (step.rule.as_str(), step.date.as_deref())).collect();
    let expected = [
        // One more good day, and the day without history has left the window.
        ("guards", Some("2026-03-09")),
        // Four low days of seven until the first of them has left.
        ("edge", Some("2026-03-12")),
        // The last day must leave.
        ("chaos", Some("2026-03-15")),
        ("GO", Some("2026-03-15")),
    ];
    assert_eq!(missing, expected);
    assert_eq!(explained.flip.verdict, "GO");
    // Guards, chaos, and one of the four low days.
    assert_eq!(explained.flip.changes.len(), 3);
}

#[test]
fn without_a_report_seven_days_are_missing() {
    let days = (0..7).map(|at| Day::blank(date(at), "no report")).collect();
    let window = Window { days, remarks: Vec::new(), simulated: false };
    let explained = explained(&window, 7);
    assert_eq!(explained.flip.changes.len(), 42);
    assert_eq!(explained.missing.last().expect("GO").date.as_deref(), Some("2026-03-15"));
}
