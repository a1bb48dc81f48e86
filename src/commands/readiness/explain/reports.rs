//! The reports that a score was made of, and the same with a change.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::daily::{self, Day, FIGURES, File, Rules, Window, report, report_name};
use crate::evidence::explanation::InputChange;
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What a section of a day becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NewValue {
    /// The figure of this position.
    Figure(usize, f64),
    /// The flag of this position.
    Flag(usize, bool),
}

impl NewValue {
    pub(super) fn set(self, day: &mut Day) {
        match self {
            Self::Figure(at, to) => day.figures[at] = Ok(to),
            Self::Flag(at, to) => day.flags[at] = Ok(to),
        }
    }
}

/// The reports of a directory.
pub(super) struct Reports<'a> {
    pub(super) files: Cow<'a, [File]>,
    pub(super) dir: &'a str,
}

/// Where the flags of a day are, in their order, and what each says where it is good and where it is not.
const FLAGS: [(&[&str], &str, &str); 3] = [
    (&["reg_guard.reason", "drift.reason"], report::NONE, "EDGE_REG"),
    (&[report::CHAOS], report::OK, report::FAIL),
    (&[report::BUG_BASH], report::OK, report::FAIL),
];

impl Reports<'_> {
    pub(super) fn window(&self, rules: &Rules) -> Window {
        daily::window(&self.files, rules)
    }

    /// What has to stand in the report of a day for one of its sections to become this.
    pub(super) fn changes(&self, date: Date, to: NewValue) -> Vec<InputChange> {
        let name = report_name(date);
        let file = self.files.iter().find(|file| file.name == name);
        let content = file.and_then(|file| file.content.as_ref().ok());
        let change = |place: &str, to: Value| InputChange {
            path: format!("{}/{name}", self.dir),
            place: format!("root.{place}"),
            from: content.and_then(|content| find(content, place)).cloned().unwrap_or_default(),
            to,
        };
        match to {
            NewValue::Figure(at, to) => vec![change(FIGURES[at], json!(to))],
            NewValue::Flag(at, true) => {
                let (places, good, _) = FLAGS[at];
                let changes = places.iter().map(|place| change(place, json!(good)));
                // A drift guard that stopped nothing may say nothing as well.
                let is_good = |change: &InputChange| change.from == change.to || change.from == "";
                changes.filter(|change| !is_good(change)).collect()
            }
            NewValue::Flag(at, false) => {
                let (places, _, bad) = FLAGS[at];
                places.first().map(|place| change(place, json!(bad))).into_iter().collect()
            }
        }
    }

    /// The reports once these changes are made; one that is not there is made of them.
    #[must_use]
    pub(super) fn with<'c>(&self, changes: impl IntoIterator<Item = &'c InputChange>) -> Self {
        let mut files = self.files.clone().into_owned();
        for InputChange { path, place, to, .. } in changes {
            let Some(name) = path.rsplit('/').next() else { continue };
            let at = files.iter().position(|file| file.name == name).unwrap_or_else(|| {
                files.push(File { name: name.to_owned(), content: Ok(json!({})), sha256: None });
                files.len() - 1
            });
            if let Ok(content) = &mut files[at].content {
                put(content, place.trim_start_matches("root."), to.clone());
            }
        }
        Self { files: Cow::Owned(files), dir: self.dir }
    }
}

fn find<'a>(content: &'a Value, place: &str) -> Option<&'a Value> {
    place.split('.').try_fold(content, |at, key| at.get(key))
}

/// Puts a value there, with all that has to be on the way.
fn put(content: &mut Value, place: &str, to: Value) {
    let mut at = content;
    for key in place.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[key];
    }
    *at = to;
}
