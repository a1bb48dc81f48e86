//! The files of a judged run: where they go, and that none of another run stands in their place.

use super::document::{self, JudgedRun};
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::format::json;
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// Where the figures and the verdict go
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/soak_metrics.json")]
    export_json: PathBuf,
    /// Where the readable form goes
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/SOAK_RESULTS.md")]
    export_md: PathBuf,
    /// Where the gates go
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/gates_summary.json")]
    gate_summary: PathBuf,
}

/// What a run writes outside its own directory.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let verdict =
        |option, id, name| given.path(id).map(|path| Output::of_verdict(option, path, Form::Document(name)));
    let readable = given.path("export_md");
    [
        readable.map(|path| Output::companion("export-md", path, Form::Text(document::TITLE))),
        verdict("gate-summary", "gate_summary", "soak-gates"),
        verdict("export-json", "export_json", "soak-metrics"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Outputs {
    /// Writes all three, to where they were asked for and under their own names into the directory of the run.
    pub(super) fn write(&self, run: &JudgedRun, dir: &Path, ctx: &Ctx) -> Result<(), Fault> {
        let contents = [
            ("SOAK_RESULTS.md", ctx.companion_file(&self.export_md)?, run.markdown()),
            ("gates_summary.json", ctx.verdict_file(&self.gate_summary)?, json::document(&run.gates())),
            ("soak_metrics.json", ctx.verdict_file(&self.export_json)?, json::document(&run.metrics())),
        ];
        write_kept(dir, "TUNING_REPORT.json", &json::document(&run.tuning()))?;
        for (name, file, text) in contents {
            write_kept(dir, name, &text)?;
            file.finish(text.as_bytes())?;
        }
        Ok(())
    }
}

/// Of a finished run that is asked for again nothing is written anew.
fn write_kept(dir: &Path, name: &str, text: &str) -> Result<(), Fault> {
    let path = dir.join(name);
    if fsio::exists(&path)? && fsio::read_text(&path)? == text {
        return Ok(());
    }
    fsio::write_atomic(&path, text.as_bytes())
}
