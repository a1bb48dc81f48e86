//! What a command is called, and how it can end.

use super::exit::Exit;
use super::outcome::Outcome;

/// The names of a command, stated once, in its own folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandSpec {
    /// As it is typed, such as `tune sweep`.
    pub(crate) path: &'static str,
    /// First column of the marker, where it is not the path.
    marker: Option<&'static str>,
    /// Key of the marker, such as `PARAM_SWEEP`.
    pub(crate) key: &'static str,
    /// Value of the marker where the question could not be asked, of a command that promises 0 or 1.
    failure: &'static str,
    /// Whether the command promises 0 or 1 and nothing else.
    pub(crate) is_clamped: bool,
    /// Whether its table has the rows of its plan and no others.
    pub(super) has_fixed_rows: bool,
    /// Version of the report's JSON schema.
    revision: u8,
}

impl CommandSpec {
    /// The command of `path`; its marker is `KEY=VALUE`. Where the question could not be asked it is `KEY=ERROR`,
    /// and `KEY=FAILURE` of a command that promises 0 or 1.
    pub(crate) const fn new(path: &'static str, key: &'static str, failure: &'static str) -> Self {
        Self { path, marker: None, key, failure, is_clamped: false, has_fixed_rows: false, revision: 1 }
    }

    /// With a report whose schema has changed since its first version.
    #[must_use]
    pub(crate) const fn revised(self, revision: u8) -> Self {
        Self { revision, ..self }
    }

    /// `mmops.<command>.v<n>`, the schema of the report.
    pub(crate) fn schema(&self) -> String {
        format!("mmops.{}.v{}", self.name(), self.revision)
    }

    /// With `marker` as the first column of the marker.
    #[must_use]
    pub(crate) const fn named(self, marker: &'static str) -> Self {
        Self { marker: Some(marker), ..self }
    }

    /// With 0 and 1 as its only codes.
    #[must_use]
    pub(crate) const fn clamped(self) -> Self {
        Self { is_clamped: true, ..self }
    }

    /// With a table that has the rows of its plan and no others.
    #[must_use]
    pub(crate) const fn with_fixed_rows(self) -> Self {
        Self { has_fixed_rows: true, ..self }
    }

    /// The path joined with dashes, such as `tune-sweep`.
    pub(crate) fn name(&self) -> String {
        self.path.replace(' ', "-")
    }

    /// How the command ends where the question could not be asked.
    pub(crate) fn failure(&self, exit: Exit) -> Conclusion {
        let value = if self.is_clamped { self.failure } else { "ERROR" };
        Conclusion::new(Outcome::Fail, value).exit(exit)
    }

    /// Whether the command can end so, for what it asks.
    pub(crate) fn can_end_with(&self, exit: Exit) -> bool {
        match exit {
            Exit::Ok | Exit::Fail => true,
            Exit::Stalled => {
                !self.is_clamped && matches!(self.first_word(), "soak" | "chaos" | "golden-compare")
            }
            Exit::Api => !self.is_clamped && self.first_word() == "soak",
            Exit::Config
            | Exit::Dependency
            | Exit::Usage
            | Exit::Internal
            | Exit::Hangup
            | Exit::Interrupted
            | Exit::Quit
            | Exit::Terminated => !self.is_clamped,
        }
    }

    fn first_word(&self) -> &'static str {
        self.path.split(' ').next().unwrap_or_default()
    }

    pub(super) fn marker(&self) -> String {
        self.marker.map_or_else(|| self.path.replace([' ', '-'], "_"), str::to_owned)
    }
}

/// The answer of a command: outcome and value of its marker, and the code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conclusion {
    pub(super) outcome: Outcome,
    pub(super) value: &'static str,
    pub(super) exit: Exit,
}

impl Conclusion {
    /// The marker says `value`; the code is 0 for a yes, else 1.
    pub(crate) fn new(outcome: Outcome, value: &'static str) -> Self {
        let exit = if outcome.is_yes() { Exit::Ok } else { Exit::Fail };
        Self { outcome, value, exit }
    }

    /// Ends with another code. A no never ends with 0: `Exit::Ok` leaves the code as it is.
    #[must_use]
    pub(crate) fn exit(self, exit: Exit) -> Self {
        if exit == Exit::Ok { self } else { Self { exit, ..self } }
    }
}
