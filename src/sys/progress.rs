//! Progress: bars and lines on a terminal; elsewhere, where logs and pipes stay clean, a note for what is done.

use crate::sys::{clock, signal, work};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A bar of `total` steps on stderr, hidden unless it is wanted.
pub(crate) fn bar(is_wanted: bool, total: u64, what: &'static str) -> ProgressBar {
    if !is_wanted {
        return ProgressBar::hidden();
    }
    // What is said comes last and is cut to the width of the terminal.
    let template = "[{bar:30}] {pos}/{len} eta {eta} {wide_msg}";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        .with_style(style.progress_chars("=> "))
        .with_message(what)
}

/// Time between two looks for somebody who asks what is being done.
const LOOK: Duration = Duration::from_millis(100);

/// The steps that run: on a terminal a line for each with its time; elsewhere a note when one has ended.
pub(crate) struct StepProgress {
    lines: Option<MultiProgress>,
    steps: Mutex<Steps>,
}

#[derive(Default)]
struct Steps {
    /// Name and start of each that runs, by its number.
    running: BTreeMap<usize, (String, Instant)>,
    begun: usize,
    done: usize,
}

impl StepProgress {
    pub(crate) fn new(is_drawn: bool) -> Self {
        let lines = is_drawn.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        Self { lines, steps: Mutex::default() }
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`; who sends SIGUSR1 meanwhile hears how far it is.
    pub(crate) fn watched<T>(&self, total: usize, work: impl FnOnce() -> T) -> T {
        let (end, ended) = channel::<()>();
        std::thread::scope(|scope| {
            let watch = move || {
                while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if signal::is_status_wanted() {
                        self.log_status(total);
                    }
                }
            };
            if let Err(fault) = work::spawn_scoped(scope, "status", watch) {
                tracing::debug!("nobody can ask how far the work is: {fault}");
            }
            let done = work();
            drop(end);
            done
        })
    }

    fn log_status(&self, total: usize) {
        let steps = self.steps();
        let running: Vec<String> = steps
            .running
            .values()
            .map(|(name, since)| format!("{name} for {:.1} s", since.elapsed().as_secs_f64()))
            .collect();
        tracing::info!("{} of {total} steps ended; running: {}", steps.done, running.join(", "));
    }

    /// A step begins.
    pub(crate) fn begin(&self, name: &str) -> RunningStep<'_> {
        let mut steps = self.steps();
        let number = steps.begun;
        steps.begun += 1;
        steps.running.insert(number, (name.to_owned(), clock::monotonic()));
        let line = self.lines.as_ref().map(|lines| {
            let style = ProgressStyle::with_template("{msg} {elapsed}").expect("a valid template");
            let line = lines.add(ProgressBar::new_spinner().with_style(style).with_message(name.to_owned()));
            line.enable_steady_tick(LOOK);
            line
        });
        RunningStep { progress: self, number, name: name.to_owned(), line }
    }
}

/// A step that runs, as it is displayed.
pub(crate) struct RunningStep<'a> {
    progress: &'a StepProgress,
    number: usize,
    name: String,
    line: Option<ProgressBar>,
}

impl RunningStep<'_> {
    /// The step has ended; what it took is left out under a frozen clock.
    pub(crate) fn end(self, status: &str, took_secs: Option<f64>) {
        let name = &self.name;
        match (&self.line, took_secs) {
            (Some(_), _) => {}
            (None, Some(secs)) => tracing::info!("{name}: {status} after {secs:.1} s"),
            (None, None) => tracing::info!("{name}: {status}"),
        }
    }
}

impl Drop for RunningStep<'_> {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
        let mut steps = self.progress.steps();
        steps.running.remove(&self.number);
        steps.done += 1;
    }
}
