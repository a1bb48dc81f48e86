//! How old what speaks of a day is: counted from the end of the day, not from when its report is made.
//!
//! A drill or a test sweep of the night after still speaks of the day, for a grace that `daily.yaml` states; what is
//! made later speaks of another day.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::age::{CLOCK_TOLERANCE, EvidencePolicy, display};
use crate::evidence::daily;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The end of a day that is over, as evidence is judged by it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayEnd {
    date: Date,
    grace: Duration,
    policy: EvidencePolicy,
}

impl DayEnd {
    pub(super) fn of(date: Date, grace: Duration, policy: EvidencePolicy) -> Self {
        Self { date, grace, policy }
    }

    fn latest(&self) -> Timestamp {
        let grace = SignedDuration::try_from(self.grace).unwrap_or_default();
        daily::end(self.date).checked_add(grace).unwrap_or(Timestamp::MAX)
    }

    /// By what something made then is judged: its age is counted to the end of the day, and is none where it was made
    /// after it. What lies in the future stays there.
    pub(super) fn policy(&self, made: Timestamp) -> EvidencePolicy {
        let end = daily::end(self.date);
        EvidencePolicy { now: made.clamp(end, self.policy.now.max(end)), ..self.policy }
    }

    /// Why something made then does not speak of the day, be it as it should be; `subject` begins the sentence.
    pub(super) fn refusal(&self, made: Timestamp, subject: &str) -> Option<String> {
        let is_late = made > self.latest() + CLOCK_TOLERANCE && made <= self.policy.now + CLOCK_TOLERANCE;
        let after = Duration::try_from(made.duration_since(daily::end(self.date))).unwrap_or_default();
        is_late.then(|| {
            format!(
                "{subject} was made {} after the end of {}, evidence_grace is {}",
                display(after),
                self.date,
                display(self.grace)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::age::Age;

    #[test]
    fn the_age_is_counted_from_the_end_of_the_day() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a time") };
        let policy =
            EvidencePolicy { now: at("2026-03-20T12:00:00Z"), is_frozen: false, allow_simulated: false };
        let end = DayEnd::of(jiff::civil::date(2026, 3, 9), Duration::from_hours(12), policy);
        let hours = |age| Age::Fresh { age: Duration::from_hours(age) };
        for (made, age, is_late) in [
            ("2026-03-08T12:00:00Z", hours(36), false),
            ("2026-03-08T11:00:00Z", Age::Stale { age: Duration::from_hours(37) }, false),
            ("2026-03-10T00:00:00Z", hours(0), false),
            ("2026-03-10T12:00:00Z", hours(0), false),
            ("2026-03-10T12:02:00Z", hours(0), true),
            ("2026-03-20T12:00:00Z", hours(0), true),
            ("2026-03-20T13:00:00Z", Age::Future { ahead: Duration::from_hours(1) }, false),
        ] {
            let made = at(made);
            let found = Age::of(made, end.policy(made).now, Duration::from_hours(36));
            assert_eq!((found, end.refusal(made, "It").is_some()), (age, is_late), "{made}");
        }
    }
}
