//! The two files of `tune`, the grid and the limits: named by the operator, found under the root, or
//! built in.

use crate::commands::tune::choose::bootstrap::BootstrapSettings;
use crate::commands::tune::choose::document::LimitsRecord;
use crate::commands::tune::choose::grid::{self, CandidateGrid, QuoterSettings, WalkForwardSplit};
use crate::commands::tune::choose::safety::SafetyLimits;
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::simulation::market;
use crate::tuning::key::PerKey;
use crate::tuning::limits::Bounds;
use crate::tuning::trading::{Fees, Latency};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the grid lies when it is not named.
pub(super) const GRID: &str = "deploy/tuning/grid.yaml";
/// Where the limits lie when they are not named.
pub(super) const LIMITS: &str = "deploy/tuning/limits.yaml";

const BUILT_IN_GRID: &str = include_str!("../../../deploy/tuning/grid.yaml");
const BUILT_IN_LIMITS: &str = include_str!("../../../deploy/tuning/limits.yaml");

/// The grid file.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GridFile {
    grid: PerKey<Option<Vec<f64>>>,
    fixed: PerKey<Option<f64>>,
    quoter: QuoterSettings,
    pub(super) fees: Fees,
    pub(super) latency: Latency,
    #[serde(default)]
    pub(super) feeds: Vec<PathBuf>,
    pub(super) generated: market::FeedSpec,
    pub(super) walk_forward: WalkForwardSplit,
    pub(super) bootstrap: BootstrapSettings,
}

/// The limits file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsFile {
    pub(super) safety: SafetyLimits,
    pub(super) bounds: Bounds,
    pub(super) feed: market::FeedLimits,
}

impl LimitsFile {
    /// The limits as a report keeps them.
    pub(super) fn record(&self) -> LimitsRecord {
        let feed = serde_json::to_value(self.feed).expect("plain data serialises");
        LimitsRecord { bounds: self.bounds, feed, safety: self.safety }
    }
}

/// A decoded file and the name to use for it in messages.
#[derive(Debug)]
pub(super) struct Named<T> {
    pub(super) value: T,
    pub(super) name: String,
}

impl<T> Named<T> {
    fn refuse(&self, problems: &[String]) -> Result<(), Fault> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(Fault::config(format!("failed to load `{}`: {}", self.name, problems.join("; "))))
    }
}

/// Loads and checks the limits.
pub(super) fn limits(named: Option<&Path>, ctx: &Ctx) -> Result<Named<LimitsFile>, Fault> {
    let file: Named<LimitsFile> = load(named, LIMITS, BUILT_IN_LIMITS, ctx)?;
    file.refuse(&grid::limits_problems(&file.value.safety, &file.value.bounds))?;
    Ok(file)
}

/// Loads the grid file; what it holds is checked by [`grid_of`], after the command line had its say.
pub(super) fn grid(named: Option<&Path>, ctx: &Ctx) -> Result<Named<GridFile>, Fault> {
    load(named, GRID, BUILT_IN_GRID, ctx)
}

/// The grid of a grid file, checked against the limits.
pub(super) fn grid_of(file: &Named<GridFile>, limits: &LimitsFile) -> Result<CandidateGrid, Fault> {
    let GridFile { grid, fixed, quoter, fees, latency, walk_forward, bootstrap, .. } = &file.value;
    file.refuse(&grid::settings_problems(fees, latency, *walk_forward, bootstrap))?;
    match CandidateGrid::new(grid, fixed, *quoter, &limits.bounds, &limits.safety) {
        Ok(grid) => Ok(grid),
        Err(problems) => Err(file.refuse(&problems).expect_err("there are problems")),
    }
}

fn load<T: DeserializeOwned>(
    named: Option<&Path>,
    default: &'static str,
    built_in: &str,
    ctx: &Ctx,
) -> Result<Named<T>, Fault> {
    let source = ctx.configs.choose(named, default, built_in, default)?;
    let value = source.parse()?;
    Ok(Named { value, name: source.file.unwrap_or_else(|| format!("built-in {default}")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::config::{self, Format};

    #[test]
    fn the_shipped_files_are_the_standard_grid_inside_the_documented_bounds() {
        let limits: LimitsFile = config::parse(BUILT_IN_LIMITS, Format::Yaml, LIMITS).unwrap();
        assert_eq!(grid::limits_problems(&limits.safety, &limits.bounds), Vec::<String>::new());
        let ends: Vec<(f64, f64)> =
            limits.bounds.values().iter().map(|bound| (bound.min, bound.max)).collect();
        let documented =
            [(0.0, 0.6), (0.04, 0.12), (0.10, 0.20), (50.0, 300.0), (120.0, 360.0), (400.0, 1000.0)];
        assert_eq!(ends, documented);
        assert_eq!(limits.feed, market::FeedLimits::default());
        let file: GridFile = config::parse(BUILT_IN_GRID, Format::Yaml, GRID).unwrap();
        let grid = grid_of(&Named { value: file, name: GRID.to_owned() }, &limits).unwrap();
        assert_eq!(grid.len(), 81);
    }
}
