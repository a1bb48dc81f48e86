//! Notifies people and programs of what was found: a command, an HTTP address, Slack, `PagerDuty`. Each has its time,
//! its attempts and its waits between them; secrets are read from files when they are needed, and what comes back is
//! shown without them. What could not be delivered is an answer of its own and nobody's verdict.

pub(crate) mod config;
pub(crate) mod delivery;
pub(crate) mod message;

use self::config::{Channel, Target};
use self::delivery::{Delivery, DeliveryState};
use self::message::{Event, Notification};
use super::outcome::StepEnd;
use super::step::{StepCommand, StepRunner};
use crate::format::text;
use crate::net::http::{Auth, HttpClient, HttpError, HttpSettings, Request, Secret, Url};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use crate::sys::signal::Cancel;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No wait between two attempts is longer, whatever the other side asks for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Bytes of an answer that are read.
const ANSWER_BYTES: u64 = 64 << 10;

/// What came of one attempt.
enum Attempt {
    Done,
    /// It may come through another time, after a wait that the other side may ask for.
    Again(String, Option<Duration>),
    Never(String),
}

/// Notifies its targets.
pub(crate) struct Notifier<'a> {
    targets: Vec<Target>,
    root: &'a Path,
    clock: &'a Clock,
    cancel: &'a Cancel,
}

impl<'a> Notifier<'a> {
    /// # Errors
    /// When an address of the configuration is none. Secrets are looked at later, and missing ones are in
    /// the report.
    pub(crate) fn new(
        targets: Vec<Target>,
        root: &'a Path,
        clock: &'a Clock,
        cancel: &'a Cancel,
    ) -> Result<Self, Fault> {
        for target in &targets {
            match &target.channel {
                Channel::Http { url, .. } | Channel::PagerDuty { url, .. } => {
                    Url::parse(url)?;
                }
                Channel::Command(_) | Channel::Slack { .. } => {}
            }
        }
        Ok(Self { targets, root, clock, cancel })
    }

    /// Notifies every target that wants it, one after another. Without a notification each is asked whether it could
    /// be: a secret that is missing is not first noticed when it is needed.
    pub(crate) fn send(&self, notification: Option<&Notification>) -> Vec<Delivery> {
        self.targets.iter().map(|target| self.deliver(target, notification)).collect()
    }

    /// The same for those whom it did not reach before.
    pub(crate) fn send_again(
        &self,
        notification: Option<&Notification>,
        before: &[Delivery],
    ) -> Vec<Delivery> {
        let again = |target: &Target| match before.iter().find(|delivery| delivery.name == target.name) {
            Some(delivery) if delivery.state != DeliveryState::Failed => delivery.clone(),
            Some(_) | None => self.deliver(target, notification),
        };
        self.targets.iter().map(again).collect()
    }

    fn deliver(&self, target: &Target, notification: Option<&Notification>) -> Delivery {
        let delivery = |state, attempts, reason: Option<String>| Delivery {
            name: target.name.clone(),
            channel: target.channel.as_str().to_owned(),
            state,
            attempts,
            reason: reason.map(|reason| text::redacted(&reason).into_owned()),
        };
        let line = match Line::prepare(target, self.root) {
            Ok(line) => line,
            Err(reason) => return delivery(DeliveryState::Failed, 0, Some(reason)),
        };
        let wanted =
            notification.filter(|notification| notification.event == Event::Trigger || target.wants_resolved);
        let Some(notification) = wanted else { return delivery(DeliveryState::Idle, 0, None) };
        let mut wait = target.backoff;
        let mut failures: Vec<String> = Vec::new();
        loop {
            let attempts = u32::try_from(failures.len()).unwrap_or(u32::MAX).saturating_add(1);
            let (reason, asked) = match self.attempt(&line, target, notification) {
                Attempt::Done => {
                    let before = (!failures.is_empty()).then(|| failures.join("; "));
                    return delivery(DeliveryState::Delivered, attempts, before);
                }
                Attempt::Never(reason) => (reason, None),
                Attempt::Again(reason, asked) => (reason, Some(asked)),
            };
            let reason = line.without_secrets(&reason);
            tracing::debug!("notify {}: {reason}", target.name);
            failures.push(reason);
            let is_last = failures.len() > usize::from(target.retries) || self.cancel.signal().is_some();
            let Some(asked) = asked.filter(|_| !is_last) else {
                failures.dedup();
                return delivery(DeliveryState::Failed, attempts, Some(failures.join("; ")));
            };
            self.clock.sleep(asked.map_or(wait, |asked| asked.max(wait)).min(LONGEST_WAIT), self.cancel);
            wait = wait.saturating_mul(2);
        }
    }

    fn attempt(&self, line: &Line<'_>, target: &Target, notification: &Notification) -> Attempt {
        match line {
            Line::Command(argv) => self.run(argv, target, notification),
            Line::Http { client, url, secret, channel } => {
                let body = match channel {
                    Channel::Slack { .. } => notification.slack().to_string(),
                    Channel::PagerDuty { .. } => {
                        notification.pagerduty(secret.as_ref().map_or("", Secret::reveal)).to_string()
                    }
                    Channel::Http { .. } | Channel::Command(_) => notification.json(),
                };
                post(client, url, &body)
            }
        }
    }

    fn run(&self, argv: &[String], target: &Target, notification: &Notification) -> Attempt {
        let env = BTreeMap::from([
            ("MMOPS_NOTIFICATION".to_owned(), notification.json_for_environment()),
            ("MMOPS_KEY".to_owned(), notification.key.clone()),
        ]);
        let runner = match StepRunner::new(self.clock, self.cancel, None) {
            Ok(runner) => runner,
            Err(fault) => return Attempt::Never(fault.to_string()),
        };
        let step = StepCommand {
            argv,
            dir: self.root.to_owned(),
            env: &env,
            timeout: target.timeout,
            retries: 0,
            allow_fail: None,
            log: None,
        };
        match runner.run(&target.name, &step).end {
            StepEnd::Passed | StepEnd::Warned(_) => Attempt::Done,
            StepEnd::Failed(reason) | StepEnd::Excused(reason) => Attempt::Again(reason, None),
            StepEnd::Unknown(reason) => Attempt::Never(reason),
        }
    }
}

fn post(client: &HttpClient, url: &Url, body: &str) -> Attempt {
    match client.send(url, "", Request::Post("application/json", body.as_bytes())) {
        Ok(response) if (200..300).contains(&response.status) => Attempt::Done,
        Ok(response) => {
            let reason = format!("HTTP {}: {}", response.status, response.excerpt());
            match response.status {
                408 | 425 | 429 | 500.. => Attempt::Again(reason, response.retry_after),
                _ => Attempt::Never(reason),
            }
        }
        Err(error) => match error {
            HttpError::Connect(_) | HttpError::Timeout(_) => Attempt::Again(error.to_string(), None),
            // It was taken, whatever the rest of the answer says.
            HttpError::TooLarge { .. } => Attempt::Done,
            HttpError::Tls(_) | HttpError::Credentials(_) | HttpError::Protocol(_) => {
                Attempt::Never(error.to_string())
            }
        },
    }
}

/// A target with all that it takes to reach it.
enum Line<'a> {
    Command(&'a [String]),
    Http { client: HttpClient, url: Url, secret: Option<Secret>, channel: &'a Channel },
}

impl<'a> Line<'a> {
    fn prepare(target: &'a Target, root: &Path) -> Result<Self, String> {
        let channel = &target.channel;
        let full = |path: &PathBuf| root.join(path);
        let read = |path: &PathBuf| Secret::read(&full(path)).map_err(|fault| fault.to_string());
        let mut settings = HttpSettings {
            connect_timeout: target.timeout,
            timeout: target.timeout,
            max_body_bytes: ANSWER_BYTES,
            ..HttpSettings::default()
        };
        let (url, secret) = match channel {
            Channel::Command(argv) => return Ok(Self::Command(argv)),
            Channel::Http { url, token_file, headers_file } => {
                let secret = token_file.as_ref().map(read).transpose()?;
                settings.headers_file = headers_file.as_ref().map(full);
                (Url::parse(url), secret)
            }
            Channel::Slack { webhook_file } => {
                let secret = read(webhook_file)?;
                // What is wrong with the address must not show it.
                let url = Url::parse(secret.reveal())
                    .map_err(|_| Fault::config(format!("`{}` holds no address", webhook_file.display())));
                (url, Some(secret))
            }
            Channel::PagerDuty { url, routing_key_file } => (Url::parse(url), Some(read(routing_key_file)?)),
        };
        let (url, auth) = url.map_err(|fault| fault.to_string())?;
        settings.auth = match (channel, &secret) {
            (Channel::Http { .. }, Some(token)) => Auth::Bearer(token.clone()),
            _ => auth,
        };
        let client = HttpClient::new(&settings).map_err(|fault| fault.to_string())?;
        Ok(Self::Http { client, url, secret, channel })
    }

    /// What the other side says may repeat what it was sent.
    fn without_secrets(&self, text: &str) -> String {
        match self {
            Self::Command(_) | Self::Http { secret: None, .. } => text.to_owned(),
            Self::Http { secret: Some(secret), .. } => {
                let secret = secret.reveal();
                // Of an address the other side knows the path alone.
                let path =
                    secret.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
                let text = text.replace(secret, "***");
                path.filter(|path| path.len() > 1).map_or(text.clone(), |path| text.replace(path, "***"))
            }
        }
    }
}
