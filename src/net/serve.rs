//! A small HTTP server on the loopback interface, on a thread of its own, for the state of a command that runs
//! for long.

use crate::report::exit::Fault;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The content type of the text exposition format.
pub(crate) const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The content type of the `OpenMetrics` text.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The content type of JSON.
pub(crate) const JSON: &str = "application/json";
/// The content type of plain text.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The method, such as `GET`.
    pub(crate) method: &'a str,
    /// The path, without a query.
    pub(crate) path: &'a str,
    /// The content types that `Accept` names; empty where it is not sent.
    pub(crate) accept: &'a str,
    pub(crate) body: &'a [u8],
}

#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn ok(content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status: 200, content_type, body: body.into() }
    }

    /// An error in plain text.
    pub(crate) fn error(status: u16, why: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, body: why.into() + "\n" }
    }
}

/// A server; it ends when the value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
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
        let (stop, stopped) = oneshot::channel();
        let answer = Arc::new(answer);
        let router =
            Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let answer = Arc::clone(&answer);
                async move {
                    let accept =
                        headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
                    let request = Request { method: method.as_str(), path: uri.path(), accept, body: &body };
                    let Response { status, content_type, body } = answer(&request);
                    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    (status, [(CONTENT_TYPE, content_type)], body).into_response()
                }
            });
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                ended = axum::serve(listener, router) => ended,
                _ = stopped => Ok(()),
            }
        };
        let thread = std::thread::spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!("the server on `{bound}` ended: {error}");
            }
            runtime.shutdown_background();
        });
        Ok(Self { address: bound, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A sender that is gone ends the thread as a message would.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
