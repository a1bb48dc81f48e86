//! Who is notified, as it is configured.

use crate::format::duration;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where `PagerDuty` takes events (Events API v2).
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

const TIMEOUT: Duration = Duration::from_secs(10);
const RETRIES: u8 = 3;
const BACKOFF: Duration = Duration::from_secs(1);

/// A recipient: a name, and one of `command`, `http`, `slack` and `pagerduty`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifyConfig {
    name: String,
    /// A program and its arguments; the notification is in `MMOPS_NOTIFICATION`, its key in `MMOPS_KEY`.
    command: Option<Vec<String>>,
    http: Option<HttpConfig>,
    slack: Option<SlackConfig>,
    pagerduty: Option<PagerDutyConfig>,
    /// Time of one attempt, 10s when left out.
    timeout: Option<String>,
    /// How often it is tried again, 3 when left out.
    retries: Option<u8>,
    /// The wait before the second attempt, 1s when left out; each wait after that is twice as long.
    backoff: Option<String>,
    /// Whether it is notified as well when all is well again; left out, `PagerDuty` is and the others are not.
    resolved: Option<bool>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Gets the notification as the body of a POST.
    url: String,
    /// Holds a bearer token.
    token_file: Option<PathBuf>,
    /// Holds further headers, a line each.
    headers_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlackConfig {
    /// Holds the address of an incoming webhook, which is a secret as a whole.
    webhook_file: PathBuf,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PagerDutyConfig {
    /// Holds the integration key of the service.
    routing_key_file: PathBuf,
    /// Another address of the Events API v2, such as that of the European region.
    url: Option<String>,
}

/// A recipient, checked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) timeout: Duration,
    pub(crate) retries: u8,
    pub(crate) backoff: Duration,
    pub(crate) wants_resolved: bool,
}

/// How it is notified.
#[derive(Clone, Debug)]
pub(crate) enum Channel {
    Command(Vec<String>),
    Http { url: String, token_file: Option<PathBuf>, headers_file: Option<PathBuf> },
    Slack { webhook_file: PathBuf },
    PagerDuty { url: String, routing_key_file: PathBuf },
}

impl Channel {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Http { .. } => "http",
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
        }
    }
}

/// Checks all of them; the error has all that is wrong.
pub(crate) fn check(configured: Vec<NotifyConfig>) -> Result<Vec<Target>, Vec<String>> {
    let (mut targets, mut faults): (Vec<Target>, Vec<String>) = (Vec::new(), Vec::new());
    for one in configured {
        let name = one.name.trim().to_owned();
        match one.check(&name) {
            Err(reason) => faults.push(format!("notify `{name}`: {reason}")),
            Ok(_) if targets.iter().any(|target| target.name == name) => {
                faults.push(format!("notify `{name}` is there twice"));
            }
            Ok(target) => targets.push(target),
        }
    }
    if faults.is_empty() { Ok(targets) } else { Err(faults) }
}

impl NotifyConfig {
    fn check(self, name: &str) -> Result<Target, String> {
        if name.is_empty() {
            return Err("it has no name".to_owned());
        }
        let channel = match (self.command, self.http, self.slack, self.pagerduty) {
            (Some(argv), None, None, None) => {
                if argv.first().is_none_or(|program| program.trim().is_empty()) {
                    return Err("its command has no program".to_owned());
                }
                Channel::Command(argv)
            }
            (None, Some(HttpConfig { url, token_file, headers_file }), None, None) => {
                Channel::Http { url, token_file, headers_file }
            }
            (None, None, Some(SlackConfig { webhook_file }), None) => Channel::Slack { webhook_file },
            (None, None, None, Some(PagerDutyConfig { routing_key_file, url })) => {
                Channel::PagerDuty { url: url.unwrap_or_else(|| PAGERDUTY.to_owned()), routing_key_file }
            }
            _ => return Err("it needs one of command, http, slack and pagerduty".to_owned()),
        };
        let positive = |name: &str, text: &Option<String>, default: Duration| {
            let Some(text) = text else { return Ok(default) };
            let duration = duration::parse(text).map_err(|error| format!("{name} `{text}`: {error}"))?;
            if duration.is_zero() {
                Err(format!("{name} `{text}` leaves no time at all"))
            } else {
                Ok(duration)
            }
        };
        let wants_resolved = self.resolved.unwrap_or(matches!(channel, Channel::PagerDuty { .. }));
        Ok(Target {
            name: name.to_owned(),
            channel,
            timeout: positive("timeout", &self.timeout, TIMEOUT)?,
            retries: self.retries.unwrap_or(RETRIES),
            backoff: positive("backoff", &self.backoff, BACKOFF)?,
            wants_resolved,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(configured: serde_json::Value) -> Result<Vec<Target>, Vec<String>> {
        check(serde_json::from_value(configured).expect("a configuration"))
    }

    #[test]
    fn each_recipient_has_one_channel_and_its_own_patience() {
        let targets = checked(json!([
            {"name": "a", "command": ["x"]},
            {"name": "b", "pagerduty": {"routing_key_file": "k"}, "timeout": "3s", "retries": 0, "backoff": "2s"},
        ]))
        .expect("two");
        assert_eq!((targets[0].timeout, targets[0].retries, targets[0].backoff), (TIMEOUT, RETRIES, BACKOFF));
        assert!(!targets[0].wants_resolved && targets[1].wants_resolved);
        assert!(matches!(&targets[1].channel, Channel::PagerDuty { url, .. } if url == PAGERDUTY));
        for configured in [
            json!([{"name": "", "command": ["x"]}]),
            json!([{"name": "a"}]),
            json!([{"name": "a", "command": []}]),
            json!([{"name": "a", "command": [" "]}]),
            json!([{"name": "a", "command": ["x"], "slack": {"webhook_file": "w"}}]),
            json!([{"name": "a", "command": ["x"], "timeout": "0s"}]),
            json!([{"name": "a", "command": ["x"], "backoff": "soon"}]),
            json!([{"name": "a", "command": ["x"]}, {"name": "a", "command": ["y"]}]),
        ] {
            assert!(checked(configured.clone()).is_err(), "{configured}");
        }
    }
}
