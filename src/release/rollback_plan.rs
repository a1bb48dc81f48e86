//! `rollback_plan.md`: ten minutes from the first trigger to a verified rollback, with the commands that the
//! policy gives for each action.

use super::bundle::name;
use super::figure;
use super::policy::Policy;
use super::query::TriggerQueries;
use super::shell;
use crate::format::{markdown, text};

pub(crate) fn triggers() -> String {
    let mut out = markdown::table_head(&["trigger", "limit", "lasting"]);
    for trigger in figure::triggers() {
        out.push_str(&markdown::row([trigger.what, &trigger.condition(), trigger.lasting]));
    }
    out
}

/// The commands that show the triggers, each with what it is about, and how to ask about the new version alone.
pub(crate) fn queries(asked: &TriggerQueries) -> String {
    let narrowed = match &asked.matching {
        Some(matching) => {
            format!("These queries are narrowed as the soak was, by {}.", markdown::code(matching))
        }
        None => "These queries are narrowed by no label: they speak of every bot that the server knows."
            .to_owned(),
    };
    let lines = figure::triggers().zip(&asked.queries).map(|(trigger, query)| {
        let is_wider = query.is_as_written && asked.matching.is_some();
        let remark = if is_wider { ", as its definition has it: not narrowed" } else { "" };
        format!("{} # {}{remark}", shell::query(&query.expression), trigger.name())
    });
    let build = asked.matching.as_ref().map_or_else(String::new, |matching| format!("{{{matching}}}"));
    let builds = format!("count by (job, instance, version) (mm_build_info{build})");
    format!(
        "{narrowed} While another version runs beside the new one, what they find is of both, and a fault of the \
         smaller one may not be seen in the sum: add a label to each selector that the new version alone has. \
         Where the bots export {}, the last command says which instance runs which version.\n\n{}",
        markdown::code("mm_build_info"),
        shell::block(&lines.chain([shell::query(&builds) + " # versions"]).collect::<Vec<_>>())
    )
}

/// What the plan is of, and what its commands come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) created_at: &'a str,
    pub(crate) policy_path: &'a str,
    /// SHA-256 of its text.
    pub(crate) policy_sha256: &'a str,
}

/// The document; `policy` has no problems.
pub(crate) fn render(subject: &Subject<'_>, policy: &Policy, queries: &TriggerQueries) -> String {
    let title = name::title(subject.name, subject.version);
    let mut out = format!("# Rollback plan of {title}\n\n");
    out.push_str(&format!(
        "- Built: {}\n- Policy: {}, SHA-256 {}\n",
        subject.created_at,
        markdown::code(subject.policy_path),
        subject.policy_sha256
    ));
    out.push_str("\n## When\n\nAny of these triggers, or an order of the person on call:\n\n");
    out.push_str(&triggers());
    out.push_str("\nA metric that cannot be read is not a trigger: hold, and page.\n");
    out.push_str("\n## Minute 0 to 1: check once more\n\n");
    out.push_str(&self::queries(queries));
    out.push_str("\n## Minute 1 to 4: the actions of the policy, in order\n\n");
    out.push_str("An action that fails does not stop the ones after it; note it and go on.\n");
    for (at, action) in policy.auto_rollback.actions.iter().enumerate() {
        let command = policy.command(action).expect("a policy without problems has every command");
        let description = if action.description.is_empty() {
            String::new()
        } else {
            format!(": {}", markdown::plain(&text::line(action.description.trim())))
        };
        out.push_str(&format!("\n{}. {}{description}\n\n", at + 1, markdown::code(&action.kind)));
        out.push_str(&shell::block(&[command]));
    }
    out.push_str("\n## Minute 4 to 9: prove it\n\n");
    let wait = policy.auto_rollback.verification.wait_seconds;
    if wait > 0 {
        out.push_str(&format!("Wait {wait} s first.\n\n"));
    }
    out.push_str(&markdown::table_head(&["metric", "condition", "within"]));
    for check in &policy.auto_rollback.verification.checks {
        let within = format!("{} s", check.timeout_seconds);
        out.push_str(&markdown::row([&check.metric, &check.condition, &within]));
    }
    out.push('\n');
    let checks = &policy.auto_rollback.verification.checks;
    let proofs: Vec<String> = checks.iter().map(|check| shell::query(&check.metric)).collect();
    out.push_str(&shell::block(&proofs));
    out.push_str(
        "\nA missing answer proves nothing: the rollback is UNVERIFIED until every condition was seen to hold.\n",
    );
    out.push_str("\n## Minute 9 to 10: leave the parameters as they were before\n\n");
    let why = format!("rollback of {title}");
    out.push_str(&shell::block(&[shell::line(["mmops", "tune", "rollback", "--why", &why])]));
    out
}
