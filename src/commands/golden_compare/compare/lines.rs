//! Compares two files of lines as `diff -u` does.

use super::side::Found;
use crate::commands::golden_compare::drift::difference::{Difference, Drift, Offsets};
use crate::format::json::path::Path;
use similar::{ChangeTag, DiffTag, TextDiff};

/// Lines around a difference that stand with it.
const AROUND: usize = 3;
/// Most lines of one difference that are printed.
const PRINTED: usize = 200;

/// Compares two texts that differ; of the differences at most `listed` are kept, all are counted.
pub(crate) fn compare(baseline: &str, actual: &str, listed: usize) -> Found {
    let diff = TextDiff::from_lines(baseline, actual);
    let starts = diff.iter_new_slices().scan(0, |end, line| {
        *end += line.len() as u64;
        Some(*end - line.len() as u64)
    });
    let offsets: Vec<u64> = starts.collect();
    let mut unified = diff.unified_diff();
    let mut found = Found::default();
    for hunk in unified.context_radius(AROUND).missing_newline_hint(true).iter_hunks() {
        found.total += 1;
        if found.drifts.len() >= listed {
            continue;
        }
        let lines = |wanted: ChangeTag| -> Vec<String> {
            let changes = hunk.iter_changes().filter(|change| change.tag() == wanted);
            changes.map(|change| change.value().to_owned()).collect()
        };
        let first =
            hunk.ops().iter().find(|op| op.tag() != DiffTag::Equal).map_or(0, |op| op.new_range().start);
        found.drifts.push(Drift {
            path: Path::default(),
            step: None,
            difference: Difference::Lines {
                line: first as u64 + 1,
                baseline: lines(ChangeTag::Delete),
                actual: lines(ChangeTag::Insert),
                is_replaced: hunk.ops().iter().any(|op| op.tag() == DiffTag::Replace),
                hunk: printed(&hunk.to_string()),
            },
            offset: offsets.get(first).copied().unwrap_or(actual.len() as u64),
            values: Offsets::default(),
        });
    }
    found
}

/// A hunk that fits a report.
fn printed(hunk: &str) -> String {
    match hunk.match_indices('\n').nth(PRINTED).map(|(at, _)| at + 1) {
        Some(end) if end < hunk.len() => {
            format!("{}({} lines more)\n", &hunk[..end], hunk[end..].lines().count())
        }
        Some(_) | None => hunk.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_of_changed_lines_is_a_difference_with_its_surroundings() {
        let numbers: Vec<String> = (1..=40).map(|number| format!("line {number}\n")).collect();
        let baseline = numbers.concat();
        let actual = baseline.replace("line 5\n", "line five\n").replace("line 30\n", "") + "end";
        let found = compare(&baseline, &actual, 10);
        let messages: Vec<String> = found.drifts.iter().map(Drift::message).collect();
        assert_eq!(
            messages,
            [
                "line 5: content mismatch (baseline=\"line 5\\n\", actual=\"line five\\n\")",
                "line 30: content mismatch (1 line removed, 0 lines added)",
                "line 40: content mismatch (0 lines removed, 1 line added)",
            ]
        );
        let hunk = found.drifts[2].difference.hunk().expect("a hunk");
        assert_eq!(
            hunk,
            "@@ -38,3 +37,4 @@\n line 38\n line 39\n line 40\n+end\n\\ No newline at end of file\n"
        );
        assert_eq!(found.drifts[0].offset, 28);
        assert_eq!(
            (compare(&baseline, &actual, 1).total, compare(&baseline, &actual, 1).drifts.len()),
            (3, 1)
        );
    }

    #[test]
    fn a_long_difference_is_one_and_cut_where_it_is_printed() {
        let lines = |of: &str| (0..50_000).map(|number| format!("{of} {number}\n")).collect::<String>();
        let found = compare(&lines("old"), &lines("new"), 10);
        assert_eq!(found.total, 1);
        let hunk = found.drifts[0].difference.hunk().expect("a hunk");
        assert!(hunk.ends_with("-old 199\n(99800 lines more)\n"), "{}", &hunk[hunk.len() - 80..]);
    }

    #[test]
    fn the_end_of_the_last_line_and_lookalikes_are_told_apart() {
        let message = |a: &str, b: &str| compare(a, b, 10).drifts[0].message();
        assert!(
            compare("a\n", "a", 10).drifts[0]
                .difference
                .hunk()
                .expect("a hunk")
                .contains("No newline at end of file")
        );
        assert!(message("a\n", "a").ends_with("first difference at character 2: U+000A against nothing)"));
        assert!(message("caf\u{e9}\n", "cafe\u{301}\n").contains("U+00E9 against U+0065 U+0301"));
    }
}
