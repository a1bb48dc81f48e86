//! One contending node: stands by until the lease it read expires, asks to be elected, and while it leads
//! extends its lease and places every order that is due. It stops by itself at its own deadline, whether
//! or not the store answers.

use super::order_file::OrderFile;
use crate::commands::chaos::order_log::OrderReply;
use crate::commands::chaos::run_log::{Event, SLOT_US, StepDownReason, micros};
use crate::journal::{Durability, Journal};
use crate::lease::file::LeaseFile;
use crate::lease::{LeaseError, StoreOutage, Tenure};
use crate::report::exit::Fault;
use crate::sys::clock;
use crate::sys::signal::Cancel;
use anyhow::{Context as _, ensure};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time between two looks at the lease (a released one is free before its expiry) and at the
/// cancellation flag.
const POLL_US: u64 = 20_000;

/// How many orders before the first missing one a new leader sends again: it cannot know which of the
/// last ones were acknowledged to its predecessor. The log recognises them by id.
const RESENT: u64 = 5;

#[derive(Clone, Debug)]
pub(crate) struct NodeSettings {
    /// `A` or `B`.
    pub(crate) name: String,
    /// Where the stores and the event log are.
    pub(crate) dir: PathBuf,
    /// How long a lease lasts without renewal.
    pub(crate) ttl: Duration,
    /// Time between two renewals.
    pub(crate) renew: Duration,
    /// From when orders are due.
    pub(crate) origin_us: u64,
}

/// Schema of the event log.
pub(crate) const EVENTS: &str = "mmops.chaos-events.v1";

pub(crate) fn events_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.events"))
}

pub(crate) fn orders_path(dir: &Path) -> PathBuf {
    dir.join("orders.log")
}

/// Contends until it is told to end; dies with its parent.
pub(crate) fn run(settings: &NodeSettings, parent: u32, cancel: &Cancel) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("failed to tie the node to its parent")?;
    // The parent may have ended before the line above took effect.
    let actual = getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
    ensure!(actual == Some(parent), Fault::usage("a node is started by `mmops chaos failover` only"));
    contend(settings, cancel)
}

/// Contends until it is told to end.
pub(crate) fn contend(settings: &NodeSettings, cancel: &Cancel) -> anyhow::Result<()> {
    let events = events_path(&settings.dir, &settings.name);
    let mut node = Node {
        name: &settings.name,
        ttl_us: micros(settings.ttl),
        renew_us: micros(settings.renew),
        origin_us: settings.origin_us,
        lease: LeaseFile::open(&settings.dir)?,
        orders: OrderFile::at(&orders_path(&settings.dir)),
        events: Journal::create::<Event>(&events, EVENTS, &settings.name, &[], Durability::Process)?,
        leading: None,
    };
    node.log(&Event::Ready { at_us: clock::boot_us() })?;
    while cancel.signal().is_none() {
        let wake_us = node.step()?;
        let wait_us = wake_us.saturating_sub(clock::boot_us()).min(POLL_US);
        clock::nap(Duration::from_micros(wait_us.max(100)));
    }
    node.end()
}

struct Node<'a> {
    name: &'a str,
    ttl_us: u64,
    renew_us: u64,
    origin_us: u64,
    lease: LeaseFile,
    orders: OrderFile,
    events: Journal,
    leading: Option<Leading>,
}

#[derive(Clone, Copy)]
struct Leading {
    tenure: Tenure,
    renew_at_us: u64,
    /// The next order to place; `None` until the order log has admitted this leader.
    next: Option<u64>,
}

impl Node<'_> {
    /// Does what is due and says when to look again.
    fn step(&mut self) -> anyhow::Result<u64> {
        match self.leading {
            None => self.stand_by(),
            Some(leading) => self.lead(leading),
        }
    }

    fn stand_by(&mut self) -> anyhow::Result<u64> {
        let now_us = clock::boot_us();
        match self.lease.peek() {
            Ok(Some(lease)) if lease.is_held(now_us) => return Ok(lease.expires_us()),
            Ok(_) => {}
            Err(outage) => {
                self.outage(&outage)?;
                return Ok(now_us + POLL_US);
            }
        }
        let asked_us = clock::boot_us();
        match self.lease.acquire(self.name, self.ttl_us) {
            Ok(lease) => {
                let tenure = Tenure::granted(lease.token, asked_us, self.ttl_us);
                self.log(&Event::Lead {
                    at_us: clock::boot_us(),
                    granted_us: lease.renewed_us,
                    token: lease.token,
                    deadline_us: tenure.deadline_us,
                })?;
                self.leading = Some(Leading { tenure, renew_at_us: asked_us + self.renew_us, next: None });
            }
            // Somebody else was faster; the next look shows until when to wait.
            Err(LeaseError::Refused(_)) => {}
            Err(LeaseError::Outage(outage)) => self.outage(&outage)?,
        }
        Ok(clock::boot_us())
    }

    fn lead(&mut self, mut leading: Leading) -> anyhow::Result<u64> {
        // Whatever held this process up, a pause included, its own deadline comes first.
        if !leading.tenure.may_act(clock::boot_us()) {
            return self.step_down(StepDownReason::Deadline);
        }
        if clock::boot_us() >= leading.renew_at_us {
            let asked_us = clock::boot_us();
            let token = leading.tenure.token;
            match self.lease.extend(self.name, token, self.ttl_us) {
                Ok(_) => {
                    leading.tenure = Tenure::granted(token, asked_us, self.ttl_us);
                    leading.renew_at_us = asked_us + self.renew_us;
                    let deadline_us = leading.tenure.deadline_us;
                    self.log(&Event::Renew { at_us: clock::boot_us(), token, deadline_us })?;
                }
                Err(LeaseError::Refused(reason)) => {
                    self.log(&Event::RenewRefused { at_us: clock::boot_us(), token, reason })?;
                    return self.step_down(StepDownReason::Refused);
                }
                Err(LeaseError::Outage(outage)) => {
                    self.outage(&outage)?;
                    leading.renew_at_us = clock::boot_us() + self.renew_us / 5;
                }
            }
            self.leading = Some(leading);
        }
        self.place_due(leading)
    }

    fn place_due(&mut self, mut leading: Leading) -> anyhow::Result<u64> {
        let token = leading.tenure.token;
        let mut id = match leading.next {
            Some(id) => id,
            None => match self.orders.fence(self.name, token) {
                Ok(Some(missing)) => missing.saturating_sub(RESENT).max(1),
                Ok(None) => return self.step_down(StepDownReason::Fenced),
                Err(outage) => {
                    self.outage(&outage)?;
                    return Ok(clock::boot_us() + POLL_US);
                }
            },
        };
        loop {
            let at_us = clock::boot_us();
            let due_us = self.origin_us + id * SLOT_US;
            if at_us < due_us || !leading.tenure.may_act(at_us) || at_us >= leading.renew_at_us {
                leading.next = Some(id);
                self.leading = Some(leading);
                return Ok(due_us.min(leading.renew_at_us).min(leading.tenure.deadline_us));
            }
            self.log(&Event::Send { at_us, token, id })?;
            match self.orders.place(self.name, token, id) {
                Ok(answer) => {
                    self.log(&Event::Answered { at_us: clock::boot_us(), token, id, answer })?;
                    if answer == OrderReply::Stale {
                        return self.step_down(StepDownReason::Fenced);
                    }
                    id += 1;
                }
                Err(outage) => {
                    self.outage(&outage)?;
                    leading.next = Some(id);
                    self.leading = Some(leading);
                    return Ok(clock::boot_us() + POLL_US / 2);
                }
            }
        }
    }

    fn step_down(&mut self, why: StepDownReason) -> anyhow::Result<u64> {
        if let Some(leading) = self.leading.take() {
            self.log(&Event::Down { at_us: clock::boot_us(), token: leading.tenure.token, why })?;
        }
        Ok(clock::boot_us())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if let Some(leading) = self.leading {
            self.step_down(StepDownReason::Released)?;
            if let Err(LeaseError::Outage(outage)) = self.lease.release(self.name, leading.tenure.token) {
                self.outage(&outage)?;
            }
        }
        self.log(&Event::Exit { at_us: clock::boot_us() })
    }

    fn outage(&mut self, outage: &StoreOutage) -> anyhow::Result<()> {
        self.log(&Event::Outage { at_us: clock::boot_us(), what: outage.to_string() })
    }

    /// A node whose evidence is lost must not go on, so a failed write ends it.
    fn log(&mut self, event: &Event) -> anyhow::Result<()> {
        Ok(self.events.append(event)?)
    }
}
