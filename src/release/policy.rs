//! The rollback policy as a release needs it: what a person would type to do each of its actions.
//!
//! Only the parts that the plan is made from are read; the whole policy is the watcher's to check.

use super::{secret, shell};
use crate::format::config::{self, Format};
use crate::format::node::{self, Node};
use crate::format::text;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(crate) const PATH: &str = "deploy/policies/rollback.yaml";

/// What an action may ask of an address.
const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];

/// What `kill` sends by name.
const SIGNALS: [&str; 10] = ["ABRT", "CONT", "HUP", "INT", "KILL", "QUIT", "STOP", "TERM", "USR1", "USR2"];

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
    /// Seconds after the actions until the first check.
    #[serde(default)]
    pub(crate) wait_seconds: u32,
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

/// What a plan could not be made from, and the keys that lead to it.
struct Problem<'a> {
    steps: Vec<Cow<'a, str>>,
    message: String,
}

/// The byte of a document where these keys lead, or as far as they do.
fn place(root: &Node, steps: &[Cow<'_, str>]) -> usize {
    let (mut node, mut at) = (root, root.at);
    for step in steps {
        let next = match &node.value {
            node::Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.text == *step).map(|(key, value)| (key.at, value))
            }
            node::Value::List(items) => {
                step.parse::<usize>().ok().and_then(|at| items.get(at)).map(|item| (item.at, item))
            }
            _ => None,
        };
        let Some(next) = next else { break };
        (at, node) = next;
    }
    at
}

/// A condition that a value can meet: a relation and a number.
fn is_condition(condition: &str) -> bool {
    let condition = condition.trim();
    let relations = ["==", "!=", ">=", "<=", ">", "<"];
    let limit = relations.iter().find_map(|relation| condition.strip_prefix(relation));
    limit.and_then(|limit| limit.trim().parse::<f64>().ok()).is_some_and(f64::is_finite)
}

impl Policy {
    /// What a plan could not be made from.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.found_problems().into_iter().map(|problem| problem.message).collect()
    }

    /// The same, each with its line in the text that the policy was read from, which is called `name`.
    pub(crate) fn problems_in(&self, text: &str, format: Format, name: &str) -> Vec<String> {
        let root = config::node(text, format).ok();
        let located = |problem: Problem<'_>| {
            let at = root.as_ref().map_or(0, |root| place(root, &problem.steps));
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            format!("{name}:{line}: {}", problem.message)
        };
        self.found_problems().into_iter().map(located).collect()
    }

    fn found_problems(&self) -> Vec<Problem<'_>> {
        let mut problems = Vec::new();
        let mut refuse = |steps: &[&'_ str], message: String| {
            let steps = steps.iter().map(|step| Cow::Owned((*step).to_owned())).collect();
            problems.push(Problem { steps, message });
        };
        if self.auto_rollback.actions.is_empty() {
            refuse(&["auto_rollback", "actions"], "auto_rollback.actions is empty".to_owned());
        }
        if self.auto_rollback.verification.checks.is_empty() {
            refuse(
                &["auto_rollback", "verification", "checks"],
                "auto_rollback.verification.checks is empty, so nothing would prove a rollback".to_owned(),
            );
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let is_one_line =
            |said: &str| !said.trim().is_empty() && !said.chars().any(|c| c == '\n' || text::is_active(c));
        for (at, action) in self.auto_rollback.actions.iter().enumerate() {
            let (at, kind) = (at.to_string(), &action.kind);
            let steps = ["auto_rollback", "actions", &at];
            if kind.is_empty() || !kind.chars().all(is_name) {
                refuse(&steps, format!("`{}` is no type of an action", text::line(kind)));
            }
            let description = action.description.trim();
            if !description.is_empty() && !is_one_line(description) {
                refuse(&steps, format!("description `{}` is not one line of text", text::line(description)));
            }
            if let Some(found) = secret::in_text(description) {
                refuse(
                    &steps,
                    format!("its description has what may be a secret, {found}, and the plan is published"),
                );
            }
            if let Err(error) = self.command(action) {
                let steps = if self.executors.contains_key(kind) { ["executors", kind, ""] } else { steps };
                refuse(&steps, format!("{error:#}"));
            }
        }
        for (at, check) in self.auto_rollback.verification.checks.iter().enumerate() {
            let at = at.to_string();
            let steps = ["auto_rollback", "verification", "checks", &at];
            for said in [&check.metric, &check.condition] {
                if !is_one_line(said) {
                    refuse(
                        &steps,
                        format!("`{}` of the verification is not one line of text", text::line(said)),
                    );
                }
                if let Some(found) = secret::in_text(said) {
                    refuse(
                        &steps,
                        format!(
                            "the verification has what may be a secret, {found}, and the plan is published"
                        ),
                    );
                }
            }
            if !is_condition(&check.condition) {
                let condition = text::line(&check.condition);
                refuse(&steps, format!("condition `{condition}` is no relation to a number, such as `== 0`"));
            }
            if check.timeout_seconds == 0 {
                refuse(&steps, "timeout_seconds is 0, so that nothing could be seen to hold".to_owned());
            }
        }
        problems
    }

    /// What a person types to do `action`, or why nobody can.
    pub(crate) fn command(&self, action: &Action) -> anyhow::Result<String> {
        let executor = self.executors.get(&action.kind);
        let command = executor.map(|executor| executor.command(&action.params)).transpose();
        let command = command.with_context(|| format!("executor of `{}`", action.kind))?;
        if let Some(found) = command.iter().flatten().find_map(|command| secret::in_text(command)) {
            bail!("executor of `{}` has what may be a secret, {found}; the plan is published", action.kind);
        }
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
    // A whole command line in place of its words is the name of no program.
    let is_line = arguments.is_empty() && program.contains(char::is_whitespace);
    if program.is_empty() || program.starts_with('-') || is_line {
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
        if path.is_empty() || path.ends_with('/') || path.contains('\n') {
            bail!("file.path is `{}`, which is no file", text::line(&path));
        }
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
        let is_known = SIGNALS.contains(&name.strip_prefix("SIG").unwrap_or(&name))
            || name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
        if !is_known {
            bail!(
                "signal is `{}`, which is none of {}, and no number of one",
                text::line(&name),
                SIGNALS.join(", ")
            );
        }
        if pid_file.is_empty() {
            bail!("signal.pid_file is empty");
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
        for name in namespace.iter().map(String::as_str).chain(deployment.strip_prefix("deployment/")) {
            let is_usual = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            if !(name.starts_with(is_edge) && name.ends_with(is_edge) && name.chars().all(is_usual)) {
                bail!("kubernetes has the name `{}`, which no object has", text::line(name));
            }
        }
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
        if !METHODS.contains(&method.as_str()) {
            bail!("http.method is `{}`, which is none of {}", text::line(&method), METHODS.join(", "));
        }
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
        let mut is_json = false;
        for (name, value) in &self.headers {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) {
                bail!("`{}` is no name of a header", text::line(name));
            }
            let value = one_line(filled(value, params)?)?;
            is_json |= name.eq_ignore_ascii_case("content-type") && value.contains("json");
            let header = match secret::variable(name, &value) {
                Some(variable) => format!("{}\"${{{variable}:?}}\"", shell::quoted(&format!("{name}: "))),
                None => shell::quoted(&format!("{name}: {value}")),
            };
            line.push_str(&format!(" --header {header}"));
        }
        if let Some(body) = &self.body {
            let body = filled_value(body, params)?;
            refuse_secret("http.body", &body)?;
            let body = plain(&body);
            if let Err(error) = serde_json::from_str::<Value>(&body)
                && is_json
            {
                bail!("http.body is not JSON, which its header says: {error}");
            }
            if let Some(what) = secret::in_form(&body) {
                bail!("http.body has what may be a secret, {what}, and the plan is published");
            }
            line.push_str(&format!(" --data-raw {}", shell::quoted(&body)));
        }
        let url = one_line(filled(&self.url, params)?)?;
        let host = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let host = host.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if host.is_empty() || host.starts_with(':') || url.contains(char::is_whitespace) {
            bail!(
                "http.url is `{}`, which is no address of http or https",
                text::redacted(&text::line(&url))
            );
        }
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
