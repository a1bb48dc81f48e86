//! The frame of a page: one file that needs no network, with a policy that lets nothing else run in it.
//!
//! No crate makes the templates: what a page needs of one is an escape, and that is in [`super::markup`].

use super::markup::{Markup, html};
use crate::format::hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const SYMBOLS: &str = include_str!("symbols.svg");

/// What a page says at a glance, as an icon, a colour and a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warning,
    Unknown,
    Running,
}

impl Tone {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "bad",
            Self::Warning => "wa",
            Self::Unknown => "un",
            Self::Running => "run",
        }
    }

    /// Its colour on white, for where no style reaches.
    fn colour(self) -> &'static str {
        match self {
            Self::Good => "00665c",
            Self::Bad => "b5310b",
            Self::Warning => "7a5200",
            Self::Unknown => "6a3fa0",
            Self::Running => "12436d",
        }
    }

    /// Its icon, of so many pixels.
    pub(crate) fn icon(self, pixels: u32) -> Markup {
        html!(
            "<svg aria-hidden=\"true\" width=\"{}\" height=\"{}\" fill=\"#{}\"><use href=\"#i-{}\"/></svg>",
            pixels,
            pixels,
            self.colour(),
            self.class()
        )
    }

    /// A word with its icon.
    pub(crate) fn status(self, word: &str) -> Markup {
        html!("<span class=\"st {}\">{}{}</span>", self.class(), self.icon(16), word)
    }

    fn favicon(self) -> String {
        let id = format!("id=\"i-{}\"", self.class());
        let path = SYMBOLS.split("<symbol").find(|symbol| symbol.contains(&id));
        let path = path.and_then(|symbol| symbol.split("d=\"").nth(1)?.split('"').next()).unwrap_or_default();
        let colour = self.colour();
        format!(
            "data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22%3E%3Cpath \
             d=%22{path}%22 fill=%22%23{colour}%22/%3E%3C/svg%3E"
        )
    }
}

/// A page without its frame.
pub(crate) struct Page {
    /// Begins with the answer.
    pub(crate) title: String,
    pub(crate) tone: Tone,
    /// The anchor that a keyboard can go to at once, and its name.
    pub(crate) skip: (&'static str, &'static str),
    pub(crate) header: Markup,
    pub(crate) main: Markup,
    /// Buckets of the time cursor: how many, the first, their length, and the span of the charts; none without charts.
    pub(crate) cursor: Option<Cursor>,
    pub(crate) footer: Markup,
}

/// What the time cursor steps through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    pub(crate) count: usize,
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) span_ms: i64,
}

/// The policy of a page, for the page and for the header of an answer that has one.
pub(crate) fn content_security_policy() -> String {
    let hash = |text: &str| STANDARD.encode(hash::digest(text));
    format!(
        "default-src 'none';style-src 'sha256-{}';script-src 'sha256-{}';img-src data:;base-uri 'none';form-action \
         'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// What every page of ours begins with.
pub(crate) const BEGINNING: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" \
                                    content=\"mmops\">";

/// The whole document.
pub(crate) fn document(page: &Page) -> String {
    let cursor = page.cursor.map(|Cursor { count, start_ms, step_ms, span_ms }| {
        html!(
            " data-n=\"{}\" data-t0=\"{}\" data-step=\"{}\" data-span=\"{}\"",
            count,
            start_ms,
            step_ms,
            span_ms
        )
    });
    // The policy holds quotes that are no text, and the constants are ours.
    let policy = content_security_policy();
    let body = html!("<a class=\"skip\" href=\"#{}\">{}</a>", page.skip.0, page.skip.1);
    let rest = html!(
        "<header>{}</header><main{}>{}</main><footer>{}</footer>",
        &page.header,
        cursor.unwrap_or_default(),
        &page.main,
        &page.footer
    );
    let title = Markup::from(&page.title);
    format!(
        "{BEGINNING}<meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta \
         http-equiv=\"Content-Security-Policy\" content=\"{policy}\"><meta name=\"referrer\" \
         content=\"no-referrer\"><title>{}</title><link rel=\"icon\" href=\"{}\"><style>{STYLE}</style></head><body>{}\
         {SYMBOLS}{}<script>{SCRIPT}</script></body></html>\n",
        title.as_str(),
        page.tone.favicon(),
        body.as_str(),
        rest.as_str()
    )
}
