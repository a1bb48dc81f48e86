//! How old evidence is, and whether that is known at all. The one place that decides it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::header::Header;
use crate::report::maker::{ClockKind, Maker};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How far ahead of our clock a time may be before it is a fault of a clock.
pub(crate) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// What evidence is judged by.
#[derive(Clone, Copy, Debug)]
pub struct EvidencePolicy {
    /// The time at which it is judged.
    pub now: Timestamp,
    /// Whether that time is frozen: only then what was made under a frozen clock counts.
    pub is_frozen: bool,
    /// Whether simulated runs count.
    pub allow_simulated: bool,
}

/// Which time an age is counted from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AgeSource {
    /// That of the header: `observed_to`, else `made_at`.
    Header,
    /// One inside the document, such as `finished_at`, which the clock of the document fixed as well.
    Field(Timestamp),
    /// One that no clock of the document's writer fixed: the day in its name, or the file's last write.
    Outside(Timestamp),
}

impl AgeSource {
    pub(crate) fn time(self, header: &Header) -> Option<Timestamp> {
        match self {
            Self::Header => header.observed_to.or(header.made_at),
            Self::Field(time) | Self::Outside(time) => Some(time),
        }
    }
}

/// What is known of an age against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Not older than allowed; zero where it is ahead of our clock within the tolerance.
    Fresh { age: Duration },
    /// Older than allowed.
    Stale { age: Duration },
    /// From the future: one of the clocks is wrong, so nothing is known.
    Future { ahead: Duration },
    /// Made under a frozen clock and judged under a running one.
    Frozen,
    /// There is no time, or it was fixed.
    Untold,
}

impl Age {
    /// Judges something made at `made` against a largest age; the limit itself is still fresh.
    pub(crate) fn of(made: Timestamp, now: Timestamp, max_age: Duration) -> Self {
        let age = now.duration_since(made);
        if age < -CLOCK_TOLERANCE {
            return Self::Future { ahead: age.unsigned_abs() };
        }
        let age = Duration::try_from(age).unwrap_or_default();
        if age <= max_age { Self::Fresh { age } } else { Self::Stale { age } }
    }

    /// Why something of this age does not count; `subject` begins the sentence.
    pub(crate) fn refusal(self, subject: &str, limit: &str) -> Option<String> {
        match self {
            Self::Fresh { .. } => None,
            Self::Stale { age } => Some(format!("{subject} is {} old, the limit is {limit}", display(age))),
            Self::Future { ahead } => {
                Some(format!("clock: {subject} was made {} in the future", display(ahead)))
            }
            Self::Frozen => Some(format!("{subject} was made under a frozen clock, which is not evidence")),
            Self::Untold => {
                Some(format!("{subject} does not tell its age: its time is missing or was fixed"))
            }
        }
    }
}

/// Judges the age of a document. A frozen clock is no evidence under a running one, wherever the time comes
/// from; a fixed time tells nothing.
pub(crate) fn judge_age(
    header: &Header,
    source: AgeSource,
    max_age: Duration,
    policy: &EvidencePolicy,
) -> Age {
    let counted_from = match (source, header.clock) {
        (_, ClockKind::Frozen) if !policy.is_frozen => return Age::Frozen,
        (AgeSource::Header | AgeSource::Field(_), ClockKind::Stamped) => None,
        (AgeSource::Outside(_), _)
        | (AgeSource::Header | AgeSource::Field(_), ClockKind::System | ClockKind::Frozen) => {
            source.time(header)
        }
    };
    counted_from.map_or(Age::Untold, |time| Age::of(time, policy.now, max_age))
}

impl EvidencePolicy {
    /// What a run judges evidence by. Ages need the real time, also where the one that is stored was fixed.
    pub(crate) fn new(maker: &Maker, allow_simulated: bool) -> Self {
        Self { now: maker.now, is_frozen: maker.clock == ClockKind::Frozen, allow_simulated }
    }

    /// Why a document does not count because of where its figures come from.
    pub(crate) fn simulation_refusal(&self, header: &Header, subject: &str) -> Option<String> {
        let refused = header.simulated && !self.allow_simulated;
        refused.then(|| format!("{subject} is simulated, which is not evidence"))
    }
}

/// A duration in whole seconds, such as `36h` or `7days`.
pub(crate) fn display(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::header::tests::header;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn policy(is_frozen: bool) -> EvidencePolicy {
        EvidencePolicy { now: at("2026-03-10T12:00:00Z"), is_frozen, allow_simulated: false }
    }

    #[test]
    fn the_limit_is_fresh_and_the_future_is_not() {
        for (made_at, expected) in [
            ("2026-03-10T11:00:00Z", Age::Fresh { age: HOUR }),
            ("2026-03-10T10:59:59Z", Age::Stale { age: HOUR + Duration::from_secs(1) }),
            ("2026-03-10T12:01:00Z", Age::Fresh { age: Duration::ZERO }),
            ("2026-03-10T12:01:01Z", Age::Future { ahead: Duration::from_secs(61) }),
        ] {
            let header = header(ClockKind::System, made_at);
            assert_eq!(judge_age(&header, AgeSource::Header, HOUR, &policy(false)), expected, "{made_at}");
        }
    }

    #[test]
    fn age_is_that_of_the_observation_and_not_of_a_later_document() {
        let mut header = header(ClockKind::System, "2026-03-10T12:00:00Z");
        header.observed_to = Some(at("2026-03-10T10:00:00Z"));
        let age = judge_age(&header, AgeSource::Header, HOUR, &policy(false));
        assert_eq!(age, Age::Stale { age: 2 * HOUR });
    }

    #[test]
    fn a_frozen_clock_counts_under_a_frozen_one_alone_and_a_fixed_time_nowhere() {
        let now = at("2026-03-10T12:00:00Z");
        let fresh = Age::Fresh { age: Duration::ZERO };
        let sources = [AgeSource::Header, AgeSource::Field(now), AgeSource::Outside(now)];
        for (clock, is_frozen, expected) in [
            (ClockKind::System, false, [fresh; 3]),
            (ClockKind::System, true, [fresh; 3]),
            (ClockKind::Frozen, false, [Age::Frozen; 3]),
            (ClockKind::Frozen, true, [fresh; 3]),
            (ClockKind::Stamped, false, [Age::Untold, Age::Untold, fresh]),
            (ClockKind::Stamped, true, [Age::Untold, Age::Untold, fresh]),
        ] {
            let header = header(clock, "2026-03-10T12:00:00Z");
            let judged = sources.map(|source| judge_age(&header, source, HOUR, &policy(is_frozen)));
            assert_eq!(judged, expected, "{clock:?} under {is_frozen}");
        }
        let mut untold = header(ClockKind::System, "2026-03-10T12:00:00Z");
        untold.made_at = None;
        assert_eq!(judge_age(&untold, AgeSource::Header, HOUR, &policy(true)), Age::Untold);
    }

    #[test]
    fn only_what_is_fresh_is_not_refused() {
        for age in [Age::Stale { age: HOUR }, Age::Future { ahead: HOUR }, Age::Frozen, Age::Untold] {
            assert!(age.refusal("It", "1m").expect("refused").contains("It "));
        }
        assert_eq!(Age::Fresh { age: HOUR }.refusal("It", "1h"), None);
    }
}
