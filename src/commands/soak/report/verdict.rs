//! What a report answers: what the run comes to when it is judged again, and never better than it said itself.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{KeptVerdict, ReportFacts};
use crate::commands::soak::verdict::SoakVerdict;
use crate::judge::verdict::RunVerdict;

pub(super) fn verdict(facts: &ReportFacts) -> RunVerdict {
    of(facts.judged, &facts.kept_verdict)
}

fn of(judged: SoakVerdict, kept: &KeptVerdict) -> RunVerdict {
    let judged = match judged {
        SoakVerdict::Judged(verdict) => verdict,
        SoakVerdict::Interrupted { .. } => RunVerdict::Inconclusive,
    };
    let kept = match kept {
        KeptVerdict::None => RunVerdict::Pass,
        KeptVerdict::Said(verdict) => *verdict,
        KeptVerdict::Unreadable(_) => RunVerdict::Inconclusive,
    };
    judged.max(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunVerdict::{Fail, Inconclusive, Pass};

    #[test]
    fn it_is_the_worse_of_what_is_found_and_what_was_kept() {
        for judged in [Pass, Inconclusive, Fail] {
            for kept in [Pass, Inconclusive, Fail] {
                let found = of(SoakVerdict::Judged(judged), &KeptVerdict::Said(kept));
                assert_eq!(found, judged.max(kept));
            }
            assert_eq!(of(SoakVerdict::Judged(judged), &KeptVerdict::None), judged);
            let unreadable = KeptVerdict::Unreadable("x".to_owned());
            assert_eq!(of(SoakVerdict::Judged(judged), &unreadable), judged.max(Inconclusive));
        }
        assert_eq!(of(SoakVerdict::Interrupted { signal: 2 }, &KeptVerdict::None), Inconclusive);
    }
}
