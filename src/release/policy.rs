//! The rollback policy as a release needs it: what a person would type to do each of its actions.
//!
//! Only the parts that the plan is made from are read; the whole policy is the watcher's to check.

use super::{secret, shell};
use crate::format::text;
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
pub(crate) struct Executor {
    /// A program and its arguments.
    pub(crate) exec: Option<Vec<String>>,
    pub(crate) http: Option<Http>,
    pub(crate) file: Option<FileWrite>,
    pub(crate) signal: Option<SignalTo>,
    pub(crate) kubernetes: Option<Kubernetes>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
pub(crate) struct FileWrite {
    path: String,
    content: Value,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalTo {
    pid_file: String,
    signal: String,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
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
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let kinds = self.auto_rollback.actions.iter().map(|action| &action.kind);
        for kind in kinds.filter(|kind| kind.is_empty() || !kind.chars().all(is_name)) {
            problems.push(format!("`{}` is no type of an action", text::line(kind)));
        }
        let checks = self.auto_rollback.verification.checks.iter();
        for said in checks.flat_map(|check| [&check.metric, &check.condition]) {
            if said.trim().is_empty() || said.chars().any(|c| c == '\n' || text::is_active(c)) {
                problems.push(format!("`{}` of the verification is not one line of text", text::line(said)));
            }
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
    /// None where it says nothing.
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<Option<String>> {
        let Self { exec, http, file, signal, kubernetes } = self;
        let ways = [
            exec.as_ref().map(|argv| exec_command(argv, params)),
            http.as_ref().map(|http| http.command(params)),
            file.as_ref().map(|file| file.command(params)),
            signal.as_ref().map(|signal| signal.command(params)),
            kubernetes.as_ref().map(|kubernetes| kubernetes.command(params)),
        ];
        let mut ways = ways.into_iter().flatten();
        let first = ways.next().transpose()?;
        if ways.next().is_some() {
            bail!("it says several ways at once; one is needed");
        }
        Ok(first)
    }
}

fn exec_command(argv: &[String], params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
    let words: Vec<String> = argv.iter().map(|word| filled(word, params)).collect::<Result<_, _>>()?;
    let Some((program, arguments)) = words.split_first() else { bail!("exec is empty") };
    if program.is_empty() || program.starts_with('-') {
        bail!("exec begins with `{program}`, which is no program");
    }
    if let Some(what) = secret::in_arguments(arguments) {
        bail!("exec has what may be a secret, {what}; the plan is published: let the program read it itself");
    }
    Ok(shell::line(words.iter().map(String::as_str)))
}

impl FileWrite {
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
        let path = filled(&self.path, params)?;
        let content = filled_value(&self.content, params)?;
        refuse_secret("file.content", &content)?;
        let new = shell::quoted(&format!("{path}.new"));
        let (content, path) = (shell::quoted(&plain(&content)), shell::quoted(&path));
        Ok(format!("printf '%s' {content} > {new} && mv -- {new} {path}"))
    }
}

impl SignalTo {
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
        let (name, pid_file) = (filled(&self.signal, params)?, filled(&self.pid_file, params)?);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
        {
            bail!("signal is `{name}`, which is none");
        }
        Ok(format!("kill -s {name} \"$(cat -- {})\"", shell::quoted(&pid_file)))
    }
}

impl Kubernetes {
    fn command(&self, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
        let replicas = plain(&filled_value(&self.replicas, params)?);
        if replicas.parse::<u32>().is_err() {
            bail!("kubernetes.replicas is `{replicas}`, which is not a count");
        }
        let deployment = format!("deployment/{}", filled(&self.deployment, params)?);
        let namespace = self.namespace.as_ref().map(|namespace| filled(namespace, params)).transpose()?;
        let mut words = vec!["kubectl".to_owned()];
        words.extend(namespace.into_iter().flat_map(|namespace| ["--namespace".to_owned(), namespace]));
        words.extend(["scale".to_owned(), deployment, format!("--replicas={replicas}")]);
        Ok(shell::line(words.iter().map(String::as_str)))
    }
}

/// A text without line breaks, which would end a header or an address.
fn one_line(text: String) -> anyhow::Result<String> {
    if text.contains('\n') {
        bail!("`{}` has a line break", text::line(&text));
    }
    Ok(text)
}

fn refuse_secret(what: &str, value: &Value) -> anyhow::Result<()> {
    match secret::in_value(value) {
        Some(name) => bail!("{what} has what may be a secret, `{name}`, and the plan is published"),
        None => Ok(()),
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
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) {
                bail!("`{}` is no name of a header", text::line(name));
            }
            let header = match secret::variable(name) {
                Some(variable) => format!("{}\"${{{variable}:?}}\"", shell::quoted(&format!("{name}: "))),
                None => shell::quoted(&format!("{name}: {}", one_line(filled(value, params)?)?)),
            };
            line.push_str(&format!(" --header {header}"));
        }
        if let Some(body) = &self.body {
            let body = filled_value(body, params)?;
            refuse_secret("http.body", &body)?;
            let body = plain(&body);
            line.push_str(&format!(" --data-raw {}", shell::quoted(&body)));
        }
        let url = one_line(filled(&self.url, params)?)?;
        if let Some(what) = secret::in_url(&url) {
            bail!("http.url has what may be a secret, {what}; the plan is published: send it in a header");
        }
        line.push_str(&format!(" --url {}", shell::quoted(&url)));
        Ok(line)
    }
}

/// `template` with a parameter in the place of every `{name}`; what a parameter says is not filled again.
fn filled(template: &str, params: &BTreeMap<String, Value>) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = template;
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
    if let Some(c) = out.chars().find(|c| text::is_active(*c)) {
        bail!("`{}` has the character U+{:04X}", text::line(&out), u32::from(c));
    }
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
