//! The stores under real contention and real damage, and a node whose store fails it.

use super::node::{self, Setup};
use super::order_file::{self, OrderFile};
use crate::commands::chaos::order_log::{Answer, Entry};
use crate::commands::chaos::verdict::{Event, Why};
use crate::lease::Outage;
use crate::lease::file::LeaseFile;
use crate::lease::{Lease, Refusal};
use crate::lease::{cell, flock};
use crate::sys::signal::Cancel;
use crate::sys::{clock, fsio};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const TTL_US: u64 = 60_000_000;

fn store() -> (TempDir, LeaseFile) {
    let dir = fsio::scratch_dir("lease").expect("a directory");
    let store = LeaseFile::open(dir.path()).expect("a store");
    (dir, store)
}

fn elected(store: &LeaseFile, owner: &str) -> Lease {
    store.acquire(owner, TTL_US).expect("no outage").expect("elected")
}

#[test]
fn the_store_elects_extends_and_releases_for_its_owner_alone() {
    let (_dir, store) = store();
    assert_eq!((store.peek(), store.issued()), (Ok(None), Ok(0)));
    let lease = elected(&store, "A");
    assert_eq!(store.peek(), Ok(Some(lease.clone())));
    assert_eq!(store.acquire("B", TTL_US), Ok(Err(Refusal::Held)));
    assert_eq!(store.extend("B", lease.token, TTL_US), Ok(Err(Refusal::NotOwner)));
    let later = store.extend("A", lease.token, TTL_US).expect("no outage").expect("extended");
    assert!(later.renewed_us >= lease.renewed_us);
    assert_eq!(store.release("B", lease.token), Ok(Err(Refusal::NotOwner)));
    store.release("A", lease.token).expect("no outage").expect("released");
    assert_eq!(elected(&store, "B").token, 2);
}

#[test]
fn a_deleted_lease_is_a_step_down_and_the_token_still_rises() {
    let (dir, store) = store();
    elected(&store, "A");
    fsio::remove(&dir.path().join("lease")).expect("removed");
    assert_eq!(store.extend("A", 1, TTL_US), Ok(Err(Refusal::NotOwner)));
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
        assert!(store.acquire("B", TTL_US).is_err(), "{text}");
        assert!(store.extend("A", 1, TTL_US).is_err(), "{text}");
        assert!(store.release("A", 1).is_err(), "{text}");
        assert_eq!(fsio::read_text(&path).expect("readable"), text, "evidence is not overwritten");
    }
    fsio::write_atomic(&path, good.as_bytes()).expect("written");
    assert!(store.extend("A", 1, TTL_US).expect("no outage").is_ok(), "and it recovers");

    fsio::remove(&path).expect("removed");
    fsio::create_dir(&path).expect("created");
    assert!(store.acquire("B", TTL_US).is_err(), "a directory in its place is not a free lease");
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
        assert!(store.extend("A", 1, TTL_US).is_err(), "{text:?}");
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
    assert_eq!(store.extend("A", 1, TTL_US), Ok(Err(Refusal::NotOwner)));
    assert_eq!(elected(&store, "B").token, 2);
}

#[test]
fn a_lock_that_is_not_released_is_an_outage_after_its_budget() {
    let (dir, store) = store();
    elected(&store, "A");
    let held = flock::lock(&dir.path().join("lease.lock"), Duration::ZERO).expect("free");
    let started = clock::monotonic();
    assert!(store.acquire("B", TTL_US).is_err());
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
    assert!(store.peek().is_ok(), "looking needs no lock");
    drop(held);
    assert_eq!(store.acquire("B", TTL_US), Ok(Err(Refusal::Held)));
}

#[test]
fn a_lock_on_a_file_that_was_replaced_excludes_nobody_and_is_taken_again() {
    let dir = fsio::scratch_dir("flock").expect("a directory");
    let path = dir.path().join("x.lock");
    let old = flock::lock(&path, Duration::ZERO).expect("free");
    fsio::remove(&path).expect("removed");
    let new = flock::lock(&path, Duration::ZERO).expect("the new file is free");
    assert!(flock::lock(&path, Duration::ZERO).is_err(), "and now it is not");
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
                    let Ok(Ok(lease)) = store.acquire(&owner, TTL_US) else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two leaders");
                    if tokens.len() % 5 == 0 {
                        assert_ne!(store.extend(&owner, lease.token, TTL_US), Ok(Err(Refusal::NotOwner)));
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

#[test]
fn contending_writers_place_every_order_once() {
    let dir = fsio::scratch_dir("orders").expect("a directory");
    let path = dir.path().join("orders.log");
    let accepted: usize = std::thread::scope(|scope| {
        let writer = |name: usize| {
            let mut log = OrderFile::at(&path);
            move || {
                let mut accepted = 0;
                for id in 1..=300 {
                    let answer = std::iter::repeat_with(|| log.place(&format!("N{name}"), 1, id));
                    let answer = answer.flatten().next().expect("an answer");
                    accepted += usize::from(answer == Answer::Accepted);
                }
                accepted
            }
        };
        let threads: Vec<_> = (0..4).map(|name| scope.spawn(writer(name))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(accepted, 300);
    let entries: Vec<Entry> = order_file::parse(&fsio::read(&path).expect("readable")).expect("whole");
    assert_eq!(entries.len(), 300);
}

#[test]
fn a_new_leader_fences_the_log_and_learns_where_to_go_on() {
    let dir = fsio::scratch_dir("orders").expect("a directory");
    let path = dir.path().join("orders.log");
    let (mut old, mut new) = (OrderFile::at(&path), OrderFile::at(&path));
    assert_eq!(old.fence("A", 1), Ok(Some(1)));
    assert_eq!(old.place("A", 1, 1), Ok(Answer::Accepted));
    assert_eq!(new.fence("B", 2), Ok(Some(2)));
    assert_eq!(old.place("A", 1, 2), Ok(Answer::Stale));
    assert_eq!(old.fence("A", 1), Ok(None));
    assert_eq!(new.place("B", 2, 1), Ok(Answer::Duplicate));
    assert_eq!(new.place("B", 2, 2), Ok(Answer::Accepted));
}

#[test]
fn half_a_line_in_the_log_is_cut_off_and_a_damaged_line_is_an_outage() {
    let dir = fsio::scratch_dir("orders").expect("a directory");
    let path = dir.path().join("orders.log");
    let mut log = OrderFile::at(&path);
    log.place("A", 1, 1).expect("placed");
    let whole = fsio::read_text(&path).expect("readable");
    fsio::write_atomic(&path, format!("{whole}{}", &whole[..whole.len() - 1]).as_bytes()).expect("written");
    assert_eq!(log.place("A", 1, 2), Ok(Answer::Accepted), "the torn line was never acknowledged");
    let entries: Vec<Entry> = order_file::parse(&fsio::read(&path).expect("readable")).expect("whole");
    assert_eq!(entries.len(), 2);

    fsio::write_atomic(&path, format!("{whole}nonsense\n").as_bytes()).expect("written");
    assert!(OrderFile::at(&path).place("B", 2, 3).is_err());
    fsio::write_atomic(&path, b"").expect("written");
    let outage: Result<Answer, Outage> = log.place("A", 1, 3);
    assert!(outage.is_err(), "a log that lost lines is not trusted");
}

/// A leader whose store is damaged goes on until its own deadline and not longer, counts the outages,
/// elects nobody over the damage, and comes back when the store does.
#[test]
fn a_leader_without_a_store_steps_down_at_its_own_deadline() {
    let (dir, store) = store();
    let setup = Setup {
        name: "A".into(),
        dir: dir.path().to_owned(),
        ttl: Duration::from_millis(200),
        renew: Duration::from_millis(60),
        origin_us: clock::boot_us(),
    };
    let cancel = Cancel::default();
    let events = || -> Vec<Event> {
        let bytes = fsio::read(&node::events_path(dir.path(), "A")).unwrap_or_default();
        order_file::parse(&bytes).expect("whole lines")
    };
    let leads = || events().iter().filter(|event| matches!(event, Event::Lead { .. })).count();
    let wait = |what: &dyn Fn() -> bool| {
        let due_us = clock::boot_us() + 10_000_000;
        while !what() {
            assert!(clock::boot_us() < due_us, "{:#?}", events());
            clock::nap(Duration::from_millis(2));
        }
    };
    std::thread::scope(|scope| {
        let node = scope.spawn(|| node::contend(&setup, &cancel));
        wait(&|| events().iter().any(|event| matches!(event, Event::Renew { .. })));
        let path = dir.path().join("lease");
        // Between two steps of the node, which would replace the damage.
        let lock = flock::lock(&dir.path().join("lease.lock"), Duration::from_secs(5)).expect("locked");
        let good = fsio::read(&path).expect("readable");
        fsio::write_atomic(&path, b"{").expect("written");
        drop(lock);
        wait(&|| events().iter().any(|event| matches!(event, Event::Down { .. })));
        clock::nap(Duration::from_millis(60));
        assert_eq!(leads(), 1, "nobody is elected over a damaged lease");
        assert!(store.peek().is_err());
        fsio::write_atomic(&path, &good).expect("written");
        wait(&|| leads() == 2);
        cancel.request(15);
        node.join().expect("no panic").expect("ended as it was told");
    });
    let events = events();
    let down = events.iter().find_map(|event| match event {
        Event::Down { at_us, why, .. } => Some((*at_us, *why)),
        _ => None,
    });
    let (down_us, why) = down.expect("it stepped down");
    assert_eq!(why, Why::Deadline);
    let deadline = events.iter().rev().find_map(|event| match event {
        Event::Renew { at_us, deadline_us, .. } if *at_us < down_us => Some(*deadline_us),
        _ => None,
    });
    let deadline_us = deadline.expect("it renewed");
    assert!(down_us >= deadline_us);
    let late = |event: &&Event| matches!(event, Event::Send { at_us, token: 1, .. } if *at_us >= deadline_us);
    assert_eq!(events.iter().find(late), None, "an order after the deadline");
    assert!(events.iter().any(|event| matches!(event, Event::Outage { .. })));
    assert!(matches!(events.last(), Some(Event::Exit { .. })));
}
