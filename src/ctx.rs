//! All that a command may ask of the world: a root, a clock, an environment, and whether to stop.

use crate::report::exit::Fault;
use crate::report::maker::{ClockKind, Maker};
use crate::sys::clock::Clock;
use crate::sys::env::{Env, start_dir};
use crate::sys::fsio::{self, AtomicFile, FileKind};
use crate::sys::signal::Cancel;
use anyhow::Context as _;
use jiff::Timestamp;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

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
}

impl Ctx {
    /// The world of this process; `root` and `now` are what the command line says of them.
    pub(crate) fn start(root: Option<&Path>, now: Option<Timestamp>, quiet: bool) -> anyhow::Result<Self> {
        let env = Env::of_process()?;
        let start = start_dir().context(Fault::dependency("failed to read the current directory"))?;
        let root = match root {
            Some(root) => fsio::canonical(&start.join(root))
                .map_err(|fault| fault.hint("--root must name an existing directory"))?,
            None => start,
        };
        if fsio::target_kind(&root)? != FileKind::Dir {
            let message = format!("--root `{}` is not a directory", root.display());
            return Err(Fault::config(message).into());
        }
        let time = |name: &str| -> Result<Option<Timestamp>, Fault> {
            let invalid = |text: &str, error: jiff::Error| {
                Fault::config(format!("{name}={text} is not an RFC 3339 time: {error}"))
            };
            env.get(name).map(|text| text.parse().map_err(|error| invalid(text, error))).transpose()
        };
        let stamp = time("CI_FAKE_UTC")?;
        let clock = match now.map_or_else(|| time("MMOPS_NOW"), |now| Ok(Some(now)))? {
            Some(now) => Clock::frozen(now, stamp),
            None => Clock::system(stamp),
        };
        fsio::date_by(&clock);
        let cancel = Cancel::on_signals().context("failed to install signal handlers")?;
        let is_plain = quiet || env.get("TERM") == Some("dumb");
        let progress = std::io::stderr().is_terminal() && !is_plain;
        Ok(Self { root, clock, env, cancel, progress, own_outputs: Vec::new() })
    }

    /// Resolves `path` against the root.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// `path` as it should be shown: relative to the root where it lies inside it.
    pub(crate) fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// The same world with the unfinished files of `outputs` known as this run's own.
    #[must_use]
    pub(crate) fn with_own_outputs<'a>(&self, outputs: impl IntoIterator<Item = &'a AtomicFile>) -> Self {
        let mut ctx = self.clone();
        ctx.own_outputs.extend(outputs.into_iter().map(AtomicFile::temporary));
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
