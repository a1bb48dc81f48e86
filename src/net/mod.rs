//! The network: an HTTP client, an HTTP server, and the query API of Prometheus.

pub mod http;
pub mod prometheus;
pub mod serve;
