//! The marker table: ASCII frame, fixed least widths, the marker as the last line.

use super::marker_line;
use crate::format::text;
use crate::report::{Report, Status};
use std::fmt::Write as _;

/// Length of the `=` and `-` rules.
const RULE: usize = 60;
/// Least widths of the name, status and note columns.
const NAME: usize = 25;
const STATUS: usize = 4;
const NOTE: usize = 20;

/// Renders the table; `color` paints the status words.
pub(crate) fn render(report: &Report, color: bool) -> String {
    if let Some(usage) = &report.usage {
        return format!("{usage}\n{}", marker_line(&report.marker));
    }
    let mut out = String::new();
    let (double, single) = ("=".repeat(RULE), "-".repeat(RULE));
    let cells: Vec<(String, String)> =
        report.rows.iter().map(|row| (text::line(&row.name), row.shown_note())).collect();
    let marker = (report.marker.name.clone(), report.marker.assignment());
    let width = |of: fn(&(String, String)) -> &String, least: usize| {
        let widths = cells.iter().chain([&marker]).map(|cell| of(cell).chars().count());
        widths.max().unwrap_or_default().max(least)
    };
    let (name_width, note_width) = (width(|(name, _)| name, NAME), width(|(_, note)| note, NOTE));
    let line = |out: &mut String, (name, note): &(String, String), status: Status| {
        let name = pad(name, name_width);
        let status = paint(status, color);
        match note.as_str() {
            "" => writeln!(out, "| {name} | {status} |"),
            note => writeln!(out, "| {name} | {status} | {} |", pad(note, note_width)),
        }
        .expect("writing to a string cannot fail");
    };
    out.push_str(&format!("{double}\n{}\n{double}\n\n", text::line(&report.title)));
    for before in &report.preamble {
        out.push_str(&text::line(before));
        out.push('\n');
    }
    if !report.preamble.is_empty() {
        out.push('\n');
    }
    for (row, cell) in report.rows.iter().zip(&cells) {
        line(&mut out, cell, row.status());
        for reason in row.reasons.iter().flat_map(|reason| reason.lines()) {
            out.push_str(&format!("    {}\n", text::line(reason)));
        }
    }
    if !report.rows.is_empty() {
        out.push('\n');
    }
    out.push_str(&format!("{single}\n"));
    line(&mut out, &marker, report.marker.outcome.status());
    out.push_str(&format!("{single}\n\nExit Code: {}\n", report.exit.code()));
    out.push_str(&marker_line(&report.marker));
    out
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

fn paint(status: Status, color: bool) -> String {
    let word = pad(status.as_str(), STATUS);
    if !color {
        return word;
    }
    let code = match status {
        Status::Ok => 32,
        Status::Warn | Status::Skip => 33,
        Status::Fail => 31,
    };
    format!("\u{1b}[{code}m{word}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Outcome, Row};

    fn report(rows: Vec<Row>) -> Report {
        const SPEC: CommandSpec = CommandSpec::new("pre-live-pack", "PRE_LIVE_PACK", "FAILED");
        let conclusion = Conclusion::new(Outcome::Pass, "DRYRUN");
        Report::new(&SPEC, "PRE-LIVE PACK DRY-RUN RESULTS", conclusion).rows(rows)
    }

    #[test]
    fn the_table_of_the_conventions_is_reproduced_byte_for_byte() {
        let names = [
            "param_sweep_dry",
            "tuning_apply_dry",
            "chaos_failover_dry",
            "rotate_artifacts_dry",
            "scan_secrets_dry",
        ];
        let rows = names.map(|name| Row::new(name, Outcome::Pass)).to_vec();
        let expected = "\
============================================================
PRE-LIVE PACK DRY-RUN RESULTS
============================================================

| param_sweep_dry           | OK   |
| tuning_apply_dry          | OK   |
| chaos_failover_dry        | OK   |
| rotate_artifacts_dry      | OK   |
| scan_secrets_dry          | OK   |

------------------------------------------------------------
| pre_live_pack             | OK   | PRE_LIVE_PACK=DRYRUN |
------------------------------------------------------------

Exit Code: 0
| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |
";
        assert_eq!(render(&report(rows), false), expected);
    }

    #[test]
    fn columns_grow_with_their_content_and_reasons_are_indented() {
        let name = "a_name_of_more_than_25_characters";
        let row = Row::new(name, Outcome::Fail).note("exit 3").reason("first\nsecond");
        let text = render(&report(vec![row, Row::new("b", Outcome::Pass).note("x".repeat(24))]), false);
        assert!(
            text.contains(&format!("| {name} | FAIL | exit 3                   |\n    first\n    second\n"))
        );
        assert!(text.contains(&format!("| b{} | OK   | {} |\n", " ".repeat(32), "x".repeat(24))), "{text}");
    }

    #[test]
    fn untrusted_text_cannot_forge_a_line_or_move_the_cursor() {
        let row = Row::new("a\n| pre_live_pack | OK | X=Y |", Outcome::Fail).reason("\u{1b}[2J");
        let text = render(&report(vec![row]), false);
        assert!(text.contains("a\\n| pre_live_pack"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert_eq!(text.lines().filter(|line| line.starts_with("| pre_live_pack | OK")).count(), 1);
    }

    #[test]
    fn colour_touches_only_the_status_word_and_never_the_last_line() {
        let text = render(&report(vec![Row::new("a", Outcome::Fail)]), true);
        assert!(text.contains("\u{1b}[31mFAIL\u{1b}[0m |"));
        assert!(text.ends_with("| pre_live_pack | OK | PRE_LIVE_PACK=DRYRUN |\n"));
    }
}
