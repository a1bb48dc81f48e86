//! The message of a release's tag.

use super::figure::FIGURES;
use super::snapshot::Snapshot;

/// What the tag is put on and what it vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) tag: &'a str,
    /// Name and version of the release.
    pub(crate) release: &'a str,
    pub(crate) commit: &'a str,
    /// SHA-256 of the release's manifest.
    pub(crate) bundle_sha256: &'a str,
}

/// The message, with one newline at its end.
pub(crate) fn message(subject: &Subject<'_>, snapshot: &Snapshot) -> String {
    let mut out = format!("{}: {}\n\n", subject.tag, subject.release);
    out.push_str(&format!("Verdict: {}\n", snapshot.verdict));
    if let Some(ready) = snapshot.freeze_ready {
        out.push_str(&format!("Converged: {}\n", if ready { "yes" } else { "no" }));
    }
    out.push_str(&format!("Snapshot: {}\n", snapshot.made_at));
    out.push_str(&format!("Iterations: {}\n", snapshot.range()));
    out.push_str(&format!("Bundle: sha256 {}\n", subject.bundle_sha256));
    out.push_str(&format!("Commit: {}\n\nFigures, mean:\n", subject.commit));
    for figure in &FIGURES {
        let (kpi, shown) = (snapshot.kpi(figure.key), figure.trigger.name());
        let trend = kpi.trend.as_ref().map_or_else(String::new, |trend| format!(" ({trend})"));
        out.push_str(&format!("  {shown}: {:.3}{trend}\n", kpi.mean));
    }
    out.push_str(&format!("\nGoals met: {}\n", snapshot.goals_met()));
    for (name, met) in &snapshot.goals {
        out.push_str(&format!("  [{}] {name}\n", if *met { "OK" } else { "FAIL" }));
    }
    let applied = snapshot.applied_iterations.as_ref();
    let applied = applied.map_or("an unknown number of".to_owned(), |applied| applied.len().to_string());
    let active = snapshot.guards.as_ref().map_or("unknown".to_owned(), |counts| {
        let active = counts.iter().filter(|(_, count)| **count > 0);
        let active: Vec<String> = active.map(|(name, count)| format!("{name} {count}")).collect();
        if active.is_empty() { "none".to_owned() } else { active.join(", ") }
    });
    out.push_str(&format!("\nTuning applied in {applied} iterations\nGuards that acted: {active}\n"));
    out
}
