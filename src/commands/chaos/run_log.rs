//! What one run of the failover drill leaves behind: the event logs of two contending nodes, their order
//! log, and the fault that hit one of them.
//!
//! Definitions. All instants are microseconds on the one clock that the processes share.
//!
//! * A node *believes* it leads from the instant the store granted it the lease until it stepped down, or
//!   until its own deadline if it noticed later: every order is decided against that deadline.
//! * A node *can act* while it runs: not after a kill took effect, not while it is paused.
//! * A *dual-leader instant* is one at which two nodes both believe and both can act.
//! * *Takeover* runs from the moment the signal was sent to the moment the other node knew it leads.
//! * An order is *lost* when it was acknowledged and is not in the log, when a later one is in the log and
//!   it is not, or when it was due [`GRACE_US`] before the end and nobody placed it.
//! * An order is a *duplicate* when its id is in the log twice; a repeated send that the log recognised
//!   is none, it is an idempotency hit.

use crate::commands::chaos::order_log::{OrderEntry, OrderReply};
use crate::lease::Refusal;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A logical order is due every so often, whoever leads.
pub(crate) const SLOT_US: u64 = 50_000;

/// How late an order may be placed before the end of a run without counting as lost.
pub(crate) const GRACE_US: u64 = 500_000;

/// What a takeover may take beyond the TTL.
pub(crate) const SLACK_US: u64 = 200_000;

/// What happens to the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// SIGKILL.
    Kill,
    /// SIGSTOP for longer than the TTL while an order is on its way, then SIGCONT.
    Stop,
    /// Nothing.
    Healthy,
}

impl Scenario {
    /// How many elections a run of it has, no more and no fewer.
    pub(crate) fn elections(self) -> u64 {
        match self {
            Scenario::Kill | Scenario::Stop => 2,
            Scenario::Healthy => 1,
        }
    }
}

/// One line of a node's event log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    /// The node contends from here on.
    Ready { at_us: u64 },
    /// It was elected: `at_us` is when it knew, `granted_us` when the store granted the lease, which is
    /// earlier.
    Lead { at_us: u64, granted_us: u64, token: u64, deadline_us: u64 },
    /// It extended its lease.
    Renew { at_us: u64, token: u64, deadline_us: u64 },
    /// The store refused to extend.
    RenewRefused { at_us: u64, token: u64, reason: Refusal },
    /// A store did not answer; `at_us` is when the node gave up waiting.
    Outage { at_us: u64, what: String },
    /// It decided to place an order.
    Send { at_us: u64, token: u64, id: u64 },
    /// The order log answered.
    Answered { at_us: u64, token: u64, id: u64, answer: OrderReply },
    /// It noticed that it does not lead any more.
    Down { at_us: u64, token: u64, why: StepDownReason },
    /// It ended as it was told to.
    Exit { at_us: u64 },
}

/// Why a leader stopped leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepDownReason {
    /// Its own deadline passed.
    Deadline,
    /// The store said that the lease is not its any more.
    Refused,
    /// The order log had seen a newer token.
    Fenced,
    /// It was told to end and gave the lease up.
    Released,
}

impl Event {
    pub(crate) fn at_us(&self) -> u64 {
        match *self {
            Event::Ready { at_us }
            | Event::Lead { at_us, .. }
            | Event::Renew { at_us, .. }
            | Event::RenewRefused { at_us, .. }
            | Event::Outage { at_us, .. }
            | Event::Send { at_us, .. }
            | Event::Answered { at_us, .. }
            | Event::Down { at_us, .. }
            | Event::Exit { at_us } => at_us,
        }
    }
}

/// What one node left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeLog {
    /// `A` or `B`.
    pub(crate) name: String,
    /// Its events in the order it wrote them.
    pub(crate) events: Vec<Event>,
}

/// What was done to the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InjectedFault {
    /// The node that was hit.
    pub(crate) victim: String,
    pub(crate) sent_us: u64,
    /// When the kernel confirmed that the process was dead or stopped.
    pub(crate) effective_us: u64,
    /// When it was continued; `None` after a kill.
    pub(crate) continued_us: Option<u64>,
}

/// Everything one run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunLog {
    /// When the first order slot began to count.
    pub(crate) origin_us: u64,
    /// When observation ended; what the nodes do while they are being stopped proves nothing.
    pub(crate) ended_us: u64,
    pub(crate) nodes: Vec<NodeLog>,
    /// The order log, in its own order.
    pub(crate) orders: Vec<OrderEntry>,
    /// The highest token the lease store handed out.
    pub(crate) issued: u64,
    pub(crate) fault: Option<InjectedFault>,
    /// What went wrong with the drill itself: a node that ended by itself, a log that cannot be read.
    pub(crate) defects: Vec<String>,
}

/// What every run of a drill does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrillPlan {
    pub(crate) scenario: Scenario,
    /// How long a lease lasts without renewal.
    pub(crate) ttl: Duration,
    /// Time between two renewals.
    pub(crate) renew: Duration,
    /// When the leader is hit, counted from the first election; how long a healthy run is watched.
    pub(crate) after: Duration,
}

impl DrillPlan {
    pub(crate) fn ttl_us(&self) -> u64 {
        micros(self.ttl)
    }

    /// The longest takeover that is OK.
    pub(crate) fn takeover_limit_us(&self) -> u64 {
        self.ttl_us().saturating_add(SLACK_US)
    }
}

/// Microseconds of a duration.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded up, so that a takeover is never shown shorter than it was.
pub(crate) fn ms(us: u64) -> u64 {
    us.div_ceil(1000)
}
