//! Laws of the exposition parser: any bytes give a page or a position, what is written is read back, and
//! a page that was cut never reads as a whole one.

use mmops::testing::exposition::{Exposition, Format, ParseError, parse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A sample as a test writes it: name, labels, value, time.
type Written = (String, BTreeMap<String, String>, f64, Option<i32>);

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn page(samples: &[Written], format: Format) -> String {
    let mut text = String::new();
    for (name, labels, value, time) in samples {
        text.push_str(name);
        if !labels.is_empty() {
            let pairs: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            text.push_str(&format!("{{{}}}", pairs.join(",")));
        }
        let value = if value.is_infinite() { format!("{value:+}") } else { value.to_string() };
        text.push_str(&format!(" {}", value.replace("inf", "Inf")));
        if let Some(time) = time {
            text.push_str(&format!(" {time}"));
        }
        text.push('\n');
    }
    text + if format == Format::OpenMetrics { "# EOF\n" } else { "" }
}

fn samples() -> impl Strategy<Value = Vec<Written>> {
    let value = prop_oneof![any::<f64>(), -1e6..1e6_f64, Just(f64::NAN), Just(f64::INFINITY)];
    let labels = prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}", "[ -~\\n\u{fc}\\\\\"{},=#]{1,8}", 0..4);
    let sample = ("[a-z_:][a-z0-9_:]{0,8}", labels, value, prop::option::of(any::<i32>()));
    prop::collection::vec(sample, 0..12).prop_map(|mut samples| {
        // A family may not be left and entered again, and a series stands once.
        samples.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        samples.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
        samples
    })
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Text), Just(Format::OpenMetrics)]
}

/// Looks at everything a page holds, so that a fault in what is read late shows too.
fn visit(page: &Exposition<'_>) {
    for sample in &page.samples {
        let labels: Vec<_> = sample.labels.iter().collect();
        let names: BTreeSet<_> = labels.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), labels.len());
        assert!(!sample.name.is_empty());
        assert!(page.faults.iter().all(|(family, _)| *family != sample.name));
    }
}

fn check(bytes: &[u8], format: Format) -> Result<(), ParseError> {
    match parse(bytes, format) {
        Ok(page) => {
            visit(&page);
            page.faults.iter().for_each(|(_, fault)| assert_position(bytes, fault));
            Ok(())
        }
        Err(error) => {
            assert_position(bytes, &error);
            Err(error)
        }
    }
}

/// A fault is at a place of the page.
fn assert_position(bytes: &[u8], fault: &ParseError) {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let line = lines.get(fault.line - 1).unwrap_or_else(|| panic!("no such line: {fault}"));
    assert!((1..=line.len() + 1).contains(&fault.column), "no such column: {fault}");
}

/// Pieces that make up pages, put together at random.
const PIECES: [&str; 37] = [
    "# TYPE ",
    "# HELP ",
    "# UNIT ",
    "# EOF\n",
    "# ",
    "#",
    "counter",
    "histogram",
    "gauge",
    "\n",
    "\n",
    " ",
    "\t",
    "a",
    "a_total",
    "a_bucket",
    "b{",
    "{",
    "}",
    "le=\"",
    "\"",
    "=",
    ",",
    "\\",
    "\\n",
    "1",
    "-1.5e3",
    "NaN",
    "+Inf",
    " # {",
    "1e999",
    "\u{fc}",
    "\r",
    "_created",
    "{\"a.b\"",
    "\\U",
    " 5\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_page_or_a_position(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        format in formats(),
    ) {
        check(&bytes, format).ok();
    }

    #[test]
    fn any_pieces_give_a_page_or_a_position(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
        format in formats(),
    ) {
        check(pieces.concat().as_bytes(), format).ok();
    }

    #[test]
    fn a_mutated_page_gives_a_page_or_a_position(
        samples in samples(),
        format in formats(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut bytes = page(&samples, format).into_bytes();
        for (place, byte, edit) in edits {
            let place = place.index(bytes.len() + 1);
            match edit {
                0 => bytes.insert(place, byte),
                1 if place < bytes.len() => bytes[place] = byte,
                _ if place < bytes.len() => drop(bytes.remove(place)),
                _ => {}
            }
        }
        check(&bytes, format).ok();
    }

    #[test]
    fn what_is_written_is_read_back(samples in samples(), format in formats()) {
        let text = page(&samples, format);
        let read = parse(text.as_bytes(), format).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.samples.len(), samples.len());
        for ((name, labels, value, time), found) in samples.iter().zip(&read.samples) {
            prop_assert_eq!(name, found.name);
            prop_assert_eq!(labels, &found.labels.to_map());
            prop_assert!(value.to_bits() == found.value.to_bits() || (value.is_nan() && found.value.is_nan()));
            let scale = if format == Format::OpenMetrics { 1000 } else { 1 };
            prop_assert_eq!(time.map(|time| i64::from(time) * scale), found.timestamp_ms);
        }
    }

    #[test]
    fn a_page_cut_inside_a_line_is_refused(samples in samples(), place in any::<prop::sample::Index>()) {
        for format in [Format::Text, Format::OpenMetrics] {
            let text = page(&samples, format).into_bytes();
            let cut = &text[..place.index(text.len() + 1)];
            // The end says that it is the end, with its newline or without.
            let ended = format == Format::OpenMetrics && cut.len() + 1 == text.len();
            let whole = cut == text || ended || (format == Format::Text && (cut.is_empty() || cut.ends_with(b"\n")));
            prop_assert_eq!(check(cut, format).is_ok(), whole);
        }
    }

    #[test]
    fn a_line_twice_spoils_its_family_in_any_order_of_labels(samples in samples(), place in any::<prop::sample::Index>()) {
        prop_assume!(!samples.is_empty());
        let (name, labels, ..) = &samples[place.index(samples.len())];
        let pairs: Vec<String> =
            labels.iter().rev().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let again = format!("{}{name}{{{}}} 1\n", page(&samples, Format::Text), pairs.join(" , "));
        let page = parse(again.as_bytes(), Format::Text).unwrap();
        prop_assert_eq!(page.faults.len(), 1);
        prop_assert_eq!(page.faults[0].0, name);
        prop_assert_eq!(page.faults[0].1.line, samples.len() + 1);
        prop_assert!(page.samples.iter().all(|sample| sample.name != name));
    }
}
