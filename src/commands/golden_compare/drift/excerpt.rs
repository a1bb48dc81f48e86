//! Parts of long values: those in which two of them differ.

/// Most characters of a value in a message.
pub(crate) const MESSAGE_CHARS: usize = 80;
/// Most characters of a value in a report.
pub(crate) const LISTED_CHARS: usize = 2000;
/// Code points that are named of what differs.
const NAMED: usize = 4;

/// What is shown of two values that differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpts {
    pub(crate) baseline: String,
    pub(crate) actual: String,
    /// Where they differ, if a reader would not see it.
    pub(crate) unseen: Option<String>,
}

/// The parts of two values around their first difference.
pub(crate) fn of_pair(baseline: &str, actual: &str, most: usize) -> Excerpts {
    let (same, middles) = middles(baseline, actual);
    let is_long = [baseline, actual].iter().any(|text| text.chars().nth(most).is_some());
    let cut = |text: &str| {
        // A third of what is shown stands before the difference.
        let skipped = if is_long { same.saturating_sub(most / 3) } else { 0 };
        let rest = text.char_indices().nth(skipped).map_or("", |(at, _)| &text[at..]);
        let before = if skipped > 0 { ".." } else { "" };
        format!("{before}{}", short(rest, most))
    };
    let is_seen = middles.iter().all(|middle| middle.chars().all(|c| c.is_ascii_graphic() || c == ' '));
    let points = || {
        let [baseline, actual] = middles.map(code_points);
        format!(": {baseline} against {actual}")
    };
    let unseen = (is_long || !is_seen).then(|| {
        let points = if is_seen { String::new() } else { points() };
        format!("first difference at character {}{points}", same + 1)
    });
    Excerpts { baseline: cut(baseline), actual: cut(actual), unseen }
}

/// How many characters two texts have in common at the front, and what is between that and what they have in common at
/// the end.
pub(crate) fn middles<'t>(one: &'t str, other: &'t str) -> (usize, [&'t str; 2]) {
    let same = || one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    let bytes: usize = same().map(|(c, _)| c.len_utf8()).sum();
    let rests = [&one[bytes..], &other[bytes..]];
    let tail = rests[0].chars().rev().zip(rests[1].chars().rev()).take_while(|(one, other)| one == other);
    let tail: usize = tail.map(|(c, _)| c.len_utf8()).sum();
    (same().count(), rests.map(|rest| &rest[..rest.len() - tail]))
}

fn code_points(text: &str) -> String {
    let points: Vec<String> = text.chars().take(NAMED).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let more = if text.chars().nth(NAMED).is_some() { " .." } else { "" };
    if points.is_empty() { "nothing".to_owned() } else { points.join(" ") + more }
}

/// A text cut to a length.
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}.. ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// A count with what it counts.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
