//! Cases of the limits and the guards.

use super::age::Age;
use super::decide::{Emptied, MemberFacts, Unmet, decide, emptied};
use super::limits::{DAY_NS, Limits, Overall};
use super::member::{Group, Guard, Marks, Member, Part, tier_words};
use super::tiers::{RelativeTo, Tiers};
use std::cmp::Ordering;

/// Members in memory: age in days and size, with names in order of their index.
struct Files(Vec<(f64, u64)>);

const NOW: i64 = 20_000 * DAY_NS;

impl MemberFacts for Files {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test ages are small")]
    fn time_ns(&self, member: usize) -> i64 {
        NOW - (self.0[member].0 * DAY_NS as f64) as i64
    }

    fn bytes(&self, member: usize) -> u64 {
        self.0[member].1
    }

    fn frees(&self, member: usize) -> u64 {
        self.0[member].1
    }

    fn device(&self, _member: usize) -> usize {
        0
    }

    fn path_cmp(&self, a: usize, b: usize) -> Ordering {
        a.cmp(&b)
    }
}

struct Run {
    members: Vec<Member>,
    unmet: Vec<Unmet>,
    emptied: Vec<Emptied>,
}

impl Run {
    fn gone(&self) -> Vec<usize> {
        let gone = self.members.iter().enumerate().filter(|(_, member)| member.goes());
        gone.map(|(id, _)| id).collect()
    }
}

fn run_guarded(files: &[(f64, u64)], limits: Limits, overall: &Overall, guards: &[(usize, Guard)]) -> Run {
    let files = Files(files.to_vec());
    let mut members: Vec<Member> = files.0.iter().map(|_| Member::new(0, 0, None)).collect();
    for (id, guard) in guards {
        members[*id].part = Part::Guarded(*guard);
    }
    let groups = [Group { name: "all".to_owned(), rule: 0 }];
    let unmet = decide(NOW, &files, &mut members, &groups, &[limits], overall);
    let emptied = emptied(&members, &groups);
    Run { members, unmet, emptied }
}

fn run(files: &[(f64, u64)], limits: Limits) -> Run {
    run_guarded(files, limits, &Overall::default(), &[])
}

fn ttl(days: i64) -> Limits {
    Limits { ttl_ns: Some(days * DAY_NS), keeps_newest_of_kind: true, ..Limits::default() }
}

fn keep(count: u64) -> Limits {
    Limits { keep: Some(count), keeps_newest_of_kind: true, ..Limits::default() }
}

fn fit(bytes: u64) -> Limits {
    Limits { max_bytes: Some(bytes), keeps_newest_of_kind: true, ..Limits::default() }
}

#[test]
fn age_marks_only_what_is_strictly_older() {
    assert_eq!(run(&[(10.0, 1), (1.0, 1)], ttl(5)).gone(), [0]);
    assert_eq!(run(&[(5.0, 1), (5.001, 1), (0.0, 1)], ttl(5)).gone(), [1]);
}

#[test]
fn count_keeps_the_newest() {
    assert_eq!(run(&[(5.0, 1), (3.0, 1), (1.0, 1)], keep(2)).gone(), [0]);
    assert_eq!(run(&[(5.0, 1), (3.0, 1)], keep(2)).gone(), [0_usize; 0]);
}

#[test]
fn size_takes_the_oldest_until_the_rest_fits() {
    assert_eq!(run(&[(10.0, 1000), (5.0, 500), (1.0, 100)], fit(1200)).gone(), [0]);
    assert_eq!(run(&[(10.0, 1000), (5.0, 500), (1.0, 100)], fit(1600)).gone(), [0_usize; 0]);
    assert_eq!(run(&[(10.0, 1000), (5.0, 500), (1.0, 100)], fit(599)).gone(), [0, 1]);
}

#[test]
fn the_union_of_all_limits_goes_and_every_reason_is_named() {
    let limits = Limits { max_bytes: Some(25), keep: Some(3), ..ttl(8) };
    let run = run(&[(10.0, 10), (9.0, 10), (3.0, 10), (2.0, 10), (1.0, 10)], limits);
    assert_eq!(run.gone(), [0, 1, 2]);
    assert_eq!(run.members[0].marks.words().collect::<Vec<_>>(), ["ttl", "size", "count"]);
    assert_eq!(run.members[2].marks.words().collect::<Vec<_>>(), ["size"]);
}

#[test]
fn of_two_with_the_same_time_the_first_path_goes_first() {
    assert_eq!(run(&[(2.0, 1), (2.0, 1), (2.0, 1)], keep(1)).gone(), [0, 1]);
    assert_eq!(run(&[(2.0, 1), (2.0, 1), (2.0, 1)], fit(2)).gone(), [0]);
}

#[test]
fn a_time_in_the_future_counts_as_the_newest() {
    assert_eq!(run(&[(-3.0, 1), (1.0, 1), (2.0, 1)], keep(1)).gone(), [1, 2]);
    assert_eq!(run(&[(-3.0, 1), (9.0, 1)], ttl(0)).gone(), [1]);
}

#[test]
fn the_newest_of_a_kind_survives_every_limit_and_the_overshoot_is_told() {
    let run = run(&[(90.0, 10), (50.0, 70)], Limits { max_bytes: Some(60), ..ttl(7) });
    assert_eq!(run.gone(), [0]);
    assert_eq!(run.members[1].saved_by(), Some(Guard::NewestOfKind));
    assert_eq!(run.unmet, [Unmet { mark: Marks::SIZE, of: 0, limit: 60, actual: 70 }]);
}

#[test]
fn the_newest_of_each_kind_is_found_within_each_kind() {
    let files = Files(vec![(9.0, 1), (8.0, 1), (7.0, 1), (6.0, 1)]);
    let kinds = [0, 1, 0, 1];
    let mut members: Vec<Member> = kinds.iter().map(|kind| Member::new(0, *kind, None)).collect();
    let groups = [Group { name: "all".to_owned(), rule: 0 }];
    decide(NOW, &files, &mut members, &groups, &[ttl(1)], &Overall::default());
    let gone: Vec<bool> = members.iter().map(Member::goes).collect();
    assert_eq!(gone, [true, true, false, false]);
}

#[test]
fn the_floor_and_the_smallest_age_survive_every_limit() {
    let floor = Limits { min_keep: 2, ..ttl(1) };
    assert_eq!(run(&[(9.0, 1), (8.0, 1), (7.0, 1)], floor).gone(), [0]);
    let age = Limits { min_age_ns: 3 * DAY_NS, ..keep(1) };
    let run = run(&[(4.0, 1), (2.0, 1), (1.0, 1)], age);
    assert_eq!(run.gone(), [0]);
    assert_eq!(run.members[1].saved_by(), Some(Guard::TooYoung));
}

#[test]
fn a_guarded_file_counts_towards_the_size_and_the_next_goes_in_its_place() {
    let guards = [(0, Guard::OpenForWriting)];
    let files = [(9.0, 100), (8.0, 100), (7.0, 100), (1.0, 1)];
    let run = run_guarded(&files, fit(201), &Overall::default(), &guards);
    assert_eq!(run.gone(), [1]);
    assert_eq!(run.members[0].saved_by(), Some(Guard::OpenForWriting));
    assert_eq!(run.unmet, []);
}

#[test]
fn sizes_beyond_all_numbers_are_still_too_large() {
    let vast = u64::MAX / 3 * 2;
    let files = [(9.0, vast), (8.0, vast), (7.0, vast), (1.0, 10)];
    assert_eq!(run(&files, fit(100)).gone(), [0, 1, 2]);
    let overall = Overall { max_bytes: Some(100), short_bytes: vec![u64::MAX], ..Overall::default() };
    let limits = Limits { keeps_newest_of_kind: true, ..Limits::default() };
    assert_eq!(run_guarded(&files, limits, &overall, &[]).gone(), [0, 1, 2]);
}

#[test]
fn a_group_that_loses_every_member_is_told() {
    let bare = Limits { keeps_newest_of_kind: false, ..ttl(1) };
    let run = run(&[(9.0, 1), (8.0, 1)], bare);
    assert_eq!(run.emptied, [Emptied { group: 0, members: 2 }]);
}

#[test]
fn the_overall_size_sees_what_the_rules_left() {
    let overall = Overall { max_bytes: Some(25), ..Overall::default() };
    let run = run_guarded(&[(9.0, 10), (8.0, 10), (7.0, 10), (6.0, 10)], ttl(8), &overall, &[]);
    assert_eq!(run.gone(), [0, 1]);
    assert_eq!(run.members[1].marks.words().collect::<Vec<_>>(), ["total_size"]);
}

#[test]
fn free_space_is_made_of_the_oldest_on_that_disk() {
    let overall = Overall { max_bytes: None, short_bytes: vec![15], ..Overall::default() };
    let limits = Limits { keeps_newest_of_kind: true, ..Limits::default() };
    let freed = run_guarded(&[(9.0, 10), (8.0, 10), (7.0, 10)], limits.clone(), &overall, &[]);
    assert_eq!(freed.gone(), [0, 1]);
    let overall = Overall { max_bytes: None, short_bytes: vec![1000], ..Overall::default() };
    let short = run_guarded(&[(9.0, 10), (8.0, 10)], limits, &overall, &[]);
    assert_eq!(short.unmet, [Unmet { mark: Marks::MIN_FREE, of: 0, limit: 1000, actual: 10 }]);
}

#[test]
fn tiers_keep_what_they_want_and_nothing_else() {
    let tiers = Tiers { last: 1, daily: 2, ..Tiers::default() };
    let limits = Limits { tiers: Some(tiers), ..Limits::default() };
    let run = run(&[(3.0, 1), (2.0, 1), (1.0, 1), (0.25, 1), (0.0, 1)], limits);
    // 20,000 days after 1970 is a midnight: the last member opens a day, the one before ends another.
    assert_eq!(run.gone(), [0, 1, 2]);
    assert_eq!(tier_words(run.members[4].tiers).collect::<Vec<_>>(), ["last", "daily"]);
    assert_eq!(tier_words(run.members[3].tiers).collect::<Vec<_>>(), ["daily"]);
}

#[test]
fn groups_compete_only_within_themselves() {
    let files = Files(vec![(9.0, 1), (8.0, 1), (7.0, 1), (6.0, 1)]);
    let groups = [0, 1].map(|rule| Group { name: rule.to_string(), rule });
    let mut members: Vec<Member> =
        [1, 0, 1, 0].iter().map(|group| Member::new(*group, *group, None)).collect();
    decide(NOW, &files, &mut members, &groups, &[keep(1), keep(2)], &Overall::default());
    let gone: Vec<bool> = members.iter().map(Member::goes).collect();
    assert_eq!(gone, [false, true, false, false]);
}

#[test]
fn what_cannot_be_meant_is_named() {
    assert_eq!(keep(0).impossible(), Some("keep 0"));
    assert_eq!(fit(0).impossible(), Some("max size 0"));
    assert_eq!(ttl(0).impossible(), None);
    assert!(Limits { min_keep: 3, ..keep(2) }.contradiction().is_some());
    assert!(Limits { min_age_ns: 2 * DAY_NS, ..ttl(1) }.contradiction().is_some());
}

/// The survivors of `restic forget`, written down from its manual: newest first, each rule keeps the newest of each of
/// its last n periods, whatever the other rules keep; `keep-within` counts back from the newest.
fn restic(times: &[i64], tiers: &Tiers) -> Vec<usize> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|id| (std::cmp::Reverse(times[*id]), std::cmp::Reverse(*id)));
    let date = |id: usize| {
        let time = jiff::Timestamp::from_second(times[id] / 1_000_000_000).expect("a time");
        jiff::tz::TimeZone::UTC.to_datetime(time)
    };
    let period = |rule: usize, id: usize| match rule {
        0 => id.to_string(),
        1 => date(id).strftime("%Y-%m-%d %H").to_string(),
        2 => date(id).date().to_string(),
        3 => date(id).strftime("%G-%V").to_string(),
        4 => date(id).strftime("%Y-%m").to_string(),
        _ => date(id).year().to_string(),
    };
    let counts = [tiers.last, tiers.hourly, tiers.daily, tiers.weekly, tiers.monthly, tiers.yearly];
    let mut kept = std::collections::BTreeSet::new();
    for (rule, count) in counts.into_iter().enumerate() {
        let mut periods: Vec<String> = Vec::new();
        for &id in &order {
            let period = period(rule, id);
            if periods.len() < count as usize && !periods.contains(&period) {
                periods.push(period);
                kept.insert(id);
            }
        }
    }
    kept.extend(order.iter().rev().take(tiers.oldest as usize));
    if let Some(within) = tiers.within {
        kept.extend(order.iter().filter(|id| times[order[0]] - times[**id] <= within.0));
    }
    kept.into_iter().collect()
}

#[test]
fn tiers_keep_what_restic_keeps() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..1000 {
        let span = [3, 60, 900, 2000][round % 4];
        let days: Vec<(f64, u64)> = (0..=random(40))
            .map(|_| (f64::from(u32::try_from(random(span * 100)).expect("small")) / 100.0, 1))
            .collect();
        let mut count = |most: u64| u32::try_from(random(2) * random(most)).expect("small");
        let mut tiers = Tiers {
            last: count(5),
            hourly: count(9),
            daily: count(20),
            weekly: count(9),
            monthly: count(9),
            yearly: count(4),
            oldest: count(3),
            ..Tiers::default()
        };
        tiers.within = (random(3) == 0).then(|| Age(i64::try_from(random(40)).expect("small") * DAY_NS));
        let files = Files(days.clone());
        let times: Vec<i64> = (0..days.len()).map(|id| files.time_ns(id)).collect();
        let gone = run(&days, Limits { tiers: Some(tiers.clone()), ..Limits::default() }).gone();
        let left: Vec<usize> = (0..days.len()).filter(|id| !gone.contains(id)).collect();
        assert_eq!(left, restic(&times, &tiers), "{tiers:?} {days:?}");
    }
}

#[test]
fn within_is_counted_from_now_on_request() {
    let within = |relative_to| Tiers { within: Some(Age(2 * DAY_NS)), relative_to, ..Tiers::default() };
    let gone = |relative_to| {
        let tiers = Some(within(relative_to));
        run(&[(9.0, 1), (2.5, 1), (1.0, 1)], Limits { tiers, ..Limits::default() }).gone()
    };
    assert_eq!(gone(RelativeTo::Now), [0, 1]);
    assert_eq!(gone(RelativeTo::Newest), [0]);
    let tiers = Some(within(RelativeTo::Newest));
    assert_eq!(run(&[(9.0, 1), (7.5, 1)], Limits { tiers, ..Limits::default() }).gone(), [0_usize; 0]);
}

#[test]
fn nothing_is_taken_for_a_size_that_is_out_of_reach() {
    let files = [(9.0, 10), (8.0, 10), (1.0, 100)];
    let out_of_reach = run(&files, fit(50));
    assert_eq!(out_of_reach.gone(), [0_usize; 0]);
    assert_eq!(out_of_reach.unmet, [Unmet { mark: Marks::SIZE, of: 0, limit: 50, actual: 100 }]);
    let overall = Overall { best_effort: true, ..Overall::default() };
    assert_eq!(run_guarded(&files, fit(50), &overall, &[]).gone(), [0, 1]);
}
