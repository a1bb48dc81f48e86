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
        let expected = "failed to load `limits:2:1`, root: unknown field `min_fill`, expected \
                        `order_age_p95_ms` or `min_fills`; did you mean `min_fills`?";
        assert_eq!(message, expected, "{format:?}");
    }
}

#[test]
fn a_wrong_type_names_the_value_and_the_place() {
    for (format, text, column) in [
        (Format::Yaml, "order_age_p95_ms: fast\n", 19),
        (Format::Json, "{\"order_age_p95_ms\": \"fast\"}", 23),
        (Format::Toml, "order_age_p95_ms = \"fast\"\n", 20),
    ] {
        let expected = format!(
            "failed to load `limits:1:{column}`, root.order_age_p95_ms: invalid type: string \"fast\", \
             expected a number"
        );
        assert_eq!(refusal(text, format), expected, "{format:?}");
    }
}

#[test]
fn a_text_of_another_language_is_refused_with_its_place() {
    for (format, text) in [
        (Format::Yaml, "order_age_p95_ms: 1\nmin_fills: [1\n"),
        (Format::Yaml, "order_age_p95_ms: 1\n---\nmin_fills: 1\n"),
        (Format::Json, "{\"order_age_p95_ms\": 1,\n}"),
        (Format::Toml, "order_age_p95_ms = 1.0\nmin_fills\n"),
    ] {
        let message = refusal(text, format);
        assert!(
            message.starts_with("failed to load `limits:2:") || message.contains("`limits:3:"),
            "{message}"
        );
    }
}

#[test]
fn an_empty_file_is_no_configuration() {
    for format in [Format::Yaml, Format::Json, Format::Toml] {
        assert!(refusal("# nothing\n", format).ends_with("the file is empty"));
    }
}
