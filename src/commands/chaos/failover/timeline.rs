//! The run as lines: `CHAOS t=<ms> role=<A|B> state=<..> lock=<..> idem_hits=<n>`, then its summary.

use super::finding::Finding;
use crate::commands::chaos::order_log::OrderReply;
use crate::commands::chaos::run_log::{Event, RunLog, StepDownReason, ms};

/// How many lines of a run are shown from its start and from its end.
const SHOWN: usize = 24;

/// The lines of a run, its time counted from the first election; `idem_hits` is what all nodes together had so far.
pub(crate) fn lines(run: &RunLog) -> Vec<String> {
    let mut events: Vec<(u64, &str, &'static str, &'static str)> = Vec::new();
    let mut hits: Vec<u64> = Vec::new();
    for node in &run.nodes {
        let mut leading = false;
        for event in &node.events {
            let state = match event {
                Event::Lead { .. } => {
                    leading = true;
                    ("leader", "acq")
                }
                Event::Renew { .. } => ("leader", "renew"),
                Event::RenewRefused { .. } => ("leader", "renew_fail"),
                Event::Outage { .. } => (if leading { "leader" } else { "follower" }, "outage"),
                Event::Answered { answer: OrderReply::Stale, .. } => ("follower", "fenced"),
                Event::Answered { answer: OrderReply::Duplicate, at_us, .. } => {
                    hits.push(*at_us);
                    continue;
                }
                Event::Down { why, .. } => {
                    leading = false;
                    match why {
                        StepDownReason::Deadline => ("follower", "expired"),
                        StepDownReason::Refused | StepDownReason::Fenced => ("follower", "lost"),
                        StepDownReason::Released => ("follower", "released"),
                    }
                }
                Event::Ready { .. } | Event::Send { .. } | Event::Answered { .. } | Event::Exit { .. } => {
                    continue;
                }
            };
            events.push((event.at_us(), &node.name, state.0, state.1));
        }
    }
    if let Some(fault) = &run.fault {
        let state = if fault.continued_us.is_some() { "paused" } else { "killed" };
        events.push((fault.effective_us, &fault.victim, state, "none"));
        if let Some(at_us) = fault.continued_us {
            events.push((at_us, &fault.victim, "resumed", "none"));
        }
    }
    events.retain(|(at_us, ..)| *at_us <= run.ended_us);
    events.sort_by_key(|(at_us, ..)| *at_us);
    let first = events.iter().find(|(.., lock)| *lock == "acq").map_or(run.origin_us, |(at_us, ..)| *at_us);
    let line = |(at_us, role, state, lock): &(u64, &str, &str, &str)| {
        let t = at_us.saturating_sub(first) / 1000;
        let hits = hits.iter().filter(|hit| *hit <= at_us).count();
        format!("CHAOS t={t} role={role} state={state} lock={lock} idem_hits={hits}")
    };
    if events.len() <= 2 * SHOWN {
        return events.iter().map(line).collect();
    }
    let mut lines: Vec<String> = events[..SHOWN].iter().map(line).collect();
    lines.push(format!("({} lines left out)", events.len() - 2 * SHOWN));
    lines.extend(events[events.len() - SHOWN..].iter().map(line));
    lines
}

/// `CHAOS_SUMMARY ...` over all runs: the longest takeover, -1 where a run had none.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let takeovers: Option<Vec<u64>> = findings.iter().map(|finding| finding.takeover_us).collect();
    let takeover = takeovers.and_then(|all| all.into_iter().max());
    let takeover = takeover.map_or_else(|| "-1".to_owned(), |us| ms(us).to_string());
    let hits: u64 = findings.iter().map(|finding| finding.idem_hits).sum();
    // A takeover is one switch of the leader; every further one would page somebody.
    let storm: u64 = findings.iter().map(|finding| finding.elections.saturating_sub(2)).sum();
    format!("CHAOS_SUMMARY takeover_ms={takeover} idem_hits_total={hits} alert_storm_counter={storm}")
}
