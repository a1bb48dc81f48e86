//! The feeds of a sweep: those the operator named, else the generated market.

use crate::commands::tune::choose::document::FeedRecord;
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::simulation::market::{self, Feed};
use crate::sys::clock::utc;
use std::path::PathBuf;

/// Loads the named feeds, or generates one where none is named.
pub(super) fn load(
    named: &[PathBuf],
    generated: &market::FeedSpec,
    limits: &market::FeedLimits,
    ctx: &Ctx,
) -> anyhow::Result<Vec<Feed>> {
    if named.is_empty() {
        let feed = market::generate(generated);
        tracing::info!("using the generated feed `{}`; its figures are no evidence", feed.name);
        return Ok(vec![feed]);
    }
    let mut feeds: Vec<Feed> = Vec::new();
    for path in named {
        ctx.check_cancelled()?;
        let path = ctx.path(path);
        let feed = market::load(&path, limits)?;
        if let Some(twin) = feeds.iter().find(|known| known.sha256 == feed.sha256) {
            let message = format!("feed `{}` has the content of `{}`", ctx.show(&path), twin.name);
            return Err(Fault::config(message).hint("name each feed once, or it counts twice").into());
        }
        feeds.push(feed);
    }
    Ok(feeds)
}

/// What a report keeps of a feed.
pub(super) fn record(feed: &Feed) -> anyhow::Result<FeedRecord> {
    let time = |ns: i64| {
        jiff::Timestamp::from_nanosecond(i128::from(ns)).map(utc).map_err(|error| {
            Fault::config(format!("feed `{}` has an invalid time, {ns} ns: {error}", feed.name))
        })
    };
    Ok(FeedRecord {
        first_utc: time(feed.first_ns)?,
        last_utc: time(feed.last_ns)?,
        name: feed.name.clone(),
        quality: serde_json::to_value(&feed.quality)?,
        sha256: feed.sha256.clone(),
        simulated: feed.simulated,
        symbol: feed.symbol.clone(),
    })
}
