//! The rollback policy as a release needs it: what a person would type to do each of its actions.
//!
//! Only the parts that the plan is made from are read; the whole policy is the watcher's to check.

use super::shell;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the policy is.
pub const PATH: &str = "deploy/policies/rollback.yaml";

/// The policy.
#[derive(Clone, Debug, Deserialize)]
pub struct Policy {
    /// What happens on a trip.
    pub auto_rollback: AutoRollback,
    /// How each type of action is carried out.
    #[serde(default)]
    pub executors: BTreeMap<String, Executor>,
}

/// Actions and what proves them.
#[derive(Clone, Debug, Deserialize)]
pub struct AutoRollback {
    /// In this order.
    pub actions: Vec<Action>,
    /// What must hold afterwards.
    pub verification: Verification,
}

/// One action.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// Such as `scale_strategy`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Parameters, for the executor's placeholders.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
}

/// What must hold afterwards.
#[derive(Clone, Debug, Deserialize)]
pub struct Verification {
    /// Checks, each with its own deadline.
    pub checks: Vec<Condition>,
}

/// A condition on a metric.
#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    /// Name of the metric.
    pub metric: String,
    /// What must hold, such as `== 0`.
    pub condition: String,
    /// Seconds until it must.
    pub timeout_seconds: u64,
}

/// One way to carry out an action.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Executor {
    /// A program and its arguments.
    pub exec: Option<Vec<String>>,
    /// A request.
    pub http: Option<Http>,
    /// A file to write.
    pub file: Option<FileWrite>,
    /// A signal to send.
    pub signal: Option<SignalTo>,
    /// A deployment to scale.
    pub kubernetes: Option<Kubernetes>,
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    #[serde(default)]
    method: Option<String>,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
}

/// A file to write.
#[derive(Clone, Debug, Deserialize)]
pub struct FileWrite {
    path: String,
    content: Value,
}

/// A signal to send.
#[derive(Clone, Debug, Deserialize)]
pub struct SignalTo {
    pid_file: String,
    signal: String,
}

/// A deployment to scale.
#[derive(Clone, Debug, Deserialize)]
pub struct Kubernetes {
    deployment: String,
    #[serde(default)]
    namespace: Option<String>,
    replicas: u32,
}

impl Policy {
    /// What a plan could not be made from.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.auto_rollback.actions.is_empty() {
            problems.push("auto_rollback.actions is empty".to_owned());
        }
        if self.auto_rollback.verification.checks.is_empty() {
            problems.push(
                "auto_rollback.verification.checks is empty, so nothing would prove a rollback".to_owned(),
            );
        }
        let without = self.auto_rollback.actions.iter().filter(|action| self.command(action).is_none());
        problems
            .extend(without.map(|action| format!("no executor says how `{}` is carried out", action.kind)));
        problems
    }

    /// What a person types to do `action`.
    pub fn command(&self, action: &Action) -> Option<String> {
        let executor = self.executors.get(&action.kind)?;
        let filled = |text: &str| {
            action.params.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), &plain(value))
            })
        };
        if let Some(argv) = executor.exec.as_ref().filter(|argv| !argv.is_empty()) {
            let words: Vec<String> = argv.iter().map(|word| filled(word)).collect();
            return Some(shell::line(words.iter().map(String::as_str)));
        }
        if let Some(http) = &executor.http {
            let mut words =
                vec!["curl", "--fail", "--silent", "--show-error", "--max-time", "10", "--request"];
            let method = http.method.clone().unwrap_or_else(|| "POST".to_owned());
            words.push(&method);
            let headers: Vec<String> =
                http.headers.iter().map(|(name, value)| format!("{name}: {}", filled(value))).collect();
            for header in &headers {
                words.extend(["--header", header]);
            }
            let body = http.body.as_ref().map(|body| filled(&plain(body)));
            if let Some(body) = &body {
                words.extend(["--data", body]);
            }
            let url = filled(&http.url);
            words.push(&url);
            return Some(shell::line(words));
        }
        if let Some(file) = &executor.file {
            let (path, content) = (shell::quoted(&file.path), shell::quoted(&filled(&plain(&file.content))));
            let new = shell::quoted(&format!("{}.new", file.path));
            return Some(format!("printf '%s' {content} > {new} && mv {new} {path}"));
        }
        if let Some(signal) = &executor.signal {
            let (name, pid) = (shell::quoted(&signal.signal), shell::quoted(&signal.pid_file));
            return Some(format!("kill -s {name} \"$(cat {pid})\""));
        }
        let kubernetes = executor.kubernetes.as_ref()?;
        let (deployment, replicas) =
            (format!("deployment/{}", kubernetes.deployment), format!("--replicas={}", kubernetes.replicas));
        let mut words = vec!["kubectl"];
        if let Some(namespace) = &kubernetes.namespace {
            words.extend(["--namespace", namespace]);
        }
        words.extend(["scale", &deployment, &replicas]);
        Some(shell::line(words))
    }
}

/// A value as text, without the quotes of JSON around a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
