use super::*;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::{self, report_name};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;
use std::time::Duration;

/// The day on which the scores below are asked for.
fn today() -> Date {
    jiff::civil::date(2026, 3, 20)
}

fn before(days: i64) -> Date {
    today() - jiff::Span::new().days(days)
}

/// Reports of a directory, and what they are judged by.
#[derive(Clone, Debug)]
struct World {
    files: Vec<File>,
    rules: Rules,
}

impl World {
    /// The reports of the last days, the newest of yesterday, asked for so many days later.
    fn new(days: &[Option<Value>], late: i64) -> Self {
        let file = |(at, day): (usize, &Option<Value>)| {
            let date = before(i64::try_from(days.len() - at).expect("small"));
            let content = day.clone()?;
            let content = if content.is_null() { Err("it is cut".to_owned()) } else { Ok(content) };
            Some(File { name: report_name(date), content, sha256: None })
        };
        let now: Timestamp = daily::start(today()) + SignedDuration::from_hours(12 + 24 * late);
        let policy = EvidencePolicy { now, is_frozen: false, allow_simulated: false };
        let max_age = Duration::from_hours(36);
        let rules = Rules { window: days.len(), max_age, policy, standard: None };
        Self { files: days.iter().enumerate().filter_map(file).collect(), rules }
    }

    fn window(&self) -> Window {
        daily::window(&self.files, &self.rules)
    }

    fn explained(&self) -> Explanation {
        Explained {
            window: &self.window(),
            files: &self.files,
            rules: self.rules.clone(),
            release: ReleaseIdentity::default(),
            reports: "r".to_owned(),
            drills: Vec::new(),
            unmet_drills: 0,
        }
        .explanation()
    }

    fn with(&self, changes: &[InputChange]) -> Self {
        let reports = Reports { files: Cow::Borrowed(&self.files), dir: "r" }.with(changes);
        Self { files: reports.files.into_owned(), ..self.clone() }
    }

    fn is_lost(&self, section: usize) -> bool {
        is_lost(&self.window(), section)
    }

    fn verdict(&self) -> Verdict {
        let score = points::sections(&points::score(&self.window())).total();
        verdict(&Facts { score, unmet_drills: 0, is_other_release: false })
    }
}

fn good() -> Value {
    json!({
        "edge_net_bps": 2.5, "order_age_p95_ms": 350, "taker_share_pct": 15, "reg_guard": {"reason": "NONE"},
        "drift": {"reason": "NONE"}, "chaos_result": "OK", "bug_bash": "OK",
    })
}

fn but(changes: &[(&str, Value)]) -> Value {
    let mut day = good();
    for (key, value) in changes {
        day[key] = value.clone();
    }
    day
}

fn figure(range: std::ops::Range<f64>) -> impl Strategy<Value = Value> {
    prop_oneof![6 => range.prop_map(|value| json!(value)), 1 => Just(Value::Null), 1 => Just(json!("2.5"))]
}

fn answer(good: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![8 => Just(json!(good)), 1 => Just(json!("FAIL")), 1 => Just(Value::Null)]
}

/// The report of a day: as a rule one whose fields count, else one that is refused, or none.
fn day() -> impl Strategy<Value = Option<Value>> {
    let fields = (
        figure(2.3..3.0),
        figure(300.0..370.0),
        figure(10.0..16.0),
        answer("NONE"),
        answer("OK"),
        answer("OK"),
    );
    let counting = fields.prop_map(|(edge, age, taker, guard, chaos, tests)| {
        Some(but(&[
            ("edge_net_bps", edge),
            ("order_age_p95_ms", age),
            ("taker_share_pct", taker),
            ("reg_guard", json!({"reason": guard})),
            ("chaos_result", chaos),
            ("bug_bash", tests),
        ]))
    });
    prop_oneof![
        40 => counting,
        2 => Just(None),
        1 => Just(Some(but(&[("simulated", json!(true))]))),
        1 => Just(Some(but(&[("date", json!("2020-01-01"))]))),
        1 => Just(Some(but(&[("clock", json!("frozen"))]))),
        1 => Just(Some(but(&[("schema", json!("acme.v1"))]))),
        1 => Just(Some(but(&[("reg_guard", json!("NONE"))]))),
        1 => Just(Some(Value::Null)),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let late = prop_oneof![8 => Just(0_i64), 1 => Just(1), 1 => Just(3)];
    (proptest::collection::vec(day(), 1..9), late).prop_map(|(days, late)| World::new(&days, late))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// Read and scored again with its change, each rule is otherwise; with one document less it is not. Where there
    /// is no change a day stands in the way that no figure mends.
    #[test]
    fn the_change_of_a_rule_flips_it_and_a_smaller_one_does_not(world in world()) {
        let explained = world.explained();
        for (at, rule) in explained.rules.iter().enumerate() {
            let was = world.is_lost(at);
            if rule.flip.is_empty() {
                prop_assert!(was && !explained.flip.obstacles.is_empty(), "{}", rule.rule);
                continue;
            }
            prop_assert_ne!(world.with(&rule.flip).is_lost(at), was);
            for left_out in &rule.flip {
                let fewer: Vec<InputChange> =
                    rule.flip.iter().filter(|change| change.path != left_out.path).cloned().collect();
                prop_assert_eq!(world.with(&fewer).is_lost(at), was, "{:?}", left_out);
            }
            for change in &rule.flip {
                let name = change.path.trim_start_matches("r/");
                let file = world.files.iter().find(|file| file.name == name);
                let stands = file.and_then(|file| file.content.as_ref().ok()).map(|content| {
                    let place = change.place.trim_start_matches("root.");
                    place.split('.').try_fold(content, |at, key| at.get(key)).cloned().unwrap_or_default()
                });
                prop_assert_eq!(&change.from, &stands.unwrap_or_default());
            }
        }
    }

    /// The last value that is moved goes no further than it must.
    #[test]
    fn the_last_value_goes_no_further_than_it_must(world in world()) {
        let window = world.window();
        for section in 0..TARGETS.len() {
            let (was, changes) = (is_lost(&window, section), flip(&window, section));
            if let Some(DayChange { day, to: NewValue::Figure(_, to) }) = changes.last().copied()
                && let Ok(from) = &window.days[day].figures[section]
            {
                let less = if to > *from { to.next_down() } else { to.next_up() };
                let nearer = DayChange { day, to: NewValue::Figure(section, less) };
                let nearer = [&changes[..changes.len() - 1], &[nearer]].concat();
                prop_assert_eq!(is_lost(&with(&window, &nearer), section), was);
            }
        }
    }

    /// The change of the verdict flips it, from GO to HOLD and from anything else to GO; where none does it says why.
    #[test]
    fn the_change_of_the_verdict_flips_it(world in world()) {
        let flip = world.explained().flip;
        let was = world.verdict();
        if flip.changes.is_empty() {
            prop_assert_ne!(was, Verdict::Go);
            prop_assert!(flip.verdict.is_empty() && !flip.obstacles.is_empty());
        } else {
            let after = world.with(&flip.changes).verdict();
            prop_assert_eq!(flip.verdict, after.as_str());
            prop_assert_eq!(after == Verdict::Go, was != Verdict::Go);
        }
    }
}

#[test]
fn a_good_week_is_one_bad_day_from_hold() {
    let explained = World::new(&vec![Some(good()); 7], 0).explained();
    assert_eq!(explained.missing, []);
    let edge = &explained.rules[0];
    assert_eq!((&edge.value, edge.margin, edge.n, edge.of), (&json!(2.5), Some(0.0), 7, 7));
    // The median of seven falls with the fourth.
    assert_eq!(edge.flip.len(), 4);
    assert_eq!((&edge.flip[0].from, &edge.flip[0].to), (&json!(2.5), &json!(2.4)));
    assert_eq!((explained.flip.verdict.as_str(), explained.flip.changes.len()), ("HOLD", 1));
    assert_eq!(explained.flip.changes[0].place, "root.reg_guard.reason");
}

#[test]
fn what_is_missing_is_told_with_the_day_on_which_it_can_be_there() {
    let mut week = vec![Some(good()); 7];
    // The oldest day has no history, and the edge of four days is low.
    week[0] = Some(but(&[("reg_guard", json!({"reason": "NO_HISTORY"}))]));
    for day in &mut week[3..] {
        *day = Some(but(&[("edge_net_bps", json!(2.0))]));
    }
    week[6].as_mut().expect("there")["chaos_result"] = json!("FAIL");
    let explained = World::new(&week, 0).explained();
    let missing: Vec<(&str, Option<&str>)> =
        explained.missing.iter().map(|step| (step.rule.as_str(), step.date.as_deref())).collect();
    let expected = [
        // One more good day, and the day without history has left the window.
        ("guards", Some("2026-03-21")),
        // Four low days of seven until the first of them has left.
        ("edge", Some("2026-03-24")),
        // The last day must leave.
        ("chaos", Some("2026-03-27")),
        ("GO", Some("2026-03-27")),
    ];
    assert_eq!(missing, expected);
    assert_eq!(explained.flip.verdict, "GO");
    let told: Vec<(&str, &Value)> =
        explained.flip.changes.iter().map(|change| (change.place.as_str(), &change.from)).collect();
    let expected = [
        ("root.edge_net_bps", &json!(2.0)),
        ("root.reg_guard.reason", &json!("NO_HISTORY")),
        ("root.chaos_result", &json!("FAIL")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn without_a_report_seven_days_are_missing() {
    let explained = World::new(&vec![None; 7], 0).explained();
    // Two places say what the guards say.
    assert_eq!(explained.flip.changes.len(), 49);
    // At noon too little is left of today, and the first day has none before it: seven more must follow it.
    let go = explained.missing.last().expect("GO");
    assert_eq!(go.date.as_deref(), Some("2026-03-29"));
    assert!(go.what.contains("from 2026-03-21 on (that day has none"), "{}", go.what);
    let at = |hour: i64, days: &[Option<Value>]| {
        let mut world = World::new(days, 0);
        world.rules.policy.now = daily::start(today()) + SignedDuration::from_hours(hour);
        let missing = world.explained().missing;
        missing.last().map(|step| step.date.clone().expect("known"))
    };
    let late = |seen: Option<Value>| [vec![None; 6], vec![seen]].concat();
    let (first, unseen) = (but(&[("reg_guard", json!({"reason": "NO_HISTORY"}))]), json!({}));
    for (what, hour, days, go) in [
        ("enough of today is left", 4, late(None), "2026-03-28"),
        ("too little of it is", 5, late(None), "2026-03-29"),
        ("yesterday showed nothing", 23, late(Some(unseen)), "2026-03-29"),
        // The same day as `soak daily` names of a first one.
        ("yesterday was the first day", 23, late(Some(first)), "2026-03-27"),
    ] {
        assert_eq!(at(hour, &days).as_deref(), Some(go), "{what}");
    }
    assert_eq!(daily::go_without(before(1), 7).expect("a date").to_string(), "2026-03-27");
}

/// A day that is refused for what no figure says is named with what would help.
#[test]
fn where_no_figure_helps_it_is_said_what_would() {
    let week = |day: Value| [vec![Some(good()); 6], vec![Some(day)]].concat();
    for (day, late, parts) in [
        (
            but(&[("simulated", json!(true))]),
            0,
            ["2026-03-19: no figure counts", "is simulated", "a run of the service"],
        ),
        (but(&[("date", json!("2020-01-01"))]), 0, ["2026-03-19", "its date is", "make it again"]),
        (
            but(&[
                ("made_at", json!("2026-03-19T12:00:00Z")),
                ("schema", json!("mmops.daily-report.v1")),
                ("version", json!("1")),
                ("clock", json!("system")),
                ("simulated", json!(false)),
            ]),
            0,
            ["2026-03-19", "before its day was over", "make it again"],
        ),
        (Value::Null, 0, ["2026-03-19", "it is cut", "make it again"]),
    ] {
        let flip = World::new(&week(day), late).explained().flip;
        assert_eq!(
            (flip.verdict.as_str(), flip.changes.len(), flip.obstacles.len()),
            ("", 0, 1),
            "{parts:?}"
        );
        for part in parts {
            assert!(flip.obstacles[0].contains(part), "{part} in {}", flip.obstacles[0]);
        }
    }
    // Seven good days of which the newest is too old, with nothing missing that could be newer.
    let mut old = World::new(&week(good()), 0);
    old.rules.max_age = Duration::from_hours(1);
    let flip = old.explained().flip;
    assert_eq!((flip.changes.len(), flip.obstacles.len()), (0, 1));
    for part in ["2026-03-13, 2026-03-14", "is 12h old, the limit is 1h", "the last day that is over"] {
        assert!(flip.obstacles[0].contains(part), "{part} in {}", flip.obstacles[0]);
    }
    // Of days since the newest report there is none: those are what is missing, and the old ones count again.
    let flip = World::new(&week(good()), 3).explained().flip;
    assert_eq!((flip.verdict.as_str(), flip.changes.len()), ("GO", 21));
}
