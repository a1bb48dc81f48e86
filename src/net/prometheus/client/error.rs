//! Why a question to a Prometheus has no answer.

use crate::report::exit::Fault;
use std::fmt;

/// What stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// The server says that its answer is not whole.
    Partial,
    /// No connection, or it broke, also after every retry.
    Unreachable,
    /// The server does not know us, or does not let us.
    Unauthorised,
    /// The server understood and said no: the query is wrong, or the address is.
    Refused,
    /// The server failed or was too busy, also after every retry.
    Failed,
    /// No answer in time, however little was asked.
    TimedOut,
    /// The answer is not what the query API promises.
    Malformed,
    /// This machine has no room for one more thread, so nothing was sent.
    NotAsked,
    /// A signal asked for a stop.
    Stopped(i32),
}

/// Why there is no answer, with the address that was asked, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What stood in the way.
    pub kind: QueryErrorKind,
    /// The address with the query, without secrets.
    pub address: String,
    /// The status of the last response, if there was one.
    pub status: Option<u16>,
    /// The server's words, or ours.
    pub why: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, address, status, why } = self;
        match (kind, status) {
            (QueryErrorKind::Stopped(_), _) => write!(f, "stopped while waiting for `{address}`"),
            (QueryErrorKind::NotAsked, _) => write!(f, "`{address}` was not asked: {why}"),
            (QueryErrorKind::Partial, _) => write!(f, "`{address}` gave a partial answer: {why}"),
            (QueryErrorKind::Malformed, _) => {
                write!(f, "`{address}` gave an answer that cannot be read: {why}")
            }
            (_, Some(status)) => write!(f, "`{address}` answered {status}: {why}"),
            (_, None) => write!(f, "`{address}`: {why}"),
        }
    }
}

impl std::error::Error for QueryError {}

impl QueryError {
    /// The fault of a question that cannot be asked without this answer.
    pub fn fault(&self) -> Fault {
        match self.kind {
            QueryErrorKind::Stopped(signal) => Fault::stopped(signal),
            QueryErrorKind::Partial => Fault::stalled(self.to_string()),
            QueryErrorKind::NotAsked => Fault::dependency(self.to_string()),
            QueryErrorKind::Unauthorised => Fault::api(self.to_string())
                .hint("set MMOPS_PROMETHEUS_TOKEN_FILE or MMOPS_PROMETHEUS_BASIC_FILE"),
            _ => Fault::api(self.to_string()),
        }
    }
}
