//! The time that an iteration observes.

use crate::ctx::Ctx;
use crate::report::exit::Fault;
use std::time::Duration;

/// The time of one iteration; its begin belongs to the window before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWindow {
    /// Number, from 1.
    pub(crate) iteration: u32,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

impl TimeWindow {
    /// The times at which it is sampled.
    pub(super) fn times(self, interval_ms: i64) -> impl Iterator<Item = i64> {
        (1..).map(move |step| self.from_ms + step * interval_ms).take_while(move |at_ms| *at_ms <= self.to_ms)
    }
}

/// Waits until a time, or says that a stop was asked for.
pub(crate) fn wait_until(at_ms: i64, ctx: &Ctx) -> Result<(), Fault> {
    let left = at_ms.saturating_sub(ctx.clock.now().as_millisecond());
    if let Ok(left) = u64::try_from(left) {
        ctx.clock.sleep(Duration::from_millis(left), &ctx.cancel);
    }
    ctx.check_cancelled()
}
