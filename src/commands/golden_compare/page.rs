//! The page of a comparison: what was accepted beside what is there now. Nothing here judges.
#![warn(clippy::wildcard_enum_match_arm)]

use super::drift::Rules;
use super::drift::excerpt::{self, counted};
use super::drift::listed::ListedDrift;
use super::facts::{Decision, Facts, FileFacts, FileState};
use super::verdict::Verdict;
use crate::release::shell;
use crate::report::maker::Maker;
use crate::report::page::{self, Markup, Page, Tone, html};

/// Bytes that a page may have before it lists less.
const BUDGET: usize = 1_200_000;
/// Differences that a page lists, the fewer the larger they are.
const ROWS: [usize; 4] = [2000, 600, 200, 60];
/// Most characters of a value.
const VALUE_CHARS: usize = 300;
/// Files that are named in a list.
const NAMED_FILES: usize = 200;

/// What the comparison was asked.
pub(super) struct Subject<'a> {
    pub(super) baseline: &'a str,
    pub(super) actual: &'a str,
    pub(super) rules: &'a Rules,
    pub(super) maker: Maker,
}

/// The page as a whole file.
pub(super) fn render(subject: &Subject<'_>, facts: &Facts, verdict: Verdict) -> String {
    let mut text = String::new();
    for rows in ROWS {
        text = with_rows(subject, facts, verdict, rows);
        if text.len() <= BUDGET {
            break;
        }
    }
    text
}

fn with_rows(subject: &Subject<'_>, facts: &Facts, verdict: Verdict, rows: usize) -> String {
    let (tone, headline) = headline(verdict);
    let name = subject.actual;
    page::document(&Page {
        title: format!("{headline}: {name}"),
        tone,
        skip: ("drift", "Skip to the differences"),
        header: html!(
            "<div class=\"top\"><h1>mmops golden comparison \u{b7} {}</h1></div>{}{}",
            name,
            verdict_box(subject, facts, verdict),
            overview(subject, facts)
        ),
        main: html!("{}{}", differences(facts, rows), files(facts)),
        cursor: None,
        footer: html!(
            "Compared value by value where the files are data, the order of keys left aside, else line by line. {}",
            page::made_by(&subject.maker)
        ),
    })
}

fn headline(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Match => (Tone::Good, "MATCH"),
        Verdict::MatchWithUnusedRules => (Tone::Warning, "MATCH"),
        Verdict::Accepted => (Tone::Warning, "ACCEPTED"),
        Verdict::Drift => (Tone::Warning, "DRIFT"),
        Verdict::Regression => (Tone::Bad, "DRIFT"),
        Verdict::Unusable => (Tone::Unknown, "UNKNOWN"),
    }
}

fn verdict_box(subject: &Subject<'_>, facts: &Facts, verdict: Verdict) -> Markup {
    let (tone, headline) = headline(verdict);
    let (summary, rows) = (summary(subject, facts, verdict), rows(subject, facts, verdict));
    page::verdict_box(tone, headline, [], &summary, rows, None)
}

fn summary(subject: &Subject<'_>, facts: &Facts, verdict: Verdict) -> String {
    let files = facts.files.len();
    let places = number(facts.differences(), "difference");
    let of_files = if files > 1 {
        let drifted = facts.files.iter().filter(|file| file.differences() > 0).count();
        format!(", in {drifted} of {files} files")
    } else {
        String::new()
    };
    match verdict {
        Verdict::Match | Verdict::MatchWithUnusedRules if files > 1 => {
            format!("All {files} files are as they were accepted.")
        }
        Verdict::Match | Verdict::MatchWithUnusedRules => "It is as it was accepted.".to_owned(),
        Verdict::Accepted => {
            format!("{places} from what was accepted{of_files}; {} is the new baseline.", subject.actual)
        }
        Verdict::Drift | Verdict::Regression => format!("{places} from what was accepted{of_files}."),
        Verdict::Unusable => "Not every file could be compared, so nothing is known of the whole.".to_owned(),
    }
}

fn number(count: u64, noun: &str) -> String {
    let text = page::number::count(count);
    if count == 1 { format!("{text} {noun}") } else { format!("{text} {noun}s") }
}

fn rows(subject: &Subject<'_>, facts: &Facts, verdict: Verdict) -> Vec<(&'static str, Markup)> {
    let mut rows = Vec::new();
    if let Some(reason) = facts.fault() {
        rows.push(("Why", html!("{}", reason)));
    }
    if let Some(first) = facts.files.iter().flat_map(FileFacts::listed).next() {
        rows.push(("First", html!("<a href=\"#d-1\"><code>{}</code></a>", place(first))));
    }
    if let Decision::Accepted(record) = &facts.decision {
        rows.push(("Recorded in", html!("<code>{}</code>", record)));
    }
    if !facts.unused_rules.is_empty() {
        let rules = facts.unused_rules.iter().map(|rule| html!("<code>{}</code>", rule));
        rows.push((
            "Unused rules",
            html!("{}: they match nothing of what was compared.", Markup::joined(rules, ", ")),
        ));
    }
    rows.push((
        "What to do",
        match verdict {
            Verdict::Match => html!("Nothing: what was compared has not changed."),
            Verdict::MatchWithUnusedRules => html!("Mend the rules, or leave them out."),
            Verdict::Accepted => html!("Keep the baseline and its record together."),
            Verdict::Drift | Verdict::Regression => html!(
                "If the new output is right: <code>mmops golden-compare --baseline {} --actual {} --update --reason \
                 TEXT</code>. If not, mend what changed it.",
                shell::quoted(subject.baseline),
                shell::quoted(subject.actual)
            ),
            Verdict::Unusable => html!("Mend the files that are named, and compare again."),
        },
    ));
    rows
}

fn overview(subject: &Subject<'_>, facts: &Facts) -> Markup {
    let compared = facts.files.iter().filter(|file| matches!(file.state, FileState::Compared { .. })).count();
    let rules = subject.rules.given();
    let given = if rules.is_empty() {
        html!("none")
    } else {
        Markup::joined(rules.into_iter().map(|rule| html!("<code>{}</code>", rule)), ", ")
    };
    let cells = [
        ("Accepted", html!("<code>{}</code>", subject.baseline)),
        ("Now", html!("<code>{}</code>", subject.actual)),
        ("Compared", html!("{}", counted(compared, "file"))),
        ("Tolerance of floats", html!("{}", subject.rules.tolerance.to_string())),
        ("Rules", given),
    ];
    let cells: Markup = cells
        .into_iter()
        .map(|(head, text)| html!("<div><dt>{}</dt><dd>{}</dd></div>", head, text))
        .collect();
    html!("<dl class=\"f\">{}</dl>", cells)
}

fn place(drift: &ListedDrift) -> String {
    match &drift.file {
        Some(file) => format!("{file}: {}", drift.place),
        None => drift.place.clone(),
    }
}

fn differences(facts: &Facts, most: usize) -> Markup {
    let all = facts.files.iter().flat_map(FileFacts::listed);
    let rows: Vec<Markup> = all.take(most).enumerate().map(|(at, drift)| row(at + 1, drift)).collect();
    let total: u64 = facts
        .files
        .iter()
        .map(|file| match &file.state {
            FileState::Compared { differences, .. } => *differences,
            FileState::Missing | FileState::Extra | FileState::Unusable(_) => 0,
        })
        .sum();
    let left = total - rows.len() as u64;
    let body = if rows.is_empty() {
        html!("<p>{}</p>", if total > 0 { "None is listed." } else { "None." })
    } else {
        html!(
            "<table class=\"df\"><thead><tr><th scope=\"col\">what</th><th scope=\"col\">place</th><th scope=\"col\">accepted\
             </th><th scope=\"col\">now</th><th scope=\"col\">distance</th></tr></thead><tbody>{}</tbody></table>",
            rows.into_iter().collect::<Markup>()
        )
    };
    let more = if left > 0 {
        html!("<p>{} more, which this page does not list.</p>", page::number::count(left))
    } else {
        Markup::default()
    };
    html!("<section id=\"drift\"><h2>Differences</h2>{}{}</section>", body, more)
}

fn row(number: usize, drift: &ListedDrift) -> Markup {
    let (class, change) = match drift.kind.as_str() {
        "missing" => ("bad", "\u{2212} gone"),
        "extra" => ("ok", "+ new"),
        _ => ("wa", "~ changed"),
    };
    let (accepted, actual) = values(drift.accepted.as_deref(), drift.actual.as_deref());
    let file = drift.file.as_ref().map(|file| html!("<small>{}</small>", file)).unwrap_or_default();
    let distance = match (&drift.distance, &drift.tolerance) {
        (Some(distance), Some(tolerance)) => format!("{distance}; allowed {tolerance}"),
        (Some(distance), None) => distance.clone(),
        (None, _) => String::new(),
    };
    html!(
        "<tr id=\"d-{}\"><td><b class=\"st {}\">{}</b></td><td>{}<a href=\"#d-{}\"><code>{}</code></a></td><td>{}</td>\
         <td>{}</td><td class=\"mu\">{}</td></tr>",
        number,
        class,
        change,
        file,
        number,
        excerpt::short(&drift.place, VALUE_CHARS),
        accepted,
        actual,
        distance
    )
}

/// Two values with what differs between them marked; what one side does not have is said.
fn values(accepted: Option<&str>, actual: Option<&str>) -> (Markup, Markup) {
    let none = || html!("<span class=\"mu\">not there</span>");
    match (accepted, actual) {
        (Some(accepted), Some(actual)) => {
            let excerpts = excerpt::of_pair(accepted, actual, VALUE_CHARS);
            let [old, new] = [excerpts.baseline.as_str(), excerpts.actual.as_str()];
            let (same, middles) = excerpt::middles(old, new);
            let before: String = old.chars().take(same).collect();
            let after = |text: &str, middle: &str| text[before.len() + middle.len()..].to_owned();
            let old_end = after(old, middles[0]);
            let new_end = after(new, middles[1]);
            (
                html!("<code>{}<del>{}</del>{}</code>", lines(&before), lines(middles[0]), lines(&old_end)),
                html!("<code>{}<ins>{}</ins>{}</code>", lines(&before), lines(middles[1]), lines(&new_end)),
            )
        }
        (Some(accepted), None) => {
            (html!("<code><del>{}</del></code>", lines(&excerpt::short(accepted, VALUE_CHARS))), none())
        }
        (None, Some(actual)) => {
            (none(), html!("<code><ins>{}</ins></code>", lines(&excerpt::short(actual, VALUE_CHARS))))
        }
        (None, None) => {
            (html!("<span class=\"mu\">differs</span>"), html!("<span class=\"mu\">differs</span>"))
        }
    }
}

/// A text of several lines; the ends of lines stay what they are.
fn lines(text: &str) -> Markup {
    Markup::joined(text.split('\n').map(|line| html!("{}", line)), "\n")
}

/// The files that were not compared with another one.
fn files(facts: &Facts) -> Markup {
    let state = |file: &FileFacts| -> Option<(Tone, &'static str, String)> {
        match &file.state {
            FileState::Compared { .. } => None,
            FileState::Missing => Some((Tone::Bad, "gone", "only the baseline has it".to_owned())),
            FileState::Extra => Some((Tone::Warning, "new", "the baseline does not have it".to_owned())),
            FileState::Unusable(reason) => Some((Tone::Unknown, "unknown", reason.clone())),
        }
    };
    let all: Vec<Markup> = facts
        .files
        .iter()
        .filter_map(|file| {
            let (tone, status, reason) = state(file)?;
            let name = file.name.as_deref().unwrap_or(&file.actual);
            Some(html!(
                "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
                tone.status(status),
                name,
                reason
            ))
        })
        .collect();
    if all.is_empty() {
        return Markup::default();
    }
    let more = all.len().saturating_sub(NAMED_FILES);
    let more = if more > 0 { html!("<p>{} more.</p>", more) } else { Markup::default() };
    let rows: Markup = all.into_iter().take(NAMED_FILES).collect();
    html!(
        "<section id=\"files\"><h2>Files</h2><table class=\"df\"><thead><tr><th scope=\"col\">what</th><th scope=\"col\">\
         file</th><th scope=\"col\">why</th></tr></thead><tbody>{}</tbody></table>{}</section>",
        rows,
        more
    )
}
