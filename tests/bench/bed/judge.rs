//! What a disturbed run, and the one after it, must have left.

use super::cases::{Case, Repeats};
use super::conformity;
use super::disturbance::{Disturbance, Run, run};
use super::root::{Entries, Root};
use std::collections::BTreeSet;
use std::time::Duration;

/// What a case does when nothing is wrong.
#[derive(Debug)]
pub struct Undisturbed {
    pub template: Root,
    before: Entries,
    fresh: Outcome,
    /// Of a second run in the same root.
    second: Outcome,
    /// Files that are the same in both of two roots.
    steady: BTreeSet<String>,
    pub usual: Duration,
}

#[derive(Debug)]
struct Outcome {
    code: i32,
    stdout: String,
    after: Entries,
}

impl Outcome {
    fn of(run: Run, root: &Root) -> Self {
        Self { code: run.code, stdout: run.stdout, after: root.entries() }
    }

    /// Whether a run says the same.
    fn is(&self, case: &Case, ran: &Run) -> bool {
        let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
        self.code == ran.code
            && match case.repeats {
                Repeats::Everything => self.stdout == ran.stdout,
                Repeats::Marker => last(&self.stdout) == ran.marker(),
            }
    }
}

impl Undisturbed {
    /// Runs the case in a fresh root, twice; where that is asked for in another as well, in which what it says must
    /// repeat.
    pub fn of(case: &Case, repeats: bool) -> Result<Self, String> {
        let template = Root::new();
        (case.prepare)(&template);
        let twice = |root: &Root| {
            let first = run(root, &case.line(), None, Duration::ZERO);
            let (took, first) = (first.took, Outcome::of(first, root));
            let second = run(root, &case.line(), None, Duration::ZERO);
            (first, Outcome::of(second, root), took)
        };
        let (fresh, second, usual) = twice(&template.copy());
        let other = repeats.then(|| twice(&template.copy()));
        if let Some((other, ..)) = &other
            && (fresh.code != other.code
                || (case.repeats == Repeats::Everything && fresh.stdout != other.stdout))
        {
            return Err(format!("two undisturbed runs differ: {fresh:?} {other:?}"));
        }
        let same = |name: &&String| {
            other.as_ref().is_none_or(|(other, other_second, _)| {
                fresh.after.get(*name) == other.after.get(*name)
                    && second.after.get(*name) == other_second.after.get(*name)
            })
        };
        let steady = fresh.after.keys().chain(second.after.keys()).filter(same).cloned().collect();
        Ok(Self { before: template.entries(), template, fresh, second, steady, usual })
    }

    /// Whether the program ran at all, and what is wrong with what it did.
    pub fn judge(&self, case: &Case, disturbance: Disturbance) -> (Run, Vec<String>) {
        let root = self.template.copy();
        let ran = run(&root, &case.line(), Some(disturbance), self.usual);
        let after = root.entries();
        let mut faults = Vec::new();
        if ran.has_started() {
            self.answer(case, disturbance, &ran, &after, &mut faults);
            self.content(case, &after, "", &mut faults);
            if !matches!(disturbance, Disturbance::Killed(_)) && ran.code != -9 {
                // To remove a directory takes calls and descriptors of its own; what is left is for the next run.
                let is_kept = |name: &&String| {
                    is_unfinished(name) && !name.ends_with('/') && !ran.could_not_remove(name)
                };
                faults.extend(after.keys().filter(is_kept).map(|name| format!("{name} stays")));
            }
        }
        if !faults.is_empty() {
            faults.push(format!("code {}, `{}`, injected {:?}", ran.code, ran.marker(), ran.injected));
            let stderr: Vec<&str> = ran.stderr.lines().rev().take(3).collect();
            faults.push(format!("stderr {stderr:?}"));
        }
        let next = run(&root, &case.line(), None, self.usual);
        self.next(case, &root, &next, &mut faults);
        (ran, faults)
    }

    fn answer(
        &self,
        case: &Case,
        disturbance: Disturbance,
        ran: &Run,
        after: &Entries,
        faults: &mut Vec<String>,
    ) {
        let is_signalled = matches!(
            disturbance,
            Disturbance::Terminated(_) | Disturbance::TerminatedTwice(_) | Disturbance::Killed(_)
        );
        if ran.is_hung {
            faults.push("it hangs".to_owned());
        }
        if !ran.left.is_empty() {
            faults.push(format!("still running a second later: {:?}", ran.left));
        }
        match ran.code {
            0..=5 | 64 | 129 | 130 | 131 | 143 => {}
            -9 if matches!(disturbance, Disturbance::Killed(_)) => return,
            // Before it listens to signals they end it as they end any program, when it has not begun.
            -15 | -2 if is_signalled => {
                if !ran.stdout.is_empty() || *after != self.before {
                    faults.push("a signal ended it in the middle".to_owned());
                }
                return;
            }
            code => faults.push(format!("code {code}")),
        }
        let prints =
            ran.could_print() && !matches!(disturbance, Disturbance::StdoutFull | Disturbance::BothClosed);
        let is_as_ever = self.fresh.is(case, ran);
        if ran.code == 0 && prints && !is_as_ever {
            faults.push("a yes that is not that of an undisturbed run".to_owned());
        }
        if ran.code == 0 && self.fresh.code != 0 {
            faults.push("a no became a yes".to_owned());
        }
        let must_agree = match disturbance {
            Disturbance::StderrFull => true,
            Disturbance::Interrupted { .. } => !case.starts_others,
            _ => false,
        };
        if must_agree && !is_as_ever {
            faults.push("it does not say what it says undisturbed".to_owned());
        }
        if disturbance == Disturbance::StdoutFull && ran.code == 0 {
            faults.push("nobody could read the yes".to_owned());
        }
        let marker = ran.marker();
        let is_marker = marker.starts_with("| ") && marker.contains('=') || ran.stdout.starts_with('{');
        if prints && !is_marker && !(case.is_text() && ran.code == 0) {
            faults.push("there is no marker".to_owned());
        }
        if ran.code != 0 && marker.contains(" | OK | ") {
            faults.push("the marker of a yes with the code of a no".to_owned());
        }
        for path in case.verdicts.iter().filter(|_| ran.code != 0 && self.fresh.code == 0) {
            let written = after.get(*path).filter(|_| self.before.get(*path) != after.get(*path));
            if written.is_some() && written == self.fresh.after.get(*path) {
                faults.push(format!("{path} says yes"));
            }
        }
    }

    /// Every file is what it was, what it becomes undisturbed, or a whole document.
    fn content(&self, case: &Case, after: &Entries, when: &str, faults: &mut Vec<String>) {
        let own = |name: &str| case.own.iter().any(|own| name.starts_with(own));
        for (name, content) in after.iter().filter(|(name, _)| !name.ends_with('/') && !is_unfinished(name)) {
            let known = [&self.before, &self.fresh.after, &self.second.after];
            if known.iter().any(|known| known.get(name) == Some(content)) {
                continue;
            }
            let fault = if name.ends_with(".json") {
                conformity::fault(content)
            } else if own(name) || !self.steady.contains(name) {
                None
            } else if name.ends_with(".zip") {
                Some("it is another archive".to_owned())
            } else {
                (content.last() != Some(&b'\n')).then(|| "it does not end with a line".to_owned())
            };
            faults.extend(fault.map(|fault| format!("{when}{name}: {fault}")));
        }
        for name in self.before.keys().filter(|name| !after.contains_key(*name)) {
            let is_kept = self.fresh.after.contains_key(name) || self.second.after.contains_key(name);
            let is_answer = case.verdicts.contains(&name.as_str());
            if is_kept && !is_answer && !own(name) && when.is_empty() {
                faults.push(format!("{name} is gone"));
            }
        }
    }

    fn next(&self, case: &Case, root: &Root, next: &Run, faults: &mut Vec<String>) {
        let before = faults.len();
        if ![&self.fresh, &self.second].iter().any(|usual| usual.is(case, next)) {
            faults.push("the next run says something else".to_owned());
        }
        if next.is_hung || !next.left.is_empty() {
            faults.push(format!("the next run: hung {}, left {:?}", next.is_hung, next.left));
        }
        let after = root.entries();
        self.content(case, &after, "after the next run, ", faults);
        let own = |name: &str| case.own.iter().any(|own| name.starts_with(own));
        let known = [&self.before, &self.fresh.after, &self.second.after];
        for name in after.keys() {
            let is_known = known.iter().any(|known| known.contains_key(name));
            if is_unfinished(name) || !(is_known || own(name)) {
                faults.push(format!("the next run leaves {name}"));
            }
        }
        if faults.len() > before {
            let stderr: Vec<&str> = next.stderr.lines().rev().take(3).collect();
            faults.push(format!("the next run: code {}, `{}`, stderr {stderr:?}", next.code, next.marker()));
        }
    }
}

/// Whether a name is that of a file which nobody but its writer may see.
fn is_unfinished(name: &str) -> bool {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    last.starts_with(".mmops-") && !last.ends_with(".lock") || last.ends_with(".new")
}
