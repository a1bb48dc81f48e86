//! One file or folder a command: its names, its arguments, and `run`, which reads, decides, writes and
//! reports. The table in `cli` has a line for each.

pub(crate) mod bundle;
pub(crate) mod canary;
pub(crate) mod chaos;
pub(crate) mod completions;
pub(crate) mod cron_sentinel;
pub(crate) mod golden_compare;
pub(crate) mod make_ready;
pub(crate) mod man;
pub(crate) mod pre_live_pack;
pub(crate) mod readiness;
pub(crate) mod rotate;
pub(crate) mod scan_secrets;
pub(crate) mod schema;
pub(crate) mod sim;
pub(crate) mod soak;
pub(crate) mod tune;

use crate::format::form::Form;
use crate::report::Report;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What a command hands back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A report for the printer.
    Report(Box<Report>),
    /// Text for another program: a schema, a completion script, a manual page.
    Text(String),
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        Self::Report(Box::new(report))
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The values of a command's options before anything is done about them, by the ids of its arguments: what the
/// command line says, else the default. Of several the last counts.
#[derive(Debug, Default)]
pub(crate) struct Given(BTreeMap<String, Vec<OsString>>);

impl Given {
    pub(crate) fn insert(&mut self, id: &str, value: &OsStr) {
        self.0.entry(id.to_owned()).or_default().push(value.to_owned());
    }

    pub(crate) fn path(&self, id: &str) -> Option<PathBuf> {
        self.0.get(id)?.last().map(PathBuf::from)
    }

    pub(crate) fn text(&self, id: &str) -> Option<&str> {
        self.0.get(id)?.last()?.to_str()
    }

    /// All values of an option that can be repeated.
    pub(crate) fn texts(&self, id: &str) -> impl Iterator<Item = &str> {
        self.0.get(id).into_iter().flatten().filter_map(|value| value.to_str())
    }

    /// Whether a switch is on.
    pub(crate) fn is_set(&self, id: &str) -> bool {
        self.text(id) == Some("true")
    }
}

/// A file that a command writes, as the command line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Name of the option that names it; empty where none does.
    pub(crate) option: &'static str,
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) role: OutputRole,
    /// Whether the name is the command's own choice, and so no leave to replace what somebody else has there.
    pub(crate) must_be_own: bool,
}

/// What becomes of the file before the command runs. Only what is of the form that the command writes is removed;
/// anything else is replaced when the command has its answer, and not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputRole {
    /// Others go by it: an old one is removed.
    Verdict(Form),
    /// It stands beside a verdict: an old one is removed.
    Companion(Form),
    /// It says what was done to the world: an old one is true until it is replaced.
    Record,
    /// The command writes it by itself; an old one is removed.
    RemovedFirst(Form),
    /// Other programs go on with the old one until there is another, and an error is nothing to them.
    Settings(Form),
    /// The command changes it by itself, and may read it by this option before.
    Updated(Option<&'static str>),
}

impl Output {
    fn new(option: &'static str, path: PathBuf, role: OutputRole) -> Self {
        Self { option, path, role, must_be_own: false }
    }

    pub(crate) fn of_verdict(option: &'static str, path: PathBuf, form: Form) -> Self {
        Self::new(option, path, OutputRole::Verdict(form))
    }

    pub(crate) fn companion(option: &'static str, path: PathBuf, form: Form) -> Self {
        Self::new(option, path, OutputRole::Companion(form))
    }

    /// A verdict, the document of this name, and beside it its Markdown form, which begins with this title.
    pub(crate) fn with_markdown(
        option: &'static str,
        path: PathBuf,
        name: &'static str,
        title: &'static str,
    ) -> Vec<Self> {
        let beside = Self::companion(option, path.with_extension("md"), Form::Text(title));
        vec![beside, Self::of_verdict(option, path, Form::Document(name))]
    }

    pub(crate) fn record(option: &'static str, path: PathBuf) -> Self {
        Self::new(option, path, OutputRole::Record)
    }

    pub(crate) fn removed_first(option: &'static str, path: PathBuf, form: Form) -> Self {
        Self::new(option, path, OutputRole::RemovedFirst(form))
    }

    pub(crate) fn settings(option: &'static str, path: PathBuf, form: Form) -> Self {
        Self::new(option, path, OutputRole::Settings(form))
    }

    pub(crate) fn updated(option: &'static str, path: PathBuf, with: Option<&'static str>) -> Self {
        Self::new(option, path, OutputRole::Updated(with))
    }

    /// The same where the command chooses the name.
    #[must_use]
    pub(crate) fn of_own_name(self) -> Self {
        Self { must_be_own: true, ..self }
    }

    /// What it looks like when the command wrote it, where that matters before it is written.
    pub(crate) fn form(&self) -> Option<Form> {
        match self.role {
            OutputRole::Verdict(form)
            | OutputRole::Companion(form)
            | OutputRole::RemovedFirst(form)
            | OutputRole::Settings(form) => Some(form),
            OutputRole::Record | OutputRole::Updated(_) => None,
        }
    }

    /// Whether every command can write it.
    pub(crate) fn is_side(&self) -> bool {
        ["junit", "metrics-file"].contains(&self.option)
    }

    /// How a message names it.
    pub(crate) fn name(&self) -> String {
        if self.option.is_empty() { "this command".to_owned() } else { format!("--{}", self.option) }
    }
}

/// A file that a command reads, as the command line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Name of the option that names it; empty where it is read unasked.
    pub(crate) option: String,
    /// Relative to the root.
    pub(crate) path: PathBuf,
}

impl Input {
    /// How a message names it.
    pub(crate) fn name(&self) -> String {
        if self.option.is_empty() { "this command".to_owned() } else { self.option.clone() }
    }
}

/// The files of a command line.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) outputs: Vec<Output>,
    /// The options that the command line itself has, rather than by default.
    pub(crate) named: Vec<String>,
    pub(crate) inputs: Vec<Input>,
    /// Inputs of which all is read: nothing is written at or below them.
    pub(crate) whole: Vec<Input>,
}

impl Files {
    /// The first two names that stand for one file which one of them would destroy; `same` says whether two
    /// paths lead to one file.
    pub(crate) fn clash(&self, same: impl Fn(&Path, &Path) -> bool) -> Option<(&Output, String)> {
        for (at, output) in self.outputs.iter().enumerate() {
            let is_same = |path: &Path| same(&output.path, path);
            if let Some(other) = self.outputs[..at].iter().find(|other| is_same(&other.path)) {
                return Some((output, other.name()));
            }
            let may_read = |input: &Input| match output.role {
                OutputRole::Updated(Some(option)) => input.option == format!("--{option}"),
                OutputRole::Verdict(_)
                | OutputRole::Companion(_)
                | OutputRole::Record
                | OutputRole::RemovedFirst(_)
                | OutputRole::Settings(_)
                | OutputRole::Updated(None) => false,
            };
            if let Some(input) = self.inputs.iter().find(|input| is_same(&input.path) && !may_read(input)) {
                return Some((output, input.name()));
            }
        }
        None
    }

    /// The first output that would lie at or below an input of which all is read; `below` says whether one path
    /// leads to what lies at or below another.
    pub(crate) fn intruder(&self, below: impl Fn(&Path, &Path) -> bool) -> Option<(&Output, &Input)> {
        let all = self.outputs.iter().flat_map(|output| self.whole.iter().map(move |input| (output, input)));
        all.into_iter().find(|(output, input)| below(&output.path, &input.path))
    }
}
