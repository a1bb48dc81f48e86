//! A soak behind a proxy as large installations have one: it asks for credentials that change while the run goes
//! on, rewrites the span of each question to whole steps, hides what is too new, and once does not know its own
//! address.

use crate::fake_server::{Asked, FakeServer, Told};
use crate::server::{Prometheus, have};
use crate::soak::{bot, ended, mmops, scraped_for};
use mmops::testing::http::{HttpClient, HttpSettings, Request, Url};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How old a sample is before the proxy lets it through, as where samples are written to a remote store.
const DELAY_SECS: f64 = 4.0;
/// Requests that one token is good for before the next replaces it.
const REQUESTS_PER_TOKEN: usize = 10;

struct Proxy {
    behind: (HttpClient, Url),
    token_file: PathBuf,
    requests: AtomicUsize,
    /// Whether one was answered with 404.
    was_lost: AtomicBool,
}

impl Proxy {
    fn new(server: &Prometheus, dir: &Path) -> Self {
        let (url, _) = Url::parse(&server.url()).unwrap();
        let behind = (HttpClient::new(&HttpSettings::default()).unwrap(), url);
        let proxy = Self {
            behind,
            token_file: dir.join("token"),
            requests: AtomicUsize::new(0),
            was_lost: AtomicBool::new(false),
        };
        proxy.rotate(0);
        proxy
    }

    /// A credential is replaced as a secret store does it: the new file takes the name of the old one.
    fn rotate(&self, number: usize) {
        let next = self.token_file.with_extension("next");
        std::fs::write(&next, format!("token-{number}\n")).unwrap();
        std::fs::rename(next, &self.token_file).unwrap();
    }

    fn answer(&self, asked: &Asked) -> Told {
        let reply = |status, body: &str| Told::Reply(status, "", body.to_owned());
        let request = self.requests.fetch_add(1, Ordering::SeqCst);
        let number = request / REQUESTS_PER_TOKEN;
        if request.is_multiple_of(REQUESTS_PER_TOKEN) {
            self.rotate(number);
        }
        // The token before is good for one turn more: a request may have been on the way.
        let is_known = |number| asked.headers.contains(&format!("authorization: Bearer token-{number}"));
        if !is_known(number) && !is_known(number.saturating_sub(1)) {
            return reply(401, "no such token");
        }
        // The first question for a window, which is longer than those before the run and shorter than that for how late the server is.
        let is_of_window = asked.field("end").zip(asked.field("start")).is_some_and(|(end, start)| {
            let secs = end.parse::<f64>().unwrap() - start.parse::<f64>().unwrap();
            (1.0..60.0).contains(&secs)
        });
        if is_of_window && !self.was_lost.swap(true, Ordering::SeqCst) {
            return reply(404, "no route");
        }
        let (http, url) = &self.behind;
        if asked.method == "GET" {
            let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
            let response = http.send(url, path, Request::Get(query)).unwrap();
            return reply(response.status, &String::from_utf8_lossy(&response.body));
        }
        let body = aligned(asked);
        let post = Request::Post("application/x-www-form-urlencoded", body.as_bytes());
        let response = http.send(url, &asked.target, post).unwrap();
        let Ok(mut document) = serde_json::from_slice::<Value>(&response.body) else {
            return reply(response.status, &String::from_utf8_lossy(&response.body));
        };
        hide_newest(&mut document);
        Told::Reply(response.status, "Content-Type: application/json\r\n", document.to_string())
    }
}

/// The question with both ends on whole steps, as a frontend asks that keeps answers for others.
fn aligned(asked: &Asked) -> String {
    let number = |name: &str| asked.field(name).unwrap().parse::<f64>().unwrap();
    let step = number("step");
    let whole = |pair: &str| match pair.split_once('=') {
        Some((name @ ("start" | "end"), _)) => format!("{name}={}", (number(name) / step).floor() * step),
        _ => pair.to_owned(),
    };
    asked.body.split('&').map(whole).collect::<Vec<_>>().join("&")
}

fn hide_newest(document: &mut Value) {
    let newest = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0 - DELAY_SECS;
    let Some(series) = document["data"]["result"].as_array_mut() else { return };
    for series in &mut *series {
        series["values"].as_array_mut().unwrap().retain(|point| point[0].as_f64().unwrap() <= newest);
    }
    series.retain(|series| !series["values"].as_array().unwrap().is_empty());
}

#[test]
fn a_soak_behind_a_proxy_that_rewrites_rotates_and_delays_passes() {
    if !have(&["prometheus"]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let (_bot, config) = bot(dir, "steady");
    let server = Prometheus::start(dir, &config, &[]);
    scraped_for(&server, 8);
    let proxy = std::sync::Arc::new(Proxy::new(&server, dir));
    let front = {
        let proxy = std::sync::Arc::clone(&proxy);
        FakeServer::start(move |asked| proxy.answer(asked))
    };
    let line = format!(
        "soak run --gates smoke --iterations 4 --iteration 3s --interval 1s --prometheus {}",
        front.url()
    );
    let run = mmops(dir, &line).env("MMOPS_PROMETHEUS_TOKEN_FILE", dir.join("token")).output().unwrap();
    ended(&run, 0, "SOAK=PASS");
    assert!(proxy.was_lost.load(Ordering::SeqCst), "no window was asked for");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains("s late: windows are read"), "{said}");
    assert!(!said.contains("0 series"), "{said}");

    // The same without the file is refused before the run has a directory.
    let run = mmops(dir, &line).output().unwrap();
    ended(&run, 4, "SOAK=ERROR");
    assert!(String::from_utf8_lossy(&run.stderr).contains("401"));
}
