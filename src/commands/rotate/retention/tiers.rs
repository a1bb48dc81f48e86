//! Keep the last few, and the newest of each hour, day, week and month. Calendar periods are those of
//! UTC; a period without a member does not count, so a pause in the service costs no history.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tiers in the order of their bits.
pub(super) const WORDS: [&str; 5] = ["last", "hourly", "daily", "weekly", "monthly"];

/// How many periods of each length are kept.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
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
}

impl Tiers {
    pub fn keep_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// For each member, newest first, the tiers that want it.
    pub(super) fn choose(&self, newest_first: &[u32], modified_ns: impl Fn(u32) -> i64) -> Vec<(u32, u8)> {
        let mut left = [self.last, self.hourly, self.daily, self.weekly, self.monthly];
        let mut seen: [Option<i64>; 5] = [None; 5];
        let choose = |&id: &u32| {
            let periods = periods(id, modified_ns(id));
            let mut wanted = 0;
            for (tier, period) in periods.into_iter().enumerate() {
                let fresh = tier == 0 || seen[tier] != Some(period);
                if fresh && left[tier] > 0 {
                    seen[tier] = Some(period);
                    left[tier] -= 1;
                    wanted |= 1 << tier;
                }
            }
            (id, wanted)
        };
        newest_first.iter().map(choose).collect()
    }
}

/// A number for the member itself and for the hour, day, week and month it was written in.
fn periods(id: u32, modified_ns: i64) -> [i64; 5] {
    let seconds = modified_ns.div_euclid(1_000_000_000);
    let day = seconds.div_euclid(86_400);
    // 1970-01-01 was a Thursday: three days after the Monday of its week.
    let week = (day + 3).div_euclid(7);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = TimeZone::UTC.to_datetime(time).date();
    let month = i64::from(date.year()) * 12 + i64::from(date.month());
    [i64::from(id), seconds.div_euclid(3600), day, week, month]
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
        let chosen = tiers.choose(&ids, |id| ns(times[id as usize]));
        let words =
            |(_, bits): &(u32, u8)| super::super::member::tier_words(*bits).collect::<Vec<_>>().join("+");
        chosen.iter().map(words).collect()
    }

    #[test]
    fn each_tier_keeps_the_newest_of_its_periods() {
        let tiers = Tiers { last: 1, hourly: 2, daily: 2, weekly: 2, monthly: 2 };
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
