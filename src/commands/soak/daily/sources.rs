//! What the report of a day rests on beside the runs: the reports before it, the accepted parameters, the drill, the
//! results of tests.

use super::bug_bash::{self, TestFile};
use super::config::{AcceptedParameters, TestConfig};
use super::day_end::DayEnd;
use super::guards::History;
use super::junit;
use super::weekly::{DAYS, WeeklyFacts};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::baseline::HISTORY_DAYS;
use crate::evidence::daily::report::{FAIL, OK, SourceFile, TestSource};
use crate::evidence::daily::standard::DayStandard;
use crate::evidence::daily::{self, Day, File, Rules, report_name};
use crate::evidence::entry::{Entry, Found, FoundDocument};
use crate::evidence::requirement::{Judge, Requirement};
use crate::execute::step::{StepCommand, StepRunner};
use crate::format::hash;
use crate::release::identity;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId, FileKind};
use crate::sys::{json_file, proc};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The report of a day, if there is one.
pub(super) fn report(dir: &Path, date: Date, ctx: &Ctx) -> Result<Option<File>, Fault> {
    let (name, path) = (report_name(date), ctx.path(dir).join(report_name(date)));
    if fsio::kind(&path)? == FileKind::Missing {
        return Ok(None);
    }
    Ok(Some(match json_file::load_hashed(&path) {
        Ok((content, _, sha256)) => File { name, content: Ok(content), sha256: Some(sha256) },
        Err(fault) => File { name, content: Err(fault.to_string()), sha256: None },
    }))
}

/// The reports of the days before that count, newest first, and why the others do not.
pub(super) struct EarlierDays {
    pub(super) history: History,
    pub(super) files: Vec<SourceFile>,
    pub(super) faults: Vec<String>,
}

pub(super) fn earlier_days(
    dir: &Path,
    date: Date,
    policy: EvidencePolicy,
    standard: DayStandard,
    ctx: &Ctx,
) -> Result<EarlierDays, Fault> {
    let standard = Some(standard);
    let rules = Rules { window: HISTORY_DAYS, max_age: Duration::MAX, policy, standard };
    let files = reports(dir, date.yesterday().ok(), HISTORY_DAYS, ctx)?;
    let days = read(&files, &rules);
    let mut earlier = EarlierDays { history: Vec::new(), files: Vec::new(), faults: Vec::new() };
    for (day, (_, file)) in days.iter().zip(&files).rev() {
        let Some(file) = file else { continue };
        if let Some(fault) = &day.fault {
            earlier.faults.push(format!("{}: {fault}", day.date));
            continue;
        }
        earlier.history.push(day.figures.each_ref().map(|figure| figure.as_ref().ok().copied()));
        earlier.files.push(source(dir, file));
    }
    Ok(earlier)
}

/// The reports of so many days up to `last`, oldest first, none where there is none.
fn reports(
    dir: &Path,
    last: Option<Date>,
    count: usize,
    ctx: &Ctx,
) -> Result<Vec<(Date, Option<File>)>, Fault> {
    let dates: Vec<Date> = std::iter::successors(last, |date| date.yesterday().ok()).take(count).collect();
    dates.into_iter().rev().map(|date| Ok((date, report(dir, date, ctx)?))).collect()
}

fn read(files: &[(Date, Option<File>)], rules: &Rules) -> Vec<Day> {
    let found = files.iter().map(|(date, file)| (*date, file.as_ref()));
    let earlier = |date| files.iter().find(|(of, _)| *of == date).and_then(|(_, file)| file.as_ref());
    daily::read_days(found, rules, |date| format!("no report {}", report_name(date)), earlier)
}

fn source(dir: &Path, file: &File) -> SourceFile {
    SourceFile { path: dir.join(&file.name).display().to_string(), sha256: file.sha256.clone() }
}

/// The days of the week that ends with `last`, those of the week before it, and the files of both.
pub(super) fn weeks(
    dir: &Path,
    last: Date,
    policy: EvidencePolicy,
    standard: DayStandard,
    ctx: &Ctx,
) -> Result<(WeeklyFacts, Vec<SourceFile>), Fault> {
    let rules = Rules { window: DAYS, max_age: Duration::MAX, policy, standard: Some(standard) };
    let found = reports(dir, Some(last), 2 * DAYS, ctx)?;
    let mut days = read(&found, &rules);
    let files = found.iter().filter_map(|(_, file)| Some(source(dir, file.as_ref()?))).collect();
    let week = days.split_off(days.len().saturating_sub(DAYS));
    Ok((WeeklyFacts { days: week, before: days }, files))
}

/// The parameters that were accepted, or why they are not known.
pub(super) fn accepted(
    path: &str,
    ctx: &Ctx,
) -> Result<(Result<AcceptedParameters, String>, Option<SourceFile>), Fault> {
    let full = ctx.path(path);
    if fsio::target_kind(&full)? == FileKind::Missing {
        let reason = format!(
            "`{path}` is not there: write the parameters and the config_hash into it once they are accepted"
        );
        return Ok((Err(reason), None));
    }
    let accepted: AcceptedParameters = ctx.configs.load(Path::new(path))?;
    let sha256 = Some(hash::sha256(fsio::read(&full)?));
    Ok((Ok(accepted), Some(SourceFile { path: path.to_owned(), sha256 })))
}

/// What the newest drill says, and the drill.
pub(super) fn drill(
    requirement: &Requirement,
    end: &DayEnd,
    ctx: &Ctx,
) -> Result<(Result<String, String>, Entry), Fault> {
    let release =
        requirement.same_release.then(|| identity::find(&ctx.root, &ctx.env, &ctx.cancel)).transpose()?;
    let found: Found = json_file::load_hashed(&ctx.path(&requirement.artifact))
        .map(|(content, modified, sha256)| FoundDocument { content, modified, sha256 })
        .map_err(|fault| fault.to_string());
    let made = requirement.made(&found).unwrap_or(ctx.clock.now());
    // That it is a simulation is carried on, and judged by whoever reads the report.
    let policy = EvidencePolicy { allow_simulated: true, ..end.policy(made) };
    let judge = Judge { policy, maker: ctx.maker(), release: release.unwrap_or_default() };
    let late = end.refusal(made, &format!("`{}`", requirement.artifact));
    let entry = requirement.judge(&found, &judge);
    let entry = if found.is_ok() { entry.also(late) } else { entry };
    let has_failed =
        found.is_ok_and(|document| document.content.get("verdict").is_some_and(|said| said == FAIL));
    let result = match entry.reasons.first() {
        None => Ok(OK.to_owned()),
        Some(_) if has_failed => Ok(FAIL.to_owned()),
        Some(reason) => Err(reason.clone()),
    };
    Ok((result, entry))
}

/// What the test sweep shows: its files, or what comes of its command, which is run now.
pub(super) fn tests(
    config: &TestConfig,
    end: &DayEnd,
    ctx: &Ctx,
) -> Result<(Result<String, String>, TestSource), Fault> {
    let Some(command) = &config.command else {
        let files: Vec<TestFile> = config.junit.iter().map(|path| test_file(path, ctx)).collect();
        return Ok(bug_bash::of_files(&files, config, end));
    };
    // What it says now would be said of another day.
    let subject = format!("what `{}` says now", command.argv.join(" "));
    if let Some(reason) = end.refusal(ctx.clock.now(), &subject) {
        return Ok((Err(reason), bug_bash::source_of_command(&command.argv)));
    }
    let step = StepCommand {
        argv: &command.argv,
        dir: ctx.root.clone(),
        env: &BTreeMap::new(),
        timeout: command.timeout(),
        retries: 0,
        allow_fail: None,
        log: None,
    };
    let mut run = StepRunner::new(&ctx.clock, &ctx.cancel, None)?.run("bug_bash", &step);
    run.unowned = proc::sweep().reasons();
    ctx.check_cancelled()?;
    Ok(bug_bash::of_command(&command.argv, &run))
}

/// A file of test results.
fn test_file(path: &str, ctx: &Ctx) -> TestFile {
    let full = ctx.path(path);
    let read = || -> Result<(String, Timestamp), Fault> {
        let modified = FileId::of(&fsio::metadata(&full)?).modified();
        Ok((fsio::read_text(&full)?, modified))
    };
    match read() {
        Err(fault) => {
            TestFile { path: path.to_owned(), sha256: None, modified: None, results: Err(fault.to_string()) }
        }
        Ok((text, modified)) => TestFile {
            path: path.to_owned(),
            sha256: Some(hash::sha256(&text)),
            modified: Some(modified),
            results: junit::read(&text),
        },
    }
}
