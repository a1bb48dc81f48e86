//! Who `mmops cron-sentinel` notifies, and its server.

use crate::conformity;
use crate::fake_server::{Asked, FakeServer, Told};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RUN: &str = "cron-sentinel --config tasks.yaml --format json";
const SECRET: &str = "s3cr3t-0123456789abcdef";

/// A sandbox with a task that is stale and one that is not, and these to be told.
fn sandbox(notify: &str) -> Sandbox {
    let tasks = "tasks:\n  - {name: late, artifact: late.txt, max_age: 1h, severity: warning, owner: ann}\n  - {name: well, artifact: well.txt, max_age: 1d}\n";
    let sandbox = Sandbox::new().unrecorded("a port and a host are in it");
    sandbox.write("tasks.yaml", format!("{tasks}notify:\n{notify}"));
    for (path, hours) in [("late.txt", 2), ("well.txt", 2)] {
        sandbox.write(path, "x");
        sandbox.age(path, Duration::from_hours(hours));
    }
    sandbox.write("secret", format!("{SECRET}\n"));
    sandbox
}

fn receiver(told: impl Fn(usize) -> Told + Send + Sync + 'static) -> FakeServer {
    let count = std::sync::atomic::AtomicUsize::new(0);
    FakeServer::start(move |_| told(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst)))
}

fn accepts() -> FakeServer {
    receiver(|_| Told::Reply(202, "", "ok".to_owned()))
}

/// What came, with the name of this machine taken out.
fn bodies(server: &FakeServer) -> Vec<Value> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let body = |asked: Asked| serde_json::from_str(&asked.body.replace(host.trim(), "HOST")).unwrap();
    server.asked().into_iter().map(body).collect()
}

#[test]
fn each_kind_reaches_its_receiver() {
    let (http, slack, pagerduty) = (accepts(), accepts(), accepts());
    let sandbox = sandbox(&format!(
        "  - {{name: hook, http: {{url: \"{}/in?team=a\", token_file: secret}}}}\n\
         \x20 - {{name: channel, slack: {{webhook_file: webhook}}}}\n\
         \x20 - {{name: oncall, pagerduty: {{routing_key_file: secret, url: \"{}/v2/enqueue\"}}}}\n\
         \x20 - {{name: script, command: [sh, -c, 'printf \"%s\" \"$MMOPS_NOTIFICATION\" > told.json; printf \"%s\" \"$MMOPS_KEY\" > key']}}\n",
        http.url(),
        pagerduty.url()
    ));
    sandbox.write("webhook", format!("{}/services/T0/B0/{SECRET}", slack.url()));
    let output = sandbox.run(RUN).code(1);
    let document = output.json();
    for delivery in document["notifications"].as_array().unwrap() {
        assert_eq!(
            (&delivery["state"], &delivery["attempts"]),
            (&json!("delivered"), &json!(1)),
            "{delivery}"
        );
    }
    assert!(!output.stdout.contains(SECRET) && !output.stderr.contains(SECRET));

    let line = "late: stale (severity warning, owner ann): it is 2h old, the limit is 1h, stale since 2026-03-10T11:00:00Z";
    let title = "cron-sentinel on HOST: 1 of 2 tasks not fresh: late";
    let told = &bodies(&http)[0];
    assert_eq!(conformity::schema("notification")["properties"]["schema"]["const"], told["schema"]);
    assert_eq!(told["title"], title);
    assert_eq!(told["lines"], json!([line]));
    assert_eq!((&told["event"], &told["urgency"]), (&json!("trigger"), &json!("warning")));
    assert_eq!((&told["at"], &told["clock"]), (&json!("2026-03-10T12:00:00Z"), &json!("frozen")));
    assert_eq!(told["details"]["tasks"][0]["name"], "late");
    let asked = &http.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/in?team=a"));
    assert!(asked.headers.contains(&format!("authorization: Bearer {SECRET}")), "{:?}", asked.headers);

    assert_eq!(bodies(&slack), [json!({"text": format!("*{title}*\n\u{2022} {line}")})]);
    assert_eq!(slack.asked()[0].target, format!("/services/T0/B0/{SECRET}"));
    assert_eq!(
        bodies(&pagerduty),
        [json!({
            "routing_key": SECRET,
            "event_action": "trigger",
            "dedup_key": "mmops/cron-sentinel/HOST/tasks.yaml",
            "client": "mmops",
            "payload": {
                "summary": title,
                "source": "cron-sentinel on HOST",
                "severity": "warning",
                "timestamp": "2026-03-10T12:00:00Z",
                "custom_details": {"lines": [line], "clock": "frozen"},
            },
        })]
    );
    assert_eq!(sandbox.json("told.json")["lines"], json!([line]));
    assert!(sandbox.read("key").ends_with("/tasks.yaml"));

    // All is well again: PagerDuty is told, the others are not, and nobody is where nobody shall be.
    sandbox.age("late.txt", Duration::ZERO);
    let document = sandbox.run(RUN).code(0).json();
    let states: Vec<&Value> =
        document["notifications"].as_array().unwrap().iter().map(|delivery| &delivery["state"]).collect();
    assert_eq!(states, ["idle", "idle", "delivered", "idle"]);
    assert_eq!(bodies(&pagerduty)[1]["event_action"], "resolve");
    let document = sandbox.run(&format!("{RUN} --no-notify")).code(0).json();
    assert!(document.get("notifications").is_none(), "{document}");
    assert_eq!((http.asked().len(), slack.asked().len(), pagerduty.asked().len()), (1, 1, 2));
}

#[test]
fn what_does_not_come_through_is_tried_again_and_never_changes_the_answer() {
    // A server that recovers, one that never does, one that asks for time, one that refuses and repeats what it was
    // sent, one that is silent, one that is not there.
    let recovers = receiver(|n| Told::Reply(if n < 2 { 503 } else { 200 }, "", String::new()));
    let broken = receiver(|_| Told::Reply(500, "", format!("no: {SECRET}")));
    let busy =
        receiver(|n| Told::Reply(if n == 0 { 429 } else { 202 }, "Retry-After: 30\r\n", String::new()));
    let refuses = receiver(|_| Told::Reply(400, "", format!("bad key {SECRET}")));
    let silent = receiver(|_| Told::Silence);
    let hook = |name: &str, url: &str, more: &str| {
        format!("  - {{name: {name}, http: {{url: \"{url}\", token_file: secret}}{more}}}\n")
    };
    let notify = [
        hook("recovers", &recovers.url(), ""),
        hook("broken", &broken.url(), ", retries: 2"),
        hook("busy", &busy.url(), ""),
        hook("refuses", &refuses.url(), ""),
        hook("silent", &silent.url(), ", retries: 0, timeout: 200ms"),
        hook("gone", "http://127.0.0.1:1", ", retries: 1"),
        "  - {name: fails, command: [sh, -c, 'exit 7'], retries: 1}\n".to_owned(),
        "  - {name: hangs, command: [sleep, '60'], retries: 0, timeout: 100ms}\n".to_owned(),
        "  - {name: none, command: [./no-such-program]}\n".to_owned(),
        "  - {name: unset, slack: {webhook_file: missing}}\n".to_owned(),
        "  - {name: odd, slack: {webhook_file: secret}}\n".to_owned(),
    ];
    let sandbox = sandbox(&notify.concat());
    // The waits between the attempts are those of the frozen clock.
    let begun = Instant::now();
    let output = sandbox.run(RUN).code(1);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(!output.stdout.contains(SECRET) && !output.stderr.contains(SECRET), "{}", output.stdout);
    let document = output.json();
    assert_eq!((&document["verdict"], &document["marker"]), (&json!("STALE"), &json!("CRON_SENTINEL=STALE")));
    let expected = [
        ("recovers", "delivered", 3, "HTTP 503"),
        ("broken", "failed", 3, "HTTP 500: no: ***"),
        ("busy", "delivered", 2, "HTTP 429"),
        ("refuses", "failed", 1, "HTTP 400: bad key ***"),
        ("silent", "failed", 1, "no answer within 200ms"),
        ("gone", "failed", 2, "no connection"),
        ("fails", "failed", 2, "exit code 7"),
        ("hangs", "failed", 1, "timed out after 100ms"),
        ("none", "failed", 1, "no-such-program"),
        ("unset", "failed", 0, "missing"),
        ("odd", "failed", 0, "holds no address"),
    ];
    let notifications = document["notifications"].as_array().unwrap();
    assert_eq!(notifications.len(), expected.len());
    for ((name, state, attempts, reason), delivery) in expected.into_iter().zip(notifications) {
        assert_eq!((&delivery["name"], &delivery["state"]), (&json!(name), &json!(state)), "{delivery}");
        assert_eq!(delivery["attempts"], attempts, "{delivery}");
        assert!(delivery["reason"].as_str().unwrap_or_default().contains(reason), "{delivery}");
    }
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["note"] == "undelivered" && row["status"] == "WARN").count(), 9);

    // A secret that is missing is noticed when there is nothing to tell, and fresh stays fresh.
    sandbox.age("late.txt", Duration::ZERO);
    let document = sandbox.run(RUN).code(0).json();
    assert_eq!((&document["verdict"], &document["status"]), (&json!("FRESH"), &json!("OK")));
    let failed = document["notifications"].as_array().unwrap().iter().filter(|one| one["state"] == "failed");
    assert_eq!(failed.map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>(), ["unset", "odd"]);
}

/// A server that a test ends.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(sandbox: &Sandbox) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_mmops"))
            .args(["cron-sentinel", "--config", "tasks.yaml", "--serve", "127.0.0.1:0", "--every", "50ms"])
            .args(["--address-file", "address", "--format", "json"])
            .current_dir(sandbox.root())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut serving = Self { child, address: String::new() };
        wait_for(|| {
            let text = fs::read_to_string(sandbox.path("address")).unwrap_or_default();
            text.trim().trim_start_matches("http://").clone_into(&mut serving.address);
            !serving.address.is_empty()
        });
        serving
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn end(mut self) -> (Option<i32>, Value) {
        assert!(
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success()
        );
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), serde_json::from_str(&text).unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn wait_for(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes the artifact as a job should: aside, and then in its place.
fn replace(sandbox: &Sandbox, content: &str) {
    sandbox.write("a.json.tmp", content);
    fs::rename(sandbox.path("a.json.tmp"), sandbox.path("a.json")).unwrap();
}

#[test]
fn the_server_has_a_page_and_metrics_and_tells_of_each_change_once() {
    let hook = accepts();
    let sandbox = Sandbox::real_time().unrecorded("a server is watched");
    // One that cannot be reached is no reason to repeat itself to the others.
    let unset = "{name: unset, slack: {webhook_file: missing}}";
    let notify = format!("[{{name: hook, http: {{url: \"{}\"}}, resolved: true}}, {unset}]", hook.url());
    sandbox.write(
        "tasks.yaml",
        format!(
            "tasks: [{{name: \"a<b\", artifact: a.json, max_age: 1h, max_runtime: 1h}}]\nnotify: {notify}\n"
        ),
    );
    sandbox.write("a.json", "{}");
    let serving = Serving::start(&sandbox);
    let metrics = serving.get("/metrics");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("mmops_task_state{state=\"fresh\",task=\"a<b\"} 1\n"), "{metrics}");
    assert!(metrics.contains("mmops_task_state{state=\"stale\",task=\"a<b\"} 0\n"), "{metrics}");
    assert!(metrics.contains("mmops_task_age_seconds{task=\"a<b\"} "), "{metrics}");
    let page = serving.get("/");
    assert!(
        page.contains("content-security-policy: default-src 'none'") && page.contains("refresh: 30"),
        "{page}"
    );
    assert!(page.contains("<b>a&lt;b</b>") && page.contains("<h2 class=\"w\">FRESH</h2>"), "{page}");
    assert!(!serving.get("/?refresh=off").contains("refresh: 30"));
    assert!(serving.get("/x").starts_with("HTTP/1.1 404"));
    assert_eq!(hook.asked().len(), 0, "what is well from the start is no news");

    let old = std::time::SystemTime::now() - Duration::from_hours(2);
    fs::File::options().write(true).open(sandbox.path("a.json")).unwrap().set_modified(old).unwrap();
    wait_for(|| serving.get("/metrics").contains("mmops_task_state{state=\"stale\",task=\"a<b\"} 1\n"));
    wait_for(|| hook.asked().len() == 1);
    assert!(serving.get("/").contains("<h2 class=\"w\">STALE</h2>"));
    // A run that began is not one that came, and no second news.
    let started = json!({"started_at": jiff::Timestamp::now().to_string()});
    replace(&sandbox, &started.to_string());
    wait_for(|| serving.get("/metrics").contains("mmops_task_state{state=\"running\",task=\"a<b\"} 1\n"));
    replace(&sandbox, "{}");
    wait_for(|| hook.asked().len() == 2);
    let events: Vec<Value> = bodies(&hook).into_iter().map(|body| body["event"].clone()).collect();
    assert_eq!(events, ["trigger", "resolve"]);
    let (code, document) = serving.end();
    assert_eq!((code, &document["verdict"]), (Some(143), &json!("STOPPED")));
    assert_eq!(document["tasks"][0]["state"], "fresh");
}

#[test]
fn only_the_loopback_interface_is_served() {
    let sandbox = Sandbox::new().file("tasks.yaml", "tasks: [{name: a, artifact: a.txt, max_age: 1h}]");
    let _ = sandbox.run("cron-sentinel --config tasks.yaml --serve 0.0.0.0:0").error(64);
    let _ = sandbox.run("cron-sentinel --config tasks.yaml --every 1s").code(64);
}
