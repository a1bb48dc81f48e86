//! `rollback_plan.md`: ten minutes from the first sign to a verified rollback, with the commands that the
//! policy gives for each action.

use super::policy::Policy;
use super::shell;

/// A sign that the release must go, and how long it must last.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    /// What is watched.
    pub what: &'static str,
    /// When it is too much.
    pub limit: &'static str,
    /// For how long.
    pub lasting: &'static str,
    /// The query that shows it.
    pub query: &'static str,
}

/// The signs, as the canary's triggers have them.
pub const TRIGGERS: [Trigger; 5] = [
    Trigger { what: "maker share", limit: "< 0.70", lasting: "5 min", query: "mm_maker_share_ratio" },
    Trigger {
        what: "p95 latency",
        limit: "> 500 ms",
        lasting: "3 min",
        query: "histogram_quantile(0.95, sum by (le) (rate(mm_stage_duration_ms_bucket{stage=\"tick_total\"}[3m])))",
    },
    Trigger { what: "risk ratio", limit: "> 0.60", lasting: "2 min", query: "mm_risk_ratio" },
    Trigger { what: "net edge", limit: "< 0 bps", lasting: "10 min", query: "mm_net_bps" },
    Trigger { what: "error rate", limit: "> 5 %", lasting: "1 min", query: "mm_error_rate" },
];

/// The table of the signs.
pub fn triggers() -> String {
    let mut out = "| sign | limit | lasting |\n| --- | --- | --- |\n".to_owned();
    for trigger in TRIGGERS {
        out.push_str(&format!("| {} | {} | {} |\n", trigger.what, trigger.limit, trigger.lasting));
    }
    out
}

/// The document; `policy` has no problems.
pub fn render(name: &str, version: &str, created_at: &str, policy_sha256: &str, policy: &Policy) -> String {
    let mut out = format!("# Rollback plan of {name} {version}\n\n");
    out.push_str(&format!(
        "- Built: {created_at}\n- Policy: `{}`, SHA-256 {policy_sha256}\n",
        super::policy::PATH
    ));
    out.push_str("\n## When\n\nAny of these signs, or an order of the person on call:\n\n");
    out.push_str(&triggers());
    out.push_str("\nA metric that cannot be read is no such sign: hold, and page.\n");
    out.push_str("\n## Minute 0 to 1: look once more\n\n");
    out.push_str(&shell::block(&TRIGGERS.map(|trigger| shell::query(trigger.query))));
    out.push_str("\n## Minute 1 to 4: the actions of the policy, in order\n\n");
    out.push_str("An action that fails does not stop the ones after it; note it and go on.\n");
    for (at, action) in policy.auto_rollback.actions.iter().enumerate() {
        let command = policy.command(action).unwrap_or_default();
        let description = if action.description.is_empty() {
            String::new()
        } else {
            format!(": {}", action.description.trim())
        };
        out.push_str(&format!("\n{}. `{}`{description}\n\n", at + 1, action.kind));
        out.push_str(&shell::block(&[command]));
    }
    out.push_str("\n## Minute 4 to 9: prove it\n\n| metric | condition | within |\n| --- | --- | --- |\n");
    for check in &policy.auto_rollback.verification.checks {
        out.push_str(&format!(
            "| {} | {} | {} s |\n",
            check.metric,
            check.condition.replace('|', "\\|"),
            check.timeout_seconds
        ));
    }
    out.push('\n');
    let checks = &policy.auto_rollback.verification.checks;
    let queries: Vec<String> = checks.iter().map(|check| shell::query(&check.metric)).collect();
    out.push_str(&shell::block(&queries));
    out.push_str(
        "\nNo answer is no proof: the rollback is UNVERIFIED until every condition was seen to hold.\n",
    );
    out.push_str("\n## Minute 9 to 10: leave the parameters as they were before\n\n");
    out.push_str(&shell::block(&["mmops tune rollback".to_owned()]));
    out
}
