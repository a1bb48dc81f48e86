//! How to reach a Prometheus: its address, and credentials from the environment or from files, never
//! from the command line, where every user of the machine could read them.

use crate::net::http::{Auth, HttpSettings, Secret, Url};
use crate::net::prometheus::client::{ClientOptions, PrometheusClient};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use crate::sys::env::Env;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
use std::path::{Path, PathBuf};

const TOKEN: &str = "MMOPS_PROMETHEUS_TOKEN";
const TOKEN_FILE: &str = "MMOPS_PROMETHEUS_TOKEN_FILE";
const BASIC: &str = "MMOPS_PROMETHEUS_BASIC";
const BASIC_FILE: &str = "MMOPS_PROMETHEUS_BASIC_FILE";
const HEADERS_FILE: &str = "MMOPS_PROMETHEUS_HEADERS_FILE";
const CA_FILE: &str = "MMOPS_PROMETHEUS_CA_FILE";

/// The client of the server at `url`, with credentials, headers and certificates as the environment
/// names them; paths are resolved against `root`.
pub(crate) fn client(
    url: &str,
    root: &Path,
    env: &Env,
    clock: &Clock,
    cancel: &Cancel,
) -> Result<PrometheusClient, Fault> {
    let (url, settings) = settings(url, root, &|name| env.get(name).map(str::to_owned))?;
    PrometheusClient::new(url, &settings, ClientOptions::default(), clock.clone(), cancel.clone())
}

/// The address without its credentials, and what the client of that server sends.
pub(crate) fn settings(
    url: &str,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Url, HttpSettings), Fault> {
    let (url, in_address) = Url::parse(url)?;
    let file = |name: &str| env(name).map(|path| root.join(path));
    let token_in = |path: PathBuf| Secret::read(&path).map(|token| (TOKEN_FILE, Auth::Bearer(token)));
    let pair = |name: &'static str, pair: &str| basic(name, pair).map(|auth| (name, auth));
    let pair_in = |path: PathBuf| pair(BASIC_FILE, fsio::read_text(&path)?.trim());
    let places = [
        Some(("the address", in_address)).filter(|(_, auth)| *auth != Auth::None),
        env(TOKEN).map(|token| (TOKEN, Auth::Bearer(Secret::new(token)))),
        file(TOKEN_FILE).map(token_in).transpose()?,
        env(BASIC).map(|text| pair(BASIC, &text)).transpose()?,
        file(BASIC_FILE).map(pair_in).transpose()?,
    ];
    let mut found: Vec<(&str, Auth)> = places.into_iter().flatten().collect();
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let message = format!("more than one credential for Prometheus: {}", names.join(", "));
        return Err(Fault::config(message).hint("keep one of them"));
    }
    let auth = found.pop().map_or(Auth::None, |(_, auth)| auth);
    let headers = file(HEADERS_FILE).map(|path| headers(&path)).transpose()?.unwrap_or_default();
    let ca_pem = file(CA_FILE).map(|path| fsio::read(&path)).transpose()?;
    Ok((url, HttpSettings { auth, headers, ca_pem, ..HttpSettings::default() }))
}

fn basic(name: &str, pair: &str) -> Result<Auth, Fault> {
    match pair.split_once(':') {
        Some((user, password)) if !user.is_empty() => {
            Ok(Auth::Basic { user: user.to_owned(), password: Secret::new(password.to_owned()) })
        }
        _ => Err(Fault::config(format!("{name} is not `user:password`"))),
    }
}

/// The lines `Name: value` of a file; blank lines and lines that start with `#` do not count.
fn headers(path: &Path) -> Result<Vec<(String, Secret)>, Fault> {
    let text = fsio::read_text(path)?;
    let mut headers = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            Fault::config(format!("`{}` line {} is not `Name: value`", path.display(), at + 1))
        })?;
        headers.push((name.trim().to_owned(), Secret::new(value.trim().to_owned())));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, root: &Path, set: &[(&str, &str)]) -> Result<HttpSettings, String> {
        let env =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        settings(url, root, &env).map(|(_, settings)| settings).map_err(|fault| fault.to_string())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests touch the world directly")]
    fn credentials_come_from_one_place_only() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "abc\n").unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        std::fs::write(dir.path().join("headers"), "# tenant\nX-Scope-OrgID: team a\n").unwrap();
        let url = "http://127.0.0.1:9090";
        let bearer = Auth::Bearer(Secret::new("abc".into()));
        assert_eq!(of(url, dir.path(), &[]).unwrap().auth, Auth::None);
        assert_eq!(of(url, dir.path(), &[(TOKEN, "abc")]).unwrap().auth, bearer);
        assert_eq!(of(url, dir.path(), &[(TOKEN_FILE, "token")]).unwrap().auth, bearer);
        let basic = of(url, dir.path(), &[(BASIC, "joe:a:b")]).unwrap().auth;
        assert_eq!(basic, Auth::Basic { user: "joe".into(), password: Secret::new("a:b".into()) });
        assert_eq!(of("http://joe:a%3Ab@h", dir.path(), &[]).unwrap().auth, basic);
        let headers = of(url, dir.path(), &[(HEADERS_FILE, "headers")]).unwrap().headers;
        assert_eq!(headers, [("X-Scope-OrgID".to_owned(), Secret::new("team a".into()))]);

        let both = of(url, dir.path(), &[(TOKEN, "abc"), (BASIC, "a:b")]).unwrap_err();
        assert!(both.contains("more than one credential") && !both.contains("abc"), "{both}");
        assert!(of("http://joe:x@h", dir.path(), &[(TOKEN, "abc")]).is_err());
        assert!(of(url, dir.path(), &[(TOKEN_FILE, "empty")]).unwrap_err().contains("is empty"));
        assert!(of(url, dir.path(), &[(TOKEN_FILE, "absent")]).unwrap_err().contains("absent"));
        assert!(
            of(url, dir.path(), &[(BASIC, "secretword")]).unwrap_err().ends_with("is not `user:password`")
        );
        assert!(of(url, dir.path(), &[(HEADERS_FILE, "token")]).unwrap_err().contains("line 1"));
    }
}
