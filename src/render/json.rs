//! One JSON document: sorted keys, one trailing newline. Floats are the shortest text that parses back
//! to the same `f64`.

use crate::report::{Report, Row};
use serde_json::{Map, Value, json};

/// Renders the document of `mmops schema <command>`.
///
/// # Panics
/// Never: a value serialises.
pub fn render(report: &Report) -> String {
    let mut document: Map<String, Value> = report.body.clone();
    document.insert("schema".into(), format!("mmops.{}.v1", report.command).into());
    document.insert("verdict".into(), report.marker.value.clone().into());
    document.insert("status".into(), report.marker.status.word().into());
    document.insert("marker".into(), format!("{}={}", report.marker.key, report.marker.value).into());
    document.insert("exit_code".into(), report.exit.code().into());
    document.insert("rows".into(), report.rows.iter().map(row).collect());
    document.insert("evidence".into(), json!(report.evidence));
    let mut text = serde_json::to_string_pretty(&document).expect("a value serialises");
    text.push('\n');
    text
}

fn row(row: &Row) -> Value {
    let mut fields = row.fields.clone();
    fields.insert("name".into(), row.name.clone().into());
    fields.insert("status".into(), row.status.word().into());
    if !row.note.is_empty() {
        fields.insert("note".into(), row.note.clone().into());
    }
    if !row.reasons.is_empty() {
        fields.insert("reasons".into(), json!(row.reasons));
    }
    if let Some(place) = &row.place {
        fields.insert("path".into(), place.path.clone().into());
        fields.insert("line".into(), json!(place.line));
        fields.insert("column".into(), json!(place.column));
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Marker, Status};

    #[test]
    fn keys_are_sorted_and_the_document_ends_with_one_newline() {
        let marker = Marker::new("rotate_artifacts", Status::Fail, "ROTATION", "FAILED");
        let report = Report::new("rotate", "ARTIFACT ROTATION", marker)
            .rows(vec![Row::new("ttl", Status::Fail).reason("no").field("files", 3)]);
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
}
