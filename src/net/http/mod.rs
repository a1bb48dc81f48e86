//! The one HTTP client: blocking, with a deadline and a bounded body on every request, no redirects, no
//! proxy from the environment, TLS by rustls. What it cannot do it says as an [`HttpError`].

mod auth;
mod url;

pub use auth::{Auth, Secret};
pub use url::{Url, form};

use crate::report::exit::Fault;
use base64::Engine as _;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER,
};
use ureq::http::{HeaderMap, Method};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// What every request of a client has in common.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Longest time until a connection stands.
    pub connect_timeout: Duration,
    /// Longest time of a whole request, body included.
    pub timeout: Duration,
    /// Largest body that is read.
    pub max_body_bytes: u64,
    pub auth: Auth,
    /// Further headers, such as a tenant.
    pub headers: Vec<(String, Secret)>,
    /// A file of further headers that is read for each request.
    pub headers_file: Option<PathBuf>,
    /// The content types that are asked for, where no header of the operator's does.
    pub accept: Option<&'static str>,
    /// PEM certificates that are trusted, in place of the built-in public ones.
    pub ca_pem: Option<Vec<u8>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_body_bytes: 64 << 20,
            auth: Auth::None,
            headers: Vec::new(),
            headers_file: None,
            accept: None,
            ca_pem: None,
        }
    }
}

/// A client; clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    agent: ureq::Agent,
    settings: Arc<HttpSettings>,
    /// What is sent where no file is to be read again.
    headers: Arc<HeaderMap>,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// The `Content-Type`, if one was sent.
    pub content_type: Option<String>,
    /// What `Retry-After` asks for, where it is a number of seconds.
    pub retry_after: Option<Duration>,
    /// Where a redirect that was not followed leads.
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Response {
    /// The start of the body on one line, for an error text.
    pub fn excerpt(&self) -> String {
        const SHOWN: usize = 200;
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4 * SHOWN)]);
        let words: Vec<&str> = text.split_whitespace().collect();
        let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line,
        }
    }
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connect(String),
    /// The deadline passed.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// The other side's certificate or protocol is not acceptable.
    #[error("TLS refused: {0}")]
    Tls(String),
    /// The body is larger than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// Bytes that would have been read.
        limit: u64,
    },
    /// The files with credentials or headers cannot be used now.
    #[error("{0}")]
    Credentials(String),
    /// What came back is not HTTP, or the request cannot be sent.
    #[error("not a usable HTTP exchange: {0}")]
    Protocol(String),
}

/// What a request sends.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Nothing, with this query (already encoded).
    Get(&'a str),
    /// A body of this content type.
    Post(&'a str, &'a [u8]),
}

impl HttpClient {
    /// Prepares a client; a certificate or header that cannot be used is a fault of the configuration.
    pub fn new(settings: &HttpSettings) -> Result<Self, Fault> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &settings.ca_pem {
            let items = parse_pem(pem).collect::<Result<Vec<_>, _>>();
            let items = items.map_err(|error| Fault::config(format!("the CA file is not PEM: {error}")))?;
            let certificates: Vec<_> = items
                .into_iter()
                .filter_map(|item| {
                    if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None }
                })
                .collect();
            if certificates.is_empty() {
                return Err(Fault::config("the CA file holds no certificate"));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(settings.connect_timeout))
            .timeout_global(Some(settings.timeout))
            .user_agent(concat!("mmops/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build()
            .new_agent();
        let headers = Arc::new(headers(settings)?);
        Ok(Self { agent, settings: Arc::new(settings.clone()), headers })
    }

    /// Sends a request to `path` below `url` and reads the whole response.
    pub fn send(&self, url: &Url, path: &str, request: Request<'_>) -> Result<Response, HttpError> {
        let mut target = url.at(path);
        let body = match request {
            Request::Get("") => &[][..],
            Request::Get(query) => {
                target.push(if target.contains('?') { '&' } else { '?' });
                target.push_str(query);
                &[]
            }
            Request::Post(_, body) => body,
        };
        let mut builder = ureq::http::Request::builder().uri(target);
        let read_again = self.settings.auth.is_in_file() || self.settings.headers_file.is_some();
        let current = read_again.then(|| headers(&self.settings)).transpose();
        let current = current.map_err(|fault| HttpError::Credentials(fault.to_string()))?;
        for (name, value) in current.as_ref().unwrap_or(&self.headers) {
            builder = builder.header(name, value);
        }
        let sent = match request {
            Request::Get(_) => builder.method(Method::GET).body(()).map(|request| self.agent.run(request)),
            Request::Post(kind, _) => {
                let builder = builder.method(Method::POST).header(CONTENT_TYPE, kind);
                builder.body(body).map(|request| self.agent.run(request))
            }
        };
        // The text of such an error may quote the address, which may hold a secret.
        let sent = sent.map_err(|_| HttpError::Protocol("the request cannot be built".to_owned()))?;
        let received = sent.map_err(|error| self.error(error))?;
        let header = |name| received.headers().get(name).and_then(|value| value.to_str().ok());
        let mut response = Response {
            status: received.status().as_u16(),
            content_type: header(CONTENT_TYPE).map(str::to_owned),
            retry_after: header(RETRY_AFTER)
                .and_then(|text| text.trim().parse().ok())
                .map(Duration::from_secs),
            location: header(LOCATION).map(str::to_owned),
            body: Vec::new(),
        };
        let is_packed = header(CONTENT_ENCODING).is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let limit = self.settings.max_body_bytes;
        let body = received.into_body().into_with_config().limit(limit);
        response.body = body.read_to_vec().map_err(|error| self.error(error))?;
        if is_packed {
            response.body = inflated(&response.body, limit)?;
        }
        Ok(response)
    }

    fn error(&self, error: ureq::Error) -> HttpError {
        use ureq::{Error, Timeout};
        match error {
            Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                HttpError::Connect("the connection took too long".to_owned())
            }
            Error::Timeout(_) => HttpError::Timeout(self.settings.timeout),
            Error::BodyExceedsLimit(_) => HttpError::TooLarge { limit: self.settings.max_body_bytes },
            Error::HostNotFound => HttpError::Connect("the host is not known".to_owned()),
            Error::ConnectionFailed => HttpError::Connect("the connection failed".to_owned()),
            Error::Tls(why) => HttpError::Tls(why.to_owned()),
            Error::Rustls(why) => HttpError::Tls(why.to_string()),
            Error::Pem(why) => HttpError::Tls(why.to_string()),
            Error::Io(why) => match why.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                    HttpError::Timeout(self.settings.timeout)
                }
                // A refused certificate arrives as invalid data of the transport.
                io::ErrorKind::InvalidData => HttpError::Tls(why.to_string()),
                _ => HttpError::Connect(why.to_string()),
            },
            Error::Protocol(why) => HttpError::Protocol(why.to_string()),
            Error::LargeResponseHeader(..) => HttpError::Protocol("the headers are too large".to_owned()),
            Error::BadUri(_) | Error::Http(_) => HttpError::Protocol("the address cannot be used".to_owned()),
            other => HttpError::Protocol(other.to_string()),
        }
    }
}

/// The bytes of a gzip body, at most `limit` of them: a small answer may stand for a large one.
fn inflated(packed: &[u8], limit: u64) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    let read = MultiGzDecoder::new(packed).take(limit + 1).read_to_end(&mut body);
    read.map_err(|error| HttpError::Protocol(format!("the gzip body cannot be read: {error}")))?;
    if body.len() as u64 > limit { Err(HttpError::TooLarge { limit }) } else { Ok(body) }
}

fn headers(settings: &HttpSettings) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    let secret = |text: &str, what: &str| {
        let bad = |_| Fault::config(format!("{what} has characters that a header cannot carry"));
        HeaderValue::from_str(text).map_err(bad).map(|mut value| {
            value.set_sensitive(true);
            value
        })
    };
    let authorization = match &settings.auth.read()? {
        Auth::None | Auth::BearerFile(_) | Auth::BasicFile(_) => None,
        Auth::Bearer(token) => Some(secret(&format!("Bearer {}", token.reveal()), "the token")?),
        Auth::Basic { user, password } => {
            let pair =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.reveal()));
            Some(secret(&format!("Basic {pair}"), "the password")?)
        }
    };
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, value);
    }
    let in_file = settings.headers_file.as_deref().map(auth::read_headers).transpose()?;
    for (name, value) in settings.headers.iter().chain(in_file.iter().flatten()) {
        let name: HeaderName = name
            .parse()
            .map_err(|_| Fault::config(format!("`{}` is not a header name", name.escape_debug())))?;
        if headers.contains_key(&name) {
            return Err(Fault::config(format!("the header `{name}` is given twice")));
        }
        let value = secret(value.reveal(), &format!("the header `{name}`"))?;
        headers.insert(name, value);
    }
    for (name, value) in [(ACCEPT_ENCODING, Some("gzip")), (ACCEPT, settings.accept)] {
        if let Some(value) = value
            && !headers.contains_key(&name)
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
