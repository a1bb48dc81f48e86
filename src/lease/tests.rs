//! The rules of the lease by table, and its store under real contention and real damage.

use super::file::LeaseFile;
use super::{Lease, LeaseError, Refusal, Tenure, acquire, cell, extend, release};
use crate::sys::{clock, fsio, lock};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

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

const TTL_US: u64 = 60_000_000;

fn store() -> (TempDir, LeaseFile) {
    let dir = fsio::scratch_dir("lease").expect("a directory");
    let store = LeaseFile::open(dir.path()).expect("a store");
    (dir, store)
}

fn elected(store: &LeaseFile, owner: &str) -> Lease {
    store.acquire(owner, TTL_US).expect("elected")
}

/// A refusal is an answer; an outage is none.
fn is_outage(answer: &Result<Lease, LeaseError>) -> bool {
    matches!(answer, Err(LeaseError::Outage(_)))
}

#[test]
fn the_store_elects_extends_and_releases_for_its_owner_alone() {
    let (_dir, store) = store();
    assert_eq!((store.peek(), store.issued()), (Ok(None), Ok(0)));
    let lease = elected(&store, "A");
    assert_eq!(store.peek(), Ok(Some(lease.clone())));
    assert_eq!(store.acquire("B", TTL_US), Err(LeaseError::Refused(Refusal::Held)));
    assert_eq!(store.extend("B", lease.token, TTL_US), Err(LeaseError::Refused(Refusal::NotOwner)));
    let later = store.extend("A", lease.token, TTL_US).expect("extended");
    assert!(later.renewed_us >= lease.renewed_us);
    assert_eq!(store.release("B", lease.token), Err(LeaseError::Refused(Refusal::NotOwner)));
    store.release("A", lease.token).expect("released");
    assert_eq!(elected(&store, "B").token, 2);
}

#[test]
fn a_deleted_lease_is_a_step_down_and_the_token_still_rises() {
    let (dir, store) = store();
    elected(&store, "A");
    fsio::remove(&dir.path().join("lease")).expect("removed");
    assert_eq!(store.extend("A", 1, TTL_US), Err(LeaseError::Refused(Refusal::NotOwner)));
    assert_eq!(elected(&store, "B").token, 2);
}

/// Every way in which the lease can be unreadable is an outage for everybody; none of them frees it.
#[test]
fn a_damaged_lease_is_an_outage_and_never_free() {
    let (dir, store) = store();
    elected(&store, "A");
    let path = dir.path().join("lease");
    let good = fsio::read_text(&path).expect("readable");
    let json: Value = serde_json::from_str(good.lines().next().expect("a line")).expect("JSON");
    let whole = |change: &dyn Fn(&mut Value)| {
        let mut json = json.clone();
        change(&mut json);
        let spare = dir.path().join("spare");
        cell::write(&spare, &json).expect("written");
        fsio::read_text(&spare).expect("readable")
    };
    let damaged = [
        String::new(),
        "\n".to_owned(),
        good[..good.len() / 2].to_owned(),
        format!("{good}{good}"),
        " ".repeat(good.len()),
        good.replace("\"token\":1", "\"token\":2"),
        good.replace("lease.v1", "lease.v9"),
        whole(&|json| json["schema"] = "mmops.chaos-lease.v9".into()),
        whole(&|json| json["lease"]["token"] = (-1).into()),
        whole(&|json| json["lease"]["token"] = u64::MAX.into()),
        whole(&|json| json["lease"]["boss"] = "A".into()),
        whole(&|json| json["lease"]["renewed_us"] = (1_u64 << 62).into()),
        whole(&|json| *json = Value::Null),
    ];
    for text in damaged {
        assert_ne!(text, good, "the damage did nothing");
        fsio::write_atomic(&path, text.as_bytes()).expect("written");
        assert!(store.peek().is_err(), "{text}");
        assert!(is_outage(&store.acquire("B", TTL_US)), "{text}");
        assert!(is_outage(&store.extend("A", 1, TTL_US)), "{text}");
        assert!(is_outage(&store.release("A", 1)), "{text}");
        assert_eq!(fsio::read_text(&path).expect("readable"), text, "evidence is not overwritten");
    }
    fsio::write_atomic(&path, good.as_bytes()).expect("written");
    assert!(store.extend("A", 1, TTL_US).is_ok(), "and it recovers");

    fsio::remove(&path).expect("removed");
    fsio::create_dir(&path).expect("created");
    assert!(is_outage(&store.acquire("B", TTL_US)), "a directory in its place is not a free lease");
}

#[test]
fn a_damaged_token_counter_is_an_outage() {
    let (dir, store) = store();
    elected(&store, "A");
    let path = dir.path().join("token");
    cell::write(&path, &u64::MAX).expect("written");
    let last = fsio::read_text(&path).expect("readable");
    for text in ["", "1", "1\n", &last] {
        fsio::write_atomic(&path, text.as_bytes()).expect("written");
        assert!(is_outage(&store.extend("A", 1, TTL_US)), "{text:?}");
    }
}

#[test]
fn a_lease_of_an_earlier_boot_is_over_and_its_token_is_not_reused() {
    let (dir, store) = store();
    elected(&store, "A");
    let path = dir.path().join("lease");
    let boot = fsio::read_text(Path::new("/proc/sys/kernel/random/boot_id")).expect("a boot");
    let mut record: Value = cell::read(&path).expect("no outage").expect("a record");
    assert_eq!(record["boot"], boot.trim());
    record["boot"] = "another".into();
    cell::write(&path, &record).expect("written");
    assert_eq!(store.extend("A", 1, TTL_US), Err(LeaseError::Refused(Refusal::NotOwner)));
    assert_eq!(elected(&store, "B").token, 2);
}

#[test]
fn a_lock_that_is_not_released_is_an_outage_after_its_budget() {
    let (dir, store) = store();
    elected(&store, "A");
    let held = lock::hold(&dir.path().join("lease.lock"), Duration::ZERO).expect("free");
    let started = clock::monotonic();
    assert!(is_outage(&store.acquire("B", TTL_US)));
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
    assert!(store.peek().is_ok(), "looking needs no lock");
    drop(held);
    assert_eq!(store.acquire("B", TTL_US), Err(LeaseError::Refused(Refusal::Held)));
}

#[test]
fn a_lock_on_a_file_that_was_replaced_excludes_nobody_and_is_taken_again() {
    let dir = fsio::scratch_dir("lock").expect("a directory");
    let path = dir.path().join("x.lock");
    let old = lock::hold(&path, Duration::ZERO).expect("free");
    fsio::remove(&path).expect("removed");
    let new = lock::hold(&path, Duration::ZERO).expect("the new file is free");
    assert!(lock::hold(&path, Duration::ZERO).is_err(), "and now it is not");
    drop((old, new));
}

/// Eight contenders, five hundred elections each: the lease is held by one at a time, and every token is
/// handed out once.
#[test]
fn contending_threads_never_hold_the_lease_together() {
    let (_dir, store) = store();
    let inside = AtomicUsize::new(0);
    let due_us = clock::boot_us() + 60_000_000;
    let tokens: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let contender = |owner: usize| {
            let (store, inside) = (&store, &inside);
            move || {
                let owner = format!("N{owner}");
                let mut tokens = Vec::new();
                while tokens.len() < 500 {
                    assert!(clock::boot_us() < due_us, "the store stopped answering");
                    // As a node does: look first, so that the store is not kept busy with refusals.
                    if store.peek().is_ok_and(|lease| lease.is_some_and(|lease| lease.owner.is_some())) {
                        clock::nap(Duration::from_micros(20));
                        continue;
                    }
                    // A busy machine may exceed the lock's budget; that is an outage, not a defect.
                    let Ok(lease) = store.acquire(&owner, TTL_US) else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two leaders");
                    if tokens.len() % 5 == 0 {
                        assert_ne!(
                            store.extend(&owner, lease.token, TTL_US),
                            Err(LeaseError::Refused(Refusal::NotOwner))
                        );
                    }
                    tokens.push(lease.token);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    while store.release(&owner, lease.token).is_err() {
                        assert!(clock::boot_us() < due_us, "the store stopped answering");
                    }
                }
                tokens
            }
        };
        let threads: Vec<_> = (0..8).map(|owner| scope.spawn(contender(owner))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    for mine in &tokens {
        assert!(mine.is_sorted_by(|a, b| a < b), "tokens rise");
    }
    let all: BTreeSet<u64> = tokens.iter().flatten().copied().collect();
    assert_eq!(all.len(), 8 * 500, "no token twice");
    assert_eq!(store.issued(), Ok(4000));
}
