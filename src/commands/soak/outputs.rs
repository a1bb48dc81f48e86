//! The files of a judged run: where they go, and that none of another run stands in their place.

use super::document::JudgedRun;
use crate::ctx::Ctx;
use crate::format::json;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, AtomicFile};
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

impl Outputs {
    fn paths(&self, ctx: &Ctx) -> [PathBuf; 3] {
        [&self.export_json, &self.export_md, &self.gate_summary].map(|path| ctx.path(path))
    }

    /// Finds a path that cannot be written before the run, not after it.
    pub(super) fn probe(&self, ctx: &Ctx) -> Result<(), Fault> {
        self.paths(ctx).iter().try_for_each(|path| AtomicFile::create(path).map(drop))
    }

    /// Removes what an earlier run left there, whose verdict would otherwise stand until this run has one.
    /// The directory of that run keeps its own.
    pub(super) fn clear(&self, ctx: &Ctx) -> Result<(), Fault> {
        self.paths(ctx).iter().try_for_each(|path| match fsio::remove(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::write(format!("`{}`", path.display()), &error))
            }
            Ok(()) | Err(_) => Ok(()),
        })
    }

    /// Writes all three, to where they were asked for and under their own names into the directory of the run.
    pub(super) fn write(&self, run: &JudgedRun, dir: &Path, ctx: &Ctx) -> Result<(), Fault> {
        let contents = [
            ("soak_metrics.json", json::document(&run.metrics())),
            ("SOAK_RESULTS.md", run.markdown()),
            ("gates_summary.json", json::document(&run.gates())),
        ];
        for (path, (name, text)) in self.paths(ctx).iter().zip(contents) {
            fsio::write_atomic(&dir.join(name), text.as_bytes())?;
            fsio::write_atomic(path, text.as_bytes())?;
        }
        Ok(())
    }
}
