//! One inspection: the artifact of each task found and judged.

use super::find::Finder;
use super::judge::judge;
use super::task::Task;
use super::verdict::{Facts, Verdict, verdict};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use std::time::Duration;

pub(super) struct Inspector<'a> {
    pub(super) tasks: &'a [Task],
    pub(super) config: String,
    pub(super) window: Option<Duration>,
    pub(super) ctx: &'a Ctx,
}

impl Inspector<'_> {
    pub(super) fn inspect(&self) -> Result<(Facts, Verdict), Fault> {
        let mut finder = Finder::new(self.ctx);
        let mut judged = Vec::with_capacity(self.tasks.len());
        for task in self.tasks {
            self.ctx.check_cancelled()?;
            let found = finder.find(task)?;
            judged.push(judge(task, &found, self.ctx.clock.now(), self.window));
        }
        let facts = Facts { config: self.config.clone(), tasks: judged, window: self.window };
        let verdict = verdict(&facts);
        Ok((facts, verdict))
    }
}
