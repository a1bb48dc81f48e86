//! Markdown of documents: tables, list items, fenced blocks. Text from outside cannot break out of its place.

use super::text;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The first two lines of a table, its columns aligned as the reader's program has it.
pub(crate) fn table_head(columns: &[&str]) -> String {
    row(columns) + &row(columns.iter().map(|_| "---"))
}

/// The first two lines of a table with aligned columns.
pub(crate) fn aligned_table_head(columns: &[(&str, Align)]) -> String {
    let rule = |(_, align): &(&str, Align)| match align {
        Align::Left => ":---",
        Align::Right => "---:",
    };
    row(columns.iter().map(|(name, _)| name)) + &row(columns.iter().map(rule))
}

/// A row of a table.
pub(crate) fn row<T: ToString>(cells: impl IntoIterator<Item = T>) -> String {
    safe_row(cells.into_iter().map(|cell| text::line(&cell.to_string().replace(['\n', '\r'], " "))))
}

/// A row whose cells are safe to show, the markers of other reports among them.
pub(crate) fn safe_row<T: ToString>(cells: impl IntoIterator<Item = T>) -> String {
    let mut line = "|".to_owned();
    for cell in cells {
        write!(line, " {} |", self::cell(&cell.to_string())).expect("writing to a string cannot fail");
    }
    line.push('\n');
    line
}

/// Text that stays in its cell, and becomes neither an element of HTML nor a picture.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\n' | '\r', _) => out.push(' '),
            ('|', _) => out.push_str("\\|"),
            ('<', Some('a'..='z' | 'A'..='Z' | '/' | '!' | '?')) => out.push_str("&lt;"),
            ('!', Some('[')) => out.push_str("!\\"),
            _ => out.push(c),
        }
    }
    out
}

/// An item of a list, on one line.
pub(crate) fn item(text: &str) -> String {
    format!("- {}\n", cell(&text::line(&text.replace('\n', " "))))
}

/// An item for each of several faults, or one that says what holds where there are none.
pub(crate) fn list_or<'a>(faults: impl IntoIterator<Item = &'a String>, otherwise: &str) -> String {
    let faults: String = faults.into_iter().map(|fault| item(fault)).collect();
    if faults.is_empty() { item(otherwise) } else { faults }
}

/// A fenced block; the fence is longer than any run of backticks in the text.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(1 + longest.max(2));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_line_a_row_whatever_its_cells_hold() {
        assert_eq!(table_head(&["a", "b"]), "| a | b |\n| --- | --- |\n");
        let aligned = aligned_table_head(&[("a", Align::Right), ("b", Align::Left)]);
        assert_eq!(aligned, "| a | b |\n| ---: | :--- |\n");
        assert_eq!(row(["x|y", "1\n2"]), "| x\\|y | 1 2 |\n");
        assert_eq!(row(["<img src=x>", "![a](b)", "<= 3"]), "| &lt;img src=x> | !\\[a](b) | <= 3 |\n");
        assert_eq!(row(["SOAK=PASS"]), "| SOAK\\=PASS |\n");
        assert_eq!(row([&1.5 as &dyn ToString, &"x"].map(ToString::to_string)), "| 1.5 | x |\n");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("bash", "ls"), "```bash\nls\n```\n");
        assert_eq!(fenced("", "````\nx"), "`````\n````\nx\n`````\n");
    }
}
