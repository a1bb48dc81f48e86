//! However requests, answers and pauses of several nodes interleave: never two leaders, tokens rise with
//! every election, and the order log takes each order once and none under an older token.

use mmops::testing::lease;
use mmops::testing::lease::{Lease, Refusal, Tenure};
use mmops::testing::order_log::{OrderEntry, OrderLogState, OrderReply};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseError;

const TTL_US: u64 = 1000;
const NODES: usize = 3;

/// One step of one node, after which time passes.
#[derive(Clone, Copy, Debug)]
struct Step {
    node: usize,
    what: What,
    pause_us: u64,
}

/// A request takes three steps, so that the node can be paused, for any time, before the store or the log
/// sees it and again before it sees the answer.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Ask: to be elected when following, to extend when leading.
    Ask,
    /// The request reaches the store, or the order the log.
    Arrive,
    /// The answer reaches the node.
    Hear,
    /// Decide to place the next order, if the deadline allows it.
    Send,
    /// Give the lease up.
    Release,
    /// Somebody deletes the lease.
    Delete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = prop_oneof![
        4 => Just(What::Ask),
        6 => Just(What::Arrive),
        6 => Just(What::Hear),
        4 => Just(What::Send),
        1 => Just(What::Release),
    ];
    // Mostly short, with pauses longer than the lease among them.
    let pause = prop_oneof![8 => 0..TTL_US / 8, 2 => 0..TTL_US, 1 => TTL_US..3 * TTL_US];
    let step = (0..NODES, what, pause).prop_map(|(node, what, pause_us)| Step { node, what, pause_us });
    prop::collection::vec(step, 1..400)
}

#[derive(Clone, Debug, Default)]
struct Node {
    name: String,
    tenure: Option<Tenure>,
    asked_us: Option<u64>,
    answer: Option<Result<Lease, Refusal>>,
    order: Option<(u64, u64)>,
    next: u64,
}

#[derive(Default)]
struct World {
    now_us: u64,
    lease: Option<Lease>,
    issued: u64,
    /// Whether somebody took the lease away from under its owner.
    deleted: bool,
    /// The token of every election.
    elections: Vec<u64>,
    log: Vec<OrderEntry>,
    state: OrderLogState,
    nodes: Vec<Node>,
}

impl World {
    fn new() -> Self {
        let node = |index| Node { name: format!("N{index}"), next: 1, ..Node::default() };
        Self { nodes: (0..NODES).map(node).collect(), ..Self::default() }
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step.what {
            What::Ask => {
                let node = &mut self.nodes[step.node];
                if node.asked_us.is_none() && node.tenure.is_none_or(|tenure| tenure.may_act(self.now_us)) {
                    node.asked_us = Some(self.now_us);
                }
            }
            What::Arrive => self.arrive(step.node)?,
            What::Hear => self.hear(step.node),
            What::Send => {
                let node = &mut self.nodes[step.node];
                if let (Some(tenure), None) = (node.tenure, node.order)
                    && tenure.may_act(self.now_us)
                {
                    node.order = Some((tenure.token, node.next));
                }
            }
            What::Release => self.release(step.node),
            What::Delete => {
                self.lease = None;
                self.deleted = true;
            }
        }
        self.now_us += step.pause_us;
        for node in &mut self.nodes {
            if node.tenure.is_some_and(|tenure| !tenure.may_act(self.now_us)) {
                node.tenure = None;
            }
        }
        Ok(())
    }

    /// What is on its way from the node arrives: an order at the log, or a request at the store.
    fn arrive(&mut self, index: usize) -> Result<(), TestCaseError> {
        if let Some((token, id)) = self.nodes[index].order.take() {
            let highest = self.log.iter().map(token_of).max().unwrap_or(0);
            match self.state.offer(token, id) {
                OrderReply::Accepted => {
                    prop_assert!(token >= highest, "token {token} was taken after {highest}");
                    let taken = |entry: &OrderEntry| matches!(entry, OrderEntry::Order { id: known, .. } if *known == id);
                    prop_assert!(!self.log.iter().any(taken), "order {id} was taken twice");
                    let node = self.nodes[index].name.clone();
                    self.write(OrderEntry::Order { at_us: self.now_us, node, token, id });
                    self.nodes[index].next = id + 1;
                }
                OrderReply::Duplicate => self.nodes[index].next = id + 1,
                OrderReply::Stale => {
                    prop_assert!(token < highest);
                    self.nodes[index].tenure = None;
                }
            }
            return Ok(());
        }
        let node = &self.nodes[index];
        if node.asked_us.is_none() || node.answer.is_some() {
            return Ok(());
        }
        let current = self.lease.as_ref();
        let answer = match node.tenure {
            Some(tenure) => lease::extend(current, self.now_us, &node.name, tenure.token, TTL_US),
            None => lease::acquire(current, self.issued, self.now_us, &node.name, TTL_US),
        };
        if let Ok(granted) = &answer {
            let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, other) in others {
                let leads = other.tenure.is_some_and(|tenure| tenure.may_act(self.now_us));
                prop_assert!(!leads || self.deleted, "{} was elected while {} leads", node.name, other.name);
            }
            if node.tenure.is_none() {
                let last = self.elections.last().copied().unwrap_or(0);
                prop_assert!(granted.token > last, "token {} after {last}", granted.token);
                self.elections.push(granted.token);
                self.issued = granted.token;
            }
            self.lease = Some(granted.clone());
        }
        self.nodes[index].answer = Some(answer);
        Ok(())
    }

    /// The node hears the answer: its deadline counts from when it asked.
    fn hear(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let Some(answer) = node.answer.take() else { return };
        let asked_us = node.asked_us.take().expect("an answer follows a request");
        match answer {
            Ok(granted) => {
                let elected = node.tenure.is_none_or(|tenure| tenure.token != granted.token);
                let tenure = Tenure::granted(granted.token, asked_us, TTL_US);
                node.tenure = tenure.may_act(self.now_us).then_some(tenure);
                let (name, token) = (node.name.clone(), granted.token);
                if elected && node.tenure.is_some() && self.state.admits(token) {
                    self.write(OrderEntry::Fence { at_us: self.now_us, node: name, token });
                    self.nodes[index].next = self.state.first_missing().saturating_sub(2).max(1);
                }
            }
            Err(_) => node.tenure = None,
        }
    }

    fn release(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.asked_us.is_none()
            && let Some(tenure) = node.tenure.take()
            && let Ok(free) = lease::release(self.lease.as_ref(), self.now_us, &node.name, tenure.token)
        {
            self.lease = Some(free);
        }
    }

    fn write(&mut self, entry: OrderEntry) {
        self.state.replay(&entry);
        self.log.push(entry);
    }
}

fn token_of(entry: &OrderEntry) -> u64 {
    let (OrderEntry::Fence { token, .. } | OrderEntry::Order { token, .. }) = *entry;
    token
}

/// Many cases: an order that overtakes an election is a rare interleaving. A failing case is printed.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn there_is_never_a_second_leader_nor_an_order_twice(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
            let leads = |node: &&Node| node.tenure.is_some_and(|tenure| tenure.may_act(world.now_us));
            prop_assert!(world.nodes.iter().filter(leads).count() <= 1, "two leaders");
        }
        let tokens: Vec<u64> = world.log.iter().map(token_of).collect();
        prop_assert!(tokens.is_sorted(), "{:?}", tokens);
        let ids = world.log.iter().filter(|entry| matches!(entry, OrderEntry::Order { .. })).count() as u64;
        prop_assert_eq!(world.state.first_missing(), ids + 1, "no gap and no order twice");
    }

    /// Deleting the lease by hand is a step-down that its owner learns of late: two nodes may believe for
    /// a while, but tokens still rise, and the log still takes nothing old and nothing twice.
    #[test]
    fn the_log_alone_protects_when_the_lease_is_deleted(
        steps in steps(),
        deletions in prop::collection::vec(any::<prop::sample::Index>(), 1..10),
    ) {
        let mut steps = steps;
        for at in deletions {
            let at = at.index(steps.len());
            steps.insert(at, Step { node: 0, what: What::Delete, pause_us: 1 });
        }
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
        }
        let tokens: Vec<u64> = world.log.iter().map(token_of).collect();
        prop_assert!(tokens.is_sorted(), "{:?}", tokens);
        prop_assert!(world.elections.is_sorted_by(|a, b| a < b), "{:?}", world.elections);
    }
}
