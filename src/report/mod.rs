//! What a command found: rows, verdict, marker and evidence. Plain data; the renderers see only this.

pub mod exit;
pub mod render;

use crate::report::exit::Exit;
use serde::Serialize;
use serde_json::{Map, Value};

/// The state of a row or a marker, worst last, so that `max` folds to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Asked, and the answer is yes.
    Ok,
    /// Yes, with something a person should look at.
    Warn,
    /// Not run; never counted as OK.
    Skip,
    /// The answer is no, or there is none.
    Fail,
}

impl Status {
    /// The word printed for this status.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warn => "WARN",
            Status::Skip => "SKIP",
            Status::Fail => "FAIL",
        }
    }
}

/// Where in a file a row's finding is; shown by the GitHub, SARIF and table renderers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Path as the operator named it, or relative to the root.
    pub path: String,
    /// 1-based line, when known.
    pub line: Option<u64>,
    /// 1-based column, when known.
    pub column: Option<u64>,
}

/// One line of the table: what was asked and what came of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was asked; the first column.
    pub name: String,
    /// The answer.
    pub status: Status,
    /// Short third column, such as `KEY=VALUE`; empty for none.
    pub note: String,
    /// Reasons and explanations, each printed as an indented line below the row.
    pub reasons: Vec<String>,
    /// Where the finding is, if it is in a file.
    pub place: Option<Place>,
    /// More fields for the JSON row, beside `name`, `status`, `note`, `reasons`.
    pub fields: Map<String, Value>,
}

impl Row {
    /// A row without a note.
    pub fn new(name: impl Into<String>, status: Status) -> Self {
        Self {
            name: name.into(),
            status,
            note: String::new(),
            reasons: Vec::new(),
            place: None,
            fields: Map::new(),
        }
    }

    /// A row that is OK unless something speaks against it.
    pub fn judged(name: impl Into<String>, refusals: impl IntoIterator<Item = String>) -> Self {
        let mut row = Self::new(name, Status::Ok);
        row.reasons.extend(refusals);
        if !row.reasons.is_empty() {
            row.status = Status::Fail;
        }
        row
    }

    /// Sets the third column.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds an indented line below the row.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// Says where in a file the finding is.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds a field to the JSON row.
    #[must_use]
    pub fn field(mut self, key: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("plain data serialises");
        self.fields.insert(key.to_owned(), value);
        self
    }
}

impl Row {
    fn document(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("name".into(), self.name.clone().into());
        fields.insert("status".into(), self.status.word().into());
        if !self.note.is_empty() {
            fields.insert("note".into(), self.note.clone().into());
        }
        if !self.reasons.is_empty() {
            fields.insert("reasons".into(), self.reasons.clone().into());
        }
        if let Some(place) = &self.place {
            fields.insert("path".into(), place.path.clone().into());
            fields.insert("line".into(), place.line.into());
            fields.insert("column".into(), place.column.into());
        }
        Value::Object(fields)
    }
}

/// The command's last line: `| name | STATUS | KEY=VALUE |`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// First column, such as `pre_live_pack`.
    pub name: String,
    /// OK, WARN or FAIL.
    pub status: Status,
    /// Key of the fixed string, such as `PRE_LIVE_PACK`.
    pub key: String,
    /// Value of the fixed string, such as `DRYRUN`.
    pub value: String,
}

/// Everything a command has to say.
#[derive(Clone, Debug)]
pub struct Report {
    /// Command path joined with dashes, such as `tune-sweep`; names the JSON schema.
    pub command: &'static str,
    /// Title between the rules of the table.
    pub title: String,
    /// Lines printed between the title and the rows, such as the progress of `make-ready`.
    pub preamble: Vec<String>,
    /// The rows, in the order of the plan.
    pub rows: Vec<Row>,
    /// The last line.
    pub marker: Marker,
    /// The code of the process, before clamping.
    pub exit: Exit,
    /// More top-level fields of the JSON document.
    pub body: Map<String, Value>,
    /// Files written or relied on, relative to the root where possible.
    pub evidence: Vec<String>,
}

impl Report {
    /// A report whose code follows from the marker's status: FAIL and SKIP are 1, OK and WARN are 0.
    pub fn new(command: &'static str, title: impl Into<String>, marker: Marker) -> Self {
        let exit = if marker.status >= Status::Skip { Exit::Fail } else { Exit::Ok };
        Self {
            command,
            title: title.into(),
            preamble: Vec::new(),
            rows: Vec::new(),
            marker,
            exit,
            body: Map::new(),
            evidence: Vec::new(),
        }
    }

    /// Sets the rows.
    #[must_use]
    pub fn rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = rows;
        self
    }

    /// Adds the fields of `body` to the JSON document; `body` must serialise to an object.
    #[must_use]
    pub fn body(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_value(body).expect("plain data serialises") {
            Value::Object(fields) => self.body.extend(fields),
            other => unreachable!("a report body is an object, not {other}"),
        }
        self
    }

    /// Names a file that was written or relied on.
    #[must_use]
    pub fn evidence(mut self, path: impl Into<String>) -> Self {
        self.evidence.push(path.into());
        self
    }

    /// The report as a JSON document: the fields of the body beside those that every report has.
    pub fn document(&self) -> Map<String, Value> {
        let mut document = self.body.clone();
        let marker = &self.marker;
        document.insert("schema".into(), format!("mmops.{}.v1", self.command).into());
        document.insert("verdict".into(), marker.value.clone().into());
        document.insert("status".into(), marker.status.word().into());
        document.insert("marker".into(), format!("{}={}", marker.key, marker.value).into());
        document.insert("exit_code".into(), self.exit.code().into());
        document.insert("rows".into(), self.rows.iter().map(Row::document).collect());
        document.insert("evidence".into(), self.evidence.clone().into());
        document
    }

    /// Whether the answer is yes.
    pub fn is_ok(&self) -> bool {
        self.exit == Exit::Ok
    }
}

impl Marker {
    /// The marker `| name | STATUS | KEY=VALUE |`.
    pub fn new(name: &str, status: Status, key: &str, value: &str) -> Self {
        Self { name: name.to_owned(), status, key: key.to_owned(), value: value.to_owned() }
    }
}
