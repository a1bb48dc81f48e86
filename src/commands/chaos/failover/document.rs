//! The fields of the report and of `CHAOS_FAILOVER.json`.

use super::finding::Finding;
use super::verdict::{Facts, Verdict};
use crate::commands::chaos::run_log::{Scenario, micros, ms};
use crate::judge::statistics::nearest_rank;
use schemars::JsonSchema;
use serde::Serialize;

/// How many failed runs are described in the document.
const FAILED_RUNS: usize = 20;

/// The fields of the report and of the document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct FailoverBody {
    /// What the drill was asked to do.
    parameters: Parameters,
    /// What must be 0, over all runs.
    wrongs: Wrongs,
    /// Times a store did not answer, over all runs.
    store_outages: u64,
    /// The runs that failed, at most 20 of them.
    failed_runs: Vec<FailedRun>,
    /// What was measured; left out under a frozen clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<Measured>,
}

/// What the drill was asked to do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Parameters {
    /// What happens to the leader.
    scenario: Scenario,
    /// `dry-run` or `full`.
    mode: &'static str,
    /// How long a lease lasts.
    ttl_ms: u64,
    /// Time between two renewals.
    renew_ms: u64,
    /// When the leader is hit, or how long healthy nodes are watched.
    after_ms: u64,
    /// How many runs there were.
    runs: u64,
    /// Elections that every run must have.
    elections_expected: u64,
    /// The longest takeover that is OK; `null` for healthy nodes.
    takeover_limit_ms: Option<u64>,
}

/// Counts that must be 0.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Wrongs {
    /// Runs that are not OK.
    failed_runs: u64,
    /// Runs with another number of elections than expected.
    unexpected_elections: u64,
    /// Time during which two nodes led.
    dual_leader_us: u64,
    /// Orders in the log more than once.
    duplicate_orders: u64,
    /// Orders missing from the log.
    lost_orders: u64,
    /// Orders the log took under an older token.
    older_tokens_accepted: u64,
    /// Orders a node decided after its own deadline.
    late_acts: u64,
}

/// A run that is not OK.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct FailedRun {
    /// Number of the run, from 1.
    run: u64,
    /// What was wrong.
    problems: Vec<String>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Measured {
    /// From the signal to the next leader; `null` when nobody ever took over.
    takeover: Option<Takeovers>,
    /// The runs one by one.
    runs: Vec<RunFigures>,
}

/// What was measured in one run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct RunFigures {
    /// From the signal to the next leader.
    takeover_ms: Option<u64>,
    /// From the last order of the first leader to the first of the next.
    order_gap_ms: Option<u64>,
    /// How often somebody was elected.
    elections: u64,
    /// Orders in the log.
    orders: u64,
    /// Repeated sends that the log recognised.
    idem_hits: u64,
    /// Orders refused because their token was older.
    refused_stale: u64,
    /// Times a store did not answer.
    store_outages: u64,
}

/// The distribution of takeovers over the runs, in milliseconds rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Takeovers {
    /// Runs in which somebody took over.
    pub(crate) count: u64,
    /// The shortest.
    pub(crate) min_ms: u64,
    /// Nearest-rank median.
    pub(crate) median_ms: u64,
    /// Nearest-rank 95th percentile.
    pub(crate) p95_ms: u64,
    /// The longest.
    pub(crate) max_ms: u64,
}

impl FailoverBody {
    pub(super) fn new(facts: &Facts, verdict: &Verdict, dry_run: bool, measured: bool) -> Self {
        let (plan, findings) = (&facts.plan, &verdict.findings);
        let sum = |count: fn(&Finding) -> u64| findings.iter().map(count).sum::<u64>();
        let count = |wrong: &dyn Fn(&Finding) -> bool| findings.iter().filter(|f| wrong(f)).count() as u64;
        let expected = plan.scenario.elections();
        let failed = findings.iter().zip(1..).filter(|(finding, _)| !finding.is_ok());
        let failed_runs = failed.take(FAILED_RUNS).map(|(finding, run)| FailedRun {
            run,
            problems: finding.problems.iter().take(FAILED_RUNS).map(|p| p.text.clone()).collect(),
        });
        Self {
            parameters: Parameters {
                scenario: plan.scenario,
                mode: if dry_run { "dry-run" } else { "full" },
                ttl_ms: ms(plan.ttl_us()),
                renew_ms: ms(micros(plan.renew)),
                after_ms: ms(micros(plan.after)),
                runs: findings.len() as u64,
                elections_expected: expected,
                takeover_limit_ms: (plan.scenario != Scenario::Healthy).then(|| ms(plan.takeover_limit_us())),
            },
            wrongs: Wrongs {
                failed_runs: count(&|finding| !finding.is_ok()),
                unexpected_elections: count(&|finding| finding.elections != expected),
                dual_leader_us: sum(|finding| finding.dual_us),
                duplicate_orders: sum(|finding| finding.duplicates),
                lost_orders: sum(|finding| finding.lost),
                older_tokens_accepted: sum(|finding| finding.older_accepted),
                late_acts: sum(|finding| finding.late_acts),
            },
            store_outages: sum(|finding| finding.outages),
            failed_runs: failed_runs.collect(),
            measured: measured.then(|| Measured {
                takeover: takeovers(findings),
                runs: findings.iter().map(figures).collect(),
            }),
        }
    }
}

fn figures(finding: &Finding) -> RunFigures {
    RunFigures {
        takeover_ms: finding.takeover_us.map(ms),
        order_gap_ms: finding.order_gap_us.map(ms),
        elections: finding.elections,
        orders: finding.orders,
        idem_hits: finding.idem_hits,
        refused_stale: finding.refused_stale,
        store_outages: finding.outages,
    }
}

/// The distribution, or `None` when nobody ever took over.
pub(super) fn takeovers(findings: &[Finding]) -> Option<Takeovers> {
    let mut all: Vec<u64> = findings.iter().filter_map(|finding| finding.takeover_us).map(ms).collect();
    all.sort_unstable();
    Some(Takeovers {
        count: all.len() as u64,
        min_ms: *all.first()?,
        median_ms: nearest_rank(&all, 50)?,
        p95_ms: nearest_rank(&all, 95)?,
        max_ms: *all.last()?,
    })
}
