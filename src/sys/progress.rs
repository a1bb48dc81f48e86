//! Progress on a terminal; silent elsewhere, so that logs and pipes stay clean.

use crate::ctx::Ctx;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `total` steps on stderr, hidden unless stderr is a terminal and progress is wanted.
pub fn bar(ctx: &Ctx, total: u64, what: &'static str) -> ProgressBar {
    if !ctx.progress {
        return ProgressBar::hidden();
    }
    let template = "{msg} [{bar:30}] {pos}/{len} eta {eta}";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
        .with_style(style.progress_chars("=> "))
        .with_message(what)
}
