//! One JSON document: sorted keys, one trailing newline. Floats are the shortest text that parses back
//! to the same `f64`.

use crate::format::json;
use crate::report::Report;

/// Renders the document of `mmops schema <command>`.
pub(crate) fn render(report: &Report) -> String {
    json::document(&report.document())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Outcome, Row};
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
}
