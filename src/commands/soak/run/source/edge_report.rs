//! A report file that the bot writes. A file that is not newer than the begin of the window says nothing
//! about it.

use super::window::{TimeWindow, wait_until};
use crate::commands::soak::plan::SoakPlan;
use crate::ctx::Ctx;
use crate::judge::kpi::collector::WHOLE;
use crate::judge::kpi::{DataState, KpiDefinition, Measurement, Member};
use crate::report::exit::Fault;
use crate::sys::json_file;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const SOURCE: &str = "edge-report";

pub(crate) struct EdgeReportSource {
    path: PathBuf,
    shown: String,
    kpis: BTreeMap<String, KpiDefinition>,
    newest: Option<Timestamp>,
}

impl EdgeReportSource {
    pub(super) fn open(path: PathBuf, plan: &SoakPlan, ctx: &Ctx) -> Self {
        Self { shown: ctx.show(&path), path, kpis: plan.kpis.clone(), newest: None }
    }

    /// Waits for the end of the window and reads the file.
    pub(super) fn window(
        &mut self,
        window: TimeWindow,
        ctx: &Ctx,
    ) -> Result<BTreeMap<String, Member>, Fault> {
        wait_until(window.to_ms, ctx)?;
        let read = self.read(window);
        let measure = |definition: &KpiDefinition| match (&read, &definition.edge_report) {
            (Err((state, reason)), _) => Measurement::unknown(*state, &definition.unit, 1, SOURCE, reason),
            (Ok(_), None) => {
                let reason = "an edge report does not have it";
                Measurement::unknown(DataState::NoData, &definition.unit, 1, SOURCE, reason)
            }
            (Ok(document), Some(field)) => {
                let found = field.path.split('.').try_fold(document, |value, key| value.get(key));
                if let Some(value) = found
                    .and_then(Value::as_f64)
                    .map(|value| value * field.scale)
                    .filter(|value| value.is_finite())
                {
                    Measurement::single(value, &definition.unit, SOURCE)
                } else {
                    let reason = format!("no number at `{}` of `{}`", field.path, self.shown);
                    Measurement::unknown(DataState::NoData, &definition.unit, 1, SOURCE, &reason)
                }
            }
        };
        let kpis = self.kpis.iter().map(|(name, definition)| (name.clone(), measure(definition))).collect();
        Ok(BTreeMap::from([(WHOLE.to_owned(), Member { kpis, ..Member::default() })]))
    }

    fn read(&mut self, window: TimeWindow) -> Result<Value, (DataState, String)> {
        let (document, modified) =
            json_file::load(&self.path).map_err(|fault| (DataState::ToolError, fault.to_string()))?;
        let no_data = |reason: String| Err((DataState::NoData, reason));
        if self.newest.is_some_and(|newest| modified <= newest) || modified.as_millisecond() <= window.from_ms
        {
            return no_data(format!("`{}` was not written since the last iteration", self.shown));
        }
        if modified.as_millisecond() > window.to_ms + 60_000 {
            return no_data(format!("`{}` was written in the future: a clock is wrong", self.shown));
        }
        self.newest = Some(modified);
        Ok(document)
    }
}
