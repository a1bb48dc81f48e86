//! The summary for people: a table a section, with what vouches for it above.

use super::document::{Figure, ReleaseSummary, Section};
use crate::format::{markdown, number, size, text};
use crate::release::bundle::name::title;
use crate::report::maker::ClockKind;
use serde_json::Value;

pub(super) fn render(summary: &ReleaseSummary) -> String {
    let ReleaseSummary { header, name, release_version, git, legacy, judged_from, sections } = summary;
    let mut out =
        markdown::heading(1, &format!("Release summary of {}", title(name, release_version))) + "\n";
    if header.simulated {
        out.push_str("**Simulated: figures below come from a simulation and are no evidence.**\n\n");
    }
    if header.clock != ClockKind::System {
        out.push_str("**Made under a clock that was not the system's.**\n\n");
    }
    if *legacy {
        out.push_str(
            "**Legacy: the soak's figures are those of a snapshot alone, which was not judged again.**\n\n",
        );
    }
    let revision = git.as_ref().map_or("unknown".to_owned(), |git| {
        format!("{}{}", git.commit, if git.dirty { ", from a tree that differed from it" } else { "" })
    });
    out.push_str(&markdown::item(&format!("Revision: {revision}")));
    if let Some(made_at) = header.made_at {
        out.push_str(&markdown::item(&format!("Made: {made_at}")));
    }
    for file in judged_from {
        let path = markdown::code(&file.path);
        out.push_str(&markdown::item_of(&format!("Judged from: {path}, SHA-256 {}", file.sha256)));
    }
    for section in sections {
        out.push_str(&render_section(section));
    }
    out
}

fn render_section(section: &Section) -> String {
    let source = &section.source;
    let path = markdown::code(&source.path);
    let mut out = format!("\n{}\n", markdown::heading(2, &source.name));
    let Some(sha256) = &source.sha256 else {
        let reasons = markdown::prose(&text::line(&source.reasons.join("; ")));
        out.push_str(&markdown::item_of(&format!("{path}: {reasons}")));
        return out;
    };
    out.push_str(&markdown::item_of(&format!("Source: {path}, SHA-256 {sha256}")));
    let age = source.age.as_deref().unwrap_or("unknown");
    out.push_str(&markdown::item(&format!("Age: {age}, the limit is {}", section.max_age)));
    let stamps = [(source.simulated, "simulated"), (source.frozen, "made under a frozen clock")];
    for (_, stamp) in stamps.iter().filter(|(is_stamped, _)| *is_stamped) {
        out.push_str(&markdown::item(&format!("Stamp: {stamp}")));
    }
    for reason in &source.reasons {
        let reason = markdown::prose(&text::line(reason));
        out.push_str(&markdown::item_of(&format!("Does not count: {reason}")));
    }
    out.push('\n');
    out.push_str(&markdown::table_head(&["figure", "value", "limit", "state"]));
    for Figure { name, value, unit, limit, state } in &section.figures {
        let value = with_unit(value, unit);
        let absent = || "-".to_owned();
        let limit = limit.as_ref().map(|limit| limit_with_unit(limit, unit));
        let cells = [name.clone(), value, limit.unwrap_or_else(absent), state.clone().unwrap_or_else(absent)];
        out.push_str(&markdown::row(cells.map(|cell| cell.trim().to_owned())));
    }
    out
}

/// Largest number of bytes that is one in every size.
const MOST_BYTES: f64 = 1e18;

/// As a person reads it; the JSON form has all of its digits.
fn with_unit(value: &Value, unit: &str) -> String {
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one decimal is shown")]
        Some(bytes) if unit == "bytes" && (0.0..MOST_BYTES).contains(&bytes) => size::display(bytes as u64),
        Some(_) | None => format!("{} {unit}", display(value)),
    }
}

/// A limit as the value beside it is written, so that the two can be compared.
fn limit_with_unit(limit: &str, unit: &str) -> String {
    let parts = limit.split_once(' ').and_then(|(relation, rest)| {
        let number: Value = rest.strip_suffix(unit)?.trim_end().parse::<f64>().ok()?.into();
        Some(format!("{relation} {}", with_unit(&number, unit)))
    });
    parts.filter(|_| unit == "bytes").unwrap_or_else(|| limit.to_owned())
}

/// A number with up to four decimals, or none where it is large; a word without its quotes.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or(f64::NAN);
            number::rounded(value, if value.abs() < 1000.0 { 4 } else { 0 })
        }
        other => other.to_string(),
    }
}
