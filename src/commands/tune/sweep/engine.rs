//! Trades candidates side by side. What a thread computes depends on its candidate alone, so the order
//! and the number of threads cannot reach the figures.

use super::plan::SweepPlan;
use crate::commands::tune::choose::document::CandidateFigures;
use crate::commands::tune::choose::measure::measure as figures;
use crate::ctx::Ctx;
use crate::simulation::market::{self, Window};
use crate::sys::{progress, work};
use anyhow::Context as _;

/// Measures the candidates of these numbers; `keep` is told each as soon as it is done.
pub(super) fn measure(
    plan: &SweepPlan,
    indices: &[usize],
    jobs: usize,
    ctx: &Ctx,
    keep: impl Fn(&CandidateFigures) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<CandidateFigures>> {
    let bar = progress::bar(ctx.progress, indices.len() as u64, "candidates");
    let measured = work::map(jobs, indices.len(), |at| {
        ctx.check_cancelled().map_err(|stop| stop.hint("run it again with --resume to go on"))?;
        let measurement = candidate(plan, indices[at])?;
        keep(&measurement)?;
        bar.inc(1);
        Ok(measurement)
    });
    bar.finish_and_clear();
    measured
}

/// One candidate on both parts of every feed. Each part starts flat, and the whole is both together:
/// the first part and the rest are traded once each, not once more for the whole.
fn candidate(plan: &SweepPlan, index: usize) -> anyhow::Result<CandidateFigures> {
    let inputs = &plan.inputs;
    let params = inputs.grid.params(&inputs.grid.point(index));
    let fraction = inputs.walk_forward.train_fraction;
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for feed in &plan.feeds {
        let trade = |window| {
            market::simulate(feed, window, &params, &inputs.fees, &inputs.latency)
                .with_context(|| format!("failed to trade candidate {index} on `{}`", feed.name))
        };
        train.push(trade(Window::First(fraction))?);
        test.push(trade(Window::Rest(fraction))?);
    }
    let figures = |parts: &[_]| figures(parts, &inputs.fees, &inputs.bootstrap);
    let whole: Vec<_> = train.iter().zip(&test).flat_map(|(train, test)| [train, test]).collect();
    Ok(CandidateFigures {
        index,
        whole: figures(&whole),
        train: figures(&train.iter().collect::<Vec<_>>()),
        test: figures(&test.iter().collect::<Vec<_>>()),
    })
}
