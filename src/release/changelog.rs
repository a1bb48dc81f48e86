//! `CHANGELOG.md` of a release: what the soak showed, figure by figure, and no claim beside it.

use super::bundle::name::title;
use super::snapshot::Snapshot;
use crate::format::markdown;

/// Iterations and keys that are listed before "and more".
const LISTED: usize = 10;

pub(crate) fn render(
    name: &str,
    version: &str,
    created_at: &str,
    snapshot: &Snapshot,
    is_legacy: bool,
) -> String {
    let mut out = markdown::heading(1, &title(name, version)) + "\n";
    if snapshot.simulated {
        out.push_str("**Simulated soak: these figures come from a simulation and are no evidence.**\n\n");
    }
    if is_legacy {
        out.push_str(
            "**Legacy: these figures are those of a snapshot alone, which was not judged again.**\n\n",
        );
    }
    out.push_str(&format!("- Built: {created_at}\n"));
    out.push_str(&format!("- Soak snapshot: {}\n", snapshot.made_at));
    out.push_str(&format!("- Verdict of the soak: {}\n", snapshot.verdict));
    out.push_str(&format!("- Iterations analysed: {}\n", snapshot.range()));
    out.push_str(&format!("- Goals met: {}\n", snapshot.goals_met()));
    if let Some(ready) = snapshot.freeze_ready {
        out.push_str(&format!("- Converged: {}\n", if ready { "yes" } else { "no" }));
    }
    out.push_str("\n## Figures\n\n");
    out.push_str(&markdown::table_head(&["figure", "mean", "median", "min", "max", "trend"]));
    for (name, kpi) in &snapshot.kpis {
        let [mean, median, min, max] =
            [kpi.mean, kpi.median, kpi.min, kpi.max].map(|value| format!("{value:.3}"));
        let trend = kpi.trend.as_deref().unwrap_or("-");
        out.push_str(&markdown::row([name, &mean, &median, &min, &max, trend]));
    }
    out.push_str("\n## Goals\n\n");
    for (name, met) in &snapshot.goals {
        out.push_str(&markdown::item(&format!("{name}: {}", if *met { "met" } else { "missed" })));
    }
    out.push_str("\n## Tuning during the soak\n\n");
    match snapshot.applied_iterations.as_deref() {
        None => out.push_str("Unknown: the snapshot does not say what was applied.\n"),
        Some([]) => out.push_str("Nothing was applied.\n"),
        Some(applied) => {
            let iterations: Vec<String> = applied.iter().map(u64::to_string).collect();
            let keys = snapshot.changed_keys.as_deref().map_or("unknown".to_owned(), listed);
            out.push_str(&format!(
                "{}{}",
                markdown::item(&format!("Applied in iterations {}", listed(&iterations))),
                markdown::item(&format!("Keys: {keys}"))
            ));
        }
    }
    out.push_str("\n## Guards\n\n");
    match &snapshot.guards {
        None => out.push_str("Unknown: the snapshot has no counts of guards.\n"),
        Some(counts) => {
            if counts.values().all(|count| *count == 0) {
                out.push_str("No guard acted.\n");
            }
            out.extend(counts.iter().map(|(name, count)| markdown::item(&format!("{name}: {count}"))));
        }
    }
    out
}

fn listed(items: &[String]) -> String {
    match items.len() {
        0 => "none named".to_owned(),
        count if count > LISTED => format!("{} and {} more", items[..LISTED].join(", "), count - LISTED),
        _ => items.join(", "),
    }
}
