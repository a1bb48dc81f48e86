//! The page of a soak: as `soak report` writes it, and live while a run lasts.

use crate::sandbox::Sandbox;
use crate::soak::{start, wait_for};

const PAGE: &str = "artifacts/soak/latest/reports/analysis/SOAK_REPORT.html";

#[test]
fn the_page_of_a_report_says_what_the_run_came_to_and_names_the_files_behind_it() {
    let sandbox = Sandbox::new().unrecorded("a page is asserted by itself");
    let run = "soak run --mock --gates smoke --iterations 12";
    for (scenario, code, word) in [("steady", 0, "PASS"), ("cache_miss", 1, "FAIL")] {
        sandbox.run(&format!("{run} --scenario {scenario}")).code(code);
        let _ = sandbox.run("soak report --mock");
        let page = sandbox.read(PAGE);
        assert!(page.contains(&format!("<title>{word} (simulated, frozen clock): soak RUN_")), "{scenario}");
        assert!(
            page.contains(&format!("{word} <span>simulated</span> <span>frozen clock</span></h2>")),
            "{scenario}"
        );
        for name in ["RUN.json", "JOURNAL.jsonl", "samples.bin", "soak_metrics.json", "gates_summary.json"] {
            let bytes = std::fs::read(sandbox.path(&format!("artifacts/soak/latest/{name}"))).unwrap();
            assert!(page.contains(&mmops::testing::hash::sha256(bytes)), "{scenario}: {name}");
        }
        // The band of a gauge is of its samples, which are read again for it.
        let chart = page.split("id=\"kpi-net_bps\"").nth(1).or(page.split("-net_bps\"").nth(1)).unwrap();
        assert!(chart.split("</figure>").next().unwrap().contains("class=\"b\""), "{scenario}");
        let before = page;
        let _ = sandbox.run("soak report --mock");
        assert!(before == sandbox.read(PAGE), "the same files have the same page");
    }
}

#[test]
fn a_page_judges_a_simulation_as_the_report_does() {
    let sandbox = Sandbox::new().unrecorded("a page is asserted by itself");
    sandbox.run("soak run --mock --gates smoke --iterations 12").code(0);
    let _ = sandbox.run("soak report");
    let page = sandbox.read(PAGE);
    assert!(
        page.contains("<title>INCONCLUSIVE (simulated, frozen clock)")
            && page.contains("A simulation is no evidence.")
    );
}

#[test]
fn a_run_has_a_live_page_that_gives_no_verdict_before_the_end() {
    let sandbox = Sandbox::real_time();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = "soak run --scrape http://127.0.0.1:1 --iterations 900 --iteration 1s --interval 1s";
    let _child = start(&sandbox, &format!("{line} --serve 127.0.0.1:{port}"));
    let get = |path: &str| ureq::get(format!("http://127.0.0.1:{port}{path}")).call().ok();
    let text = |path: &str| {
        get(path).and_then(|mut reply| reply.body_mut().read_to_string().ok()).unwrap_or_default()
    };
    wait_for("page", || text("/").contains("1 of 900 windows seen"));
    let page = text("/");
    assert!(page.contains("<title>RUNNING: soak RUN_") && page.contains("No verdict before the end."));
    assert!(!page.contains("PASS"));
    let reply = get("/").unwrap();
    let header =
        |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("refresh"), "30");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && page.contains(policy), "{policy}");
    let still = get("/?refresh=off").unwrap();
    assert!(still.headers().get("refresh").is_none());
}
