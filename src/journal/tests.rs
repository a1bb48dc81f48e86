use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const SCHEMA: &str = "mmops.test-journal.v1";
const WAIT: Duration = Duration::from_secs(20);

type Found = Result<Option<Contents<String, Value>>, Fault>;

fn found(path: &Path) -> Found {
    read(path, SCHEMA)
}

fn records(found: Found) -> Vec<Value> {
    found.expect("readable").expect("a journal").records
}

fn make(path: &Path, records: &[Value]) -> Vec<u8> {
    drop(Journal::create(path, SCHEMA, &"it", records, Durability::Process).expect("made"));
    fsio::read(path).expect("readable")
}

fn put(path: &Path, bytes: &[u8]) {
    fsio::write_volatile(path, bytes).expect("written");
}

/// Three records with what is hard to quote.
fn three() -> Vec<Value> {
    vec![
        json!({"b": 1.5e-7, "a": [null, "\u{e4}\n\"}"]}),
        json!("\u{7f}"),
        json!({"hash": "x", "record": {}}),
    ]
}

#[test]
fn what_is_added_is_read_back_and_others_are_kept_out() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    assert!(found(&path).expect("nothing").is_none());
    for durability in [Durability::Process, Durability::Disk] {
        let mut journal = Journal::create::<Value>(&path, SCHEMA, &"it", &[], durability).expect("made");
        for record in three() {
            journal.append(&record).expect("added");
        }
        let other = Journal::resume::<String, Value>(&path, SCHEMA, durability).expect_err("held");
        assert!(other.to_string().contains("was locked"), "{other}");
        assert!(Journal::create::<Value>(&path, SCHEMA, &"it", &[], durability).is_err(), "held");
        drop(journal);
        let contents = found(&path).expect("readable").expect("a journal");
        assert_eq!((contents.context.as_str(), contents.is_torn), ("it", false));
        assert_eq!(contents.records, three());
    }
}

#[test]
fn the_end_may_be_torn_at_every_byte() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    let whole = make(&path, &three());
    let ends: Vec<usize> = (1..=whole.len()).filter(|end| whole[end - 1] == b'\n').collect();
    for cut in 0..whole.len() {
        for zeros in [0, 3] {
            let torn = [&whole[..cut], &vec![0; zeros]].concat();
            put(&path, &torn);
            let lines = ends.iter().filter(|end| **end <= cut).count();
            // A line that lacks its newline alone, and has another byte in its place.
            if zeros > 0 && whole[cut] == b'\n' && torn.len() == cut + 1 {
                continue;
            }
            let resumed = Journal::resume::<String, Value>(&path, SCHEMA, Durability::Process);
            let Some((mut journal, contents)) = resumed.expect("readable") else {
                assert_eq!(lines, 0, "{cut}");
                assert!(found(&path).expect("readable").is_none());
                continue;
            };
            assert_eq!(contents.records, three()[..lines - 1], "{cut}");
            assert_eq!(contents.is_torn, ends[lines - 1] < torn.len(), "{cut}");
            three()[lines - 1..].iter().for_each(|record| journal.append(record).expect("added"));
            drop(journal);
            assert_eq!(fsio::read(&path).expect("readable"), whole, "{cut}");
        }
    }
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    let whole = make(&path, &three());
    for at in 0..whole.len() {
        let line = 1 + whole[..at].iter().filter(|byte| **byte == b'\n').count();
        for change in [0x01, 0x20, 0x80, whole[at], whole[at] ^ b'\n'] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            if changed[at] == whole[at] {
                continue;
            }
            put(&path, &changed);
            let fault = found(&path).expect_err("noticed").to_string();
            assert!(fault.contains(&format!("j:{line}`: ")), "{at} {change}: {fault}");
            assert!(Journal::resume::<String, Value>(&path, SCHEMA, Durability::Process).is_err());
            assert_eq!(fsio::read(&path).expect("readable"), changed, "the evidence was changed");
        }
    }
}

#[test]
fn a_line_that_is_removed_moved_or_repeated_is_noticed() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    let whole = make(&path, &three());
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let noticed = |lines: &[&[u8]], line: usize| {
        put(&path, &lines.concat());
        let fault = found(&path).expect_err("noticed").to_string();
        assert!(
            fault.contains(&format!("j:{line}`: a line before it is missing, added or moved")),
            "{fault}"
        );
    };
    for at in 0..lines.len() {
        for to in at..=lines.len() {
            let mut repeated = lines.clone();
            repeated.insert(to, lines[at]);
            noticed(&repeated, to.max(at + 1) + 1);
        }
        for other in at + 1..lines.len() {
            let mut moved = lines.clone();
            moved.swap(at, other);
            noticed(&moved, at + 1);
        }
        if at + 1 < lines.len() {
            let mut removed = lines.clone();
            removed.remove(at);
            noticed(&removed, at + 1);
        }
    }
}

#[test]
fn another_schema_context_or_type_is_refused() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    make(&path, &three());
    let fault = read::<String, Value>(&path, "mmops.other.v1").expect_err("refused").to_string();
    assert!(fault.ends_with("j:1`: its schema is `mmops.test-journal.v1`, not `mmops.other.v1`"), "{fault}");
    assert!(read::<u32, Value>(&path, SCHEMA).expect_err("refused").to_string().contains("j:1`: "));
    assert!(read::<String, u32>(&path, SCHEMA).expect_err("refused").to_string().contains("j:2`: "));
    put(&path, b"{}\n");
    assert!(found(&path).expect_err("refused").to_string().ends_with("j:1`: it is not a line of a journal"));
}

#[test]
fn after_a_failed_write_nothing_more_is_taken() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    make(&path, &[]);
    let (mut journal, _) = Journal::resume::<String, Value>(&path, SCHEMA, Durability::Process)
        .expect("readable")
        .expect("a journal");
    let writable = std::mem::replace(&mut journal.file, fsio::open(&path).expect("readable"));
    assert!(journal.append(&1).is_err(), "a file that is open for reading");
    journal.file = writable;
    assert!(journal.append(&2).expect_err("refused").to_string().contains("takes no record after"));
    assert_eq!(records(found(&path)), Vec::<Value>::new());
}

#[test]
fn several_writers_take_turns_and_a_reader_follows() {
    let dir = fsio::scratch_dir("journal").expect("a directory");
    let path = dir.path().join("j");
    let mut reader = Reader::new(&path, SCHEMA);
    reader.follow(|_: Value| unreachable!("there is none")).expect("nothing");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut journal = SharedJournal::at(&path, SCHEMA);
            scope.spawn(move || {
                let mut seen = 0_u32;
                for number in 0..50 {
                    let mut turn = journal.turn(WAIT, |_: Value| seen += 1).expect("a turn");
                    turn.append(&json!([writer, number])).expect("added");
                }
                assert!(seen <= 150, "its own records were handed over");
            });
        }
        let mut followed = 0;
        while followed < 200 {
            reader.follow(|_: Value| followed += 1).expect("whole");
        }
    });
    let all = read::<(), Value>(&path, SCHEMA).expect("readable").expect("a journal").records;
    for writer in 0..4 {
        let mine: Vec<&Value> = all.iter().filter(|record| record[0] == writer).collect();
        assert!((0..50).eq(mine.iter().map(|record| record[1].as_i64().expect("a number"))));
    }

    let mut journal = SharedJournal::at(&path, SCHEMA);
    let torn = [fsio::read(&path).expect("readable"), b"{\"hash\":\"0".to_vec()].concat();
    put(&path, &torn);
    journal.turn(WAIT, |_: Value| ()).expect("cut off").append(&1).expect("added");
    assert_eq!(read::<(), Value>(&path, SCHEMA).expect("readable").expect("a journal").records.len(), 201);
    put(&path, &torn[..300]);
    let fault = journal.turn(WAIT, |_: Value| ()).expect_err("shorter").to_string();
    assert!(fault.ends_with("is shorter than before"), "{fault}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any records, stopped anywhere, or with any byte changed.
    #[test]
    fn records_come_back_or_the_damage_is_told(
        added in prop::collection::vec(value(), 1..6),
        cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let dir = fsio::scratch_dir("journal").expect("a directory");
        let path = dir.path().join("j");
        let whole = make(&path, &added);
        prop_assert_eq!(&records(found(&path)), &added);

        let mut changed = whole.clone();
        let at = at.index(whole.len());
        changed[at] ^= change;
        put(&path, &changed);
        prop_assert!(found(&path).is_err());

        put(&path, &whole[..cut.index(whole.len())]);
        match Journal::resume::<String, Value>(&path, SCHEMA, Durability::Process).expect("readable") {
            None => drop(make(&path, &added)),
            Some((mut journal, Contents { records, .. })) => {
                prop_assert!(added.starts_with(&records));
                added[records.len()..].iter().for_each(|record| journal.append(record).expect("added"));
            }
        }
        prop_assert_eq!(fsio::read(&path).expect("readable"), whole);
    }
}
