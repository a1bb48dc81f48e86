use super::*;
use crate::format::config::{self, Format};
use crate::format::json::typed;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    steps: Vec<Step>,
    #[serde(default)]
    limits: BTreeMap<String, Limit>,
    pair: Option<(u8, i64)>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    name: String,
    wait: Option<u64>,
    #[serde(default)]
    check: Check,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Check {
    #[default]
    None,
    Below(f64),
    Between {
        low: f64,
        high: f64,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Limit {
    Bytes(u64),
    Text(String),
}

fn step(name: &str, wait: Option<u64>, check: Check) -> Step {
    Step { name: name.to_owned(), wait, check }
}

#[test]
fn one_type_reads_the_same_from_every_language() {
    let expected = Plan {
        steps: vec![
            step("a", None, Check::None),
            step("b", Some(u64::MAX), Check::Below(1.0)),
            step("c", None, Check::Between { low: -0.5, high: 1e3 }),
        ],
        limits: BTreeMap::from([
            ("cpu".to_owned(), Limit::Bytes(7)),
            ("odd.key".to_owned(), Limit::Text("2G".to_owned())),
        ]),
        pair: Some((255, i64::MIN)),
    };
    let texts = [
        (
            Format::Yaml,
            "limits: {cpu: 7, odd.key: 2G}\npair: [255, -9223372036854775808]\nsteps:\n  - {name: a}\n  \
             - {name: b, wait: 18446744073709551615, check: {below: 1}}\n  \
             - name: c\n    wait: ~\n    check: {between: {low: -0.5, high: 1e3}}\n",
        ),
        (
            Format::Json,
            r#"{"steps": [{"name": "a"}, {"name": "b", "wait": 18446744073709551615, "check": {"below": 1}},
                {"name": "c", "wait": null, "check": {"between": {"low": -0.5, "high": 1e3}}}],
                "limits": {"cpu": 7, "odd.key": "2G"}, "pair": [255, -9223372036854775808]}"#,
        ),
        (
            Format::Toml,
            "pair = [255, -9223372036854775808]\n[[steps]]\nname = 'a'\n[[steps]]\nname = 'b'\n\
             wait = 18446744073709551615\ncheck = {below = 1}\n[[steps]]\nname = 'c'\n\
             [steps.check.between]\nlow = -0.5\nhigh = 1e3\n[limits]\ncpu = 7\n'odd.key' = '2G'\n",
        ),
    ];
    for (format, text) in texts {
        assert_eq!(config::read::<Plan>(text, format).expect("valid"), expected, "{format:?}");
    }
}

#[test]
fn an_error_has_line_column_path_and_what_stands_there() {
    let cases = [
        ("steps:\n  - {name: a, wit: 3}\n", "2:15, root.steps[0]: unknown field `wit`, expected one of"),
        ("steps:\n  - {name: a, wit: 3}\n", "; did you mean `wait`?"),
        ("steps:\n  - {name: a}\n  - {wait: 3}\n", "3:5, root.steps[1]: missing field `name`"),
        ("steps: []\nlimits: {odd.key: []}\n", "2:19, root.limits[\"odd.key\"]: data did not match"),
        ("steps:\n  - name: a\n    wait: soon\n", "3:11, root.steps[0].wait: invalid type: string \"soon\""),
        (
            "steps: []\npair: [256, 1]\n",
            "2:8, root.pair[0]: invalid value: integer `256`, expected a whole number from 0 to 255",
        ),
        ("steps: []\npair: [1, 2, 3]\n", "2:7, root.pair: invalid length 3, expected a list of 2"),
        ("steps: []\npair: [1]\n", "2:7, root.pair: invalid length 1"),
        ("steps: [{name: a, check: beyond}]\n", "1:26, root.steps[0].check: unknown variant `beyond`"),
        ("steps: [{name: a, check: {below: x}}]\n", "1:34, root.steps[0].check.below: invalid type: string"),
        ("steps: [{name: a, check: {bellow: 1}}]\n", "1:27, root.steps[0].check: unknown variant `bellow`"),
        ("steps: [{name: a, check: {}}]\n", "1:26, root.steps[0].check: invalid type: map, expected one of"),
        ("steps: ~\n", "1:8, root.steps: invalid type: null, expected a list"),
        ("- steps\n", "1:1, root: invalid type: sequence, expected a map"),
    ];
    for (text, expected) in cases {
        let message = config::read::<Plan>(text, Format::Yaml).expect_err("refused").to_string();
        assert!(message.contains(expected), "{text}{message}");
    }
}

#[test]
fn the_value_that_a_type_itself_refuses_is_shown_once_and_short() {
    #[derive(Debug, Deserialize)]
    struct Named {
        #[expect(dead_code, reason = "only decoding is tested")]
        at: jiff::Timestamp,
    }
    let refusal = |text: &str| config::read::<Named>(text, Format::Yaml).expect_err("refused").to_string();
    assert!(refusal("at: 2025-13-01T00:00:00Z\n").contains("2025-13-01T00:00:00Z"));
    let long = refusal(&format!("at: {}\n", "x".repeat(1000)));
    assert!(long.len() < 400, "{long}");
}

#[test]
fn only_numbers_that_were_written_as_numbers_are_numbers() {
    let yaml = |text: &str| config::read::<BTreeMap<String, f64>>(text, Format::Yaml);
    assert_eq!(yaml("a: 1_000\nb: -2.5e3\n").expect("numbers")["b"], -2500.0);
    for text in
        ["a: '1'\n", "a: \"700\"\n", "a: .inf\n", "a: -.inf\n", "a: .nan\n", "a: 1e999\n", "a: true\n"]
    {
        assert!(yaml(text).is_err(), "{text}");
    }
    for text in ["a = inf", "a = nan", "a = 1e999", "a = 18446744073709551616"] {
        assert!(config::read::<BTreeMap<String, f64>>(text, Format::Toml).is_err(), "{text}");
    }
    assert!(config::read::<BTreeMap<String, u64>>("{\"a\": 1.0}", Format::Json).is_err());
    assert!(config::read::<BTreeMap<String, bool>>("a: 'true'\n", Format::Yaml).is_err());
}

#[test]
fn a_plain_yaml_scalar_is_the_text_that_it_was_written_as() {
    type Texts = BTreeMap<String, String>;
    let text = "a: 1.10\nb: yes\nc: 007\nd: 1e999\ne: .inf\nf: 0x1F\ng: 'x'\nh: &h 1.50\ni: *h\nj: 12 # x\n";
    let texts: Texts = config::read(text, Format::Yaml).expect("texts");
    let values: Vec<&str> = texts.values().map(String::as_str).collect();
    assert_eq!(values, ["1.10", "yes", "007", "1e999", ".inf", "0x1F", "x", "1.50", "1.50", "12"]);
    for text in ["a: ~\n", "a:\n", "a: []\n", "a: !!int '5'\n", "~: 1\n", "[a]: 1\n"] {
        assert!(config::read::<Texts>(text, Format::Yaml).is_err(), "{text}");
    }
    assert!(config::read::<Texts>("{\"a\": 1}", Format::Json).is_err());
    assert!(config::read::<Texts>("a = 1", Format::Toml).is_err());
}

#[test]
fn one_value_is_a_list_of_one_in_configuration_and_nowhere_else() {
    for (format, text) in
        [(Format::Yaml, "of: up\n"), (Format::Json, "{\"of\": \"up\"}"), (Format::Toml, "of = 'up'\n")]
    {
        let lists: BTreeMap<String, Vec<String>> = config::read(text, format).expect("a list");
        assert_eq!(lists["of"], ["up"]);
    }
    let error = config::read::<Plan>("steps: {name: 3, wait: x}\n", Format::Yaml).expect_err("refused");
    assert!(error.to_string().contains("root.steps.wait: "), "{error}");
    assert!(typed::read::<BTreeMap<String, Vec<String>>>("{\"of\": \"up\"}").is_err());
}

#[derive(Deserialize)]
struct Steps {
    base: Step,
    steps: Vec<Step>,
}

#[test]
fn anchors_and_merges_are_resolved_and_told_keys_win() {
    let text = "base: &base {name: a, wait: 1}\nsteps:\n  - <<: *base\n    wait: 2\n  - *base\n";
    let file: Steps = config::read(text, Format::Yaml).expect("valid");
    assert_eq!(file.base, file.steps[1]);
    assert_eq!(file.steps[0], step("a", Some(2), Check::None));
    let text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {'<<': 1}\n";
    let maps: BTreeMap<String, BTreeMap<String, u64>> = config::read(text, Format::Yaml).expect("valid");
    assert_eq!(maps["c"].values().copied().collect::<Vec<_>>(), [3, 1, 2]);
    assert_eq!(maps["d"]["<<"], 1);
    for text in ["a: &a [*a]\n", "a: {<<: 1}\n", "a: *none\n"] {
        assert!(config::read::<serde_json::Value>(text, Format::Yaml).is_err(), "{text}");
    }
}

#[test]
fn keys_that_occur_twice_are_refused_at_any_depth() {
    for (format, text) in [
        (Format::Yaml, "a:\n  b: 1\n  b: 2\n"),
        (Format::Yaml, "a:\n  1: 1\n  '1': 2\n"),
        (Format::Json, "{\"a\": {\"b\": 1,\n \"c\": 0, \"\\u0062\": 2}}"),
        (Format::Toml, "[a]\nb = 1\nb = 2\n"),
    ] {
        let error = config::read::<serde_json::Value>(text, format).expect_err("refused").to_string();
        assert!(error.contains("duplicate"), "{format:?} {error}");
        assert!(!error.starts_with("1:"), "{format:?} {error}");
    }
}

#[test]
fn deep_and_swollen_documents_are_errors_and_not_crashes() {
    let deep = 100_000;
    let texts = [
        (Format::Yaml, "[".repeat(deep)),
        (Format::Yaml, "- ".repeat(deep)),
        (Format::Yaml, "{a: ".repeat(deep)),
        (Format::Json, "[".repeat(deep)),
        (Format::Json, "{\"a\":".repeat(deep)),
        (Format::Toml, format!("a = {}", "[".repeat(deep))),
        (Format::Toml, format!("a{} = 1", ".a".repeat(1000))),
    ];
    for (format, text) in texts {
        assert!(config::read::<serde_json::Value>(&text, format).is_err(), "{format:?}");
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let before = format!("*a{}, ", n - 1).repeat(10);
        bomb += &format!("a{n}: &a{n} [{before}]\n");
    }
    assert!(config::read::<serde_json::Value>(&bomb, Format::Yaml).is_err());
}

#[test]
fn a_tag_that_nothing_knows_is_refused() {
    for text in ["a: !!int x\n", "a: !!map []\n", "a: !vault x\n", "a: !vault {b: 1}\n", "!plan {a: 1}\n"] {
        assert!(config::read::<serde_json::Value>(text, Format::Yaml).is_err(), "{text}");
    }
}

#[test]
fn a_json_value_is_read_like_its_text() {
    let value = serde_json::json!({"steps": [{"name": "a", "wait": 3, "check": {"below": 0.5}}]});
    let plan: Plan = from_json(value.clone()).expect("valid");
    assert_eq!(plan, typed::read(&value.to_string()).expect("valid"));
    let error = from_json::<Plan>(serde_json::json!({"steps": [{"name": 1}]})).expect_err("refused");
    assert!(error.to_string().starts_with("root.steps[0].name: invalid type: integer `1`"), "{error}");
}
