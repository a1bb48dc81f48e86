//! From compared pairs to a report: the header, a line a difference, the footer, a row a file.

use super::Args;
use super::tree::{Form, Task, Verdict};
use crate::commands::golden_compare::drift::Rules;
use crate::commands::golden_compare::drift::difference::{Drift, Shown};
use crate::report::exit::{Exit, Fault};
use crate::report::{CommandSpec, Conclusion, Place, Report, Row, Status};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("golden-compare", "GOLDEN", "DRIFT");

/// Fields of the report.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The accepted file or directory.
    baseline: String,
    /// The file or directory that was judged.
    actual: String,
    /// Pairs of files that were compared.
    files_compared: usize,
    /// Files of the baseline that the actual directory does not have.
    missing_files: Vec<String>,
    /// Files that the baseline does not have.
    extra_files: Vec<String>,
    /// Files that could not be compared.
    unusable_files: Vec<String>,
    /// All differences, missing and extra files included.
    differences: u64,
    /// The differences that are listed, in the order of their paths.
    drifts: Vec<Shown>,
    /// Tolerance of floats without one of their own.
    tolerance: String,
    /// Tolerances of their own: path and tolerance.
    tolerances: Vec<String>,
    /// Paths that were left out.
    ignored: Vec<String>,
    /// Arrays that were compared without order.
    ignored_order: Vec<String>,
    /// Record of the acceptance, where the actual output became the baseline.
    accepted: Option<String>,
}

/// A pair of files after the comparison.
struct Entry {
    task: Task,
    total: u64,
    empty: bool,
    shown: Vec<Shown>,
    fault: Option<String>,
}

/// Everything that was compared.
pub(super) struct Outcome {
    body: Body,
    entries: Vec<Entry>,
    fail_on_drift: bool,
    declined: bool,
}

impl Outcome {
    pub(super) fn new(args: &Args, rules: &Rules) -> Self {
        let body = Body {
            baseline: args.baseline.display().to_string(),
            actual: args.actual.display().to_string(),
            tolerance: rules.tolerance.to_string(),
            tolerances: rules
                .tolerances
                .iter()
                .map(|(path, tolerance)| format!("{path}: {tolerance}"))
                .collect(),
            ignored: rules.ignored.iter().map(ToString::to_string).collect(),
            ignored_order: rules.unordered.iter().map(|rule| rule.at.to_string()).collect(),
            ..Body::default()
        };
        Self { body, entries: Vec::new(), fail_on_drift: args.fail_on_drift, declined: false }
    }

    pub(super) fn add(&mut self, task: Task, verdict: Verdict) {
        let name = task.name.clone().unwrap_or_default();
        let mut entry = Entry { total: 0, empty: false, shown: Vec::new(), fault: None, task };
        match verdict {
            Verdict::Unusable(fault) => {
                self.body.unusable_files.push(name);
                entry.fault = Some(fault.to_string());
            }
            Verdict::Compared(found) => {
                entry.total = found.total;
                entry.empty = found.empty;
                match entry.task.form {
                    Form::Missing => self.body.missing_files.push(name),
                    Form::Extra => self.body.extra_files.push(name),
                    _ => {
                        self.body.files_compared += 1;
                        entry.shown = shown(&entry.task, &found.drifts);
                    }
                }
            }
        }
        self.body.differences += entry.total;
        self.entries.push(entry);
    }

    /// Refuses a comparison of empty files, or of which everything is ignored: it could not fail.
    pub(super) fn make_sure_something_is_compared(&self, rules: &Rules) -> Result<(), Fault> {
        if self.body.differences > 0 || self.unusable().is_some() {
            return Ok(());
        }
        for entry in self.entries.iter().filter(|entry| !entry.empty) {
            if entry.task.compares_something(rules)? {
                return Ok(());
            }
        }
        let baseline = &self.body.baseline;
        if self.entries.iter().all(|entry| entry.empty) {
            let message = format!("`{baseline}` has nothing to compare: its files are empty");
            return Err(Fault::config(message).hint("nothing to compare is no match"));
        }
        let message = format!("--ignore leaves nothing of `{baseline}` to compare");
        Err(Fault::config(message).hint("name the paths that change from run to run, not those above them"))
    }

    /// Whether there is something to accept.
    pub(super) fn has_drift(&self) -> bool {
        self.body.differences > 0
    }

    /// The pairs that differ.
    pub(super) fn drifted(&self) -> impl Iterator<Item = &Task> {
        self.entries.iter().filter(|entry| entry.total > 0).map(|entry| &entry.task)
    }

    /// The first file that could not be compared, and why.
    pub(super) fn unusable(&self) -> Option<&str> {
        self.entries.iter().find_map(|entry| entry.fault.as_deref())
    }

    /// How many differences there are.
    pub(super) fn differences(&self) -> u64 {
        self.body.differences
    }

    pub(super) fn accepted(&mut self, record: String) {
        self.body.accepted = Some(record);
    }

    pub(super) fn declined(&mut self) {
        self.declined = true;
    }

    /// The listed differences, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in &self.entries {
            let file = entry.task.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            match entry.task.form {
                Form::Missing => lines.push(format!("{file}missing file")),
                Form::Extra => lines.push(format!("{file}extra file")),
                _ => {}
            }
            lines.extend(entry.shown.iter().map(|shown| format!("{file}{}", shown.message)));
            let listed = entry.shown.len() as u64;
            if listed > 0 && entry.total > listed {
                lines.push(format!("{file}and {} more", entry.total - listed));
            }
        }
        lines
    }

    pub(super) fn report(mut self) -> Report {
        self.body.drifts = self.entries.iter().flat_map(|entry| entry.shown.clone()).collect();
        let unusable = self.unusable().is_some();
        let accepted = self.body.accepted.is_some();
        let status = match (self.body.differences, unusable) {
            (_, true) => Status::Fail,
            (0, false) => Status::Ok,
            _ if self.fail_on_drift => Status::Fail,
            _ => Status::Warn,
        };
        let word = if status == Status::Ok || accepted { "MATCH" } else { "DRIFT" };
        let conclusion = Conclusion::new(status, word).exit(if unusable { Exit::Config } else { Exit::Ok });
        Report::new(&SPEC, "GOLDEN COMPARE", conclusion)
            .preamble(self.preamble(status))
            .rows(self.rows(status))
            .evidence(&self.body.accepted)
            .body(&self.body)
    }

    fn preamble(&self, status: Status) -> Vec<String> {
        if !self.has_drift() {
            let ok = "[OK] No drifts detected - golden files match".to_owned();
            return if status == Status::Ok { vec![ok] } else { Vec::new() };
        }
        let mut lines = vec![format!("[DRIFT] Found {} difference(s):", self.body.differences)];
        lines.extend(self.lines().into_iter().map(|line| format!("  - {line}")));
        lines.push(match (&self.body.accepted, self.declined, self.fail_on_drift) {
            (Some(record), ..) => {
                format!("[ACCEPTED] The actual output is the new baseline, recorded in {record}")
            }
            (None, true, _) => {
                "[WARN] Drifts found and not accepted; the baseline stays as it was".to_owned()
            }
            (None, false, true) => "[FAIL] Golden regression detected".to_owned(),
            (None, false, false) => {
                "[WARN] Drifts found but not failing (--fail-on-drift not set)".to_owned()
            }
        });
        lines
    }

    fn rows(&self, status: Status) -> Vec<Row> {
        let mut rows = Vec::new();
        let of_directories = self.entries.iter().any(|entry| entry.task.name.is_some());
        for entry in &self.entries {
            let name = entry.task.name.clone().unwrap_or_else(|| entry.task.actual.shown.clone());
            let place = |line, column| Place { path: entry.task.actual.shown.clone(), line, column };
            if let Some(fault) = &entry.fault {
                rows.push(Row::new(name, Status::Fail).note("unusable").reason(fault));
                continue;
            }
            if entry.total == 0 {
                if !of_directories {
                    rows.push(Row::new(name, Status::Ok).note("0 differences"));
                }
                continue;
            }
            let (note, reason) = match entry.task.form {
                Form::Missing => {
                    ("missing".to_owned(), "the baseline has this file, the actual output has not")
                }
                Form::Extra => ("extra".to_owned(), "the actual output has this file, the baseline has not"),
                _ => (format!("{} difference(s)", entry.total), ""),
            };
            let mut row = Row::new(name, status).note(note).field("differences", entry.total);
            if !reason.is_empty() {
                row = row.reason(reason);
            }
            if let Some(first) = entry.shown.first() {
                row = row.reason(format!("first: {}", first.message)).at(place(first.line, first.column));
            }
            rows.push(row);
        }
        if of_directories {
            let same = self.entries.iter().filter(|entry| entry.total == 0 && entry.fault.is_none()).count();
            rows.push(Row::new("files", status).note(format!("{same} of {} match", self.entries.len())));
        }
        rows
    }
}

/// The listed differences with line and column in the actual file.
fn shown(task: &Task, drifts: &[Drift]) -> Vec<Shown> {
    let mut offsets: Vec<u64> = drifts.iter().map(|drift| drift.offset).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let places = super::tree::places_in(&task.actual.path, &offsets);
    let shown = |drift: &Drift| {
        let at = offsets.binary_search(&drift.offset).ok();
        let place = places.as_ref().zip(at).and_then(|(places, at)| places.get(at));
        Shown {
            file: task.name.clone(),
            path: drift.path.to_string(),
            kind: drift.what.kind().to_owned(),
            message: drift.message(),
            line: place.map(|place| place.0),
            column: place.map(|place| place.1),
        }
    };
    drifts.iter().map(shown).collect()
}
