//! What a run leaves for others: `soak_metrics.json`, `gates_summary.json`, `SOAK_RESULTS.md`, and the report.
use crate::format::{json, markdown};

use crate::commands::soak::store::Plan;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::judge::record::{GateResult, Judgement, KpiStats, Ledger};
use crate::judge::verdict::{GateState, RunVerdict};
use crate::report::exit::{Exit, Fault};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status};
use crate::sys::fsio::{self, AtomicFile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the outputs go.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Outputs {
    /// Where the figures and the verdict go
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/soak_metrics.json")]
    export_json: PathBuf,
    /// Where the readable form goes
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/SOAK_RESULTS.md")]
    export_md: PathBuf,
    /// Where the gates go
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/gates_summary.json")]
    gate_summary: PathBuf,
}

/// `soak_metrics.json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Metrics {
    #[serde(flatten)]
    header: Header,
    /// When and by what the file was made.
    runtime: Runtime,
    /// PASS, FAIL or INCONCLUSIVE.
    verdict: RunVerdict,
    #[serde(flatten)]
    body: Body,
    /// What the windows showed of each figure.
    #[expect(clippy::struct_field_names, reason = "the name of the field in the file")]
    metrics: BTreeMap<String, KpiStats>,
}

/// `gates_summary.json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct GatesSummary {
    #[serde(flatten)]
    header: Header,
    /// When and by what the file was made.
    runtime: Runtime,
    /// PASS, FAIL or INCONCLUSIVE.
    verdict: RunVerdict,
    /// The directory of the run.
    run_dir: String,
    /// Name of the profile.
    profile: String,
    /// Gates by name.
    gates: BTreeMap<String, GateResult>,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Runtime {
    utc: String,
    version: String,
}

/// What the file and the report have in common.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    /// The directory of the run.
    run_dir: String,
    /// Where the figures come from.
    source: String,
    /// Name of the profile.
    profile: String,
    /// Hours that the finished iterations cover.
    duration_hours: f64,
    /// Length of an iteration, seconds.
    iteration_secs: f64,
    /// Iterations that were planned; of a run of the earlier toolkit, those found.
    planned: u32,
    /// Iterations that are there.
    iterations: u32,
    /// Iterations that are missing between others.
    missing: Vec<u32>,
    /// Times without observation.
    gaps: Vec<Gap>,
    /// Gates by name.
    gates: BTreeMap<String, GateResult>,
}

#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct Gap {
    /// The iteration after the gap.
    before_iteration: u32,
    /// Its length, seconds.
    secs: f64,
}

/// A judged run.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) verdict: RunVerdict,
    body: Body,
    stats: BTreeMap<String, KpiStats>,
    /// The header of what is written; its schema is that of each document.
    header: Header,
    /// The time that is printed.
    stamp: String,
}

/// Whence a run comes, as far as its answer shows it.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    pub(super) source: &'a str,
    pub(super) simulated: bool,
    pub(super) profile: &'a str,
    pub(super) iteration_secs: f64,
    pub(super) planned: u32,
}

impl Answer {
    /// Judges a run by the profile it was planned with.
    pub(super) fn of(plan: &Plan, ledger: &Ledger, dir: &Path, ctx: &Ctx) -> Self {
        let origin = Origin {
            source: plan.origin.word(),
            simulated: plan.simulated,
            profile: &plan.profile_name,
            iteration_secs: f64::from(plan.iteration_secs),
            planned: plan.iterations,
        };
        Self::new(&origin, ledger, ledger.judge(&plan.profile), dir, ctx)
    }

    /// Puts an answer together.
    pub(super) fn new(origin: &Origin, ledger: &Ledger, judged: Judgement, dir: &Path, ctx: &Ctx) -> Self {
        let done = ledger.iterations();
        // A run that ended early has not seen what it was to see.
        let verdict = match judged.verdict {
            RunVerdict::Pass if done < origin.planned => RunVerdict::Inconclusive,
            verdict => verdict,
        };
        let gap =
            |(before_iteration, secs): &(u32, f64)| Gap { before_iteration: *before_iteration, secs: *secs };
        let body = Body {
            run_dir: ctx.show(dir),
            source: origin.source.to_owned(),
            profile: origin.profile.to_owned(),
            duration_hours: f64::from(done) * origin.iteration_secs / 3600.0,
            iteration_secs: origin.iteration_secs,
            planned: origin.planned,
            iterations: done,
            missing: ledger.missing().to_vec(),
            gaps: ledger.gaps().iter().map(gap).collect(),
            gates: judged.gates,
        };
        let stats = ledger.stats().clone();
        let simulated = origin.simulated || ledger.is_simulated();
        let header = ctx.header("").simulated(simulated);
        Self { verdict, body, stats, header, stamp: ctx.clock.stamp_utc() }
    }

    /// The report; `more` are rows beside those of the gates.
    pub(super) fn report(&self, spec: &'static CommandSpec, title: &str, more: Vec<Row>) -> Report {
        let worst =
            self.body.gates.values().map(|gate| gate.outcome.state).max().unwrap_or(GateState::NoData);
        let status = match self.verdict {
            RunVerdict::Pass if worst == GateState::Pass => Status::Ok,
            RunVerdict::Pass => Status::Warn,
            RunVerdict::Inconclusive | RunVerdict::Fail => Status::Fail,
        };
        let exit = match self.verdict {
            RunVerdict::Pass => Exit::Ok,
            RunVerdict::Inconclusive => Exit::Stalled,
            RunVerdict::Fail => Exit::Fail,
        };
        let conclusion = Conclusion::new(status, self.verdict.as_str()).exit(exit);
        self.concluded(spec, title, conclusion, more)
    }

    /// The report of a run that a signal ended: what is known so far is kept, and there is no verdict.
    pub(super) fn interrupted(&self, spec: &'static CommandSpec, title: &str, signal: i32) -> Report {
        let conclusion = Conclusion::new(Outcome::Fail, "INTERRUPTED").exit(Exit::of_signal(signal));
        let row = Row::new("resume", Outcome::Warn).reason("continue with: mmops soak run --resume");
        self.concluded(spec, title, conclusion, vec![row])
    }

    fn concluded(
        &self,
        spec: &'static CommandSpec,
        title: &str,
        conclusion: Conclusion,
        more: Vec<Row>,
    ) -> Report {
        let mut rows = self.rows();
        rows.extend(more);
        Report::new(spec, title, conclusion)
            .rows(rows)
            .simulated(self.header.simulated)
            .body(&self.body)
            .evidence([&self.body.run_dir])
    }

    fn rows(&self) -> Vec<Row> {
        let body = &self.body;
        let complete = body.iterations >= body.planned && body.missing.is_empty();
        let run = if complete { Status::Ok } else { Status::Fail };
        let mut rows =
            vec![Row::new("iterations", run).note(format!("{} of {}", body.iterations, body.planned))];
        if self.header.simulated {
            rows.push(Row::new("simulated", Status::Warn).note(format!("SOURCE={}", body.source)));
        }
        for gap in &body.gaps {
            let reason =
                format!("{:.0} s before iteration {} were not observed", gap.secs, gap.before_iteration);
            rows.push(Row::new("gap", Status::Warn).reason(reason));
        }
        rows.extend(body.gates.iter().map(|(name, gate)| gate_row(name, gate)));
        rows
    }

    fn runtime(&self) -> Runtime {
        Runtime { utc: self.stamp.clone(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn metrics(&self) -> Metrics {
        Metrics {
            header: self.header.with_schema("mmops.soak-metrics.v1"),
            runtime: self.runtime(),
            verdict: self.verdict,
            body: self.body.clone(),
            metrics: self.stats.clone(),
        }
    }

    fn gates(&self) -> GatesSummary {
        GatesSummary {
            header: self.header.with_schema("mmops.soak-gates.v1"),
            runtime: self.runtime(),
            verdict: self.verdict,
            run_dir: self.body.run_dir.clone(),
            profile: self.body.profile.clone(),
            gates: self.body.gates.clone(),
        }
    }

    fn markdown(&self) -> String {
        let body = &self.body;
        let mut text = format!("# SOAK RESULTS\n\nVerdict: **{}**\n\n", self.verdict.as_str());
        if self.header.simulated {
            text.push_str(
                "**SIMULATED: these figures come from a simulation and prove nothing about a service.**\n\n",
            );
        }
        text.push_str(&format!(
            "- Run: `{}`\n- Source: {}\n- Profile: {}\n- Iterations: {} of {}, {:.2} h\n- Made: {}\n",
            body.run_dir,
            body.source,
            body.profile,
            body.iterations,
            body.planned,
            body.duration_hours,
            self.stamp
        ));
        for gap in &body.gaps {
            text.push_str(&format!(
                "- Gap: {:.0} s before iteration {} were not observed\n",
                gap.secs, gap.before_iteration
            ));
        }
        if !body.missing.is_empty() {
            text.push_str(&format!("- Missing: {} iterations\n", body.missing.len()));
        }
        text.push_str("\n## Gates\n\n");
        text.push_str(&markdown::table_head(&[
            "gate",
            "state",
            "actual",
            "condition",
            "coverage",
            "severity",
        ]));
        for (name, gate) in &body.gates {
            text.push_str(&markdown::row([
                name,
                gate.outcome.state.as_str(),
                &shown(gate.outcome.actual),
                &gate.condition,
                &format!("{:.2} %", 100.0 * gate.outcome.coverage),
                &severity(gate),
            ]));
        }
        for (name, gate) in body.gates.iter().filter(|(_, gate)| !gate.pass) {
            text.push_str(&format!("\n- {name}: {}", gate.outcome.reason.as_deref().unwrap_or_default()));
        }
        text.push_str("\n## Figures\n\n");
        let columns = ["figure", "unit", "windows", "unknown", "last", "mean", "min", "max"];
        text.push_str(&markdown::table_head(&columns));
        for (name, stats) in &self.stats {
            let counts = [stats.measured, stats.unknown].map(|count| count.to_string());
            let figures = [stats.last, stats.mean, stats.min, stats.max].map(shown);
            let cells = [name, &stats.unit].into_iter().chain(&counts).chain(&figures);
            text.push_str(&markdown::row(cells));
        }
        text
    }
}

fn severity(gate: &GateResult) -> String {
    let value = serde_json::to_value(gate.severity).expect("plain data serialises");
    value.as_str().unwrap_or_default().to_owned()
}

fn shown(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), |value| {
        let text = format!("{value:.4}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    })
}

fn gate_row(name: &str, gate: &GateResult) -> Row {
    let outcome = &gate.outcome;
    let status = match outcome.state {
        GateState::Pass => Status::Ok,
        GateState::SoftFail if !gate.required => Status::Warn,
        _ => Status::Fail,
    };
    let note = format!("{} {} ({})", outcome.state.as_str(), shown(outcome.actual), gate.condition);
    let mut row = Row::new(name, status).note(note).field("state", outcome.state);
    if let Some(reason) = &outcome.reason {
        row = row.reason(reason);
    }
    if let Some(member) = gate.member.as_ref().filter(|_| !gate.pass) {
        let bad = gate.members.values().filter(|outcome| outcome.state != GateState::Pass).count();
        row = row.reason(format!("worst: {member}; {bad} of {} members do not pass", gate.members.len()));
    }
    row
}

impl Outputs {
    /// Finds a path that cannot be written before the run, not after it.
    pub(super) fn probe(&self, ctx: &Ctx) -> Result<(), Fault> {
        for path in [&self.export_json, &self.export_md, &self.gate_summary] {
            AtomicFile::create(&ctx.path(path))?;
        }
        Ok(())
    }

    /// Removes what an earlier run left there, whose verdict would otherwise stand until this run has one.
    /// The directory of that run keeps its own.
    pub(super) fn clear(&self, ctx: &Ctx) -> Result<(), Fault> {
        for path in [&self.export_json, &self.export_md, &self.gate_summary] {
            match fsio::remove(&ctx.path(path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Fault::write(format!("`{}`", path.display()), &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes all three, to where they were asked for and under their own names into the directory of the run.
    pub(super) fn write(&self, answer: &Answer, dir: &Path, ctx: &Ctx) -> Result<(), Fault> {
        let (metrics, gates, text) = (answer.metrics(), answer.gates(), answer.markdown());
        for (path, name, bytes) in [
            (&self.export_json, "soak_metrics.json", json::document(&metrics)),
            (&self.gate_summary, "gates_summary.json", json::document(&gates)),
            (&self.export_md, "SOAK_RESULTS.md", text),
        ] {
            fsio::write_atomic(&dir.join(name), bytes.as_bytes())?;
            fsio::write_atomic(&ctx.path(path), bytes.as_bytes())?;
        }
        Ok(())
    }
}
