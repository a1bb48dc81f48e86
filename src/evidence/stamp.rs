//! When a sweep or a part of it was made, and whether that tells its age.

use crate::evidence::age::CLOCK_TOLERANCE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which time a document's stamps are.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StampClock {
    /// The clock was frozen.
    Frozen,
    /// Only the stamp was fixed; it says nothing about age.
    Stamped,
}

/// When and by which clock a sweep was finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Stamp {
    /// Which clock made it; `None` for the system's.
    pub(crate) clock: Option<StampClock>,
    /// The time, RFC 3339.
    pub(crate) finished_at: String,
}

impl Stamp {
    /// Whether its clock and ours, which may be frozen, tell the same time.
    pub(crate) fn tells_age(&self, frozen: bool) -> bool {
        match self.clock {
            None => true,
            Some(StampClock::Frozen) => frozen,
            Some(StampClock::Stamped) => false,
        }
    }

    /// What is wrong with the stamp of a part before its age is lost among those of the others.
    pub(crate) fn check(&self, now: Timestamp, frozen: bool) -> Result<(), String> {
        let stamp = &self.finished_at;
        let made: Timestamp = stamp.parse().map_err(|_| format!("its time `{stamp}` is no RFC 3339 time"))?;
        if self.tells_age(frozen) && now.duration_since(made) < -CLOCK_TOLERANCE {
            return Err(format!("clock: its time `{stamp}` is in the future"));
        }
        Ok(())
    }

    /// The stamp of what has several parts: as old as the oldest of them, and a fixed stamp in one part is
    /// one in the whole. A time that is none stays, and is refused by whoever asks for the age.
    pub(crate) fn of_parts(parts: &[Self]) -> Self {
        let oldest = parts.iter().min_by_key(|part| part.finished_at.parse::<Timestamp>().ok());
        Self {
            clock: parts.iter().filter_map(|part| part.clock).max(),
            finished_at: oldest.map(|part| part.finished_at.clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(clock: Option<StampClock>, finished_at: &str) -> Stamp {
        Stamp { clock, finished_at: finished_at.to_owned() }
    }

    #[test]
    fn the_whole_is_as_old_as_its_oldest_part_whatever_the_offset_it_is_written_with() {
        let early = stamp(None, "2026-03-10T23:00:00+14:00");
        let late = stamp(Some(StampClock::Frozen), "2026-03-10T10:00:00Z");
        let whole = Stamp::of_parts(&[late.clone(), early.clone()]);
        assert_eq!(whole, stamp(Some(StampClock::Frozen), "2026-03-10T23:00:00+14:00"));
        let fixed = stamp(Some(StampClock::Stamped), "2030-01-01T00:00:00Z");
        assert_eq!(Stamp::of_parts(&[fixed, late]).clock, Some(StampClock::Stamped));
        assert_eq!(Stamp::of_parts(&[early, stamp(None, "soon")]).finished_at, "soon");
    }

    #[test]
    fn the_future_is_refused_where_the_clock_tells_the_time() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().expect("a time");
        let check = |clock, at: &str, frozen| stamp(clock, at).check(now, frozen);
        assert_eq!(check(None, "2026-03-10T12:01:00Z", false), Ok(()));
        assert!(check(None, "2026-03-10T12:01:01Z", false).unwrap_err().starts_with("clock: "));
        assert!(check(Some(StampClock::Frozen), "2026-03-10T12:01:01Z", true).is_err());
        assert_eq!(check(Some(StampClock::Frozen), "2026-03-10T12:01:01Z", false), Ok(()));
        assert_eq!(check(Some(StampClock::Stamped), "2030-01-01T00:00:00Z", true), Ok(()));
        assert!(check(Some(StampClock::Stamped), "", true).is_err());
    }
}
