//! The leader lease: who may acquire, extend and release it, from (current lease, instant, owner, TTL).
//!
//! Instants are microseconds on one clock that all contenders share and that nobody can set, so a step
//! of the wall clock moves no expiry. Every election raises the fencing token; whoever holds the lease
//! also holds a [`Tenure`], its own earlier deadline, after which it must not act whatever the store says.

pub(crate) mod cell;
pub(crate) mod file;
pub(crate) mod flock;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A store did not answer, or its answer cannot be trusted. It never means that the lease is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outage(String);

impl Outage {
    /// An outage with its cause.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Outage {}

/// The lease as the store keeps it. A released lease stays, ownerless, so that its token is not lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Who leads; `None` once released.
    pub owner: Option<String>,
    /// The fencing token of this election.
    pub token: u64,
    /// When the owner acquired or last extended it.
    pub renewed_us: u64,
    /// How long it lasts from there.
    pub ttl_us: u64,
}

impl Lease {
    /// The first instant at which it no longer holds.
    pub fn expires_us(&self) -> u64 {
        self.renewed_us.saturating_add(self.ttl_us)
    }

    /// Whether somebody holds it at `now_us`.
    pub fn is_held(&self, now_us: u64) -> bool {
        self.owner.is_some() && now_us < self.expires_us()
    }
}

/// Why a request was turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody holds the lease until later.
    Held,
    /// The lease is another owner's, or of another election.
    NotOwner,
    /// It was the caller's, but its time is over.
    Expired,
}

/// Elects `owner` when nobody holds the lease; at the very instant of expiry nobody does.
///
/// `issued` is the highest token ever handed out, which the store keeps apart from the lease so that
/// deleting the lease (the manual step-down) cannot bring an old token back.
pub fn acquire(
    current: Option<&Lease>,
    issued: u64,
    now_us: u64,
    owner: &str,
    ttl_us: u64,
) -> Result<Lease, Refusal> {
    if current.is_some_and(|lease| lease.is_held(now_us)) {
        return Err(Refusal::Held);
    }
    let token = issued.max(current.map_or(0, |lease| lease.token)) + 1;
    Ok(Lease { owner: Some(owner.to_owned()), token, renewed_us: now_us, ttl_us })
}

/// Extends by the full TTL from now, for the owner of this election, strictly before expiry.
pub fn extend(
    current: Option<&Lease>,
    now_us: u64,
    owner: &str,
    token: u64,
    ttl_us: u64,
) -> Result<Lease, Refusal> {
    let lease = owned(current, owner, token)?;
    if !lease.is_held(now_us) {
        return Err(Refusal::Expired);
    }
    Ok(Lease { renewed_us: now_us, ttl_us, ..lease.clone() })
}

/// Gives the lease up; only its owner can, and only that of this election.
pub fn release(current: Option<&Lease>, now_us: u64, owner: &str, token: u64) -> Result<Lease, Refusal> {
    let lease = owned(current, owner, token)?;
    if !lease.is_held(now_us) {
        return Err(Refusal::Expired);
    }
    Ok(Lease { owner: None, ..lease.clone() })
}

fn owned<'a>(current: Option<&'a Lease>, owner: &str, token: u64) -> Result<&'a Lease, Refusal> {
    let mine = |lease: &&Lease| lease.owner.as_deref() == Some(owner) && lease.token == token;
    current.filter(mine).ok_or(Refusal::NotOwner)
}

/// A leader's own permission to act. It counts from the instant the request was *sent*, not from the
/// answer, and ends a margin before the store's expiry: however long the answer took, the leader has
/// stopped by itself before anybody else can be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// The fencing token shown with every order.
    pub token: u64,
    /// From this instant on the leader must not act.
    pub deadline_us: u64,
}

impl Tenure {
    /// The tenure of a lease that was asked for at `asked_us`.
    pub fn granted(token: u64, asked_us: u64, ttl_us: u64) -> Self {
        Self { token, deadline_us: asked_us.saturating_add(ttl_us - margin_us(ttl_us)) }
    }

    /// Whether an action may be decided at `now_us`.
    pub fn may_act(self, now_us: u64) -> bool {
        now_us < self.deadline_us
    }
}

/// How long before expiry a leader stops by itself: a tenth of the TTL, which covers the time between
/// looking at the deadline and the order reaching its log.
pub(crate) fn margin_us(ttl_us: u64) -> u64 {
    ttl_us / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with the counters that the case table speaks of, in milliseconds.
    #[derive(Default)]
    struct Table {
        lease: Option<Lease>,
        issued: u64,
        renew_fail: u64,
        ttl: u64,
    }

    impl Table {
        fn new(ttl: u64) -> Self {
            Self { ttl, ..Self::default() }
        }

        fn acquire(&mut self, now: u64, owner: &str) -> bool {
            match acquire(self.lease.as_ref(), self.issued, now, owner, self.ttl) {
                Ok(lease) => {
                    self.issued = lease.token;
                    self.lease = Some(lease);
                    true
                }
                Err(_) => false,
            }
        }

        fn renew(&mut self, now: u64, owner: &str) -> bool {
            let token = self.lease.as_ref().map_or(0, |lease| lease.token);
            let answer = extend(self.lease.as_ref(), now, owner, token, self.ttl);
            self.renew_fail += u64::from(answer.is_err());
            let renewed = answer.is_ok();
            self.lease = answer.ok().or(self.lease.take());
            renewed
        }

        fn expiry(&self) -> u64 {
            self.lease.as_ref().expect("a lease").expires_us()
        }
    }

    #[test]
    fn a_held_lease_is_free_again_at_its_expiry_and_not_before() {
        let mut table = Table::new(1000);
        assert!(table.acquire(0, "A"));
        assert!(!table.acquire(500, "B"));
        assert!(!table.acquire(999, "B"));
        assert!(table.acquire(1000, "B"));
        assert_eq!(table.issued, 2);
    }

    #[test]
    fn a_renewal_extends_by_the_full_ttl_and_only_strictly_before_expiry() {
        let mut table = Table::new(1000);
        table.acquire(0, "A");
        assert!(table.renew(500, "A"));
        assert_eq!(table.expiry(), 1500);

        let mut table = Table::new(1000);
        table.acquire(0, "A");
        assert!(!table.renew(1000, "A"));
        assert_eq!(table.renew_fail, 1);
    }

    #[test]
    fn only_the_owner_of_this_election_renews_or_releases() {
        let mut table = Table::new(1000);
        assert!(!table.renew(0, "A"), "never acquired");
        table.acquire(0, "A");
        assert!(!table.renew(100, "B"));
        assert_eq!(table.renew_fail, 2);

        let lease = table.lease.as_ref();
        assert_eq!(release(lease, 100, "B", 1), Err(Refusal::NotOwner));
        assert_eq!(release(lease, 1000, "A", 1), Err(Refusal::Expired));
        assert_eq!(extend(lease, 100, "A", 7, 1000), Err(Refusal::NotOwner), "another election's token");
        let free = release(lease, 100, "A", 1).expect("released");
        assert!(!free.is_held(100));
        assert_eq!(extend(Some(&free), 101, "A", 1, 1000), Err(Refusal::NotOwner));
        assert_eq!(acquire(Some(&free), 0, 101, "B", 1000).expect("elected").token, 2);
    }

    #[test]
    fn a_ttl_of_zero_is_over_at_the_same_instant() {
        let mut table = Table::new(0);
        assert!(table.acquire(0, "A"));
        assert!(table.acquire(0, "B"));
        assert!(!table.renew(0, "B"));
    }

    #[test]
    fn only_the_first_of_three_workers_at_the_same_instant_leads() {
        let mut table = Table::new(1000);
        assert_eq!(["A", "B", "C"].map(|owner| table.acquire(0, owner)), [true, false, false]);
        assert!(!table.acquire(1, "A"), "the leader extends; it is not elected again");
    }

    #[test]
    fn a_leader_that_keeps_renewing_is_not_replaced() {
        let mut table = Table::new(1000);
        table.acquire(0, "A");
        assert!(table.renew(500, "A") && table.renew(1000, "A"));
        assert!(!table.acquire(1800, "B"));
    }

    #[test]
    fn a_leader_that_renews_too_late_has_lost_to_the_next_one() {
        let mut table = Table::new(1000);
        table.acquire(0, "A");
        assert!(table.renew(500, "A") && table.renew(1200, "A"));
        assert!(!table.renew(2500, "A"));
        assert!(table.acquire(2500, "B"));
        assert_eq!(table.issued, 2, "two elections");
    }

    /// The earlier leader lock extended by the renewal interval, so a healthy leader lost its lease.
    #[test]
    fn two_healthy_nodes_hold_one_election_in_a_minute() {
        let mut table = Table::new(3000);
        table.acquire(0, "A");
        for now in (500..=60_000).step_by(500) {
            if now % 1500 == 0 {
                assert!(table.renew(now, "A"), "at {now}");
            }
            assert!(!table.acquire(now, "B"), "at {now}");
        }
        assert_eq!(table.issued, 1);
    }

    #[test]
    fn a_deleted_lease_does_not_bring_an_old_token_back() {
        assert_eq!(acquire(None, 7, 0, "A", 1000).expect("elected").token, 8);
    }

    #[test]
    fn a_leader_stops_by_itself_before_anybody_else_can_be_elected() {
        let lease = acquire(None, 0, 1_040, "A", 1_000).expect("elected");
        let tenure = Tenure::granted(lease.token, 1_000, 1_000);
        assert!(tenure.may_act(1_899));
        assert!(!tenure.may_act(1_900));
        assert!(tenure.deadline_us < lease.expires_us());
    }
}
