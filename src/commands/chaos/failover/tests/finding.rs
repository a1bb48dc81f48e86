//! What each run shows.

use super::*;

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
    run.orders.retain(|entry| matches!(entry, OrderEntry::Order { node, .. } if node == "A"));
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
    run.orders.push(OrderEntry::Order { at_us, node: "B".into(), token: 2, id: 22 });
    assert_eq!(examine(&plan(Scenario::Kill), &run).duplicates, 1);
    assert_eq!(wrong(Scenario::Kill, &run), [Question::Orders]);
}

#[test]
fn a_gap_in_the_log_is_found() {
    let mut run = killed();
    run.orders.retain(|entry| !matches!(entry, OrderEntry::Order { id: 30, .. }));
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
        answer: OrderReply::Accepted,
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
    run.orders.push(OrderEntry::Order { at_us, node: "A".into(), token: 1, id: 70 });
    assert_eq!(examine(&plan(Scenario::Stop), &run).older_accepted, 1);
    assert_eq!(wrong(Scenario::Stop, &run), [Question::Fencing]);
}

#[test]
fn a_pause_that_never_tried_the_fence_proves_nothing() {
    let mut run = paused();
    run.nodes[0].events.retain(|event| !matches!(event, Event::Answered { answer: OrderReply::Stale, .. }));
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
