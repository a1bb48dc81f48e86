//! YAML and TOML.

use super::{Converted, number};
use crate::format::node::{Node, Value};

/// A document of this text.
pub(crate) fn tree(text: &str, root: &Node) -> Converted {
    let mut writer = Writer { text, out: Converted::default() };
    writer.node(root);
    writer.out
}

struct Writer<'t> {
    text: &'t str,
    out: Converted,
}

impl Writer<'_> {
    /// The depth of a tree is bounded by who reads it.
    fn node(&mut self, node: &Node) {
        self.out.begin(node.at);
        let written = self.text.get(node.at..node.at + node.length).unwrap_or_default();
        match &node.value {
            Value::Null => self.out.push("null"),
            // `yes` and `on` are truth values to some readers and texts to others, which is a difference to `true`.
            Value::Bool(_) if !is_bool(written) => self.out.text(written),
            Value::Bool(value) => self.out.push(if *value { "true" } else { "false" }),
            Value::Unsigned(value) => self.number(written, &value.to_string()),
            Value::Signed(value) => self.number(written, &value.to_string()),
            Value::Float(value) if value.is_nan() => self.out.push("NaN"),
            Value::Float(value) if value.is_infinite() && written.to_ascii_lowercase().contains("inf") => {
                self.out.push(if written.starts_with('-') { "-Infinity" } else { "Infinity" });
            }
            Value::Float(value) => self.number(written, &format!("{value:?}")),
            Value::Text(text) => self.out.text(text),
            Value::List(nodes) => {
                self.out.push("[");
                for (at, node) in nodes.iter().enumerate() {
                    self.out.push(if at > 0 { ",\n" } else { "" });
                    self.node(node);
                }
                self.out.push("]");
            }
            // A date of TOML, which JSON does not have.
            Value::Map(_) if node.length > 0 => {
                self.out.push("{\"date\":");
                self.out.text(written);
                self.out.push("}");
            }
            Value::Map(entries) => {
                self.out.push("{");
                for (at, (key, node)) in entries.iter().enumerate() {
                    self.out.push(if at > 0 { ",\n" } else { "" });
                    self.out.begin(key.at);
                    self.out.text(&key.text);
                    self.out.push(":");
                    self.node(node);
                }
                self.out.push("}");
            }
        }
    }

    /// As it was written where JSON can write it, else by its value.
    fn number(&mut self, written: &str, value: &str) {
        let plain = written.replace('_', "");
        let same = number(&plain);
        self.out.push(&same.unwrap_or_else(|| value.to_owned()));
    }
}

fn is_bool(text: &str) -> bool {
    ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::config::{self, Format};

    fn json(text: &str, format: Format) -> String {
        let root = config::node(text, format).expect("a document");
        String::from_utf8(tree(text, &root).json).expect("text").replace(",\n", ",")
    }

    #[test]
    fn yaml_keeps_digits_and_what_only_some_readers_take_for_a_truth_value() {
        for (text, expected) in [
            ("a: 1\nb: [x, 1.50, ~]\n", r#"{"a":1,"b":["x",1.50,null]}"#),
            ("a: yes\nb: true\nc: 'true'\n", r#"{"a":"yes","b":true,"c":"true"}"#),
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
            ["d\":{\"date\":\"1979-05-27T07:32:00Z\"}", "n\":1000", "f\":3.10", "i\":Infinity", "h\":255"]
        {
            assert!(found.iter().any(|found| found == part), "{part} {found:?}");
        }
        assert_ne!(json("a = 07:32:00", Format::Toml), json("a = 07:32:01", Format::Toml));
    }
}
