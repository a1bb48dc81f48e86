//! The command line: global flags, the table of commands, and one dispatch.

pub(crate) mod attempt;
mod help;

use crate::commands::{
    Answer, bundle, canary, chaos, completions, cron_sentinel, golden_compare, make_ready, man,
    pre_live_pack, readiness, rotate, scan_secrets, schema, sim, soak, tune,
};
use crate::commands::{Files, Given, Input, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::format::{duration, timestamp};
use crate::report::CommandSpec;
use crate::report::exit::Fault;
use crate::report::printer::{Color, Format};
use crate::report::render::{junit, textfile};
use crate::sys::logging::LogFormat;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser};
use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// Every command, in the order of the help: its folder says what it is called and what its marker says.
fn table() -> Vec<Entry> {
    vec![
        entry(&pre_live_pack::SPEC, pre_live_pack::run)
            .writes(pre_live_pack::outputs)
            .reads(|_| vec![pre_live_pack::PLAN.into()])
            .planned(pre_live_pack::planned)
            .alone(&[&pre_live_pack::SPEC]),
        entry(&make_ready::SPEC, make_ready::run)
            .writes(make_ready::outputs)
            .reads(|_| vec![make_ready::PLAN.into(), pre_live_pack::PLAN.into()])
            .planned(make_ready::planned)
            .alone(&[&make_ready::SPEC, &pre_live_pack::SPEC, &readiness::score::SPEC]),
        entry(&readiness::score::SPEC, readiness::score::run)
            .writes(readiness::score::outputs)
            .reads(readiness::score::inputs)
            .alone(&[&readiness::score::SPEC]),
        entry(&readiness::validate::SPEC, readiness::validate::run),
        entry(&soak::run::SPEC, soak::run::run).writes(soak::run::outputs),
        entry(&soak::check::SPEC, soak::check::run),
        entry(&soak::compare::SPEC, soak::compare::run)
            .writes(soak::compare::outputs)
            .planned(soak::compare::planned),
        entry(&soak::gate::SPEC, soak::gate::run).planned(soak::gate::planned),
        entry(&soak::report::SPEC, soak::report::run)
            .writes(soak::report::outputs)
            .planned(soak::report::planned)
            .alone(&[&soak::report::SPEC]),
        entry(&soak::daily::SPEC, soak::daily::run)
            .writes(soak::daily::outputs)
            .reads(|_| vec![soak::daily::CONFIG.into()])
            .planned(soak::daily::planned)
            .alone(&[&soak::daily::SPEC, &readiness::score::SPEC]),
        entry(&tune::sweep::SPEC, tune::sweep::run).writes(tune::sweep::outputs),
        entry(&tune::apply::SPEC, tune::apply::run).writes(tune::apply::outputs),
        entry(&tune::rollback::SPEC, tune::rollback::run).writes(tune::rollback::outputs),
        entry(&chaos::failover::SPEC, chaos::failover::run).writes(chaos::failover::outputs),
        entry(&chaos::node::SPEC, chaos::node::run),
        entry(&bundle::create::SPEC, bundle::create::run).planned(bundle::create::planned),
        entry(&bundle::verify::SPEC, bundle::verify::run)
            .planned(bundle::verify::beside)
            .whole(&["an argument", "against"]),
        entry(&bundle::release::SPEC, |args, ctx| bundle::release::run(args, soak::report::judge_again, ctx))
            .reads(|_| bundle::release::CONFIGS.map(Into::into).into())
            .whole(&["src"]),
        entry(&canary::tag::SPEC, canary::tag::run).whole(&["bundle"]),
        entry(&canary::checklist::SPEC, canary::checklist::run)
            .writes(canary::checklist::outputs)
            .whole(&["bundle"]),
        entry(&scan_secrets::SPEC, scan_secrets::run).writes(scan_secrets::outputs),
        entry(&golden_compare::SPEC, golden_compare::run)
            .writes(golden_compare::outputs)
            .reads(golden_compare::records)
            .planned(golden_compare::planned)
            .whole(&["baseline", "actual"]),
        entry(&rotate::SPEC, rotate::run).writes(rotate::outputs),
        entry(&rotate::restore::SPEC, rotate::restore::run),
        entry(&cron_sentinel::SPEC, cron_sentinel::run),
        entry(&sim::bot::SPEC, sim::bot::run),
        entry(&sim::feed::SPEC, sim::feed::run).writes(sim::feed::outputs),
        entry(&schema::SPEC, schema::run),
        entry(&completions::SPEC, |args, _| Ok(completions::run(args, tree()))),
        entry(&man::SPEC, |args, _| man::run(args, tree())),
    ]
}

/// The first words of commands that have two: what the help says of them, and the second word that may be left
/// out.
const GROUPS: [(&str, &str, Option<&str>); 7] = [
    ("readiness", "Score the last daily reports, or validate a score", Some("score")),
    ("soak", "Watch a service for days and judge whether it stayed inside its limits", Some("run")),
    ("tune", "Choose quoting parameters on recorded markets, apply them, take them back", None),
    ("chaos", "Inject faults into real processes and judge what they do to them", None),
    ("bundle", "Make, check and release bundles whose every byte can be accounted for", Some("create")),
    ("canary", "Tag a release with its evidence, and list what its first days must show", None),
    ("sim", "Write simulated inputs for rehearsals, marked as such", None),
];

/// A command of the table. The help says of it what stands above its arguments.
struct Entry {
    spec: &'static CommandSpec,
    arguments: fn(clap::Command) -> clap::Command,
    run: Box<dyn Fn(&ArgMatches, &Ctx) -> anyhow::Result<Answer>>,
    outputs: fn(&Given) -> Vec<Output>,
    /// What it reads that no option names.
    reads: fn(&Given) -> Vec<PathBuf>,
    /// The files that only its plan names.
    planned: fn(&Given, &Ctx) -> Vec<Input>,
    /// Names of the options whose files and directories are read whole, so that nothing may be written there.
    whole: &'static [&'static str],
    /// The commands of which only one at a time runs in a root.
    alone: &'static [&'static CommandSpec],
}

impl Entry {
    fn writes(self, outputs: fn(&Given) -> Vec<Output>) -> Self {
        Self { outputs, ..self }
    }

    fn reads(self, reads: fn(&Given) -> Vec<PathBuf>) -> Self {
        Self { reads, ..self }
    }

    fn planned(self, planned: fn(&Given, &Ctx) -> Vec<Input>) -> Self {
        Self { planned, ..self }
    }

    fn whole(self, whole: &'static [&'static str]) -> Self {
        Self { whole, ..self }
    }

    fn alone(self, alone: &'static [&'static CommandSpec]) -> Self {
        Self { alone, ..self }
    }

    /// The command as clap has it, by itself.
    fn leaf(&self) -> clap::Command {
        (self.arguments)(clap::Command::new(self.spec.path))
    }

    /// What the command line makes of its files; `paths` are the values that name one, with their options.
    fn files(&self, given: &Given, paths: Vec<Input>, named: Vec<String>) -> Files {
        let mut outputs = (self.outputs)(given);
        for (option, id, beginning) in
            [("metrics-file", "metrics_file", textfile::BEGINNING), ("junit", "junit", junit::BEGINNING)]
        {
            let path = given.path(id);
            outputs.extend(path.map(|path| Output::companion(option, path, Form::Text(beginning))));
        }
        let is_output =
            |input: &Input| outputs.iter().any(|output| input.option == format!("--{}", output.option));
        let mut inputs: Vec<Input> = paths.into_iter().filter(|input| !is_output(input)).collect();
        inputs.extend((self.reads)(given).into_iter().map(|path| Input { option: String::new(), path }));
        let whole = inputs.iter().filter(|input| self.whole.contains(&input.option.trim_start_matches('-')));
        let whole = whole.cloned().collect();
        Files { outputs, named, inputs, whole }
    }
}

fn entry<A: clap::Args + 'static, T: Into<Answer> + 'static>(
    spec: &'static CommandSpec,
    run: fn(&A, &Ctx) -> anyhow::Result<T>,
) -> Entry {
    let run = move |matches: &ArgMatches, ctx: &Ctx| run(&A::from_arg_matches(matches)?, ctx).map(Into::into);
    let nothing = |_: &Given| Vec::new();
    let (outputs, reads) = (nothing, |_: &Given| Vec::new());
    let planned = |_: &Given, _: &Ctx| Vec::new();
    let arguments = A::augment_args;
    Entry { spec, arguments, run: Box::new(run), outputs, reads, planned, whole: &[], alone: &[] }
}

/// Decide, with evidence, whether an automated trading service may go live, and keep it honest afterwards
#[derive(Debug, Parser)]
#[command(
    name = "mmops",
    version,
    after_help = help::GLOBAL_OPTIONS,
    after_long_help = help::after_all(),
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Root {
    #[command(flatten)]
    global: Global,
}

/// The command tree.
fn tree() -> clap::Command {
    let tree = table().into_iter().fold(Root::command(), |root, Entry { spec, arguments, .. }| {
        let leaf = |name| {
            let texts = clap::Command::new(name).after_help(help::GLOBAL_OPTIONS);
            arguments(texts.after_long_help(help::after_options(spec)))
        };
        let Some((first, second)) = spec.path.split_once(' ') else {
            return root.subcommand(leaf(spec.path));
        };
        let root = match GROUPS.iter().find(|(name, ..)| *name == first) {
            Some((_, about, default)) if root.find_subcommand(first).is_none() => {
                let group = if *default == Some(second) {
                    leaf(first).args_conflicts_with_subcommands(true)
                } else {
                    clap::Command::new(first).subcommand_required(true).arg_required_else_help(true)
                };
                root.subcommand(group.about(about))
            }
            _ => root,
        };
        root.mut_subcommand(first, |group| group.subcommand(leaf(second)))
    });
    let template = help::template(&tree);
    tree.help_template(template)
}

/// A command line that was understood.
pub(crate) struct Invocation {
    pub(crate) global: Global,
    entry: Entry,
    matches: ArgMatches,
    /// Why the options before the last word of the command do not belong to it.
    misplaced: Option<Fault>,
}

impl Invocation {
    pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut words: Vec<OsString> = words.into_iter().collect();
        if words.get(1).is_some_and(|word| word == "help") {
            // `mmops help --help` asks for help as well, which clap would refuse.
            words.retain(|word| word != "--help" && word != "-h");
        }
        let mut matches = tree().try_get_matches_from(words)?;
        let global = Global::from_arg_matches(&matches)?;
        let unknown = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (mut path, mut inner) = matches.remove_subcommand().ok_or_else(unknown)?;
        let mut misplaced = None;
        if let Some((word, leaf)) = inner.remove_subcommand() {
            misplaced = misplaced_options(&path, &word, &inner);
            path = format!("{path} {word}");
            inner = leaf;
        } else if let Some((_, _, Some(default))) = GROUPS.iter().find(|(name, ..)| *name == path) {
            path = format!("{path} {default}");
        }
        let entry = table().into_iter().find(|entry| entry.spec.path == path).ok_or_else(unknown)?;
        Ok(Self { global, entry, matches: inner, misplaced })
    }

    pub(crate) fn spec(&self) -> &'static CommandSpec {
        self.entry.spec
    }

    pub(crate) fn run(&self, ctx: &Ctx) -> anyhow::Result<Answer> {
        match &self.misplaced {
            Some(fault) => Err(fault.clone().into()),
            None => (self.entry.run)(&self.matches, ctx),
        }
    }

    /// The files that the command line names.
    pub(crate) fn files(&self) -> Files {
        let (given, paths, named) = self.given();
        self.entry.files(&given, paths, named)
    }

    /// The files that only the plan of the command names, as far as it can be read.
    pub(crate) fn planned(&self, ctx: &Ctx) -> Vec<Input> {
        (self.entry.planned)(&self.given().0, ctx)
    }

    /// The values of all options, those of them that are paths, and the options that the command line has.
    fn given(&self) -> (Given, Vec<Input>, Vec<String>) {
        let (mut given, mut paths, mut named) = (Given::default(), Vec::new(), Vec::new());
        for arg in self.entry.leaf().get_arguments() {
            let id = arg.get_id().as_str();
            let values: Vec<&OsStr> = self.matches.get_raw(id).into_iter().flatten().collect();
            for value in &values {
                given.insert(id, value);
            }
            if self.matches.value_source(id) == Some(ValueSource::CommandLine) {
                named.extend(arg.get_long().map(|long| format!("--{long}")));
            }
            if arg.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
                let option =
                    arg.get_long().map_or_else(|| "an argument".to_owned(), |long| format!("--{long}"));
                paths.extend(
                    values.into_iter().map(|path| Input { option: option.clone(), path: path.into() }),
                );
            }
        }
        for (id, path) in [("junit", &self.global.junit), ("metrics_file", &self.global.metrics_file)] {
            if let Some(path) = path {
                given.insert(id, path.as_os_str());
            }
        }
        (given, paths, named)
    }

    /// Where the locks are that this command holds while it runs, relative to the root.
    pub(crate) fn locks(&self) -> impl Iterator<Item = PathBuf> {
        self.entry.alone.iter().map(|spec| format!("artifacts/.mmops-{}.lock", spec.name()).into())
    }
}

/// `mmops rotate --days 3 restore FILE`: options of `rotate` say nothing to `restore`.
fn misplaced_options(first: &str, second: &str, matches: &ArgMatches) -> Option<Fault> {
    let global = Root::command();
    let is_global = |id: &clap::Id| global.get_arguments().any(|arg| arg.get_id() == id);
    let is_given = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    let given = matches.ids().find(|id| is_given(id) && !is_global(id))?.as_str().replace('_', "-");
    let message =
        format!("`{first} {second}` takes no --{given} of `{first}`; write its own options after `{second}`");
    Some(Fault::usage(message))
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Directory against which every relative path is resolved
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Form of the report on stdout
    #[arg(long, global = true, hide_short_help = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report as JUnit XML as well
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write last-run metrics for the node-exporter textfile collector
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,
    /// When to colour the table
    #[arg(long, global = true, hide_short_help = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Print errors only on stderr
    #[arg(long, short, global = true, hide_short_help = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more on stderr (can be repeated)
    #[arg(long, short, global = true, hide_short_help = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the log on stderr
    #[arg(long, global = true, hide_short_help = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// How long another run is waited for that holds a lock
    #[arg(long, global = true, hide_short_help = true, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub(crate) lock_timeout: Duration,
    /// Freeze the clock: stamps, ages and schedules take this time and sleeping advances it
    #[arg(long, global = true, hide_short_help = true, value_name = "RFC3339", value_parser = timestamp::parse)]
    pub(crate) now: Option<jiff::Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        tree().debug_assert();
    }

    #[test]
    fn every_path_of_the_table_leads_to_its_own_command() {
        let tree = tree();
        for Entry { spec, .. } in table() {
            let found = spec.path.split(' ').try_fold(&tree, |at, word| at.find_subcommand(word));
            assert!(found.is_some_and(|command| command.get_about().is_some()), "{}", spec.path);
        }
        let paths: std::collections::BTreeSet<&str> = table().iter().map(|entry| entry.spec.path).collect();
        assert_eq!(paths.len(), table().len());
    }

    #[test]
    fn every_command_answers_one_question_and_has_examples() {
        let first = |path: &'static str| path.split(' ').next().unwrap_or_default();
        let mut names: Vec<&str> = table().iter().map(|entry| first(entry.spec.path)).collect();
        names.sort_unstable();
        names.dedup();
        let mut asked: Vec<&str> =
            help::QUESTIONS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        asked.sort_unstable();
        assert_eq!(asked, names);
        let mut paths: std::collections::BTreeSet<&str> =
            table().iter().map(|entry| entry.spec.path).collect();
        assert!(paths.remove("chaos node"), "the one that is hidden");
        assert_eq!(paths, help::EXAMPLES.iter().map(|(path, _)| *path).collect());
        for (path, lines) in help::EXAMPLES {
            for (line, _) in lines {
                let line = line.split(['|', '>']).next().unwrap_or_default().trim();
                // A quoted text is one word, whatever it says.
                let words = line.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
                let understood = Invocation::parse(words.map(OsString::from)).expect(line);
                assert_eq!((understood.spec().path, understood.misplaced.is_none()), (path, true), "{line}");
            }
        }
    }

    #[test]
    fn the_key_of_each_marker_is_known_to_what_makes_text_safe() {
        let keys: std::collections::BTreeSet<&str> = table().iter().map(|entry| entry.spec.key).collect();
        assert_eq!(keys, crate::format::text::MARKER_KEYS.into());
    }

    fn parsed(line: &str) -> Invocation {
        Invocation::parse(line.split(' ').map(OsString::from)).expect("a command line that is understood")
    }

    #[test]
    fn a_second_word_may_be_left_out_where_a_group_has_a_default() {
        assert_eq!(parsed("mmops soak --iterations 3").spec().path, "soak run");
        assert_eq!(parsed("mmops soak gate").spec().path, "soak gate");
        assert_eq!(parsed("mmops rotate").spec().path, "rotate");
    }

    #[test]
    fn options_of_one_command_are_not_lost_on_another() {
        assert!(parsed("mmops --root /a rotate --root /b restore x --dry-run").misplaced.is_none());
        let fault = parsed("mmops rotate --dry-run restore x").misplaced.expect("refused");
        assert!(fault.to_string().contains("--dry-run of `rotate`"), "{fault}");
    }

    #[test]
    fn an_output_must_not_be_another_or_an_input() {
        let clash = |line: &str| {
            let files = parsed(line).files();
            files.clash(|a, b| a == b).map(|(output, other)| format!("{} {other}", output.name()))
        };
        for (line, expected) in [
            ("pre-live-pack --report p.json --plan p.yaml", None),
            ("pre-live-pack --report p.yaml --plan p.yaml", Some("--report --plan")),
            ("pre-live-pack --report p.md", Some("--report --report")),
            ("pre-live-pack --report deploy/release/pre_live.yaml", Some("--report this command")),
            ("make-ready --junit artifacts/reports/MAKE_READY.json", Some("--junit this command")),
            ("rotate --junit x --metrics-file x", Some("--junit --metrics-file")),
            ("scan-secrets --baseline b.json --write-baseline b.json", None),
            ("scan-secrets --config b.json --write-baseline b.json", Some("--write-baseline --config")),
            ("readiness --out-json REPORT_SOAK_20260309.json", Some("--out-json this command")),
            ("tune apply --sweep s.json --target s.json", Some("--target --sweep")),
            ("tune apply --target s.json", None),
        ] {
            assert_eq!(clash(&format!("mmops {line}")).as_deref(), expected, "{line}");
        }
    }
}
