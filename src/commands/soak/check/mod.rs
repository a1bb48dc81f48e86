//! `mmops soak check`: whether a source has what the figures of a run need, asked once, in seconds.

mod report;
mod verdict;

use super::probe::inspect;
use super::run::{self, PlanArgs};
use crate::ctx::Ctx;
use crate::judge::kpi::collector::SIMULATED;
use crate::report::Report;
use report::report;
use verdict::{CheckFacts, verdict};

pub(crate) use report::{CheckBody, SPEC};

/// Ask a source once for all that a run needs, before the run
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_check")]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, probed) = run::ask_once(&args.plan, ctx)?;
    let facts = CheckFacts {
        source: plan.origin.as_str().to_owned(),
        profile: plan.profile_name.clone(),
        simulated: plan.header.simulated || probed.series.iter().any(|one| one.name == SIMULATED),
        selectors: inspect(&plan, &probed, plan.origin.is_server()),
        failures: probed.failures,
        faulty: probed.faulty.into_iter().map(|family| family.fault).collect(),
    };
    Ok(report(&facts, verdict(&facts)))
}
