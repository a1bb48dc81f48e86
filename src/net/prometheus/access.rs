//! How to reach a Prometheus: its address, and credentials from the environment or from files, never
//! from the command line, where every user of the machine could read them.

use crate::net::http::{Auth, HttpSettings, Secret, Url};
use crate::net::prometheus::client::{ClientOptions, PrometheusClient};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use crate::sys::env::Env;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
use std::path::Path;

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
    options: ClientOptions,
    root: &Path,
    env: &Env,
    clock: &Clock,
    cancel: &Cancel,
) -> Result<PrometheusClient, Fault> {
    let (url, settings) = settings(url, root, &|name| env.get(name).map(str::to_owned))?;
    PrometheusClient::new(url, &settings, options, clock.clone(), cancel.clone())
}

/// The address without its credentials, and what the client of that server sends.
pub(crate) fn settings(
    url: &str,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Url, HttpSettings), Fault> {
    let (url, in_address) = Url::parse(url)?;
    let file = |name: &str| env(name).map(|path| root.join(path));
    let pair = |name: &'static str, pair: &str| Auth::basic(name, pair).map(|auth| (name, auth));
    let places = [
        Some(("the address", in_address)).filter(|(_, auth)| *auth != Auth::None),
        env(TOKEN).map(|token| (TOKEN, Auth::Bearer(Secret::new(token)))),
        file(TOKEN_FILE).map(|path| (TOKEN_FILE, Auth::BearerFile(path))),
        env(BASIC).map(|text| pair(BASIC, &text)).transpose()?,
        file(BASIC_FILE).map(|path| (BASIC_FILE, Auth::BasicFile(path))),
    ];
    let mut found: Vec<(&str, Auth)> = places.into_iter().flatten().collect();
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let message = format!("more than one credential for Prometheus: {}", names.join(", "));
        return Err(Fault::config(message).hint("keep one of them"));
    }
    let auth = found.pop().map_or(Auth::None, |(_, auth)| auth);
    let ca_pem = file(CA_FILE).map(|path| fsio::read(&path)).transpose()?;
    let headers_file = file(HEADERS_FILE);
    Ok((url, HttpSettings { auth, headers_file, ca_pem, ..HttpSettings::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::http::HttpClient;

    fn of(url: &str, root: &Path, set: &[(&str, &str)]) -> Result<HttpSettings, String> {
        let env =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let settings = settings(url, root, &env).map(|(_, settings)| settings);
        // What files hold is looked at when the client is made, and then for each request.
        let checked = settings.and_then(|settings| HttpClient::new(&settings).map(|_| settings));
        checked.map_err(|fault| fault.to_string())
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
        let in_file = Auth::BearerFile(dir.path().join("token"));
        assert_eq!(of(url, dir.path(), &[(TOKEN_FILE, "token")]).unwrap().auth, in_file);
        let basic = of(url, dir.path(), &[(BASIC, "joe:a:b")]).unwrap().auth;
        assert_eq!(basic, Auth::Basic { user: "joe".into(), password: Secret::new("a:b".into()) });
        assert_eq!(of("http://joe:a%3Ab@h", dir.path(), &[]).unwrap().auth, basic);
        assert!(of(url, dir.path(), &[(HEADERS_FILE, "headers")]).is_ok());

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
