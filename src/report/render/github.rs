//! GitHub Actions: annotations on stdout, a Markdown table for the step summary.
//!
//! A step shows ten annotations of a kind and drops the rest silently, so the worst nine are printed
//! and one that counts the others. A summary above one MiB is dropped whole, so it is cut before.

use super::marker_line;
use crate::format::{markdown, text};
use crate::report::{Report, Row, Status};

/// Annotations of one kind that are printed before the counting one.
const SHOWN: usize = 9;
/// Bytes of one step summary; the limit is 1 MiB.
const SUMMARY_BYTES: usize = 900 * 1024;

/// Renders the annotations and the marker.
pub(crate) fn render(report: &Report) -> String {
    let (mut out, command) = (String::new(), report.spec.name());
    for (kind, statuses) in [("error", &[Status::Fail][..]), ("warning", &[Status::Warn, Status::Skip])] {
        let of = |status: Status| report.rows.iter().filter(move |row| row.status() == status);
        let rows: Vec<&Row> = statuses.iter().copied().flat_map(of).collect();
        for row in rows.iter().take(SHOWN) {
            out.push_str(&annotation(kind, &command, row));
        }
        if let Some(more) = rows.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let words: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
            out.push_str(&format!("::{kind}::and {more} more {}, see the summary\n", words.join(" or ")));
        }
    }
    out.push_str(&marker_line(&report.marker));
    out
}

/// Renders the Markdown for `$GITHUB_STEP_SUMMARY`.
pub(crate) fn summary(report: &Report) -> String {
    let mut out = markdown::heading(3, &report.title) + "\n";
    out.push_str(&markdown::table_head(&["check", "status", "note"]));
    let mut cut = 0;
    for row in &report.rows {
        let line = markdown::safe_row([&text::line(&row.name), row.status().as_str(), &row.detail()]);
        if out.len() + line.len() > SUMMARY_BYTES {
            cut += 1;
        } else {
            out.push_str(&line);
        }
    }
    if cut > 0 {
        out.push_str(&format!("\n{cut} rows are not shown here.\n"));
    }
    out.push_str(&format!("\n**{}**, exit code {}\n\n", report.marker.assignment(), report.exit.code()));
    out
}

fn annotation(kind: &str, command: &str, row: &Row) -> String {
    let title = text::line(&format!("mmops {command}: {}", row.name));
    let mut properties = format!("title={}", property(&title));
    if let Some(location) = &row.location {
        properties.push_str(&format!(",file={}", property(&text::line(&location.path))));
        for (key, value) in [("line", location.line), ("col", location.column)] {
            if let Some(value) = value {
                properties.push_str(&format!(",{key}={value}"));
            }
        }
    }
    format!("::{kind} {properties}::{}\n", data(&row.detail()))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Location, Outcome};

    fn report(rows: Vec<Row>) -> Report {
        const SPEC: CommandSpec = CommandSpec::new("scan-secrets", "RESULT", "FOUND");
        Report::new(&SPEC, "SECRET SCAN", Conclusion::new(Outcome::Fail, "FOUND")).rows(rows)
    }

    #[test]
    fn a_location_and_hostile_text_are_escaped() {
        let location = Location { path: "a:b,c".into(), line: Some(3), column: None };
        let row = Row::new("rule", Outcome::Fail).reason("100%\n::error::forged").at(location);
        let text = render(&report(vec![row]));
        let expected = "::error title=mmops scan-secrets%3A rule,file=a%3Ab%2Cc,line=3::100%25%0A::error::forged\n\
                        | scan_secrets | FAIL | RESULT=FOUND |\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn more_annotations_than_are_shown_are_counted() {
        let rows = (0..12).map(|i| Row::new(format!("r{i}"), Outcome::Fail)).collect();
        let text = render(&report(rows));
        assert!(text.contains("::error::and 3 more FAIL, see the summary\n"), "{text}");
        assert_eq!(text.lines().count(), 11);
    }

    #[test]
    fn warnings_and_what_was_left_out_share_a_kind() {
        let row = |i| Row::new(format!("r{i}"), if i % 2 == 0 { Outcome::Warn } else { Outcome::Skipped });
        let text = render(&report((0..12).map(row).collect()));
        assert!(text.contains("::warning::and 3 more WARN or SKIP, see the summary\n"), "{text}");
        assert_eq!(text.matches("::warning").count(), 10);
    }

    #[test]
    fn a_summary_stays_below_the_limit() {
        let rows = (0..20_000).map(|i| Row::new(format!("{i}-{}", "x".repeat(80)), Outcome::Fail)).collect();
        let text = summary(&report(rows));
        assert!(text.len() < 1024 * 1024);
        assert!(text.contains("rows are not shown here"));
    }
}
