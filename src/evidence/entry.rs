//! A document that an answer rests on, with what it says of its own making: so that simulated, frozen, stale and
//! foreign travel to the last link of the chain.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::header::Header;
use crate::report::maker::{ClockKind, Maker};
use crate::report::{Outcome, Row, Status};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A document as it was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundDocument {
    pub(crate) content: Value,
    /// Of the file.
    pub(crate) modified: Timestamp,
    /// Of the file's bytes.
    pub(crate) sha256: String,
}

/// What came of reading an artifact: the document, or why there is none.
pub(crate) type Found = Result<FoundDocument, String>;

/// Ends the refusal of what was watched in another version: which two must be the same.
pub(crate) const WATCHED_VERSION: &str =
    "; the `version` of the service's mm_build_info must be what VERSION or MM_VERSION says";

/// What is to be released, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseIdentity {
    /// `MM_VERSION`, else the file `VERSION`.
    pub(crate) version: Option<String>,
    /// Of the checkout.
    pub(crate) commit: Option<String>,
}

impl ReleaseIdentity {
    /// Why a document was not made by this mmops or does not speak of this release; none where what it observed or
    /// what is to be released is not known.
    pub(crate) fn refusal(&self, header: &Header, maker: &Maker, subject: &str) -> Option<String> {
        let own = maker.version;
        match header.version.as_deref() {
            // Without its header a document would be as young as its file.
            None => return Some(format!("{subject} has no evidence header that says which mmops made it")),
            Some(version) if version != own => {
                return Some(format!("{subject} was made by mmops {version}, this is {own}"));
            }
            Some(_) => {}
        }
        if let (Some(commit), Some(own)) = (&header.commit, maker.commit)
            && commit != own
        {
            return Some(format!("{subject} was made by mmops of commit {commit}, this is {own}"));
        }
        let observed = header.subject.as_deref()?;
        let hint = if header.schema.starts_with("mmops.soak-") { WATCHED_VERSION } else { "" };
        self.is_other(observed)
            .then(|| format!("{subject} speaks of {observed}, what is to be released is {self}{hint}"))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Whether what was observed is something else than this; it is not where nothing is known of this.
    pub(crate) fn is_other(&self, observed: &str) -> bool {
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        let is_version = self.version.as_deref().map(|version| plain(observed) == plain(version));
        let is_commit =
            self.commit.as_deref().map(|commit| observed.len() >= 7 && commit.starts_with(observed));
        let known: Vec<bool> = [is_version, is_commit].into_iter().flatten().collect();
        !known.is_empty() && !known.contains(&true)
    }
}

impl std::fmt::Display for ReleaseIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let version = self.version.iter().map(|version| format!("version {version}"));
        let parts: Vec<String> =
            version.chain(self.commit.iter().map(|commit| format!("commit {commit}"))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// One document of a chain of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Name of the requirement or component.
    pub(crate) name: String,
    /// Whether it counts: OK or FAIL.
    pub(crate) status: Status,
    /// Where it is, relative to the root.
    pub(crate) path: String,
    /// SHA-256 of the file; null where it could not be read.
    pub(crate) sha256: Option<String>,
    /// What it says that it is.
    pub(crate) schema: Option<String>,
    /// When it was made, as it says itself.
    pub(crate) made_at: Option<String>,
    /// When what it speaks of was last observed, as it says itself.
    pub(crate) observed_to: Option<String>,
    /// How old it was when it was judged, such as `2h 5m`; null where that is not known.
    pub(crate) age: Option<String>,
    /// Whether anything in it comes from a simulation, or it does not say so clearly.
    pub(crate) simulated: bool,
    /// Whether it was made under a frozen clock.
    pub(crate) frozen: bool,
    /// Version of the mmops that made it.
    pub(crate) version: Option<String>,
    /// Commit of the mmops that made it.
    pub(crate) commit: Option<String>,
    /// What was observed, as it says itself.
    pub(crate) subject: Option<String>,
    /// The plan that it was made by, a file or `built-in ...`, as it says itself.
    pub(crate) plan: Option<String>,
    /// Why it does not count; empty when it does.
    pub(crate) reasons: Vec<String>,
}

impl Entry {
    /// The entry of a document that nothing speaks against yet, and its header.
    pub(crate) fn of(name: &str, path: &str, found: &Found) -> (Self, Option<Header>) {
        let blank = |sha256, reason| Self {
            name: name.to_owned(),
            status: Status::Fail,
            path: path.to_owned(),
            sha256,
            schema: None,
            made_at: None,
            observed_to: None,
            age: None,
            simulated: false,
            frozen: false,
            version: None,
            commit: None,
            subject: None,
            plan: None,
            reasons: vec![reason],
        };
        let document = match found {
            Ok(document) => document,
            Err(reason) => return (blank(None, reason.clone()), None),
        };
        match Header::read(&document.content) {
            Ok(header) => {
                let entry = blank(Some(document.sha256.clone()), String::new());
                let plan = document.content.get("plan").and_then(Value::as_str).map(str::to_owned);
                (Self { plan, ..entry.judged(Vec::new()).with_header(&header) }, Some(header))
            }
            Err(reason) => {
                let entry = blank(Some(document.sha256.clone()), format!("`{path}`: {reason}"));
                (Self { simulated: true, ..entry }, None)
            }
        }
    }

    fn with_header(self, header: &Header) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            schema: Some(header.schema.clone()).filter(|schema| !schema.is_empty()),
            made_at: time(header.made_at),
            observed_to: time(header.observed_to),
            simulated: header.simulated,
            frozen: header.clock == ClockKind::Frozen,
            version: header.version.clone(),
            commit: header.commit.clone(),
            subject: header.subject.clone(),
            ..self
        }
    }

    /// The same with what speaks against it.
    #[must_use]
    pub(crate) fn judged(self, reasons: Vec<String>) -> Self {
        Self { status: Outcome::of_refusals(&reasons).status(), reasons, ..self }
    }

    /// The same with one more reason against it, where there is one.
    #[must_use]
    pub(crate) fn also(self, reasons: impl IntoIterator<Item = String>) -> Self {
        let reasons = self.reasons.iter().cloned().chain(reasons).collect();
        self.judged(reasons)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of_refusals(&self.reasons)
    }

    /// The row of a table; a document that only counts because it was asked for is a warning.
    pub(crate) fn row(&self) -> Row {
        let is_doubtful = self.outcome().is_yes() && self.simulated;
        let outcome = if is_doubtful { Outcome::Warn } else { self.outcome() };
        let doubt = is_doubtful.then(|| format!("`{}` is simulated, which was allowed", self.path));
        Row::new(&self.name, outcome).field("artifact", &self.path).reasons(&self.reasons).reasons(doubt)
    }
}
