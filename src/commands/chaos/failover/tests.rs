//! A good run passes; each fault a store, a node or a log could have is found by the question it belongs to.

use super::document::takeovers;
use super::finding::{Finding, Problem, Question, examine};
use super::report::{Circumstances, report};
use super::timeline;
use super::verdict::{Facts, Verdict, verdict};
use crate::commands::chaos::order_log::{Answer, Entry};
use crate::commands::chaos::run_log::{
    DrillPlan, Event, InjectedFault, NodeLog, RunLog, SLOT_US, Scenario, StepDownReason,
};
use crate::lease::Refusal;
use crate::report::{Outcome, Report};
use serde_json::Value;
use std::time::Duration;

const MS: u64 = 1000;
const TTL: u64 = 1500 * MS;
const OWN: u64 = 1350 * MS;
/// When the signal is sent.
const HIT: u64 = 1110 * MS;
/// A's last renewal is at 1020 ms, so its lease ends here.
const EXPIRY: u64 = 2520 * MS;
const ENDED: u64 = 3500 * MS;

fn plan(scenario: Scenario) -> DrillPlan {
    let second = Duration::from_secs(1);
    DrillPlan { scenario, ttl: Duration::from_micros(TTL), renew: second / 2, after: second }
}

fn facts(scenario: Scenario, runs: Vec<RunLog>) -> Facts {
    Facts { plan: plan(scenario), runs }
}

fn reported(facts: &Facts, logs: Option<String>) -> Report {
    let circumstances = Circumstances { dry_run: false, measured: true, document: "x.json".into(), logs };
    report(facts, &verdict(facts), &circumstances)
}

fn order(run: &mut RunLog, node: usize, at_us: u64, token: u64, id: u64, answer: Answer) {
    let name = run.nodes[node].name.clone();
    let events = &mut run.nodes[node].events;
    events.push(Event::Send { at_us, token, id });
    events.push(Event::Answered { at_us: at_us + 50, token, id, answer });
    if answer == Answer::Accepted {
        run.orders.push(Entry::Order { at_us: at_us + 40, node: name, token, id });
    }
}

fn renew(run: &mut RunLog, node: usize, at_us: u64, token: u64) {
    run.nodes[node].events.push(Event::Renew { at_us, token, deadline_us: at_us + OWN });
}

fn elect(run: &mut RunLog, node: usize, granted_us: u64, token: u64) {
    let at_us = granted_us + 100;
    let name = run.nodes[node].name.clone();
    run.nodes[node].events.push(Event::Lead { at_us, granted_us, token, deadline_us: granted_us + OWN });
    run.orders.push(Entry::Fence { at_us, node: name, token });
    run.issued = token;
}

/// Places the orders that come due in `from_us..until_us`, renewing every 500 ms after `elected_us`.
fn lead(run: &mut RunLog, node: usize, elected_us: u64, until_us: u64, token: u64, first: u64) {
    let mut renew_us = elected_us + 500 * MS;
    let mut at_us = elected_us + 400;
    for id in first.. {
        let mut due_us = id * SLOT_US;
        while renew_us < due_us.min(until_us) {
            renew(run, node, renew_us, token);
            renew_us += 500 * MS;
        }
        if due_us >= until_us {
            return;
        }
        if due_us < at_us {
            at_us += 200;
            due_us = at_us;
        }
        order(run, node, due_us, token, id, Answer::Accepted);
    }
}

fn end(run: &mut RunLog, node: usize, token: Option<u64>) {
    let events = &mut run.nodes[node].events;
    if let Some(token) = token {
        events.push(Event::Down { at_us: ENDED + 100, token, why: StepDownReason::Released });
    }
    events.push(Event::Exit { at_us: ENDED + 200 });
}

fn start() -> RunLog {
    let node = |name: &str| NodeLog { name: name.into(), events: vec![Event::Ready { at_us: 10 * MS }] };
    RunLog {
        origin_us: 0,
        ended_us: ENDED,
        nodes: vec![node("A"), node("B")],
        orders: Vec::new(),
        issued: 0,
        fault: None,
        defects: Vec::new(),
    }
}

/// A leads, is hit at [`HIT`] with 22 orders placed, B leads from A's expiry on.
fn taken_over(continued_us: Option<u64>) -> RunLog {
    let mut run = start();
    elect(&mut run, 0, 20 * MS, 1);
    lead(&mut run, 0, 20 * MS, HIT, 1, 1);
    run.fault =
        Some(InjectedFault { victim: "A".into(), sent_us: HIT, effective_us: HIT + MS, continued_us });
    elect(&mut run, 1, EXPIRY, 2);
    for id in 18..=22 {
        order(&mut run, 1, EXPIRY + 110 + (id - 18) * 60, 2, id, Answer::Duplicate);
    }
    lead(&mut run, 1, EXPIRY, ENDED, 2, 23);
    end(&mut run, 1, Some(2));
    run
}

fn killed() -> RunLog {
    taken_over(None)
}

fn paused() -> RunLog {
    let woken_us = HIT + MS + TTL + 500 * MS;
    let mut run = taken_over(Some(woken_us));
    let late = run.nodes[0].events.pop();
    assert!(matches!(late, Some(Event::Answered { .. })));
    // The order was on its way when A was paused; B placed it in the meantime.
    let lost = run.orders.iter().position(|entry| matches!(entry, Entry::Order { id: 22, .. }));
    run.orders.remove(lost.expect("A placed it"));
    let at =
        run.orders.iter().position(|entry| matches!(entry, Entry::Order { id: 23, .. })).expect("placed");
    let by_heir = Entry::Order { at_us: EXPIRY + 180, node: "B".into(), token: 2, id: 22 };
    run.orders.insert(at, by_heir);
    for event in &mut run.nodes[1].events {
        if let Event::Answered { id: 22, answer, .. } = event {
            *answer = Answer::Accepted;
        }
    }
    let events = &mut run.nodes[0].events;
    events.push(Event::Answered { at_us: woken_us + 50, token: 1, id: 22, answer: Answer::Stale });
    events.push(Event::Down { at_us: woken_us + 60, token: 1, why: StepDownReason::Fenced });
    end(&mut run, 0, None);
    run
}

fn healthy() -> RunLog {
    let mut run = start();
    elect(&mut run, 0, 20 * MS, 1);
    lead(&mut run, 0, 20 * MS, ENDED, 1, 1);
    end(&mut run, 0, Some(1));
    end(&mut run, 1, None);
    run
}

/// The questions that `run` answers with no.
fn wrong(scenario: Scenario, run: &RunLog) -> Vec<Question> {
    let problems = examine(&plan(scenario), run).problems;
    let mut questions: Vec<Question> = problems.into_iter().map(|problem| problem.question).collect();
    questions.sort();
    questions.dedup();
    questions
}

fn good(scenario: Scenario, run: &RunLog) -> Finding {
    let finding = examine(&plan(scenario), run);
    assert_eq!(finding.problems, [], "{run:#?}");
    finding
}

/// Name and status of every row.
fn rows_of(report: &Report) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rows = report.document()["rows"].as_array().expect("rows").clone();
    rows.iter().map(|row| (text(&row["name"]), text(&row["status"]))).collect()
}

#[test]
fn a_takeover_after_a_kill_is_good() {
    let finding = good(Scenario::Kill, &killed());
    assert_eq!(finding.takeover_us, Some(EXPIRY + 100 - HIT));
    assert_eq!((finding.elections, finding.dual_us, finding.refused_stale), (2, 0, 0));
    assert_eq!((finding.orders, finding.idem_hits), (69, 5));
}

#[test]
fn a_takeover_during_a_pause_is_good_and_the_woken_leader_is_refused() {
    let finding = good(Scenario::Stop, &paused());
    assert_eq!((finding.elections, finding.dual_us, finding.refused_stale), (2, 0, 1));
}

#[test]
fn two_healthy_nodes_with_one_election_are_good() {
    let finding = good(Scenario::Healthy, &healthy());
    assert_eq!((finding.elections, finding.takeover_us), (1, None));
}

#[test]
fn a_takeover_later_than_ttl_and_slack_fails_and_one_at_the_limit_does_not() {
    let late = |by: u64| {
        let mut run = killed();
        for event in &mut run.nodes[1].events {
            if let Event::Lead { at_us, granted_us, .. } = event {
                *at_us = HIT + TTL + 200 * MS + by;
                *granted_us = *at_us - 1;
            }
        }
        examine(&plan(Scenario::Kill), &run)
    };
    let takeover = |finding: &Finding| finding.problems.iter().any(|p| p.question == Question::Takeover);
    assert!(!takeover(&late(0)));
    assert!(takeover(&late(1)));
}

#[test]
fn a_run_without_a_takeover_fails() {
    let mut run = killed();
    run.nodes[1].events.truncate(1);
    run.orders.retain(|entry| matches!(entry, Entry::Order { node, .. } if node == "A"));
    run.issued = 1;
    assert_eq!(wrong(Scenario::Kill, &run), [Question::Elections, Question::Takeover, Question::Orders]);
    let finding = examine(&plan(Scenario::Kill), &run);
    assert_eq!(finding.takeover_us, None);
    assert!(timeline::summary(&[finding]).starts_with("CHAOS_SUMMARY takeover_ms=-1 "));
}

#[test]
fn a_store_that_elects_a_second_leader_too_early_is_found() {
    let mut run = killed();
    for event in &mut run.nodes[1].events {
        if let Event::Lead { granted_us, .. } = event {
            *granted_us = HIT - 300;
        }
    }
    let finding = examine(&plan(Scenario::Kill), &run);
    // A could act until the kill had taken effect, one millisecond after it was sent.
    assert_eq!(finding.dual_us, 1300);
    assert_eq!(wrong(Scenario::Kill, &run), [Question::DualLeader]);
}

#[test]
fn a_paused_leader_is_no_second_leader_but_a_woken_one_that_still_believes_is() {
    let mut run = paused();
    let woken_us = run.fault.as_ref().and_then(|fault| fault.continued_us).expect("woken");
    for event in &mut run.nodes[0].events {
        if let Event::Renew { deadline_us, .. } = event {
            *deadline_us = woken_us + 30;
        }
    }
    let finding = examine(&plan(Scenario::Stop), &run);
    assert_eq!(finding.dual_us, 30, "only the time after it was continued");
    assert_eq!(wrong(Scenario::Stop, &run), [Question::DualLeader]);
}

#[test]
fn a_leader_that_acts_after_its_own_deadline_is_found() {
    let mut run = healthy();
    run.nodes[0].events.retain(|event| !matches!(event, Event::Renew { .. }));
    let finding = examine(&plan(Scenario::Healthy), &run);
    assert!(finding.late_acts > 0);
    assert_eq!(wrong(Scenario::Healthy, &run), [Question::StepDown]);
}

#[test]
fn an_order_sent_after_stepping_down_is_found() {
    let mut run = healthy();
    let down = Event::Down { at_us: 1000 * MS, token: 1, why: StepDownReason::Refused };
    let at = run.nodes[0].events.iter().position(|event| event.at_us() >= 1000 * MS).expect("later events");
    run.nodes[0].events.insert(at, down);
    assert!(wrong(Scenario::Healthy, &run).contains(&Question::StepDown));
}

#[test]
fn an_order_in_the_log_twice_is_found() {
    let mut run = killed();
    let at_us = ENDED - MS;
    run.orders.push(Entry::Order { at_us, node: "B".into(), token: 2, id: 22 });
    assert_eq!(examine(&plan(Scenario::Kill), &run).duplicates, 1);
    assert_eq!(wrong(Scenario::Kill, &run), [Question::Orders]);
}

#[test]
fn a_gap_in_the_log_is_found() {
    let mut run = killed();
    run.orders.retain(|entry| !matches!(entry, Entry::Order { id: 30, .. }));
    assert_eq!(examine(&plan(Scenario::Kill), &run).lost, 1);
    assert_eq!(wrong(Scenario::Kill, &run), [Question::Orders]);
}

#[test]
fn an_acknowledged_order_beyond_the_end_of_the_log_is_found() {
    let mut run = killed();
    run.nodes[1].events.push(Event::Answered {
        at_us: ENDED + 300,
        token: 2,
        id: 99,
        answer: Answer::Accepted,
    });
    let finding = examine(&plan(Scenario::Kill), &run);
    assert_eq!(finding.lost, 1);
}

#[test]
fn orders_that_came_due_and_were_never_placed_are_lost() {
    let mut run = killed();
    run.ended_us += 2_000 * MS;
    assert!(wrong(Scenario::Kill, &run).contains(&Question::Orders));
    let late = examine(&plan(Scenario::Kill), &run).lost;
    assert_eq!(late, (5_000 * MS / SLOT_US) - 69);
}

#[test]
fn an_order_taken_under_an_older_token_is_found() {
    let mut run = paused();
    let at_us = ENDED - MS;
    run.orders.push(Entry::Order { at_us, node: "A".into(), token: 1, id: 70 });
    assert_eq!(examine(&plan(Scenario::Stop), &run).older_accepted, 1);
    assert_eq!(wrong(Scenario::Stop, &run), [Question::Fencing]);
}

#[test]
fn a_pause_that_never_tried_the_fence_proves_nothing() {
    let mut run = paused();
    run.nodes[0].events.retain(|event| !matches!(event, Event::Answered { answer: Answer::Stale, .. }));
    assert_eq!(wrong(Scenario::Stop, &run), [Question::Fencing]);
}

#[test]
fn a_pause_shorter_than_the_ttl_proves_nothing() {
    let mut run = paused();
    let fault = run.fault.as_mut().expect("a fault");
    fault.continued_us = Some(fault.effective_us + TTL);
    assert!(wrong(Scenario::Stop, &run).contains(&Question::Evidence));
}

#[test]
fn one_election_more_or_a_token_that_does_not_rise_is_found() {
    let mut run = healthy();
    elect(&mut run, 1, ENDED + 300, 2);
    assert_eq!(wrong(Scenario::Healthy, &run), [Question::Elections]);

    let mut run = killed();
    for event in &mut run.nodes[1].events {
        match event {
            Event::Lead { token, .. } | Event::Renew { token, .. } | Event::Send { token, .. } => *token = 1,
            _ => {}
        }
    }
    assert!(wrong(Scenario::Kill, &run).contains(&Question::Elections));

    let mut run = killed();
    run.issued = 3;
    assert_eq!(wrong(Scenario::Kill, &run), [Question::Elections], "an election that no node reported");
}

#[test]
fn a_signal_for_a_node_that_was_not_leading_proves_nothing() {
    let mut run = killed();
    let fault = run.fault.as_mut().expect("a fault");
    fault.victim = "B".into();
    assert!(wrong(Scenario::Kill, &run).contains(&Question::Takeover));
    run.fault = None;
    assert!(wrong(Scenario::Kill, &run).contains(&Question::Takeover));
}

#[test]
fn a_run_that_nobody_took_part_in_fails() {
    let mut run = start();
    run.nodes[0].events.clear();
    let questions = wrong(Scenario::Healthy, &run);
    assert_eq!(questions, [Question::Evidence, Question::Elections, Question::Orders]);
    run.defects.push("node A ended by itself".into());
    assert!(!examine(&plan(Scenario::Healthy), &run).is_ok());
}

#[test]
fn time_that_runs_backwards_in_a_log_is_no_evidence() {
    let mut run = healthy();
    run.nodes[1].events.push(Event::Ready { at_us: 5 });
    assert_eq!(wrong(Scenario::Healthy, &run), [Question::Evidence]);
}

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
        let report = report(&facts, &verdict, &circumstances);
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
