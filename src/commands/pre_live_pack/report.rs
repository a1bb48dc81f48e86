//! The report of a rehearsal, and the output of the steps that failed.

use super::plan::Step;
use super::verdict::{Facts, StepFact, Verdict, verdict};
use crate::execute::outcome::{StepEnd, StepRun};
use crate::format::{markdown, text};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("pre-live-pack", "PRE_LIVE_PACK", "FAILED").clamped().with_fixed_rows();
const TITLE: &str = "PRE-LIVE PACK DRY-RUN RESULTS";
/// The same in the Markdown form.
pub(super) const PAGE_TITLE: &str = "# PRE-LIVE PACK DRY-RUN RESULTS\n";

/// Lines of output shown below a failed row.
const SHOWN_LINES: usize = 3;

/// Measured figures are left out under a frozen clock, which promises the same bytes for the same inputs. There
/// is one row for each step, and none beside.
pub(super) fn report(steps: &[Step], facts: &Facts, is_frozen: bool) -> Report {
    let rows = steps.iter().zip(&facts.steps).map(|(step, fact)| row(step, fact, is_frozen)).collect();
    let conclusion = match verdict(facts) {
        Verdict::DryRun => Conclusion::new(Outcome::Pass, "DRYRUN"),
        Verdict::DryRunWithWarnings => Conclusion::new(Outcome::Warn, "DRYRUN"),
        Verdict::Partial => Conclusion::new(Outcome::Fail, "PARTIAL"),
        Verdict::Failed => Conclusion::new(Outcome::Fail, "FAILED"),
    };
    Report::new(&SPEC, TITLE, conclusion).rows(rows).simulated(facts.is_simulated())
}

/// The report of a call that did not ask for a rehearsal.
pub(super) fn usage(usage: &str) -> Report {
    let reason = "pre-live-pack only rehearses: pass --dry-run";
    Report::new(&SPEC, TITLE, Conclusion::new(Outcome::Fail, "FAILED"))
        .rows(vec![Row::new("usage", Outcome::Fail).reason(reason)])
        .usage(format!("{usage}\n\n{reason}"))
}

fn row(step: &Step, fact: &StepFact, is_frozen: bool) -> Row {
    let row = Row::new(&step.name, fact.outcome());
    match fact {
        StepFact::Ran(run) => ran(row, step, run, is_frozen),
        StepFact::NeedNotMet(need) => row.reason(format!("not run: it needs `{need}`, which is not OK")),
        StepFact::NotStarted(reason) => row.reason(reason),
    }
}

fn ran(mut row: Row, step: &Step, run: &StepRun, is_frozen: bool) -> Row {
    row = row.reasons(run.end.reason()).reasons(&run.unowned);
    if let StepEnd::Failed(_) | StepEnd::Excused(_) | StepEnd::Unknown(_) = &run.end {
        let output = complaint(&run.stdout.text, &run.stderr.text);
        row = row.reasons(output.iter().map(|line| format!("> {line}")));
    }
    if !run.earlier_attempts.is_empty() {
        row = row.field("earlier_attempts", &run.earlier_attempts);
    }
    if let Some(code) = run.exit_code {
        row = row.field("step_exit_code", code);
    }
    if let Some(signal) = run.signal {
        row = row.field("step_signal", signal);
    }
    if !is_frozen {
        row = row.field("duration_s", run.duration_secs).field("peak_rss_bytes", run.peak_rss_bytes);
    }
    row.field("argv", &step.argv)
        .field("simulated", run.simulated)
        .field("processes_left", run.processes_left)
        .field("stdout", &run.stdout)
        .field("stderr", &run.stderr)
}

/// What of a failed step's output tells most: the end of its errors; else the failed rows and the marker
/// of a report; else the end of what it printed.
fn complaint<'a>(stdout: &'a str, stderr: &'a str) -> Vec<&'a str> {
    let written = |line: &&str| !line.trim().is_empty();
    let errors: Vec<&str> =
        stderr.lines().filter(written).filter(|line| !line.starts_with("note: ")).collect();
    let lines: Vec<&str> = stdout.lines().filter(written).collect();
    let is_failed = |line: &&&str| line.starts_with("| ") && line.contains("| FAIL |");
    let mut failed: Vec<&str> = lines.iter().filter(is_failed).copied().collect();
    // The marker stands there twice: in the table, and unpadded at the end.
    let marker = failed.pop();
    failed.pop();
    let report: Vec<&str> = failed.into_iter().take(SHOWN_LINES - 1).chain(marker).collect();
    let chosen = if !errors.is_empty() {
        errors
    } else if !report.is_empty() {
        report
    } else {
        lines
    };
    chosen[chosen.len().saturating_sub(SHOWN_LINES)..].to_vec()
}

/// The output of the steps that failed, as Markdown.
pub(super) fn outputs(steps: &[Step], facts: &Facts) -> String {
    let mut out = String::new();
    for (step, fact) in steps.iter().zip(&facts.steps) {
        let StepFact::Ran(run) = fact else { continue };
        if run.outcome() == Outcome::Pass {
            continue;
        }
        for (name, output) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            out.push_str(&format!("\n## {}: {name}\n\n", step.name));
            out.push_str(&markdown::fenced("", &text::lines(output.text.trim_end())));
        }
    }
    out
}
