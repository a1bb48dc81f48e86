//! A notification, and how each channel writes it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) const SCHEMA: &str = "mmops.notification.v1";

/// Most characters of a `PagerDuty` summary, and of its key.
const SUMMARY_CHARS: usize = 1024;
const KEY_CHARS: usize = 255;
/// Most lines of a text for people.
const TEXT_LINES: usize = 20;
/// Most bytes of a notification that goes through the environment of a program, whose variables the kernel bounds.
const ENVIRONMENT_BYTES: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    /// Something needs somebody.
    Trigger,
    /// It does not any more.
    Resolve,
}

/// As `PagerDuty` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Urgency {
    Info,
    Warning,
    Critical,
}

/// A notification; as JSON it is what `http` posts and a `command` finds in `MMOPS_NOTIFICATION`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Notification {
    pub(crate) schema: &'static str,
    /// The command that sends it, and the machine that it runs on.
    pub(crate) source: String,
    pub(crate) event: Event,
    /// The same for all notifications of one matter.
    pub(crate) key: String,
    pub(crate) title: String,
    /// Each thing that is wrong.
    pub(crate) lines: Vec<String>,
    pub(crate) urgency: Urgency,
    #[schemars(with = "String")]
    pub(crate) at: Timestamp,
    /// Of which clock `at` is; a frozen one is of a rehearsal.
    pub(crate) clock: &'static str,
    /// More, for programs.
    pub(crate) details: Value,
}

impl Notification {
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data serialises")
    }

    /// The same within what an environment takes.
    pub(super) fn json_for_environment(&self) -> String {
        let whole = self.json();
        if whole.len() <= ENVIRONMENT_BYTES {
            return whole;
        }
        let lines = shortened(&self.lines);
        Self { lines, details: json!({"left_out": "it is too large for an environment"}), ..self.clone() }
            .json()
    }

    pub(super) fn slack(&self) -> Value {
        // What would be a link, a mention or an entity there.
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let lines: String =
            shortened(&self.lines).iter().map(|line| format!("\n\u{2022} {}", escaped(line))).collect();
        json!({"text": format!("*{}*{lines}", escaped(&self.title))})
    }

    pub(super) fn pagerduty(&self, routing_key: &str) -> Value {
        let dedup_key: String = self.key.chars().take(KEY_CHARS).collect();
        match self.event {
            Event::Resolve => {
                json!({"routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key})
            }
            Event::Trigger => json!({
                "routing_key": routing_key,
                "event_action": "trigger",
                "dedup_key": dedup_key,
                "client": "mmops",
                "payload": {
                    "summary": self.title.chars().take(SUMMARY_CHARS).collect::<String>(),
                    "source": self.source,
                    "severity": self.urgency,
                    "timestamp": self.at.to_string(),
                    "custom_details": {"lines": shortened(&self.lines), "clock": self.clock},
                },
            }),
        }
    }
}

fn shortened(lines: &[String]) -> Vec<String> {
    let mut kept: Vec<String> =
        lines.iter().take(TEXT_LINES).map(|line| line.chars().take(500).collect()).collect();
    if lines.len() > TEXT_LINES {
        kept.push(format!("and {} more", lines.len() - TEXT_LINES));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_takes_what_it_is_given() {
        let mut notification = Notification {
            schema: SCHEMA,
            source: "s".to_owned(),
            event: Event::Trigger,
            key: "k".repeat(400),
            title: "<!channel> & t".repeat(200),
            lines: (0..30).map(|n| format!("l{n}")).collect(),
            urgency: Urgency::Warning,
            at: Timestamp::UNIX_EPOCH,
            clock: "system",
            details: json!({"x": "y".repeat(200_000)}),
        };
        let slack = notification.slack()["text"].as_str().expect("a text").to_owned();
        assert!(slack.starts_with("*&lt;!channel&gt; &amp; t") && slack.ends_with("\u{2022} and 10 more"));
        let event = notification.pagerduty("r");
        assert_eq!(event["dedup_key"].as_str().map(str::len), Some(KEY_CHARS));
        assert_eq!(
            event["payload"]["summary"].as_str().map(|text| text.chars().count()),
            Some(SUMMARY_CHARS)
        );
        assert_eq!(event["payload"]["severity"], "warning");
        assert!(
            notification.json().len() > 200_000
                && notification.json_for_environment().len() < ENVIRONMENT_BYTES
        );
        notification.event = Event::Resolve;
        assert!(notification.pagerduty("r").get("payload").is_none());
    }
}
