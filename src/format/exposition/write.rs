//! Writes a page, beside what reads one.

use super::model::{Format, Kind};
use std::fmt::Write as _;

/// A page that is being written: a family, then its samples.
pub(crate) struct Writer {
    text: String,
    format: Format,
}

impl Writer {
    pub(crate) fn new(format: Format) -> Self {
        Self { text: String::with_capacity(8 * 1024), format }
    }

    /// Begins a family. `name` is that of its samples without the suffixes of buckets; `OpenMetrics` names a
    /// counter without its `_total`.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let name = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Counter) => name.trim_end_matches("_total"),
            _ => name,
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let kind = kind.as_str();
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes it");
    }

    /// One line of the family; counts up to 2^53 are exact.
    pub(crate) fn sample<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.text.push_str(name);
        let mut before = '{';
        for (key, label) in labels {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.text, "{before}{key}=\"{label}\"").expect("a string takes it");
            before = ',';
        }
        self.text.push_str(if before == ',' { "} " } else { " " });
        if value.is_infinite() {
            self.text.push_str(if value > 0.0 { "+Inf\n" } else { "-Inf\n" });
        } else {
            writeln!(self.text, "{value}").expect("a string takes it");
        }
    }

    /// A gauge with one sample.
    pub(crate) fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, labels, value);
    }

    pub(crate) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for format in [Format::Text, Format::OpenMetrics] {
            let mut page = Writer::new(format);
            page.family("a_total", Kind::Counter, "Back\\slash and\nnewline.");
            page.sample("a_total", [("x", "\"q\"\\\n"), ("y", "")], 7.0);
            page.gauge("b", "Help.", None, f64::NEG_INFINITY);
            let text = page.finish();
            let read = parse(text.as_bytes(), format).expect("a page");
            let family = if format == Format::Text { "a_total" } else { "a" };
            assert_eq!(read.families[family].kind, Some(Kind::Counter));
            assert_eq!(read.families[family].help.as_deref(), Some("Back\\slash and\nnewline."));
            assert_eq!(read.samples[0].labels.to_map()["x"], "\"q\"\\\n");
            assert_eq!((read.samples[0].value, read.samples[1].value), (7.0, f64::NEG_INFINITY));
        }
    }
}
