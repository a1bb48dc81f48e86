//! `RELEASE_SUMMARY.{json,md}`: what a release rests on, figure by figure, each with its limit, and where it was read: file,
//! hash, age and stamps. What is not there is named; nothing here decides.

mod document;
mod figures;
mod markdown;
mod read;

pub(crate) use document::{ReleaseSummary, Source, Topic};
pub(crate) use read::{others, soak};

use super::bundle::manifest::{Named, Revision};
use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::entry::{Entry, Found};

use crate::evidence::header::Header;
use crate::format::json;
use crate::report::maker::Maker;
use crate::report::{Outcome, Row};
use document::Section;

pub(crate) const SCHEMA: &str = "mmops.release-summary.v1";
pub(crate) const JSON_NAME: &str = "RELEASE_SUMMARY.json";
pub(crate) const MARKDOWN_NAME: &str = "RELEASE_SUMMARY.md";

/// What both forms are.
pub(crate) const DESCRIPTION: &str = "what the release rests on";

/// What is released, by whom it is summed up, and when.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) git: Option<&'a Revision>,
    /// Whether it rests on a snapshot alone.
    pub(crate) is_legacy: bool,
    /// The files that the soak was judged from.
    pub(crate) judged_from: Vec<Named>,
    pub(crate) maker: Maker,
    pub(crate) policy: EvidencePolicy,
}

impl ReleaseSummary {
    pub(crate) fn new(subject: &Subject<'_>, sources: &[Source]) -> Self {
        let sections: Vec<Section> = sources.iter().map(|source| Section::new(source, subject)).collect();
        let simulated = sections.iter().any(|section| section.source.simulated);
        Self {
            header: Header::new(SCHEMA, subject.maker).simulated(simulated),
            name: subject.name.to_owned(),
            release_version: subject.version.to_owned(),
            git: subject.git.cloned(),
            legacy: subject.is_legacy,
            judged_from: subject.judged_from.clone(),
            sections,
        }
    }

    /// What each document inside says, for the answer of whoever puts the summary into a release.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.sections.iter().map(Section::finding).collect()
    }

    /// Whether anything of it comes from a simulation.
    pub(crate) fn is_simulated(&self) -> bool {
        self.header.simulated
    }

    /// Both forms, with the names that they have in a release.
    pub(crate) fn files(&self) -> [(&'static str, String); 2] {
        [(JSON_NAME, json::document(self)), (MARKDOWN_NAME, markdown::render(self))]
    }

    /// Whether the release of this summary rests on a snapshot alone; none where the text is no summary.
    pub(crate) fn is_legacy(text: &str) -> Option<bool> {
        let document = json::typed::parse(text).ok()?;
        document.get("legacy")?.as_bool().filter(|_| document["schema"] == SCHEMA)
    }
}

/// What one document of the summary says of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) topic: Topic,
    /// Its verdict; none where there is none to read.
    pub(crate) verdict: Option<String>,
    /// Why it is no yes of a release.
    pub(crate) doubts: Vec<String>,
}

impl Finding {
    /// The row of a report: the summary decides nothing, so that a doubt is a warning.
    pub(crate) fn row(&self) -> Row {
        let outcome = if self.doubts.is_empty() { Outcome::Pass } else { Outcome::Warn };
        Row::new(self.topic.name(), outcome)
            .note(self.verdict.as_deref().unwrap_or("unknown"))
            .reasons(&self.doubts)
    }
}

impl Section {
    fn finding(&self) -> Finding {
        let Entry { path, sha256, simulated, reasons, .. } = &self.source;
        let verdict = self.figures.iter().find(|figure| figure.name == figures::VERDICT);
        let mut doubts = match sha256 {
            Some(_) => reasons.clone(),
            None => reasons.iter().map(|reason| format!("`{path}`: {reason}")).collect(),
        };
        if *simulated && reasons.is_empty() {
            doubts.push(format!("`{path}` is simulated, which was allowed"));
        }
        doubts.extend(verdict.and_then(|verdict| {
            let limit = verdict.limit.as_deref().filter(|limit| verdict.value != *limit)?;
            Some(format!("the verdict of `{path}` is {}, not {limit}", markdown::display(&verdict.value)))
        }));
        let verdict = verdict.and_then(|verdict| verdict.value.as_str()).map(str::to_owned);
        Finding { topic: self.topic, verdict, doubts }
    }

    fn new(source: &Source, subject: &Subject<'_>) -> Self {
        let Source { topic, path, found } = source;
        let (mut entry, header) = Entry::of(topic.name(), path, found);
        let shown = format!("`{path}`");
        if let Some(header) = &header {
            let age = judge_age(header, age_source(header, found), topic.max_age(), &subject.policy);
            entry.age = match age {
                Age::Fresh { age } | Age::Stale { age } => Some(display(age)),
                Age::Future { .. } | Age::Frozen | Age::Untold => None,
            };
            let limit = display(topic.max_age());
            entry = entry.also(age.refusal(&shown, &limit));
            entry = entry.also(subject.policy.simulation_refusal(header, &shown));
        }
        let document = found.as_ref().ok().map(|found| &found.content);
        Self {
            topic: *topic,
            source: entry,
            max_age: display(topic.max_age()),
            figures: document.map(|document| figures::of(*topic, document)).unwrap_or_default(),
        }
    }
}

/// What a simulation observed lies on a clock of its own. A document from before there was a header says elsewhere when it
/// was made, or is as old as its file.
fn age_source(header: &Header, found: &Found) -> AgeSource {
    let Ok(document) = found else { return AgeSource::Header };
    let time = |name: &&str| document.content.get(*name)?.as_str()?.parse().ok();
    let own = || ["timestamp", "generated_at"].iter().find_map(time);
    match (header.made_at, header.simulated) {
        (Some(made_at), true) => AgeSource::Field(made_at),
        (Some(_), false) => AgeSource::Header,
        (None, _) => own().map_or(AgeSource::Outside(document.modified), AgeSource::Field),
    }
}

#[cfg(test)]
mod tests;
