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
//! there is a verdict and `tests/cli/<name>.rs`, `docs` until the README has its section, `answers` and `contract`
//! until help and answers are recorded (`MMOPS_BLESS=1`).
//!
//! **An aggregation of gates.** A variant of `judge::gate::Aggregate`; the compiler then names every decision
//! that it needs. A row in the table of values in `judge/gate/evaluation/tests.rs`, and its word in the README;
//! the published schemas are recorded anew.
//!
//! **A secret rule.** A `[[rules]]` entry in `deploy/secrets/rules.toml`, which is built in. The tests of
//! `commands/scan_secrets/detect` fail until the rule has a literal to search for, and until their `samples` hold
//! lines that it finds and lines that it leaves alone.
//!
//! **An output format.** A file in `report/render/` that sees a report only, a variant of
//! `report::printer::Format`; the `match` in `printer` does not compile without it. `tests/cli/answers.rs` records
//! what each command says in it: a line in `forms`.
//!
//! **An exit code.** A variant of `report::exit::Exit` with its row in `TABLE`, from which the help is made; the
//! unit tests beside it fail until the table is complete, `docs` until the README has the row.
//!
//! **A document or a configuration with a schema.** A type, of a document with the header of `evidence`, and a line in
//! `commands/schema`. The sandbox of `tests/cli` holds every document that a test prints or writes to the schema
//! that it names, and `contract` the delivered configuration to theirs.
//!
//! **A scenario of the simulated bot.** A variant of `simulation::bot::Scenario`, and what it does to the bot in
//! the functions beside it. The table of scenarios in `tests/cli/soak.rs` says which gate it breaks, and fails
//! while a scenario is not in it.

mod cli;
mod commands;
mod ctx;
mod evidence;
mod format;
mod journal;
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

use cli::Invocation;
use commands::{Answer, scan_secrets};
use ctx::Ctx;
use evidence::header;
use report::exit::{self, Exit, Fault};
use report::printer::{self, Format};
use report::{ErrorBody, Report, render};
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use sys::fsio::AtomicFile;
use sys::{clock::Clock, env::Env, logging, panics, proc};

/// Parses `args`, runs the command, renders its report and returns the code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    panics::log_panics();
    let args: Vec<OsString> = args.collect();
    if let Some(code) = proc::hidden(&args) {
        return code;
    }
    let parse_and_invoke = || match Invocation::parse(args.iter().cloned()) {
        Ok(invocation) => invoke(&invocation),
        Err(error) => refuse(&error),
    };
    let exit = panics::caught(parse_and_invoke).unwrap_or(Exit::Internal);
    proc::dismiss_watchdog();
    // What went wrong before or after the command knows nothing of its promise.
    let breaks_promise = exit.clamped() != exit && cli::names_clamped_command(&args);
    ExitCode::from(if breaks_promise { exit.clamped() } else { exit }.code())
}

/// Prints clap's help, version or usage error.
fn refuse(error: &clap::Error) -> Exit {
    match (error.use_stderr(), error.print()) {
        (true, _) => Exit::Usage,
        (false, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Dependency,
        (false, _) => Exit::Ok,
    }
}

fn invoke(invocation: &Invocation) -> Exit {
    let global = &invocation.global;
    let verbosity = if global.quiet { -1 } else { i8::try_from(global.verbose).unwrap_or(i8::MAX) };
    logging::start(global.log_format, verbosity);
    match Session::start(invocation) {
        Ok(session) => session.answer(invocation),
        Err(error) => {
            let env = Env::of_process().unwrap_or_default();
            let mut report = failure(invocation, &error);
            header::stamp(&mut report, ctx::maker(&Clock::system(None)));
            print(invocation, &env, &report.into()).unwrap_or(exit::classify(&error))
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
    fn start(invocation: &Invocation) -> anyhow::Result<Self> {
        let global = &invocation.global;
        if global.format == Format::Sarif && *invocation.spec() != scan_secrets::SPEC {
            return Err(Fault::usage("--format sarif is for scan-secrets alone").into());
        }
        let ctx = Ctx::start(global.root.as_deref(), global.now, global.quiet)?;
        let open =
            |path: &Option<_>| path.as_ref().map(|path| AtomicFile::create(&ctx.path(path))).transpose();
        let (junit, metrics) = (open(&global.junit)?, open(&global.metrics_file)?);
        Ok(Self { ctx: ctx.with_own_outputs(junit.iter().chain(&metrics)), junit, metrics })
    }

    fn answer(self, invocation: &Invocation) -> Exit {
        let (watch, started) = (self.ctx.clock.stopwatch(), self.ctx.maker());
        let answer = panics::caught(|| invocation.run(&self.ctx))
            .unwrap_or_else(|fault| Err(anyhow::anyhow!("{fault}")));
        let mut answer = answer.unwrap_or_else(|error| failure(invocation, &error).into());
        if let Answer::Report(report) = &mut answer {
            header::stamp(report, self.ctx.maker());
            if self.ctx.clock.is_frozen() {
                tracing::info!("{}", header::frozen_clock(&started));
            }
        }
        let (env, cancel) = (self.ctx.env.clone(), self.ctx.cancel.clone());
        let written = self.write_side_outputs(&answer, watch.elapsed());
        written.and_then(|()| print(invocation, &env, &answer)).unwrap_or_else(|error| {
            tracing::error!("{error:#}");
            // A terminal that went away sends the signal and takes no report.
            cancel.signal().map_or_else(|| exit::classify(&error), Exit::of_signal)
        })
    }

    fn write_side_outputs(self, answer: &Answer, took: Duration) -> anyhow::Result<()> {
        let Answer::Report(report) = answer else { return Ok(()) };
        if let Some(junit) = self.junit {
            junit.finish(render::junit::render(report, took).as_bytes())?;
        }
        if let Some(metrics) = self.metrics {
            // Whoever watches the runs wants to know when one really was.
            let ended_at = Clock::system(None).now().as_second();
            let text = render::textfile::render(report, ended_at, took);
            metrics.finish(text.as_bytes())?;
        }
        Ok(())
    }
}

/// The report of a question that could not be asked; the error is printed here, once.
fn failure(invocation: &Invocation, error: &anyhow::Error) -> Report {
    let command = invocation.spec().name();
    let message = format!("{error:#}");
    tracing::error!("mmops {command}: {message}");
    let hints: Vec<String> = exit::hints(error).map(str::to_owned).collect();
    for hint in &hints {
        tracing::error!(target: logging::HINT, "{hint}");
    }
    let exit = match exit::classify(error) {
        Exit::Ok => Exit::Internal,
        exit => exit,
    };
    let body = ErrorBody { command: invocation.spec().path.to_owned(), message, hints };
    Report::error(invocation.spec(), exit, body)
}

fn print(invocation: &Invocation, env: &Env, answer: &Answer) -> anyhow::Result<Exit> {
    let (text, exit) = match answer {
        Answer::Text(text) => (text.clone(), Exit::Ok),
        Answer::Report(report) => {
            let text = printer::text(report, invocation.global.format, invocation.global.color, env);
            (text, report.exit())
        }
    };
    printer::print(&text)?;
    Ok(exit)
}
