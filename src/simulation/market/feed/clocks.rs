//! The two clocks of a feed: receive times are moved behind exchange times, and the events are put into
//! one array that is in order on both clocks, with a copy for each clock where the orders differ.

use crate::simulation::market::feed::recording::Message;
use hftbacktest::types::{EXCH_EVENT, Event, LOCAL_EVENT, TRADE_EVENT};

/// The least time a message takes to reach us, added where the clocks disagree so much that a message
/// would arrive before it was sent: exchange times are cut to milliseconds, so up to one is unknown.
const LEAST_FEED_LATENCY_NS: i64 = 1_000_000;

/// How receive times become comparable with exchange times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Added to every receive time.
    pub(super) shift_ns: i64,
    /// The lowest feed latency as recorded; where a stream carries no time, its messages are taken to
    /// have left the exchange this long before they were received.
    lowest_latency_ns: i64,
}

impl Clocks {
    /// Measures the clocks of a recording.
    pub(super) fn measure(messages: &[Message]) -> Self {
        let latencies = messages.iter().filter_map(|message| Some(message.local_ns - message.exchange_ns?));
        let lowest_latency_ns = latencies.min().unwrap_or(0);
        let shift_ns = if lowest_latency_ns < 0 { LEAST_FEED_LATENCY_NS - lowest_latency_ns } else { 0 };
        Self { shift_ns, lowest_latency_ns }
    }

    /// Receive and exchange time of a message.
    pub(super) fn times(&self, message: &Message) -> (i64, i64) {
        let exchange_ns = message.exchange_ns.unwrap_or(message.local_ns - self.lowest_latency_ns);
        (message.local_ns + self.shift_ns, exchange_ns)
    }
}

/// Orders events on both clocks. Within one exchange time trades come before changes of the book: the
/// queue model takes traded quantity out of the change that the book shows afterwards, not before.
pub(super) fn on_both_clocks(events: &[Event]) -> Vec<Event> {
    let count = u32::try_from(events.len()).expect("a feed has fewer than 2^32 events");
    let at = |index: u32| &events[index as usize];
    let mut exchange: Vec<u32> = (0..count).collect();
    exchange.sort_by_key(|index| (at(*index).exch_ts, !at(*index).is(TRADE_EVENT)));
    let mut local: Vec<u32> = (0..count).collect();
    local.sort_by_key(|index| at(*index).local_ts);

    let mut sent = vec![false; events.len()];
    let mut ordered = Vec::with_capacity(events.len() + events.len() / 8);
    let mut push = |index: u32, flags: u64| {
        let mut event = at(index).clone();
        event.ev |= flags;
        ordered.push(event);
    };
    let mut exchange = exchange.into_iter();
    for index in local {
        if sent[index as usize] {
            push(index, LOCAL_EVENT);
            continue;
        }
        for next in exchange.by_ref() {
            sent[next as usize] = true;
            if next == index {
                push(index, EXCH_EVENT | LOCAL_EVENT);
                break;
            }
            push(next, EXCH_EVENT);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use hftbacktest::types::DEPTH_EVENT;

    fn event(ev: u64, exch_ts: i64, local_ts: i64) -> Event {
        Event { ev, exch_ts, local_ts, px: 1.0, qty: 1.0, order_id: 0, ival: 0, fval: 0.0 }
    }

    fn seen(events: &[Event], flag: u64) -> Vec<(i64, i64, bool)> {
        let seen = events.iter().filter(|event| event.is(flag));
        seen.map(|event| (event.exch_ts, event.local_ts, event.is(TRADE_EVENT))).collect()
    }

    #[test]
    fn events_in_the_same_order_on_both_clocks_are_kept_once() {
        let events = [event(DEPTH_EVENT, 1, 11), event(TRADE_EVENT, 2, 12), event(DEPTH_EVENT, 3, 13)];
        let ordered = on_both_clocks(&events);
        assert_eq!(ordered.len(), 3);
        assert!(ordered.iter().all(|event| event.is(EXCH_EVENT) && event.is(LOCAL_EVENT)));
    }

    #[test]
    fn a_late_message_is_early_for_the_exchange_and_late_for_us() {
        let events = [event(DEPTH_EVENT, 5, 11), event(DEPTH_EVENT, 6, 12), event(DEPTH_EVENT, 4, 13)];
        let ordered = on_both_clocks(&events);
        assert_eq!(seen(&ordered, EXCH_EVENT), [(4, 13, false), (5, 11, false), (6, 12, false)]);
        assert_eq!(seen(&ordered, LOCAL_EVENT), [(5, 11, false), (6, 12, false), (4, 13, false)]);
        assert_eq!(ordered.len(), 4);
    }

    #[test]
    fn a_trade_meets_the_exchange_before_the_book_change_of_its_millisecond() {
        let events = [event(DEPTH_EVENT, 5, 11), event(TRADE_EVENT, 5, 12)];
        let ordered = on_both_clocks(&events);
        assert_eq!(seen(&ordered, EXCH_EVENT), [(5, 12, true), (5, 11, false)]);
        assert_eq!(seen(&ordered, LOCAL_EVENT), [(5, 11, false), (5, 12, true)]);
    }

    proptest::proptest! {
        #[test]
        fn any_events_are_complete_and_in_order_on_each_clock(times: Vec<(u8, u8, bool)>) {
            let kind = |trade| if trade { TRADE_EVENT } else { DEPTH_EVENT };
            let events: Vec<Event> =
                times.iter().map(|(exch, local, trade)| event(kind(*trade), (*exch).into(), (*local).into())).collect();
            let ordered = on_both_clocks(&events);
            for flag in [EXCH_EVENT, LOCAL_EVENT] {
                let mut seen = seen(&ordered, flag);
                let times: Vec<i64> = seen.iter().map(|(exch, local, _)| if flag == EXCH_EVENT { *exch } else { *local }).collect();
                proptest::prop_assert!(times.is_sorted());
                seen.sort_unstable();
                let mut all: Vec<_> = events.iter().map(|event| (event.exch_ts, event.local_ts, event.is(TRADE_EVENT))).collect();
                all.sort_unstable();
                proptest::prop_assert_eq!(seen, all);
            }
        }
    }
}
