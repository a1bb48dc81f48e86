//! `rollback_plan.md`: ten minutes from the first trigger to a verified rollback, with the commands that the
//! policy gives for each action.

use super::figure;
use super::policy::Policy;
use super::shell;
use crate::format::{markdown, text};

pub(crate) fn triggers() -> String {
    let mut out = markdown::table_head(&["trigger", "limit", "lasting"]);
    for trigger in figure::triggers() {
        out.push_str(&markdown::row([trigger.what, &trigger.condition(), trigger.lasting]));
    }
    out
}

/// The commands that show the triggers, each with what it is about.
pub(crate) fn queries(queries: &[String]) -> String {
    let lines =
        figure::triggers().zip(queries).map(|(trigger, query)| shell::query(query) + " # " + &trigger.name());
    shell::block(&lines.collect::<Vec<_>>())
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
pub(crate) fn render(subject: &Subject<'_>, policy: &Policy, queries: &[String]) -> String {
    let mut out = format!("# Rollback plan of {} {}\n\n", subject.name, subject.version);
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
    let why = format!("rollback of {} {}", subject.name, subject.version);
    out.push_str(&shell::block(&[shell::line(["mmops", "tune", "rollback", "--why", &why])]));
    out
}
