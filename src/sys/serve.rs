//! A small HTTP server on the loopback interface, on a thread of its own, for the state of a command that runs
//! for long.

use crate::exit::Fault;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The content type of the text exposition format.
pub const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The content type of JSON.
pub const JSON: &str = "application/json";
/// The content type of plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Content type.
    pub content_type: &'static str,
    /// Body.
    pub body: String,
}

impl Answer {
    /// An answer with the status 200.
    pub fn ok(content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status: 200, content_type, body: body.into() }
    }

    /// A refusal in plain text.
    pub fn refused(status: u16, why: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, body: why.into() + "\n" }
    }
}

/// A server; it ends when the value is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address`, which must be on the loopback interface: there is no authentication. `answer`
    /// gets the method, the path and the body of each request.
    pub fn start(
        address: SocketAddr,
        answer: impl Fn(&str, &str, &[u8]) -> Answer + Send + Sync + 'static,
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
        let router = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| {
            let answer = Arc::clone(&answer);
            async move {
                let Answer { status, content_type, body } = answer(method.as_str(), uri.path(), &body);
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
    pub fn address(&self) -> SocketAddr {
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
