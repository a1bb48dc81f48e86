//! What may stay: of one group, and of all groups together.

use super::tiers::Tiers;

/// Nanoseconds in a day.
pub const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// A time of last write further ahead than this is a clock that cannot be trusted.
pub(crate) const FUTURE_NS: i64 = 60 * 1_000_000_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Members older than this are marked.
    pub ttl_ns: Option<i64>,
    /// The oldest are marked until the rest fits.
    pub max_bytes: Option<u64>,
    /// All but the newest so many are marked.
    pub keep: Option<u64>,
    /// All that no tier wants are marked.
    pub tiers: Option<Tiers>,
    /// The newest so many stay, whatever marks them.
    pub min_keep: u64,
    /// Members younger than this stay, whatever marks them.
    pub min_age_ns: i64,
    /// Whether the newest member of each kind stays, whatever marks it.
    pub keeps_newest_of_kind: bool,
}

impl Limits {
    /// Whether anything could ever be marked.
    pub fn limits_anything(&self) -> bool {
        self.ttl_ns.is_some() || self.max_bytes.is_some() || self.keep.is_some() || self.tiers.is_some()
    }

    /// The limit, if there is one, that nothing can satisfy except an empty directory.
    pub fn impossible(&self) -> Option<&'static str> {
        if self.keep == Some(0) {
            return Some("keep 0");
        }
        if self.max_bytes == Some(0) {
            return Some("max size 0");
        }
        self.tiers.as_ref().filter(|tiers| tiers.keep_nothing()).map(|_| "tiers that keep nothing")
    }

    /// Two limits that cannot both be meant.
    pub fn contradiction(&self) -> Option<String> {
        if let Some(keep) = self.keep.filter(|keep| *keep < self.min_keep) {
            return Some(format!("`min_keep` {} keeps more than `keep` {keep} allows", self.min_keep));
        }
        if self.ttl_ns.is_some_and(|ttl_ns| ttl_ns > 0 && ttl_ns < self.min_age_ns) {
            return Some("`min_age` keeps files for longer than `days` allows".to_owned());
        }
        if self.tiers.is_some() && (self.ttl_ns.is_some() || self.keep.is_some()) {
            let why = "`tiers` say what stays, `days` and `keep` say what goes; use `tiers.last` for a count";
            return Some(why.to_owned());
        }
        None
    }
}

/// Limits over all groups together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overall {
    /// The oldest are marked until the rest of all groups fits.
    pub max_bytes: Option<u64>,
    /// Bytes each device is short of; the oldest on it are marked until they are given back.
    pub short_bytes: Vec<u64>,
    /// Whether what may go goes although a size or the free space is out of reach.
    pub best_effort: bool,
}
