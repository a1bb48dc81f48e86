//! A Prometheus on a free loopback port with a data directory of its own.

use jiff::Timestamp;
use mmops::testing::client::{ClientOptions, PrometheusClient, QueryError, QueryResult, TimeGrid};
use mmops::testing::clock::Clock;
use mmops::testing::http::{HttpSettings, Url};
use mmops::testing::signal::Cancel;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether these programs are there; if not, the test says so and is passed over, or fails where they
/// are required.
pub fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &&&str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let Some(missing) = programs.iter().find(|program| !found(program)) else { return true };
    let required = std::env::var("MMOPS_REQUIRE_REAL").is_ok_and(|value| value == "1");
    assert!(!required, "`{missing}` is not installed, and MMOPS_REQUIRE_REAL=1");
    println!("passed over: `{missing}` is not installed");
    false
}

/// Runs a program to its end and returns what it printed.
pub fn run(program: &str, args: &[&str], dir: &Path) -> String {
    let output = Command::new(program).args(args).current_dir(dir).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}");
    text
}

/// Another engine behind the same API, with its defaults.
pub struct VictoriaMetrics(Prometheus);

impl VictoriaMetrics {
    pub fn start(dir: &Path) -> Self {
        let dir = dir.join("victoria");
        std::fs::create_dir_all(&dir).unwrap();
        (0..3).find_map(|_| Self::try_start(&dir)).expect("victoria-metrics starts")
    }

    fn try_start(dir: &Path) -> Option<Self> {
        let port = free_port();
        let log = std::fs::File::create(dir.join("victoria.log")).unwrap();
        let child = Command::new("victoria-metrics")
            .arg("-storageDataPath=data")
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Prometheus { child, port }.listening(&dir.join("victoria.log")).map(Self)
    }

    pub fn url(&self) -> String {
        self.0.url()
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server; it is killed when dropped.
pub struct Prometheus {
    child: Child,
    pub port: u16,
}

impl Prometheus {
    /// Starts a server over `dir/data`; `config` is the text of its configuration.
    pub fn start(dir: &Path, config: &str, args: &[&str]) -> Self {
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::write(dir.join("prometheus.yml"), config).unwrap();
        // Between finding a free port and using it another process may take it.
        (0..3).find_map(|_| Self::try_start(dir, args)).expect("prometheus starts")
    }

    fn try_start(dir: &Path, args: &[&str]) -> Option<Self> {
        let port = free_port();
        let log = std::fs::File::create(dir.join("prometheus.log")).unwrap();
        let child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, port }.listening(&dir.join("prometheus.log"))
    }

    /// Waits until it listens; nothing where it ended instead.
    fn listening(mut self, log: &Path) -> Option<Self> {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.child.try_wait().unwrap().is_some() {
                println!("{}", std::fs::read_to_string(log).unwrap());
                return None;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "nothing listens");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(self)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client of this server on the system clock: until the server is ready it is asked again.
    pub fn client(&self) -> PrometheusClient {
        client(&self.url(), &HttpSettings::default())
    }

    /// Ends the server at once.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn client(url: &str, settings: &HttpSettings) -> PrometheusClient {
    let (url, _) = Url::parse(url).unwrap();
    PrometheusClient::new(url, settings, ClientOptions::default(), Clock::system(None), Cancel::default())
        .unwrap()
}

/// The values of a query at one time: a range of one point.
pub fn instant(client: &PrometheusClient, query: &str, at: Timestamp) -> Result<QueryResult, QueryError> {
    client.range(query, &TimeGrid::new(at, at, Duration::from_secs(1)).unwrap())
}
