//! The name of a release's tag, and its message.

use super::figure::FIGURES;
use super::snapshot::Snapshot;

/// What may stand behind the version beside what was asked for: a soak that passed, and a candidate's number.
const VALIDATED: &str = "-soak-validated";
const CANDIDATE: &str = "-rc";

/// Highest number of a candidate; one above it would be a slip of whoever typed it.
const MOST_CANDIDATES: u64 = 9999;

/// What tags of a version may be called.
#[derive(Clone, Debug)]
pub(crate) struct Naming<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) version: &'a str,
    /// Further endings, without the hyphen before them.
    pub(crate) suffixes: &'a [String],
}

impl Naming<'_> {
    /// Why a tag of this version is not called so.
    pub(crate) fn refusal(&self, tag: &str) -> Option<String> {
        let plain = self.plain();
        let ending = tag.strip_prefix(&plain);
        let is_known = ending.is_some_and(|ending| {
            let is_given = |suffix: &String| ending.strip_prefix('-') == Some(suffix);
            ending.is_empty()
                || ending == VALIDATED
                || candidate(ending).is_some()
                || self.suffixes.iter().any(is_given)
        });
        let endings = self.suffixes.iter().map(|suffix| format!(", `{plain}-{suffix}`"));
        let message = || {
            format!(
                "`{tag}` is no tag of version {}: it may be `{plain}`, `{plain}{VALIDATED}`, \
                 `{plain}{CANDIDATE}<N>`{}",
                self.version,
                endings.collect::<String>()
            )
        };
        (!is_known).then(message)
    }

    /// Whether it is the tag of a candidate.
    pub(crate) fn is_candidate(&self, tag: &str) -> bool {
        tag.strip_prefix(&self.plain()).and_then(candidate).is_some()
    }

    /// The tag without an ending.
    pub(crate) fn plain(&self) -> String {
        format!("{}{}", self.prefix, self.version)
    }

    /// The tag of the next release candidate, one above the highest that is there.
    pub(crate) fn next_candidate<'a>(&self, existing: impl IntoIterator<Item = &'a str>) -> String {
        let plain = self.plain();
        let numbers = existing.into_iter().filter_map(|tag| candidate(tag.strip_prefix(&plain)?));
        let next = numbers.max().unwrap_or_default().saturating_add(1);
        format!("{plain}{CANDIDATE}{next}")
    }
}

/// The number of a candidate, which counts from 1 and has one spelling.
fn candidate(ending: &str) -> Option<u64> {
    let number = ending.strip_prefix(CANDIDATE)?;
    let value = number.parse().ok().filter(|value| *value > 0)?;
    (u64::to_string(&value) == number && value <= MOST_CANDIDATES).then_some(value)
}

/// Whether it is a name that a shell, a terminal and git take as it is, for a tag and nothing else. Behind `refs/heads/`
/// and its like git looks for something else first.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
    let first = name.split_once('/').map(|(first, _)| first);
    name.chars().all(is_usual)
        && !first.is_some_and(|first| ["refs", "heads", "tags", "remotes"].contains(&first))
}

/// What the tag is put on and what it vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) tag: &'a str,
    /// Name and version of the release.
    pub(crate) release: &'a str,
    pub(crate) commit: &'a str,
    /// SHA-256 of the release's manifest.
    pub(crate) bundle_sha256: &'a str,
    /// Whether it rests on a snapshot alone.
    pub(crate) is_legacy: bool,
    /// Whether it is simulated, or a clock was frozen.
    pub(crate) is_rehearsal: bool,
    /// What is known of its signature.
    pub(crate) signature: &'a str,
}

/// The message, with one newline at its end.
pub(crate) fn message(subject: &Subject<'_>, snapshot: &Snapshot) -> String {
    let mut out = format!("{}: {}\n\n", subject.tag, subject.release);
    out.push_str(&format!("Verdict: {}\n", snapshot.verdict));
    if subject.is_legacy {
        out.push_str("Evidence: legacy, a snapshot alone that was not judged again\n");
    }
    if subject.is_rehearsal {
        out.push_str("Evidence: a rehearsal, simulated or under a frozen clock\n");
    }
    if let Some(ready) = snapshot.freeze_ready {
        out.push_str(&format!("Converged: {}\n", if ready { "yes" } else { "no" }));
    }
    out.push_str(&format!("Snapshot: {}\n", snapshot.made_at));
    out.push_str(&format!("Iterations: {}\n", snapshot.range()));
    out.push_str(&format!("Bundle: sha256 {}\n", subject.bundle_sha256));
    out.push_str(&format!("Signature: {}\n", subject.signature));
    out.push_str(&format!("Commit: {}\n\nFigures, mean:\n", subject.commit));
    for figure in &FIGURES {
        let (kpi, shown) = (snapshot.kpi(figure.key), figure.trigger.name());
        let trend = kpi.trend.as_ref().map_or_else(String::new, |trend| format!(" ({trend})"));
        out.push_str(&format!("  {shown}: {:.3}{trend}\n", kpi.mean));
    }
    out.push_str(&format!("\nGoals met: {}\n", snapshot.goals_met()));
    for (name, met) in &snapshot.goals {
        out.push_str(&format!("  [{}] {name}\n", if *met { "OK" } else { "FAIL" }));
    }
    let applied = snapshot.applied_iterations.as_ref();
    let applied = applied.map_or("an unknown number of".to_owned(), |applied| applied.len().to_string());
    let active = snapshot.guards.as_ref().map_or("unknown".to_owned(), |counts| {
        let active = counts.iter().filter(|(_, count)| **count > 0);
        let active: Vec<String> = active.map(|(name, count)| format!("{name} {count}")).collect();
        if active.is_empty() { "none".to_owned() } else { active.join(", ") }
    });
    out.push_str(&format!("\nTuning applied in {applied} iterations\nGuards that acted: {active}\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_version_with_an_ending_that_is_known() {
        let suffixes = ["hotfix".to_owned()];
        let naming = Naming { prefix: "v", version: "1.2.3", suffixes: &suffixes };
        for tag in ["v1.2.3", "v1.2.3-soak-validated", "v1.2.3-rc1", "v1.2.3-rc12", "v1.2.3-hotfix"] {
            assert_eq!(naming.refusal(tag), None, "{tag}");
        }
        for tag in [
            "v9.9.9",
            "1.2.3",
            "V1.2.3",
            "v1.2.30",
            "v1.2.3-rc",
            "v1.2.3-rc0",
            "v1.2.3-rc01",
            "v1.2.3-rc1x",
            "HEAD",
            "v1.2.3-other",
            "v1.2.3hotfix",
            "v1.2.3/x",
            "",
            "@",
            "v1.2.3-rc+1",
            "v1.2.3-rc99999999999999999999",
            "v1.2.3-rc10000",
        ] {
            assert!(naming.refusal(tag).is_some(), "{tag}");
        }
        assert!(["v1.2.3-rc+1", "rel/1.2.3"].iter().all(|name| is_plain(name)));
        for name in ["refs/heads/v1", "heads/v1", "v1\u{202e}", "v 1", "v1;x"] {
            assert!(!is_plain(name), "{name}");
        }
        let bare = Naming { prefix: "", version: "1.2.3-rc.1", suffixes: &[] };
        assert_eq!(bare.refusal("1.2.3-rc.1"), None);
        assert!(bare.refusal("1.2.3").is_some());
    }

    #[test]
    fn the_next_candidate_is_one_above_the_highest_number() {
        let naming = Naming { prefix: "v", version: "1.2.3", suffixes: &[] };
        assert_eq!(naming.next_candidate([]), "v1.2.3-rc1");
        assert!(naming.is_candidate("v1.2.3-rc1") && !naming.is_candidate("v1.2.3"));
        let there = ["v1.2.3-rc2", "v1.2.3-rc10", "v1.2.3-rc9", "v1.2.3-rc011", "v1.2.30-rc44", "v1.2.3"];
        assert_eq!(naming.next_candidate(there), "v1.2.3-rc11");
    }
}
