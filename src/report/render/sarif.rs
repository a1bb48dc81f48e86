//! SARIF 2.1.0: a result per row that has a location or a reason to be looked at.

use crate::report::{Report, Row, Status};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Renders the log of one run; a row's name is its rule, `fingerprint` in its fields identifies it.
pub(crate) fn render(report: &Report) -> String {
    let found: Vec<&Row> = report.rows.iter().filter(|row| row.status() >= Status::Warn).collect();
    // GitHub refuses a log with a result that has no place in a file; such rows speak of the run.
    let (found, of_the_run): (Vec<&Row>, Vec<&Row>) =
        found.into_iter().partition(|row| row.location.is_some());
    let mut rules = BTreeMap::new();
    for row in &found {
        rules.insert(rule(row), json!({"id": rule(row), "name": rule(row)}));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "columnKind": "unicodeCodePoints",
            "tool": {"driver": {
                "name": format!("mmops {}", report.spec.name()),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": report.exit.code() <= 1,
                "exitCode": report.exit.code(),
                "toolExecutionNotifications": of_the_run.iter().map(|row| notification(row)).collect::<Vec<_>>(),
            }],
            "results": found.iter().map(|row| result(row)).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a value serialises");
    text.push('\n');
    text
}

fn rule(row: &Row) -> String {
    row.fields.get("rule").and_then(Value::as_str).unwrap_or(&row.name).to_owned()
}

fn level(row: &Row) -> &'static str {
    if row.status() == Status::Fail { "error" } else { "warning" }
}

fn message(row: &Row) -> Value {
    let detail = row.detail();
    json!({"text": if detail.is_empty() { rule(row) } else { detail }})
}

fn notification(row: &Row) -> Value {
    json!({"descriptor": {"id": rule(row)}, "level": level(row), "message": message(row)})
}

fn result(row: &Row) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), rule(row).into());
    result.insert("level".into(), level(row).into());
    result.insert("message".into(), message(row));
    if let Some(location) = &row.location {
        let mut physical = Map::new();
        physical.insert("artifactLocation".into(), json!({"uri": uri(&location.path)}));
        if let Some(line) = location.line {
            let mut region = Map::from_iter([("startLine".to_owned(), json!(line))]);
            if let Some(column) = location.column {
                region.insert("startColumn".into(), json!(column));
            }
            physical.insert("region".into(), region.into());
        }
        result.insert("locations".into(), json!([{"physicalLocation": physical}]));
    }
    if let Some(fingerprint) = row.fields.get("fingerprint") {
        result.insert("partialFingerprints".into(), json!({"mmops/v1": fingerprint}));
    }
    Value::Object(result)
}

/// A relative path as a URI reference: everything outside the unreserved set and `/` is encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into());
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Location, Outcome};

    #[test]
    fn a_finding_has_rule_location_and_fingerprint() {
        const SPEC: CommandSpec = CommandSpec::new("scan-secrets", "RESULT", "FOUND");
        let location = Location { path: "a dir/x.env".into(), line: Some(3), column: Some(7) };
        let row = Row::new("aws-key", Outcome::Fail).at(location).field("fingerprint", "f00");
        let report = Report::new(&SPEC, "T", Conclusion::new(Outcome::Fail, "FOUND"))
            .rows(vec![row, Row::new("error", Outcome::Fail).reason("no such file")]);
        let log: Value = serde_json::from_str(&render(&report)).expect("valid JSON");
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "aws-key");
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20dir/x.env");
        assert_eq!(location["region"], json!({"startColumn": 7, "startLine": 3}));
        assert_eq!(result["partialFingerprints"]["mmops/v1"], "f00");
        let run = &log["runs"][0];
        assert_eq!(
            (run["results"].as_array().map(Vec::len), &run["columnKind"]),
            (Some(1), &json!("unicodeCodePoints"))
        );
        let notification = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!(
            (&notification["level"], &notification["message"]["text"]),
            (&json!("error"), &json!("no such file"))
        );
    }
}
