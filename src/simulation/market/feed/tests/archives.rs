//! Feeds in the archive format of the simulator.

use super::*;

fn npz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("started");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

fn events() -> Vec<Event> {
    let both = EXCH_EVENT | LOCAL_EVENT;
    let event = |ev, ms: i64, px, qty| Event {
        ev: both | ev,
        exch_ts: LOCAL_NS + ms * 1_000_000,
        local_ts: LOCAL_NS + (ms + 5) * 1_000_000,
        px,
        qty,
        order_id: 0,
        ival: 0,
        fval: 0.0,
    };
    vec![
        event(DEPTH_EVENT | BUY_EVENT, 0, 100.0, 1.0),
        event(DEPTH_EVENT | SELL_EVENT, 0, 100.1, 1.5),
        event(TRADE_EVENT | SELL_EVENT, 1, 100.0, 0.2),
        event(DEPTH_EVENT | BUY_EVENT, 2, 99.9, 3.0),
    ]
}

fn npz_of(events: &[Event]) -> Vec<u8> {
    let mut array = Vec::new();
    write_npy(&mut array, events).expect("written");
    npz(&[("data.npy", &array)])
}

#[test]
fn an_npz_gives_the_feed_it_was_written_from() {
    let (_dir, path) = write("feed.npz", &npz_of(&events()));
    let feed = load(&path, &STRICT).expect("a feed");
    assert_eq!(feed.events, events());
    assert_eq!((feed.tick_size, feed.lot_size), (0.1, 0.1));
    assert_eq!(feed.quality.lines, 4);
}

#[test]
fn a_clear_in_an_npz_becomes_the_removal_of_what_it_covers() {
    let mut rows = events();
    let clear =
        Event { ev: EXCH_EVENT | LOCAL_EVENT | 3 | BUY_EVENT, px: 100.0, qty: 0.0, ..rows[3].clone() };
    rows.push(clear);
    let feed = npz::read("x", &npz_of(&rows), &STRICT).expect("a feed");
    let last = feed.events.last().expect("an event");
    assert_eq!((last.px, last.qty, last.is(DEPTH_EVENT | BUY_EVENT)), (100.0, 0.0, true));
    assert_eq!(feed.events.len(), 5, "99.9 stays");
}

#[test]
fn an_npz_that_holds_anything_else_is_refused_with_what_it_holds() {
    let floats = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }             \n\0\0\0\0\0\0\0\0";
    let other = b"\x93NUMPY\x01\x00\x56\x00{'descr': [('ts', '<i8'), ('px', '<f8')], 'fortran_order': False, 'shape': (1,), }    \n";
    let mut short = Vec::new();
    write_npy(&mut short, &events()).expect("written");
    short.truncate(short.len() - 8);
    for (bytes, expected) in [
        (npz(&[("data.npy", other)]), "`data.npy` holds [ts <i8, px <f8], not hftbacktest's events"),
        (npz(&[("data.npy", floats)]), "`data.npy` has an invalid header: "),
        (npz(&[("data.npy", b"hello")]), "`data.npy` is cut short"),
        (npz(&[("data.npy", b"hello, hello, hello")]), "`data.npy` is not an array in numpy's format 1.0"),
        (npz(&[("data.npy", &short)]), "`data.npy` says 4 rows and holds 248 bytes"),
        (npz(&[("other.npy", b"x")]), "no array `data` in it"),
        (b"PK\x03\x04garbage".to_vec(), "not a zip archive"),
    ] {
        let message = npz::read("x.npz", &bytes, &STRICT).expect_err("refused").to_string();
        assert!(message.starts_with(&format!("failed to read `x.npz`: {expected}")), "{message}");
    }
    let mut rows = events();
    rows[3].px = f64::NAN;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 bad_numbers exceed the limit of 0, first at line 4: price NaN"), "{message}");
    let mut rows = events();
    rows[3].exch_ts -= 10_000_000;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 time_reversals exceed the limit of 0, first at line 4"), "{message}");
    let mut rows = events();
    rows[3].px = 100.1;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 crossed_books exceed the limit of 0, first at line 4"), "{message}");
}
