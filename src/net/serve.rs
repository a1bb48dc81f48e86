//! A small HTTP server on the loopback interface, on a thread of its own, for the state of a command that runs
//! for long.

use crate::report::exit::Fault;
use crate::sys::work;
use axum::Router;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The content type of the text exposition format.
pub(crate) const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The content type of the `OpenMetrics` text.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The content type of JSON.
pub(crate) const JSON: &str = "application/json";
/// The content type of a page.
const HTML: &str = "text/html; charset=utf-8";
/// The content type of plain text.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Seconds after which a browser asks for a page again.
const REFRESH_SECS: u32 = 30;
/// What stops that, at the end of the address.
const WITHOUT_REFRESH: &str = "refresh=off";

/// Connections at once.
const MOST_CONNECTIONS: usize = 64;
/// How long a client may take to send the head of a request, and again its body.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last, also one whose client does not read.
const LONGEST_CONNECTION: Duration = Duration::from_mins(1);
/// Bytes of the largest body.
const LARGEST_BODY: usize = 1 << 20;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The method, such as `GET`.
    pub(crate) method: &'a str,
    /// The path, without a query.
    pub(crate) path: &'a str,
    /// What stands behind the `?` of the address; empty where there is none.
    pub(crate) query: &'a str,
    /// The content types that `Accept` names; empty where it is not sent.
    pub(crate) accept: &'a str,
    pub(crate) body: &'a [u8],
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Headers beside the type.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn ok(content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status: 200, content_type, headers: Vec::new(), body: body.into() }
    }

    /// An error in plain text.
    pub(crate) fn error(status: u16, why: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, headers: Vec::new(), body: why.into() + "\n" }
    }

    /// A page for people, which is never taken from a cache.
    pub(crate) fn page(body: impl Into<String>, policy: String) -> Self {
        let headers = vec![
            ("content-security-policy", policy),
            ("cache-control", "no-store".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { headers, ..Self::ok(HTML, body) }
    }

    /// The same of what changes: a browser asks for it again, unless the address ends with `?refresh=off`.
    pub(crate) fn live_page(body: impl Into<String>, policy: String, request: &Request<'_>) -> Self {
        let mut response = Self::page(body, policy);
        if !request.query.split('&').any(|part| part == WITHOUT_REFRESH) {
            response.headers.push(("refresh", REFRESH_SECS.to_string()));
        }
        response
    }
}

/// A server; it ends when the value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address`, which must be on the loopback interface: there is no authentication.
    pub(crate) fn start(
        address: SocketAddr,
        answer: impl Fn(&Request<'_>) -> Response + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        if !address.ip().is_loopback() {
            let message = format!("`{address}` is not on the loopback interface");
            return Err(Fault::usage(message).hint("listen on 127.0.0.1 and put a proxy before it"));
        }
        let fail =
            |error: std::io::Error| Fault::dependency(format!("failed to listen on `{address}`: {error}"));
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let bound = listener.local_addr().map_err(fail)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
        // Its end is what the thread hears: a message would have to be written to it, which can fail.
        let (stop, stopped) = UnixStream::pair().map_err(fail)?;
        stopped.set_nonblocking(true).map_err(fail)?;
        let answer = Arc::new(answer);
        let router = Router::new().fallback(move |request: axum::extract::Request| {
            let answer = Arc::clone(&answer);
            async move {
                let (head, body) = request.into_parts();
                let body = tokio::time::timeout(READ_TIMEOUT, axum::body::to_bytes(body, LARGEST_BODY)).await;
                let Ok(body) = body else { return StatusCode::REQUEST_TIMEOUT.into_response() };
                let Ok(body) = body else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
                let accept =
                    head.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let request = Request {
                    method: head.method.as_str(),
                    path: head.uri.path(),
                    query: head.uri.query().unwrap_or_default(),
                    accept,
                    body: &body,
                };
                let Response { status, content_type, headers, body } = answer(&request);
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = (status, [(CONTENT_TYPE, content_type)], body).into_response();
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        response.headers_mut().insert(name, value);
                    }
                }
                response
            }
        });
        // Before the thread: what cannot be waited for is a fault of the command, not of its server.
        let within = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(fail)?;
        let stopped = tokio::net::UnixStream::from_std(stopped).map_err(fail)?;
        drop(within);
        let serve = async move {
            tokio::select! {
                () = accept(listener, router) => Ok::<(), std::io::Error>(()),
                ended = stopped.readable() => ended,
            }
        };
        let thread = work::spawn("server", move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!("the server on `{bound}` ended: {error}");
            }
            runtime.shutdown_background();
        })?;
        Ok(Self { address: bound, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes connections, so many at once that the process keeps files for its own work; the others wait.
async fn accept(listener: tokio::net::TcpListener, router: Router) {
    let free = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&free).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // A process that has no file left has one again when a connection ends.
                tracing::debug!("a connection cannot be taken: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let mut protocol = http1::Builder::new();
        protocol.timer(TokioTimer::new()).header_read_timeout(READ_TIMEOUT);
        let connection = protocol.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // What goes wrong on a connection is the business of its other side.
            drop(tokio::time::timeout(LONGEST_CONNECTION, connection).await);
            drop(slot);
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
