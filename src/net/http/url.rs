//! Addresses of remote sides: what an operator wrote, checked, and what may be shown of it. A password
//! in an address is moved into the credentials; neither it nor a query value is ever shown.

use super::auth::{Auth, Secret};
use crate::report::exit::Fault;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::fmt;

/// The base address of a remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Scheme, host, port and path, without a slash at the end.
    base: String,
    /// Names and values of the query that every request carries.
    query: Vec<(String, Secret)>,
}

impl Url {
    /// Checks an address; a user and password in it become the second value.
    pub fn parse(text: &str) -> Result<(Self, Auth), Fault> {
        let bad = |what: &str| {
            let (shown, query) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
            // Where the `@` is behind a `?`, either the query holds it or a password holds the `?`.
            let shown = match shown.rsplit_once('@') {
                _ if query.contains('@') => "***",
                Some((_, rest)) => rest,
                None => shown,
            };
            Fault::config(format!("the address `{}` {what}", shown.escape_debug()))
                .hint("write it like http://127.0.0.1:9090")
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(bad("has a space or a control character"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("has no scheme"))?;
        if !["http", "https"].contains(&scheme) {
            return Err(bad("is neither http nor https"));
        }
        if rest.contains('#') {
            return Err(bad("has a fragment"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let base = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
        let named =
            base.parse::<ureq::http::Uri>().is_ok_and(|uri| uri.host().is_some_and(|h| !h.is_empty()));
        let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
        let port = after.split_once(':').map(|(_, port)| port.parse::<u16>());
        let usable = named && port.is_none_or(|port| port.is_ok_and(|port| port > 0));
        if !usable {
            return Err(bad("cannot be read as host, port and path"));
        }
        let auth = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            None => Auth::None,
            Some((user, password)) => Auth::Basic {
                user: decoded(user).ok_or_else(|| bad("has a user name that is not UTF-8"))?,
                password: Secret::new(
                    decoded(password).ok_or_else(|| bad("has a password that is not UTF-8"))?,
                ),
            },
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, Secret::new(decoded(value)?)))
        };
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect::<Option<Vec<_>>>();
        let query = query.ok_or_else(|| bad("has a query that is not UTF-8"))?;
        Ok((Self { base, query }, auth))
    }

    /// The address of `path` below this one, as it is sent; it may hold secrets.
    pub(super) fn at(&self, path: &str) -> String {
        self.with_query(path, Secret::reveal)
    }

    /// The address of `path` below this one, fit to be shown.
    pub fn shown(&self, path: &str) -> String {
        self.with_query(path, |_| "***")
    }

    fn with_query(&self, path: &str, value: fn(&Secret) -> &str) -> String {
        let own: Vec<(&str, &str)> =
            self.query.iter().map(|(name, secret)| (name.as_str(), value(secret))).collect();
        let mark = if own.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{}", self.base, form(&own))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(""))
    }
}

/// What stands in a form as it is. A space becomes `%20`, as in the rest of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Names and values as `application/x-www-form-urlencoded`.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |part| utf8_percent_encode(part, PLAIN);
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let (url, auth) = Url::parse("https://joe:p%40ss@prom.example:9090/base/?tenant=s3cret&x").unwrap();
        assert_eq!(
            url.to_string(),
            "https://prom.example:9090/base?tenant=%2A%2A%2A&x=%2A%2A%2A".replace("%2A", "*")
        );
        assert_eq!(url.at("/api"), "https://prom.example:9090/base/api?tenant=s3cret&x=");
        assert_eq!(auth, Auth::Basic { user: "joe".into(), password: Secret::new("p@ss".into()) });
        assert!(!format!("{url:?} {auth:?}").contains("s3cret"));
        assert!(!format!("{auth:?}").contains("p@ss"));
        for text in ["http://127.0.0.1", "http://[::1]:9090/", "https://host:443/a/b"] {
            let (url, auth) = Url::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), auth), (text.trim_end_matches('/'), Auth::None));
        }
    }

    #[test]
    fn a_bad_address_is_refused_without_showing_a_password() {
        for text in [
            "127.0.0.1:9090",
            "ftp://host",
            "http://",
            "http://host:port",
            "http://host:",
            "http://host:0",
            "http://[::1]:x",
            "http://host:99999",
            "http://ho st",
            "http://host/#a",
            "http://a:hush@",
            "http://a:hush@host:x",
            "http://a:%ff@host",
            "http://host:x/?token=hu@sh",
            "http://host:x/?token=hush@sh#hu",
            "http://a:hu?sh@host:x",
            "http://a:hu#sh@host:x",
            "http://a:hu/sh@host:x",
            "http://host:x/?token=hush",
        ] {
            let fault = Url::parse(text).unwrap_err().to_string();
            assert!(!fault.contains("hu") && !fault.contains("sh") && !fault.contains("%ff"), "{fault}");
        }
    }

    #[test]
    fn a_form_encodes_what_a_query_language_uses() {
        assert_eq!(
            form(&[("query", r#"a{b="c"} + 1"#), ("x", "ü")]),
            "query=a%7Bb%3D%22c%22%7D%20%2B%201&x=%C3%BC"
        );
    }
}
