//! The one printer: the form that was asked for, on stdout.

use super::exit::Fault;
use super::{Report, render};
use crate::sys::env::Env;
use crate::sys::fsio;
use clap::ValueEnum;
use std::io::{self, IsTerminal as _, Write as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The marker table
    Table,
    /// One JSON document
    Json,
    /// Workflow annotations, and a Markdown table in the step summary
    Github,
    /// SARIF 2.1.0 (scan-secrets only)
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    fn is_on(self, env: &Env) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let is_plain = env.bytes("NO_COLOR").is_some() || env.get("TERM") == Some("dumb");
                io::stdout().is_terminal() && !is_plain
            }
        }
    }
}

/// What stdout shows of the report. The step summary of a workflow is written on the way.
pub(crate) fn text(report: &Report, format: Format, color: Color, env: &Env) -> String {
    match format {
        Format::Table => render::table::render(report, color.is_on(env)),
        Format::Json => render::json::render(report),
        Format::Github => {
            if let Some(path) = env.get("GITHUB_STEP_SUMMARY")
                && let Err(fault) = append_summary(path, report)
            {
                // Annotations and marker are worth more than the summary, and are all that can be had.
                tracing::warn!("the step summary lacks this report: {fault}");
            }
            render::github::render(report)
        }
        Format::Sarif => render::sarif::render(report),
    }
}

fn append_summary(path: &str, report: &Report) -> Result<(), Fault> {
    let written = fsio::append_stream(path.as_ref())?.write_all(render::github::summary(report).as_bytes());
    written.map_err(|error| Fault::write(format!("`{path}`"), &error))
}

/// Writes to stdout; a reader that has gone away is no fault.
pub(crate) fn print(text: &str) -> Result<(), Fault> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Fault::write("stdout", &error)),
        _ => Ok(()),
    }
}
