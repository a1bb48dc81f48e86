//! The page of a comparison: a row a figure, with both runs and the interval of their difference against the margin.
//! Nothing here judges.
#![warn(clippy::wildcard_enum_match_arm)]

use super::answer::{figures, notes};
use super::facts::{CompareFacts, KpiFacts, RunFacts};
use crate::judge::statistics::Finding;
use crate::report::maker::Maker;
use crate::report::page::chart::pair::{self, Difference};
use crate::report::page::number::figure;
use crate::report::page::{self, Markup, Page, Tone, html};

/// Rows of a page; of more figures the worst.
const MOST_ROWS: usize = 300;

pub(super) fn render(facts: &CompareFacts, verdict: Finding, maker: &Maker) -> String {
    let candidate = &facts.candidate.run_dir;
    page::document(&Page {
        title: format!("{}: {candidate}", verdict.as_str()),
        tone: tone(verdict),
        skip: ("kpis", "Skip to the figures"),
        header: html!(
            "<div class=\"top\"><h1>mmops soak comparison \u{b7} {}</h1></div>{}{}",
            candidate,
            verdict_box(facts, verdict),
            overview(facts)
        ),
        main: kpis(facts),
        cursor: None,
        footer: html!(
            "Judged by ranks, deviations and exceedances, each corrected for how much neighbouring windows resemble each \
             other and for the number of figures. {}",
            page::made_by(maker)
        ),
    })
}

fn tone(finding: Finding) -> Tone {
    match finding {
        Finding::Same | Finding::Better => Tone::Good,
        Finding::Inconclusive => Tone::Unknown,
        Finding::Worse => Tone::Bad,
    }
}

fn verdict_box(facts: &CompareFacts, verdict: Finding) -> Markup {
    let count = |finding: Finding| facts.kpis.iter().filter(|kpi| kpi.judgement.finding == finding).count();
    let counts = [Finding::Worse, Finding::Inconclusive, Finding::Better, Finding::Same];
    let counts = counts.map(|finding| format!("{} {}", count(finding), finding.as_str()));
    let summary = match verdict {
        Finding::Same => "No figure differs by more than its margin.",
        Finding::Better => "No figure is worse, and at least one is better by more than its margin.",
        Finding::Inconclusive => "What was seen does not decide.",
        Finding::Worse => "The candidate is worse by more than a margin and more than chance.",
    };
    let what_to_do = match verdict {
        Finding::Same | Finding::Better => "Nothing: the candidate may go on.",
        Finding::Inconclusive => "See below what is missing: longer runs, or runs at the same time.",
        Finding::Worse => "Keep the baseline, and find out what the candidate does differently.",
    };
    let stamps = facts.is_simulated().then_some("simulated").into_iter().chain(facts.clock().doubt());
    let rows = vec![("Figures", html!("{}", counts.join(", "))), ("What to do", html!("{}", what_to_do))];
    page::verdict_box(tone(verdict), verdict.as_str(), stamps, summary, rows, None)
}

fn overview(facts: &CompareFacts) -> Markup {
    let run = |run: &RunFacts| {
        let subject = run.subject.as_ref().map(|subject| format!(", {subject}")).unwrap_or_default();
        let problems = run.problems.first().map(|problem| format!("; {problem}")).unwrap_or_default();
        let (done, planned) = (run.iterations, run.planned);
        html!("<code>{}</code>, {} of {} iterations{}{}", &run.run_dir, done, planned, subject, problems)
    };
    let cells = [
        ("Baseline", run(&facts.baseline)),
        ("Candidate", run(&facts.candidate)),
        ("In time", html!("{}", facts.concurrency.as_str())),
        ("Margins", html!("<code>{}</code>", &facts.margins)),
    ];
    let cells = cells.into_iter().map(|(head, text)| html!("<div><dt>{}</dt><dd>{}</dd></div>", head, text));
    html!("<dl class=\"f\">{}</dl>", cells.collect::<Markup>())
}

fn kpis(facts: &CompareFacts) -> Markup {
    let mut kpis: Vec<&KpiFacts> = facts.kpis.iter().collect();
    kpis.sort_by_key(|kpi| std::cmp::Reverse(kpi.judgement.finding));
    let left = kpis.len().saturating_sub(MOST_ROWS);
    let more = if left > 0 {
        html!("<p>{} more, which this page does not list.</p>", left)
    } else {
        Markup::default()
    };
    html!(
        "<section id=\"kpis\"><h2>Figures</h2><p class=\"mu\">Worst first. Both runs: the baseline pale, the candidate \
         dark, each over its own time. Difference: candidate less baseline with its 95 % interval; the band is the margin, \
         the line in its middle no difference.</p><table class=\"g\"><thead><tr><th scope=\"col\">answer</th><th \
         scope=\"col\">figure</th><th scope=\"col\">both runs</th><th scope=\"col\">difference</th><th scope=\"col\" \
         class=\"n\">windows</th><th scope=\"col\" class=\"n\">judged</th></tr></thead><tbody>{}</tbody></table>{}</section>",
        kpis.into_iter().take(MOST_ROWS).map(row).collect::<Markup>(),
        more
    )
}

fn row(kpi: &KpiFacts) -> Markup {
    let finding = kpi.judgement.finding;
    let notes: Markup = notes(kpi).into_iter().map(|note| html!("<small>{}</small>", note)).collect();
    let middles =
        kpi.medians.map(|value| value.map_or_else(|| "unknown".to_owned(), |value| figure(value, &kpi.unit)));
    let difference = kpi.shift().map(|shift| {
        let shown = Difference {
            estimate: shift.estimate,
            low: shift.low,
            high: shift.high,
            margin: kpi.margins.shift,
            is_worse: finding == Finding::Worse,
        };
        pair::difference(shown, &format!("Difference of {}: {}", kpi.name, figures(kpi)))
    });
    html!(
        "<tr><td>{}</td><td><b>{}</b><small>{} is better; margin {}</small>{}</td><td>{}<small>{} \u{2192} {}</small></td>\
         <td>{}<small>{}</small></td><td class=\"n\">{} and {}</td><td class=\"n\">{}</td></tr>",
        tone(finding).status(finding.as_str()),
        &kpi.name,
        kpi.better.as_str(),
        figure(kpi.margins.shift, &kpi.unit),
        notes,
        pair::both(&kpi.series, &format!("Both runs of {}", kpi.name)),
        &middles[0],
        &middles[1],
        difference.unwrap_or_default(),
        kpi.shift().map_or_else(
            || "no interval".to_owned(),
            |shift| format!(
                "{}, from {} to {}",
                figure(shift.estimate, &kpi.unit),
                figure(shift.low, &kpi.unit),
                figure(shift.high, &kpi.unit)
            )
        ),
        kpi.counts[0],
        kpi.counts[1],
        kpi.method()
    )
}
