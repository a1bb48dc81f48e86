//! The formats by example; laws over random text are in `tests/props/exposition.rs`.

use super::{Exposition, Format, Kind, ParseError, parse};

fn text(page: &str) -> Exposition<'_> {
    parse(page.as_bytes(), Format::Text).unwrap()
}

fn refused(format: Format, page: &str) -> (usize, usize, String) {
    let ParseError { line, column, what } = parse(page.as_bytes(), format).unwrap_err();
    (line, column, what)
}

#[track_caller]
fn refuses(format: Format, page: &str, line: usize, column: usize, what: &str) {
    let found = refused(format, page);
    assert!(found.2.contains(what), "{page:?}: {found:?}");
    assert_eq!((found.0, found.1), (line, column), "{page:?}: {found:?}");
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
fn a_fault_is_named_with_its_line_and_column() {
    let refuses = |page, line, column, what| refuses(Format::Text, page, line, column, what);
    refuses("a 1\nb{c=\"d\" 2\n", 2, 9, "expected `,` or `}`");
    refuses("a 1\nb 2", 2, 4, "ends inside a line");
    refuses("a 1\n\u{fc} 2\n", 2, 1, "name of a metric");
    refuses("a{b=\"\\x\"} 1\n", 1, 6, "not an escape");
    refuses("a{b=\"c} 1\n", 1, 5, "the quote is not closed");
    refuses("a{b=\"c\\", 1, 8, "ends inside a line");
    refuses("a{b=\"c\\\n", 1, 7, "not an escape");
    refuses("a{b:c=\"d\"} 1\n", 1, 4, "expected `=`");
    refuses("a{=\"d\"} 1\n", 1, 3, "name of a label");
    refuses("a{,} 1\n", 1, 3, "name of a label");
    refuses("a{1b=\"\"} 1\n", 1, 3, "name of a label");
    refuses("9a 1\n", 1, 1, "name of a metric");
    refuses("a\n", 1, 2, "expected a space");
    refuses("a{}\n", 1, 4, "`` is not a number");
    refuses("a+1\n", 1, 2, "expected a space");
    refuses("a 1_000\n", 1, 3, "not a number");
    refuses("a 0x1p3\n", 1, 3, "not a number");
    refuses("a 1\r\n", 1, 3, "not a number");
    refuses("a 1 1.5\n", 1, 5, "not a time in milliseconds");
    refuses("a 1 99999999999999999999\n", 1, 5, "not a time in milliseconds");
    refuses("a 1 2 3\n", 1, 7, "expected the end");
    refuses("a 1 # {} 1\n", 1, 5, "not a time in milliseconds");
    refuses("a{b=\"c\",b=\"d\"} 1\n", 1, 9, "`b` stands twice");
    refuses("# TYPE a tally\n", 1, 10, "`tally` is not a type");
    refuses("# TYPE a counter\n# TYPE a counter\n", 2, 8, "a second TYPE");
    refuses("a_bucket 1\n# TYPE a histogram\n", 2, 8, "after its samples");
    refuses("# HELP a b\n# HELP a b\n", 2, 8, "a second HELP");
    let bad = parse(b"a 1\nb\xff 1\n", Format::Text).unwrap_err();
    assert_eq!((bad.line, bad.column, bad.what.as_str()), (2, 2, "invalid UTF-8"));
    let many: String =
        (0..40).map(|at| format!("l{},", at % 39)).map(|name| name.replace(',', "=\"\",")).collect();
    assert!(refused(Format::Text, &format!("a{{{many}}} 1\n")).2.contains("`l0` stands twice"));
}

#[test]
fn open_metrics_is_stricter() {
    let refuses = |page, line, column, what| refuses(Format::OpenMetrics, page, line, column, what);
    refuses("a 1\n", 2, 1, "`# EOF` is missing");
    refuses("a 1\n# EOF\nb 1\n", 3, 1, "nothing may follow");
    refuses("a 1\n# EOF\n\n", 3, 1, "nothing may follow");
    refuses("a 1\n# EOF", 2, 6, "ends inside a line");
    refuses("\n# EOF\n", 1, 1, "an empty line");
    refuses("a  1\n# EOF\n", 1, 3, "not a number");
    refuses(" a 1\n# EOF\n", 1, 1, "name of a metric");
    refuses("a{b=\"c\",} 1\n# EOF\n", 1, 9, "name of a label");
    refuses("# a comment\n# EOF\n", 1, 3, "expected `HELP`");
    refuses("# TYPE a counter\na 1\n# EOF\n", 2, 1, "must end in `_total`");
    refuses("a 1\nb 1\na{x=\"y\"} 2\n# EOF\n", 3, 1, "already closed");
    refuses("# TYPE a gauge\n# TYPE b gauge\n# HELP a x\n# EOF\n", 3, 8, "already closed");
    refuses("# UNIT a_seconds ms\n# EOF\n", 1, 17, "not the end of the name");
    refuses("a 1 # {} 1\n# EOF\n", 1, 4, "may carry an exemplar");
    refuses("a 1 NaN\n# EOF\n", 1, 5, "not a time in seconds");
    let long = format!("a_total 1 # {{b=\"{}\"}} 1\n# EOF\n", "x".repeat(128));
    refuses(&long, 1, 10, "129 characters");
}

#[test]
fn a_series_that_stands_twice_is_refused_however_it_is_written() {
    let (line, _, what) = refused(Format::Text, "a{b=\"1\",c=\"2\"} 1\nx 1\na{c=\"2\",b=\"1\",d=\"\"} 2\n");
    assert_eq!(line, 3);
    assert!(what.ends_with("stands already in line 1"), "{what}");
    refuses(Format::Text, "a 1 1\na 1 2\n", 2, 1, "stands already in line 1");
    refuses(Format::OpenMetrics, "a 1 1\na 1 1.0\n# EOF\n", 2, 1, "stands already in line 1");
    assert_eq!(text("a{b=\"1\"} 1\na{c=\"1\"} 1\na 1\nb 1\na{b=\"1\",c=\"1\"} 1\n").samples.len(), 5);
}

#[test]
fn the_format_follows_the_content_type() {
    let of = Format::of_content_type;
    assert_eq!(of(Some("application/openmetrics-text; version=1.0.0; charset=utf-8")), Format::OpenMetrics);
    assert_eq!(of(Some("text/plain; version=0.0.4")), Format::Text);
    assert_eq!(of(None), Format::Text);
}
