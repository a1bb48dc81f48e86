//! Which days of a month an expression names, all of them at once as the bits of a number: a search that looks at
//! months rather than days finds February 29 on a Sunday in a few hundred steps.

use super::bits::{has, highest};
use jiff::civil::Date;

/// The days 1, 8, 15, 22, 29.
const EVERY_SEVENTH: u64 = 0x2040_8102;

/// The days of the two day fields; bit n is day n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) of_month: u64,
    /// Days before the last one: `L` is 0.
    pub(super) before_last: u64,
    /// Days whose nearest working day is meant: `15W`.
    pub(super) nearest_working: u64,
    /// The last working day: `LW`.
    pub(super) last_working: bool,
    /// Bit 0 is Sunday.
    pub(super) of_week: u64,
    /// Of each day of the week, from Sunday on, which one of the month: `FRI#2`.
    pub(super) numbered: [u64; 7],
    /// Days of the week whose last one is meant: `FRIL`.
    pub(super) last_of_week: u64,
    /// Whether a day must match both fields rather than one of them.
    pub(super) both: bool,
}

impl Days {
    /// The days of a month; none where there is no such month.
    pub(super) fn mask(&self, year: i16, month: u8) -> u64 {
        let Ok(first) = Date::new(year, i8::try_from(month).unwrap_or_default(), 1) else { return 0 };
        let length = first.days_in_month().unsigned_abs();
        let first_weekday = first.weekday().to_sunday_zero_offset().unsigned_abs();
        let whole = (1_u64 << (length + 1)) - 2;
        let of_month = self.of_month_mask(length, first_weekday) & whole;
        let of_week = self.of_week_mask(first_weekday, whole) & whole;
        if self.both { of_month & of_week } else { of_month | of_week }
    }

    fn of_month_mask(&self, length: u8, first_weekday: u8) -> u64 {
        let mut mask = self.of_month;
        let mut before_last = self.before_last;
        while before_last != 0 {
            let before = u8::try_from(before_last.trailing_zeros()).unwrap_or(u8::MAX);
            before_last &= before_last - 1;
            mask |= if before < length { 1 << (length - before) } else { 0 };
        }
        let weekday = |day: u8| (first_weekday + day - 1) % 7;
        let mut nearest = self.nearest_working;
        while nearest != 0 {
            let day = u8::try_from(nearest.trailing_zeros()).unwrap_or(u8::MAX);
            nearest &= nearest - 1;
            if day <= length {
                // Never into another month: a first on a Saturday becomes the third.
                let moved = match weekday(day) {
                    6 if day == 1 => 3,
                    6 => day - 1,
                    0 if day == length => day - 2,
                    0 => day + 1,
                    _ => day,
                };
                mask |= 1 << moved;
            }
        }
        if self.last_working {
            let back = match weekday(length) {
                6 => 1,
                0 => 2,
                _ => 0,
            };
            mask |= 1 << (length - back);
        }
        mask
    }

    fn of_week_mask(&self, first_weekday: u8, whole: u64) -> u64 {
        let mut mask = 0;
        for weekday in 0..7_u8 {
            let from = (weekday + 7 - first_weekday) % 7;
            let all = (EVERY_SEVENTH << from) & whole;
            if has(self.of_week, weekday) {
                mask |= all;
            }
            if has(self.last_of_week, weekday) {
                mask |= highest(all, 31).map_or(0, |day| 1 << day);
            }
            let mut numbers = self.numbered[usize::from(weekday)];
            while numbers != 0 {
                let number = numbers.trailing_zeros();
                numbers &= numbers - 1;
                mask |= all & (1 << (u32::from(from) + 1 + 7 * (number - 1)));
            }
        }
        mask
    }
}
