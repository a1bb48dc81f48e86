//! A soak verdict is not believed: the newest run is judged again from what it has kept, by its own gates, which its
//! document must agree with, and by those of the plan, which decide.

use super::plan::SoakGates;
use crate::commands::soak;
use crate::commands::soak::gate::OtherGates;
use crate::ctx::Ctx;
use crate::evidence::entry::Found;
use crate::format::json::path::{Path as Place, Step};
use crate::report::exit::Fault;
use serde_json::{Map, Value};
use std::path::Path;

/// The newest run, which may have ended badly or not yet.
const NEWEST: &str = "artifacts/soak/latest";
const SCHEMA: &str = "mmops.soak-metrics.v1";

/// What both the document of a run and the answer of `soak gate` say.
const FIELDS: [&str; 14] = [
    "run_dir",
    "verdict",
    "simulated",
    "observed_from",
    "observed_to",
    "source",
    "profile",
    "duration_hours",
    "iteration_secs",
    "planned",
    "iterations",
    "missing",
    "gaps",
    "gates",
];

/// Where a soak document is not what the newest run gives; nothing for other documents.
///
/// Whether a simulated run counts is asked of its header; here it is judged as the rehearsal that it is.
pub(super) fn departures(artifact: &str, found: &Found, gates: &SoakGates, ctx: &Ctx) -> Vec<String> {
    let fields = found.as_ref().ok().and_then(|document| document.content.as_object());
    let Some(fields) = fields.filter(|fields| fields.get("schema").is_some_and(|schema| schema == SCHEMA))
    else {
        return Vec::new();
    };
    let newest = Path::new(NEWEST);
    let differences = soak::gate::judge_again(newest, ctx).map(|again| differences(artifact, fields, &again));
    let gates = gates.max_window().map(|max_window| OtherGates {
        profile: &gates.profile,
        gates_file: gates.gates_file.as_deref(),
        kpis: gates.kpis.as_deref(),
        max_window,
    });
    let refusals = gates.map_err(|reason| anyhow::Error::from(Fault::config(reason)));
    let refusals = refusals.and_then(|gates| soak::gate::refusals(newest, &gates, ctx));
    let named = |reason: String| format!("the newest soak run does not pass {reason}");
    let refusals = refusals.map(|refusals| refusals.into_iter().map(named).collect::<Vec<String>>());
    match differences.and_then(|differences| Ok((differences, refusals?))) {
        Ok((differences, refusals)) => [differences, refusals].concat(),
        Err(error) => vec![format!("the newest soak run cannot be judged again: {error:#}")],
    }
}

fn differences(artifact: &str, fields: &Map<String, Value>, again: &Map<String, Value>) -> Vec<String> {
    let differs = |name: &&str| fields.get(*name) != again.get(*name);
    let tell = |name: &str| {
        let at = Place::default().with(Step::Key(name.to_owned()));
        let show = |fields: &Map<String, Value>| match fields.get(name) {
            None => "missing".to_owned(),
            Some(Value::Object(_) | Value::Array(_)) => "something else".to_owned(),
            Some(value) => value.to_string(),
        };
        format!("`{artifact}`: {at} is {}, the newest run gives {}", show(fields), show(again))
    };
    FIELDS.into_iter().filter(differs).map(tell).collect()
}
