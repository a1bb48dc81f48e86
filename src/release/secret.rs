//! What in a rollback policy may be a secret: the plan that is made of it is published.

use crate::format::text;
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Parts of names whose values are secrets.
const PARTS: [&str; 16] = [
    "passphrase",
    "pwd",
    "webhook",
    "auth",
    "cookie",
    "token",
    "secret",
    "passw",
    "credential",
    "api-key",
    "apikey",
    "api_key",
    "access-key",
    "access_key",
    "private-key",
    "bearer",
];

/// Ends of names whose values say where a secret is.
const PLACES: [&str; 4] = ["file", "path", "dir", "env"];

/// Names that end as those of keys that open something do, and are of keys that name something.
const NAMING_KEYS: [&str; 4] = ["dedup", "public", "partition", "primary"];

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let opens = name.strip_suffix("key").and_then(|name| name.strip_suffix(['_', '-']));
    let opens = opens.is_some_and(|name| !NAMING_KEYS.iter().any(|part| name.ends_with(part)));
    (opens || PARTS.iter().any(|part| name.contains(part))) && !PLACES.iter().any(|end| name.ends_with(end))
}

/// What in a text looks like a secret by itself, whatever it is called; its first characters.
pub(super) fn in_text(text: &str) -> Option<String> {
    static SCHEME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{8,}").expect("a pattern of ours"));
    let is_key = text.contains("-----BEGIN ");
    let found = SCHEME.find(text).map(|found| found.as_str()).or(is_key.then_some("-----BEGIN a key"));
    if let Some(found) = found {
        return Some(format!("`{}…`", found.chars().take(10).collect::<String>()));
    }
    let redacted = text::redacted(text);
    // The first word that was cut.
    let cut = redacted.split_whitespace().find(|word| word.contains('…'));
    cut.filter(|_| redacted != text).map(|word| format!("`{word}`"))
}

/// A field of a form with a value.
pub(super) fn in_form(body: &str) -> Option<String> {
    let mut pairs = body.split(['&', ';', '\n']).filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(name, value)| is_secret(name.trim()) && !value.trim().is_empty());
    found.map(|(name, _)| format!("`{}`", name.trim()))
}

/// The variable that a header's value is taken from when it may be a secret.
pub(super) fn variable(header: &str, value: &str) -> Option<String> {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    (is_secret(header) || in_text(value).is_some())
        .then(|| format!("HEADER_{}", header.chars().map(letter).collect::<String>()))
}

/// A user or a parameter in an address.
pub(super) fn in_url(url: &str) -> Option<String> {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("a user before the host".to_owned());
    }
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split(['&', ';', '#']).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, value)| is_secret(name) && !value.is_empty()).map(|(name, _)| format!("`{name}`"))
}

/// An option with its value, an assignment, a header, or an address.
pub(super) fn in_arguments(words: &[String]) -> Option<String> {
    let following = words.iter().map(Some).skip(1).chain([None]);
    words.iter().zip(following).find_map(|(word, next)| {
        let is_user =
            ["-u", "--user"].contains(&word.as_str()) && next.is_some_and(|next| next.contains(':'));
        if is_user
            || word.strip_prefix("-u").or(word.strip_prefix("--user=")).is_some_and(|user| user.contains(':'))
        {
            return Some("a user with a password".to_owned());
        }
        let named = word
            .split_once(['=', ':'])
            .filter(|(_, value)| !value.trim().is_empty() && !value.starts_with("//"));
        let (name, has_value) = match named {
            Some((name, _)) => (name, true),
            None => (word.as_str(), word.starts_with('-') && next.is_some_and(|next| !next.starts_with('-'))),
        };
        let is_name = !name.contains(char::is_whitespace);
        let found =
            (has_value && is_name && is_secret(name)).then(|| format!("`{}`", name.trim_start_matches('-')));
        found.or_else(|| in_url(word))
    })
}

/// A field of this name with a value, wherever it is; text that holds JSON is looked into.
pub(super) fn in_value(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let has_value = match value {
                Value::Null | Value::Bool(_) | Value::Object(_) | Value::Array(_) => false,
                Value::Number(_) => true,
                Value::String(text) => !text.is_empty(),
            };
            if has_value && is_secret(name) { Some(name.clone()) } else { in_value(value) }
        }),
        Value::Array(items) => items.iter().find_map(in_value),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => in_value(&inner),
            Ok(_) | Err(_) => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_found_where_they_may_stand_and_nothing_else_is() {
        for url in [
            "http://u:p@host/x",
            "https://u@host",
            "http://host/x?a=1&access_token=x",
            "http://host?apikey=1#y",
        ] {
            assert!(in_url(url).is_some(), "{url}");
        }
        for url in ["http://host/x?a=b@c", "http://host/a@b", "http://host/token/x", "http://host?token="] {
            assert_eq!(in_url(url), None, "{url}");
        }
        let words = |line: &str| in_arguments(&line.split('|').map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "--token|abc",
            "--token=abc",
            "DB_PASSWORD=x",
            "-H|Authorization: Bearer x",
            "x|http://u:p@h/",
            "--api-key|k",
            "-u|admin:hunter2",
            "-uadmin:hunter2",
            "--routing-key=R012",
        ] {
            assert!(words(line).is_some(), "{line}");
        }
        for line in [
            "delete|secret|mm-bot",
            "--token-file|/run/t",
            "--token",
            "--token|--x",
            "--text|the token: is gone",
            "token",
            "-u|admin",
            "--dedup-key=soak",
            "http://h/x",
        ] {
            assert_eq!(words(line), None, "{line}");
        }
        assert_eq!(in_value(&json!({"a": [{"password": "x"}]})), Some("password".to_owned()));
        assert_eq!(in_value(&json!("[{\"token\": 1}]")), Some("token".to_owned()));
        let slack = ["http://hooks/services/T0/B0/", "q7Rt2Yw9Kx4Lm8Np", "s3Vb6Zc1"].concat();
        for text in ["-H X: Bearer abcdefgh1", "Basic dXNlcjpwYXNz", &slack, "a -----BEGIN X"] {
            assert!(in_text(text).is_some(), "{text}");
        }
        assert_eq!(in_text("tell the person on call; basic care"), None);
        assert_eq!((in_form("a=1&token=x"), in_form("a=token")), (Some("`token`".to_owned()), None));
        assert_eq!(in_value(&json!({"a": "token", "token": "", "auth": {"x": 1}})), None);
    }
}
