//! Whether a rotation did what was asked.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{Course, Facts};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What has to go is known, and nothing was removed.
    DryRun,
    /// What had to go is gone; what changed meanwhile or is in use has stayed.
    Real,
    Failed,
}

/// A part of the tree that could not be read, a plan that does not fit, a clock that may have jumped, a size out of
/// reach, a file that the system would not remove or too little space each make the answer no. That something was kept on purpose does not.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let is_complete = facts.unreadable.is_empty()
        && !facts.is_short_of_space()
        && !facts.is_out_of_reach()
        && !facts.is_refused()
        && !facts.unfinished.iter().any(|unfinished| unfinished.is_torn);
    match &facts.course {
        Course::DryRun { .. } if is_complete => Verdict::DryRun,
        Course::Done(done) if is_complete && done.failed.is_empty() => Verdict::Real,
        Course::DryRun { .. } | Course::Done(_) | Course::Refused => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{
        Amount, Decision, Done, Mode, Names, PlanFacts, ProcessTable, ShortDisk, Skipped, Suspicion,
        Unfinished, UnmetLimit,
    };
    use super::super::report::report;
    use super::super::retention::decide::Unmet;
    use super::super::retention::member::Marks;
    use super::*;
    use crate::report::exit::Exit;
    use std::collections::BTreeMap;

    fn facts(course: Course) -> Facts {
        let mode = if matches!(course, Course::Done(_)) { Mode::Real } else { Mode::DryRun };
        Facts {
            mode,
            roots: Vec::new(),
            skipped: Vec::new(),
            unreadable: BTreeMap::new(),
            future: Names::default(),
            process_table: None,
            decision: Decision::default(),
            suspicion: None,
            unfinished: Vec::new(),
            explanations: Vec::new(),
            going: Amount::default(),
            going_names: Names::default(),
            plan: PlanFacts::None,
            course,
        }
    }

    fn dry_run() -> Course {
        Course::DryRun { dirs: 0, archive_dir: None }
    }

    fn unmet(mark: Marks) -> UnmetLimit {
        UnmetLimit { of: "all files".to_owned(), unmet: Unmet { mark, of: 0, limit: 1, actual: 2 } }
    }

    fn one(name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), "why".to_owned())])
    }

    #[test]
    fn what_only_informs_never_makes_the_answer_no() {
        let mut informed = facts(Course::Done(Done { kept: one("changed"), ..Done::default() }));
        informed.skipped = vec![Skipped {
            row: "mount_points",
            reason: "mounted",
            is_usual: false,
            count: 1,
            dirs: Names::of(1, std::iter::once("x".to_owned())),
        }];
        informed.future = Names::of(1, std::iter::once("x".to_owned()));
        informed.process_table = Some(ProcessTable { is_readable: false, hidden: 0, is_partial: true });
        informed.decision.unmet = vec![unmet(Marks::SIZE), unmet(Marks::COUNT), unmet(Marks::MIN_FREE)];
        informed.decision.best_effort = true;
        informed.suspicion = Some(Suspicion { reason: "old".to_owned(), is_allowed: true });
        assert_eq!(verdict(&informed), Verdict::Real);
        let report = report(&informed, verdict(&informed));
        assert_eq!((report.exit(), report.verdict()), (Exit::Ok, "REAL"));
    }

    #[test]
    fn whatever_was_not_done_or_is_not_known_makes_the_answer_no() {
        assert_eq!(verdict(&facts(dry_run())), Verdict::DryRun);
        assert_eq!(verdict(&facts(Course::Refused)), Verdict::Failed);
        let mut short = facts(dry_run());
        short.decision.unmet = vec![unmet(Marks::MIN_FREE)];
        let mut unreached = facts(dry_run());
        unreached.decision.unmet = vec![unmet(Marks::TOTAL)];
        let mut jumped = facts(dry_run());
        jumped.suspicion = Some(Suspicion { reason: "old".to_owned(), is_allowed: false });
        let mut torn = facts(dry_run());
        torn.unfinished = vec![Unfinished { reason: "torn".to_owned(), is_torn: true }];
        let mut unreadable = facts(dry_run());
        unreadable.unreadable = one("dir");
        let failed = facts(Course::Done(Done { failed: one("file"), ..Done::default() }));
        let disk = ShortDisk { of: "the disk".to_owned(), free: Err("unknown".to_owned()), wanted: 1 };
        let unmeasured = facts(Course::Done(Done { short_disks: vec![disk], ..Done::default() }));
        for facts in [short, unreached, jumped, torn, unreadable, failed, unmeasured] {
            assert_eq!(verdict(&facts), Verdict::Failed, "{facts:?}");
            assert_eq!(report(&facts, verdict(&facts)).exit(), Exit::Fail);
        }
    }
}
