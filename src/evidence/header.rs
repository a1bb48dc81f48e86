//! What a document says of its own making: by which program, when, by which clock, and of what it speaks.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::report::maker::{ClockKind, Maker};
use crate::report::{Report, SIMULATED};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Names of the header's fields; a document may have none of its own under these.
pub(crate) const FIELDS: [&str; 9] = [
    "schema",
    "version",
    "commit",
    "made_at",
    "clock",
    "simulated",
    "observed_from",
    "observed_to",
    "subject",
];

/// The evidence header, the same fields at the top level of every document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Header {
    /// `mmops.<document>.v<n>`
    pub(crate) schema: String,
    /// Version of mmops; none in a document from before there was a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(crate) version: Option<String>,
    /// Commit that mmops was built from; null where the build was not told.
    pub(crate) commit: Option<String>,
    /// When the document was made, RFC 3339 UTC, whole seconds; none in one from before there was a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub(crate) made_at: Option<Timestamp>,
    /// The clock behind `made_at`.
    pub(crate) clock: ClockKind,
    /// Whether anything in it comes from a simulation.
    pub(crate) simulated: bool,
    /// When what was observed began, RFC 3339 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) observed_from: Option<Timestamp>,
    /// When it ended; the age of the document is counted from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) observed_to: Option<Timestamp>,
    /// Version, commit or configuration hash of what was observed, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
}

impl Header {
    pub(crate) fn new(schema: impl Into<String>, maker: Maker) -> Self {
        Self {
            schema: schema.into(),
            version: Some(maker.version.to_owned()),
            commit: maker.commit.map(str::to_owned),
            made_at: Some(whole_seconds(maker.made_at())),
            clock: maker.clock,
            ..Self::default()
        }
    }

    /// The same header for another document of the run.
    pub(crate) fn with_schema(&self, schema: &str) -> Self {
        Self { schema: schema.to_owned(), ..self.clone() }
    }

    /// The same header with the time that a document from before there was one keeps elsewhere.
    #[must_use]
    pub(crate) fn or_made_at(self, time: Timestamp) -> Self {
        Self { made_at: self.made_at.or(Some(time)), ..self }
    }

    #[must_use]
    pub(crate) fn simulated(self, simulated: bool) -> Self {
        Self { simulated, ..self }
    }

    #[must_use]
    pub(crate) fn observed(self, observed: Option<(Timestamp, Timestamp)>) -> Self {
        let (observed_from, observed_to) = observed.unzip();
        Self { observed_from, observed_to, ..self }
    }

    #[must_use]
    pub(crate) fn about(self, subject: Option<String>) -> Self {
        Self { subject, ..self }
    }

    /// Whether it proves nothing about a service: what is simulated does not, nor what was made under a clock other
    /// than the system's.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.simulated || self.clock != ClockKind::System
    }

    pub(crate) fn observation(&self) -> Option<(Timestamp, Timestamp)> {
        self.observed_from.zip(self.observed_to)
    }

    /// Reads what a document says. One that has no header, because it is older or another program's, is read
    /// by the fields that such documents have: `clock` and `simulated`. Its age is told from elsewhere.
    ///
    /// # Errors
    /// When a field of the header holds something else than it must, or a header of ours lacks one.
    pub(crate) fn read(document: &Value) -> Result<Self, String> {
        document
            .as_object()
            .ok_or("the document is not a JSON object")
            .map_err(str::to_owned)
            .and_then(Self::of_fields)
    }

    /// The same of a document whose fields are at hand.
    pub(crate) fn of_fields(document: &Map<String, Value>) -> Result<Self, String> {
        Fields::deserialize(document).map_err(|error| error.to_string())?.header()
    }

    /// The fields as they stand at the top level of a document.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            other => unreachable!("a header is an object, not {other:?}"),
        }
    }

    /// The header of what is made of this and another part: as old as the older, and what is wrong with the
    /// clock of one is wrong with the whole. A part without a time leaves the whole without one.
    #[must_use]
    pub(crate) fn joined(self, part: &Self) -> Self {
        Self {
            made_at: self.made_at.zip(part.made_at).map(|(one, other)| one.min(other)),
            clock: self.clock.max(part.clock),
            simulated: self.simulated || part.simulated,
            ..self
        }
    }
}

/// Puts the header into a report that has none yet: what was written of it says the same of its making as what
/// is printed.
pub(crate) fn stamp(report: &mut Report, maker: Maker) {
    if report.is_stamped() {
        return;
    }
    let mut header = Header::new(report.schema(), maker);
    header.clock = header.clock.max(report.clock());
    let mut fields = header.simulated(report.is_simulated()).observed(report.observation()).fields();
    fields.insert("generated_at".to_owned(), whole_seconds(maker.stamp).to_string().into());
    report.stamp(fields);
    if maker.clock == ClockKind::Frozen {
        report.warn("clock", frozen_clock(&maker));
    } else if report.clock() == ClockKind::Frozen {
        report.warn("clock", FROZEN.to_owned());
    }
    if report.is_simulated() {
        report.warn(SIMULATED, "it rests on a simulation and proves nothing about a service".to_owned());
    }
}

/// What is to be known of everything that rests on what was made under a frozen clock.
pub(crate) const FROZEN: &str =
    "it rests on a run under a frozen clock, whose times tell no age: it is no evidence";

/// What is to be known of everything that is made under a frozen clock.
pub(crate) fn frozen_clock(maker: &Maker) -> String {
    format!("the clock is frozen at {}: what is made by it is no evidence under a running one", maker.now)
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The fields as they stand in a document, unread; a null counts as missing except where `present` keeps it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    schema: Option<Value>,
    version: Option<Value>,
    commit: Option<Value>,
    #[serde(deserialize_with = "present")]
    made_at: Option<Value>,
    clock: Option<Value>,
    #[serde(deserialize_with = "present")]
    simulated: Option<Value>,
    observed_from: Option<Value>,
    observed_to: Option<Value>,
    subject: Option<Value>,
}

/// A time in a document beside its header; for `deserialize_with`.
pub(crate) fn time_field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
}

/// A field that is there, be it null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer)?.header().map_err(D::Error::custom)
    }
}

impl Fields {
    fn header(self) -> Result<Header, String> {
        let schema = self.schema.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_complete = schema.starts_with("mmops.") && self.made_at.is_some();
        let clock = match self.clock {
            None | Some(Value::Null) => None,
            Some(found) => match ClockKind::deserialize(&found) {
                Ok(clock) => Some(clock),
                Err(_) => return Err(format!("clock is {found}, not system, frozen or stamped")),
            },
        };
        let simulated = match self.simulated {
            None => None,
            Some(Value::Bool(simulated)) => Some(simulated),
            Some(found) => return Err(format!("simulated is {found}, not a boolean")),
        };
        if !is_complete {
            let (clock, simulated) = (clock.unwrap_or_default(), simulated.unwrap_or_default());
            return Ok(Header { schema, clock, simulated, ..Header::default() });
        }
        let missing = |name: &str| format!("the evidence header has no {name}");
        let header = Header {
            schema,
            version: Some(text("version", self.version)?.ok_or_else(|| missing("version"))?),
            commit: text("commit", self.commit)?,
            made_at: time("made_at", self.made_at)?,
            clock: clock.ok_or_else(|| missing("clock"))?,
            simulated: simulated.ok_or_else(|| missing("simulated"))?,
            observed_from: time("observed_from", self.observed_from)?,
            observed_to: time("observed_to", self.observed_to)?,
            subject: text("subject", self.subject)?,
        };
        match (header.made_at, header.observed_from, header.observed_to) {
            (None, _, _) => Err(missing("made_at")),
            (_, Some(from), Some(to)) if from > to => Err("observed_to lies before observed_from".to_owned()),
            _ => Ok(header),
        }
    }
}

fn text(name: &str, found: Option<Value>) -> Result<Option<String>, String> {
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(found) => Err(format!("{name} is {found}, not text")),
    }
}

fn time(name: &str, found: Option<Value>) -> Result<Option<Timestamp>, String> {
    let parse = |text: String| text.parse().map_err(|_| format!("{name} is `{text}`, not an RFC 3339 time"));
    text(name, found)?.map(parse).transpose()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    pub(crate) fn header(clock: ClockKind, made_at: &str) -> Header {
        let now = at(made_at);
        let maker = Maker { version: "1.2.3", commit: Some("c0ffee"), now, stamp: now, clock };
        Header::new("mmops.test.v1", maker)
    }

    #[test]
    fn a_header_reads_back_as_it_was_written() {
        let observed = Some((at("2026-03-09T00:00:00Z"), at("2026-03-10T00:00:00.5Z")));
        let mut written =
            header(ClockKind::Stamped, "2026-03-10T12:00:00.9Z").simulated(true).observed(observed);
        written.subject = Some("v7".to_owned());
        let document = serde_json::to_value(&written).expect("plain data");
        assert_eq!(document["made_at"], "2026-03-10T12:00:00Z");
        let names: Vec<&str> = document.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut fields = FIELDS;
        fields.sort_unstable();
        assert_eq!(names, fields);
        assert_eq!(Header::read(&document), Ok(written));
    }

    #[test]
    fn a_document_without_a_header_is_read_by_its_old_fields() {
        for (document, clock, simulated) in [
            (json!({}), ClockKind::System, false),
            (json!({"clock": null, "version": 7, "made_at": "yesterday"}), ClockKind::System, false),
            (
                json!({"schema": "mmops.soak-plan.v1", "clock": "frozen", "simulated": true}),
                ClockKind::Frozen,
                true,
            ),
        ] {
            let header = Header::read(&document).expect("read");
            assert_eq!(
                (header.clock, header.simulated, header.made_at),
                (clock, simulated, None),
                "{document}"
            );
        }
    }

    #[test]
    fn what_is_no_value_of_a_field_is_refused_by_its_name() {
        let whole =
            serde_json::to_value(header(ClockKind::System, "2026-03-10T12:00:00Z")).expect("plain data");
        for (field, value, part) in [
            ("version", json!(null), "has no version"),
            ("commit", json!(7), "commit is 7"),
            ("made_at", json!(null), "has no made_at"),
            ("made_at", json!("noon"), "made_at is `noon`"),
            ("clock", json!(null), "has no clock"),
            ("clock", json!("slow"), "clock is \"slow\""),
            ("simulated", json!(null), "simulated is null"),
            ("simulated", json!("no"), "simulated is \"no\""),
            ("observed_to", json!(0), "observed_to is 0"),
            ("subject", json!([]), "subject is []"),
        ] {
            let mut document = whole.clone();
            document[field] = value;
            assert!(Header::read(&document).expect_err(field).contains(part), "{field}");
        }
        for field in ["version", "clock", "simulated"] {
            let mut document = whole.clone();
            document.as_object_mut().expect("an object").remove(field);
            assert_eq!(Header::read(&document), Err(format!("the evidence header has no {field}")));
        }
        let mut turned = whole;
        turned["observed_from"] = json!("2026-03-10T00:00:00Z");
        turned["observed_to"] = json!("2026-03-09T00:00:00Z");
        assert_eq!(Header::read(&turned), Err("observed_to lies before observed_from".to_owned()));
        for foreign in [json!([]), json!({"simulated": null}), json!({"clock": "fake"})] {
            assert!(Header::read(&foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn the_whole_is_as_old_as_its_oldest_part_and_as_doubtful_as_the_worst() {
        let (early, late) = ("2026-03-10T09:00:00Z", "2026-03-10T10:00:00Z");
        let frozen = header(ClockKind::Frozen, late);
        let whole = frozen.joined(&header(ClockKind::System, early).simulated(true));
        assert_eq!((whole.made_at, whole.clock, whole.simulated), (Some(at(early)), ClockKind::Frozen, true));
        let whole = whole.joined(&header(ClockKind::Stamped, late));
        assert_eq!((whole.made_at, whole.clock), (Some(at(early)), ClockKind::Stamped));
        let untold = Header { made_at: None, ..whole.clone() };
        assert_eq!(whole.joined(&untold).made_at, None);
        assert_eq!(untold.or_made_at(at(late)).made_at, Some(at(late)));
    }
}
