//! `CANARY_CHECKLIST.md`: the first two days of a release, with targets from what the soak showed.

use super::figure::{self, FIGURES, Target};
use super::query::TriggerQueries;
use super::rollback_plan;
use super::shell;
use super::snapshot::Snapshot;
use crate::format::markdown;

pub(crate) const FILE_NAME: &str = "CANARY_CHECKLIST.md";

/// How far a live figure may fall behind the validated one, as a part of it, or of its distance to the target of hour 6
/// where that is more; a target at the validated figure itself would be missed half of the time.
const MARGIN: f64 = 0.05;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    /// Hours after the start.
    pub(crate) hour: u32,
    /// Each figure's name and target; not every figure has one in the first hour.
    pub(crate) targets: Vec<(String, Target)>,
}

/// The last checkpoint has the validated figures with a margin, and asks no less than the second.
pub(crate) fn checkpoints(snapshot: &Snapshot) -> [Checkpoint; 3] {
    let day = |figure: &figure::Figure| {
        let value = figure.value(snapshot.kpi(figure.key));
        let (Target::AtLeast(limit) | Target::AtMost(limit)) = figure.hour_6;
        let margin = MARGIN * value.abs().max((limit - value).abs());
        match figure.hour_6 {
            Target::AtLeast(least) => Target::AtLeast((value - margin).max(least)),
            Target::AtMost(most) => Target::AtMost((value + margin).min(most)),
        }
    };
    let checkpoint = |hour: u32, target: &dyn Fn(&figure::Figure) -> Option<Target>| Checkpoint {
        hour,
        targets: FIGURES.iter().filter_map(|figure| Some((figure.trigger.name(), target(figure)?))).collect(),
    };
    [
        checkpoint(1, &|figure| figure.hour_1),
        checkpoint(6, &|figure| Some(figure.hour_6)),
        checkpoint(24, &|figure| Some(day(figure))),
    ]
}

/// Cut to three decimals on the side that asks less.
fn display(target: Target) -> String {
    match target {
        Target::AtLeast(value) => format!(">= {:.3}", (value * 1e3).floor() / 1e3),
        Target::AtMost(value) => format!("<= {:.3}", (value * 1e3).ceil() / 1e3),
    }
}

/// What a checklist begins with.
pub(crate) const TITLE: &str = "# Canary checklist of ";

pub(crate) fn render(release: &str, bundle: &str, snapshot: &Snapshot, queries: &TriggerQueries) -> String {
    let mut out = format!("{TITLE}{release}\n\n");
    if snapshot.simulated {
        out.push_str("**Simulated soak: the targets come from a simulation and are no evidence.**\n\n");
    }
    out.push_str(&format!("- Bundle: {}\n", markdown::code(bundle)));
    out.push_str(&format!("- Soak: {}, iterations {}\n", snapshot.verdict, snapshot.range()));
    out.push_str("\n## Before the start\n\n");
    for item in [
        "The bundle verifies, with the key of the release",
        "The rollback plan was read by the person on call",
        "The previous version is still deployable",
        "Dashboards show both versions apart, alerts reach the person on call",
    ] {
        out.push_str(&format!("- [ ] {item}\n"));
    }
    out.push('\n');
    out.push_str(&shell::block(&[
        shell::line(["mmops", "bundle", "verify", bundle]),
        shell::line(["cat", &format!("{bundle}/rollback_plan.md")]),
    ]));
    out.push_str("\n## Ramp\n\n");
    out.push_str(&markdown::table_head(&["share of traffic", "hold", "go on when"]));
    for (share, hold) in [("5 %", "24 to 48 h"), ("25 %", "12 h"), ("50 %", "6 h"), ("100 %", "-")] {
        let on = if hold == "-" {
            "done"
        } else {
            "every target of the latest checkpoint holds, no trigger fired"
        };
        out.push_str(&markdown::row([share, hold, on]));
    }
    out.push_str("\n## Checkpoints\n");
    for checkpoint in checkpoints(snapshot) {
        out.push_str(&format!("\nHour {}:\n\n", checkpoint.hour));
        for (figure, target) in checkpoint.targets {
            out.push_str(&format!("- [ ] {figure} {}\n", display(target)));
        }
    }
    out.push_str(&format!(
        "\nThe targets of hour 24 are what the soak showed with a margin of {:.0} %, and never looser than those of hour 6.\n\n",
        MARGIN * 100.0
    ));
    out.push_str(&rollback_plan::queries(queries));
    out.push_str("\n## Roll back at once when\n\n");
    out.push_str(&rollback_plan::triggers());
    out.push_str("\nThen follow `rollback_plan.md` of the bundle. A metric that cannot be read holds the ramp and pages; it is not a reason to roll back.\n");
    out
}
