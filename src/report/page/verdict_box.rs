//! What every page of an answer has: the box at the top with the answer, why, and what to do, and who made it.

use super::frame::Tone;
use super::markup::{Markup, html};
use crate::report::maker::Maker;

/// Letters of the longest answer that is printed large.
const LONGEST_LARGE: usize = 8;

/// `stamps` say why the answer is no evidence, `rows` have a term and its text; `beside` is a picture.
pub(crate) fn verdict_box(
    tone: Tone,
    headline: &str,
    stamps: impl IntoIterator<Item = &'static str>,
    summary: &str,
    rows: Vec<(&'static str, Markup)>,
    beside: Option<Markup>,
) -> Markup {
    let stamps: Markup = stamps.into_iter().map(|stamp| html!(" <span>{}</span>", stamp)).collect();
    let rows: Markup =
        rows.into_iter().map(|(head, text)| html!("<dt>{}</dt><dd>{}</dd>", head, text)).collect();
    html!(
        "<section class=\"v {}{}\" id=\"verdict\" aria-label=\"Verdict\">{}<h2 class=\"w{}\">{}{}</h2><p class=\"s\">{}</p>\
         <dl>{}</dl>{}</section>",
        tone.class(),
        if beside.is_some() { "" } else { " solo" },
        tone.icon(64),
        if headline.len() > LONGEST_LARGE { " lo" } else { "" },
        headline,
        stamps,
        summary,
        rows,
        beside.unwrap_or_default()
    )
}

/// Which program made a page and when, for its foot.
pub(crate) fn made_by(maker: &Maker) -> Markup {
    let at = maker.made_at().to_string();
    html!(
        "Made by mmops {} at <time datetime=\"{}\">{}</time>{}.",
        maker.version,
        &at,
        &at,
        maker.clock.remark()
    )
}
