//! What a command found: rows, verdict, marker and evidence. Plain data; the renderers see only this.

pub(crate) mod exit;
pub(crate) mod render;

use crate::report::exit::Exit;
use serde::Serialize;
use serde_json::{Map, Value};

/// The state of a row or a marker, worst last, so that `max` folds to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
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
    pub(crate) fn word(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warn => "WARN",
            Status::Skip => "SKIP",
            Status::Fail => "FAIL",
        }
    }
}

/// What came of one check, worst last. A check that could not be made is [`Outcome::Unknown`]; one that was
/// left out is [`Outcome::Skipped`]. Neither is ever a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Asked, and the answer is yes.
    Pass,
    /// Yes, with something a person should look at.
    Warn,
    /// Not asked.
    Skipped,
    /// Asked, and there is no answer.
    Unknown,
    /// Asked, and the answer is no.
    Fail,
}

impl Outcome {
    /// The worst of several outcomes; nothing checked is nothing known.
    pub(crate) fn fold(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Unknown)
    }

    /// The status that a row of this outcome shows.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Pass => Status::Ok,
            Self::Warn => Status::Warn,
            Self::Skipped => Status::Skip,
            Self::Unknown | Self::Fail => Status::Fail,
        }
    }

    /// Whether the answer is yes, be it with a warning.
    pub(crate) fn is_yes(self) -> bool {
        match self {
            Self::Pass | Self::Warn => true,
            Self::Skipped | Self::Unknown | Self::Fail => false,
        }
    }
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => Self::Pass,
            Status::Warn => Self::Warn,
            Status::Skip => Self::Skipped,
            Status::Fail => Self::Fail,
        }
    }
}

/// Where in a file a row's finding is; shown by the GitHub, SARIF and table renderers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Path as the operator named it, or relative to the root.
    pub(crate) path: String,
    /// 1-based line, when known.
    pub(crate) line: Option<u64>,
    /// 1-based column, when known.
    pub(crate) column: Option<u64>,
}

/// One line of the table: what was asked and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was asked; the first column.
    pub(crate) name: String,
    /// The answer.
    pub(crate) status: Status,
    /// Whether the check could not be made, which JUnit knows as an error.
    pub(crate) is_unknown: bool,
    /// Short third column, such as `KEY=VALUE`; empty for none.
    pub(crate) note: String,
    /// Reasons and explanations, each printed as an indented line below the row.
    pub(crate) reasons: Vec<String>,
    /// Where the finding is, if it is in a file.
    pub(crate) place: Option<Place>,
    /// More fields for the JSON row, beside `name`, `status`, `note`, `reasons`.
    pub(crate) fields: Map<String, Value>,
}

impl Row {
    /// A row without a note.
    pub(crate) fn new(name: impl Into<String>, outcome: impl Into<Outcome>) -> Self {
        let outcome = outcome.into();
        Self {
            name: name.into(),
            status: outcome.status(),
            is_unknown: outcome == Outcome::Unknown,
            note: String::new(),
            reasons: Vec::new(),
            place: None,
            fields: Map::new(),
        }
    }

    /// A row that is OK unless something speaks against it.
    pub(crate) fn judged(name: impl Into<String>, refusals: impl IntoIterator<Item = String>) -> Self {
        let mut row = Self::new(name, Status::Ok);
        row.reasons.extend(refusals);
        if !row.reasons.is_empty() {
            row.status = Status::Fail;
        }
        row
    }

    /// Sets the third column.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Adds an indented line below the row.
    #[must_use]
    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    /// Says where in a file the finding is.
    #[must_use]
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds a field to the JSON row.
    #[must_use]
    pub(crate) fn field(mut self, key: &str, value: impl Serialize) -> Self {
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
pub(crate) struct Marker {
    /// First column, such as `pre_live_pack`.
    pub(crate) name: String,
    /// OK, WARN or FAIL.
    pub(crate) status: Status,
    /// Key of the fixed string, such as `PRE_LIVE_PACK`.
    pub(crate) key: String,
    /// Value of the fixed string, such as `DRYRUN`.
    pub(crate) value: String,
}

/// Everything a command has to say.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Command path joined with dashes, such as `tune-sweep`; names the JSON schema.
    pub(crate) command: &'static str,
    /// Title between the rules of the table.
    pub(crate) title: String,
    /// Lines printed between the title and the rows, such as the progress of `make-ready`.
    pub(crate) preamble: Vec<String>,
    /// The rows, in the order of the plan.
    pub(crate) rows: Vec<Row>,
    /// The last line.
    pub(crate) marker: Marker,
    /// The code of the process, before clamping.
    pub(crate) exit: Exit,
    /// More top-level fields of the JSON document.
    pub(crate) body: Map<String, Value>,
    /// Files written or relied on, relative to the root where possible.
    pub(crate) evidence: Vec<String>,
}

impl Report {
    /// A report whose code follows from the marker's status: FAIL and SKIP are 1, OK and WARN are 0.
    pub(crate) fn new(command: &'static str, title: impl Into<String>, marker: Marker) -> Self {
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
    pub(crate) fn rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = rows;
        self
    }

    /// Adds the fields of `body` to the JSON document; `body` must serialise to an object.
    #[must_use]
    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_value(body).expect("plain data serialises") {
            Value::Object(fields) => self.body.extend(fields),
            other => unreachable!("a report body is an object, not {other}"),
        }
        self
    }

    /// Names a file that was written or relied on.
    #[must_use]
    pub(crate) fn evidence(mut self, path: impl Into<String>) -> Self {
        self.evidence.push(path.into());
        self
    }

    /// The report as a JSON document: the fields of the body beside those that every report has.
    pub(crate) fn document(&self) -> Map<String, Value> {
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
    pub(crate) fn is_ok(&self) -> bool {
        self.exit == Exit::Ok
    }
}

impl Marker {
    /// The marker `| name | STATUS | KEY=VALUE |`.
    pub(crate) fn new(name: &str, status: Status, key: &str, value: &str) -> Self {
        Self { name: name.to_owned(), status, key: key.to_owned(), value: value.to_owned() }
    }
}
