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
//!    execute  journal  simulation    what makes a document evidence, steps as child processes, appended
//!    tuning  lease                   records, what is simulated, run-time parameters, who leads
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
//! **A page.** A pure function from facts to a `report::page::Page`, as `commands/soak/page` has one: what it draws
//! was judged before. Its escape, charts and tables are those of `report::page`. What is hard to draw goes into
//! `tests/props/pages.rs`, whose pages `tests/props/page.rs` and, in a browser, `tests/real/page.rs` hold.
//!
//! **An exit code.** A variant of `report::exit::Exit` with its row in `TABLE`, from which the help is made, and in
//! `report::command` which commands can end with it; `docs` fails until the README has the row.
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
mod execute;
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

use clap::error::ErrorKind;
use cli::Invocation;
use cli::attempt::Attempt;
use commands::{Answer, Files, Output, OutputRole, scan_secrets};
use ctx::{Ctx, Wanted};
use evidence::header;
use format::form::Form;
use report::exit::{self, Exit, Fault};
use report::printer::{self, Color, Format};
use report::{CommandSpec, ErrorBody, Report, render};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use sys::fsio::{self, FileKind, OutputFile, OutputKind};
use sys::lock::Lock;
use sys::logging::{self, LogFormat};
use sys::{clock::Clock, env::Env, panics, proc};

/// Parses `args`, runs the command, renders its report and returns the code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    panics::log_panics();
    let args: Vec<OsString> = args.collect();
    if let Some(code) = proc::hidden(&args) {
        return code;
    }
    let parse_and_invoke = || match Invocation::parse(args.iter().cloned()) {
        Ok(invocation) => invoke(&invocation),
        Err(error) => refuse(&error, &args),
    };
    let exit = panics::caught(parse_and_invoke).unwrap_or(Exit::Internal);
    proc::dismiss_watchdog();
    // What went wrong before or after the command knows nothing of its promise.
    let breaks_promise =
        exit.clamped() != exit && Attempt::read(&args).is_some_and(|attempt| attempt.spec().is_clamped);
    ExitCode::from(if breaks_promise { exit.clamped() } else { exit }.code())
}

/// Prints clap's help, version or usage error. An error that names a command is an answer of that command, and
/// nothing that it writes may go on to say otherwise.
fn refuse(error: &clap::Error, args: &[OsString]) -> Exit {
    let printed = error.print();
    if !error.use_stderr() {
        return match printed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Dependency,
            Ok(()) | Err(_) => Exit::Ok,
        };
    }
    let asks_for_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let Some(attempt) = Attempt::read(args).filter(|_| !asks_for_help) else { return Exit::Usage };
    logging::start(LogFormat::Text, -1);
    let message = error.to_string();
    let first = message.split("\n\n").next().unwrap_or_default();
    let reason: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
    let env = Env::of_process().unwrap_or_default();
    let now = attempt.path("now").and_then(|now| now.to_str()?.parse().ok());
    let clock = ctx::clock(now, &env).unwrap_or_else(|_| Clock::system(None));
    let mut report = failure_report(attempt.spec(), Exit::Usage, reason.join(" "), Vec::new());
    header::stamp(&mut report, ctx::maker(&clock));
    let (root, format) = (attempt.path("root"), attempt.format());
    let format =
        if format == Format::Sarif && *attempt.spec() != scan_secrets::SPEC { Format::Table } else { format };
    leave(&report, &attempt.files(), root.as_deref());
    match print(format, Color::Auto, &env, &report.into()) {
        Ok(_) => Exit::Usage,
        Err(error) => exit::classify(&error),
    }
}

fn invoke(invocation: &Invocation) -> Exit {
    let global = &invocation.global;
    let verbosity = if global.quiet { -1 } else { i8::try_from(global.verbose).unwrap_or(i8::MAX) };
    logging::start(global.log_format, verbosity);
    let mut files = invocation.files();
    match Session::start(invocation, &mut files) {
        Ok(session) => session.answer(invocation),
        Err(error) => {
            let env = Env::of_process().unwrap_or_default();
            let clock = ctx::clock(global.now, &env).unwrap_or_else(|_| Clock::system(None));
            let mut report = failure(invocation, &error);
            header::stamp(&mut report, ctx::maker(&clock));
            leave(&report, &files, global.root.as_deref());
            print(global.format, global.color, &env, &report.into()).unwrap_or(exit::classify(&error))
        }
    }
}

/// Lets every output that can be written say that the question could not be asked. What is not known to be one of
/// the same command is nobody's answer, and stays: the command line may name it by mistake.
fn leave(report: &Report, files: &Files, root: Option<&Path>) {
    let start = || sys::env::start_dir().ok();
    let root = match root {
        Some(root) if root.is_absolute() => Some(root.to_owned()),
        Some(root) => start().map(|start| start.join(root)),
        None => start(),
    };
    // Without a root nobody knows where the outputs are.
    let Some(root) = root.filter(|root| fsio::canonical(root).is_ok()) else { return };
    let full = |path: &Path| root.join(path);
    for (at, output) in files.outputs.iter().enumerate() {
        let path = full(&output.path);
        let is_other = |other: &Path| fsio::same_file(&path, &full(other));
        let is_safe = !files.inputs.iter().any(|input| is_other(&input.path))
            && !files.whole.iter().any(|input| fsio::is_below(&path, &full(&input.path)))
            && !files.outputs[..at].iter().any(|other| is_other(&other.path));
        let form = match output.role {
            OutputRole::Verdict(form) | OutputRole::Companion(form) | OutputRole::RemovedFirst(form) => form,
            OutputRole::Record | OutputRole::Settings(_) | OutputRole::Updated(_) => continue,
        };
        if fsio::is_foreign(&path, form) {
            tracing::warn!("{}", stays(output));
            continue;
        }
        let is_there = || matches!(fsio::exists(&path), Ok(true));
        let text = match (output.option, output.role) {
            ("junit", _) => render::junit::render(report, Duration::ZERO),
            ("metrics-file", _) => {
                render::textfile::render(report, Clock::system(None).now().as_second(), Duration::ZERO)
            }
            (_, OutputRole::Verdict(Form::Document(_)))
                if files.named.contains(&output.name()) || is_there() =>
            {
                render::json::render(report)
            }
            _ => String::new(),
        };
        let left = match (is_safe, text.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => fsio::remove_own(&path, form),
            (true, false) => fsio::write_atomic(&path, text.as_bytes()),
        };
        // Where nothing stands, nothing says otherwise.
        if let Err(fault) = left
            && matches!(fsio::target_kind(&path), Ok(FileKind::File))
        {
            tracing::error!("what an earlier run wrote is still there: {fault}");
        }
    }
}

/// That an output is left alone.
fn stays(output: &Output) -> String {
    format!("`{}` stays as it is: this command did not write it", output.path.display())
}

/// The context of one command, and the side outputs opened before it runs.
struct Session {
    ctx: Ctx,
    junit: Option<OutputFile>,
    metrics: Option<OutputFile>,
    _locks: Vec<Lock>,
}

impl Session {
    /// On an error, `files` are those that this run may still write.
    fn start(invocation: &Invocation, files: &mut Files) -> anyhow::Result<Self> {
        let global = &invocation.global;
        if global.format == Format::Sarif && *invocation.spec() != scan_secrets::SPEC {
            return Err(Fault::usage("--format sarif is for scan-secrets alone").into());
        }
        let mut ctx = Ctx::start(Wanted {
            root: global.root.as_deref(),
            now: global.now,
            quiet: global.quiet,
            lock_timeout: global.lock_timeout,
        })?;
        files.inputs.extend(invocation.planned(&ctx));
        refuse_clash(files, &ctx)?;
        let locks = invocation.locks().map(|path| ctx.lock(&ctx.path(path)));
        let locks = locks.collect::<Result<Vec<Lock>, Fault>>();
        // What another run of this command writes is its own until it is done.
        let locks = locks.inspect_err(|_| files.outputs.retain(Output::is_side))?;
        for output in files.outputs.iter().filter(|output| output.must_be_own) {
            if let Some(form) = output.form() {
                fsio::refuse_foreign(&ctx.path(&output.path), form)?;
            }
        }
        for output in &files.outputs {
            let path = ctx.path(&output.path);
            match output.role {
                OutputRole::Verdict(form) => ctx.outputs.open(OutputKind::Verdict, &path, Some(form))?,
                OutputRole::Companion(form) => ctx.outputs.open(OutputKind::Companion, &path, Some(form))?,
                OutputRole::Record => ctx.outputs.open(OutputKind::Record, &path, None)?,
                OutputRole::RemovedFirst(form) => fsio::remove_own(&path, form)?,
                OutputRole::Settings(_) | OutputRole::Updated(_) => {}
            }
        }
        ctx.outputs.set_no_answer(no_answer(invocation, &ctx));
        ctx.outputs.clear()?;
        ctx.own_outputs = ctx.outputs.temporaries();
        let take = |path: &Option<_>| path.as_ref().map(|path| ctx.companion_file(path)).transpose();
        let (junit, metrics) = (take(&global.junit)?, take(&global.metrics_file)?);
        Ok(Self { ctx, junit, metrics, _locks: locks })
    }

    fn answer(mut self, invocation: &Invocation) -> Exit {
        let (watch, started) = (self.ctx.clock.stopwatch(), self.ctx.maker());
        let answer = panics::caught(|| invocation.run(&self.ctx))
            .unwrap_or_else(|fault| Err(anyhow::anyhow!("{fault}")));
        let mut answer = match answer {
            Ok(Answer::Report(report)) => Answer::from(report.body(&self.ctx.config_body())),
            Ok(Answer::Text(text)) => Answer::Text(text),
            Err(error) => {
                let mut report = failure(invocation, &error);
                header::stamp(&mut report, self.ctx.maker());
                self.withdraw(&report);
                self.spare_foreign(invocation);
                report.into()
            }
        };
        if let Answer::Report(report) = &mut answer {
            header::stamp(report, self.ctx.maker());
            if self.ctx.clock.is_frozen() {
                tracing::info!("{}", header::frozen_clock(&started));
            }
        }
        let global = &invocation.global;
        let said = self
            .write_side_outputs(&answer, watch.elapsed())
            .and_then(|()| Ok(self.ctx.outputs.publish()?))
            .and_then(|()| print(global.format, global.color, &self.ctx.env, &answer));
        let is_yes = !matches!(&answer, Answer::Report(report) if !report.is_ok());
        said.unwrap_or_else(|error| self.take_back(invocation, &error, is_yes))
    }

    /// A question that could not be asked is no reason to replace a file of somebody else.
    fn spare_foreign(&mut self, invocation: &Invocation) {
        let foreign = |output: &Output| {
            let form = output.form().filter(|_| output.is_side());
            form.is_some_and(|form| fsio::is_foreign(&self.ctx.path(&output.path), form))
        };
        for output in invocation.files().outputs.into_iter().filter(foreign) {
            tracing::warn!("{}", stays(&output));
            let side = if output.option == "junit" { &mut self.junit } else { &mut self.metrics };
            *side = None;
        }
    }

    /// What was answered could not be said: no file may say a yes either. One that says no says nothing else
    /// than the run does.
    fn take_back(&self, invocation: &Invocation, error: &anyhow::Error, is_yes: bool) -> Exit {
        let mut report = failure(invocation, error);
        header::stamp(&mut report, self.ctx.maker());
        if is_yes {
            self.withdraw(&report);
            let mut files = invocation.files();
            files.outputs.retain(Output::is_side);
            leave(&report, &files, Some(&self.ctx.root));
        }
        // A terminal that went away sends the signal and takes no report.
        let exit = self.ctx.cancel.signal().map_or(report.exit(), Exit::of_signal);
        let global = &invocation.global;
        // Where it was not stdout that failed, the last word there is the true one.
        if let Err(error) = print(global.format, global.color, &self.ctx.env, &report.into()) {
            tracing::debug!("{error:#}");
        }
        exit
    }

    /// Takes the outputs back; those whose names always say something say why.
    fn withdraw(&self, failure: &Report) {
        self.ctx.outputs.set_no_answer(render::json::render(failure));
        self.ctx.outputs.withdraw();
    }

    fn write_side_outputs(&mut self, answer: &Answer, took: Duration) -> anyhow::Result<()> {
        let Answer::Report(report) = answer else { return Ok(()) };
        if let Some(junit) = self.junit.take() {
            junit.finish(render::junit::render(report, took).as_bytes())?;
        }
        if let Some(metrics) = self.metrics.take() {
            // Whoever watches the runs wants to know when one really was.
            let ended_at = Clock::system(None).now().as_second();
            let text = render::textfile::render(report, ended_at, took);
            metrics.finish(text.as_bytes())?;
        }
        Ok(())
    }
}

/// What stands in place of an answer from the begin of a run to its end, and afterwards where it was killed.
fn no_answer(invocation: &Invocation, ctx: &Ctx) -> String {
    let message = format!("it began at {} and has no answer yet", ctx.clock.stamp_utc());
    let hints = vec!["if it does not run any more it was killed: run it again".to_owned()];
    let mut report = failure_report(invocation.spec(), Exit::Stalled, message, hints);
    header::stamp(&mut report, ctx.maker());
    render::json::render(&report)
}

/// Refuses a command line of which one file would destroy another.
fn refuse_clash(files: &Files, ctx: &Ctx) -> Result<(), Fault> {
    let identities = fsio::Identities::default();
    let same = |a: &Path, b: &Path| identities.same_file(&ctx.path(a), &ctx.path(b));
    let has_form_beside = |output: &&Output| {
        files.outputs.iter().filter(|other| !other.option.is_empty() && other.option == output.option).count()
            > 1
    };
    let is_stream = |output: &&Output| fsio::is_stream(&ctx.path(&output.path));
    if let Some(output) = files.outputs.iter().filter(has_form_beside).find(is_stream) {
        let (name, path) = (output.name(), output.path.display());
        let message = format!("{name} must be a file, beside which its Markdown form goes; `{path}` is none");
        return Err(Fault::usage(message));
    }
    let below = |path: &Path, dir: &Path| fsio::is_below(&ctx.path(path), &ctx.path(dir));
    if let Some((output, input)) = files.intruder(below) {
        let (name, path, input) = (output.name(), output.path.display(), input.name());
        let fault = Fault::usage(format!("`{path}`, which {name} names, is part of what {input} names"));
        return Err(fault.hint("all of it is read, and nothing may be written there; name a file elsewhere"));
    }
    let Some((output, other)) = files.clash(same) else { return Ok(()) };
    let (name, path) = (output.name(), output.path.display());
    if name == other {
        return Err(Fault::usage(format!("{name} names `{path}`, where its Markdown form goes as well")));
    }
    let fault = Fault::usage(format!("`{path}` is named by {name} and by {other}"));
    Err(fault.hint("a file that is written must not be another one of the same run"))
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
    failure_report(invocation.spec(), exit, message, hints)
}

fn failure_report(spec: &'static CommandSpec, exit: Exit, message: String, hints: Vec<String>) -> Report {
    Report::error(spec, exit, ErrorBody { command: spec.path.to_owned(), message, hints })
}

fn print(format: Format, color: Color, env: &Env, answer: &Answer) -> anyhow::Result<Exit> {
    let (text, exit) = match answer {
        Answer::Text(text) => (text.clone(), Exit::Ok),
        Answer::Report(report) => {
            let text = printer::text(report, format, color, env);
            (text, report.exit())
        }
    };
    printer::print(&text)?;
    Ok(exit)
}
