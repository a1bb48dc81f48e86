//! The order log under real contention and real damage, and a node whose store fails it.

use super::node::{self, NodeSettings};
use super::order_file::{self, OrderFile};
use crate::commands::chaos::order_log::OrderReply;
use crate::commands::chaos::run_log::{Event, StepDownReason};
use crate::journal;
use crate::lease::StoreOutage;
use crate::lease::file::LeaseFile;
use crate::sys::signal::Cancel;
use crate::sys::{clock, fsio, lock};
use std::time::Duration;

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
                    accepted += usize::from(answer == OrderReply::Accepted);
                }
                accepted
            }
        };
        let threads: Vec<_> = (0..4).map(|name| scope.spawn(writer(name))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(accepted, 300);
    let entries = order_file::entries(&path).expect("whole");
    assert_eq!(entries.len(), 300);
}

#[test]
fn a_new_leader_fences_the_log_and_learns_where_to_go_on() {
    let dir = fsio::scratch_dir("orders").expect("a directory");
    let path = dir.path().join("orders.log");
    let (mut old, mut new) = (OrderFile::at(&path), OrderFile::at(&path));
    assert_eq!(old.fence("A", 1), Ok(Some(1)));
    assert_eq!(old.place("A", 1, 1), Ok(OrderReply::Accepted));
    assert_eq!(new.fence("B", 2), Ok(Some(2)));
    assert_eq!(old.place("A", 1, 2), Ok(OrderReply::Stale));
    assert_eq!(old.fence("A", 1), Ok(None));
    assert_eq!(new.place("B", 2, 1), Ok(OrderReply::Duplicate));
    assert_eq!(new.place("B", 2, 2), Ok(OrderReply::Accepted));
}

#[test]
fn half_a_line_in_the_log_is_cut_off_and_a_damaged_line_is_an_outage() {
    let dir = fsio::scratch_dir("orders").expect("a directory");
    let path = dir.path().join("orders.log");
    let mut log = OrderFile::at(&path);
    log.place("A", 1, 1).expect("placed");
    let whole = fsio::read_text(&path).expect("readable");
    fsio::write_atomic(&path, format!("{whole}{}", &whole[..20]).as_bytes()).expect("written");
    assert_eq!(log.place("A", 1, 2), Ok(OrderReply::Accepted), "the torn line was never acknowledged");
    let entries = order_file::entries(&path).expect("whole");
    assert_eq!(entries.len(), 2);

    fsio::write_atomic(&path, format!("{whole}nonsense\n").as_bytes()).expect("written");
    assert!(OrderFile::at(&path).place("B", 2, 3).is_err());
    fsio::write_atomic(&path, b"").expect("written");
    let outage: Result<OrderReply, StoreOutage> = log.place("A", 1, 3);
    assert!(outage.is_err(), "a log that lost lines is not trusted");
}

/// A leader whose store is damaged goes on until its own deadline and not longer, counts the outages,
/// elects nobody over the damage, and comes back when the store does.
#[test]
fn a_leader_without_a_store_steps_down_at_its_own_deadline() {
    let dir = fsio::scratch_dir("lease").expect("a directory");
    let store = LeaseFile::open(dir.path()).expect("a store");
    let settings = NodeSettings {
        name: "A".into(),
        dir: dir.path().to_owned(),
        ttl: Duration::from_millis(200),
        renew: Duration::from_millis(60),
        origin_us: clock::boot_us(),
    };
    let cancel = Cancel::default();
    let events = || -> Vec<Event> {
        let contents = journal::read::<String, Event>(&node::events_path(dir.path(), "A"), node::EVENTS);
        contents.expect("whole lines").map_or_else(Vec::new, |contents| contents.records)
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
        let node = scope.spawn(|| node::contend(&settings, &cancel));
        wait(&|| events().iter().any(|event| matches!(event, Event::Renew { .. })));
        let path = dir.path().join("lease");
        // Between two steps of the node, which would replace the damage.
        let lock = lock::hold(&dir.path().join("lease.lock"), Duration::from_secs(5)).expect("locked");
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
    assert_eq!(why, StepDownReason::Deadline);
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
