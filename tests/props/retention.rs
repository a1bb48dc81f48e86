//! Laws of the rotation: what no combination of limits may remove.

use mmops::testing::retention::{
    DAY_NS, Group, Guard, Limits, Marks, Member, MemberFacts, Overall, Part, decide,
};
use proptest::prelude::*;
use std::cmp::Ordering;

const NOW_NS: i64 = 20_000 * DAY_NS;

/// Age in nanoseconds (negative in the future) and size of each file, named in order of their index.
#[derive(Debug)]
struct Files(Vec<(i64, u64)>);

impl MemberFacts for Files {
    fn time_ns(&self, member: usize) -> i64 {
        NOW_NS - self.0[member].0
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

fn files() -> impl Strategy<Value = Files> {
    // Days coarse enough for ties.
    let file = (-2_i64..40).prop_flat_map(|days| (Just(days * DAY_NS), 0_u64..50));
    prop::collection::vec(file, 1..40).prop_map(Files)
}

fn limits() -> impl Strategy<Value = Limits> {
    let ttl = prop::option::of((1_i64..40).prop_map(|days| days * DAY_NS));
    (ttl, prop::option::of(0_u64..400), prop::option::of(0_u64..30), 0_u64..10, 0_i64..5, any::<bool>())
        .prop_map(|(ttl_ns, max_bytes, keep, min_keep, min_age_days, keeps_newest_of_kind)| Limits {
            ttl_ns,
            max_bytes,
            keep,
            min_keep,
            min_age_ns: min_age_days * DAY_NS,
            keeps_newest_of_kind,
            ..Limits::default()
        })
}

fn decided(files: &Files, guarded: &[usize], limits: &Limits) -> Vec<Member> {
    let mut members: Vec<Member> = files.0.iter().map(|_| Member::new(0, 0, None)).collect();
    for member in guarded {
        members[*member % files.0.len()].part = Part::Guarded(Guard::ALL[0]);
    }
    let groups = [Group { name: "all".to_owned(), rule: 0 }];
    let _ = decide(NOW_NS, files, &mut members, &groups, std::slice::from_ref(limits), &Overall::default());
    members
}

/// Members from newest to oldest, as a reader of the directory would sort them.
fn newest_first(files: &Files) -> Vec<usize> {
    let mut order: Vec<usize> = (0..files.0.len()).collect();
    order.sort_by(|a, b| files.0[*a].0.cmp(&files.0[*b].0).then(b.cmp(a)));
    order
}

proptest! {
    #[test]
    fn the_newest_n_stay_whatever_the_other_limits_say(files in files(), limits in limits()) {
        let members = decided(&files, &[], &limits);
        let least = usize::try_from(limits.min_keep).expect("small");
        for member in newest_first(&files).into_iter().take(least) {
            prop_assert!(!members[member].goes(), "{member} of {files:?}");
        }
    }

    #[test]
    fn keep_alone_removes_all_but_the_newest_n(files in files(), keep in 0_u64..45) {
        let members = decided(&files, &[], &Limits { keep: Some(keep), ..Limits::default() });
        let order = newest_first(&files);
        let keep = usize::try_from(keep).expect("small").min(order.len());
        prop_assert!(order[..keep].iter().all(|member| !members[*member].goes()));
        prop_assert!(order[keep..].iter().all(|member| members[*member].goes()));
    }

    #[test]
    fn what_is_guarded_or_young_stays(
        files in files(),
        guarded in prop::collection::vec(0_usize..40, 0..6),
        limits in limits(),
    ) {
        let members = decided(&files, &guarded, &limits);
        for member in guarded {
            prop_assert!(!members[member % files.0.len()].goes());
        }
        for (member, (age_ns, _)) in members.iter().zip(&files.0) {
            let is_young = limits.min_age_ns > 0 && *age_ns < limits.min_age_ns;
            prop_assert!(!(member.goes() && is_young), "{age_ns}");
        }
    }

    #[test]
    fn what_goes_says_why_and_without_a_limit_nothing_goes(files in files(), limits in limits()) {
        for member in decided(&files, &[], &limits) {
            prop_assert!(!member.goes() || !member.marks.is_empty());
            prop_assert!(!member.marks.has(Marks::TTL) || limits.ttl_ns.is_some());
            prop_assert!(!member.marks.has(Marks::COUNT) || limits.keep.is_some());
            prop_assert!(!member.marks.has(Marks::SIZE) || limits.max_bytes.is_some());
        }
        let members = decided(&files, &[], &Limits::default());
        prop_assert!(members.iter().all(|member| !member.goes()));
    }

    #[test]
    fn a_stricter_age_removes_no_less(files in files(), days in 1_i64..40, fewer in 0_i64..10) {
        let aged = |days: i64| Limits { ttl_ns: Some(days.max(1) * DAY_NS), ..Limits::default() };
        let (loose, strict) = (decided(&files, &[], &aged(days)), decided(&files, &[], &aged(days - fewer)));
        prop_assert!(loose.iter().zip(&strict).all(|(loose, strict)| !loose.goes() || strict.goes()));
    }
}
