//! What all runs together answer, and how it is told.

use super::*;

#[test]
fn outages_are_counted_and_a_run_that_survived_them_is_good_with_a_warning() {
    let mut run = killed();
    let outage = Event::Outage { at_us: ENDED + 150, what: "locked".into() };
    let last = run.nodes[1].events.len() - 1;
    run.nodes[1].events.insert(last, outage);
    assert_eq!(good(Scenario::Kill, &run).outages, 1);
    let facts = facts(Scenario::Kill, vec![run]);
    let report = reported(&facts, None);
    assert_eq!(rows_of(&report).last(), Some(&("store".to_owned(), "WARN".to_owned())));
    assert!(report.is_ok());
}

/// A row that only informs says nothing about the answer, whichever way it looks.
#[test]
fn an_informative_row_does_not_change_the_verdict() {
    let good = facts(Scenario::Kill, vec![killed()]);
    let report = reported(&good, Some("kept".into()));
    assert!(report.is_ok() && rows_of(&report).iter().any(|(name, _)| name == "logs"), "{report:?}");
    let mut run = killed();
    run.issued = 3;
    assert!(!reported(&facts(Scenario::Kill, vec![killed(), run]), None).is_ok());
}

#[test]
fn no_run_at_all_is_no_answer() {
    let none = facts(Scenario::Kill, Vec::new());
    assert_eq!(verdict(&none).outcome(), Outcome::Unknown);
    let report = reported(&none, None);
    assert!(!report.is_ok());
    assert!(rows_of(&report).iter().all(|(_, status)| status == "SKIP" || status == "FAIL"), "{report:?}");
}

#[test]
fn every_question_has_a_row_that_fails_with_it() {
    let base = good(Scenario::Kill, &killed());
    for question in Question::ALL {
        let mut finding = base.clone();
        finding.problems.push(Problem { question, text: "because".into() });
        let verdict = Verdict { findings: vec![base.clone(), finding] };
        assert_eq!(verdict.outcome(), Outcome::Fail);
        let facts = facts(Scenario::Kill, vec![killed(), killed()]);
        let circumstances =
            Circumstances { dry_run: false, measured: true, document: "x.json".into(), logs: None };
        let report = report_of(&facts, &verdict, &circumstances);
        let failed: Vec<String> = report.complaints().collect();
        assert_eq!(failed.len(), 1, "{question:?}");
        assert!(failed[0].ends_with(": run 2: because"), "{failed:?}");
    }
}

#[test]
fn the_distribution_uses_nearest_ranks_and_rounds_up() {
    let finding = |us| Finding { takeover_us: Some(us), ..Finding::default() };
    let all: Vec<Finding> = (1..=20).map(|n| finding(n * 1000 - 1)).collect();
    let shown = takeovers(&all).expect("some");
    assert_eq!((shown.min_ms, shown.median_ms, shown.p95_ms, shown.max_ms), (1, 10, 19, 20));
    assert_eq!(takeovers(&[Finding::default()]), None);
}

#[test]
fn the_lines_have_the_shape_that_scripts_read() {
    let run = paused();
    let lines = timeline::lines(&run);
    assert_eq!(lines[0], "CHAOS t=0 role=A state=leader lock=acq idem_hits=0");
    assert_eq!(lines[1], "CHAOS t=499 role=A state=leader lock=renew idem_hits=0");
    assert!(
        lines.contains(&"CHAOS t=1090 role=A state=paused lock=none idem_hits=0".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"CHAOS t=2500 role=B state=leader lock=acq idem_hits=0".to_owned()), "{lines:?}");
    assert!(
        lines.contains(&"CHAOS t=3090 role=A state=resumed lock=none idem_hits=4".to_owned()),
        "{lines:?}"
    );
    let summary = timeline::summary(&[good(Scenario::Stop, &run)]);
    assert_eq!(summary, "CHAOS_SUMMARY takeover_ms=1411 idem_hits_total=4 alert_storm_counter=0");
}

#[test]
fn a_long_timeline_is_shown_from_both_ends() {
    let mut run = healthy();
    let refused = Event::RenewRefused { at_us: 100 * MS, token: 1, reason: Refusal::Expired };
    run.nodes[1].events.extend(std::iter::repeat_n(refused, 100));
    let lines = timeline::lines(&run);
    assert_eq!(lines.len(), 49);
    assert!(lines[24].ends_with("lines left out)"), "{}", lines[24]);
}
