//! How far a run is, for who reads its log: a line for an iteration, at most one in ten seconds, and one in ten
//! minutes however long an iteration is.

use crate::ctx::Ctx;
use crate::sys::{clock, work};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LEAST: Duration = Duration::from_secs(10);
const MOST: Duration = Duration::from_mins(10);

/// Whether a line is due so long after the last one: for an iteration that has just ended, or for one that goes on.
fn is_due(since: Duration, has_ended: bool) -> bool {
    since >= if has_ended { LEAST } else { MOST }
}

/// Silent where a bar is drawn instead, and under a frozen clock, which knows no ten seconds.
pub(super) struct ProgressLog(Option<Active>);

struct Active {
    state: Arc<Mutex<State>>,
    iterations: u32,
    /// Dropped first, which ends the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy)]
struct State {
    done: u32,
    said_at: Instant,
}

impl ProgressLog {
    pub(super) fn start(ctx: &Ctx, iterations: u32) -> Self {
        if ctx.progress || ctx.clock.is_frozen() {
            return Self(None);
        }
        let state = Arc::new(Mutex::new(State { done: 0, said_at: clock::monotonic() }));
        let (end, ended) = channel::<()>();
        let shared = Arc::clone(&state);
        let watch = move || {
            loop {
                let due = lock(&shared).said_at + MOST;
                let left = due.saturating_duration_since(clock::monotonic());
                match ended.recv_timeout(left) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                let mut state = lock(&shared);
                if is_due(state.said_at.elapsed(), false) {
                    tracing::info!("iteration {} of {iterations} goes on", state.done + 1);
                    state.said_at = clock::monotonic();
                }
            }
        };
        let thread = work::spawn("progress", watch).ok();
        Self(Some(Active { state, iterations, end: Some(end), thread }))
    }

    /// An iteration is done; `line` says what it showed.
    pub(super) fn iteration(&self, done: u32, line: impl FnOnce() -> String) {
        let Some(active) = &self.0 else { return };
        let mut state = lock(&active.state);
        state.done = done;
        if is_due(state.said_at.elapsed(), true) {
            tracing::info!("iteration {done} of {}: {}", active.iterations, line());
            state.said_at = clock::monotonic();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Active {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_after_ten_seconds_and_one_after_ten_minutes() {
        for (secs, has_ended, due) in
            [(9, true, false), (10, true, true), (599, false, false), (600, false, true), (600, true, true)]
        {
            assert_eq!(is_due(Duration::from_secs(secs), has_ended), due, "{secs} {has_ended}");
        }
    }
}
