//! Which members belong to one series: one report a day, one log a run.

use regex::bytes::Regex;

/// A hash has at least so many digits.
const LEAST_OF_A_HASH: usize = 8;

/// A path with `#` where it has a number, a date or a hash: what members of a series have in common.
pub(crate) fn series(path: &[u8]) -> Vec<u8> {
    let mut series = Vec::with_capacity(path.len());
    for part in path.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()) {
        let is_hash = part.len() >= LEAST_OF_A_HASH && part.iter().all(u8::is_ascii_hexdigit);
        if is_hash && part.iter().any(u8::is_ascii_digit) {
            series.push(b'#');
            continue;
        }
        for run in part.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
            if run[0].is_ascii_digit() { series.push(b'#') } else { series.extend_from_slice(run) }
        }
    }
    series
}

/// What the groups of an expression find in a path; nothing where it does not match.
pub(crate) fn captured(regex: &Regex, path: &[u8]) -> Vec<u8> {
    let Some(found) = regex.captures(path) else { return Vec::new() };
    let parts: Vec<&[u8]> = found.iter().skip(1).flatten().map(|part| part.as_bytes()).collect();
    parts.join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_dates_and_hashes_are_what_members_of_a_series_differ_in() {
        for (path, expected) in [
            ("reports/REPORT_SOAK_20260301.json", "reports/REPORT_SOAK_#.json"),
            ("soak/RUN_1773144000000", "soak/RUN_#"),
            ("2026-03-01/a1b2.log", "#-#-#/a#b#.log"),
            ("cache/9f3ab2c1d.bin", "cache/#.bin"),
            ("deadbeef/x", "deadbeef/x"),
            ("plain", "plain"),
        ] {
            assert_eq!(String::from_utf8_lossy(&series(path.as_bytes())), expected, "{path}");
        }
        let regex = Regex::new(r"(?P<series>REPORT_[A-Z]+)_\d+").expect("an expression");
        assert_eq!(captured(&regex, b"reports/REPORT_SOAK_20260301.json"), b"REPORT_SOAK");
        assert_eq!(captured(&regex, b"other"), b"");
    }
}
