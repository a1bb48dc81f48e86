//! Keep the last few, the newest of each hour, day, week, month and year, the oldest few, and what is not yet old.
//! A period without a member does not count, so a pause in the service costs no history.
//!
//! These are the rules of `restic forget`: each tier sees every member, whatever the others want. `oldest` is
//! ours, after the oldest archive that borg keeps.

use super::age::Age;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tiers in the order of their bits.
pub(super) const WORDS: [&str; 8] =
    ["last", "hourly", "daily", "weekly", "monthly", "yearly", "oldest", "within"];

const PERIODS: usize = 6;
const OLDEST: u8 = 1 << 6;
const WITHIN: u8 = 1 << 7;

/// How many periods of each length are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tiers {
    /// The newest so many.
    pub last: u32,
    /// The newest of each of the last so many hours.
    pub hourly: u32,
    /// The newest of each of the last so many days.
    pub daily: u32,
    /// The newest of each of the last so many weeks, which begin on Monday.
    pub weekly: u32,
    /// The newest of each of the last so many months.
    pub monthly: u32,
    /// The newest of each of the last so many years.
    pub yearly: u32,
    /// The oldest so many.
    pub oldest: u32,
    /// What is not older than this, counted as `relative_to` says.
    pub within: Option<Age>,
    /// What `within` is counted back from.
    pub relative_to: RelativeTo,
}

/// What `within` is counted back from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RelativeTo {
    /// The newest member of the group, as restic does it: a clock that is ahead takes nothing.
    #[default]
    Newest,
    /// The time of the rotation, as borg does it.
    Now,
}

impl Tiers {
    pub fn keep_nothing(&self) -> bool {
        self.limits() == [0; PERIODS] && self.oldest == 0 && self.within.is_none()
    }

    fn limits(&self) -> [u32; PERIODS] {
        [self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly]
    }

    /// For each member, newest first, the tiers that want it. `local_secs` says what the clock of the policy's
    /// zone shows at a time, both in seconds since 1970.
    pub(super) fn choose(
        &self,
        now_ns: i64,
        newest_first: &[u32],
        time_ns: impl Fn(u32) -> i64,
        local_secs: impl Fn(i64) -> i64,
    ) -> Vec<(u32, u8)> {
        let mut left = self.limits();
        let mut seen: [Option<i64>; PERIODS] = [None; PERIODS];
        let newest_ns = newest_first.first().map_or(now_ns, |id| time_ns(*id));
        let from_ns = match self.relative_to {
            RelativeTo::Newest => newest_ns,
            RelativeTo::Now => now_ns,
        };
        let first_of_oldest = newest_first.len().saturating_sub(self.oldest as usize);
        let choose = |(at, &id): (usize, &u32)| {
            let time_ns = time_ns(id);
            let periods = periods(id, local_secs(time_ns.div_euclid(1_000_000_000)));
            let mut wanted = 0;
            for (tier, period) in periods.into_iter().enumerate() {
                let fresh = tier == 0 || seen[tier] != Some(period);
                if fresh && left[tier] > 0 {
                    seen[tier] = Some(period);
                    left[tier] -= 1;
                    wanted |= 1 << tier;
                }
            }
            if at >= first_of_oldest {
                wanted |= OLDEST;
            }
            if self.within.is_some_and(|within| from_ns.saturating_sub(time_ns) <= within.0) {
                wanted |= WITHIN;
            }
            (id, wanted)
        };
        newest_first.iter().enumerate().map(choose).collect()
    }
}

/// A number for the member itself and for the hour, day, week, month and year that the clock on the wall showed.
fn periods(id: u32, local_secs: i64) -> [i64; PERIODS] {
    let day = local_secs.div_euclid(86_400);
    // 1970-01-01 was a Thursday: three days after the Monday of its week.
    let week = (day + 3).div_euclid(7);
    let time = Timestamp::from_second(local_secs).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = TimeZone::UTC.to_datetime(time).date();
    let month = i64::from(date.year()) * 12 + i64::from(date.month());
    [i64::from(id), local_secs.div_euclid(3600), day, week, month, date.year().into()]
}

/// What the clock of a zone shows at a time, both in seconds since 1970.
pub(crate) fn local_secs(zone: &TimeZone, seconds: i64) -> i64 {
    let offset = Timestamp::from_second(seconds).map(|time| zone.to_offset(time).seconds());
    seconds + offset.map_or(0, i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> i64 {
        let time: Timestamp = text.parse().expect("a time");
        time.as_second() * 1_000_000_000
    }

    /// Names of the tiers that want each of `times`, which are given newest first.
    fn wanted(tiers: &Tiers, times: &[&str]) -> Vec<String> {
        let ids: Vec<u32> = (0..).take(times.len()).collect();
        let chosen = tiers.choose(0, &ids, |id| ns(times[id as usize]), |secs| secs);
        let words =
            |(_, bits): &(u32, u8)| super::super::member::tier_words(*bits).collect::<Vec<_>>().join("+");
        chosen.iter().map(words).collect()
    }

    #[test]
    fn each_tier_keeps_the_newest_of_its_periods() {
        let tiers = Tiers { last: 1, hourly: 2, daily: 2, weekly: 2, monthly: 2, ..Tiers::default() };
        let times = [
            "2026-03-02T10:30:00Z", // Monday
            "2026-03-02T10:00:00Z",
            "2026-03-02T09:59:59Z",
            "2026-03-01T23:00:00Z", // Sunday, the week before
            "2026-02-28T12:00:00Z",
            "2026-02-01T00:00:00Z",
            "2026-01-31T23:59:59Z",
        ];
        let expected = ["last+hourly+daily+weekly+monthly", "", "hourly", "daily+weekly", "monthly", "", ""];
        assert_eq!(wanted(&tiers, &times), expected);
    }

    #[test]
    fn a_pause_costs_no_history() {
        let tiers = Tiers { daily: 2, ..Tiers::default() };
        assert_eq!(wanted(&tiers, &["2026-03-02T00:00:00Z", "2025-01-01T00:00:00Z"]), ["daily", "daily"]);
    }
}
