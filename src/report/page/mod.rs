//! Pages for people: one file of HTML with its charts, tables and style, which opens without a network and says in
//! words what it shows in colours. Nothing here knows of what it is a page.

pub(crate) mod chart;
mod frame;
mod id;
mod markup;
pub(crate) mod number;
pub(crate) mod table;
pub(crate) mod time;
mod verdict_box;

pub(crate) use chart::TimeAxis;
pub(crate) use frame::{BEGINNING, Cursor, Page, Tone, content_security_policy, document};
pub(crate) use id::anchor;
pub(crate) use markup::{Markup, html};
pub(crate) use verdict_box::{made_by, verdict_box};
