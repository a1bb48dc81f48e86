//! YAML and TOML. What JSON has no type for becomes an object with the type in angle brackets, `{"<date>": "1979-05-27"}`,
//! and a key that is no text stands in them itself. Keys of a document that look like that get one bracket more, so that
//! nothing else is ever the same.

use super::{Converted, number, quoted};
use crate::format::node::{Error, Node, Value};

/// A document of this text.
pub(crate) fn tree(text: &str, root: &Node) -> Result<Converted, Error> {
    let mut writer = Writer { text, out: Converted::default() };
    writer.node(root)?;
    Ok(writer.out)
}

struct Writer<'t> {
    text: &'t str,
    out: Converted,
}

impl Writer<'_> {
    /// The depth of a tree is bounded by who reads it.
    fn node(&mut self, node: &Node) -> Result<(), Error> {
        self.out.begin(node.at);
        let written = self.text.get(node.at..node.at + node.length).unwrap_or_default();
        match &node.value {
            Value::Null => self.out.push("null"),
            // `yes` and `on` are truth values to some readers and texts to others, which is a difference to both.
            Value::Bool(_) if !node.is_tagged && !is_bool(written) => self.typed("bool", written),
            Value::Bool(value) => self.out.push(if *value { "true" } else { "false" }),
            Value::Unsigned(value) => self.number(written, &value.to_string()),
            Value::Signed(value) => self.number(written, &value.to_string()),
            Value::Float(value) if value.is_nan() => self.out.push("NaN"),
            Value::Float(value) if value.is_infinite() && written.to_ascii_lowercase().contains("inf") => {
                self.out.push(if *value < 0.0 { "-Infinity" } else { "Infinity" });
            }
            Value::Float(value) if node.is_tagged => self.float(written, *value),
            // Octal to some readers and decimal to others, or an integer that is too large to be read as one.
            Value::Float(_) if has_radix(written) => self.typed("int", written),
            Value::Float(value) if value.is_infinite() => {
                return Err(Error::syntax("a number out of range", self.text, Some(node.at)));
            }
            Value::Float(value) => self.number(written, &format!("{value:?}")),
            Value::Text(text) => self.out.text(text),
            Value::List(nodes) => {
                self.out.push("[");
                for (at, node) in nodes.iter().enumerate() {
                    self.out.push(if at > 0 { ",\n" } else { "" });
                    self.node(node)?;
                }
                self.out.push("]");
            }
            // A date of TOML.
            Value::Map(_) if node.length > 0 => self.typed("date", written),
            Value::Map(entries) => {
                self.out.push("{");
                for (at, (key, node)) in entries.iter().enumerate() {
                    self.out.push(if at > 0 { ",\n" } else { "" });
                    self.out.begin(key.at);
                    let is_like_ours = key.is_text && key.text.starts_with('<') && key.text.ends_with('>');
                    match (key.is_text, is_like_ours) {
                        (true, false) => self.out.text(&key.text),
                        (true, true) => self.out.text(&format!("<{}", key.text)),
                        (false, _) => self.out.text(&format!("<{}>", key.text)),
                    }
                    self.out.push(":");
                    self.node(node)?;
                }
                self.out.push("}");
            }
        }
        Ok(())
    }

    /// A value of a type that JSON does not have.
    fn typed(&mut self, name: &str, written: &str) {
        self.out.push(&format!("{{\"<{name}>\":{}}}", quoted(written)));
    }

    /// As it was written where JSON can write it, else by its value.
    fn number(&mut self, written: &str, value: &str) {
        let plain = written.replace('_', "");
        let same = number(&plain);
        self.out.push(&same.unwrap_or_else(|| value.to_owned()));
    }

    /// The same of a number whose tag makes it a float, however it is written.
    fn float(&mut self, written: &str, value: f64) {
        let plain = written.trim_matches(['"', '\'']).replace('_', "");
        let same = number(&plain).unwrap_or_else(|| format!("{value:?}"));
        let is_whole = !same.contains(['.', 'e', 'E']);
        self.out.push(&same);
        self.out.push(if is_whole { ".0" } else { "" });
    }
}

fn is_bool(text: &str) -> bool {
    ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a number has a prefix that says in which base it is written, or a zero in front that may say so.
fn has_radix(written: &str) -> bool {
    let digits = written.trim_start_matches(['+', '-']);
    let is_whole = !digits.contains(['.', 'e', 'E']) || digits.starts_with("0x") || digits.starts_with("0X");
    is_whole && digits.starts_with('0') && digits.len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::config::{self, Format};

    fn json(text: &str, format: Format) -> String {
        let root = config::node(text, format).expect("a document");
        String::from_utf8(tree(text, &root).expect("in range").json).expect("text").replace(",\n", ",")
    }

    #[test]
    fn yaml_keeps_digits_and_what_only_some_readers_take_for_a_truth_value() {
        for (text, expected) in [
            ("a: 1\nb: [x, 1.50, ~]\n", r#"{"a":1,"b":["x",1.50,null]}"#),
            ("a: yes\nb: true\nc: 'true'\n", r#"{"a":{"<bool>":"yes"},"b":true,"c":"true"}"#),
            ("a: !!bool yes\nb: !!bool \"true\"\nc: !!str yes\n", r#"{"a":true,"b":true,"c":"yes"}"#),
            ("a: !!float 1\nb: !!float '1.50'\nc: !!int 1\n", r#"{"a":1.0,"b":1.50,"c":1}"#),
            ("1: a\ntrue: c\n\"<1>\": d\n", r#"{"<1>":"a","<true>":"c","<<1>":"d"}"#),
            ("'1': a\n!!str 2: b\non: c\n", r#"{"1":"a","2":"b","on":"c"}"#),
            (
                "a: 0xFFFFFFFFFFFFFFFFFF\nb: 010\nc: 0.5\n",
                r#"{"a":{"<int>":"0xFFFFFFFFFFFFFFFFFF"},"b":{"<int>":"010"},"c":0.5}"#,
            ),
            (
                "n: 11111111111111111119.0\nm: 18446744073709551616\n",
                "{\"n\":11111111111111111119.0,\"m\":18446744073709551616}",
            ),
            ("x: 0x1F\ny: 1_000\nz: -.5\n", r#"{"x":31,"y":1000,"z":-0.5}"#),
            ("x: .nan\ny: -.inf\n", r#"{"x":NaN,"y":-Infinity}"#),
            ("base: &b {k: 1}\nother: *b\n", r#"{"base":{"k":1},"other":{"k":1}}"#),
            ("", "null"),
        ] {
            assert_eq!(json(text, Format::Yaml), expected, "{text}");
        }
    }

    #[test]
    fn toml_keeps_digits_and_dates() {
        let text = "d = 1979-05-27T07:32:00Z\nn = 1_000\nf = 3.10\ni = inf\nh = 0xff\n[t]\nd = 07:32:00\n[[list]]\nx = 1\n";
        let found: Vec<String> = json(text, Format::Toml)
            .trim_matches(['{', '}'])
            .split(",\"")
            .map(|part| part.trim_matches('"').to_owned())
            .collect();
        for part in
            ["d\":{\"<date>\":\"1979-05-27T07:32:00Z\"}", "n\":1000", "f\":3.10", "i\":Infinity", "h\":255"]
        {
            assert!(found.iter().any(|found| found == part), "{part} {found:?}");
        }
        assert_ne!(json("a = 07:32:00", Format::Toml), json("a = 07:32:01", Format::Toml));
        assert_eq!(json("a = { '<date>' = '07:32:00' }", Format::Toml), r#"{"a":{"<<date>":"07:32:00"}}"#);
    }

    #[test]
    fn a_number_beyond_all_floats_is_refused_where_it_stands() {
        let text = "a: 1\nb: 1e400\n";
        let root = config::node(text, Format::Yaml).expect("a document");
        let error = tree(text, &root).expect_err("refused").fault("x.yaml").to_string();
        assert_eq!(error, "failed to load `x.yaml:2:4`: a number out of range");
    }
}
