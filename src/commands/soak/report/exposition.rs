//! `POST_SOAK_METRICS.prom`: the report as a page of metrics, for a node exporter's textfile collector.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::ReportFacts;
use super::figures::Figure;
use super::snapshot::is_freeze_ready;
use crate::format::exposition::{Format, Kind, Writer};
use crate::judge::statistics::harmonic_mean;
use crate::judge::verdict::RunVerdict;
use crate::report::maker::ClockKind;

/// What a freeze of the tuner stops; the edge is never frozen.
const SUBSYSTEMS: [&str; 2] = ["rebid", "rescue_taker"];
const VERDICTS: [RunVerdict; 3] = [RunVerdict::Pass, RunVerdict::Inconclusive, RunVerdict::Fail];
const MAKER_SHARE: &str = "maker_share_ratio";

/// What the page begins with.
pub(super) const BEGINNING: &str = "# HELP mmops_soak_report_";

pub(super) fn render(facts: &ReportFacts, verdict: RunVerdict) -> String {
    let mut page = Writer::new(Format::Text);
    let flag = |holds: bool| f64::from(u8::from(holds));
    page.gauge(
        "mmops_soak_report_simulated",
        "1: these figures come from a simulation and prove nothing about a service.",
        None,
        flag(facts.header.simulated),
    );
    page.gauge(
        "mmops_soak_report_clock_frozen",
        "1: the run, or this report, was made under a clock that tells no age.",
        None,
        flag(facts.header.clock != ClockKind::System),
    );
    page.family("mmops_soak_report_verdict", Kind::Gauge, "1 for the verdict of the run.");
    for one in VERDICTS {
        page.sample("mmops_soak_report_verdict", [("verdict", one.as_str())], flag(one == verdict));
    }
    let freeze = is_freeze_ready(facts, verdict);
    page.gauge(
        "mmops_soak_report_freeze_ready",
        "1: the run stands still inside its goals.",
        None,
        flag(freeze),
    );
    let total = f64::from(facts.iterations_total());
    page.gauge("mmops_soak_report_iterations", "Iterations of the run.", None, total);
    let missing = facts.run.ledger.missing.len() as f64;
    page.gauge(
        "mmops_soak_report_iterations_missing",
        "Iterations that are missing among them.",
        None,
        missing,
    );
    if let Some((_, to)) = facts.header.observation() {
        let at = to.as_second() as f64;
        page.gauge(
            "mmops_soak_report_observed_timestamp_seconds",
            "When the run was last observed.",
            None,
            at,
        );
    }
    page.family("mmops_soak_report_goal_met", Kind::Gauge, "1: the goal is known to be met.");
    for (name, goal) in &facts.goals.judgement.gates {
        page.sample("mmops_soak_report_goal_met", [("goal", name.as_str())], flag(goal.pass));
    }
    figures(&mut page, facts);
    page.family("mmops_soak_report_guard_iterations", Kind::Gauge, "Iterations in which a guard acted.");
    for (guard, iterations) in &facts.activity.guards {
        let count = iterations.len() as f64;
        page.sample("mmops_soak_report_guard_iterations", [("guard", guard.as_str())], count);
    }
    maker(&mut page, facts);
    if let Some(is_frozen) = facts.activity.is_frozen.filter(|_| facts.has_windows()) {
        page.family("partial_freeze_active", Kind::Gauge, "1: the tuner leaves this subsystem alone.");
        for subsystem in SUBSYSTEMS {
            page.sample("partial_freeze_active", [("subsystem", subsystem)], flag(is_frozen));
        }
    }
    page.finish()
}

/// The figures of the last iterations; what is unknown has no sample.
fn figures(page: &mut Writer, facts: &ReportFacts) {
    let stats: [(&str, &str, fn(&Figure) -> Option<f64>); 4] = [
        ("mmops_soak_report_kpi_mean", "Mean over the last iterations.", |figure| figure.last.mean),
        ("mmops_soak_report_kpi_median", "Median over the last iterations.", |figure| figure.last.median),
        ("mmops_soak_report_kpi_min", "Smallest of the last iterations.", |figure| figure.last.min),
        ("mmops_soak_report_kpi_max", "Largest of the last iterations.", |figure| figure.last.max),
    ];
    for (name, help, value) in stats {
        page.family(name, Kind::Gauge, help);
        for figure in &facts.figures {
            if let Some(value) = value(figure) {
                page.sample(name, [("kpi", figure.name.as_str()), ("unit", figure.unit.as_str())], value);
            }
        }
    }
}

fn maker(page: &mut Writer, facts: &ReportFacts) {
    let Some(figure) = facts.figures.iter().find(|figure| figure.name == MAKER_SHARE) else { return };
    let begin = facts.last.first().copied().unwrap_or(u32::MAX);
    let known = figure.series.known.iter().filter(|(number, _)| *number >= begin);
    let shares: Vec<f64> = known.map(|(_, share)| *share).collect();
    if let Some(mean) = harmonic_mean(&shares) {
        let window = shares.len().to_string();
        let help = "Harmonic mean of the maker share over so many iterations; 0 when any is 0.";
        page.gauge("maker_taker_ratio_hmean", help, [("window", window.as_str())], mean);
    }
    let by_volume = facts.activity.volume.map(|(maker, all)| 100.0 * maker / all);
    if let Some(share) = by_volume.or(figure.last.mean.map(|mean| 100.0 * mean)) {
        let help = "Maker volume to all volume over the last iterations, percent.";
        page.gauge("maker_share_pct", help, None, share);
    }
}
