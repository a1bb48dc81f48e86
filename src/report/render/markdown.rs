//! A report as a Markdown page.

use crate::format::{markdown, text};
use crate::report::{Report, Row};

/// A table of steps with the first reason of each.
pub(crate) fn steps(report: &Report) -> String {
    page(report, &["step", "status", "reason"], |row| {
        row.reasons.first().map_or_else(String::new, |reason| text::line(reason))
    })
}

/// A table of components with their notes, and all reasons below it.
pub(crate) fn components(report: &Report) -> String {
    let mut out = page(report, &["component", "status", "result"], Row::shown_note);
    for row in report.rows.iter().filter(|row| !row.reasons.is_empty()) {
        out.push_str(&format!("\n{}\n", markdown::heading(2, &row.name)));
        out.extend(row.reasons.iter().map(|reason| markdown::item(reason)));
    }
    out
}

fn page(report: &Report, columns: &[&str], third: impl Fn(&Row) -> String) -> String {
    let marker = report.marker.assignment();
    let mut out = format!("# {}\n\n**{marker}**\n\n{}", report.title, markdown::table_head(columns));
    out.extend(
        report
            .rows
            .iter()
            .map(|row| markdown::safe_row([&text::line(&row.name), row.status().as_str(), &third(row)])),
    );
    out
}
