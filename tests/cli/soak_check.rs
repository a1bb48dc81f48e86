//! `mmops soak check`, and what `soak run` asks of its source before it begins.

use crate::sandbox::Sandbox;
use crate::soak::{REAL, bot, endpoint};
use serde_json::{Value, json};

const PAGE: &str = "# TYPE acme_loop_seconds histogram\n\
    acme_loop_seconds_bucket{le=\"0.1\"} 1\nacme_loop_seconds_bucket{le=\"+Inf\"} 2\n\
    acme_loop_seconds_sum 1\nacme_loop_seconds_count 2\n\
    # TYPE acme_depth gauge\nacme_depth{side=\"bid\"} 3\nacme_depth{side=\"ask\"} 4\n\
    acme_flat_bucket 7\n";

fn serve(page: &'static str) -> String {
    endpoint(move |_| {
        let length = page.len();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain";
        format!("{head}\r\nContent-Length: {length}\r\n\r\n{page}")
    })
}

/// A sandbox whose one gate needs this measure.
fn needing(measure: &str, more: &str) -> Sandbox {
    let unit = if measure.contains("seconds") { "s" } else { "'custom:x'" };
    let kpi = format!("  k: {{description: d, unit: {unit}, measure: {measure}{more}}}\n");
    let gate = format!("{{kpi: k, unit: {unit}, aggregate: mean, at_most: 1, severity: hard}}");
    Sandbox::real_time()
        .unrecorded(REAL)
        .file("kpis.yaml", format!("kpis:\n{kpi}"))
        .file("gates.yaml", format!("profiles: {{p: {{description: d, gates: {{g: {gate}}}}}}}\n"))
}

const FILES: &str = "--kpis kpis.yaml --gates-file gates.yaml --gates p";

#[test]
fn what_is_not_there_or_cannot_be_measured_is_said_with_the_nearest_name() {
    let url = serve(PAGE);
    let table = [
        (
            "{quantile: {of: acme_lop_seconds, q: 0.5}}",
            "",
            "0 series; nearest acme_loop_seconds (histogram, 2 buckets)",
        ),
        ("{quantile: {of: acme_loop_seconds_bucket, q: 0.5}}", "", "names a histogram without `_bucket`"),
        ("{quantile: {of: acme_flat, q: 0.5}}", "", "has no label `le`"),
        (
            "{gauge: {of: acme_depth, over: max}}",
            ", series: {min: 1, max: 1}",
            "2 series, at most 1 are expected",
        ),
        (
            "{gauge: {of: 'acme_depth{side=\"mid\"}', over: max}}",
            "",
            "0 series; 2 of `acme_depth` have other labels",
        ),
        ("{rate: {of: [acme_depth], per: second}}", "", "its type is gauge, the measure needs a counter"),
        ("{gauge: {of: zzz, over: max}}", "", "0 series"),
    ];
    for (measure, more, reason) in table {
        let sandbox = needing(measure, more);
        let output = sandbox.run(&format!("soak check --scrape {url} {FILES}")).code(1);
        let _ =
            output.marker("| soak_check | FAIL | SOAK_CHECK=FAIL |").stdout_has(reason).stdout_has("for k");
    }
    let sandbox = needing("{quantile: {of: acme_loop_seconds, q: 0.5}}", "");
    let output = sandbox.run(&format!("soak check --scrape {url} {FILES} --format json")).code(0).json();
    assert_eq!(output["verdict"], "OK");
    let found = &output["selectors"][0];
    assert_eq!(found["selector"], "acme_loop_seconds_bucket");
    assert_eq!(
        (&found["series"], &found["kind"], &found["kpis"]),
        (&json!(2), &json!("histogram"), &json!(["k"]))
    );
}

#[test]
fn an_unknown_name_is_noticed_before_the_run_has_a_directory() {
    let url = serve(PAGE);
    let sandbox = needing("{quantile: {of: acme_lop_seconds, q: 0.5}}", "");
    let line = format!("soak run --scrape {url} {FILES} --iterations 1 --iteration 1s --interval 1s");
    let output = sandbox.run(&line).code(3);
    let _ = output.stderr_has("acme_lop_seconds_bucket: 0 series; nearest acme_loop_seconds");
    assert!(!sandbox.path("artifacts/soak/latest").exists());
    let _ = sandbox.run(&format!("{line} --allow-missing")).code(2);
    // Who cannot be asked may have it.
    let line = line.replace(&url, "http://127.0.0.1:1");
    let output = sandbox.run(&line).code(2);
    let _ = output.stderr_has("127.0.0.1:1").stdout_has("k: acme_lop_seconds_bucket");
    // Of a source that nobody could ask there is no row that says what it has.
    let checked = sandbox.run(&format!("soak check --scrape http://127.0.0.1:1 {FILES}")).error(4);
    let _ = checked.stderr_has("127.0.0.1:1");
}

/// The page with a family that stands there twice with the same labels.
const ODD_PAGE: &str = "# TYPE acme_loop_seconds histogram\n\
    acme_loop_seconds_bucket{le=\"0.1\"} 1\nacme_loop_seconds_bucket{le=\"+Inf\"} 2\n\
    acme_loop_seconds_sum 1\nacme_loop_seconds_count 2\n\
    # TYPE acme_odd gauge\nacme_odd 1\nacme_odd 2\n";

#[test]
fn a_faulty_family_concerns_those_who_need_it_and_no_others() {
    let url = serve(ODD_PAGE);
    let loop_seconds = needing("{quantile: {of: acme_loop_seconds, q: 0.5}}", "");
    let output = loop_seconds.run(&format!("soak check --scrape {url} {FILES}")).code(0);
    let _ = output.stdout_has("faulty families").stdout_has("acme_odd").stdout_has("WARN");
    let odd = needing("{gauge: {of: acme_odd, over: max}}", "");
    let output = odd.run(&format!("soak check --scrape {url} {FILES}")).code(1);
    let _ = output.stdout_has("stands already").marker("| soak_check | FAIL | SOAK_CHECK=FAIL |");
    // A name that is not there is refused although another family is faulty; the faulty one may be mended.
    let misspelt = needing("{quantile: {of: acme_lop_seconds, q: 0.5}}", "");
    let run = format!("soak run --scrape {url} {FILES} --iterations 1 --iteration 1s --interval 1s");
    let _ = misspelt.run(&run).code(3).stderr_has("nearest acme_loop_seconds");
    let _ = odd.run(&run).code(2).stderr_has("acme_odd");
}

#[test]
fn a_bot_has_what_the_default_gates_need() {
    let sandbox = Sandbox::real_time().unrecorded(REAL);
    let (_bot, url) = bot(&sandbox, "bot", "");
    let report = sandbox.run(&format!("soak check --scrape {url} --format json")).code(0).json();
    assert_eq!((&report["verdict"], &report["simulated"]), (&json!("OK"), &json!(true)));
    let statuses: Vec<&Value> = report["rows"].as_array().unwrap().iter().map(|row| &row["status"]).collect();
    assert!(statuses.len() > 10 && !statuses.contains(&&json!("FAIL")), "{report}");
    Sandbox::new().run("soak check --mock").code(0).marker("| soak_check | OK | SOAK_CHECK=OK |");
    Sandbox::new().run("soak check --edge-report x.json").code(64);
    Sandbox::new().run("soak check").code(64);
}

/// A server with the query API that knows one counter and one histogram.
fn server() -> String {
    endpoint(|head| {
        let line = head.lines().next().unwrap_or_default();
        if line.starts_with("POST") {
            return "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                .to_owned();
        }
        let start = line.split_once("start=").map_or("0", |(_, rest)| rest.split(['&', ' ']).next().unwrap());
        let at: f64 = start.parse().unwrap_or(0.0);
        let data = if line.contains("/label/__name__/values") {
            json!(["acme_loop_seconds_bucket", "work_total"])
        } else if line.contains("/metadata") {
            json!({"work_total": [{"type": "counter", "help": "", "unit": ""}]})
        } else if line.contains("query=work_total") || line.contains("query=mm_simulated&") {
            let series = json!({"metric": {"kind": "a"}, "values": [[at, "1"]]});
            json!({"resultType": "matrix", "result": [series]})
        } else {
            json!({"resultType": "matrix", "result": []})
        };
        let body = json!({"status": "success", "data": data}).to_string();
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
        format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    })
}

#[test]
fn a_server_is_asked_for_each_selector_its_names_and_their_types() {
    let url = server();
    let check = |measure: &str, more: &str| {
        needing(measure, more).run(&format!("soak check --prometheus {url} {FILES}"))
    };
    let _ = check("{rate: {of: [work_total], per: second}}", "").code(0).stdout_has("1 series, counter");
    // A series that two selectors find is one, and what says that it is simulated is believed.
    let both = "{ratio: {of: ['work_total{kind=\"a\"}'], to: [work_total]}}";
    let report =
        needing(both, "").run(&format!("soak check --prometheus {url} {FILES} --format json")).json();
    let series: Vec<&Value> =
        report["selectors"].as_array().unwrap().iter().map(|of| &of["series"]).collect();
    assert_eq!((series, &report["simulated"]), (vec![&json!(1); 2], &json!(true)));
    let _ = check("{rate: {of: [wrk_total], per: second}}", "")
        .code(1)
        .stdout_has("0 series; nearest work_total");
    let _ = check("{gauge: {of: work_total, over: max}}", "")
        .code(1)
        .stdout_has("its type is counter, the measure needs a gauge");
    let query = ", promql: 'rate(wrk_total[1m])'";
    let _ = check("{gauge: {of: k, over: max}}", query)
        .code(1)
        .stdout_has("there is no `wrk_total`, nearest work_total");
}
