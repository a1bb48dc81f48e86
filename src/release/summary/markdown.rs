//! The summary for people: a table a section, with what vouches for it above.

use super::document::{Figure, ReleaseSummary, Section};
use crate::format::{markdown, text};
use crate::report::maker::ClockKind;
use serde_json::Value;

pub(super) fn render(summary: &ReleaseSummary) -> String {
    let ReleaseSummary { header, name, release_version, git, legacy, judged_from, sections } = summary;
    let mut out = markdown::heading(1, &format!("Release summary of {name} {release_version}")) + "\n";
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
        let reasons = markdown::plain(&text::line(&source.reasons.join("; ")));
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
        out.push_str(&markdown::item(&format!("Does not count: {reason}")));
    }
    out.push('\n');
    out.push_str(&markdown::table_head(&["figure", "value", "limit", "state"]));
    for Figure { name, value, unit, limit, state } in &section.figures {
        let value = format!("{} {unit}", display(value));
        let absent = || "-".to_owned();
        let cells =
            [name.clone(), value, limit.clone().unwrap_or_else(absent), state.clone().unwrap_or_else(absent)];
        out.push_str(&markdown::row(cells.map(|cell| cell.trim().to_owned())));
    }
    out
}

/// A number with up to four decimals, a word without its quotes.
fn display(value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.4}", number.as_f64().unwrap_or(f64::NAN));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_string(),
    }
}
