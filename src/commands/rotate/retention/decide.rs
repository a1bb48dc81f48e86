//! Asks every limit about every member, and decides.

use super::limits::{Limits, Overall};
use super::member::{Group, Guard, Marks, Member, Part};
use std::cmp::Ordering;

/// What is known about members, by index.
pub trait MemberFacts {
    /// The time that dates it, in nanoseconds since 1970.
    fn time_ns(&self, member: usize) -> i64;
    /// Since when nothing about it has changed: what was unpacked a moment ago may carry an old date.
    fn settled_ns(&self, member: usize) -> i64 {
        self.time_ns(member)
    }
    /// What the clock shows by which tiers cut days, both in seconds since 1970.
    fn local_secs(&self, seconds: i64) -> i64 {
        seconds
    }
    /// Bytes that count towards a size limit.
    fn bytes(&self, member: usize) -> u64;
    /// Bytes of disk that removing it gives back.
    fn frees(&self, member: usize) -> u64;
    /// Index of the device it is on.
    fn device(&self, member: usize) -> usize;
    /// Order by path.
    fn path_cmp(&self, a: usize, b: usize) -> Ordering;
}

/// A limit that is still exceeded after everything that may go has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    pub mark: Marks,
    pub of: usize,
    /// What the limit allows, or the device lacks.
    pub limit: u64,
    /// What stays at least, or is given back at most.
    pub actual: u64,
}

/// How many members have a limit of age, how many of them are past it, and the smallest of these limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PastAge {
    pub(crate) members: usize,
    pub(crate) past: usize,
    pub(crate) least_ttl_ns: Option<i64>,
}

/// What a clock that jumped would make old at once. A limit of no age at all says nothing of the clock.
pub(crate) fn past_age(members: &[Member], groups: &[Group], rules: &[Limits]) -> PastAge {
    let mut found = PastAge::default();
    for member in members.iter().filter(|member| member.is_candidate()) {
        let ttl_ns = rules[groups[member.group as usize].rule].ttl_ns;
        let Some(ttl_ns) = ttl_ns.filter(|ttl_ns| *ttl_ns > 0) else { continue };
        found.members += 1;
        found.past += usize::from(member.marks.has(Marks::TTL));
        found.least_ttl_ns = Some(found.least_ttl_ns.map_or(ttl_ns, |least| least.min(ttl_ns)));
    }
    found
}

/// A group of which nothing would stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) group: usize,
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
    facts: &impl MemberFacts,
    members: &mut [Member],
    groups: &[Group],
    rules: &[Limits],
    overall: &Overall,
) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let candidates = (0..).zip(&*members).filter(|(_, member)| member.is_candidate());
    let mut order: Vec<u32> = candidates.map(|(id, _)| id).collect();
    if groups.len() > 1 {
        order.sort_unstable_by_key(|member| members[*member as usize].group);
    }
    let mut table = Table { now_ns, facts, members, best_effort: overall.best_effort };
    table.guard_newest_of_kind(&order, groups, rules);
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
    for member in members.iter().filter(|member| member.is_candidate()) {
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
    best_effort: bool,
}

impl<F: MemberFacts> Table<'_, F> {
    /// Oldest first; of two with the same time, the one whose path comes first.
    fn oldest_first(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let by_time = self.facts.time_ns(a).cmp(&self.facts.time_ns(b));
        by_time.then_with(|| self.facts.path_cmp(a, b))
    }

    fn age_ns(&self, member: u32) -> i64 {
        self.now_ns.saturating_sub(self.facts.time_ns(member as usize))
    }

    fn is_free(&self, member: u32) -> bool {
        self.members[member as usize].part == Part::Free
    }

    fn member(&mut self, member: u32) -> &mut Member {
        &mut self.members[member as usize]
    }

    fn guard_newest_of_kind(&mut self, ids: &[u32], groups: &[Group], rules: &[Limits]) {
        let kinds = self.members.iter().map(|member| member.kind as usize + 1).max().unwrap_or(0);
        let mut newest: Vec<Option<u32>> = vec![None; kinds];
        for &id in ids {
            let member = self.members[id as usize];
            if !rules[groups[member.group as usize].rule].keeps_newest_of_kind {
                continue;
            }
            let best = newest[member.kind as usize];
            if best.is_none_or(|best| self.oldest_first(best, id).is_lt()) {
                newest[member.kind as usize] = Some(id);
            }
        }
        for id in newest.into_iter().flatten() {
            self.member(id).guard(Guard::NewestOfKind);
        }
    }

    fn apply(&mut self, ids: &mut [u32], group: usize, limits: &Limits, unmet: &mut Vec<Unmet>) {
        if limits.min_age_ns > 0 {
            for &id in &*ids {
                let settled_for = self.now_ns.saturating_sub(self.facts.settled_ns(id as usize));
                if settled_for < limits.min_age_ns {
                    self.member(id).guard(Guard::TooYoung);
                }
            }
        }
        if limits.min_keep > 0 {
            let (newest, _) = self.split_newest(ids, limits.min_keep);
            for &id in &*newest {
                self.member(id).guard(Guard::Floor);
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
            let guarded = rest.iter().filter(|id| !self.is_free(**id)).count() as u64;
            if guarded > 0 {
                let actual = keep.saturating_add(guarded);
                unmet.push(Unmet { mark: Marks::COUNT, of: group, limit: keep, actual });
            }
        }
        if let Some(tiers) = &limits.tiers {
            ids.sort_unstable_by(|a, b| self.oldest_first(*b, *a));
            let facts = self.facts;
            let time_ns = |id: u32| facts.time_ns(id as usize);
            for (id, wanted) in tiers.choose(self.now_ns, ids, time_ns, |secs| facts.local_secs(secs)) {
                self.member(id).tiers = wanted;
                if wanted == 0 {
                    self.member(id).marks.add(Marks::TIERS);
                }
            }
        }
        if let Some(limit) = limits.max_bytes {
            unmet.extend(self.fit(ids, Marks::SIZE, group, limit));
        }
    }

    /// Marks the oldest until the rest fits; returns the limit where that cannot be. Nothing is taken for a goal
    /// that is out of reach, unless that is asked for.
    fn fit(&mut self, ids: &mut [u32], mark: Marks, of: usize, limit: u64) -> Option<Unmet> {
        let total = sum(ids.iter().map(|id| self.facts.bytes(*id as usize)));
        let excess = total.saturating_sub(limit.into());
        let reach = self.reach(ids, F::bytes);
        if reach >= excess || self.best_effort {
            self.mark_oldest(ids, excess, mark, F::bytes);
        }
        (reach < excess).then(|| Unmet { mark, of, limit, actual: clipped(total - reach) })
    }

    /// What all that may go amounts to.
    fn reach(&self, ids: &[u32], amount: fn(&F, usize) -> u64) -> u128 {
        let free = ids.iter().filter(|id| self.is_free(**id));
        sum(free.map(|id| amount(self.facts, *id as usize)))
    }

    fn apply_overall(&mut self, order: &mut [u32], overall: &Overall, unmet: &mut Vec<Unmet>) {
        if let Some(limit) = overall.max_bytes {
            let stays = |id: &&u32| !self.members[**id as usize].goes();
            let mut left: Vec<u32> = order.iter().filter(stays).copied().collect();
            unmet.extend(self.fit(&mut left, Marks::TOTAL, 0, limit));
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
            let reach = self.reach(&ids, F::frees);
            if reach >= missing || self.best_effort {
                self.mark_oldest(&mut ids, missing, Marks::MIN_FREE, F::frees);
            }
            if reach < missing {
                let actual = clipped(given + reach);
                unmet.push(Unmet { mark: Marks::MIN_FREE, of: device, limit: short, actual });
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

    /// Marks from the oldest on until the unguarded ones among the marked amount to `excess`.
    fn mark_oldest(&mut self, ids: &mut [u32], excess: u128, mark: Marks, amount: fn(&F, usize) -> u64) {
        if excess == 0 {
            return;
        }
        ids.sort_unstable_by(|a, b| self.oldest_first(*a, *b));
        let mut got = 0_u128;
        for &mut id in ids {
            if got >= excess {
                break;
            }
            let value = amount(self.facts, id as usize);
            let member = self.member(id);
            member.marks.add(mark);
            if member.part == Part::Free {
                got += u128::from(value);
            }
        }
    }
}
