//! `mmops sim bot`: the simulated market-making service as a real process, for rehearsals: `/metrics` by the
//! metric contract, the eight start-up checkpoints in its log, run-time parameters re-read from the overrides
//! file, rollback actions obeyed, SIGTERM answered.
//!
//! `GET /metrics`, `GET /health`, `GET /status`; `POST /actions` takes `{"type":"freeze_orders"}`,
//! `{"type":"scale_strategy","factor":0.5}` or `{"type":"circuit_state","state":"open"}`.
use crate::format::duration;
use crate::format::exposition::Format;
use crate::format::json;
use crate::format::json::typed;

use crate::ctx::Ctx;
use crate::net::serve::{self, Request, Response, Server};
use crate::report::exit::{Exit, Fault};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use crate::simulation::bot::exposition::exposition;
use crate::simulation::bot::model::{self, CircuitState, LEAK_MIB_PER_MIN};
use crate::simulation::bot::{RollbackAction, Scenario, SimulatedBot};
use crate::sys::json_file;
use crate::sys::{clock, fsio};
use jiff::Timestamp;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Memory is leaked in blocks of so many bytes.
const LEAKED_BLOCK: usize = 64 * 1024;

/// How often the bot takes a step.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) const SPEC: CommandSpec = CommandSpec::new("sim bot", "SIM_BOT", "FAILED");

/// Be a market-making service: metrics, start-up log, overrides, rollback actions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on, loopback only; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What goes wrong
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    scenario: Scenario,
    /// Seed of the noise
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Simulated seconds in a second
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// When a bot of scenario hang ticks for the last time; 0: it never ticks
    #[arg(long, value_name = "DURATION", default_value = "90s", value_parser = duration::parse)]
    hang_after: Duration,
    /// How much a bot of scenario leak allocates and holds, MiB a simulated minute
    #[arg(long, value_name = "MIB", default_value_t = LEAK_MIB_PER_MIN, value_parser = leak)]
    leak_mb_per_min: f64,
    /// Overrides file, read again whenever it changes
    #[arg(long, value_name = "FILE", default_value = "artifacts/soak/runtime_overrides.json")]
    overrides: PathBuf,
    /// Write the start-up checkpoints to this file as well
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Write the address to this file once the bot listens
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
    /// Stop after this time [default: run until a signal]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    how_long: Option<Duration>,
}

/// The fields of the report beside those of every report.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Body {
    /// What went wrong.
    scenario: Scenario,
    /// Seed of the noise.
    seed: u64,
    /// Rollback actions that were carried out.
    actions: usize,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed > 0.0 && speed <= 100_000.0 => Ok(speed),
        _ => Err("the speed must lie between 0 and 100000".to_owned()),
    }
}

fn leak(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(mib) if (0.0..=1024.0).contains(&mib) => Ok(mib),
        _ => Err("it must lie between 0 and 1024 MiB a minute".to_owned()),
    }
}

/// The bot and what was done to it, shared with the server.
#[derive(Debug)]
struct Shared {
    bot: SimulatedBot,
    actions: Vec<RollbackAction>,
}

/// Runs until a signal, or for the time request for.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let log = args.log.as_ref().map(|path| fsio::append_stream(&ctx.path(path))).transpose()?;
    let mut log = Log { file: log.map(|file| Box::new(file) as Box<dyn Write>) };
    log.line(ctx, "sim bot starting...")?;
    let started_secs = ctx.clock.now().as_millisecond() as f64 / 1e3;
    let bot = SimulatedBot::new(args.scenario, args.seed, started_secs)
        .with(args.hang_after.as_secs_f64(), args.leak_mb_per_min);
    let shared = Arc::new(Mutex::new(Shared { bot, actions: Vec::new() }));
    let mut overrides = Overrides { path: ctx.path(&args.overrides), seen: None, problem: None };
    overrides.refresh(&shared);
    log.line(ctx, "Config loaded: 3 rules")?;
    log.line(ctx, "SDK connected: simulated venue")?;
    log.line(ctx, "Rules initialized: 3 rules")?;
    let server = {
        let shared = Arc::clone(&shared);
        Server::start(args.listen, move |request| answer(&shared, request))?
    };
    let address = format!("http://{}", server.address());
    if let Some(path) = &args.address_file {
        fsio::write_atomic(&ctx.path(path), format!("{address}\n").as_bytes())?;
    }
    log.line(ctx, "Event loop running")?;
    tracing::info!("listening on {address}");

    let started = clock::monotonic();
    let mut elapsed = Duration::ZERO;
    let mut refreshed = Duration::ZERO;
    let mut liveness = Liveness::default();
    while ctx.cancel.signal().is_none() && args.how_long.is_none_or(|how_long| elapsed < how_long) {
        clock::nap(TICK_INTERVAL);
        let now = started.elapsed();
        lock(&shared).bot.step(now.saturating_sub(elapsed).as_secs_f64() * args.speed);
        elapsed = now;
        let lines = liveness.log_lines(&lock(&shared));
        for line in lines {
            log.line(ctx, &line)?;
        }
        if now.saturating_sub(refreshed) >= Duration::from_secs(1) {
            refreshed = now;
            overrides.refresh(&shared);
        }
    }
    drop(server);
    log.line(ctx, "sim bot stopped")?;
    let actions = lock(&shared).actions.len();
    let body = Body { scenario: args.scenario, seed: args.seed, actions };
    let conclusion = match ctx.cancel.signal() {
        None => Conclusion::new(Outcome::Pass, "STOPPED"),
        // A code that is not 0 never stands beside an OK.
        Some(signal) => Conclusion::new(Outcome::Fail, "STOPPED").exit(Exit::of_signal(signal)),
    };
    Ok(Report::new(&SPEC, "SIMULATED BOT", conclusion).simulated(true).body(&body).rows(vec![
        Row::new("scenario", Outcome::Pass).note(args.scenario.name()),
        Row::new("actions", Outcome::Pass).note(actions.to_string()),
    ]))
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(shared: &Mutex<Shared>, request: &Request<'_>) -> Response {
    match (request.method, request.path) {
        ("GET", "/metrics") => {
            let (format, content_type) = if request.accept.contains("application/openmetrics-text") {
                (Format::OpenMetrics, serve::OPEN_METRICS)
            } else {
                (Format::Text, serve::EXPOSITION)
            };
            Response::ok(content_type, exposition(&lock(shared).bot, format))
        }
        ("GET", "/health") => Response::ok(serve::TEXT, "ok\n"),
        ("GET", "/status") => {
            let state = lock(shared);
            let (params, circuit, actions) = (state.bot.params, state.bot.circuit(), &state.actions);
            let status = serde_json::json!({
                "simulated": true, "params": params, "circuit": circuit, "actions": actions,
            });
            Response::ok(serve::JSON, json::document(&status))
        }
        ("POST", "/actions") => match act(&mut lock(shared), request.body) {
            Ok(()) => Response::ok(serve::JSON, "{\"executed\":true}\n"),
            Err(reason) => Response::error(400, format!("not an action: {reason}")),
        },
        (_, "/metrics" | "/health" | "/status" | "/actions") => Response::error(405, "method not allowed"),
        _ => Response::error(404, "there are /metrics, /health, /status and /actions"),
    }
}

fn act(state: &mut Shared, body: &[u8]) -> Result<(), String> {
    let action: RollbackAction = typed::read_bytes(body).map_err(|error| error.to_string())?;
    state.bot.apply(action)?;
    state.actions.push(action);
    Ok(())
}

/// What shows from outside that the bot lives: its first tick, what it enforces, and the memory that it holds.
#[derive(Default)]
struct Liveness {
    has_ticked: bool,
    actions: usize,
    is_open: bool,
    leaked: Vec<Vec<u8>>,
}

impl Liveness {
    /// What the log says of a step; memory that the bot leaks is allocated, written and kept.
    fn log_lines(&mut self, state: &Shared) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.has_ticked && !state.bot.hangs() {
            self.has_ticked = true;
            lines.extend(["Event received: tick", "Rule evaluated: deadline PASSED"].map(str::to_owned));
        }
        let done = state.actions.iter().skip(self.actions);
        lines.extend(done.map(|action| format!("Enforcement triggered: {action:?}")));
        self.actions = state.actions.len();
        let is_open = state.bot.circuit() == CircuitState::Open;
        if is_open && !self.is_open && lines.iter().all(|line| !line.starts_with("Enforcement")) {
            lines.push("Enforcement triggered: circuit breaker open".to_owned());
        }
        self.is_open = is_open;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole blocks, never negative"
        )]
        let blocks = (state.bot.leaked_bytes() / LEAKED_BLOCK as f64) as usize;
        while self.leaked.len() < blocks {
            self.leaked.push(vec![1; LEAKED_BLOCK]);
        }
        lines
    }
}

/// The start-up log.
struct Log {
    file: Option<Box<dyn Write>>,
}

impl Log {
    fn line(&mut self, ctx: &Ctx, message: &str) -> Result<(), Fault> {
        tracing::info!("{message}");
        let Some(file) = &mut self.file else { return Ok(()) };
        let time = ctx.clock.now().strftime("%Y-%m-%d %H:%M:%S");
        writeln!(file, "{time} INFO {message}").map_err(|error| Fault::write("the log", &error))
    }
}

/// The overrides file as it was last seen.
struct Overrides {
    path: PathBuf,
    seen: Option<Timestamp>,
    problem: Option<String>,
}

impl Overrides {
    /// Takes what has changed. A file that cannot be used changes nothing, and is said once.
    fn refresh(&mut self, shared: &Mutex<Shared>) {
        let problem = match self.read() {
            Ok(None) => return,
            Ok(Some(values)) => {
                let mut state = lock(shared);
                let (next, refused) = model::with_overrides(&state.bot.params, &values);
                state.bot.params = next;
                tracing::info!("Config loaded: {}", show(&self.path));
                (!refused.is_empty()).then(|| refused.join(", "))
            }
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem.as_ref().filter(|problem| Some(*problem) != self.problem.as_ref()) {
            tracing::warn!("{}: {problem}", show(&self.path));
        }
        self.problem = problem;
    }

    fn read(&mut self) -> Result<Option<serde_json::Map<String, serde_json::Value>>, String> {
        if !fsio::exists(&self.path).map_err(|fault| fault.to_string())? {
            return Ok(None);
        }
        let (document, modified) = json_file::load(&self.path).map_err(|fault| fault.to_string())?;
        if self.seen == Some(modified) {
            return Ok(None);
        }
        self.seen = Some(modified);
        match document {
            serde_json::Value::Object(values) => Ok(Some(values)),
            _ => Err("not a JSON object".to_owned()),
        }
    }
}

fn show(path: &Path) -> String {
    format!("`{}`", path.display())
}
