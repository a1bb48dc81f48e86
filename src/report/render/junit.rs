//! JUnit XML: a suite per command, a case per row; the marker itself is the last case.

use crate::report::{Report, Row, Status};
use std::fmt::Write as _;
use std::time::Duration;

/// Renders the XML document.
pub(crate) fn render(report: &Report, took: Duration) -> String {
    let marker = &report.marker;
    let last = Row::new(marker.name.clone(), marker.status).note(format!("{}={}", marker.key, marker.value));
    let cases: Vec<&Row> = report.rows.iter().chain([&last]).collect();
    let count = |wanted: Status| cases.iter().filter(|row| row.status == wanted).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    writeln!(
        out,
        "  <testsuite name=\"mmops {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\">",
        escape(report.command),
        cases.len(),
        count(Status::Fail),
        count(Status::Skip),
        took.as_secs_f64(),
    )
    .expect("writing to a string cannot fail");
    for row in cases {
        out.push_str(&case(report.command, row));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(command: &str, row: &Row) -> String {
    let open =
        format!("    <testcase classname=\"mmops.{}\" name=\"{}\"", escape(command), escape(&row.name));
    let message = escape(row.reasons.first().map_or(&*row.note, String::as_str));
    let details = escape(&row.reasons.join("\n"));
    match row.status {
        Status::Ok => format!("{open}/>\n"),
        Status::Warn => format!("{open}><system-out>{details}</system-out></testcase>\n"),
        Status::Skip => format!("{open}><skipped message=\"{message}\"/></testcase>\n"),
        Status::Fail => format!("{open}><failure message=\"{message}\">{details}</failure></testcase>\n"),
    }
}

/// XML text: the five entities, and no character that XML 1.0 forbids.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' | '\t' => out.push_str(if c == '\n' { "&#10;" } else { "&#9;" }),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Marker;

    #[test]
    fn failures_and_skips_are_counted_and_text_is_escaped() {
        let marker = Marker::new("pre_live_pack", Status::Fail, "PRE_LIVE_PACK", "FAILED");
        let report = Report::new("pre-live-pack", "T", marker).rows(vec![
            Row::new("a", Status::Ok),
            Row::new("b", Status::Skip).reason("needs `a`"),
            Row::new("c<", Status::Fail).reason("1 < 2 & \u{1b}"),
        ]);
        let xml = render(&report, Duration::from_millis(1500));
        assert!(
            xml.contains("tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"1\" time=\"1.500\""),
            "{xml}"
        );
        assert!(xml.contains("name=\"c&lt;\"><failure message=\"1 &lt; 2 &amp; ?\">"), "{xml}");
    }
}
