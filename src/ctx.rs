//! All that a command may ask of the world: a root, a clock, an environment, and whether to stop.

use crate::report::exit::Fault;
use crate::report::maker::{ClockKind, Maker};
use crate::sys::clock::{self, Clock};
use crate::sys::config::{ConfigUsed, Configs};
use crate::sys::env::{Env, start_dir};
use crate::sys::fsio::{self, AtomicFile, FileKind, OutputFile, OutputKind, Outputs};
use crate::sys::lock::{Lock, Waiting};
use crate::sys::signal::Cancel;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The world as a command sees it. Commands cannot print; they return a `Report`.
#[derive(Clone, Debug)]
pub(crate) struct Ctx {
    /// Absolute directory against which every relative path is resolved.
    pub(crate) root: PathBuf,
    pub(crate) clock: Clock,
    /// As it was at start.
    pub(crate) env: Env,
    pub(crate) cancel: Cancel,
    /// Whether progress may be drawn on stderr.
    pub(crate) progress: bool,
    /// Files that this run has begun to write and that have no content yet; no part of what it looks at.
    pub(crate) own_outputs: Vec<PathBuf>,
    /// What this run writes for others to go by, which gets its names together at its end.
    pub(crate) outputs: Outputs,
    /// How long another run is waited for that holds a lock.
    pub(crate) lock_timeout: Duration,
    /// The configuration that was read so far.
    pub(crate) configs: Configs,
}

/// Fields of every report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ConfigBody {
    /// The configuration that the run went by; absent where it read none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) configs: Vec<ConfigUsed>,
}

/// What the command line says about the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) root: Option<&'a Path>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) quiet: bool,
    pub(crate) lock_timeout: Duration,
}

impl Ctx {
    /// The world of this process.
    pub(crate) fn start(wanted: Wanted<'_>) -> anyhow::Result<Self> {
        let Wanted { root, now, quiet, lock_timeout } = wanted;
        let env = Env::of_process()?;
        // Where the process was started matters only to what is relative to it.
        let start = || {
            start_dir().map_err(|error| {
                Fault::dependency(format!("failed to read the current directory: {error}"))
                    .hint("it may have been removed; go to another, or name an absolute --root")
            })
        };
        let root = match root {
            Some(root) => {
                let path = if root.is_absolute() { root.to_owned() } else { start()?.join(root) };
                fsio::canonical(&path)
                    .map_err(|fault| fault.hint("--root must name an existing directory"))?
            }
            None => start()?,
        };
        if fsio::target_kind(&root)? != FileKind::Dir {
            let message = format!("--root `{}` is not a directory", root.display());
            return Err(Fault::config(message).into());
        }
        let clock = clock(now, &env)?;
        fsio::date_by(&clock);
        let cancel = Cancel::on_signals()
            .map_err(|error| Fault::dependency(format!("failed to install signal handlers: {error}")))?;
        let is_plain = quiet || env.get("TERM") == Some("dumb");
        let progress = std::io::stderr().is_terminal() && !is_plain;
        let (outputs, configs) = (Outputs::default(), Configs::new(&root));
        Ok(Self {
            root,
            clock,
            env,
            cancel,
            progress,
            own_outputs: Vec::new(),
            outputs,
            lock_timeout,
            configs,
        })
    }

    /// Resolves `path` against the root.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// `path` as it should be shown: relative to the root where it lies inside it.
    pub(crate) fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// The output called `path` of this run: others go by it.
    pub(crate) fn verdict_file(&self, path: impl AsRef<Path>) -> Result<OutputFile, Fault> {
        self.outputs.take(OutputKind::Verdict, &self.path(path))
    }

    /// The output called `path` that stands beside the verdict.
    pub(crate) fn companion_file(&self, path: impl AsRef<Path>) -> Result<OutputFile, Fault> {
        self.outputs.take(OutputKind::Companion, &self.path(path))
    }

    /// The output called `path` that says what this run did to the world.
    pub(crate) fn record_file(&self, path: impl AsRef<Path>) -> Result<OutputFile, Fault> {
        self.outputs.take(OutputKind::Record, &self.path(path))
    }

    /// Takes the lock at `path`, waiting for whoever has it.
    pub(crate) fn lock(&self, path: &Path) -> Result<Lock, Fault> {
        Lock::acquire(path, &self.waiting())
    }

    /// The same for a directory itself, which leaves no file in it.
    pub(crate) fn lock_dir(&self, dir: &Path) -> Result<Lock, Fault> {
        Lock::of_dir(dir, &self.waiting())
    }

    fn waiting(&self) -> Waiting<'_> {
        Waiting { budget: self.lock_timeout, cancel: &self.cancel }
    }

    /// The field `configs` of a report: the configuration that was read so far; no field where there is none.
    pub(crate) fn config_body(&self) -> ConfigBody {
        ConfigBody { configs: self.configs.used() }
    }

    /// The same world with the unfinished files of `outputs` known as this run's own.
    #[must_use]
    pub(crate) fn with_own_outputs<'a>(&self, outputs: impl IntoIterator<Item = &'a AtomicFile>) -> Self {
        let mut ctx = self.clone();
        ctx.own_outputs.extend(outputs.into_iter().filter_map(AtomicFile::temporary));
        ctx
    }

    /// Whether `path` is a file that this run has only begun to write.
    pub(crate) fn is_own_output(&self, path: &Path) -> bool {
        let same =
            |own: &PathBuf| matches!((fsio::canonical(own), fsio::canonical(path)), (Ok(a), Ok(b)) if a == b);
        self.own_outputs.iter().any(|own| own.file_name() == path.file_name() && same(own))
    }

    /// This program under this run's clock: what its documents are stamped with, and its evidence judged by.
    pub(crate) fn maker(&self) -> Maker {
        maker(&self.clock)
    }

    /// Returns early with the stop's own fault once a signal has asked for it.
    pub(crate) fn check_cancelled(&self) -> Result<(), Fault> {
        self.cancel.signal().map_or(Ok(()), |signal| Err(Fault::stopped(signal)))
    }
}

/// The clock that the command line or the environment asks for.
pub(crate) fn clock(now: Option<Timestamp>, env: &Env) -> Result<Clock, Fault> {
    let time = |name: &str| -> Result<Option<Timestamp>, Fault> {
        let invalid = |text: &str, error: String| {
            Fault::config(format!("{name}={text} is not an RFC 3339 time: {error}"))
        };
        env.get(name).map(|text| clock::parse_time(text).map_err(|error| invalid(text, error))).transpose()
    };
    let stamp = time("CI_FAKE_UTC")?;
    Ok(match now.map_or_else(|| time("MMOPS_NOW"), |now| Ok(Some(now)))? {
        Some(now) => Clock::frozen(now, stamp),
        None => Clock::system(stamp),
    })
}

/// This program under this clock.
pub(crate) fn maker(clock: &Clock) -> Maker {
    let kind = match (clock.is_frozen(), clock.is_stamped()) {
        (true, _) => ClockKind::Frozen,
        (false, true) => ClockKind::Stamped,
        (false, false) => ClockKind::System,
    };
    Maker {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("MMOPS_COMMIT"),
        now: clock.now(),
        stamp: clock.stamp(),
        clock: kind,
    }
}
