//! mmops decides, with evidence, whether an automated trading service may go live.
//!
//! ```text
//!    main, lib                       parse, dispatch, render, exit
//!      |
//!    cli                             the command line, and one table of commands
//!      |
//!    commands/<command>/   ctx       all of one command: arguments, run, verdict, report;
//!      |                             ctx is what a command may ask of the world
//!    release  judge  evidence        what several commands share: a release, a run and its limits,
//!    journal  simulation             what makes a document evidence, appended records, what is simulated,
//!    tuning  lease                   run-time parameters, who leads
//!      |
//!    report                          rows, marker and exit code, and their renderers
//!      |
//!    net, sys                        touch the world: HTTP, files, processes, clock, signals
//!      |
//!    format                          bytes to values and back
//! ```
//!
//! An arrow is an import and runs down; `tests/tidy.rs` holds that, and every rule named here. A command reads
//! facts, one pure function makes the verdict of them, and its report is made of both and never changed
//! afterwards. `Ok(report)` with failing rows means that the answer is no, `Err` means that the question could
//! not be asked; either way one [`report::Report`] is rendered and one [`report::exit::Exit`] returned.
//!
//! # How to add
//!
//! **A command.** A folder `commands/<name>/` with `SPEC` (its words, its marker), `Args`, `run`, a pure
//! `fn verdict` and a report; its line in `commands/mod.rs`; its line in the table of `cli`. `tidy` fails until
//! there is a verdict and `tests/cli/<name>.rs`, `docs` until the README has its section, `cli` until its answers
//! are recorded (`MMOPS_BLESS=1`).
//!
//! **An aggregation of gates.** A variant of `judge::gate::Aggregate`; the compiler then names every decision
//! that it needs. A row in the table of values in `judge/gate/judge/tests.rs`, and its word in the README.
//!
//! **A secret rule.** A `[[rules]]` entry in `deploy/secrets/rules.toml`, which is built in. The tests of
//! `commands/scan_secrets/detect` fail until the rule has a literal to search for; give it a line that it finds
//! and one that it leaves alone in `tests/cli/scan_secrets.rs`.
//!
//! **An output format.** A file in `report/render/` that sees a report only, a variant of `cli::Format`; the
//! `match` in `print` does not compile without it. Recorded outputs in `tests/cli/answers.rs`.
//!
//! **An exit code.** A variant of `report::exit::Exit` with its row in `TABLE`, from which the help is made; the
//! unit tests beside it fail until the table is complete, `docs` until the README has the row.
//!
//! **A document with a schema.** A type that carries the header of `evidence`, a line in `DOCUMENTS` of
//! `commands/schema`; `contract` in `tests/cli` fails until a real document was held to it.
//!
//! **A scenario of the simulated bot.** A variant of `simulation::bot::Scenario`; the compiler names what it has
//! to say of itself. The table of scenarios in `tests/cli/soak.rs` says which gate it breaks.

mod cli;
mod commands;
mod ctx;
mod evidence;
mod format;
mod judge;
mod lease;
mod net;
mod release;
mod report;
mod simulation;
mod sys;
#[doc(hidden)]
pub mod testing;
mod tuning;

use anyhow::Context as _;
use cli::{Color, Format, Global, Invocation};
use commands::Answer;
use ctx::Ctx;
use report::exit::{self, Exit, Fault};
use report::{Outcome, Report, Row, render};
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use sys::fsio::AtomicFile;
use sys::{clock, env, fsio, logging, signal};

/// Parses `args`, runs the command, renders its report and returns the code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let parse_and_invoke = || match Invocation::parse(args.iter().cloned()) {
        Ok(invocation) => invoke(&invocation),
        Err(error) => refuse(&error),
    };
    let exit = std::panic::catch_unwind(parse_and_invoke).unwrap_or(Exit::Internal);
    let is_clamped = |exit: Exit| exit.clamped() == exit;
    let exit = if !is_clamped(exit) && cli::names_clamped_command(&args) { exit.clamped() } else { exit };
    ExitCode::from(exit.code())
}

/// Prints clap's help, version or usage error.
fn refuse(error: &clap::Error) -> Exit {
    match (error.use_stderr(), error.print()) {
        (true, _) => Exit::Usage,
        (false, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Dependency,
        (false, _) => Exit::Ok,
    }
}

fn invoke(cli: &Invocation) -> Exit {
    let verbosity = if cli.global.quiet { -1 } else { i8::try_from(cli.global.verbose).unwrap_or(i8::MAX) };
    logging::start(cli.global.log_format, verbosity);
    match Session::start(cli) {
        Ok(session) => session.answer(cli),
        Err(error) => {
            let env = env::Env::of_process().unwrap_or_default();
            let mut report = failure(cli, &error);
            report.stamp(clock::Clock::system(None).stamp_utc(), false);
            print(&cli.global, &env, &Answer::Report(report)).unwrap_or(exit::classify(&error))
        }
    }
}

/// The context of one command, and the side outputs opened before it runs.
struct Session {
    ctx: Ctx,
    junit: Option<AtomicFile>,
    metrics: Option<AtomicFile>,
}

impl Session {
    fn start(cli: &Invocation) -> anyhow::Result<Self> {
        let global = &cli.global;
        if matches!(global.format, Format::Sarif) && *cli.spec() != commands::scan_secrets::SPEC {
            return Err(Fault::usage("--format sarif is for scan-secrets alone").into());
        }
        let ctx = context(global)?;
        let open =
            |path: &Option<_>| path.as_ref().map(|path| AtomicFile::create(&ctx.path(path))).transpose();
        let (junit, metrics) = (open(&global.junit)?, open(&global.metrics_file)?);
        Ok(Self { ctx: ctx.with_own_outputs(junit.iter().chain(&metrics)), junit, metrics })
    }

    fn answer(self, cli: &Invocation) -> Exit {
        let watch = self.ctx.clock.stopwatch();
        let run = std::panic::AssertUnwindSafe(|| cli.run(&self.ctx));
        let mut answer = match std::panic::catch_unwind(run) {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Report(failure(cli, &error)),
            Err(_) => {
                let error = anyhow::anyhow!("internal fault: the message above names the place");
                Answer::Report(failure(cli, &error))
            }
        };
        if let Answer::Report(report) | Answer::Usage { report, .. } = &mut answer {
            self.ctx.stamp(report);
        }
        let env = self.ctx.env.clone();
        match self.write_side_outputs(&answer, watch.elapsed()) {
            Ok(()) => print(&cli.global, &env, &answer),
            Err(error) => Err(error),
        }
        .unwrap_or_else(|error| {
            tracing::error!("{error:#}");
            exit::classify(&error)
        })
    }

    fn write_side_outputs(self, answer: &Answer, took: std::time::Duration) -> anyhow::Result<()> {
        let (Answer::Report(report) | Answer::Usage { report, .. }) = answer else { return Ok(()) };
        if let Some(pending) = self.junit {
            pending.finish(render::junit::render(report, took).as_bytes())?;
        }
        if let Some(pending) = self.metrics {
            let text = render::textfile::render(report, self.ctx.clock.now().as_second(), took);
            pending.finish(text.as_bytes())?;
        }
        Ok(())
    }
}

fn context(global: &Global) -> anyhow::Result<Ctx> {
    let env = env::Env::of_process()?;
    let start = env::start_dir().context(Fault::dependency("failed to read the current directory"))?;
    let root = match &global.root {
        Some(root) => fsio::canonical(&start.join(root))
            .map_err(|fault| fault.hint("--root must name an existing directory"))?,
        None => start,
    };
    if fsio::target_kind(&root)? != fsio::FileKind::Dir {
        let message = format!("--root `{}` is not a directory", root.display());
        return Err(Fault::config(message).into());
    }
    let time = |name: &str| -> Result<Option<jiff::Timestamp>, Fault> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|error| Fault::config(format!("{name}={text} is not an RFC 3339 time: {error}")))
        };
        env.get(name).map(parse).transpose()
    };
    let stamp = time("CI_FAKE_UTC")?;
    let clock = match global.now.map_or_else(|| time("MMOPS_NOW"), |now| Ok(Some(now)))? {
        Some(now) => clock::Clock::frozen(now, stamp),
        None => clock::Clock::system(stamp),
    };
    let cancel = signal::Cancel::on_signals().context("failed to install signal handlers")?;
    let smart = env.get("TERM") != Some("dumb");
    let progress = io::stderr().is_terminal() && smart && !global.quiet;
    Ok(Ctx { root, clock, env, cancel, progress, own_outputs: Vec::new() })
}

/// The report of a question that could not be asked; the error is printed here, once.
fn failure(cli: &Invocation, error: &anyhow::Error) -> Report {
    let command = cli.spec().name();
    let message = format!("{error:#}");
    tracing::error!("mmops {command}: {message}");
    for hint in exit::hints(error) {
        tracing::error!("hint: {hint}");
    }
    let exit = exit::classify(error);
    let title = command.to_uppercase().replace('-', " ");
    let exit = if exit == Exit::Ok { Exit::Internal } else { exit };
    Report::new(cli.spec(), title, cli.spec().failure(exit))
        .rows(vec![Row::new("error", Outcome::Fail).reason(message)])
}

fn print(global: &Global, env: &env::Env, answer: &Answer) -> anyhow::Result<Exit> {
    let (text, exit) = match answer {
        Answer::Text(text) => (text.clone(), Exit::Ok),
        Answer::Usage { text, report } if matches!(global.format, Format::Table) => {
            (text.clone(), report.exit())
        }
        Answer::Report(report) | Answer::Usage { report, .. } => {
            let text = match global.format {
                Format::Table => {
                    let color = match global.color {
                        Color::Always => true,
                        Color::Never => false,
                        Color::Auto => {
                            io::stdout().is_terminal()
                                && env.get("NO_COLOR").is_none()
                                && env.get("TERM") != Some("dumb")
                        }
                    };
                    render::table::render(report, color)
                }
                Format::Json => render::json::render(report),
                Format::Github => {
                    if let Some(path) = env.get("GITHUB_STEP_SUMMARY") {
                        let mut file = fsio::append(path.as_ref())?;
                        let written = file.write_all(render::github::summary(report).as_bytes());
                        written.map_err(|error| Fault::write(format!("`{path}`"), &error))?;
                    }
                    render::github::render(report)
                }
                Format::Sarif => render::sarif::render(report),
            };
            (text, report.exit())
        }
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Fault::write("stdout", &error).into()),
        _ => Ok(exit),
    }
}
