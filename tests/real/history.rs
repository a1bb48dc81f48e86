//! Three days of recorded history, every 15 seconds: what the client reads through a real server equals
//! what is computed straight from the series that were recorded.

use crate::server::{Prometheus, client, have, instant, run};
use jiff::Timestamp;
use mmops::testing::client::{PrometheusClient, QueryErrorKind, QueryResult, TimeGrid};
use mmops::testing::exit::{Exit, classify};
use mmops::testing::exposition::{Format, parse};
use mmops::testing::http::{Auth, HttpClient, HttpSettings, Request, Secret, Url, form};
use mmops::testing::prometheus::Point;
use mmops::testing::quantile::{Bucket, Quantile, quantile};
use std::path::Path;
use std::time::Duration;

const START_MS: i64 = 1_767_225_600_000;
const STEP_MS: i64 = 15_000;
/// 72 hours, both ends included.
const POINTS: i64 = 17_281;
/// How far back Prometheus looks for the newest sample.
const LOOKBACK_MS: i64 = 300_000;
const BOUNDS: [f64; 5] = [25.0, 50.0, 100.0, 250.0, f64::INFINITY];

/// Numbers that look like measurements and are the same in every run.
fn noise(seed: i64) -> f64 {
    let mixed = seed
        .cast_unsigned()
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

struct History {
    edge: Vec<Point>,
    /// With restarts of the process.
    ticks: Vec<Point>,
    /// Silent for half an hour every ten.
    gappy: Vec<Point>,
    /// Sometimes infinite or not a number.
    odd: Vec<Point>,
    buckets: Vec<Vec<Point>>,
}

impl History {
    fn generate() -> Self {
        let times = || (0..POINTS).map(|place| (place, START_MS + place * STEP_MS));
        let edge = times().map(|(place, at)| (at, 2.5 + noise(place))).collect();
        let mut count = 0.0;
        let ticks = times()
            .map(|(place, at)| {
                count = if place % 5000 == 4999 {
                    0.0
                } else {
                    count + (noise(place + 1_000_000) * 50.0).floor()
                };
                (at, count)
            })
            .collect();
        let gappy =
            times().filter(|(place, _)| place % 2400 < 2280).map(|(place, at)| (at, noise(place))).collect();
        let odd = times()
            .map(|(place, at)| match place % 7 {
                3 => (at, f64::NAN),
                5 => (at, f64::NEG_INFINITY),
                _ => (at, 1.0 / (1.0 + place as f64)),
            })
            .collect();
        let mut counts = [0.0; BOUNDS.len()];
        let mut buckets = vec![Vec::new(); BOUNDS.len()];
        for (place, at) in times() {
            for draw in 0..3 {
                let latency = 20.0 + 240.0 * noise(place * 3 + draw + 5_000_000).powi(3);
                for (bound, count) in BOUNDS.iter().zip(&mut counts) {
                    *count += f64::from(u8::from(latency <= *bound));
                }
            }
            buckets.iter_mut().zip(counts).for_each(|(series, count)| series.push((at, count)));
        }
        Self { edge, ticks, gappy, odd, buckets }
    }

    fn text(&self) -> String {
        let number = |value: f64| {
            if value.is_infinite() { format!("{value:+}").replace("inf", "Inf") } else { value.to_string() }
        };
        let mut text = String::new();
        let mut series = |name: &str, points: &[Point]| {
            for (at, value) in points {
                text.push_str(&format!("{name} {} {}\n", number(*value), at / 1000));
            }
        };
        series("mm_edge_bps", &self.edge);
        series("mm_gappy", &self.gappy);
        series("mm_odd", &self.odd);
        series("mm_tick_total", &self.ticks);
        for (bound, points) in BOUNDS.iter().zip(&self.buckets) {
            let bound = number(*bound);
            series(&format!("mm_stage_duration_ms_bucket{{le=\"{bound}\",stage=\"tick_total\"}}"), points);
        }
        text + "# EOF\n"
    }
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn grid(from_ms: i64) -> TimeGrid {
    let to = time(START_MS + (POINTS - 1) * STEP_MS);
    TimeGrid::new(time(from_ms), to, Duration::from_millis(STEP_MS.cast_unsigned())).unwrap()
}

fn one(answer: QueryResult) -> Vec<Point> {
    assert_eq!(answer.series.len(), 1, "{:?}", answer.series);
    answer.series.into_iter().next().unwrap().points
}

#[track_caller]
fn assert_same(found: &[Point], wanted: &[Point]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let same = found.1.to_bits() == wanted.1.to_bits() || (found.1.is_nan() && wanted.1.is_nan());
        assert!(found.0 == wanted.0 && same, "{found:?}, not {wanted:?}");
    }
}

fn buckets(client: &PrometheusClient, at_ms: i64) -> Vec<Bucket> {
    let answer = instant(client, "mm_stage_duration_ms_bucket", time(at_ms)).unwrap();
    let bucket = |series: &mmops::testing::client::Series| Bucket {
        upper: series.labels["le"].parse().unwrap(),
        count: series.points[0].1,
    };
    let mut buckets: Vec<Bucket> = answer.series.iter().map(bucket).collect();
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    buckets
}

#[test]
fn three_days_of_history_are_read_as_they_were_recorded() {
    if !have(&["prometheus", "promtool"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let history = History::generate();
    let text = history.text();
    std::fs::write(dir.path().join("history.om"), &text).unwrap();
    run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", "history.om", "data"], dir.path());
    let mut server = Prometheus::start(dir.path(), "", &[]);
    let client = server.client();

    // What promtool read, our own parser reads too.
    let page = parse(text.as_bytes(), Format::OpenMetrics).unwrap();
    let own: Vec<Point> =
        page.named("mm_odd").map(|sample| (sample.timestamp_ms.unwrap(), sample.value)).collect();
    assert_same(&own, &history.odd);

    let read = |query: &str, from_ms: i64| one(client.range(query, &grid(from_ms)).unwrap());
    assert_same(&read("mm_edge_bps", START_MS), &history.edge);
    assert_same(&read("mm_odd", START_MS), &history.odd);
    assert_same(&read("mm_tick_total", START_MS), &history.ticks);

    // A second after each sample, so that no age meets the bound of the lookback exactly.
    let off = START_MS + 1000;
    let wanted: Vec<Point> = (0..POINTS - 1)
        .map(|place| off + place * STEP_MS)
        .filter_map(|at| {
            let newest = history.gappy[..history.gappy.partition_point(|(time, _)| *time <= at)].last()?;
            (at - newest.0 < LOOKBACK_MS).then_some((at, newest.1))
        })
        .collect();
    assert!(wanted.len() < history.gappy.len() + 8 * 21 && wanted.len() > history.gappy.len());
    assert_same(&read("mm_gappy", off), &wanted);

    // Our quantile of the buckets is the server's, also where the last bound is all that is known.
    let last = START_MS + 72 * 3_600_000;
    for (at, q) in [(START_MS, 0.5), (START_MS + 3_600_000, 0.95), (last, 0.9), (last, 0.999)] {
        let ours = match quantile(&buckets(&client, at), q).unwrap() {
            Quantile::At(value) if q < 0.999 => value,
            Quantile::Beyond(bound) if q >= 0.999 => bound,
            other => panic!("{q}: {other:?}"),
        };
        let query = format!("histogram_quantile({q}, mm_stage_duration_ms_bucket)");
        let theirs = one(instant(&client, &query, time(at)).unwrap())[0].1;
        assert!((ours - theirs).abs() < 1e-9, "{q}: {ours} and {theirs}");
    }

    // The limit that the chunks keep to is real.
    let (url, _) = Url::parse(&server.url()).unwrap();
    let http = HttpClient::new(&HttpSettings::default()).unwrap();
    let end = (START_MS / 1000 + 72 * 3600).to_string();
    let start = (START_MS / 1000).to_string();
    let whole = form(&[("query", "mm_edge_bps"), ("start", &start), ("end", &end), ("step", "15")]);
    let reply = http.send(&url, "/api/v1/query_range", Request::Get(&whole)).unwrap();
    assert_eq!(reply.status, 400);
    assert!(reply.excerpt().contains("11,000"), "{}", reply.excerpt());

    // A query that finds nothing is an empty answer; one that is wrong is refused.
    assert_eq!(client.range("no_such_metric", &grid(START_MS)).unwrap().series, []);
    let wrong = client.range("rate(mm_edge_bps", &grid(START_MS)).unwrap_err();
    assert_eq!((wrong.kind, wrong.status), (QueryErrorKind::Refused, Some(400)));

    // Its own page is read in the format it chooses.
    assert_page(&http, &url);

    server.kill();
    let options =
        mmops::testing::client::ClientOptions { backoff: Duration::from_millis(1), ..Default::default() };
    let (clock, cancel) =
        (mmops::testing::clock::Clock::system(None), mmops::testing::signal::Cancel::default());
    let client = PrometheusClient::new(url, &HttpSettings::default(), options, clock, cancel).unwrap();
    let gone = client.range("mm_edge_bps", &grid(START_MS)).unwrap_err();
    assert_eq!(gone.kind, QueryErrorKind::Unreachable);
    assert_eq!(classify(&gone.fault().into()), Exit::Api);
}

fn assert_page(http: &HttpClient, url: &Url) {
    let asking = HttpSettings {
        headers: vec![("Accept".to_owned(), Secret::new(Format::ACCEPT.to_owned()))],
        ..HttpSettings::default()
    };
    for http in [http, &HttpClient::new(&asking).unwrap()] {
        let reply = http.send(url, "/metrics", Request::Get("")).unwrap();
        let page = parse(&reply.body, Format::of_content_type(reply.content_type.as_deref())).unwrap();
        assert!(page.samples.len() > 100);
        let info = page.named("prometheus_build_info").next().unwrap();
        assert!(info.labels.to_map()["version"].starts_with(|c: char| c.is_ascii_digit()));
    }
}

/// A certificate for 127.0.0.1 and the authority that signed it.
fn certificates(dir: &Path) {
    let openssl = |line: &str| run("openssl", &line.split(' ').collect::<Vec<_>>(), dir);
    std::fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2");
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=prometheus");
    openssl(
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile san",
    );
}

#[test]
fn a_server_behind_tls_and_a_password_is_reached_with_both_and_not_without() {
    if !have(&["prometheus", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let web = format!(
        "tls_server_config: {{cert_file: leaf.pem, key_file: leaf.key}}\nbasic_auth_users: {{joe: '{HASH}'}}\n"
    );
    std::fs::write(dir.path().join("web.yml"), web).unwrap();
    let server = Prometheus::start(dir.path(), "", &["--web.config.file=web.yml"]);
    let url = format!("https://127.0.0.1:{}", server.port);
    let ca_pem = Some(std::fs::read(dir.path().join("ca.pem")).unwrap());
    let basic = |password: &str| Auth::Basic { user: "joe".into(), password: Secret::new(password.into()) };
    let ask = |auth, ca_pem: &Option<Vec<u8>>| {
        let settings = HttpSettings { auth, ca_pem: ca_pem.clone(), ..HttpSettings::default() };
        instant(&client(&url, &settings), "vector(7)", time(START_MS))
    };
    assert_eq!(one(ask(basic("open sesame"), &ca_pem).unwrap()), [(START_MS, 7.0)]);
    for auth in [basic("wrong"), Auth::None, Auth::Bearer(Secret::new("x".into()))] {
        let unknown = ask(auth, &ca_pem).unwrap_err();
        assert_eq!((unknown.kind, unknown.status), (QueryErrorKind::Unauthorised, Some(401)));
        assert_eq!(classify(&unknown.fault().into()), Exit::Api);
    }
    let untrusted = ask(basic("open sesame"), &None).unwrap_err();
    assert_eq!(untrusted.kind, QueryErrorKind::Unreachable);
    assert!(untrusted.why.starts_with("TLS refused"), "{untrusted}");
}

/// `open sesame`, hashed with the lowest cost.
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";
