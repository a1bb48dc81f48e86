//! The command line: global flags, the command tree, and one dispatch.

use crate::commands::{
    Answer, bundle, canary, chaos, completions, cron_sentinel, golden_compare, make_ready, man,
    pre_live_pack, readiness,
};
use crate::commands::{rotate, scan_secrets, schema, sim, soak, tune};
use crate::ctx::Ctx;
use crate::report::exit::Exit;
use crate::report::{Marker, Status};
use crate::sys::logging::LogFormat;
use clap::{ArgAction, CommandFactory as _, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Decide, with evidence, whether an automated trading service may go live, and keep it honest afterwards
#[derive(Debug, Parser)]
#[command(name = "mmops", version, after_help = after_help(), max_term_width = 100)]
pub(crate) struct Cli {
    /// Flags of every command
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Directory against which every relative path is resolved
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Form of the report on stdout
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report as JUnit XML as well
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write last-run metrics for the node-exporter textfile collector
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
    /// When to colour the table
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Print errors only on stderr
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more on stderr (can be repeated)
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the log on stderr
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Freeze the clock: stamps, ages and schedules take this time and sleeping advances it
    #[arg(long, global = true, value_name = "RFC3339")]
    pub(crate) now: Option<jiff::Timestamp>,
}

/// Form of the report on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The marker table
    Table,
    /// One JSON document
    Json,
    /// Workflow annotations, and a Markdown table in the step summary
    Github,
    /// SARIF 2.1.0 (scan-secrets only)
    Sarif,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands; one appears here only when it works.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the dress rehearsals and say whether all of them pass
    PreLivePack(pre_live_pack::Args),
    /// Decide GO or HOLD from the pre-live pack, readiness and any further evidence the plan requires
    MakeReady(make_ready::Args),
    /// Score the last daily reports, or validate a score
    Readiness(readiness::Args),
    /// Watch a service for days and judge whether it stayed inside its limits
    Soak(Box<soak::Args>),
    /// Choose quoting parameters on recorded markets, apply them, take them back
    Tune(tune::Args),
    /// Inject faults into real processes and judge what they do to them
    Chaos(chaos::Args),
    /// Make, check and release bundles whose every byte can be accounted for
    Bundle(bundle::Args),
    /// Tag a release with its evidence, and list what its first days must show
    Canary(canary::Args),
    /// Find secrets in files, archives and the history of git
    ScanSecrets(scan_secrets::Args),
    /// Say whether an output drifted from the accepted one, and accept a new one with a record
    GoldenCompare(golden_compare::Args),
    /// Remove old artifacts within limits, after archiving them on request
    Rotate(rotate::Args),
    /// Say whether scheduled jobs still produce: there, in time, and saying what they must
    CronSentinel(cron_sentinel::Args),
    /// Write simulated inputs for rehearsals, marked as such
    Sim(sim::Args),
    /// Print the JSON schema of a document that mmops writes
    Schema(schema::Args),
    /// Print a shell completion script
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self, ctx: &Ctx) -> anyhow::Result<Answer> {
        match self {
            Command::PreLivePack(args) => pre_live_pack::run(args, ctx),
            Command::MakeReady(args) => make_ready::run(args, ctx).map(Answer::Report),
            Command::Readiness(args) => readiness::run(args, ctx).map(Answer::Report),
            Command::Soak(args) => soak::run(args, ctx),
            Command::Tune(args) => tune::run(args, ctx).map(Answer::Report),
            Command::Chaos(args) => chaos::run(args, ctx),
            Command::Bundle(args) => bundle::run(args, ctx).map(Answer::Report),
            Command::Canary(args) => canary::run(args, ctx).map(Answer::Report),
            Command::ScanSecrets(args) => scan_secrets::run(args, ctx).map(Answer::Report),
            Command::GoldenCompare(args) => golden_compare::run(args, ctx).map(Answer::Report),
            Command::Rotate(args) => rotate::run(args, ctx).map(Answer::Report),
            Command::CronSentinel(args) => cron_sentinel::run(args, ctx).map(Answer::Report),
            Command::Sim(args) => sim::run(args, ctx).map(Answer::Report),
            Command::Schema(args) => schema::run(args).map(Answer::Text),
            Command::Completions(args) => Ok(Answer::Text(completions::run(args, Cli::command()))),
            Command::Man(args) => man::run(args, Cli::command()).map(Answer::Text),
        }
    }

    /// The command's name and the marker it ends with when the question could not be asked.
    pub(crate) fn failure(&self) -> (&'static str, Marker) {
        let marker = |name, key, value| Marker::new(name, Status::Fail, key, value);
        match self {
            Command::PreLivePack(_) => ("pre-live-pack", marker("pre_live_pack", "PRE_LIVE_PACK", "FAILED")),
            Command::MakeReady(_) => ("make-ready", marker("make_ready", "MAKE_READY", "BLOCKED")),
            Command::Readiness(args) => (args.name(), marker("readiness", "READINESS", "HOLD")),
            Command::Soak(args) => args.failure(),
            Command::Tune(args) => args.failure(),
            Command::Chaos(_) => ("chaos-failover", marker("chaos_failover", "CHAOS_RESULT", "FAIL")),
            Command::Bundle(args) => args.failure(),
            Command::Canary(args) => args.failure(),
            Command::ScanSecrets(_) => ("scan-secrets", marker("scan_secrets", "RESULT", "FOUND")),
            Command::GoldenCompare(_) => ("golden-compare", marker("golden_compare", "GOLDEN", "DRIFT")),
            Command::Rotate(args) => args.failure(),
            Command::CronSentinel(_) => ("cron-sentinel", marker("cron_sentinel", "CRON_SENTINEL", "STALE")),
            Command::Sim(args) => args.failure(),
            Command::Schema(_) => ("schema", marker("schema", "SCHEMA", "FAILED")),
            Command::Completions(_) => ("completions", marker("completions", "COMPLETIONS", "FAILED")),
            Command::Man(_) => ("man", marker("man", "MAN", "FAILED")),
        }
    }

    /// Whether the command promises 0 or 1 and nothing else.
    pub(crate) fn is_clamped(&self) -> bool {
        matches!(self, Command::PreLivePack(_) | Command::MakeReady(_))
    }
}

/// Whether a command line that could not be parsed names a command that promises 0 or 1.
pub(crate) fn names_clamped_command(args: &[OsString]) -> bool {
    let root = Cli::command();
    let takes_value = |flag: &str| {
        let name = flag.trim_start_matches('-');
        let mut options = root.get_arguments();
        options.any(|arg| arg.get_long() == Some(name) && arg.get_action().takes_values())
    };
    let mut words = args.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            return matches!(&*word, "pre-live-pack" | "make-ready");
        }
        if takes_value(&word) {
            words.next();
        }
    }
    false
}

fn after_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, name, meaning) in Exit::TABLE {
        text.push_str(&format!("  {:>3}  {name:<11} {meaning}\n", exit.code()));
    }
    text.push_str("\npre-live-pack and make-ready exit with 0 or 1 and nothing else.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_broken_command_line_still_names_its_command() {
        let names = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            names_clamped_command(&args)
        };
        assert!(names("mmops pre-live-pack --nonsense"));
        assert!(names("mmops --root somewhere -q make-ready --nonsense"));
        assert!(names("mmops --root=somewhere make-ready --nonsense"));
        assert!(!names("mmops --root pre-live-pack rotate --nonsense"));
        assert!(!names("mmops rotate pre-live-pack"));
    }
}
