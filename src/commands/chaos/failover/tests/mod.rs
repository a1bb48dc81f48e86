//! A good run passes; each fault a store, a node or a log could have is found by the question it belongs to.

mod finding;
mod report;

use super::document::takeovers;
use super::finding::{Finding, Problem, Question, examine};
use super::report::{Circumstances, report as report_of};
use super::timeline;
use super::verdict::{Facts, Verdict, verdict};
use crate::commands::chaos::order_log::{OrderEntry, OrderReply};
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
    report_of(facts, &verdict(facts), &circumstances)
}

fn order(run: &mut RunLog, node: usize, at_us: u64, token: u64, id: u64, answer: OrderReply) {
    let name = run.nodes[node].name.clone();
    let events = &mut run.nodes[node].events;
    events.push(Event::Send { at_us, token, id });
    events.push(Event::Answered { at_us: at_us + 50, token, id, answer });
    if answer == OrderReply::Accepted {
        run.orders.push(OrderEntry::Order { at_us: at_us + 40, node: name, token, id });
    }
}

fn renew(run: &mut RunLog, node: usize, at_us: u64, token: u64) {
    run.nodes[node].events.push(Event::Renew { at_us, token, deadline_us: at_us + OWN });
}

fn elect(run: &mut RunLog, node: usize, granted_us: u64, token: u64) {
    let at_us = granted_us + 100;
    let name = run.nodes[node].name.clone();
    run.nodes[node].events.push(Event::Lead { at_us, granted_us, token, deadline_us: granted_us + OWN });
    run.orders.push(OrderEntry::Fence { at_us, node: name, token });
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
        order(run, node, due_us, token, id, OrderReply::Accepted);
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
        order(&mut run, 1, EXPIRY + 110 + (id - 18) * 60, 2, id, OrderReply::Duplicate);
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
    let lost = run.orders.iter().position(|entry| matches!(entry, OrderEntry::Order { id: 22, .. }));
    run.orders.remove(lost.expect("A placed it"));
    let at = run
        .orders
        .iter()
        .position(|entry| matches!(entry, OrderEntry::Order { id: 23, .. }))
        .expect("placed");
    let by_heir = OrderEntry::Order { at_us: EXPIRY + 180, node: "B".into(), token: 2, id: 22 };
    run.orders.insert(at, by_heir);
    for event in &mut run.nodes[1].events {
        if let Event::Answered { id: 22, answer, .. } = event {
            *answer = OrderReply::Accepted;
        }
    }
    let events = &mut run.nodes[0].events;
    events.push(Event::Answered { at_us: woken_us + 50, token: 1, id: 22, answer: OrderReply::Stale });
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
