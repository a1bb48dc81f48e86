//! The project's own copies of the test vectors: what scipy, statsmodels and plain code give for seeded samples. They
//! were made by `tests/data/vectors/make.py`.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read as _;

const FILES: [(&str, &[u8]); 10] = [
    ("brown_forsythe", include_bytes!("../../../tests/data/vectors/brown_forsythe.json.gz")),
    ("hodges_lehmann", include_bytes!("../../../tests/data/vectors/hodges_lehmann.json.gz")),
    ("holm", include_bytes!("../../../tests/data/vectors/holm.json.gz")),
    ("long_run_variance", include_bytes!("../../../tests/data/vectors/long_run_variance.json.gz")),
    ("mannwhitney", include_bytes!("../../../tests/data/vectors/mannwhitney.json.gz")),
    ("pair_judge", include_bytes!("../../../tests/data/vectors/pair_judge.json.gz")),
    ("pair_margins", include_bytes!("../../../tests/data/vectors/pair_margins.json.gz")),
    ("paired", include_bytes!("../../../tests/data/vectors/paired.json.gz")),
    ("rates_series", include_bytes!("../../../tests/data/vectors/rates_series.json.gz")),
    ("rates", include_bytes!("../../../tests/data/vectors/rates.json.gz")),
];

/// The cases of a file.
pub(super) fn cases(name: &str) -> Vec<Value> {
    let (_, packed) = FILES.iter().find(|(known, _)| *known == name).expect("a file of vectors");
    let mut text = String::new();
    GzDecoder::new(*packed).read_to_string(&mut text).expect("a packed text");
    let mut document: Value = serde_json::from_str(&text).expect("vectors");
    let Value::Array(cases) = document["cases"].take() else { panic!("{name} has cases") };
    assert!(!cases.is_empty(), "{name} has cases");
    cases
}

/// A number, be it one that JSON does not have.
pub(super) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(other) => panic!("`{other}` is no number"),
        None => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

/// A series with its holes.
pub(super) fn series(value: &Value) -> Vec<f64> {
    value.as_array().expect("a series").iter().map(|one| one.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Fails unless both are the same but for this part of the expected one.
pub(super) fn close(what: &str, found: f64, expected: f64, relative: f64) {
    let is_close = found == expected || (found - expected).abs() <= relative * expected.abs().max(1e-300);
    assert!(is_close, "{what}: {found}, not {expected}");
}
