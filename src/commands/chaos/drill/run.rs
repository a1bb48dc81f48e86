//! One run of the drill: two nodes as real processes, a signal for the one that leads, and everything
//! they left behind as a [`RunLog`]. It decides nothing.

use super::node;
use super::order_file;
use crate::commands::chaos::run_log::{
    DrillPlan, Event, InjectedFault, NodeLog, RunLog, SLACK_US, Scenario, micros,
};
use crate::journal;
use crate::lease::file::LeaseFile;
use crate::report::exit::Fault;
use crate::sys::proc::{Group, Streams};
use crate::sys::{clock, fsio, lock};
use rustix::process::Signal;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const NAMES: [&str; 2] = ["A", "B"];

/// How long the first election may take beyond the TTL before the run is given up.
const ELECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the next leader is watched, so that orders which came due during the takeover are placed.
const SETTLE: Duration = Duration::from_millis(700);

/// How much longer than the longest good takeover a leader stays paused, and a takeover is waited for.
const MARGIN: Duration = Duration::from_millis(300);

/// How long a node may take to end when it is told to.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for the kernel to confirm a signal, and for a leader to have an order on its way.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a leader is tried to be caught with an order on its way.
const CATCH_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(crate) struct Drill {
    /// The running binary; the nodes are started from it.
    pub(crate) binary: PathBuf,
    pub(crate) plan: DrillPlan,
}

impl Drill {
    /// Runs the drill in `dir`, which is empty; `stop` ends it early. Nothing it started survives it.
    pub(crate) fn run(&self, dir: &Path, stop: &dyn Fn() -> Result<(), Fault>) -> anyhow::Result<RunLog> {
        let mut run = ActiveRun::start(self, dir, stop)?;
        run.watch()?;
        run.finish()
    }
}

struct NodeProcess {
    name: &'static str,
    group: Group,
    tail: EventTail,
}

struct ActiveRun<'a> {
    plan: &'a DrillPlan,
    dir: &'a Path,
    stop: &'a dyn Fn() -> Result<(), Fault>,
    origin_us: u64,
    nodes: Vec<NodeProcess>,
    fault: Option<InjectedFault>,
    defects: Vec<String>,
}

impl<'a> ActiveRun<'a> {
    fn start(
        drill: &'a Drill,
        dir: &'a Path,
        stop: &'a dyn Fn() -> Result<(), Fault>,
    ) -> anyhow::Result<Self> {
        let origin_us = clock::boot_us();
        let mut nodes = Vec::new();
        for name in NAMES {
            let argv = arguments(drill, dir, name, origin_us);
            let errors = fsio::append(&stderr_path(dir, name))?;
            let streams = Streams { stdin: None, stdout: Stdio::null(), stderr: Some(errors.into()) };
            let group = Group::spawn(&argv, dir, &[], streams);
            let group = group.map_err(|error| Fault::dependency(error.to_string()))?;
            nodes.push(NodeProcess { name, group, tail: EventTail::of(&node::events_path(dir, name)) });
        }
        Ok(Self { plan: &drill.plan, dir, stop, origin_us, nodes, fault: None, defects: Vec::new() })
    }

    /// Waits for a leader, then for the moment of the fault, and watches what follows.
    fn watch(&mut self) -> anyhow::Result<()> {
        let patience = self.plan.ttl + ELECTION_TIMEOUT;
        let Some(first_us) = self.wait(patience, Self::first_election)? else {
            self.defects.push(format!("nobody was elected within {} ms", patience.as_millis()));
            return Ok(());
        };
        self.sleep_until(first_us + micros(self.plan.after))?;
        match self.plan.scenario {
            Scenario::Healthy => return Ok(()),
            Scenario::Kill => self.kill()?,
            Scenario::Stop => self.pause()?,
        }
        self.sleep_until(clock::boot_us() + micros(SETTLE))
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        let Some(victim) = self.leader()? else {
            self.defects.push("nobody was leading when the leader was to be killed".to_owned());
            return Ok(());
        };
        let sent_us = clock::boot_us();
        self.nodes[victim].group.signal(Signal::KILL);
        if !confirmed(|| self.nodes[victim].group.has_ended()) {
            self.defects.push(format!("node {} survived SIGKILL", self.nodes[victim].name));
        }
        self.fault = Some(InjectedFault {
            victim: self.nodes[victim].name.to_owned(),
            sent_us,
            effective_us: clock::boot_us(),
            continued_us: None,
        });
        let patience = self.longest_takeover() + MARGIN.max(self.plan.ttl);
        self.wait(patience, |run| run.led_since(1 - victim, sent_us))?;
        Ok(())
    }

    /// Pauses the leader while an order of its is on the way, the worst moment: when it wakes it will
    /// send that order although its time is over, and only the log can refuse it. The log is held so that
    /// the order cannot arrive before the pause; that also keeps the pause out of the store's own step,
    /// where a stopped lock holder would keep everybody out.
    fn pause(&mut self) -> anyhow::Result<()> {
        let Some(victim) = self.leader()? else {
            self.defects.push("nobody was leading when the leader was to be paused".to_owned());
            return Ok(());
        };
        let held = lock::hold(&node::orders_path(self.dir), CATCH_TIMEOUT);
        if let Err(outage) = &held {
            self.defects.push(format!("the order log could not be held: {outage}"));
        }
        let held_us = clock::boot_us();
        let give_up_us = held_us + micros(CATCH_TIMEOUT);
        let (sent_us, effective_us) = loop {
            self.wait(CONFIRM_TIMEOUT, |run| run.is_sending(victim, held_us))?;
            let sent_us = clock::boot_us();
            self.nodes[victim].group.signal(Signal::STOP);
            if !confirmed(|| self.nodes[victim].group.has_stopped()) {
                self.defects.push(format!("node {} did not stop", self.nodes[victim].name));
            }
            let effective_us = clock::boot_us();
            // The node may have given the order up between the look and the stop. If none can be caught,
            // the judge will say that the fence was not tried.
            if self.is_sending(victim, held_us)?.is_some() || effective_us >= give_up_us {
                break (sent_us, effective_us);
            }
            self.nodes[victim].group.signal(Signal::CONT);
        };
        drop(held);
        let name = self.nodes[victim].name.to_owned();
        self.fault = Some(InjectedFault { victim: name, sent_us, effective_us, continued_us: None });
        self.sleep_until(effective_us + micros(self.longest_takeover() + MARGIN))?;
        let continued_us = clock::boot_us();
        self.nodes[victim].group.signal(Signal::CONT);
        if let Some(fault) = &mut self.fault {
            fault.continued_us = Some(continued_us);
        }
        Ok(())
    }

    /// Whether a node's last word is that it decided an order, since then.
    fn is_sending(&mut self, index: usize, since_us: u64) -> anyhow::Result<Option<()>> {
        let last = self.nodes[index].tail.read()?.events.last();
        Ok(matches!(last, Some(Event::Send { at_us, .. }) if *at_us >= since_us).then_some(()))
    }

    fn longest_takeover(&self) -> Duration {
        self.plan.ttl + Duration::from_micros(SLACK_US)
    }

    /// Ends the nodes, standby first, so that a released lease elects nobody; then reads what is left.
    fn finish(mut self) -> anyhow::Result<RunLog> {
        let ended_us = clock::boot_us();
        let leader = self.leader()?;
        let killed = self.fault.as_ref().filter(|fault| fault.continued_us.is_none());
        let killed = killed.map(|fault| fault.victim.clone());
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|index| Some(*index) == leader);
        for index in order {
            let name = self.nodes[index].name;
            if killed.as_deref() == Some(name) {
                continue;
            }
            if self.nodes[index].group.has_ended() {
                let error = last_stderr_line(&stderr_path(self.dir, name));
                self.defects.push(format!("node {name} ended by itself{error}"));
                continue;
            }
            self.nodes[index].group.signal(Signal::TERM);
            let gone = |run: &mut Self| Ok(run.nodes[index].group.has_ended().then_some(()));
            if self.wait(EXIT_TIMEOUT, gone)?.is_none() {
                self.defects.push(format!("node {name} did not end when it was told to"));
            }
        }
        let mut nodes = Vec::new();
        for process in &mut self.nodes {
            // Reading after the end, so that nothing is added later.
            let events = match process.tail.read() {
                Ok(tail) => tail.events.clone(),
                Err(error) => {
                    self.defects.push(error.to_string());
                    Vec::new()
                }
            };
            nodes.push(NodeLog { name: process.name.to_owned(), events });
        }
        let mut defects = self.defects;
        let orders = order_file::entries(&node::orders_path(self.dir)).unwrap_or_else(|error| {
            defects.push(format!("the order log cannot be read: {error}"));
            Vec::new()
        });
        let issued = LeaseFile::open(self.dir)?.issued().unwrap_or_else(|outage| {
            defects.push(format!("the issued tokens cannot be read: {outage}"));
            0
        });
        let origin_us = self.origin_us;
        Ok(RunLog { origin_us, ended_us, nodes, orders, issued, fault: self.fault, defects })
    }

    fn first_election(&mut self) -> anyhow::Result<Option<u64>> {
        let mut first = None;
        for process in &mut self.nodes {
            let found = process.tail.read()?.events.iter().find_map(|event| match event {
                Event::Lead { at_us, .. } => Some(*at_us),
                _ => None,
            });
            first = [first, found].into_iter().flatten().min();
        }
        Ok(first)
    }

    /// Which node leads, by its own account.
    fn leader(&mut self) -> anyhow::Result<Option<usize>> {
        let mut latest = None;
        for (index, process) in self.nodes.iter_mut().enumerate() {
            let last = process.tail.read()?.events.iter().rev().find_map(|event| match event {
                Event::Lead { token, .. } => Some(Some(*token)),
                Event::Down { .. } => Some(None),
                _ => None,
            });
            latest = latest.max(last.flatten().map(|token| (token, index)));
        }
        Ok(latest.map(|(_, index)| index))
    }

    fn led_since(&mut self, index: usize, since_us: u64) -> anyhow::Result<Option<()>> {
        let led = |event: &Event| matches!(event, Event::Lead { at_us, .. } if *at_us >= since_us);
        Ok(self.nodes[index].tail.read()?.events.iter().any(led).then_some(()))
    }

    /// Looks until `found` has something or `patience` is over.
    fn wait<T>(
        &mut self,
        patience: Duration,
        mut found: impl FnMut(&mut Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<Option<T>> {
        let due_us = clock::boot_us() + micros(patience);
        loop {
            (self.stop)()?;
            if let Some(value) = found(self)? {
                return Ok(Some(value));
            }
            if clock::boot_us() >= due_us {
                return Ok(None);
            }
            clock::nap(Duration::from_millis(2));
        }
    }

    fn sleep_until(&self, due_us: u64) -> anyhow::Result<()> {
        loop {
            (self.stop)()?;
            let left_us = due_us.saturating_sub(clock::boot_us());
            if left_us == 0 {
                return Ok(());
            }
            clock::nap(Duration::from_micros(left_us.min(20_000)));
        }
    }
}

fn arguments(drill: &Drill, dir: &Path, name: &str, origin_us: u64) -> Vec<OsString> {
    let micros = |duration: Duration| format!("{}us", duration.as_micros());
    let mut argv = vec![drill.binary.clone().into_os_string()];
    argv.extend(["chaos", "node", "--name", name, "--dir"].map(OsString::from));
    argv.push(dir.into());
    let parent = std::process::id().to_string();
    let (ttl, renew, origin) = (micros(drill.plan.ttl), micros(drill.plan.renew), origin_us.to_string());
    let rest = ["--ttl", &ttl, "--renew", &renew, "--origin-us", &origin, "--parent", &parent];
    argv.extend(rest.map(OsString::from));
    argv
}

fn stderr_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.stderr"))
}

/// The end of what a node wrote to stderr, for a reason in one line.
fn last_stderr_line(path: &Path) -> String {
    let text = fsio::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let last = text.unwrap_or_default().lines().last().unwrap_or_default().to_owned();
    if last.is_empty() { last } else { format!(": {last}") }
}

/// Waits, briefly and without looking at anything else, for the kernel to confirm a signal.
fn confirmed(done: impl Fn() -> bool) -> bool {
    let due_us = clock::boot_us() + micros(CONFIRM_TIMEOUT);
    loop {
        if done() {
            return true;
        }
        if clock::boot_us() >= due_us {
            return false;
        }
        clock::nap(Duration::from_micros(200));
    }
}

/// The events of a node, read as it writes them.
struct EventTail {
    reader: journal::Reader,
    events: Vec<Event>,
}

impl EventTail {
    fn of(path: &Path) -> Self {
        Self { reader: journal::Reader::new(path, node::EVENTS), events: Vec::new() }
    }

    /// Takes in what is complete; a killed node may leave half a line, which proves nothing.
    fn read(&mut self) -> Result<&Self, Fault> {
        self.reader.follow(|event| self.events.push(event))?;
        Ok(self)
    }
}
