//! The lives of the watched processes, and whether one build was watched.
#![warn(clippy::wildcard_enum_match_arm)]

use super::condition::Condition;
use crate::judge::kpi::{Build, LifeBegin};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Lives that are kept; those beyond it are counted.
const MOST: usize = 200;

/// The begin of a life of a process in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Life {
    /// The member, where members are judged one by one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) member: String,
    /// The iteration in which it was seen to begin.
    pub(crate) iteration: u32,
    #[serde(flatten)]
    pub(crate) begin: LifeBegin,
}

/// The lives of the processes of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives {
    pub(crate) kept: Vec<Life>,
    pub(crate) count: usize,
    /// Builds by member.
    builds: BTreeMap<String, BTreeSet<Build>>,
}

impl Lives {
    pub(super) fn add(&mut self, member: &str, iteration: u32, begins: &[LifeBegin]) {
        self.count += begins.len();
        for begin in begins {
            if let Some(build) = &begin.build {
                self.builds.entry(member.to_owned()).or_default().insert(build.clone());
            }
            if self.kept.len() < MOST {
                self.kept.push(Life { member: member.to_owned(), iteration, begin: begin.clone() });
            }
        }
    }

    /// The build that was watched, as the processes say themselves; none where they say nothing, or several.
    pub(crate) fn subject(&self) -> Option<String> {
        let versions: BTreeSet<&str> = self.versions();
        let one = versions.first().filter(|_| versions.len() == 1)?;
        Some((*one).to_owned())
    }

    fn versions(&self) -> BTreeSet<&str> {
        self.builds.values().flatten().map(|build| build.version.as_str()).collect()
    }

    /// Whether each member was one build all the time, and all of one version.
    pub(super) fn one_build(&self) -> Option<Condition> {
        let versions = self.versions();
        let spell = |builds: &BTreeSet<Build>| {
            builds
                .iter()
                .map(|build| format!("{} ({})", build.version, build.config_hash))
                .collect::<Vec<_>>()
        };
        let several = self.builds.iter().find(|(_, builds)| builds.len() > 1);
        let note = versions.iter().copied().collect::<Vec<_>>().join(", ");
        if let Some((member, builds)) = several {
            let of = if member.is_empty() { String::new() } else { format!(" of {member}") };
            let reason = format!("{} builds{of} were watched: {}", builds.len(), spell(builds).join(", "));
            return Some(Condition::fails("build", note, reason));
        }
        if versions.len() > 1 {
            return Some(Condition::fails("build", note, "the members are of several versions".to_owned()));
        }
        (!versions.is_empty()).then(|| Condition::holds("build", note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::kpi::LifeCause;
    use crate::judge::verdict::RunVerdict;

    fn begin(version: &str, config_hash: &str) -> LifeBegin {
        let build = Build { version: version.to_owned(), config_hash: config_hash.to_owned() };
        LifeBegin {
            process: String::new(),
            seen_at: String::new(),
            started_at_secs: None,
            build: Some(build),
            cause: LifeCause::Build,
        }
    }

    #[test]
    fn two_builds_of_a_member_or_two_versions_of_a_fleet_were_not_one_soak() {
        let table: [(&[(&str, LifeBegin)], Option<RunVerdict>, Option<&str>); 5] = [
            (&[], None, None),
            (&[("", begin("1", "a"))], Some(RunVerdict::Pass), Some("1")),
            (&[("", begin("1", "a")), ("", begin("1", "b"))], Some(RunVerdict::Fail), Some("1")),
            (&[("x", begin("1", "a")), ("y", begin("1", "b"))], Some(RunVerdict::Pass), Some("1")),
            (&[("x", begin("1", "a")), ("y", begin("2", "a"))], Some(RunVerdict::Fail), None),
        ];
        for (begins, verdict, subject) in table {
            let mut lives = Lives::default();
            for (member, begin) in begins {
                lives.add(member, 1, std::slice::from_ref(begin));
            }
            assert_eq!(lives.one_build().map(|condition| condition.verdict), verdict, "{begins:?}");
            assert_eq!(lives.subject().as_deref(), subject, "{begins:?}");
        }
    }
}
