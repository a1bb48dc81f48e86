//! The sweep's report as a Markdown table: six decimals, one row a candidate, in the report's order.

use super::document::{Candidate, SweepDocument};
use crate::format::markdown::{self, Align};
use crate::report::maker::ClockKind;

/// What the table begins with.
pub(crate) const TITLE: &str = "# PARAM SWEEP REPORT\n";

pub(crate) fn render(document: &SweepDocument) -> String {
    let mut text = format!("{TITLE}\n");
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    line(format!(
        "- finished at: {}{}",
        document.finished_at,
        if document.header.clock == ClockKind::System { "" } else { " (fixed time)" }
    ));
    line(format!("- inputs: sha256 {}", document.inputs_sha256));
    line(format!("- simulated: {}", document.header.simulated));
    for feed in &document.inputs.feeds {
        let (first, last) = (&feed.first_utc, &feed.last_utc);
        line(format!("- feed: {} {first} to {last}, sha256 {}", feed.name, feed.sha256));
    }
    let safe = document.safe_count();
    line(format!("- candidates: {}, safe: {safe}", document.candidates.len()));
    line(match &document.best_safe {
        Some(best) => format!("- best safe: {} (net_bps at least {:.6})", best.index, best.net_bps_lower),
        None => "- best safe: none".to_owned(),
    });
    let walk = &document.walk_forward;
    line(match (walk.chosen, &walk.flag) {
        (Some(chosen), None) => format!("- walk-forward: {chosen} holds on the rest"),
        (Some(chosen), Some(flag)) => format!("- walk-forward: {chosen}, FLAGGED: {flag}"),
        (None, flag) => format!("- walk-forward: FLAGGED: {}", flag.as_deref().unwrap_or("no choice")),
    });
    line(String::new());
    let figures = FIGURES.iter().map(|(name, _)| *name);
    let mut columns: Vec<(&str, Align)> =
        ["#"].into_iter().chain(figures).chain(["fills"]).map(|name| (name, Align::Right)).collect();
    columns.push(("safe", Align::Left));
    text.push_str(&markdown::aligned_table_head(&columns));
    for candidate in &document.candidates {
        text.push_str(&markdown::row(cells(candidate)));
    }
    text
}

type Figure = fn(&Candidate) -> Option<f64>;

const FIGURES: [(&str, Figure); 17] = [
    ("max_delta_ratio", |c| Some(c.params.max_delta_ratio)),
    ("impact_cap_ratio", |c| Some(c.params.impact_cap_ratio)),
    ("min_interval_ms", |c| Some(c.params.min_interval_ms)),
    ("tail_age_ms", |c| Some(c.params.tail_age_ms)),
    ("replace_rate_cap", |c| Some(c.params.replace_rate_per_min)),
    ("spread_delta_bps", |c| Some(c.params.base_spread_bps_delta)),
    ("net_bps", |c| c.whole.metrics.net_bps),
    ("lower", |c| c.whole.net_interval.map(|interval| interval.lower)),
    ("upper", |c| c.whole.net_interval.map(|interval| interval.upper)),
    ("gross_bps", |c| c.whole.metrics.gross_bps),
    ("fees_bps", |c| c.whole.metrics.fees_bps),
    ("adverse_bps_1s", |c| c.whole.metrics.adverse_bps_1s),
    ("order_age_p95_ms", |c| c.whole.metrics.order_age_p95_ms),
    ("fill_rate", |c| c.whole.metrics.fill_rate),
    ("taker_share_pct", |c| c.whole.metrics.taker_share_pct),
    ("replace_rate_per_min", |c| c.whole.metrics.replace_rate_per_min),
    ("max_inventory", |c| c.whole.metrics.max_inventory),
];

fn cells(candidate: &Candidate) -> Vec<String> {
    let unknown = || "unknown".to_owned();
    let mut cells = vec![candidate.index.to_string()];
    let figures = FIGURES.iter().map(|(_, figure)| figure(candidate));
    cells.extend(figures.map(|figure| figure.map_or_else(unknown, |figure| format!("{figure:.6}"))));
    cells.push(candidate.whole.metrics.fills.map_or_else(unknown, |fills| fills.to_string()));
    cells.push(if candidate.safe {
        "SAFE".to_owned()
    } else {
        let reasons: Vec<String> = candidate.violations.iter().map(ToString::to_string).collect();
        format!("UNSAFE: {}", reasons.join("; "))
    });
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tune::choose::judge::tests::document;

    #[test]
    fn each_candidate_has_a_row_and_each_row_the_columns_of_the_head() {
        let document = document();
        let text = render(&document);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 2 + 81);
        for row in &rows {
            assert_eq!(row.matches('|').count(), rows[0].matches('|').count(), "{row}");
        }
        assert!(rows[2].starts_with("| 40 | "), "{}", rows[2]);
        assert!(rows[2].contains("| 2.500000 | 2.000000 | 3.000000 | unknown |"), "{}", rows[2]);
        assert!(rows[82].ends_with("UNSAFE: max_order_age_p95_ms 350: is 400 |"), "{}", rows[82]);
    }
}
