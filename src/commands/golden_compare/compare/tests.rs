use super::content::Content;
use super::walk::compare;
use super::{CompareError, Found, Side};
use crate::commands::golden_compare::drift::difference::Drift;
use crate::commands::golden_compare::drift::number::Tolerance;
use crate::commands::golden_compare::drift::{IntFloat, NanPolicy, Rule, Rules};
use crate::format::json::path::Pattern;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::io::Cursor;

fn found(baseline: &str, actual: &str, rules: &Rules) -> Found {
    let documents = (Cursor::new(baseline), Cursor::new(actual));
    compare(Content::Document, documents.0, documents.1, rules, 100, &|| Ok(())).expect("two documents")
}

fn with(baseline: &str, actual: &str, rules: &Rules) -> Vec<String> {
    let found = found(baseline, actual, rules);
    assert_eq!(found.total, found.drifts.len() as u64);
    found.drifts.iter().map(Drift::message).collect()
}

fn plain(baseline: &str, actual: &str) -> Vec<String> {
    with(baseline, actual, &Rules::default())
}

fn rule<T>(text: &str, what: T) -> Rule<T> {
    Rule { files: None, at: Pattern::parse(text).expect("a pattern"), what, given: text.to_owned() }
}

#[test]
fn arrays_without_order_within_each_other_cost_no_more_than_is_said() {
    let unordered = Rules { unordered: vec![rule("root.**", None)], ..Rules::default() };
    let close = Rules { tolerance: Tolerance { abs: 0.1, rel: 0.0, ulp: 0 }, ..unordered };
    let nested = |depth: usize, width: usize, number: &str| {
        (0..depth).fold(number.to_owned(), |inner, _| format!("[{}]", vec![inner; width].join(",")))
    };
    // Each pair is tried once: trying it for every array around it would take 2^120 tries, and 4^6 of the wider one.
    for (depth, width) in [(120, 1), (6, 2)] {
        let (one, near, far) =
            (nested(depth, width, "1.0"), nested(depth, width, "1.05"), nested(depth, width, "2.0"));
        assert_eq!(with(&one, &near, &close), [""; 0]);
        assert!(found(&one, &far, &close).total > 0);
    }
    let (one, far) = (nested(2000, 1, "1.0"), nested(2000, 1, "2.0"));
    let (one, far) = (Cursor::new(one), Cursor::new(far));
    match compare(Content::Document, one, far, &close, 100, &|| Ok(())) {
        Err(CompareError::Fault(fault)) => assert!(fault.to_string().contains("too deeply"), "{fault}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_table_of_the_earlier_tool() {
    let table: &[(&str, &str, &[&str])] = &[
        (r#"{"a": [1, {"b": null}], "c": "x"}"#, r#"{"c":"x","a":[1,{"b":null}]}"#, &[]),
        (
            r#"{"value": 2.0}"#,
            r#"{"value": 2.1}"#,
            &[
                "root.value: float drift (baseline=2.000000000, actual=2.100000000, diff=1.000000000e-01, tolerance abs=1e-9)",
            ],
        ),
        (r#"{"a": 1, "c": 2}"#, r#"{"a": 1}"#, &["root: missing keys: ['c']"]),
        (
            r#"{"a": 1}"#,
            r#"{"z": 2, "a": 1, "b": 3}"#,
            &["root: extra keys: ['b']", "root: extra keys: ['z']"],
        ),
        (
            r#"{"b": 1, "a": 2}"#,
            r#"{"c": 1}"#,
            &["root: missing keys: ['a']", "root: missing keys: ['b']", "root: extra keys: ['c']"],
        ),
        (r#"{"v": 1}"#, r#"{"v": "1"}"#, &["root.v: type mismatch (baseline=int, actual=str)"]),
        (r#"{"v": 1}"#, r#"{"v": 1.0}"#, &["root.v: type mismatch (baseline=int, actual=float)"]),
        (r#"{"v": true}"#, r#"{"v": 1}"#, &["root.v: type mismatch (baseline=bool, actual=int)"]),
        (
            r#"{"v": null}"#,
            r#"{"v": {"x": [1, 2]}}"#,
            &["root.v: type mismatch (baseline=NoneType, actual=dict)"],
        ),
        (
            r#"{"v": [[1], {"y": {}}], "w": 1}"#,
            r#"{"v": {"x": 1}, "w": 2}"#,
            &[
                "root.v: type mismatch (baseline=list, actual=dict)",
                "root.w: value mismatch (baseline=1, actual=2)",
            ],
        ),
        (r#"{"v": true}"#, r#"{"v": false}"#, &["root.v: value mismatch (baseline=true, actual=false)"]),
        (r#"["a", "b"]"#, r#"["a", "c"]"#, &["root[1]: value mismatch (baseline=\"b\", actual=\"c\")"]),
        ("[1, 2, 3]", "[1, 2]", &["root: length mismatch (baseline=3, actual=2), first difference at [2]"]),
        (
            "[1, [2], {}]",
            "[0, 1, [2], {}]",
            &["root: length mismatch (baseline=3, actual=4), first difference at [0]"],
        ),
        (
            "[[1.5, [2, 3]], 4]",
            "[[1.5, [2, 9]]]",
            &["root: length mismatch (baseline=2, actual=1), first difference at [0]"],
        ),
        ("[]", "[[[]]]", &["root: length mismatch (baseline=0, actual=1), first difference at [0]"]),
        (
            "9007199254740993",
            "9007199254740992",
            &["root: value mismatch (baseline=9007199254740993, actual=9007199254740992)"],
        ),
        ("123456789012345678901234567890", "123456789012345678901234567890", &[]),
        ("[0.0, -0.0, 0, 1e2]", "[-0.0, 0.0, -0, 100.0]", &[]),
        (r#""\u00e4\/\n""#, "\"\u{e4}/\\u000a\"", &[]),
        (r#"{"\u0061": 1, "b": 2}"#, r#"{"a": 1, "\u0062": 2}"#, &[]),
        ("{\r\n \"a\": [\r\n1]}\r\n", "{\"a\":[1]}", &[]),
        (
            r#"{"a": {"x": 1.0, "y": 2}, "b": 3}"#,
            r#"{"b": 4, "a": {"y": 5, "x": 9.0}}"#,
            &[
                "root.a.x: float drift (baseline=1.000000000, actual=9.000000000, diff=8.000000000e+00, tolerance abs=1e-9)",
                "root.a.y: value mismatch (baseline=2, actual=5)",
                "root.b: value mismatch (baseline=3, actual=4)",
            ],
        ),
    ];
    for (baseline, actual, expected) in table {
        assert_eq!(plain(baseline, actual), *expected, "{baseline} {actual}");
    }
}

#[test]
fn a_broken_document_is_named_whichever_way_the_walk_reaches_it() {
    let long = "1,".repeat(200);
    let table = [
        (r#"{"a": 1, "a": 1}"#.to_owned(), r#"{"a": 1}"#.to_owned(), Side::Baseline),
        (r#"{"a": 1, "b": 2}"#.into(), r#"{"a": 1, "b": 2, "a": 3}"#.into(), Side::Actual),
        (r#"{"a": 1, "b": 2}"#.into(), r#"{"b": 2, "a": 1, "b": 3}"#.into(), Side::Actual),
        (r#"{"a": 1}"#.into(), r#"{"a": {"x": 1, "x": 2}}"#.into(), Side::Actual),
        (r#"{"a": 1, "c": {"x": 1, "x": 2}}"#.into(), r#"{"a": 1}"#.into(), Side::Baseline),
        ("[1, 2, {\"x\":1,\"x\":1}]".into(), "[1]".into(), Side::Baseline),
        (format!("[{long}1"), format!("[{long}1]"), Side::Baseline),
        (format!("[{long}1]"), format!("[{long}1] x"), Side::Actual),
        (format!("[{long}NaN]"), format!("[{long}NaN]"), Side::Baseline),
        (format!("[{long}1]"), format!("[{long}1,]"), Side::Actual),
    ];
    for (baseline, actual, side) in table {
        let documents = (Cursor::new(&baseline), Cursor::new(&actual));
        let result = compare(Content::Document, documents.0, documents.1, &Rules::default(), 10, &|| Ok(()));
        assert!(
            matches!(&result, Err(CompareError::Document(found, _)) if *found == side),
            "{baseline} {actual} {result:?}"
        );
    }
}

#[test]
fn deep_documents_are_compared_without_a_crash() {
    let deep = |open: &str, leaf: &str, close: &str, levels: usize| {
        open.repeat(levels) + leaf + &close.repeat(levels)
    };
    for (open, close, of_each) in
        [("[", "]", 1), ("{\"a\":", "}", 1), ("[{\"k\":", "}]", 2), ("{\"b\":1,\"a\":", "}", 1)]
    {
        let deepest = |leaf: &str, more: usize| deep(open, leaf, close, 10_000 / of_each + more);
        assert_eq!(found(&deepest("1.5", 0), &deepest("1.5", 0), &Rules::default()).total, 0);
        let drift = found(&deepest("1.5", 0), &deepest("2.5", 0), &Rules::default());
        assert_eq!(drift.total, 1);
        assert!(drift.drifts[0].message().contains(" levels).."));
        let documents = (Cursor::new(deepest("1", 1)), Cursor::new(deepest("2", 1)));
        let result = compare(Content::Document, documents.0, documents.1, &Rules::default(), 10, &|| Ok(()));
        let error = format!("{:?}", result.expect_err("too deep"));
        assert!(error.contains("more than 10000 levels"), "{error}");
    }
    // Every level in another order: each is read ahead once, not once for each level above it.
    let (forth, back) =
        (deep("{\"a\":", "1", ",\"b\":1}", 10_000), deep("{\"b\":1,\"a\":", "1", "}", 10_000));
    assert_eq!(found(&forth, &back, &Rules::default()).total, 0);
}

#[test]
fn more_differences_than_are_listed_are_counted() {
    let numbers = |from: u32| json!((from..from + 500).collect::<Vec<u32>>()).to_string();
    let found = found(&numbers(0), &numbers(1), &Rules::default());
    assert_eq!((found.total, found.drifts.len()), (500, 100));
}

#[test]
fn ignored_paths_do_not_count() {
    let rules = |paths: &[&str]| Rules {
        ignored: paths.iter().map(|text| rule(text, ())).collect(),
        ..Rules::default()
    };
    let (baseline, actual) = (
        r#"{"meta": {"ts": 1, "host": "a", "v": 1}, "runs": [{"pid": 1, "x": 1}, {"pid": 2, "x": 1}]}"#,
        r#"{"meta": {"ts": [2], "v": 1, "new": 0}, "runs": [{"pid": 7, "x": 1}, {"pid": 8, "x": 2}]}"#,
    );
    assert_eq!(found(baseline, actual, &Rules::default()).total, 6);
    let some = rules(&["root.meta.ts", "root.**.pid", "root.meta.host", "root.meta.new"]);
    assert_eq!(with(baseline, actual, &some), ["root.runs[1].x: value mismatch (baseline=1, actual=2)"]);
    assert_eq!(with(baseline, actual, &rules(&["root.meta", "root.runs[*].pid", "root.runs[1]"])), [""; 0]);
    assert_eq!(with("[1, 2]", "[1]", &rules(&["root[1]"])).len(), 1, "a length is the array's");
}

#[test]
fn a_tolerance_of_its_own_goes_by_path() {
    let at = |text: &str, abs| rule(text, Tolerance { abs, rel: 0.0, ulp: 0 });
    let rules = Rules { tolerances: vec![at("root.**", 1.0), at("root.kpi.*", 0.1)], ..Rules::default() };
    let (baseline, actual) =
        (r#"{"kpi": {"x": 1.0}, "n": 5, "y": 1.0}"#, r#"{"kpi": {"x": 1.5}, "n": 6, "y": 1.9}"#);
    let found = with(baseline, actual, &rules);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("root.kpi.x: float drift") && found[0].ends_with("tolerance abs=0.1)"),
        "{found:?}"
    );
}

#[test]
fn nan_has_a_policy() {
    let with_nan = |nan, a: &str, b: &str| found(a, b, &Rules { nan, ..Rules::default() }).total;
    let long = format!("[{}NaN, -Infinity]", "1,".repeat(100));
    assert_eq!(with_nan(NanPolicy::Equal, &long, &long), 0);
    assert_eq!(with_nan(NanPolicy::Drift, &long, &long), 1);
    assert_eq!(with_nan(NanPolicy::Equal, "[NaN]", "[1.0]"), 1);
    assert_eq!(with_nan(NanPolicy::Equal, "[Infinity]", "[-Infinity]"), 1);
}

#[test]
fn lenient_numbers_mix() {
    let rules = Rules { int_float: IntFloat::Lenient, ..Rules::default() };
    assert_eq!(with("[1, 2.0, 3]", "[1.0, 2, 3.5]", &rules).len(), 1);
}

#[test]
fn arrays_without_order_are_paired_by_field_or_content() {
    let rules = |text: &str, key: Option<&str>| Rules {
        unordered: vec![rule(text, key.map(str::to_owned))],
        ..Rules::default()
    };
    let pad = " ".repeat(300);
    let baseline = format!(
        r#"{{"fills": [{{"id": 1, "px": 1.5}}, {{"id": 2, "px": 2.5}}, {{"id": 3, "px": 0}}],{pad} "z": 1}}"#
    );
    let actual = format!(
        r#"{{"fills": [{{"px": 2.6, "id": 2}}, {{"px": 1.5, "id": 1}}, {{"id": 4, "px": 0}}],{pad} "z": 2}}"#
    );
    assert_eq!(
        with(&baseline, &actual, &rules("root.fills", Some("id"))),
        [
            "root.fills: missing elements: ['id=3']",
            "root.fills: extra elements: ['id=4']",
            "root.fills[id=2].px: float drift (baseline=2.500000000, actual=2.600000000, diff=1.000000000e-01, tolerance abs=1e-9)",
            "root.z: value mismatch (baseline=1, actual=2)",
        ]
    );
    let content = rules("root", None);
    assert_eq!(
        with(r#"[{"a": 1, "b": [1.0]}, "x", "x"]"#, r#"["x", {"b": [1.00], "a": 1}, "x"]"#, &content),
        [""; 0]
    );
    assert_eq!(
        with(r#"["x", "x", {"a": {}}]"#, r#"["x", {"a": []}]"#, &content),
        [
            "root: missing elements: ['root[1]']",
            "root: missing elements: ['root[2]']",
            "root: extra elements: ['root[1]']"
        ]
    );
    assert_eq!(with("[1, 2]", "[2, 2]", &content).len(), 2);
    assert_eq!(with("[[1, 2]]", "[[2, 1]]", &content).len(), 2, "the order below counts");
    let unfit = [r#"[{"id": 1}, {"id": 1}]"#, r#"[{"x": 1}]"#, "[1]", r#"[{"id": null}]"#];
    for baseline in unfit {
        let documents = (Cursor::new(baseline), Cursor::new("[]"));
        let result =
            compare(Content::Document, documents.0, documents.1, &rules("root", Some("id")), 10, &|| Ok(()));
        assert!(
            matches!(&result, Err(CompareError::Fault(fault)) if fault.to_string().contains("--ignore-order"))
        );
    }
}

#[test]
fn lines_are_documents_of_their_own() {
    let of = |a: &str, b: &str| {
        let found =
            compare(Content::Lines, Cursor::new(a), Cursor::new(b), &Rules::default(), 10, &|| Ok(()));
        found.expect("documents").drifts.iter().map(Drift::message).collect::<Vec<String>>()
    };
    assert_eq!(of("{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\r\n{\"a\":2}"), [""; 0]);
    assert_eq!(
        of("{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n"),
        ["root[1].a: value mismatch (baseline=2, actual=3)"]
    );
    assert_eq!(
        of("1\n2\n", "1\n"),
        ["root: length mismatch (baseline=2, actual=1), first difference at [1]"]
    );
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        (0..4_i32).prop_map(|n| json!(f64::from(n) / 2.0)),
        "[ab\\\\\"\u{e4}]{0,3}".prop_map(Value::from),
        "[x]{90,130}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[abc\u{e4}]{1,2}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<String, Value>>())),
        ]
    })
}

/// The same document in another text: keys in another order, escapes and white space where they may be.
fn written(value: &Value, seed: u64, out: &mut String) {
    let next = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let space = if next >> 62 == 0 { " \r\n" } else { "" };
    let text = |text: &str| {
        if next >> 61 & 1 == 0 {
            return json!(text).to_string();
        }
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{escaped}\"")
    };
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            if next >> 60 & 1 == 0 {
                entries.reverse();
            }
            let middle = usize::try_from(next >> 50 & 3).expect("small").min(entries.len());
            entries.rotate_left(middle);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(&format!("{space}{}{space}:", text(key)));
                written(value, next ^ index as u64, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, value) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                written(value, next ^ index as u64, out);
                out.push_str(space);
            }
            out.push(']');
        }
        Value::String(value) => out.push_str(&text(value)),
        other => out.push_str(&other.to_string()),
    }
}

/// What a walk over two trees in memory finds, for comparison.
fn differences(a: &Value, b: &Value) -> u64 {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = a.keys().filter(|key| !b.contains_key(*key)).count();
            let extra = b.keys().filter(|key| !a.contains_key(*key)).count();
            let common = a.iter().filter_map(|(key, value)| Some(differences(value, b.get(key)?)));
            (missing + extra) as u64 + common.sum::<u64>()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| differences(a, b)).sum()
        }
        _ => u64::from(a != b),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_finds_what_two_trees_in_memory_show(
        baseline in documents(), other in documents(), at in any::<prop::sample::Index>(), seeds in any::<(u64, u64)>()
    ) {
        // A document against a changed one of itself, and against any other.
        let mut changed = baseline.clone();
        graft(&mut changed, &other, at.index(12));
        for actual in [&baseline, &changed, &other] {
            let (mut left, mut right) = (String::new(), String::new());
            written(&baseline, seeds.0, &mut left);
            written(actual, seeds.1, &mut right);
            let found = found(&left, &right, &Rules::default());
            prop_assert_eq!(found.total, differences(&baseline, actual), "{} {} {:?}", left, right, found.drifts);
        }
    }
}

/// Puts a value somewhere below another.
fn graft(tree: &mut Value, value: &Value, at: usize) {
    match tree {
        Value::Array(items) if !items.is_empty() => {
            let index = at % items.len();
            graft(&mut items[index], value, at / 2);
        }
        Value::Object(map) if !map.is_empty() => {
            let index = at % map.len();
            if let Some((_, inner)) = map.iter_mut().nth(index) {
                graft(inner, value, at / 2);
            }
        }
        place => *place = value.clone(),
    }
}
