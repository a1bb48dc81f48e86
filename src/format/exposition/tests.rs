//! The formats by example; laws over random text are in `tests/props/exposition.rs`.

use super::{Exposition, Format, Kind, ParseError, parse};

fn text(page: &str) -> Exposition<'_> {
    parse(page.as_bytes(), Format::Text).unwrap()
}

/// A page without structure.
#[track_caller]
fn refuses(format: Format, page: &str, line: usize, column: usize, what: &str) {
    let found = parse(page.as_bytes(), format).unwrap_err();
    assert!(found.what.contains(what), "{page:?}: {found:?}");
    assert_eq!((found.line, found.column), (line, column), "{page:?}: {found:?}");
}

/// A page of which one family cannot be used, and the sample of another can.
#[track_caller]
fn spoils(format: Format, family: &str, page: &str, line: usize, column: usize, what: &str) {
    // The other sample stands before the end, and in no family that goes on.
    let end = page.find("# EOF").unwrap_or(page.len());
    let page = format!("{}other 1\n{}", &page[..end], &page[end..]);
    let found = parse(page.as_bytes(), format).unwrap();
    let [(name, ParseError { line: at, column: byte, what: why })] = &found.faults[..] else {
        panic!("{page:?}: {:?}", found.faults);
    };
    assert!(why.contains(what), "{page:?}: {why}");
    assert_eq!((*name, *at, *byte), (family, line, column), "{page:?}: {why}");
    let names: Vec<&str> = found.samples.iter().map(|sample| sample.name).collect();
    assert!(names.contains(&"other") && !found.names(family).iter().any(|name| names.contains(&&name[..])));
}

#[test]
fn a_page_of_the_old_format_is_read_whole() {
    let page = text(concat!(
        "# HELP http_requests_total The total \\\\ number\\nof requests.\n",
        "# TYPE http_requests_total counter\n",
        "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n",
        "http_requests_total{ method = \"post\" , code=\"400\" , }  3   -5\n",
        "\n",
        "# Escaping in label values:\n",
        "#comment\n",
        "  msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\F.TXT\",error=\"No:\\n\\\"x\\\"\"}\t1.458255915e9\n",
        "metric_without_timestamp_and_labels 12.47\n",
        "something_weird{problem=\"division by zero\"} +Inf -3982045\n",
        "empty{}nan\n",
        "rpc_duration_seconds_count 2693\n",
    ));
    assert_eq!(page.samples.len(), 7);
    let family = &page.families["http_requests_total"];
    assert_eq!(family.kind, Some(Kind::Counter));
    assert_eq!(family.help.as_deref(), Some("The total \\ number\nof requests."));
    let sample = &page.samples[0];
    assert_eq!((sample.value, sample.timestamp_ms, sample.line), (1027.0, Some(1_395_066_363_000), 3));
    assert_eq!(sample.labels.to_map()["code"], "200");
    assert_eq!(page.samples[1].labels.to_map().len(), 2);
    assert_eq!(page.samples[1].timestamp_ms, Some(-5));
    let file = &page.samples[2];
    assert_eq!(file.labels.to_map()["path"], "C:\\DIR\\F.TXT");
    assert_eq!(file.labels.to_map()["error"], "No:\n\"x\"");
    assert_eq!(page.samples[4].value.to_bits(), f64::INFINITY.to_bits());
    assert!(page.samples[5].value.is_nan() && page.samples[5].labels.is_empty());
    assert_eq!(page.named("rpc_duration_seconds_count").count(), 1);
}

#[test]
fn a_page_of_open_metrics_is_read_whole() {
    let page = concat!(
        "# TYPE foo_seconds histogram\n",
        "# UNIT foo_seconds seconds\n",
        "# HELP foo_seconds How \\\"long\\\".\n",
        "foo_seconds_bucket{le=\"0.01\"} 0\n",
        "foo_seconds_bucket{le=\"0.1\"} 8 # {} 0.054\n",
        "foo_seconds_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.7\n",
        "foo_seconds_count 17\n",
        "foo_seconds_sum 324789.3\n",
        "# TYPE hits counter\n",
        "hits_total{a=\"b\"} 3 1\n",
        "hits_total{a=\"b\"} 4 2.5\n",
        "other 1e3\n",
        "# EOF\n",
    );
    let page = parse(page.as_bytes(), Format::OpenMetrics).unwrap();
    assert_eq!(page.samples.len(), 8);
    let bucket = &page.samples[2];
    assert_eq!(bucket.timestamp_ms, Some(1_520_879_607_789));
    let family = &page.families["foo_seconds"];
    assert_eq!((family.kind, family.unit), (Some(Kind::Histogram), Some("seconds")));
    assert_eq!(family.help.as_deref(), Some("How \"long\"."));
    assert_eq!(page.samples[6].timestamp_ms, Some(2500));
}

#[test]
fn a_broken_structure_leaves_no_page_and_is_named_with_its_line_and_column() {
    let refuses = |page, line, column, what| refuses(Format::Text, page, line, column, what);
    refuses("a 1\nb{c=\"d\" 2\n", 2, 9, "expected `,` or `}`");
    refuses("a 1\nb 2", 2, 4, "ends inside a line");
    refuses("a 1\n\u{fc} 2\n", 2, 1, "name of a metric");
    refuses("a{b=\"c} 1\n", 1, 5, "the quote is not closed");
    refuses("a{b=\"c\\", 1, 8, "ends inside a line");
    refuses("a{b=\"c\\\n", 1, 5, "the quote is not closed");
    refuses("a{b:c=\"d\"} 1\n", 1, 4, "expected `=`");
    refuses("a{=\"d\"} 1\n", 1, 3, "name of a label");
    refuses("a{,} 1\n", 1, 3, "name of a label");
    refuses("a{1b=\"\"} 1\n", 1, 3, "name of a label");
    refuses("9a 1\n", 1, 1, "name of a metric");
    refuses("a\n", 1, 2, "expected a space");
    refuses("a+1\n", 1, 2, "expected a space");
    refuses("a 1 2 3\n", 1, 7, "expected the end");
    refuses("{} 1\n", 1, 2, "name of a metric");
    refuses("{a=\"b\"} 1\n", 1, 2, "name of a metric");
    refuses("{\"a\"=\"b\"} 1\n", 1, 1, "name of a metric");
    refuses("{\"\"} 1\n", 1, 2, "an empty name");
    refuses("a{\"b\"} 1\n", 1, 6, "expected `=`");
    refuses("{\"a\",\"b\"} 1\n", 1, 9, "expected `=`");
    let bad = parse(b"a 1\nb\xff 1\n", Format::Text).unwrap_err();
    assert_eq!((bad.line, bad.column, bad.what.as_str()), (2, 2, "invalid UTF-8"));
}

#[test]
fn a_family_that_is_wrong_in_itself_is_left_out_alone() {
    let spoils = |page, line, column, what| spoils(Format::Text, "a", page, line, column, what);
    spoils("a{}\n", 1, 4, "`` is not a number");
    spoils("a 2\na 1_000\n", 2, 3, "not a number");
    spoils("a 0x1p3\n", 1, 3, "not a number");
    spoils("a 1\r\n", 1, 3, "not a number");
    spoils("a 1 1.5\n", 1, 5, "not a time in milliseconds");
    spoils("a 1 99999999999999999999\n", 1, 5, "not a time in milliseconds");
    spoils("a 1 # {} 1\n", 1, 5, "not a time in milliseconds");
    spoils("a{b=\"c\",b=\"d\"} 1\n", 1, 9, "`b` stands twice");
    spoils("# TYPE a tally\na 1\n", 1, 10, "`tally` is not a type");
    spoils("# TYPE a counter\n# TYPE a counter\n", 2, 8, "a second TYPE");
    spoils("a_bucket 1\n# TYPE a histogram\n", 2, 8, "after its samples");
    spoils("# TYPE a histogram\na_sum 1\na_bucket{le=\"1\"} x\na_count 1\n", 3, 18, "not a number");
    spoils("# HELP a b\n# HELP a b\na 1\n", 2, 8, "a second HELP");
    let many: String =
        (0..40).map(|at| format!("l{},", at % 39)).map(|name| name.replace(',', "=\"\",")).collect();
    spoils(&format!("a{{{many}}} 1\n"), 1, 3, "`l0` stands twice");
}

#[test]
fn each_family_has_its_first_fault_in_the_order_of_the_lines() {
    let page = text("a 1\nb x\na 2\nb y\nc 3\n");
    let faults: Vec<(&str, usize)> = page.faults.iter().map(|(name, fault)| (*name, fault.line)).collect();
    assert_eq!(faults, [("b", 2), ("a", 3)]);
    assert_eq!(page.samples.len(), 1);
}

#[test]
fn open_metrics_is_stricter() {
    let refuses = |page, line, column, what| refuses(Format::OpenMetrics, page, line, column, what);
    refuses("a 1\n", 2, 1, "`# EOF` is missing");
    refuses("a 1\n# EOF\nb 1\n", 3, 1, "nothing may follow");
    refuses("a 1\n# EOF\n\n", 3, 1, "nothing may follow");
    refuses("a 1\n# EO", 2, 5, "ends inside a line");
    refuses("\n# EOF\n", 1, 1, "an empty line");
    refuses(" a 1\n# EOF\n", 1, 1, "name of a metric");
    refuses("a{b=\"c\",} 1\n# EOF\n", 1, 9, "name of a label");
    refuses("# a comment\n# EOF\n", 1, 3, "expected `HELP`");
    let spoils = |page, line, column, what| spoils(Format::OpenMetrics, "a", page, line, column, what);
    spoils("a  1\n# EOF\n", 1, 3, "not a number");
    spoils("a{b=\"\\x\"} 1\n# EOF\n", 1, 6, "not an escape");
    spoils("# TYPE a counter\na 1\n# EOF\n", 2, 1, "must end in `_total`");
    spoils("a 1\nb 1\na{x=\"y\"} 2\n# EOF\n", 3, 1, "already closed");
    spoils("# TYPE a gauge\n# TYPE b gauge\n# HELP a x\n# EOF\n", 3, 8, "already closed");
    spoils("a 1 # {} 1\n# EOF\n", 1, 4, "may carry an exemplar");
    spoils("a 1 NaN\n# EOF\n", 1, 5, "not a time in seconds");
    let long = format!("# TYPE a counter\na_total 1 # {{b=\"{}\"}} 1\n# EOF\n", "x".repeat(128));
    spoils(&long, 2, 10, "129 characters");
    let unit = "# UNIT a_seconds ms\n# EOF\n";
    self::spoils(Format::OpenMetrics, "a_seconds", unit, 1, 17, "not the end of the name");
}

#[test]
fn open_metrics_ends_with_its_end_with_or_without_a_newline() {
    for end in ["# EOF", "# EOF\n"] {
        assert_eq!(parse(format!("a 1\n{end}").as_bytes(), Format::OpenMetrics).unwrap().samples.len(), 1);
    }
}

#[test]
fn an_escape_that_is_none_is_a_backslash_in_the_old_format() {
    let page = text("a{path=\"C:\\Users\\new\"} 1\nb{c=\"\\\u{fc}\"} 2\n");
    assert_eq!(page.samples[0].labels.to_map()["path"], "C:\\Users\new");
    assert_eq!(page.samples[1].labels.to_map()["c"], "\\\u{fc}");
    // The same value in another spelling is the same series.
    spoils(Format::Text, "a", "a{b=\"\\U\"} 1\na{b=\"\\\\U\"} 1\n", 2, 1, "stands already in line 1");
}

#[test]
fn names_in_quotes_may_have_any_characters() {
    let page = text(concat!(
        "# TYPE \"a.b\" gauge\n",
        "{\"a.b\"} 1\n",
        "{ \"a.b\" , \"x= y\"=\"1\",z=\"2\"} 2 5\n",
        "c{\"d.e\"=\"=,\\\"\",f=\"\"} 3\n",
    ));
    assert_eq!(page.families["a.b"].kind, Some(Kind::Gauge));
    assert_eq!((page.samples[0].name, page.samples[0].labels.is_empty()), ("a.b", true));
    let labels = page.samples[1].labels.to_map();
    assert_eq!((labels.len(), &labels["x= y"][..], &labels["z"][..]), (2, "1", "2"));
    assert_eq!(page.samples[2].labels.to_map()["d.e"], "=,\"");
    assert_eq!(text("a{\"b \"=\"1\",b=\"2\"} 1\n").samples[0].labels.to_map().len(), 2);
    spoils(Format::Text, "a", "{\"a\"} 1\na 2\n", 2, 1, "stands already in line 1");
}

#[test]
fn a_series_that_stands_twice_spoils_its_family_however_it_is_written() {
    let twice = "a{b=\"1\",c=\"2\"} 1\nx 1\na{c=\"2\",b=\"1\",d=\"\"} 2\n";
    spoils(Format::Text, "a", twice, 3, 1, "stands already in line 1");
    spoils(Format::Text, "a", "a 1 1\na 1 2\n", 2, 1, "stands already in line 1");
    spoils(Format::OpenMetrics, "a", "a 1 1\na 1 1.0\n# EOF\n", 2, 1, "stands already in line 1");
    spoils(Format::OpenMetrics, "a", "a 1\na 1 1.0\n# EOF\n", 2, 1, "stands already in line 1");
    assert_eq!(text("a{b=\"1\"} 1\na{c=\"1\"} 1\na 1\nb 1\na{b=\"1\",c=\"1\"} 1\n").samples.len(), 5);
}

#[test]
fn points_of_a_series_must_ascend() {
    let page = |times: [&str; 3]| {
        let lines: String = times.iter().map(|time| format!("a{{b=\"c\"}} 1 {time}\n")).collect();
        format!("{lines}# EOF\n")
    };
    let good = page(["1", "2.5", "3"]);
    assert_eq!(parse(good.as_bytes(), Format::OpenMetrics).unwrap().samples.len(), 3);
    spoils(Format::OpenMetrics, "a", &page(["1", "3", "2.5"]), 3, 1, "has a later time in line 2");
}

#[test]
fn the_format_follows_the_content_type() {
    let of = Format::of_content_type;
    assert_eq!(of(Some("application/openmetrics-text; version=1.0.0; charset=utf-8")), Format::OpenMetrics);
    assert_eq!(of(Some("text/plain; version=0.0.4")), Format::Text);
    assert_eq!(of(None), Format::Text);
}
