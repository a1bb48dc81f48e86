//! Laws of the query client against a server that enforces its limits: whatever the span and the step,
//! each time comes once, nothing is asked twice at once more than agreed, and trouble has a type.

use crate::fake_server::{Asked, FakeServer, Told};
use jiff::Timestamp;
use mmops::testing::client::{
    ClientOptions, PrometheusClient, QueryError, QueryErrorKind, QueryResult, TimeGrid,
};
use mmops::testing::clock::Clock;
use mmops::testing::exit::{Exit, classify};
use mmops::testing::http::{Auth, HttpSettings, Secret, Url};
use mmops::testing::signal::Cancel;
use proptest::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const START_MS: i64 = 1_767_225_600_000;

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn frozen() -> Clock {
    Clock::frozen(time(START_MS), None)
}

fn client_with(url: &str, settings: &HttpSettings, clock: &Clock, cancel: &Cancel) -> PrometheusClient {
    let (url, _) = Url::parse(url).unwrap();
    PrometheusClient::new(url, settings, ClientOptions::default(), clock.clone(), cancel.clone()).unwrap()
}

fn client(server: &FakeServer) -> PrometheusClient {
    client_with(&server.url(), &HttpSettings::default(), &frozen(), &Cancel::default())
}

fn grid(points: i64) -> TimeGrid {
    TimeGrid::new(time(START_MS), time(START_MS + (points - 1) * 1000), Duration::from_secs(1)).unwrap()
}

fn millis(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: i64 = format!("{part:0<3}").parse().unwrap();
    let whole: i64 = whole.parse().unwrap();
    if text.starts_with('-') { whole * 1000 - part } else { whole * 1000 + part }
}

fn refused(status: u16, kind: &str, error: &str) -> Told {
    Told::Reply(status, "", format!(r#"{{"status":"error","errorType":"{kind}","error":"{error}"}}"#))
}

fn success(data: &str) -> Told {
    Told::Reply(200, "", format!(r#"{{"status":"success","data":{data}}}"#))
}

/// Answers like Prometheus: two series, one whole with the time as its value, one at every third point.
/// More than `limit` points are too many to load; more than 11,000 steps are refused by rule.
fn prometheus(asked: &Asked, limit: i64) -> Told {
    let field = |name: &str| millis(&asked.field(name).unwrap());
    let (start, end, step) = (field("start"), field("end"), field("step"));
    if (end - start) / step > 11_000 {
        return refused(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries");
    }
    if (end - start) / step + 1 > limit {
        return refused(422, "execution", "query processing would load too many samples into memory");
    }
    let point = |at: i64| format!("[{}.{:03},\"{at}\"]", at / 1000, at % 1000);
    let times = || (0..).map(|place| start + place * step).take_while(|at| *at <= end);
    let whole: Vec<String> = times().map(point).collect();
    let some: Vec<String> = times().filter(|at| at % 3 == 0).map(point).collect();
    let row = |name: &str, points: &[String]| {
        format!(r#"{{"metric":{{"__name__":"{name}"}},"values":[{}]}}"#, points.join(","))
    };
    let mut rows = vec![row("whole", &whole)];
    if !some.is_empty() {
        rows.push(row("some", &some));
    }
    success(&format!(r#"{{"resultType":"matrix","result":[{}]}}"#, rows.join(",")))
}

/// Asserts that each time of the grid came once and in order, with its own value.
#[track_caller]
fn assert_whole(answer: &QueryResult, from_ms: i64, points: i64, step_ms: i64) {
    let times: Vec<i64> = (0..points).map(|place| from_ms + place * step_ms).collect();
    for series in &answer.series {
        let found: Vec<i64> = series.points.iter().map(|(at, _)| *at).collect();
        let wanted: Vec<i64> = match series.labels["__name__"].as_str() {
            "whole" => times.clone(),
            _ => times.iter().copied().filter(|at| at % 3 == 0).collect(),
        };
        assert_eq!(found, wanted);
        assert!(series.points.iter().all(|(at, value)| (*at as f64 - value).abs() < 0.5));
    }
    assert_eq!(answer.series.last().unwrap().labels["__name__"], "whole");
}

#[test]
fn three_days_at_five_seconds_are_51841_points_in_five_requests() {
    let server = FakeServer::start(|asked| prometheus(asked, i64::MAX));
    let three_days =
        TimeGrid::new(time(START_MS), time(START_MS + 72 * 3_600_000), Duration::from_secs(5)).unwrap();
    let answer = client(&server).range("x", &three_days).unwrap();
    assert_whole(&answer, START_MS, 51_841, 5000);
    assert_eq!(server.asked().len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_span_and_step_gives_each_time_once(
        from_ms in START_MS..START_MS + 100_000,
        step_ms in prop_oneof![1_i64..5000, Just(15_000), Just(86_400_000)],
        points in prop_oneof![1_i64..40, 10_998_i64..11_004, 21_998_i64..22_004],
        over in 0.0..1.0,
    ) {
        let server = FakeServer::start(|asked| prometheus(asked, i64::MAX));
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        let to = from_ms + (points - 1) * step_ms + (over * (step_ms - 1) as f64) as i64;
        let grid = TimeGrid::new(time(from_ms), time(to), Duration::from_millis(step_ms.cast_unsigned())).unwrap();
        let answer = client(&server).range("x", &grid).unwrap();
        assert_whole(&answer, from_ms, points, step_ms);
        prop_assert!(server.most() <= 2);
    }

    #[test]
    fn a_server_of_any_smaller_limit_is_met(points in 1_i64..2000, limit in 1_i64..400) {
        let server = FakeServer::start(move |asked| prometheus(asked, limit));
        let answer = client(&server).range("x", &grid(points)).unwrap();
        assert_whole(&answer, START_MS, points, 1000);
        // A span that fits is at least half the limit; the rest are the halvings that found it.
        prop_assert!(i64::try_from(server.asked().len()).unwrap() <= 2 * (2 * points / limit + 1) + 24, "{}", server.asked().len());
    }
}

#[test]
fn two_requests_are_on_the_way_and_never_three() {
    let server = FakeServer::start(|asked| {
        std::thread::sleep(Duration::from_millis(20));
        prometheus(asked, 50)
    });
    let client = client(&server);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_whole(&client.range("x", &grid(200)).unwrap(), START_MS, 200, 1000));
        }
    });
    assert_eq!(server.most(), 2);
}

#[test]
fn a_late_answer_is_asked_for_in_halves_and_then_given_up() {
    let quick = HttpSettings { timeout: Duration::from_millis(300), ..HttpSettings::default() };
    let late = |limit: usize| {
        FakeServer::start(move |asked| match prometheus(asked, i64::MAX) {
            Told::Reply(_, _, body) if body.matches("],[").count() > limit => Told::Silence,
            told => told,
        })
    };
    let server = late(70);
    let client = client_with(&server.url(), &quick.clone(), &frozen(), &Cancel::default());
    assert_whole(&client.range("x", &grid(100)).unwrap(), START_MS, 100, 1000);

    let server = FakeServer::start(|_| Told::Silence);
    let client = client_with(&server.url(), &quick, &frozen(), &Cancel::default());
    let unknown = client.range("x", &grid(11_000)).unwrap_err();
    assert_eq!(unknown.kind, QueryErrorKind::TimedOut);
    assert!(unknown.to_string().ends_with("no answer within 300ms"), "{unknown}");
    assert!(server.asked().len() <= 10, "{}", server.asked().len());
}

/// The outcome of a question to a server that gives these answers in turn and then the last for ever.
fn in_turn(answers: Vec<fn() -> Told>) -> (Result<QueryResult, QueryError>, usize, Duration) {
    let next = AtomicUsize::new(0);
    let server = FakeServer::start(move |asked| {
        let place = next.fetch_add(1, Ordering::SeqCst);
        match answers.get(place).or(answers.last()) {
            Some(answer) => answer(),
            None => prometheus(asked, i64::MAX),
        }
    });
    let clock = frozen();
    let client = client_with(&server.url(), &HttpSettings::default(), &clock, &Cancel::default());
    let started = Instant::now();
    let outcome = client.range("x", &grid(1));
    assert!(started.elapsed() < Duration::from_secs(2), "a frozen clock does not wait");
    let waited = clock.now().duration_since(time(START_MS));
    (outcome, server.asked().len(), Duration::try_from(waited).unwrap())
}

fn one_point() -> Told {
    success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1767225600,"NaN"]]}]}"#)
}

#[test]
fn what_may_pass_is_tried_again_with_growing_pauses_on_the_clock() {
    for trouble in [
        (|| Told::Reply(500, "", "oops".into())) as fn() -> Told,
        || Told::Reply(502, "", String::new()),
        || Told::Torn,
        || Told::Reply(429, "", "slow down".into()),
    ] {
        let (outcome, asked, waited) = in_turn(vec![trouble, trouble, trouble, one_point]);
        assert!(outcome.unwrap().series[0].points[0].1.is_nan());
        assert_eq!((asked, waited), (4, Duration::from_millis(3500)));
        let (outcome, asked, _) = in_turn(vec![trouble]);
        assert!(matches!(outcome.unwrap_err().kind, QueryErrorKind::Failed | QueryErrorKind::Unreachable));
        assert_eq!(asked, 5);
    }
    let patient = || Told::Reply(429, "Retry-After: 7\r\n", String::new());
    let (outcome, asked, waited) = in_turn(vec![patient, one_point]);
    assert!(outcome.is_ok());
    assert_eq!((asked, waited), (2, Duration::from_secs(7)));
    let endless = || Told::Reply(503, "Retry-After: 86400\r\n", String::new());
    assert_eq!(in_turn(vec![endless, one_point]).2, Duration::from_secs(30));
}

#[test]
fn what_does_not_pass_is_asked_once_and_has_a_type() {
    let cases: [(fn() -> Told, QueryErrorKind, &str); 12] = [
        (
            || Told::Reply(401, "", "who are you".into()),
            QueryErrorKind::Unauthorised,
            "answered 401: who are you",
        ),
        (|| Told::Reply(403, "", String::new()), QueryErrorKind::Unauthorised, "answered 403"),
        (
            || Told::Reply(404, "", "no such\n page".into()),
            QueryErrorKind::Refused,
            "answered 404: no such page",
        ),
        (
            || Told::Reply(302, "Location: http://x/login?t=1\r\n", String::new()),
            QueryErrorKind::Refused,
            "a redirect to `http://x/login`",
        ),
        (
            || refused(400, "bad_data", "1:3: parse error: x"),
            QueryErrorKind::Refused,
            "answered 400: bad_data: 1:3: parse",
        ),
        (
            || refused(422, "execution", "many-to-many"),
            QueryErrorKind::Refused,
            "answered 422: execution: many-to-many",
        ),
        (
            || Told::Reply(200, "", "<html>Log in</html>".into()),
            QueryErrorKind::Malformed,
            "begins `<html>Log in</html>`",
        ),
        (
            || Told::Reply(200, "", r#"{"status":"error"}"#.into()),
            QueryErrorKind::Malformed,
            "its status is `error`",
        ),
        (
            || Told::Reply(200, "", r#"{"status":"success"}"#.into()),
            QueryErrorKind::Malformed,
            "it has no data",
        ),
        (|| success(r#"{"resultType":"vector","result":[]}"#), QueryErrorKind::Malformed, "is a `vector`"),
        (
            || success(r#"{"resultType":"matrix","result":[{"metric":{},"histograms":[]}]}"#),
            QueryErrorKind::Malformed,
            "native histogram",
        ),
        (
            || success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1767225600,"x"]]}]}"#),
            QueryErrorKind::Malformed,
            "`x` is not a number",
        ),
    ];
    for (answer, kind, text) in cases {
        let (outcome, asked, _) = in_turn(vec![answer]);
        let unknown = outcome.unwrap_err();
        assert_eq!(unknown.kind, kind, "{unknown}");
        assert!(unknown.to_string().contains(text), "{unknown}");
        assert!(unknown.to_string().contains("/api/v1/query_range?query=x&start=1767225600"), "{unknown}");
        assert_eq!(asked, 1, "{unknown}");
        assert_eq!(classify(&unknown.fault().into()), Exit::Api);
    }
}

#[test]
fn a_partial_answer_is_no_answer() {
    let row = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1767225600,"1"]]}]}"#;
    let with = |extra: &str| {
        let body = format!(r#"{{"status":"success","data":{row},{extra}}}"#);
        let server = FakeServer::start(move |_| Told::Reply(200, "", body.clone()));
        client(&server).range("x", &grid(1))
    };
    for extra in [
        r#""warnings":["receive series from store: context deadline exceeded"]"#,
        r#""warnings":["results truncated due to limit"]"#,
        r#""warnings":["PromQL warning: bucket label \"le\" is missing"]"#,
        r#""isPartial":true"#,
    ] {
        let unknown = with(extra).unwrap_err();
        assert_eq!(unknown.kind, QueryErrorKind::Partial, "{extra}");
        assert_eq!(classify(&unknown.fault().into()), Exit::Stalled);
    }
    let note = "PromQL info: metric might not be a counter";
    assert_eq!(with(&format!(r#""warnings":["{note}"]"#)).unwrap().notes, [note]);
    assert_eq!(with(&format!(r#""infos":["{note}"],"isPartial":false"#)).unwrap().notes, [note]);
}

#[test]
fn a_time_that_was_not_asked_for_is_refused() {
    for values in [
        r#"[1767225600.5,"1"]"#,
        r#"[1767225599,"1"]"#,
        r#"[1767225603,"1"]"#,
        r#"[1767225600,"1"],[1767225600,"1"]"#,
        r#"[1767225601,"1"],[1767225600,"1"]"#,
        r#"[1e300,"1"]"#,
    ] {
        let body = format!(r#"{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{values}]}}]}}"#);
        let server = FakeServer::start(move |_| success(&body));
        assert_eq!(
            client(&server).range("x", &grid(3)).unwrap_err().kind,
            QueryErrorKind::Malformed,
            "{values}"
        );
    }
}

#[test]
fn a_query_that_never_works_is_soon_known_not_to() {
    let server = FakeServer::start(|_| refused(422, "execution", "found duplicate series"));
    let unknown = client(&server).range("x", &grid(50_000)).unwrap_err();
    assert_eq!((unknown.kind, unknown.status), (QueryErrorKind::Refused, Some(422)));
    assert!(server.asked().len() <= 40, "{}", server.asked().len());
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let address = FakeServer::start(|_| Told::Torn).url();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = format!("http://127.0.0.1:{port}");
    assert_ne!(address, gone);
    let clock = frozen();
    let client = client_with(&gone, &HttpSettings::default(), &clock, &Cancel::default());
    let unknown = client.range("up", &grid(1)).unwrap_err();
    assert_eq!(unknown.kind, QueryErrorKind::Unreachable);
    assert!(unknown.to_string().contains(&gone), "{unknown}");
    assert_eq!(classify(&unknown.fault().into()), Exit::Api);
    assert_eq!(clock.now().as_millisecond(), START_MS + 7500);
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let seen: &'static Mutex<Vec<String>> = Box::leak(Box::default());
    let server = FakeServer::start(move |asked| {
        seen.lock().unwrap().clone_from(&asked.headers);
        Told::Reply(401, "", "denied".into())
    });
    let header = ("X-Scope-OrgID".to_owned(), Secret::new("team-s3cret".into()));
    let base = server.url().replace("http://", "http://joe:pa55@") + "?tenant=t3nant";
    let (url, auth) = Url::parse(&base).unwrap();
    for (auth, wanted) in [
        (auth, "authorization: Basic am9lOnBhNTU="),
        (Auth::Bearer(Secret::new("t0ken".into())), "authorization: Bearer t0ken"),
    ] {
        let settings = HttpSettings { auth, headers: vec![header.clone()], ..HttpSettings::default() };
        let client = PrometheusClient::new(
            url.clone(),
            &settings,
            ClientOptions::default(),
            frozen(),
            Cancel::default(),
        )
        .unwrap();
        let unknown = client.range("up", &grid(1)).unwrap_err();
        let headers = seen.lock().unwrap().clone();
        assert!(headers.contains(&wanted.to_owned()), "{headers:?}");
        assert!(headers.contains(&"x-scope-orgid: team-s3cret".to_owned()), "{headers:?}");
        let shown = format!("{unknown} {unknown:?} {settings:?} {client:?}");
        for secret in ["s3cret", "pa55", "t0ken", "t3nant", "am9l"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(server.asked()[0].target.ends_with("?tenant=t3nant"));
}

#[test]
fn a_proxy_that_lets_only_get_through_is_asked_that_way() {
    let server = FakeServer::start(|asked| match asked.method.as_str() {
        "GET" => prometheus(asked, i64::MAX),
        _ => Told::Reply(405, "", String::new()),
    });
    let client = client(&server);
    for _ in 0..2 {
        assert_whole(&client.range("x", &grid(10)).unwrap(), START_MS, 10, 1000);
    }
    let methods: Vec<String> = server.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["POST", "GET", "GET"]);
}

#[test]
fn a_stop_does_not_wait_for_a_silent_server() {
    let server = FakeServer::start(|_| Told::Silence);
    let cancel = Cancel::default();
    let client = client_with(&server.url(), &HttpSettings::default(), &Clock::system(None), &cancel);
    let started = Instant::now();
    let unknown = std::thread::scope(|scope| {
        let asked = scope.spawn(|| client.range("x", &grid(1)));
        while server.asked().is_empty() {
            std::thread::yield_now();
        }
        cancel.request(2);
        asked.join().unwrap().unwrap_err()
    });
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(unknown.kind, QueryErrorKind::Stopped(2));
    assert_eq!(classify(&unknown.fault().into()), Exit::Interrupted);
}

#[test]
fn an_answer_larger_than_the_bound_is_asked_for_in_parts() {
    let server = FakeServer::start(|asked| prometheus(asked, i64::MAX));
    let settings = HttpSettings { max_body_bytes: 4000, ..HttpSettings::default() };
    let client = client_with(&server.url(), &settings, &frozen(), &Cancel::default());
    assert_whole(&client.range("x", &grid(500)).unwrap(), START_MS, 500, 1000);
    assert!(server.asked().len() > 4);
}
