//! What tells a file that this program wrote from anybody else's: a name on a command line may be mistyped, and
//! may be one that other programs use as well.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The schema of a document that says why a question could not be asked.
const ERROR: &str = "error";

/// What an output looks like when it was written by the command that is to write it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A document with the schema `mmops.<name>.v<n>`, or the error that was left in its place.
    Document(&'static str),
    /// Text that begins so.
    Text(&'static str),
    /// An object of nothing but numbers: settings of another program, which knows no other fields.
    Numbers,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
}

impl Form {
    /// Whether a file with this content is an older output; an empty one has nothing to lose.
    pub(crate) fn is_own(self, content: &[u8]) -> bool {
        content.is_empty()
            || match self {
                Self::Document(name) => {
                    let head: Result<Head, _> = serde_json::from_slice(content);
                    head.is_ok_and(|head| [name, ERROR].into_iter().any(|name| is_of(&head.schema, name)))
                }
                Self::Text(beginning) => content.starts_with(beginning.as_bytes()),
                Self::Numbers => {
                    let found: Result<BTreeMap<Cow<str>, f64>, _> = serde_json::from_slice(content);
                    found.is_ok_and(|found| !found.is_empty())
                }
            }
    }
}

/// Whether a schema is this one, of whatever version.
fn is_of(schema: &str, name: &str) -> bool {
    let version = schema.strip_prefix("mmops.").and_then(|rest| rest.strip_prefix(name)?.strip_prefix(".v"));
    version.is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_only_this_program_writes() {
        let document = Form::Document("soak-gates");
        for (form, content, is_own) in [
            (document, "", true),
            (document, r#"{"a": [1], "schema": "mmops.soak-gates.v1"}"#, true),
            (document, r#"{"schema": "mmops.soak-gates.v12"}"#, true),
            (document, r#"{"schema": "mmops.error.v1", "command": "soak run"}"#, true),
            (document, r#"{"schema": "mmops.soak-plan.v2"}"#, false),
            (document, r#"{"schema": "mmops.soak-gates"}"#, false),
            (document, r#"{"schema": "mmops.soak-gates.vx"}"#, false),
            (document, r#"{"part": {"schema": "mmops.soak-gates.v1"}}"#, false),
            (document, r#"{"schema": 1}"#, false),
            (document, r#"{"schema": "mmops.soak-gates.v1""#, false),
            (document, r#"{"schema_version": "1.2", "verdict": "PASS"}"#, false),
            (document, "[]", false),
            (Form::Text("# A\n"), "# A\n\nb", true),
            (Form::Text("# A\n"), "# A b\n", false),
            (Form::Numbers, r#"{"a": 1, "b": 0.5}"#, true),
            (Form::Numbers, r#"{"a": 1, "b": {"c": 1}}"#, false),
            (Form::Numbers, "{}", false),
        ] {
            assert_eq!(form.is_own(content.as_bytes()), is_own, "{form:?}: {content}");
        }
    }
}
