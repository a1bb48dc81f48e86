//! The rollback policy as a release needs it: what a person would type to do each of its actions.
//!
//! Only the parts that the plan is made from are read; the whole policy is the watcher's to check.

use super::shell;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const PATH: &str = "deploy/policies/rollback.yaml";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Policy {
    /// What happens on a trip.
    pub(crate) auto_rollback: AutoRollback,
    /// How each type of action is carried out.
    #[serde(default)]
    pub(crate) executors: BTreeMap<String, Executor>,
}

/// Actions and what proves them.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct AutoRollback {
    /// In this order.
    pub(crate) actions: Vec<Action>,
    /// What must hold afterwards.
    pub(crate) verification: Verification,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Action {
    /// Such as `scale_strategy`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) description: String,
}

/// What must hold afterwards.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Verification {
    /// Checks, each with its own deadline.
    pub(crate) checks: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Condition {
    pub(crate) metric: String,
    /// What must hold, such as `== 0`.
    pub(crate) condition: String,
    /// Seconds until it must.
    pub(crate) timeout_seconds: u64,
}

/// One way to carry out an action.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
pub(crate) struct Executor {
    /// A program and its arguments.
    pub(crate) exec: Option<Vec<String>>,
    pub(crate) http: Option<Http>,
    pub(crate) file: Option<FileWrite>,
    pub(crate) signal: Option<SignalTo>,
    pub(crate) kubernetes: Option<Kubernetes>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Http {
    #[serde(default)]
    method: Option<String>,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct FileWrite {
    path: String,
    content: Value,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct SignalTo {
    pid_file: String,
    signal: String,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct Kubernetes {
    deployment: String,
    #[serde(default)]
    namespace: Option<String>,
    replicas: Value,
}

impl Policy {
    /// What a plan could not be made from.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.auto_rollback.actions.is_empty() {
            problems.push("auto_rollback.actions is empty".to_owned());
        }
        if self.auto_rollback.verification.checks.is_empty() {
            problems.push(
                "auto_rollback.verification.checks is empty, so nothing would prove a rollback".to_owned(),
            );
        }
        let unusable = self.auto_rollback.actions.iter().filter_map(|action| self.command(action).err());
        problems.extend(unusable.map(|error| format!("{error:#}")));
        problems
    }

    /// What a person types to do `action`, or why nobody can.
    pub(crate) fn command(&self, action: &Action) -> anyhow::Result<String> {
        let executor = self.executors.get(&action.kind);
        let command = executor.map(|executor| executor.command(&action.params)).transpose();
        let command = command.with_context(|| format!("executor of `{}`", action.kind))?;
        command.flatten().with_context(|| format!("no executor says how `{}` is carried out", action.kind))
    }
}

impl Executor {
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<Option<String>> {
        let fill = |text: &str| filled(text, params);
        if let Some(argv) = self.exec.as_ref().filter(|argv| !argv.is_empty()) {
            let words: Vec<String> = argv.iter().map(|word| fill(word)).collect::<Result<_, _>>()?;
            return Ok(Some(shell::line(words.iter().map(String::as_str))));
        }
        if let Some(http) = &self.http {
            return http.command(params).map(Some);
        }
        if let Some(file) = &self.file {
            let path = fill(&file.path)?;
            let content = shell::quoted(&plain(&filled_value(&file.content, params)?));
            let new = shell::quoted(&format!("{path}.new"));
            let path = shell::quoted(&path);
            return Ok(Some(format!("printf '%s' {content} > {new} && mv {new} {path}")));
        }
        if let Some(signal) = &self.signal {
            let (name, pid) = (fill(&signal.signal)?, fill(&signal.pid_file)?);
            let (name, pid) = (shell::quoted(&name), shell::quoted(&pid));
            return Ok(Some(format!("kill -s {name} \"$(cat {pid})\"")));
        }
        let Some(kubernetes) = &self.kubernetes else { return Ok(None) };
        let replicas = plain(&filled_value(&kubernetes.replicas, params)?);
        if replicas.parse::<u32>().is_err() {
            bail!("kubernetes.replicas is `{replicas}`, which is not a count");
        }
        let deployment = format!("deployment/{}", fill(&kubernetes.deployment)?);
        let namespace = kubernetes.namespace.as_ref().map(|namespace| fill(namespace)).transpose()?;
        let mut words = vec!["kubectl".to_owned()];
        words.extend(namespace.into_iter().flat_map(|namespace| ["--namespace".to_owned(), namespace]));
        words.extend(["scale".to_owned(), deployment, format!("--replicas={replicas}")]);
        Ok(Some(shell::line(words.iter().map(String::as_str))))
    }
}

impl Http {
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
        let method = filled(self.method.as_deref().unwrap_or("POST"), params)?;
        // What the policy says is taken as it is: no file behind a leading `@`, no range in the address.
        let fixed = [
            "curl",
            "--globoff",
            "--fail",
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--request",
            &method,
        ];
        let mut line = shell::line(fixed);
        for (name, value) in &self.headers {
            let header = match secret_variable(name) {
                Some(variable) => format!("{}\"${{{variable}:?}}\"", shell::quoted(&format!("{name}: "))),
                None => shell::quoted(&format!("{name}: {}", filled(value, params)?)),
            };
            line.push_str(&format!(" --header {header}"));
        }
        if let Some(body) = &self.body {
            let body = plain(&filled_value(body, params)?);
            line.push_str(&format!(" --data-raw {}", shell::quoted(&body)));
        }
        line.push_str(&format!(" {}", shell::quoted(&filled(&self.url, params)?)));
        Ok(line)
    }
}

/// The variable that a header's value is taken from when it may be a secret: the plan is published.
fn secret_variable(header: &str) -> Option<String> {
    let name = header.to_lowercase();
    let parts =
        ["auth", "cookie", "token", "secret", "passw", "credential", "api-key", "apikey", "access-key"];
    let is_secret = parts.iter().any(|part| name.contains(part));
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    is_secret.then(|| format!("HEADER_{}", header.chars().map(letter).collect::<String>()))
}

/// `text` with a parameter in the place of every `{name}`; what a parameter says is not filled again.
fn filled(text: &str, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = from[1..].split_once('}').map(|(name, _)| name);
        let name = name.filter(|name| !name.is_empty() && name.chars().all(is_letter));
        if let Some(name) = name {
            let value = params.get(name);
            let value = value.with_context(|| format!("no parameter of the action fills `{{{name}}}`"))?;
            out.push_str(&plain(value));
            rest = &from[name.len() + 2..];
        } else {
            out.push('{');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The same for every text in a value.
fn filled_value(value: &Value, params: &BTreeMap<String, Value>) -> anyhow::Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(filled(text, params)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled_value(item, params)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                anyhow::Ok((filled(name, params)?, filled_value(value, params)?))
            };
            Value::Object(fields.iter().map(field).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// A value as text, without the quotes of JSON around a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
