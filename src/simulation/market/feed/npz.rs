//! hftbacktest's own format: a zip archive with one structured array, `data`, of 64-byte events.
//!
//! The array already has the simulator's clock flags. It is checked, not corrected: order on both clocks,
//! numbers, kinds of event. Clearing a range of the book is written out as the removal of its levels.

use crate::report::exit::Fault;
use crate::simulation::market::feed::grid::{GridSteps, PriceGrid, decimal};
use crate::simulation::market::feed::quality::{Defect, FeedDefect, FeedLimits, FeedQuality};
use crate::simulation::market::feed::{Feed, FeedParts, assemble, refused};
use hftbacktest::backtest::data::{NpyDTyped as _, NpyHeader};
use hftbacktest::types::{
    BUY_EVENT, DEPTH_CLEAR_EVENT, DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT, EXCH_EVENT, Event, LOCAL_EVENT,
    SELL_EVENT, TRADE_EVENT,
};
use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};

const MEMBER: &str = "data.npy";

const EVENT_BYTES: usize = 64;

/// Bytes before the header of an array: magic, version, header length.
const PREFIX_BYTES: usize = 10;

/// The low byte of the flags: what kind of event it is.
const KIND: u64 = 0xff;

/// Reads a feed from the bytes of an archive.
pub(super) fn read(shown: &str, bytes: &[u8], limits: &FeedLimits) -> Result<Feed, Fault> {
    let unusable = |why: String| Fault::config(format!("failed to read `{shown}`: {why}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| unusable(format!("not a zip archive: {error}")))?;
    let mut member =
        archive.by_name(MEMBER).map_err(|error| unusable(format!("no array `data` in it: {error}")))?;
    let mut array = Vec::new();
    member.read_to_end(&mut array).map_err(|error| unusable(format!("`{MEMBER}` is damaged: {error}")))?;
    let rows = rows(&array).map_err(|why| unusable(format!("`{MEMBER}` {why}")))?;

    let mut quality = FeedQuality { lines: rows.len() as u64 / EVENT_BYTES as u64, ..FeedQuality::default() };
    let mut events: Vec<Event> = Vec::with_capacity(rows.len() / EVENT_BYTES);
    let (mut exchange_ns, mut local_ns) = (i64::MIN, i64::MIN);
    for (index, row) in rows.chunks_exact(EVENT_BYTES).enumerate() {
        let (line, event) = (index as u64 + 1, event(row));
        if let Err((defect, why)) = check(&event, &mut quality) {
            quality.note(defect, line, why);
            continue;
        }
        let mut reversed = false;
        for (flag, time, newest) in
            [(EXCH_EVENT, event.exch_ts, &mut exchange_ns), (LOCAL_EVENT, event.local_ts, &mut local_ns)]
        {
            if event.is(flag) {
                reversed |= time < *newest;
                *newest = time.max(*newest);
            }
        }
        if reversed {
            // The simulator cannot go back in time, so such a row is counted and left out.
            quality.note(FeedDefect::TimeReversal, line, "an event before its predecessor".to_owned());
            continue;
        }
        events.push(event);
    }
    quality.check(shown, limits)?;
    if quality.trade_messages == 0 {
        return Err(refused(shown, &format!("there is not one trade in its {} rows", quality.lines)));
    }
    let grid = grid(&events).map_err(|why| refused(shown, &why))?;
    let events = without_clears(events, grid, &mut quality);
    count_crossed(&events, grid, &mut quality);
    quality.check(shown, limits)?;
    let mut sides = (false, false);
    let ready = events.iter().find(|event| {
        sides.0 |= event.is(LOCAL_EVENT | DEPTH_EVENT | BUY_EVENT);
        sides.1 |= event.is(LOCAL_EVENT | DEPTH_EVENT | SELL_EVENT);
        sides == (true, true)
    });
    let Some((ready_local_ns, first_ns)) = ready.map(|event| (event.local_ts, event.exch_ts)) else {
        return Err(refused(shown, &format!("its book never has both sides in {} rows", quality.lines)));
    };
    let (symbol, simulated) = (String::new(), false);
    Ok(assemble(FeedParts { symbol, simulated, quality, grid, events, ready_local_ns, first_ns }))
}

/// The rows of an array after its header has been checked.
fn rows(array: &[u8]) -> Result<&[u8], String> {
    let truncated = || "is cut short".to_owned();
    let prefix = array.get(..PREFIX_BYTES).ok_or_else(truncated)?;
    if !prefix.starts_with(b"\x93NUMPY\x01\x00") {
        return Err("is not an array in numpy's format 1.0".to_owned());
    }
    let length = usize::from(u16::from_le_bytes([prefix[8], prefix[9]]));
    let header = array.get(PREFIX_BYTES..PREFIX_BYTES + length).ok_or_else(truncated)?;
    let header =
        std::str::from_utf8(header).map_err(|_| "has an invalid header: it is not text".to_owned())?;
    let header = NpyHeader::from_header(header).map_err(|error| format!("has an invalid header: {error}"))?;
    if header.descr != Event::descr() {
        let fields: Vec<String> =
            header.descr.iter().map(|field| format!("{} {}", field.name, field.ty)).collect();
        return Err(format!("holds [{}], not hftbacktest's events", fields.join(", ")));
    }
    let [count] = header.shape[..] else { return Err("is not one-dimensional".to_owned()) };
    if header.fortran_order {
        return Err("is in Fortran order".to_owned());
    }
    let rows = &array[PREFIX_BYTES + length..];
    if count.checked_mul(EVENT_BYTES) != Some(rows.len()) {
        return Err(format!("says {count} rows and holds {} bytes", rows.len()));
    }
    Ok(rows)
}

fn event(row: &[u8]) -> Event {
    let word = |index: usize| {
        let bytes = row[8 * index..8 * index + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    Event {
        ev: word(0),
        exch_ts: word(1).cast_signed(),
        local_ts: word(2).cast_signed(),
        px: f64::from_bits(word(3)),
        qty: f64::from_bits(word(4)),
        order_id: 0,
        ival: 0,
        fval: 0.0,
    }
}

/// Counts an event, or says what is wrong with it.
fn check(event: &Event, quality: &mut FeedQuality) -> Result<(), Defect> {
    let bad = |why: String| Err((FeedDefect::BadNumber, why));
    let kind = event.ev & KIND;
    if event.ev & (EXCH_EVENT | LOCAL_EVENT) == 0 {
        return bad("neither the exchange nor we would see it".to_owned());
    }
    if event.exch_ts <= 0 || event.local_ts <= 0 {
        return bad(format!(
            "exchange time {} or receive time {} is not positive",
            event.exch_ts, event.local_ts
        ));
    }
    if kind == DEPTH_CLEAR_EVENT {
        return Ok(());
    }
    if !matches!(kind, DEPTH_EVENT | TRADE_EVENT | DEPTH_SNAPSHOT_EVENT) {
        return Err((FeedDefect::UnknownStream, format!("event kind {kind}")));
    }
    let sides = event.ev & (BUY_EVENT | SELL_EVENT);
    if sides != BUY_EVENT && sides != SELL_EVENT {
        return bad("not of exactly one side".to_owned());
    }
    if decimal(event.px).is_none_or(|price| price == 0) || decimal(event.qty).is_none() {
        return bad(format!("price {} or quantity {}", event.px, event.qty));
    }
    match kind {
        TRADE_EVENT if event.is(EXCH_EVENT) => quality.trade_messages += 1,
        TRADE_EVENT => {}
        _ => quality.levels += 1,
    }
    Ok(())
}

fn grid(events: &[Event]) -> Result<PriceGrid, String> {
    let mut steps = GridSteps::default();
    for event in events.iter().filter(|event| event.ev & KIND != DEPTH_CLEAR_EVENT) {
        let (price, qty) = (decimal(event.px).unwrap_or(0), decimal(event.qty).unwrap_or(0));
        steps.add_steps(price, qty);
        if event.is(TRADE_EVENT) {
            steps.extend_range(price);
        }
    }
    steps.grid()
}

/// Writes clears out as removals, turns snapshots into plain levels, and drops levels that are far away.
fn without_clears(events: Vec<Event>, grid: PriceGrid, quality: &mut FeedQuality) -> Vec<Event> {
    // Levels that either clock may still hold, by side.
    let mut known: [BTreeSet<i64>; 2] = Default::default();
    let mut plain = Vec::with_capacity(events.len());
    for mut event in events {
        let kind = event.ev & KIND;
        if kind == TRADE_EVENT {
            plain.push(event);
            continue;
        }
        if kind == DEPTH_CLEAR_EVENT {
            for (side, flag) in [BUY_EVENT, SELL_EVENT].into_iter().enumerate() {
                let sides = event.ev & (BUY_EVENT | SELL_EVENT);
                if sides != 0 && sides & flag == 0 {
                    continue;
                }
                let upto = if sides == 0 { None } else { decimal(event.px).map(|price| grid.tick(price)) };
                let cleared = known[side].iter().filter(|tick| {
                    upto.is_none_or(|upto| if flag == BUY_EVENT { **tick >= upto } else { **tick <= upto })
                });
                let clocks = event.ev & (EXCH_EVENT | LOCAL_EVENT);
                plain.extend(cleared.map(|tick| Event {
                    ev: DEPTH_EVENT | flag | clocks,
                    px: grid.price(*tick),
                    qty: 0.0,
                    ..event.clone()
                }));
            }
            continue;
        }
        let tick = decimal(event.px).map_or(0, |price| grid.tick(price));
        if !grid.contains(tick) {
            quality.far_levels += 1;
            continue;
        }
        known[usize::from(event.is(SELL_EVENT))].insert(tick);
        event.ev = event.ev & !KIND | DEPTH_EVENT;
        plain.push(event);
    }
    plain
}

/// Counts how often the book as we receive it becomes crossed and stays so at the end of a receive time.
fn count_crossed(events: &[Event], grid: PriceGrid, quality: &mut FeedQuality) {
    let mut book: [BTreeSet<i64>; 2] = Default::default();
    let mut was_crossed = false;
    let seen = events.iter().enumerate().filter(|(_, event)| event.is(LOCAL_EVENT | DEPTH_EVENT));
    for (index, event) in seen {
        let ends = events[index + 1..].iter().find(|next| next.is(LOCAL_EVENT));
        let levels = &mut book[usize::from(event.is(SELL_EVENT))];
        let tick = decimal(event.px).map_or(0, |price| grid.tick(price));
        if event.qty > 0.0 {
            levels.insert(tick);
        } else {
            levels.remove(&tick);
        }
        if ends.is_some_and(|next| next.local_ts == event.local_ts) {
            continue;
        }
        let crossed = match (book[0].last(), book[1].first()) {
            (Some(bid), Some(ask)) if bid >= ask => Some((*bid, *ask)),
            _ => None,
        };
        if let Some((bid, ask)) = crossed.filter(|_| !was_crossed) {
            quality.note(FeedDefect::CrossedBook, index as u64 + 1, grid.crossed(bid, ask));
        }
        was_crossed = crossed.is_some();
    }
}
