//! Typed configuration from YAML, JSON or TOML by extension. Unknown keys are refused and the nearest
//! valid one is named; every error carries path, line and column.

use crate::report::exit::Fault;
use crate::sys::fsio;
use serde::de::DeserializeOwned;
use std::path::Path;

/// A configuration language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.toml`
    Toml,
}

impl Format {
    /// The language of a file, by its extension.
    pub(crate) fn of(path: &Path) -> Result<Self, Fault> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("json") => Ok(Self::Json),
            Some("toml") => Ok(Self::Toml),
            _ => Err(Fault::config(format!(
                "failed to load `{}`: the extension must be .yaml, .yml, .json or .toml",
                path.display()
            ))),
        }
    }
}

/// A configuration text, and where it comes from.
#[derive(Debug)]
pub(crate) struct Source {
    /// The text.
    pub(crate) text: String,
    /// Its file as it was named, or the default one; `None` for the built-in text.
    pub(crate) file: Option<String>,
    format: Format,
    shown: String,
}

impl Source {
    /// The file that was named, which must be there; else the root's own one; else the built-in text, which
    /// is YAML, and of which `what` tells the operator. Paths are resolved against `root`.
    pub(crate) fn of(
        named: Option<&Path>,
        own: &str,
        built_in: &str,
        what: &str,
        root: &Path,
    ) -> Result<Self, Fault> {
        let named = named.map(|path| (root.join(path), path.display().to_string()));
        let file = match named {
            Some(named) => Some(named),
            None => fsio::exists(&root.join(own))?.then(|| (root.join(own), own.to_owned())),
        };
        let Some((path, name)) = file else {
            tracing::info!("using built-in {what}");
            let (text, shown) = (built_in.to_owned(), format!("built-in {own}"));
            return Ok(Self { text, file: None, format: Format::Yaml, shown });
        };
        let (format, shown) = (Format::of(&path)?, path.display().to_string());
        Ok(Self { text: fsio::read_text(&path)?, file: Some(name), format, shown })
    }

    /// The file, or `built-in`, as reports name it.
    pub(crate) fn name(&self) -> String {
        self.file.clone().unwrap_or_else(|| "built-in".to_owned())
    }

    /// Decodes the text.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        parse(&self.text, self.format, &self.shown)
    }
}

/// Loads a file the operator named; a missing one is a fault, never a default.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let format = Format::of(path)?;
    parse(&fsio::read_text(path)?, format, &path.display().to_string())
}

/// Decodes configuration text; `name` stands for it in errors.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, format: Format, name: &str) -> Result<T, Fault> {
    let says_nothing = |line: &str| line.is_empty() || line == "---" || line.starts_with('#');
    if text.lines().all(|line| says_nothing(line.trim())) {
        return Err(Fault::config(format!("failed to load `{name}`: the file is empty")));
    }
    let (place, message) = match format {
        Format::Yaml => match serde_saphyr::from_str(text) {
            Ok(value) => return Ok(value),
            Err(error) => {
                let place = error.location().map(|at| (at.line(), at.column()));
                (place, first_line(&error.without_snippet().to_string()))
            }
        },
        Format::Json => match serde_json::from_str(text) {
            Ok(value) => return Ok(value),
            Err(error) => {
                let place = (error.line() as u64, error.column() as u64);
                (Some(place), error.to_string())
            }
        },
        Format::Toml => match toml::from_str(text) {
            Ok(value) => return Ok(value),
            Err(error) => {
                let place = error.span().map(|span| line_and_column(text, span.start));
                (place, first_line(error.message()))
            }
        },
    };
    let value = place.and_then(|(line, column)| text_at(text, line, column));
    let value = value.map_or_else(String::new, |value| format!("; there stands `{value}`"));
    let place = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
    let message = without_place(&message);
    let nearest = nearest_name(message);
    let nearest = nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    Err(Fault::config(format!("failed to load `{name}{place}`: {message}{nearest}{value}")))
}

/// A number that was written as one. YAML readers would take `"700"` for a number where one is expected;
/// whoever quotes a value says that it is text, and is told so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl serde::de::Visitor<'_> for Seen {
            type Value = Number;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

/// The closest of the valid names listed in serde's own "unknown field" and "unknown variant" messages.
fn nearest_name(message: &str) -> Option<&str> {
    let (wrong, valid) = message.split_once("expected")?;
    let wrong = wrong.split('`').nth(1).filter(|_| wrong.contains("unknown "))?;
    let names = valid.trim_start_matches(" one of").split([',', ' ', '`']).filter(|name| !name.is_empty());
    let scored = names.map(|name| (strsim::jaro_winkler(wrong, name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// Strips the position that some parsers repeat inside their message; it stands beside the path.
fn without_place(message: &str) -> &str {
    let cut = [" at line ", " at <input>"].iter().filter_map(|mark| message.rfind(mark)).min();
    let message = &message[..cut.unwrap_or(message.len())];
    match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest,
        Some((place, rest)) if place.starts_with("error") => rest,
        _ => message,
    }
}

/// What stands at a place, as far as the line and 40 characters go.
fn text_at(text: &str, line: u64, column: u64) -> Option<String> {
    let line = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let rest = line.chars().skip(usize::try_from(column).ok()?.checked_sub(1)?).take(40);
    let rest: String = rest.collect();
    let rest = rest.trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn line_and_column(text: &str, offset: usize) -> (u64, u64) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line as u64, column as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoding is tested")]
    struct Limits {
        order_age_p95_ms: f64,
        #[serde(default)]
        min_fills: u64,
    }

    fn refusal(text: &str, format: Format) -> String {
        parse::<Limits>(text, format, "limits").expect_err("refused").to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_place_and_nearest_name() {
        for (format, text) in [
            (Format::Yaml, "order_age_p95_ms: 1\nmin_fill: 3\n"),
            (Format::Json, "{\"order_age_p95_ms\": 1,\n\"min_fill\": 3}"),
            (Format::Toml, "order_age_p95_ms = 1.0\nmin_fill = 3\n"),
        ] {
            let message = refusal(text, format);
            assert!(message.starts_with("failed to load `limits:2:"), "{format:?} {message}");
            assert!(message.contains("unknown field `min_fill`"), "{format:?} {message}");
            assert!(message.contains("; did you mean `min_fills`?"), "{format:?} {message}");
        }
    }

    #[test]
    fn a_wrong_type_names_the_value_and_the_place() {
        for (format, text) in [
            (Format::Yaml, "order_age_p95_ms: fast\n"),
            (Format::Json, "{\"order_age_p95_ms\": \"fast\"}"),
            (Format::Toml, "order_age_p95_ms = \"fast\"\n"),
        ] {
            let message = refusal(text, format);
            assert!(message.starts_with("failed to load `limits:1:"), "{format:?} {message}");
        }
    }

    #[test]
    fn a_duplicate_key_is_refused() {
        for (format, text) in [
            (Format::Yaml, "order_age_p95_ms: 1\norder_age_p95_ms: 2\n"),
            (Format::Json, "{\"order_age_p95_ms\": 1, \"order_age_p95_ms\": 2}"),
            (Format::Toml, "order_age_p95_ms = 1.0\norder_age_p95_ms = 2.0\n"),
        ] {
            assert!(refusal(text, format).contains("duplicate"), "{format:?}");
        }
    }

    #[test]
    fn an_empty_file_is_no_configuration() {
        for format in [Format::Yaml, Format::Json, Format::Toml] {
            assert!(refusal("# nothing\n", format).ends_with("the file is empty"));
        }
    }
}
