//! The leader lease: who may acquire, extend and release it, from (current lease, instant, owner, TTL).
//!
//! Instants are microseconds on one clock that all contenders share and that nobody can set, so a step
//! of the wall clock moves no expiry. Every election raises the fencing token; whoever holds the lease
//! also holds a [`Tenure`], its own earlier deadline, after which it must not act whatever the store says.

pub(crate) mod cell;
pub(crate) mod file;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A store did not answer, or its answer cannot be trusted. It never means that the lease is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreOutage(String);

impl StoreOutage {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for StoreOutage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreOutage {}

/// Why a store did not do what a node asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaseError {
    /// The lease says no.
    Refused(Refusal),
    /// Nobody knows what the lease says.
    Outage(StoreOutage),
}

impl From<Refusal> for LeaseError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreOutage> for LeaseError {
    fn from(outage: StoreOutage) -> Self {
        Self::Outage(outage)
    }
}

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
    pub ttl_us: u64,
}

impl Lease {
    /// The first instant at which it no longer holds.
    pub fn expires_us(&self) -> u64 {
        self.renewed_us.saturating_add(self.ttl_us)
    }

    pub fn is_held(&self, now_us: u64) -> bool {
        self.owner.is_some() && now_us < self.expires_us()
    }
}

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
    /// The tenure of a lease that was requested at `asked_us`.
    pub fn granted(token: u64, asked_us: u64, ttl_us: u64) -> Self {
        Self { token, deadline_us: asked_us.saturating_add(ttl_us - margin_us(ttl_us)) }
    }

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
mod tests;
