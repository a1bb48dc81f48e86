//! JUnit XML: a suite per command, a case per row; the marker itself is the last case.

use crate::format::text;
use crate::report::{Outcome, Report, Row};
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// What every such document of ours begins with.
pub(crate) const BEGINNING: &str =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"mmops ";

/// Renders the XML document.
pub(crate) fn render(report: &Report, took: Duration) -> String {
    let command = escape(&report.spec.name());
    let marker = &report.marker;
    let last = Row::new(marker.name.clone(), marker.outcome).conclusion_of(marker.assignment());
    let cases: Vec<&Row> = report.rows.iter().chain([&last]).collect();
    let count = |wanted: Outcome| cases.iter().filter(|row| row.outcome == wanted).count();
    let mut out = String::from(BEGINNING);
    writeln!(
        out,
        "{command}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        cases.len(),
        count(Outcome::Fail),
        count(Outcome::Unknown),
        count(Outcome::Skipped),
        took.as_secs_f64(),
    )
    .expect("writing to a string cannot fail");
    for row in cases {
        out.push_str(&case(&command, row));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(command: &str, row: &Row) -> String {
    let mut open =
        format!("    <testcase classname=\"mmops.{command}\" name=\"{}\"", escape(&text::line(&row.name)));
    if let Some(secs) = row.fields.get("duration_s").and_then(Value::as_f64) {
        open.push_str(&format!(" time=\"{secs:.3}\""));
    }
    let details = row.detail();
    let message = escape(details.lines().next().unwrap_or_default());
    let details = escape(&details);
    match row.outcome {
        Outcome::Pass => format!("{open}/>\n"),
        Outcome::Warn => format!("{open}><system-out>{details}</system-out></testcase>\n"),
        Outcome::Skipped => format!("{open}><skipped message=\"{message}\"/></testcase>\n"),
        Outcome::Unknown => format!("{open}><error message=\"{message}\">{details}</error></testcase>\n"),
        Outcome::Fail => format!("{open}><failure message=\"{message}\">{details}</failure></testcase>\n"),
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
    use crate::report::{CommandSpec, Conclusion};

    #[test]
    fn what_failed_what_is_unknown_and_what_was_left_out_are_counted_and_text_is_escaped() {
        const SPEC: CommandSpec = CommandSpec::new("pre-live-pack", "PRE_LIVE_PACK", "FAILED");
        let report = Report::new(&SPEC, "T", Conclusion::new(Outcome::Fail, "FAILED")).rows(vec![
            Row::new("a", Outcome::Pass),
            Row::new("b", Outcome::Skipped).reason("needs `a`"),
            Row::new("c<", Outcome::Fail).reason("1 < 2 & \u{1b}"),
            Row::new("d", Outcome::Unknown).note("12 of 12").reason("no answer").field("duration_s", 0.25),
        ]);
        let xml = render(&report, Duration::from_millis(1500));
        assert!(
            xml.contains("tests=\"5\" failures=\"2\" errors=\"1\" skipped=\"1\" time=\"1.500\""),
            "{xml}"
        );
        assert!(xml.contains("name=\"c&lt;\"><failure message=\"1 &lt; 2 &amp; \\u{1b}\">"), "{xml}");
        let error =
            "name=\"d\" time=\"0.250\"><error message=\"12 of 12: no answer\">12 of 12: no answer</error>";
        assert!(xml.contains(error), "{xml}");
    }
}
