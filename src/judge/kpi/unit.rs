//! Units: a list, so that a misspelt one is an error and what a metric says of itself can be compared.
#![warn(clippy::wildcard_enum_match_arm)]

/// What is measured in a unit; units of one quantity can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Time,
    Memory,
    Share,
    Frequency,
    Count,
    Flag,
}

/// Names of units, what they measure, and how many of the base unit one of them is.
const UNITS: [(&str, Quantity, f64); 20] = [
    ("ns", Quantity::Time, 1e-9),
    ("us", Quantity::Time, 1e-6),
    ("ms", Quantity::Time, 1e-3),
    ("s", Quantity::Time, 1.0),
    ("min", Quantity::Time, 60.0),
    ("h", Quantity::Time, 3600.0),
    ("d", Quantity::Time, 86_400.0),
    ("bytes", Quantity::Memory, 1.0),
    ("KiB", Quantity::Memory, 1024.0),
    ("MiB", Quantity::Memory, 1_048_576.0),
    ("GiB", Quantity::Memory, 1_073_741_824.0),
    ("TiB", Quantity::Memory, 1_099_511_627_776.0),
    ("ratio", Quantity::Share, 1.0),
    ("percent", Quantity::Share, 1e-2),
    ("bps", Quantity::Share, 1e-4),
    ("1/s", Quantity::Frequency, 1.0),
    ("1/min", Quantity::Frequency, 1.0 / 60.0),
    ("1/h", Quantity::Frequency, 1.0 / 3600.0),
    ("count", Quantity::Count, 1.0),
    ("flag", Quantity::Flag, 1.0),
];

/// A unit that is not in the list begins with this.
const CUSTOM: &str = "custom:";

/// Endings of metric names and words of `UNIT` lines, and the unit that they promise.
const PROMISES: [(&str, &str); 8] = [
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("ms", "ms"),
    ("microseconds", "us"),
    ("nanoseconds", "ns"),
    ("bytes", "bytes"),
    ("ratio", "ratio"),
    ("percent", "percent"),
];

fn find(name: &str) -> Option<(&'static str, Quantity, f64)> {
    UNITS.into_iter().find(|(known, ..)| *known == name)
}

/// What is wrong with the name of a unit.
pub(super) fn problem(name: &str) -> Option<String> {
    let is_custom = name.strip_prefix(CUSTOM).is_some_and(|own| !own.trim().is_empty());
    if is_custom || find(name).is_some() {
        return None;
    }
    let known: Vec<&str> = UNITS.iter().map(|(known, ..)| *known).collect();
    Some(format!("`{name}` is no unit; there are {}, and {CUSTOM}NAME", known.join(", ")))
}

/// The unit that a word means: its own name, or how metrics spell it.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    let promised = PROMISES.iter().find(|(spelt, _)| *spelt == word).map(|(_, unit)| *unit);
    promised.or_else(|| find(word).map(|(name, ..)| name))
}

/// The unit that the name of a metric promises, such as seconds for `x_seconds_total`.
pub(super) fn of_metric(name: &str) -> Option<&'static str> {
    let suffixes = ["_total", "_bucket", "_sum", "_count", "_created"];
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    let (_, word) = base.rsplit_once('_')?;
    PROMISES.iter().find(|(spelt, _)| *spelt == word).map(|(_, unit)| *unit)
}

/// How many of `to` one of `from` is; `None` where they measure different things.
pub(crate) fn factor(from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(1.0);
    }
    let ((_, from, size), (_, to, unit)) = (find(from)?, find(to)?);
    (from == to).then_some(size / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_quantity_are_converted_and_others_are_not() {
        let table = [
            ("s", "ms", Some(1000.0)),
            ("ms", "s", Some(0.001)),
            ("bytes", "MiB", Some(1.0 / 1_048_576.0)),
            ("ratio", "percent", Some(100.0)),
            ("ratio", "bps", Some(10_000.0)),
            ("custom:lots", "custom:lots", Some(1.0)),
            ("s", "bytes", None),
            ("custom:lots", "s", None),
        ];
        for (from, to, expected) in table {
            let found = factor(from, to);
            let is_close = match (found, expected) {
                (Some(found), Some(expected)) => (found / expected - 1.0_f64).abs() < 1e-12,
                (found, expected) => found == expected,
            };
            assert!(is_close, "{from} {to}: {found:?}");
        }
    }

    #[test]
    fn a_name_promises_a_unit_by_its_ending() {
        let table = [
            ("lat_seconds", Some("s")),
            ("lat_seconds_bucket", Some("s")),
            ("process_cpu_seconds_total", Some("s")),
            ("mm_ws_lag_max_ms", Some("ms")),
            ("process_resident_memory_bytes", Some("bytes")),
            ("mm_maker_share_ratio", Some("ratio")),
            ("mm_tick_total", None),
            ("seconds", None),
        ];
        for (name, unit) in table {
            assert_eq!(of_metric(name), unit, "{name}");
        }
    }

    #[test]
    fn free_text_is_no_unit() {
        for name in ["ms", "1/h", "custom:orders in flight"] {
            assert_eq!(problem(name), None, "{name}");
        }
        for name in ["", "sec", "MS", "custom:", "custom: ", "milliseconds"] {
            assert!(problem(name).is_some(), "{name}");
        }
    }
}
