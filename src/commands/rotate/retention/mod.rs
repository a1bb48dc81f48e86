//! Which files go and which stay, and why: limits by age, size, count and calendar over groups of
//! members, with the guards that no limit can overrule.
//!
//! Every limit sees every member of its group and marks what it would remove; what is marked and not
//! guarded goes. A member is a file, or a whole directory that is kept or removed as one. Members are
//! ordered by the time of their last write and, where that is equal, by path, so that the outcome does
//! not depend on the order in which they were found.

pub(crate) mod kind;
pub(crate) mod policy;
pub(crate) mod tiers;

pub(crate) use tiers::Tiers;

use std::cmp::Ordering;

/// Nanoseconds in a day.
pub const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// A time of last write further ahead than this is a clock that cannot be trusted.
pub(crate) const FUTURE_NS: i64 = 60 * 1_000_000_000;

/// What is known about members, by index.
pub trait Facts {
    /// Time of the last write, in nanoseconds since 1970.
    fn modified_ns(&self, member: usize) -> i64;
    /// Bytes that count towards a size limit.
    fn bytes(&self, member: usize) -> u64;
    /// Bytes of disk that removing it gives back.
    fn frees(&self, member: usize) -> u64;
    /// Index of the device it is on.
    fn device(&self, member: usize) -> usize;
    /// Order by path.
    fn path_cmp(&self, a: usize, b: usize) -> Ordering;
}

/// What a rule allows to stay.
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
}

/// Members that compete with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How it is called in reports.
    pub name: String,
    /// Index of its limits.
    pub rule: usize,
}

/// Why a member stays although something may have marked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// A process has it open for writing.
    OpenForWriting,
    /// Its name says that it is being written, and it is younger than a day.
    InProgress,
    /// It is younger than the smallest age.
    TooYoung,
    /// It is among the newest that always stay.
    Floor,
    /// It is the newest of its kind.
    NewestOfKind,
}

impl Guard {
    /// Every guard, in order.
    pub const ALL: [Guard; 5] =
        [Guard::OpenForWriting, Guard::InProgress, Guard::TooYoung, Guard::Floor, Guard::NewestOfKind];

    /// The word in reports and plans.
    pub fn word(self) -> &'static str {
        match self {
            Guard::OpenForWriting => "open_for_writing",
            Guard::InProgress => "in_progress",
            Guard::TooYoung => "min_age",
            Guard::Floor => "min_keep",
            Guard::NewestOfKind => "newest_of_kind",
        }
    }
}

/// Which limits marked a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// Older than the limit.
    pub const TTL: Marks = Marks(1);
    /// Among the oldest of a group that is too large.
    pub const SIZE: Marks = Marks(2);
    /// Beyond the newest that are kept.
    pub const COUNT: Marks = Marks(4);
    /// Wanted by no tier.
    pub const TIERS: Marks = Marks(8);
    /// Among the oldest of all groups, which are too large together.
    pub const TOTAL: Marks = Marks(16);
    /// Among the oldest on a disk with too little free space.
    pub const MIN_FREE: Marks = Marks(32);

    /// Every mark with its word in reports and plans.
    pub const ALL: [(Marks, &'static str); 6] = [
        (Marks::TTL, "ttl"),
        (Marks::SIZE, "size"),
        (Marks::COUNT, "count"),
        (Marks::TIERS, "tiers"),
        (Marks::TOTAL, "total_size"),
        (Marks::MIN_FREE, "min_free"),
    ];

    /// Whether this mark is among them.
    pub fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add(&mut self, mark: Marks) {
        self.0 |= mark.0;
    }

    /// The words of these marks.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(mark, _)| self.has(*mark)).map(|(_, word)| word)
    }
}

/// One file, or one directory that is a unit, with what was decided about it.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Index of its group.
    pub group: u32,
    /// Index of its kind; the newest of each stays.
    pub kind: u32,
    /// What keeps it.
    pub guard: Option<Guard>,
    /// What marks it.
    pub marks: Marks,
    /// Which tiers want it; see [`tier_words`].
    pub tiers: u8,
}

impl Member {
    /// A member about which nothing is decided.
    pub fn new(group: u32, kind: u32, guard: Option<Guard>) -> Self {
        Self { group, kind, guard, marks: Marks::default(), tiers: 0 }
    }

    /// Whether it goes.
    pub fn goes(&self) -> bool {
        self.guard.is_none() && !self.marks.is_empty()
    }

    /// The guard without which it would go.
    pub fn saved_by(&self) -> Option<Guard> {
        self.guard.filter(|_| !self.marks.is_empty())
    }
}

/// The words of the tiers that want a member.
pub(crate) fn tier_words(tiers: u8) -> impl Iterator<Item = &'static str> {
    let named = tiers::WORDS.into_iter().enumerate();
    named.filter(move |(bit, _)| tiers & (1 << bit) != 0).map(|(_, word)| word)
}

/// A limit that is still exceeded after everything that may go has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The mark of the limit.
    pub mark: Marks,
    /// Group or device.
    pub of: usize,
    /// What the limit allows, or the device lacks.
    pub limit: u64,
    /// What stays, or is given back.
    pub actual: u64,
}

/// A group of which nothing would stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    /// Index of the group.
    pub(crate) group: usize,
    /// How many members it has.
    pub(crate) members: usize,
}

/// Decides about every member.
///
/// Returns the limits that could not be met; the groups that lose every member are for the caller to
/// refuse, see [`emptied`].
///
/// # Panics
/// When a member names a group that does not exist.
pub fn decide(
    now_ns: i64,
    facts: &impl Facts,
    members: &mut [Member],
    groups: &[Group],
    rules: &[Limits],
    overall: &Overall,
) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let mut order: Vec<u32> = (0..members.len()).map(|member| u32::try_from(member).expect("fits")).collect();
    if groups.len() > 1 {
        order.sort_unstable_by_key(|member| members[*member as usize].group);
    }
    let mut table = Table { now_ns, facts, members };
    table.guard_newest_of_kind(groups, rules);
    let mut rest = &mut order[..];
    while let Some(&first) = rest.first() {
        let group = table.members[first as usize].group;
        let size = rest.partition_point(|member| table.members[*member as usize].group == group);
        let (ids, others) = rest.split_at_mut(size);
        rest = others;
        let group = group as usize;
        table.apply(ids, group, &rules[groups[group].rule], &mut unmet);
    }
    table.apply_overall(&mut order, overall, &mut unmet);
    unmet
}

/// The groups of which every member goes.
pub(crate) fn emptied(members: &[Member], groups: &[Group]) -> Vec<Emptied> {
    let mut counts = vec![(0, 0); groups.len()];
    for member in members {
        let (all, gone) = &mut counts[member.group as usize];
        *all += 1;
        *gone += usize::from(member.goes());
    }
    let emptied = counts.into_iter().enumerate().filter(|(_, (all, gone))| *all > 0 && all == gone);
    emptied.map(|(group, (members, _))| Emptied { group, members }).collect()
}

/// The sum of sizes: a few sparse files may claim more together than 64 bits hold.
fn sum(sizes: impl Iterator<Item = u64>) -> u128 {
    sizes.map(u128::from).sum()
}

fn clipped(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

struct Table<'a, F> {
    now_ns: i64,
    facts: &'a F,
    members: &'a mut [Member],
}

impl<F: Facts> Table<'_, F> {
    /// Oldest first; of two with the same time, the one whose path comes first.
    fn oldest_first(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let by_time = self.facts.modified_ns(a).cmp(&self.facts.modified_ns(b));
        by_time.then_with(|| self.facts.path_cmp(a, b))
    }

    fn age_ns(&self, member: u32) -> i64 {
        self.now_ns.saturating_sub(self.facts.modified_ns(member as usize))
    }

    fn member(&mut self, member: u32) -> &mut Member {
        &mut self.members[member as usize]
    }

    fn guard(&mut self, member: u32, guard: Guard) {
        let known = &mut self.member(member).guard;
        *known = known.or(Some(guard));
    }

    fn guard_newest_of_kind(&mut self, groups: &[Group], rules: &[Limits]) {
        let kinds = self.members.iter().map(|member| member.kind as usize + 1).max().unwrap_or(0);
        let mut newest: Vec<Option<u32>> = vec![None; kinds];
        for id in 0..self.members.len() {
            let member = self.members[id];
            if !rules[groups[member.group as usize].rule].keeps_newest_of_kind {
                continue;
            }
            let id = u32::try_from(id).expect("fits");
            let best = newest[member.kind as usize];
            if best.is_none_or(|best| self.oldest_first(best, id).is_lt()) {
                newest[member.kind as usize] = Some(id);
            }
        }
        for id in newest.into_iter().flatten() {
            self.guard(id, Guard::NewestOfKind);
        }
    }

    fn apply(&mut self, ids: &mut [u32], group: usize, limits: &Limits, unmet: &mut Vec<Unmet>) {
        if limits.min_age_ns > 0 {
            for &id in &*ids {
                if self.age_ns(id) < limits.min_age_ns {
                    self.guard(id, Guard::TooYoung);
                }
            }
        }
        if limits.min_keep > 0 {
            let (newest, _) = self.split_newest(ids, limits.min_keep);
            for &id in &*newest {
                self.guard(id, Guard::Floor);
            }
        }
        if let Some(ttl_ns) = limits.ttl_ns {
            for &id in &*ids {
                if self.age_ns(id) > ttl_ns {
                    self.member(id).marks.add(Marks::TTL);
                }
            }
        }
        if let Some(keep) = limits.keep {
            let (_, rest) = self.split_newest(ids, keep);
            for &id in &*rest {
                self.member(id).marks.add(Marks::COUNT);
            }
            let guarded = rest.iter().filter(|id| self.members[**id as usize].guard.is_some()).count() as u64;
            if guarded > 0 {
                let actual = keep.saturating_add(guarded);
                unmet.push(Unmet { mark: Marks::COUNT, of: group, limit: keep, actual });
            }
        }
        if let Some(tiers) = &limits.tiers {
            ids.sort_unstable_by(|a, b| self.oldest_first(*b, *a));
            for (id, wanted) in tiers.choose(ids, |id| self.facts.modified_ns(id as usize)) {
                self.member(id).tiers = wanted;
                if wanted == 0 {
                    self.member(id).marks.add(Marks::TIERS);
                }
            }
        }
        if let Some(limit) = limits.max_bytes {
            let total = sum(ids.iter().map(|id| self.facts.bytes(*id as usize)));
            let excess = total.saturating_sub(limit.into());
            if excess > 0 {
                let got = self.mark_oldest(ids, excess, Marks::SIZE, Facts::bytes);
                if got < excess {
                    unmet.push(Unmet { mark: Marks::SIZE, of: group, limit, actual: clipped(total - got) });
                }
            }
        }
    }

    fn apply_overall(&mut self, order: &mut [u32], overall: &Overall, unmet: &mut Vec<Unmet>) {
        if let Some(limit) = overall.max_bytes {
            let stays = |id: &&u32| !self.members[**id as usize].goes();
            let total = sum(order.iter().filter(stays).map(|id| self.facts.bytes(*id as usize)));
            let excess = total.saturating_sub(limit.into());
            if excess > 0 {
                let mut left: Vec<u32> = order.iter().filter(stays).copied().collect();
                let got = self.mark_oldest(&mut left, excess, Marks::TOTAL, Facts::bytes);
                if got < excess {
                    unmet.push(Unmet { mark: Marks::TOTAL, of: 0, limit, actual: clipped(total - got) });
                }
            }
        }
        for (device, &short) in overall.short_bytes.iter().enumerate().filter(|(_, short)| **short > 0) {
            let here = |id: &&u32| self.facts.device(**id as usize) == device;
            let mut ids: Vec<u32> = order.iter().filter(here).copied().collect();
            let going = |id: &&u32| self.members[**id as usize].goes();
            let given = sum(ids.iter().filter(going).map(|id| self.facts.frees(*id as usize)));
            if given >= u128::from(short) {
                continue;
            }
            ids.retain(|id| !self.members[*id as usize].goes());
            let missing = u128::from(short) - given;
            let got = self.mark_oldest(&mut ids, missing, Marks::MIN_FREE, Facts::frees);
            if got < missing {
                unmet.push(Unmet {
                    mark: Marks::MIN_FREE,
                    of: device,
                    limit: short,
                    actual: clipped(given + got),
                });
            }
        }
    }

    /// Splits into the newest `count` and the rest, in linear time.
    fn split_newest<'i>(&self, ids: &'i mut [u32], count: u64) -> (&'i mut [u32], &'i mut [u32]) {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(ids.len());
        if count > 0 && count < ids.len() {
            ids.select_nth_unstable_by(count, |a, b| self.oldest_first(*b, *a));
        }
        ids.split_at_mut(count)
    }

    /// Marks from the oldest on until the unguarded ones among the marked amount to `excess`; returns
    /// what they amount to.
    fn mark_oldest(
        &mut self,
        ids: &mut [u32],
        excess: u128,
        mark: Marks,
        amount: fn(&F, usize) -> u64,
    ) -> u128 {
        ids.sort_unstable_by(|a, b| self.oldest_first(*a, *b));
        let mut got = 0_u128;
        for &mut id in ids {
            if got >= excess {
                break;
            }
            let value = amount(self.facts, id as usize);
            let member = self.member(id);
            member.marks.add(mark);
            if member.guard.is_none() {
                got += u128::from(value);
            }
        }
        got
    }
}

#[cfg(test)]
mod tests;
