//! What a command found: rows, verdict, marker and evidence. Plain data; the renderers see only this.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod exit;
pub(crate) mod maker;
pub(crate) mod page;
pub(crate) mod printer;
pub(crate) mod render;

mod command;
mod outcome;

pub(crate) use command::{CommandSpec, Conclusion};
pub(crate) use outcome::{Outcome, Status};

use crate::format::text;
use exit::Exit;
use jiff::Timestamp;
use maker::ClockKind;
use serde::Serialize;
use serde_json::{Map, Value};

/// Where in a file a row's finding is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    /// Path as the operator named it, or relative to the root.
    pub(crate) path: String,
    /// 1-based.
    pub(crate) line: Option<u64>,
    /// 1-based.
    pub(crate) column: Option<u64>,
}

/// Name of the row that says that a report rests on a simulation.
pub(crate) const SIMULATED: &str = "simulated";

/// The schema of a report that says why a question could not be asked.
pub(crate) const ERROR_SCHEMA: &str = "mmops.error.v1";

/// The fields of such a report.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct ErrorBody {
    /// The command that was asked, such as `tune sweep`.
    pub(crate) command: String,
    /// What went wrong.
    pub(crate) message: String,
    /// What the operator can do about it.
    pub(crate) hints: Vec<String>,
}

/// Rows are shown, not asked: what a command answers follows from its facts, never from its rows.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    outcome: Outcome,
    /// Short third column, such as `KEY=VALUE`; empty for none.
    note: String,
    /// Whether the note is the marker of another report.
    note_is_marker: bool,
    /// Each is an indented line below the row.
    reasons: Vec<String>,
    location: Option<Location>,
    /// More fields of the JSON row.
    fields: Map<String, Value>,
}

/// What of a reason may be read by anybody: no secret, and no more than a reader wants.
fn readable(reason: &str) -> String {
    text::bounded(text::redacted(reason).into_owned())
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            outcome,
            note: String::new(),
            note_is_marker: false,
            reasons: Vec::new(),
            location: None,
            fields: Map::new(),
        }
    }

    /// A row that is OK unless something speaks against it.
    pub(crate) fn judged(name: impl Into<String>, refusals: impl IntoIterator<Item = String>) -> Self {
        let reasons: Vec<String> = refusals.into_iter().collect();
        Self::new(name, Outcome::of_refusals(&reasons)).reasons(reasons)
    }

    /// Sets the third column.
    #[must_use]
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = text::bounded(note.into());
        self
    }

    /// Sets the third column to what another report concludes; nothing else may look like a marker.
    #[must_use]
    pub(crate) fn conclusion_of(mut self, marker: impl Into<String>) -> Self {
        self.note = marker.into();
        self.note_is_marker = true;
        self
    }

    #[must_use]
    pub(crate) fn reason(self, reason: impl Into<String>) -> Self {
        self.reasons([reason])
    }

    #[must_use]
    pub(crate) fn reasons(mut self, reasons: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.reasons.extend(reasons.into_iter().map(|reason| readable(&reason.into())));
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Adds a field to the JSON row.
    #[must_use]
    pub(crate) fn field(mut self, key: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("plain data serialises");
        self.fields.insert(key.to_owned(), value);
        self
    }

    fn status(&self) -> Status {
        self.outcome.status()
    }

    /// The note where it is the marker of another report.
    fn conclusion(&self) -> Option<&str> {
        self.note_is_marker.then_some(&self.note)
    }

    /// The note on one printable line.
    fn shown_note(&self) -> String {
        if self.note_is_marker { self.note.clone() } else { text::line(&self.note) }
    }

    /// Note and reasons in one text, printable, lines kept: the figure and why it matters.
    fn detail(&self) -> String {
        let note = self.shown_note();
        let reasons = self.reasons.iter().map(|reason| text::lines(reason)).collect::<Vec<_>>().join("\n");
        match (note.is_empty(), reasons.is_empty()) {
            (_, true) => note,
            (true, false) => reasons,
            (false, false) => format!("{note}: {reasons}"),
        }
    }

    fn document(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("name".into(), self.name.clone().into());
        fields.insert("status".into(), self.status().as_str().into());
        if !self.note.is_empty() {
            fields.insert("note".into(), self.note.clone().into());
        }
        if !self.reasons.is_empty() {
            fields.insert("reasons".into(), self.reasons.clone().into());
        }
        if let Some(location) = &self.location {
            fields.insert("path".into(), location.path.clone().into());
            fields.insert("line".into(), location.line.into());
            fields.insert("column".into(), location.column.into());
        }
        Value::Object(fields)
    }
}

/// The command's last line: `| name | STATUS | KEY=VALUE |`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    name: String,
    outcome: Outcome,
    key: &'static str,
    value: &'static str,
}

impl Marker {
    /// `KEY=VALUE`.
    fn assignment(&self) -> String {
        format!("{}={}", self.key, self.value)
    }
}

/// Everything a command has to say. What it concludes is fixed when it is made.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    spec: &'static CommandSpec,
    title: String,
    /// Lines printed between the title and the rows.
    preamble: Vec<String>,
    rows: Vec<Row>,
    marker: Marker,
    exit: Exit,
    is_error: bool,
    simulated: bool,
    clock: ClockKind,
    observed: Option<(Timestamp, Timestamp)>,
    /// More top-level fields of the JSON document.
    body: Map<String, Value>,
    evidence: Vec<String>,
    /// What the JSON document has as `evidence` instead of paths.
    documents: Option<Value>,
    /// What the table form shows instead.
    usage: Option<String>,
}

impl Report {
    pub(crate) fn new(spec: &'static CommandSpec, title: impl Into<String>, conclusion: Conclusion) -> Self {
        Self {
            spec,
            title: title.into(),
            preamble: Vec::new(),
            rows: Vec::new(),
            marker: Marker {
                name: spec.marker(),
                outcome: conclusion.outcome,
                key: spec.key,
                value: conclusion.value,
            },
            exit: if spec.is_clamped { conclusion.exit.clamped() } else { conclusion.exit },
            is_error: false,
            simulated: false,
            clock: ClockKind::System,
            observed: None,
            body: Map::new(),
            evidence: Vec::new(),
            documents: None,
            usage: None,
        }
    }

    /// The report of a question that could not be asked.
    pub(crate) fn error(spec: &'static CommandSpec, exit: Exit, body: ErrorBody) -> Self {
        let ErrorBody { command, message, hints } = body;
        let hints = hints.iter().map(|hint| readable(hint)).collect();
        let body = ErrorBody { command, message: readable(&message), hints };
        let title = spec.name().to_uppercase().replace('-', " ");
        let row = Row::new("error", Outcome::Fail).reason(&body.message);
        let report = Self::new(spec, title, spec.failure(exit)).rows(vec![row]).body(&body);
        Self { is_error: true, ..report }
    }

    /// Says whether anything in it comes from a simulation.
    #[must_use]
    pub(crate) fn simulated(self, simulated: bool) -> Self {
        Self { simulated, ..self }
    }

    /// Says which clock the most doubtful part of what it rests on was made by.
    #[must_use]
    pub(crate) fn rests_on(self, clock: ClockKind) -> Self {
        Self { clock, ..self }
    }

    /// Says from when to when something was observed.
    #[must_use]
    pub(crate) fn observed(self, observed: Option<(Timestamp, Timestamp)>) -> Self {
        Self { observed, ..self }
    }

    #[must_use]
    pub(crate) fn rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = rows;
        self
    }

    /// Adds lines that are printed before the rows.
    #[must_use]
    pub(crate) fn preamble(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.preamble.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Adds the fields of `body` to the JSON document; `body` must serialise to an object.
    #[must_use]
    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        let Value::Object(fields) = serde_json::to_value(body).expect("plain data serialises") else {
            unreachable!("a report body is an object")
        };
        self.body.extend(fields);
        self
    }

    /// Names files that were written or relied on, relative to the root where possible.
    #[must_use]
    pub(crate) fn evidence(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.evidence.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Describes each document of the evidence, beyond its path; must serialise to a list.
    #[must_use]
    pub(crate) fn documents(self, documents: &impl Serialize) -> Self {
        Self { documents: Some(serde_json::to_value(documents).expect("plain data serialises")), ..self }
    }

    /// Sets what a person reads instead of the table, for a command called without what it needs.
    #[must_use]
    pub(crate) fn usage(mut self, text: String) -> Self {
        self.usage = Some(text);
        self
    }

    /// Takes the fields that say how the report was made. They stand at the top level, where none of the body
    /// may pass for one of them.
    pub(crate) fn stamp(&mut self, fields: Map<String, Value>) {
        for (name, value) in fields {
            let replaced = self.body.insert(name, value);
            assert!(
                replaced.is_none(),
                "a field of the body has the name of one of the header: {replaced:?}"
            );
        }
    }

    /// Adds a row that warns of how the report was made, unless there is one of that name or the table is fixed.
    /// What the report concludes is not changed by it.
    pub(crate) fn warn(&mut self, name: &str, reason: String) {
        let is_there = self.rows.iter().any(|row| row.name == name);
        if !is_there && !self.spec.has_fixed_rows {
            self.rows.push(Row::new(name, Outcome::Warn).reason(reason));
        }
    }

    pub(crate) fn is_stamped(&self) -> bool {
        self.body.contains_key("made_at")
    }

    /// `mmops.<command>.v<n>`, or that of an error.
    pub(crate) fn schema(&self) -> String {
        if self.is_error { ERROR_SCHEMA.to_owned() } else { self.spec.schema() }
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.simulated
    }

    pub(crate) fn clock(&self) -> ClockKind {
        self.clock
    }

    pub(crate) fn observation(&self) -> Option<(Timestamp, Timestamp)> {
        self.observed
    }

    /// The report as a JSON document: the fields of the body beside those that every report has.
    pub(crate) fn document(&self) -> Map<String, Value> {
        let mut document = self.body.clone();
        let marker = &self.marker;
        document.insert("schema".into(), self.schema().into());
        document.insert("verdict".into(), marker.value.into());
        document.insert("status".into(), marker.outcome.status().as_str().into());
        document.insert("marker".into(), marker.assignment().into());
        document.insert("exit_code".into(), self.exit.code().into());
        document.insert("rows".into(), self.rows.iter().map(Row::document).collect());
        let evidence = self.documents.clone().unwrap_or_else(|| self.evidence.clone().into());
        document.insert("evidence".into(), evidence);
        document
    }

    /// Whether the answer is yes.
    pub(crate) fn is_ok(&self) -> bool {
        self.exit == Exit::Ok
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Value of the marker, such as `GO`.
    pub(crate) fn verdict(&self) -> &'static str {
        self.marker.value
    }

    /// `KEY=VALUE` of the marker.
    pub(crate) fn marker(&self) -> String {
        self.marker.assignment()
    }

    /// What is to be looked at, row by row.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        let rows = self.rows.iter().filter(|row| row.outcome == Outcome::Warn);
        rows.flat_map(|row| row.reasons.iter().map(move |reason| format!("{}: {reason}", row.name)))
    }

    /// What speaks against a yes, row by row.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        self.rows.iter().filter(|row| !row.outcome.is_yes()).flat_map(|row| {
            let reasons = if row.reasons.is_empty() { std::slice::from_ref(&row.note) } else { &row.reasons };
            reasons.iter().map(move |reason| format!("{}: {reason}", row.name))
        })
    }
}
