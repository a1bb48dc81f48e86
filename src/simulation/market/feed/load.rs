//! Reads a feed from a file, whichever of its formats it has.

use super::clocks::{self, Clocks};
use super::grid::PriceGrid;
use super::quality::FeedLimits;
use super::{Feed, FeedParts, assemble, book, npz, recording, refused};
use crate::format::hash;
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::path::Path;

/// Loads a feed: `<local ns> <raw JSON>` lines, plain or gzip, or hftbacktest's `.npz`.
pub fn load(path: &Path, limits: &FeedLimits) -> anyhow::Result<Feed> {
    let bytes = fsio::read_within(path, fsio::SizeLimit::Data)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let shown = path.display().to_string();
    if bytes.is_empty() {
        return Err(refused(&shown, "the file is empty").into());
    }
    let is_archive = bytes.starts_with(b"PK");
    let sha256 = hash::sha256(&bytes);
    let mut feed =
        if is_archive { npz::read(&shown, &bytes, limits)? } else { read(&shown, &bytes, limits)? };
    (feed.name, feed.sha256) = (name, sha256);
    Ok(feed)
}

/// Reads the text of a recording or of a generated feed; name and digest are left to the caller.
pub(in crate::simulation::market) fn read(
    shown: &str,
    bytes: &[u8],
    limits: &FeedLimits,
) -> Result<Feed, Fault> {
    let mut recording = recording::read(shown, bytes)?;
    recording.quality.check(shown, limits)?;
    if recording.quality.lines == 0 {
        return Err(refused(shown, "the file is empty"));
    }
    if recording.quality.trade_messages == 0 {
        let lines = recording.quality.lines;
        return Err(refused(shown, &format!("there is not one trade in its {lines} lines")));
    }
    let grid = PriceGrid::infer(&recording).map_err(|why| refused(shown, &why))?;
    let clocks = Clocks::measure(&recording.messages);
    let replay = book::replay(&mut recording, grid, |message| clocks.times(message));
    let recording::Recording { symbol, simulated, mut quality, .. } = recording;
    quality.clock_shift_ns = clocks.shift_ns;
    quality.check(shown, limits)?;
    let Some(ready) = replay.events.get(replay.ready) else {
        let lines = quality.lines;
        return Err(refused(shown, &format!("its book never has both sides in {lines} lines")));
    };
    let (ready_local_ns, first_ns) = (ready.local_ts, ready.exch_ts);
    let events = clocks::on_both_clocks(&replay.events);
    Ok(assemble(FeedParts { symbol, simulated, quality, grid, events, ready_local_ns, first_ns }))
}
