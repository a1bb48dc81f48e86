//! CSV and TSV: an object with the names of the columns and the rows. Where the first record has no names, the rows are
//! lists.

use super::{Converted, is_number};
use csv::{ReaderBuilder, StringRecord};

/// Why a table cannot be read, and in which line.
#[derive(Debug)]
pub(crate) struct BadTable {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl From<csv::Error> for BadTable {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map_or(1, csv::Position::line);
        let reason = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells in a record, {expected_len} in the first one")
            }
            csv::ErrorKind::Utf8 { .. } => "invalid UTF-8".to_owned(),
            _ => error.to_string(),
        };
        Self { line, reason }
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
    let mut reader = ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text);
    let mut out = Converted::default();
    let mut record = StringRecord::new();
    let mut names = Vec::new();
    if has_names && reader.read_record(&mut record)? {
        names = record.iter().map(str::to_owned).collect();
    }
    out.begin(0);
    out.push("{\"columns\":[");
    for (at, name) in names.iter().enumerate() {
        out.push(if at > 0 { "," } else { "" });
        out.text(name);
    }
    out.push("],\n\"rows\":[");
    let mut is_first = true;
    while reader.read_record(&mut record)? {
        out.push(if is_first { "\n" } else { ",\n" });
        is_first = false;
        let origin = record.position().map_or(0, csv::Position::byte);
        out.begin(usize::try_from(origin).unwrap_or(usize::MAX));
        out.push(if has_names { "{" } else { "[" });
        for (at, cell) in record.iter().enumerate() {
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
    let mut reader = ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text);
    let mut record = StringRecord::new();
    if !matches!(reader.read_record(&mut record), Ok(true)) {
        return false;
    }
    let mut names: Vec<&str> = record.iter().collect();
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
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
        let bad = table(b"a,b\n1,2\n1\n", b',', true, false).expect_err("refused");
        assert_eq!((bad.line, bad.reason.as_str()), (3, "1 cells in a record, 2 in the first one"));
        let places = table(b"a\nx\ny\n", b',', true, false).expect("a table");
        let second = places.json.iter().rposition(|byte| *byte == b'y').expect("there");
        assert_eq!(places.origin(second as u64), 4);
    }
}
