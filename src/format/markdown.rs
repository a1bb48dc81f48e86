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
        write!(line, " {} |", plain(&cell.to_string())).expect("writing to a string cannot fail");
    }
    line.push('\n');
    line
}

/// Text as it stands, inside a line: neither emphasis nor code nor a link, a picture, an element of HTML, or the end of
/// a cell.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '\n' | '\r' => out.push(' '),
            '<' if next.is_some_and(|next| next.is_ascii_alphabetic() || "/!?".contains(next)) => {
                out.push_str("&lt;");
            }
            '&' if next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '#') => {
                out.push_str("&amp;");
            }
            // What keeps a marker from being found is not shown.
            '\\' if next.is_some_and(|next| next.is_ascii_punctuation() && next != '=') => {
                out.push_str("\\\\");
            }
            '_' if joins(before) && joins(next) => out.push('_'),
            '`' | '*' | '_' | '[' | ']' | '~' | '|' => out.extend(['\\', c]),
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Text as code, inside a line. The fence is longer than any run of backticks in it.
pub(crate) fn code(text: &str) -> String {
    let text = text::line(text);
    let fence = "`".repeat(1 + longest_run(&text));
    // A space at either end that the reader takes away; without one an end could be a part of the fence.
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A sentence of ours, inside a line: what stands in it between backticks, such as a path, is code; all else is text.
pub(crate) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let is_odd = |part: &&str| part.trim().is_empty() && !part.contains(' ') || part.ends_with('\\');
    let inner = parts.get(1..parts.len() - 1).unwrap_or_default();
    if parts.len().is_multiple_of(2) || inner.iter().any(is_odd) || parts[0].ends_with('\\') {
        // The backticks are no pairs around names, or what stands before one would escape it.
        return plain(text);
    }
    let part = |(at, part): (usize, &&str)| if at % 2 == 0 { plain(part) } else { code(part) };
    parts.iter().enumerate().map(part).collect()
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A heading.
pub(crate) fn heading(level: usize, text: &str) -> String {
    let mut line = begin(&plain(&text::line(text)));
    // Those at the end would be taken for the end of the heading.
    if line.trim_end().ends_with('#') && !line.trim_end().ends_with("\\#") {
        line.truncate(line.trim_end().len() - 1);
        line.push_str("\\#");
    }
    format!("{} {line}\n", "#".repeat(level))
}

/// An item of a list, on one line.
pub(crate) fn item(text: &str) -> String {
    item_of(&begin(&plain(&text::line(text))))
}

/// The same of parts that were made safe one by one.
pub(crate) fn item_of(line: &str) -> String {
    format!("- {line}\n")
}

/// What begins with it is no list, heading, quotation or rule.
fn begin(line: &str) -> String {
    let line = line.trim_start();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let marks = if digits > 0 { ".)" } else { "#>+-=" };
    if line[digits..].starts_with(|c| marks.contains(c)) {
        format!("{}\\{}", &line[..digits], &line[digits..])
    } else {
        line.to_owned()
    }
}

/// An item for each of several faults, or one that says what holds where there are none.
pub(crate) fn list_or<'a>(faults: impl IntoIterator<Item = &'a String>, otherwise: &str) -> String {
    let faults: String = faults.into_iter().map(|fault| item(fault)).collect();
    if faults.is_empty() { item(otherwise) } else { faults }
}

/// A fenced block; the fence is longer than any run of backticks in the text.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(1 + longest_run(text).max(2));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    #[test]
    fn a_table_has_one_line_a_row_whatever_its_cells_hold() {
        assert_eq!(table_head(&["a", "b"]), "| a | b |\n| --- | --- |\n");
        let aligned = aligned_table_head(&[("a", Align::Right), ("b", Align::Left)]);
        assert_eq!(aligned, "| a | b |\n| ---: | :--- |\n");
        assert_eq!(row(["x|y", "1\n2"]), "| x\\|y | 1 2 |\n");
        assert_eq!(row(["<img src=x>", "![a](b)", "<= 3"]), "| &lt;img src=x> | !\\[a\\](b) | <= 3 |\n");
        assert_eq!(row(["SOAK=PASS"]), "| SOAK\\=PASS |\n");
        assert_eq!(row([&1.5 as &dyn ToString, &"x"].map(ToString::to_string)), "| 1.5 | x |\n");
    }

    /// What a reader of Markdown shows of a page: the text, with what it takes for more than text named.
    fn shown(page: &str) -> (String, Vec<String>) {
        let (mut text, mut marks) = (String::new(), Vec::new());
        for event in Parser::new_ext(
            page,
            Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS,
        ) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::Start(
                    Tag::List(None)
                    | Tag::Item
                    | Tag::Paragraph
                    | Tag::Heading { .. }
                    | Tag::Table(_)
                    | Tag::TableHead
                    | Tag::TableRow
                    | Tag::TableCell,
                )
                | Event::End(_) => {}
                other => marks.push(format!("{other:?}")),
            }
        }
        (text, marks)
    }

    const HOSTILE: [&str; 20] = [
        "*a* **b** _c_ __d__ a*b*c",
        "[a](http://x) [b] [c]: http://x",
        "![a](b)",
        "`a` ``b` c",
        "<b>bold</b> <!-- --> <?x?> </p> <https://x.org>",
        "~~gone~~ ~x~",
        "&lt; &#42; &amp & b",
        "\\*a\\* \\\\ \\[x\\] \\",
        "# heading",
        "> quoted",
        "- a",
        "+ a",
        "1. a",
        "12) a",
        "---",
        "===",
        "| a | b |",
        "-0.5",
        "mm_param{name=\"a_b\",_x=\"*\"}[5m]",
        "`",
    ];

    #[test]
    fn text_from_outside_is_shown_as_it_is_wherever_it_stands() {
        for text in HOSTILE {
            for page in [item(text), heading(2, text), item_of(&format!("{} x", code(text)))] {
                let (found, marks) = shown(&page);
                assert!(marks.iter().all(|mark| mark.starts_with("Code")), "{page}: {marks:?}");
                assert_eq!(found.trim_end_matches(" x"), text, "{page}");
            }
            let (found, marks) = shown(&format!("{}{}", table_head(&["a", "b"]), row(["x", text])));
            assert_eq!((found, marks), (format!("abx{text}"), Vec::new()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn nothing_that_is_written_as_text_becomes_more(text in "[a-c1.)`*_~<>&;#!/ |=+{}\\[\\]()\\\\\n-]{1,24}") {
            // Space at an end, and how much of it there is, is nobody's concern.
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for page in [item(&text), heading(3, &text), format!("{}{}", table_head(&["a"]), row([&text]))] {
                let (found, marks) = shown(&page);
                prop_assert_eq!(&marks, &Vec::<String>::new(), "{}", page);
                let found = found.strip_prefix('a').filter(|_| page.starts_with('|')).unwrap_or(&found);
                let kept = text.replace("\\=", "=").replace('\n', if page.starts_with('|') { " " } else { "\\n" });
                prop_assert_eq!(words(found), words(&kept), "{}", page);
            }
        }
    }

    #[test]
    fn a_name_in_backticks_is_code_and_nothing_else_is() {
        assert_eq!(prose("`a_b.json` is *2days* old"), "`a_b.json` is \\*2days\\* old");
        assert_eq!(prose("`a` and `b|c`"), "`a` and `b|c`");
        for odd in ["a ` b", "`` x", "```", "\\`a`", "`a``b`", "`a` \\`b`"] {
            assert_eq!(prose(odd), plain(odd));
        }
        for text in HOSTILE {
            let (_, marks) = shown(&item_of(&prose(&format!("x {text}"))));
            assert!(marks.iter().all(|mark| mark.starts_with("Code")), "{text}: {marks:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("bash", "ls"), "```bash\nls\n```\n");
        assert_eq!(fenced("", "````\nx"), "`````\n````\nx\n`````\n");
    }
}
