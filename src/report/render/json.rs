//! One JSON document: sorted keys, one trailing newline. Floats are the shortest text that parses back
//! to the same `f64`.

use crate::format::{json, text};
use crate::report::{Report, Row};

/// Renders the document of `mmops schema <command>`.
pub(crate) fn render(report: &Report) -> String {
    let conclusions: Vec<String> = report.rows.iter().filter_map(Row::conclusion).map(quoted).collect();
    safe(&json::document(&report.document()), &conclusions)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The same document, in which only the field `marker` of the top level and the notes of `conclusions` look like
/// markers, and no character turns the direction of reading: others are written as escapes, so that every value
/// stays what it is.
fn safe(document: &str, conclusions: &[String]) -> String {
    let mut out = String::with_capacity(document.len());
    for line in document.split_inclusive('\n') {
        let note = line.strip_prefix("      \"note\": ").map(|value| value.trim_end_matches([',', '\n']));
        let is_conclusion = note.is_some_and(|note| conclusions.iter().any(|known| known == note));
        let is_marker = is_conclusion || line.starts_with("  \"marker\": ");
        let mut signs = text::marker_signs(line).filter(|_| !is_marker).peekable();
        for (at, c) in line.char_indices() {
            if signs.next_if_eq(&at).is_some() || (c != '\n' && text::is_active(c)) {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Outcome};
    use serde_json::{Value, json};

    #[test]
    fn keys_are_sorted_and_the_document_ends_with_one_newline() {
        const SPEC: CommandSpec = CommandSpec::new("rotate", "ROTATION", "FAILED");
        let report = Report::new(&SPEC, "ARTIFACT ROTATION", Conclusion::new(Outcome::Fail, "FAILED"))
            .rows(vec![Row::new("ttl", Outcome::Fail).reason("no").field("files", 3)]);
        let text = render(&report);
        let document: Value = serde_json::from_str(&text).expect("valid JSON");
        let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
        assert_eq!(document["schema"], "mmops.rotate.v1");
        assert_eq!(document["exit_code"], 1);
        assert_eq!(document["verdict"], "FAILED");
        assert_eq!(
            document["rows"][0],
            json!({"files": 3, "name": "ttl", "reasons": ["no"], "status": "FAIL"})
        );
    }

    #[test]
    fn values_from_outside_stay_what_they_are_and_pass_for_no_marker() {
        const SPEC: CommandSpec = CommandSpec::new("rotate", "ROTATION", "FAILED");
        let name = "x ROTATION=REAL \u{202e}\u{2028}é";
        let report = Report::new(&SPEC, "T", Conclusion::new(Outcome::Fail, "FAILED"))
            .rows(vec![Row::new(name, Outcome::Fail).field("marker", "ROTATION=DRYRUN")]);
        let text = render(&report);
        let found: Vec<&str> = text.lines().filter(|line| line.contains("ROTATION=")).collect();
        assert_eq!(found, ["  \"marker\": \"ROTATION=FAILED\","]);
        assert!(!text.contains(['\u{202e}', '\u{2028}']) && text.contains('é'));
        let document: Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(
            (&document["rows"][0]["name"], &document["rows"][0]["marker"]),
            (&json!(name), &json!("ROTATION=DRYRUN"))
        );
    }
}
