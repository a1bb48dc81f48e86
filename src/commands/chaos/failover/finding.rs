//! What one run of the drill shows. A run that proves nothing (no leader, no order, no fault, an unreadable
//! log) is a failed run.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::chaos::order_log::{self, OrderEntry, OrderReply};
use crate::commands::chaos::run_log::{
    DrillPlan, Event, GRACE_US, InjectedFault, NodeLog, RunLog, SLOT_US, Scenario, ms,
};
use std::collections::BTreeSet;

/// What one run showed. Counts of wrongs are 0 in a good run; `problems` says in words what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    /// From the signal to the next leader; `None` when nobody took over.
    pub(crate) takeover_us: Option<u64>,
    /// From the victim's last order in the log to the next leader's first.
    pub(crate) order_gap_us: Option<u64>,
    /// How often somebody was elected.
    pub(crate) elections: u64,
    /// For how long two nodes believed they lead and could act.
    pub(crate) dual_us: u64,
    /// Orders in the log.
    pub(crate) orders: u64,
    /// Ids that are in the log more than once.
    pub(crate) duplicates: u64,
    /// Orders that are missing.
    pub(crate) lost: u64,
    /// Orders that the log took under an older token than it had seen.
    pub(crate) older_accepted: u64,
    /// Orders that the log refused because their token was older.
    pub(crate) refused_stale: u64,
    /// Orders decided at or after the sender's own deadline.
    pub(crate) late_acts: u64,
    /// Repeated sends that the log recognised.
    pub(crate) idem_hits: u64,
    /// Times a store did not answer.
    pub(crate) outages: u64,
    /// What is wrong, by the question it answers.
    pub(crate) problems: Vec<Problem>,
}

/// The questions of the drill; each is one row of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Did the run happen as planned, and can all of it be read?
    Evidence,
    /// Was anybody elected, and exactly as often as planned?
    Elections,
    /// Did the standby take over in time?
    Takeover,
    /// Was there ever more than one leader?
    DualLeader,
    /// Is every order in the log exactly once?
    Orders,
    /// Was every older token refused, and was one tried?
    Fencing,
    /// Did every leader stop by itself at its own deadline?
    StepDown,
}

impl Question {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 7] = [
        Self::Evidence,
        Self::Elections,
        Self::Takeover,
        Self::DualLeader,
        Self::Orders,
        Self::Fencing,
        Self::StepDown,
    ];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Which question it answers with no.
    pub(crate) question: Question,
    /// One fragment for the operator.
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn add_problem(&mut self, question: Question, text: impl Into<String>) {
        self.problems.push(Problem { question, text: text.into() });
    }
}

/// A stretch in which a node believed it leads, `[from_us, until_us)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Belief {
    token: u64,
    from_us: u64,
    known_us: u64,
    until_us: u64,
}

pub(crate) fn examine(plan: &DrillPlan, run: &RunLog) -> Finding {
    let mut finding = Finding::default();
    for text in &run.defects {
        finding.add_problem(Question::Evidence, text);
    }
    let mut beliefs = Vec::new();
    for node in &run.nodes {
        beliefs.extend(read_node(node, run, &mut finding).into_iter().map(|belief| (node, belief)));
    }
    beliefs.sort_by_key(|(_, belief)| belief.from_us);
    examine_elections(plan, run, &beliefs, &mut finding);
    examine_dual(run, &beliefs, &mut finding);
    examine_orders(run, &mut finding);
    examine_takeover(plan, run, &beliefs, &mut finding);
    if plan.scenario == Scenario::Stop && finding.refused_stale == 0 {
        finding.add_problem(Question::Fencing, "the woken leader sent no order, so the fence was not tried");
    }
    finding
}

/// Reads one node's events: its beliefs, and on the way what it did too late and what it was refused.
fn read_node(node: &NodeLog, run: &RunLog, finding: &mut Finding) -> Vec<Belief> {
    let mut beliefs: Vec<Belief> = Vec::new();
    // Token and deadline while the node believes it leads.
    let mut deadline: Option<(u64, u64)> = None;
    if !matches!(node.events.first(), Some(Event::Ready { .. })) {
        finding.add_problem(Question::Evidence, format!("node {} never became ready", node.name));
    }
    if let Some(pair) = node.events.windows(2).find(|pair| pair[1].at_us() < pair[0].at_us()) {
        let text = format!("node {}: time ran backwards at {} us", node.name, pair[1].at_us());
        finding.add_problem(Question::Evidence, text);
    }
    for event in &node.events {
        match *event {
            Event::Lead { at_us, granted_us, token, deadline_us } => {
                let end_us = deadline_us.min(end_of(node, run));
                beliefs.push(Belief { token, from_us: granted_us, known_us: at_us, until_us: end_us });
                deadline = Some((token, deadline_us));
            }
            Event::Renew { token, deadline_us, .. } => match (beliefs.last_mut(), deadline) {
                (Some(belief), Some((held, _))) if held == token => {
                    belief.until_us = deadline_us.min(end_of(node, run));
                    deadline = Some((token, deadline_us));
                }
                _ => {
                    let text = format!("node {} renewed token {token} without leading", node.name);
                    finding.add_problem(Question::Evidence, text);
                }
            },
            Event::Down { at_us, .. } => {
                if let Some(belief) = beliefs.last_mut().filter(|_| deadline.is_some()) {
                    belief.until_us = belief.until_us.min(at_us).max(belief.from_us);
                }
                deadline = None;
            }
            Event::Send { at_us, token, id } => {
                let in_time = deadline.is_some_and(|(held, until)| held == token && at_us < until);
                if !in_time {
                    finding.late_acts += 1;
                    let text = format!(
                        "node {} decided {} under token {token} after its own deadline or without leading",
                        node.name,
                        order_log::name(id)
                    );
                    finding.add_problem(Question::StepDown, text);
                }
            }
            Event::Answered { answer: OrderReply::Stale, .. } => finding.refused_stale += 1,
            Event::Answered { answer: OrderReply::Duplicate, .. } => finding.idem_hits += 1,
            Event::Outage { .. } => finding.outages += 1,
            Event::Ready { .. }
            | Event::RenewRefused { .. }
            | Event::Answered { .. }
            | Event::Exit { .. } => {}
        }
    }
    beliefs
}

/// When the node stopped being able to act for good.
fn end_of(node: &NodeLog, run: &RunLog) -> u64 {
    match &run.fault {
        Some(fault) if fault.victim == node.name && fault.continued_us.is_none() => fault.effective_us,
        _ => run.ended_us.max(node.events.last().map_or(0, Event::at_us)),
    }
}

fn examine_elections(plan: &DrillPlan, run: &RunLog, beliefs: &[(&NodeLog, Belief)], finding: &mut Finding) {
    finding.elections = beliefs.len() as u64;
    let expected = plan.scenario.elections();
    if beliefs.is_empty() {
        finding.add_problem(Question::Elections, "nobody was ever elected");
    } else if finding.elections != expected {
        finding.add_problem(
            Question::Elections,
            format!("{} elections, expected {expected}", finding.elections),
        );
    }
    if let Some(pair) = beliefs.windows(2).find(|pair| pair[1].1.token <= pair[0].1.token) {
        let (old, new) = (pair[0].1.token, pair[1].1.token);
        finding.add_problem(Question::Elections, format!("token {new} was handed out after token {old}"));
    }
    let highest = beliefs.iter().map(|(_, belief)| belief.token).max().unwrap_or(0);
    if highest != run.issued {
        let text = format!("the store issued token {}, the nodes know of {highest}", run.issued);
        finding.add_problem(Question::Elections, text);
    }
}

fn examine_dual(run: &RunLog, beliefs: &[(&NodeLog, Belief)], finding: &mut Finding) {
    for (at, (node, mine)) in beliefs.iter().enumerate() {
        for (other, theirs) in &beliefs[at + 1..] {
            if node.name == other.name {
                continue;
            }
            let from_us = mine.from_us.max(theirs.from_us);
            let until_us = mine.until_us.min(theirs.until_us);
            if from_us >= until_us {
                continue;
            }
            let paused_us = [node, other].iter().map(|node| paused(run, node, from_us, until_us)).sum();
            let dual_us = (until_us - from_us).saturating_sub(paused_us);
            if dual_us > 0 {
                finding.dual_us += dual_us;
                let text = format!(
                    "{} (token {}) and {} (token {}) both led for {dual_us} us",
                    node.name, mine.token, other.name, theirs.token
                );
                finding.add_problem(Question::DualLeader, text);
            }
        }
    }
}

/// How much of `[from_us, until_us)` the node spent paused.
fn paused(run: &RunLog, node: &NodeLog, from_us: u64, until_us: u64) -> u64 {
    match &run.fault {
        Some(InjectedFault { victim, effective_us, continued_us: Some(continued_us), .. })
            if *victim == node.name =>
        {
            until_us.min(*continued_us).saturating_sub(from_us.max(*effective_us))
        }
        _ => 0,
    }
}

fn examine_orders(run: &RunLog, finding: &mut Finding) {
    let mut seen = BTreeSet::new();
    let mut highest_token = 0;
    for entry in &run.orders {
        let (OrderEntry::Fence { token, .. } | OrderEntry::Order { token, .. }) = *entry;
        let older = token < highest_token;
        highest_token = highest_token.max(token);
        if let OrderEntry::Order { id, ref node, .. } = *entry {
            finding.orders += 1;
            if older {
                finding.older_accepted += 1;
                let text = format!(
                    "the log took {} from {node} under token {token} after token {highest_token}",
                    order_log::name(id)
                );
                finding.add_problem(Question::Fencing, text);
            }
            if !seen.insert(id) {
                finding.duplicates += 1;
                let text = format!("{} is in the log twice", order_log::name(id));
                finding.add_problem(Question::Orders, text);
            }
        }
    }
    if finding.orders == 0 {
        finding.add_problem(Question::Orders, "no order was placed, so nothing was proven");
    }
    let acknowledged = |event: &Event| {
        let Event::Answered { id, answer: OrderReply::Accepted | OrderReply::Duplicate, .. } = *event else {
            return None;
        };
        Some(id)
    };
    let events = run.nodes.iter().flat_map(|node| &node.events);
    let mut expected: BTreeSet<u64> = events.filter_map(acknowledged).collect();
    let last = seen.last().copied().unwrap_or(0);
    let due = run.ended_us.saturating_sub(GRACE_US).saturating_sub(run.origin_us) / SLOT_US;
    expected.extend(1..=last.max(due));
    let missing: Vec<u64> = expected.difference(&seen).copied().collect();
    finding.lost = missing.len() as u64;
    if let [first, ..] = missing[..] {
        let text = format!("{} orders are missing, the first is {}", missing.len(), order_log::name(first));
        finding.add_problem(Question::Orders, text);
    }
}

fn examine_takeover(plan: &DrillPlan, run: &RunLog, beliefs: &[(&NodeLog, Belief)], finding: &mut Finding) {
    if plan.scenario == Scenario::Healthy {
        if run.fault.is_some() {
            finding.add_problem(Question::Evidence, "a fault was injected into a healthy run");
        }
        return;
    }
    let Some(fault) = &run.fault else {
        finding.add_problem(Question::Takeover, "no leader was hit, so nothing was proven");
        return;
    };
    let led = |(node, belief): &&(&NodeLog, Belief)| {
        node.name == fault.victim && belief.known_us <= fault.sent_us && fault.sent_us < belief.until_us
    };
    if !beliefs.iter().any(|belief| led(&belief)) {
        let text = format!("node {} was not leading when it was hit", fault.victim);
        finding.add_problem(Question::Takeover, text);
    }
    if plan.scenario == Scenario::Stop {
        let pause = fault.continued_us.map(|continued| continued.saturating_sub(fault.effective_us));
        if pause.is_none_or(|pause| pause <= plan.ttl_us()) {
            finding.add_problem(Question::Evidence, "the leader was not paused for longer than the TTL");
        }
    }
    let next =
        |(node, belief): &&(&NodeLog, Belief)| node.name != fault.victim && belief.known_us >= fault.sent_us;
    let Some((successor, belief)) = beliefs.iter().find(next) else {
        finding.add_problem(Question::Takeover, "nobody took over");
        return;
    };
    let takeover_us = belief.known_us - fault.sent_us;
    finding.takeover_us = Some(takeover_us);
    let limit_us = plan.takeover_limit_us();
    if takeover_us > limit_us {
        let text = format!("takeover took {} ms, the limit is {} ms", ms(takeover_us), ms(limit_us));
        finding.add_problem(Question::Takeover, text);
    }
    let before = placed(run, &fault.victim).filter(|at_us| *at_us <= fault.effective_us).last();
    let after = placed(run, &successor.name).find(|at_us| *at_us >= belief.from_us);
    match (before, after) {
        (Some(before), Some(after)) => finding.order_gap_us = Some(after.saturating_sub(before)),
        (None, _) => {
            finding.add_problem(Question::Orders, "the first leader placed no order before it was hit");
        }
        (_, None) => finding.add_problem(Question::Orders, "the next leader placed no order"),
    }
}

/// When the log took the orders of one node.
fn placed<'a>(run: &'a RunLog, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    run.orders.iter().filter_map(move |entry| match entry {
        OrderEntry::Order { at_us, node, .. } if node == name => Some(*at_us),
        OrderEntry::Order { .. } | OrderEntry::Fence { .. } => None,
    })
}
