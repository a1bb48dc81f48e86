//! From the facts of a comparison to what the command says.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{CompareFacts, Concurrency, KpiFacts, RunFacts};
use super::margins::Better;
use crate::evidence::explanation::Explanation;
use crate::format::number::rounded;
use crate::judge::statistics::{Branch, EventTests, FAMILY_ALPHA, Finding, SeriesTests, Tests};
use crate::report::exit::Exit;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak compare", "SOAK_COMPARE", "INCONCLUSIVE");

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CompareBody {
    /// The run that is good enough.
    baseline: ComparedRun,
    /// The run that was judged.
    candidate: ComparedRun,
    /// How their windows lie to each other: paired, concurrent at other times, or not concurrent.
    concurrency: String,
    /// Where the margins come from.
    margins: String,
    /// How seldom all figures of two equal runs together may be found worse.
    alpha: f64,
    /// The figures.
    kpis: Vec<ComparedKpi>,
    /// Why the answer is what it is, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// One of both runs.
#[derive(Debug, Serialize, JsonSchema)]
struct ComparedRun {
    /// Its directory.
    run_dir: String,
    /// SHA-256 of its plan.
    sha256: String,
    /// The build that was watched, as it says itself.
    subject: Option<String>,
    /// Whether anything in it comes from a simulation.
    simulated: bool,
    /// Iterations that are there.
    iterations: u32,
}

/// One figure of both runs.
#[derive(Debug, Serialize, JsonSchema)]
struct ComparedKpi {
    /// Its name, with the member's in front where members are judged one by one.
    name: String,
    /// SAME, BETTER, WORSE or INCONCLUSIVE.
    finding: Finding,
    /// Unit of all its values.
    unit: String,
    /// Which side is the good one.
    better: Better,
    /// How it was judged: paired, unpaired, events, or not at all.
    method: &'static str,
    /// The difference that does not matter.
    margin: f64,
    /// The middle of the windows, baseline and candidate.
    medians: [Option<f64>; 2],
    /// Windows with a value, baseline and candidate.
    n: [usize; 2],
    /// As many independent windows know as much.
    n_eff: Option<f64>,
    /// The same of how far they lie from the middle.
    n_eff_spread: Option<f64>,
    /// Candidate less baseline.
    difference: Option<f64>,
    /// Ends of its 95 % interval.
    interval: Option<[f64; 2]>,
    /// How many times as much the candidate varies.
    spread_ratio: Option<f64>,
    /// How many more of its points lie in the common worst twentieth, as a share.
    tail_excess: Option<f64>,
    /// Chances, as those of one of all tests, that a difference as large comes of runs that differ by no more than the
    /// margins; null where there is too little data.
    p_location: Option<f64>,
    p_spread: Option<f64>,
    p_tail: Option<f64>,
    /// The same of being better.
    p_better: Option<f64>,
    /// Why nothing was found, and what is to be known beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

pub(super) fn report(facts: &CompareFacts, verdict: Finding, explanation: Option<Explanation>) -> Report {
    let mut rows = rows(facts);
    rows.extend(explanation.iter().flat_map(Explanation::rows));
    let observed = facts.runs().into_iter().filter_map(|(_, run)| run.observed);
    let observed = observed.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    let body = CompareBody {
        baseline: compared_run(&facts.baseline),
        candidate: compared_run(&facts.candidate),
        concurrency: facts.concurrency.as_str().to_owned(),
        margins: facts.margins.clone(),
        alpha: FAMILY_ALPHA,
        kpis: facts.kpis.iter().map(compared_kpi).collect(),
        explanation,
    };
    Report::new(&SPEC, "SOAK COMPARE", conclusion(verdict))
        .rows(rows)
        .simulated(facts.is_simulated())
        .rests_on(facts.clock())
        .observed(observed)
        .body(&body)
        .evidence(facts.runs().map(|(_, run)| run.run_dir.clone()))
}

fn conclusion(verdict: Finding) -> Conclusion {
    let (outcome, exit) = match verdict {
        Finding::Same | Finding::Better => (Outcome::Pass, Exit::Ok),
        Finding::Inconclusive => (Outcome::Unknown, Exit::Stalled),
        Finding::Worse => (Outcome::Fail, Exit::Fail),
    };
    Conclusion::new(outcome, verdict.as_str()).exit(exit)
}

fn compared_run(run: &RunFacts) -> ComparedRun {
    ComparedRun {
        run_dir: run.run_dir.clone(),
        sha256: run.sha256.clone(),
        subject: run.subject.clone(),
        simulated: run.simulated,
        iterations: run.iterations,
    }
}

fn compared_kpi(kpi: &KpiFacts) -> ComparedKpi {
    let judgement = &kpi.judgement;
    let adjusted = |at: usize| judgement.p_worse[at].map(|_| judgement.adjusted_worse[at]);
    let tests = match &judgement.tests {
        Tests::Series(tests) => Some(tests),
        Tests::Events(_) | Tests::Unknown(_) => None,
    };
    let shift = kpi.shift();
    ComparedKpi {
        name: kpi.name.clone(),
        finding: judgement.finding,
        unit: kpi.unit.clone(),
        better: kpi.better,
        method: kpi.method(),
        margin: kpi.margins.shift,
        medians: kpi.medians,
        n: kpi.counts,
        n_eff: tests.map(|tests| tests.location.n_eff),
        n_eff_spread: tests.map(|tests| tests.spread.n_eff),
        difference: shift.map(|shift| shift.estimate),
        interval: shift.map(|shift| [shift.low, shift.high]),
        spread_ratio: tests.and_then(|tests| tests.spread_ratio),
        tail_excess: tests.map(|tests| tests.tail_excess),
        p_location: adjusted(0),
        p_spread: adjusted(1),
        p_tail: adjusted(2),
        p_better: judgement.p_better.map(|_| judgement.adjusted_better),
        notes: notes(kpi),
    }
}

fn rows(facts: &CompareFacts) -> Vec<Row> {
    let mut rows = Vec::new();
    for (arm, run) in facts.runs() {
        let outcome = match (run.problems.is_empty(), run.iterations < run.planned) {
            (false, _) => Outcome::Unknown,
            (true, true) => Outcome::Warn,
            (true, false) => Outcome::Pass,
        };
        let subject = run.subject.as_ref().map(|subject| format!(", {subject}")).unwrap_or_default();
        let note = format!("{}, {} of {} iterations{subject}", run.run_dir, run.iterations, run.planned);
        rows.push(Row::new(arm, outcome).note(note).reasons(run.problems.iter().take(MOST_PROBLEMS)));
    }
    let concurrency = match facts.concurrency {
        Concurrency::Paired => Outcome::Pass,
        Concurrency::Overlapping | Concurrency::Apart => Outcome::Warn,
    };
    let row = Row::new("concurrency", concurrency).note(facts.concurrency.as_str());
    rows.push(match facts.concurrency {
        Concurrency::Paired => row,
        Concurrency::Overlapping => {
            row.reason("the windows of both begin at other times, so that none are pairs")
        }
        Concurrency::Apart => row.reason("what the market did in either run counts as a difference"),
    });
    rows.extend(facts.kpis.iter().map(kpi_row));
    if facts.is_no_evidence() {
        let reason = "a simulation is no evidence; --mock compares it as a rehearsal";
        rows.push(Row::new("evidence", Outcome::Fail).reason(reason));
    }
    rows
}

/// Problems of a run that are shown.
const MOST_PROBLEMS: usize = 5;

fn kpi_row(kpi: &KpiFacts) -> Row {
    let outcome = match kpi.judgement.finding {
        Finding::Same | Finding::Better => Outcome::Pass,
        Finding::Inconclusive => Outcome::Unknown,
        Finding::Worse => Outcome::Fail,
    };
    let finding = kpi.judgement.finding.as_str();
    Row::new(&kpi.name, outcome).note(format!("{finding} {}", figures(kpi))).reasons(notes(kpi))
}

/// Four digits, more of which nobody reads.
fn short(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the logarithm of a number")]
    let decimals =
        if value == 0.0 { 0 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 17.0) as usize };
    rounded(value, decimals)
}

/// Both middles, the difference and its interval against the margin.
pub(super) fn figures(kpi: &KpiFacts) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), short);
    let [one, two] = kpi.medians.map(value);
    let unit = &kpi.unit;
    let difference = kpi
        .shift()
        .map(|shift| format!("; {} [{}, {}]", short(shift.estimate), short(shift.low), short(shift.high)));
    let margin = short(kpi.margins.shift);
    format!("{one} -> {two} {unit}{} (margin {margin})", difference.unwrap_or_default())
}

/// What decided, what is missing, and what is to be known beside it.
pub(super) fn notes(kpi: &KpiFacts) -> Vec<String> {
    let judgement = &kpi.judgement;
    let decided = match (&judgement.tests, judgement.finding) {
        (Tests::Unknown(reason), _) => vec![reason.clone()],
        (Tests::Series(tests), Finding::Worse) => worse(kpi, tests),
        (Tests::Series(tests), Finding::Inconclusive) => lacking(kpi, tests),
        (Tests::Events(tests), Finding::Worse | Finding::Inconclusive | Finding::Better) => {
            vec![events(kpi, tests)]
        }
        (Tests::Series(_) | Tests::Events(_), Finding::Same | Finding::Better) => Vec::new(),
    };
    decided.into_iter().chain(kpi.notes.iter().cloned()).collect()
}

/// Which of the three tests found it worse.
fn worse(kpi: &KpiFacts, tests: &SeriesTests) -> Vec<String> {
    let adjusted = kpi.judgement.adjusted_worse;
    let chance = |at: usize| format!("chance {:.2e}", adjusted[at]);
    let spread = tests
        .spread_ratio
        .map_or_else(|| "more".to_owned(), |ratio| format!("{} times as much", short(ratio)));
    let texts = [
        format!("worse by more than the margin ({})", chance(0)),
        format!("it varies {spread} ({})", chance(1)),
        format!(
            "{} % more of its points are among the worst ({})",
            short(tests.tail_excess * 100.0),
            chance(2)
        ),
    ];
    texts.into_iter().zip(adjusted).filter(|(_, p)| *p <= FAMILY_ALPHA).map(|(text, _)| text).collect()
}

fn lacking(kpi: &KpiFacts, tests: &SeriesTests) -> Vec<String> {
    if tests.is_paired && tests.location.n_eff == 0.0 {
        return vec!["both runs have the same value in every common window, which says nothing".to_owned()];
    }
    if let Some([of_baseline, of_candidate]) = tests.more_points {
        let known = short(tests.location.n_eff.floor());
        return vec![format!(
            "too few windows, which know as much as {known} independent ones: {of_baseline} more of the baseline and \
             {of_candidate} more of the candidate would do"
        )];
    }
    if kpi.margins.shift == 0.0 {
        return vec!["no difference beyond chance, and without a margin nothing is the same".to_owned()];
    }
    if kpi.open > 0 {
        let open = kpi.open;
        return vec![format!(
            "{open} values lie beyond the last bucket: how far apart they are is not known"
        )];
    }
    if tests.is_inside {
        let most = short(kpi.margins.spread_same);
        return vec![format!("inside the margin, but it may vary {most} times as much or more")];
    }
    vec!["neither inside the margin beyond chance, nor beyond it".to_owned()]
}

fn events(kpi: &KpiFacts, tests: &EventTests) -> String {
    let [one, two] = tests.arms.map(|arm| format!("{} events in {}", short(arm.events), short(arm.exposure)));
    let chance = kpi.judgement.adjusted_worse[0];
    let how = match tests.branch {
        Branch::Exact { ratio: Some((low, high)) } => {
            format!("ratio of the rates {} to {}", short(low), short(high))
        }
        Branch::Exact { ratio: None } => "too few events that are independent".to_owned(),
        Branch::Normal { z } => format!("z {}", short(z)),
        Branch::NoEvents { upper } => format!("the rate may be up to {}", short(upper * kpi.rate_factor)),
    };
    format!("{one} -> {two}, {how} (chance {chance:.2e})")
}
