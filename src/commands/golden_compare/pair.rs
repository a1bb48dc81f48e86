//! The comparison of one file of the baseline with one of the actual output.

use super::compare::content::{self, Content};
use super::compare::{CheckCancelled, CompareError, Found, Side, bytes, lines, usage, walk};
use super::document::{self, Document, Language, Located};
use super::drift::Rules;
use super::drift::difference::Drift;
use super::drift::listed::ListedDrift;
use super::facts::{FileFacts, FileState};
use crate::report::exit::Fault;
use crate::sys::fsio;
use std::collections::BTreeSet;

/// Files that are looked at line by line are held in memory.
const MOST_TEXT_BYTES: u64 = 32 << 20;

/// A file of the baseline and one of the actual output.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Path below the two directories; absent where two files were named.
    pub(super) name: Option<String>,
    pub(super) baseline: Located,
    pub(super) actual: Located,
    pub(super) form: Form,
}

/// How two files stand against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Both hold the same language.
    Both(Language),
    /// Only the baseline has it.
    Missing,
    /// Only the actual directory has it.
    Extra,
    /// One file by two names.
    Same,
    /// What stands on this side is neither a file nor a directory.
    Special(Side),
}

impl Pair {
    pub(super) fn compare(
        &self,
        rules: &Rules,
        listed: usize,
        check_cancelled: CheckCancelled<'_>,
    ) -> Result<FileFacts, Fault> {
        let rules = self.rules(rules);
        let mut used = BTreeSet::new();
        let state = match self.form {
            Form::Missing => FileState::Missing,
            Form::Extra => match self.validate_extra(&rules) {
                Ok(()) => FileState::Extra,
                Err(fault) => self.unusable(fault)?,
            },
            Form::Same => {
                let (baseline, actual) = (&self.baseline.name, &self.actual.name);
                FileState::Unusable(format!("`{baseline}` and `{actual}` are one file by two names"))
            }
            Form::Special(side) => {
                let name = &self.side(side).name;
                FileState::Unusable(format!("`{name}` is not a plain file; links are not followed"))
            }
            Form::Both(Language::Text) => match self.compare_text(listed, check_cancelled) {
                Ok(found) => self.compared(&found, None),
                Err(error) => self.unusable(self.fault(error, None)?)?,
            },
            Form::Both(language) => {
                match self.compare_data(language, &rules, (listed, &mut used), check_cancelled) {
                    Ok(state) => state,
                    Err(fault) => self.unusable(fault?)?,
                }
            }
        };
        Ok(FileFacts { name: self.name.clone(), actual: self.actual.name.clone(), state, used_rules: used })
    }

    /// The rules for this file: those for some files go by its path below the directories, or by the baseline as it was
    /// named.
    fn rules(&self, rules: &Rules) -> Rules {
        rules.for_file(self.name.as_deref().unwrap_or(&self.baseline.name))
    }

    /// The inner fault is that of a file alone.
    fn compare_data(
        &self,
        language: Language,
        rules: &Rules,
        (listed, used): (usize, &mut BTreeSet<String>),
        check_cancelled: CheckCancelled<'_>,
    ) -> Result<FileState, Result<Fault, Fault>> {
        let (content, documents) = self.documents(language, rules).map_err(Ok)?;
        let input = |at: usize| documents[at].input().map_err(Ok);
        let found = walk::compare(content, input(0)?, input(1)?, rules, listed, check_cancelled);
        let mut found = found.map_err(|error| self.fault(error, Some(&documents)))?;
        found.empty |= found.total == 0 && self.is_blank(language);
        for (document, located) in documents.iter().zip([&self.baseline, &self.actual]) {
            if !document.is_lasting() {
                // What cannot be read again is not known to have nothing for a rule.
                used.extend(rules.given().into_iter().map(str::to_owned));
                continue;
            }
            let noted = usage::note(content, document.input().map_err(Ok)?, rules, used);
            noted.map_err(|error| Ok(located.fault(&error, Some(document))))?;
        }
        Ok(self.compared(&found, Some(&documents)))
    }

    fn documents(&self, language: Language, rules: &Rules) -> Result<(Content, [Document; 2]), Fault> {
        let files = [&self.baseline, &self.actual];
        match language {
            Language::Tree(format) => {
                Ok((Content::Document, [files[0].tree(format)?, files[1].tree(format)?]))
            }
            Language::Table(delimiter) => {
                Ok((Content::Document, document::tables(files, delimiter, rules.nan)?))
            }
            Language::Json(content) => Ok((content, document::files(files))),
            Language::Text => Ok((Content::Document, document::files(files))),
        }
    }

    /// Whether both files hold nothing, of a language in which that is a document.
    fn is_blank(&self, language: Language) -> bool {
        let is_blank = |located: &Located| {
            fsio::read(&located.path).is_ok_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace))
        };
        match language {
            Language::Json(_) => false,
            Language::Tree(_) | Language::Table(_) | Language::Text => {
                is_blank(&self.baseline) && is_blank(&self.actual)
            }
        }
    }

    /// Byte by byte up to the first difference, then line by line.
    fn compare_text(
        &self,
        listed: usize,
        check_cancelled: CheckCancelled<'_>,
    ) -> Result<Found, CompareError> {
        let (baseline, actual) = (self.open(Side::Baseline)?, self.open(Side::Actual)?);
        let found = bytes::compare(baseline, actual, check_cancelled)?;
        let texts =
            if found.total == 0 || bytes::differ_in_line_endings(&found) { None } else { self.texts() };
        Ok(match texts {
            Some([baseline, actual]) => {
                Found { empty: found.empty, ..lines::compare(&baseline, &actual, listed) }
            }
            None => found,
        })
    }

    /// The two files, if they are texts of a size that can be held.
    fn texts(&self) -> Option<[String; 2]> {
        let text = |located: &Located| {
            let is_small = fsio::metadata(&located.path).is_ok_and(|found| found.len() <= MOST_TEXT_BYTES);
            let is_text = |text: &String| !text.contains('\0');
            (document::is_plain_file(&located.path) && is_small)
                .then(|| String::from_utf8(fsio::read(&located.path).ok()?).ok().filter(is_text))
                .flatten()
        };
        Some([text(&self.baseline)?, text(&self.actual)?])
    }

    fn compared(&self, found: &Found, documents: Option<&[Document; 2]>) -> FileState {
        let listed = self.listed(&found.drifts, documents);
        FileState::Compared { differences: found.total, listed, is_empty: found.empty }
    }

    /// The differences with line and column in the actual file, and the values that stand only there.
    fn listed(&self, drifts: &[Drift], documents: Option<&[Document; 2]>) -> Vec<ListedDrift> {
        let origin =
            |drift: &Drift| documents.map_or(drift.offset, |[_, actual]| actual.origin(drift.offset));
        let mut offsets: Vec<u64> = drifts.iter().map(origin).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let places = self.actual.places(&offsets);
        let listed = |drift: &Drift| {
            let at = offsets.binary_search(&origin(drift)).ok();
            let place = places.as_ref().zip(at).and_then(|(places, at)| places.get(at)).copied();
            let values = match (drift.difference.values(), documents) {
                (Some((baseline, actual)), _) => (Some(baseline), Some(actual)),
                (None, Some([baseline, actual])) => (
                    drift.values.baseline.and_then(|at| baseline.value_at(at)),
                    drift.values.actual.and_then(|at| actual.value_at(at)),
                ),
                (None, None) => (None, None),
            };
            ListedDrift::new(self.name.as_deref(), drift, values, place)
        };
        drifts.iter().map(listed).collect()
    }

    /// A new file is a difference; one that cannot be read could not become a baseline either.
    fn validate_extra(&self, rules: &Rules) -> Result<(), Fault> {
        match Language::of(&self.actual.path).unwrap_or(Language::Text) {
            Language::Json(content) => {
                let file = self.open(Side::Actual)?;
                content.validate(file, rules).map_err(|error| self.actual.fault(&error, None))
            }
            Language::Tree(format) => self.actual.tree(format).map(|_| ()),
            Language::Table(delimiter) => {
                document::tables([&self.actual, &self.actual], delimiter, rules.nan).map(|_| ())
            }
            Language::Text => self.open(Side::Actual).map(|_| ()),
        }
    }

    /// Whether anything in files that hold something is compared, rather than ignored.
    pub(super) fn compares_something(&self, rules: &Rules) -> Result<bool, Fault> {
        let rules = self.rules(rules);
        let Form::Both(language) = self.form else { return Ok(true) };
        if rules.ignored.is_empty() || language == Language::Text {
            return Ok(true);
        }
        let (content, [baseline, _]) = self.documents(language, &rules)?;
        content::compares_something(content, baseline.input()?, &rules)
            .map_err(|error| self.baseline.fault(&error, Some(&baseline)))
    }

    /// The fault of a file, or that of the whole comparison.
    fn fault(&self, error: CompareError, documents: Option<&[Document; 2]>) -> Result<Fault, Fault> {
        match error {
            CompareError::Fault(fault) => Err(fault),
            CompareError::Document(side, error) => {
                let document = documents
                    .map(|[baseline, actual]| if side == Side::Baseline { baseline } else { actual });
                Ok(self.side(side).fault(&error, document))
            }
        }
    }

    fn side(&self, side: Side) -> &Located {
        if side == Side::Baseline { &self.baseline } else { &self.actual }
    }

    fn open(&self, side: Side) -> Result<std::fs::File, Fault> {
        fsio::open(&self.side(side).path)
    }

    /// A single pair that cannot be read ends the command; one of many is a row among others.
    fn unusable(&self, fault: Fault) -> Result<FileState, Fault> {
        if self.name.is_none() { Err(fault) } else { Ok(FileState::Unusable(fault.to_string())) }
    }
}
