//! From a command line to the plan of a run.

use super::arguments::{Lag, Length, PlanArgs, Sources};
use crate::commands::soak::plan::{PLAN_SCHEMA, SampleSource, SoakPlan};
use crate::commands::soak::settings;
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::net::prometheus::access;
use crate::report::exit::Fault;
use crate::simulation::bot::model::{DEFAULTS, with_overrides};
use crate::sys::json_file;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Names the server that is asked where no source is named.
const PROMETHEUS_URL: &str = "MMOPS_PROMETHEUS_URL";

impl Sources {
    /// The source that is named, else the server at `otherwise`.
    pub(super) fn origin(&self, otherwise: Option<&str>, ctx: &Ctx) -> Result<Option<SampleSource>, Fault> {
        if self.mock {
            return Ok(Some(SampleSource::Mock {
                scenario: self.scenario.unwrap_or_default(),
                seed: self.seed.unwrap_or(7),
                instances: self.instances.unwrap_or(1),
                overrides: self
                    .overrides
                    .as_ref()
                    .map_or_else(|| Ok(BTreeMap::new()), |path| overrides(path, ctx))?,
            }));
        }
        if !self.scrape.is_empty() {
            let urls: Vec<String> =
                self.scrape.iter().map(|url| address(url, "/metrics", ctx)).collect::<Result<_, _>>()?;
            if let Some(twice) = (1..urls.len()).find(|index| urls[..*index].contains(&urls[*index])) {
                return Err(Fault::usage(format!("--scrape names `{}` twice", urls[twice])));
            }
            return Ok(Some(SampleSource::Scrape { urls }));
        }
        if let Some(path) = &self.edge_report {
            return Ok(Some(SampleSource::EdgeReport { path: path.display().to_string() }));
        }
        let Some(url) = self.prometheus.as_deref().or(otherwise) else { return Ok(None) };
        let lag_secs = match self.lag {
            Some(Lag::Secs(secs)) => Some(secs),
            Some(Lag::Auto) | None => None,
        };
        let (url, matching) = (address(url, "", ctx)?, self.matching.clone());
        Ok(Some(SampleSource::Prometheus { url, history: self.from.is_some(), matching, lag_secs }))
    }
}

/// The parameters of a file with which simulated bots start.
fn overrides(path: &Path, ctx: &Ctx) -> Result<BTreeMap<String, f64>, Fault> {
    let values: Map<String, Value> = json_file::read(&ctx.path(path))?;
    let (point, refused) = with_overrides(&DEFAULTS, &values);
    if let Some(problem) = refused.first() {
        return Err(Fault::config(format!("`{}` cannot be used: {problem}", path.display())));
    }
    let given = point.iter().filter(|(name, _)| values.contains_key(*name));
    Ok(given.map(|(name, value)| (name.to_owned(), *value)).collect())
}

/// An address as it may be kept with the run: without secrets, and with a path.
fn address(text: &str, default_path: &str, ctx: &Ctx) -> Result<String, Fault> {
    access::settings(text, &ctx.root, &|name| ctx.env.get(name).map(str::to_owned))?;
    if text.contains('@') || text.contains('?') {
        return Err(Fault::usage("an address with a password or a query would be kept with the run")
            .hint("name credentials in the environment, such as MMOPS_PROMETHEUS_TOKEN_FILE"));
    }
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = !host.trim_end_matches('/').contains('/');
    Ok(if bare { format!("{}{default_path}", text.trim_end_matches('/')) } else { text.to_owned() })
}

/// Makes every run a smoke run unless the command line says otherwise.
const SMOKE_MODE: &str = "SOAK_SMOKE_MODE";
/// Iterations of a smoke run.
const SMOKE_ITERATIONS: u32 = 3;

fn is_smoke(ctx: &Ctx) -> Result<bool, Fault> {
    match ctx.env.get(SMOKE_MODE) {
        None | Some("" | "0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(Fault::config(format!("{SMOKE_MODE}={other} is neither 0 nor 1"))),
    }
}

/// The plan that the command line asks for.
pub(super) fn plan(args: &PlanArgs, ctx: &Ctx) -> Result<SoakPlan, Fault> {
    let Some(origin) = args.from.origin(ctx.env.get(PROMETHEUS_URL), ctx)? else {
        let fault =
            Fault::usage("nothing to watch: name one of --prometheus, --scrape, --edge-report, --mock");
        return Err(fault.hint(format!("{PROMETHEUS_URL} stands for --prometheus")));
    };
    let is_smoke = is_smoke(ctx)?;
    let default_iteration = Duration::from_mins(if is_smoke { 1 } else { 5 });
    let iteration_secs = whole_secs("--iteration", args.iteration.unwrap_or(default_iteration))?;
    let default_interval = Duration::from_secs(15).min(Duration::from_secs(u64::from(iteration_secs)));
    let interval = if matches!(origin, SampleSource::EdgeReport { .. }) { iteration_secs } else { 0 };
    let interval_secs = match interval {
        0 => whole_secs("--interval", args.interval.unwrap_or(default_interval))?,
        once => once,
    };
    if !iteration_secs.is_multiple_of(interval_secs) || iteration_secs / interval_secs > 50_000 {
        let message = format!(
            "an iteration of {iteration_secs} s is not up to 50000 times the interval of {interval_secs} s"
        );
        return Err(Fault::usage(message));
    }
    let started_at = match (args.from.from, &origin) {
        (Some(from), _) => from,
        (None, SampleSource::Prometheus { .. }) => next_multiple(ctx.clock.now(), interval_secs)?,
        (None, SampleSource::Mock { .. } | SampleSource::Scrape { .. } | SampleSource::EdgeReport { .. }) => {
            ctx.clock.now()
        }
    };
    if args.from.to.is_some_and(|to| to <= started_at) {
        return Err(Fault::usage("--to must lie after --from"));
    }
    let iterations = match (&args.length, args.from.to) {
        (Length { iterations: Some(iterations), .. }, _) => *iterations,
        (length, to) => {
            let total = match (to, length.duration, length.hours) {
                (Some(to), ..) => u64::try_from(to.duration_since(started_at).as_secs()).unwrap_or(0),
                (None, Some(duration), _) => duration.as_secs(),
                (None, None, None) if is_smoke => u64::from(SMOKE_ITERATIONS) * u64::from(iteration_secs),
                (None, None, hours) => u64::from(hours.unwrap_or(72)) * 3600,
            };
            if total == 0 || !total.is_multiple_of(u64::from(iteration_secs)) {
                let message = format!("{total} s are not a whole number of iterations of {iteration_secs} s");
                let hint = "--iteration gives the length of one";
                return Err(Fault::usage(message).hint(hint));
            }
            u32::try_from(total / u64::from(iteration_secs))
                .map_err(|_| Fault::usage("too many iterations"))?
        }
    };
    if args.from.to.is_some_and(|to| to > ctx.clock.now()) {
        return Err(Fault::usage("--to lies in the future"));
    }
    let group_by = match &origin {
        SampleSource::Mock { instances, .. } if *instances > 1 => Some("instance".to_owned()),
        SampleSource::Scrape { urls } if urls.len() > 1 => Some("instance".to_owned()),
        _ => args.from.group_by.clone(),
    };
    let default_profile = if is_smoke { settings::SMOKE_PROFILE } else { settings::DEFAULT_PROFILE };
    let profile_name = args.gates.as_deref().unwrap_or(default_profile);
    let mut settings = settings::load(&args.files, profile_name, ctx)?;
    if let Some(warmup) = args.warmup {
        settings.profile.gates.values_mut().for_each(|gate| gate.warmup = warmup);
    }
    origin.set_min_events(&mut settings.profile, &settings.kpis);
    Ok(SoakPlan {
        header: Header::new(PLAN_SCHEMA, ctx.maker()).simulated(origin.is_simulated()),
        started_at_ms: started_at.as_millisecond(),
        iterations,
        iteration_secs,
        interval_secs,
        origin,
        expect_members: args.expect_members,
        group_by,
        profile_name: profile_name.to_owned(),
        profile: settings.profile,
        kpis: settings.kpis,
    })
}

/// The next time that is a multiple of the interval, as a query frontend aligns the times that it is asked for.
fn next_multiple(now: Timestamp, interval_secs: u32) -> Result<Timestamp, Fault> {
    let (now_ms, interval_ms) = (now.as_millisecond(), i64::from(interval_secs) * 1000);
    let next_ms = now_ms + (interval_ms - now_ms.rem_euclid(interval_ms)) % interval_ms;
    Timestamp::from_millisecond(next_ms).map_err(|error| Fault::config(error.to_string()))
}

fn whole_secs(flag: &str, duration: Duration) -> Result<u32, Fault> {
    match u32::try_from(duration.as_secs()) {
        Ok(secs) if secs > 0 && duration.subsec_nanos() == 0 => Ok(secs),
        _ => Err(Fault::usage(format!("{flag} must be a whole number of seconds"))),
    }
}
