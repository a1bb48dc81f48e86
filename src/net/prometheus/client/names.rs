//! What a server knows beside values: the names of its metrics, and what their families say of themselves.

use super::{PrometheusClient, QueryError, QueryErrorKind};
use crate::format::exposition::Kind;
use crate::net::http::{Request, form};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const NAMES: &str = "/api/v1/label/__name__/values";
const METADATA: &str = "/api/v1/metadata";

#[derive(Deserialize)]
struct Document<T> {
    status: String,
    data: T,
}

#[derive(Deserialize)]
struct FamilyNote {
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
}

impl PrometheusClient {
    /// The name of every metric that the server has.
    pub(crate) fn metric_names(&self) -> Result<Vec<String>, QueryError> {
        self.document(NAMES, "")
    }

    /// The type that the family of a sample declares, where the server knows it and all its targets agree.
    pub(crate) fn metric_kind(&self, sample: &str) -> Option<Kind> {
        let base = ["_bucket", "_total"].into_iter().find_map(|suffix| sample.strip_suffix(suffix));
        // In one of the text formats a counter's family is called as its sample is.
        [Some(sample), base].into_iter().flatten().find_map(|family| {
            let query = form(&[("metric", family)]);
            let mut found: BTreeMap<String, Vec<FamilyNote>> = self.document(METADATA, &query).ok()?;
            let mut kinds =
                found.remove(family)?.into_iter().map(|note| serde_json::from_value(note.kind?).ok());
            let first: Kind = kinds.next()??;
            kinds.all(|kind| kind == Some(first)).then_some(first)
        })
    }

    fn document<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, QueryError> {
        let address = self.0.url.shown(path);
        let failed = |kind, status, why: String| QueryError { kind, address: address.clone(), status, why };
        let response = self.0.http.send(&self.0.url, path, Request::Get(query));
        let response =
            response.map_err(|error| failed(QueryErrorKind::Unreachable, None, error.to_string()))?;
        if response.status != 200 {
            return Err(failed(QueryErrorKind::Refused, Some(response.status), response.excerpt()));
        }
        match serde_json::from_slice(&response.body) {
            Ok(Document { status, data }) if status == "success" => Ok(data),
            Ok(Document { status, .. }) => Err(failed(
                QueryErrorKind::Malformed,
                None,
                format!("its status is `{}`", status.escape_debug()),
            )),
            Err(error) => Err(failed(QueryErrorKind::Malformed, None, error.to_string())),
        }
    }
}
