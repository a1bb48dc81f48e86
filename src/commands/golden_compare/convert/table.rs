//! CSV and TSV: an object with the names of the columns and the rows. Where the first record has no names, the rows are
//! lists.

use super::{Converted, is_number};
use std::borrow::Cow;

/// Why a table cannot be read, and in which line.
#[derive(Debug)]
pub(crate) struct BadTable {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// One record: where it begins, and its cells.
struct Record<'t> {
    at: usize,
    cells: Vec<Cow<'t, str>>,
}

/// The records of a table by RFC 4180, read strictly: the crate `csv` takes a text that was cut inside quotes for a
/// whole one, and passes over empty lines, which are records of a table with one column.
struct Records<'t> {
    text: &'t str,
    delimiter: u8,
    at: usize,
    line: u64,
    /// Cells of the first record.
    width: Option<usize>,
}

impl<'t> Records<'t> {
    fn new(text: &'t [u8], delimiter: u8) -> Result<Self, BadTable> {
        let text = str::from_utf8(text).map_err(|error| {
            let before = &text[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            BadTable { line, reason: "invalid UTF-8".to_owned() }
        })?;
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Ok(Self { text, delimiter, at, line: 1, width: None })
    }

    fn next(&mut self) -> Result<Option<Record<'t>>, BadTable> {
        if self.at >= self.text.len() {
            return Ok(None);
        }
        let (at, line) = (self.at, self.line);
        let mut cells = vec![self.cell()?];
        while self.takes(self.delimiter) {
            cells.push(self.cell()?);
        }
        let ends = [self.takes(b'\r'), self.takes(b'\n')];
        self.line += u64::from(ends.contains(&true));
        let width = *self.width.get_or_insert(cells.len());
        if cells.len() == width {
            return Ok(Some(Record { at, cells }));
        }
        let reason = format!("{} cells in a record, {width} in the first one", cells.len());
        Err(BadTable { line, reason })
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn is_end(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\r' || byte == b'\n'
    }

    /// A cell, up to the delimiter or the end of the line behind it.
    fn cell(&mut self) -> Result<Cow<'t, str>, BadTable> {
        let line = self.line;
        if !self.takes(b'"') {
            let rest = &self.text[self.at..];
            let end = rest.bytes().position(|byte| self.is_end(byte)).unwrap_or(rest.len());
            self.at += end;
            return Ok(Cow::Borrowed(&rest[..end]));
        }
        let mut cell = Cow::Borrowed("");
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('"') else {
                return Err(BadTable { line, reason: "a quote that is never closed".to_owned() });
            };
            self.line += rest[..end].matches('\n').count() as u64;
            self.at += end + 1;
            cell += &rest[..end];
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    cell += "\"";
                }
                Some(byte) if !self.is_end(*byte) => {
                    return Err(BadTable {
                        line: self.line,
                        reason: "text behind a closing quote".to_owned(),
                    });
                }
                Some(_) | None => return Ok(cell),
            }
        }
    }
}

/// A table of this text. `has_names` says that the first record has the names of the columns, `has_literals` that NaN and
/// Infinity are values rather than texts.
pub(crate) fn table(
    text: &[u8],
    delimiter: u8,
    has_names: bool,
    has_literals: bool,
) -> Result<Converted, BadTable> {
    let mut records = Records::new(text, delimiter)?;
    let mut out = Converted::default();
    let first = if has_names { records.next()? } else { None };
    let names = first.map(|record| record.cells).unwrap_or_default();
    out.begin(0);
    out.push("{\"columns\":[");
    for (at, name) in names.iter().enumerate() {
        out.push(if at > 0 { "," } else { "" });
        out.text(name);
    }
    out.push("],\n\"rows\":[");
    let mut is_first = true;
    while let Some(record) = records.next()? {
        out.push(if is_first { "\n" } else { ",\n" });
        is_first = false;
        out.begin(record.at);
        out.push(if has_names { "{" } else { "[" });
        for (at, cell) in record.cells.iter().enumerate() {
            out.push(if at > 0 { "," } else { "" });
            if let Some(name) = names.get(at) {
                out.text(name);
                out.push(":");
            }
            value(&mut out, cell, has_literals);
        }
        out.push(if has_names { "}" } else { "]" });
    }
    out.push("]}");
    Ok(out)
}

/// Whether the first record has names: texts of which none is empty, a number, or there twice.
pub(crate) fn has_names(text: &[u8], delimiter: u8) -> bool {
    let first = Records::new(text, delimiter).and_then(|mut records| records.next());
    let Ok(Some(Record { cells: mut names, .. })) = first else { return false };
    names.sort_unstable();
    names.iter().all(|name| !name.is_empty() && !is_number(name))
        && names.windows(2).all(|pair| pair[0] != pair[1])
}

fn value(out: &mut Converted, cell: &str, has_literals: bool) {
    let literal = match cell.to_ascii_lowercase().as_str() {
        "nan" => Some("NaN"),
        "inf" | "infinity" | "+inf" => Some("Infinity"),
        "-inf" | "-infinity" => Some("-Infinity"),
        _ => None,
    };
    match literal.filter(|_| has_literals) {
        Some(literal) => out.push(literal),
        None if is_number(cell) => out.push(cell),
        None => out.text(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let names = has_names(text.as_bytes(), b',');
        let table = table(text.as_bytes(), b',', names, false).expect("a table");
        String::from_utf8(table.json).expect("text").replace('\n', "")
    }

    #[test]
    fn cells_are_numbers_where_they_are_written_as_such() {
        for (text, expected) in [
            ("a,b\n1,x\n", r#"{"columns":["a","b"],"rows":[{"a":1,"b":"x"}]}"#),
            ("a,b\r\n1.50,\"x,\ny\"\r\n", r#"{"columns":["a","b"],"rows":[{"a":1.50,"b":"x,\ny"}]}"#),
            ("1,2\n3,007\n", r#"{"columns":[],"rows":[[1,2],[3,"007"]]}"#),
            ("a,a\n1,NaN\n", r#"{"columns":[],"rows":[["a","a"],[1,"NaN"]]}"#),
            ("a\n", r#"{"columns":["a"],"rows":[]}"#),
            ("", r#"{"columns":[],"rows":[]}"#),
            ("a\n1\n\n2\r\n\r\n", r#"{"columns":["a"],"rows":[{"a":1},{"a":""},{"a":2},{"a":""}]}"#),
            ("\n1", r#"{"columns":[],"rows":[[""],[1]]}"#),
            ("\"a\"\"b\",c\n\"\",x\"y", r#"{"columns":["a\"b","c"],"rows":[{"a\"b":"","c":"x\"y"}]}"#),
            ("a,b\r1,\r", r#"{"columns":["a","b"],"rows":[{"a":1,"b":""}]}"#),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
        for (text, line, reason) in [
            (&b"a,b\n1,2\n1\n"[..], 3, "1 cells in a record, 2 in the first one"),
            (b"a,b\n\n1,2\n", 2, "1 cells in a record, 2 in the first one"),
            (b"id,note\n1,\"ok\"\n2,\"half\n\n", 3, "a quote that is never closed"),
            (b"id,note\n1,\"x\ny\"z\n", 3, "text behind a closing quote"),
            (b"id\n\"x\" \n", 2, "text behind a closing quote"),
            (b"id\n\xff\n", 2, "invalid UTF-8"),
        ] {
            let bad = table(text, b',', true, false).expect_err("refused");
            assert_eq!((bad.line, bad.reason.as_str()), (line, reason));
        }
        let places = table(b"a\nx\ny\n", b',', true, false).expect("a table");
        let second = places.json.iter().rposition(|byte| *byte == b'y').expect("there");
        assert_eq!(places.origin(second as u64), 4);
    }
}
