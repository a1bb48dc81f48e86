//! The network: an HTTP client, an HTTP server, and the query API of Prometheus.

pub(crate) mod http;
pub(crate) mod prometheus;
pub(crate) mod serve;
