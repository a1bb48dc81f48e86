//! Package URLs: what a package is called by wherever it comes from. Two packages of one name and version that come
//! from different places are two.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for itself in a part of a package URL.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b':');
/// In a qualifier paths stay readable.
const QUALIFIER: &AsciiSet = &PART.remove(b'/');

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The registry that everybody takes it from.
    Public,
    /// Another registry.
    Registry(String),
    /// A repository at a commit.
    Repository(String),
    /// One file, or a directory of the tree.
    File(String),
}

/// What is in the tree itself.
pub(super) fn local() -> Origin {
    Origin::File("file:.".to_owned())
}

impl Origin {
    /// From an address such as `git+https://host/path?branch=b#commit`.
    pub(super) fn of_git(address: &str) -> Self {
        let (address, commit) = address.split_once('#').unwrap_or((address, ""));
        let address = address.split('?').next().unwrap_or_default();
        let address = if address.starts_with("git+") { address.to_owned() } else { format!("git+{address}") };
        let at = if commit.is_empty() { String::new() } else { format!("@{commit}") };
        Self::Repository(format!("{}{at}", without_credentials(&address)))
    }

    pub(super) fn of_file(address: &str) -> Self {
        Self::File(without_credentials(address.split('#').next().unwrap_or_default()))
    }

    fn qualifier(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Public => None,
            Self::Registry(url) => Some(("repository_url", url)),
            Self::Repository(url) => Some(("vcs_url", url)),
            Self::File(url) => Some(("download_url", url)),
        }
    }
}

/// An address without the user and password that it may be asked with; the user of ssh is no secret.
pub(super) fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, _)) if scheme.ends_with("ssh") && !user.contains(':') => address.to_owned(),
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => address.to_owned(),
    }
}

/// The package URL of `name`, whose namespace ends at its last slash.
pub(super) fn purl(ecosystem: &str, name: &str, version: Option<&str>, origin: &Origin) -> String {
    let name: Vec<String> = name.split('/').map(|part| utf8_percent_encode(part, PART).to_string()).collect();
    let version = version.map(|version| format!("@{}", utf8_percent_encode(version, PART)));
    let qualifier = origin.qualifier().map(|(key, value)| {
        let value = utf8_percent_encode(value, QUALIFIER);
        format!("?{key}={value}")
    });
    let (version, qualifier) = (version.unwrap_or_default(), qualifier.unwrap_or_default());
    format!("pkg:{ecosystem}/{}{version}{qualifier}", name.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_called_by_its_place_and_by_no_secret_of_it() {
        let of = |name, version, origin| purl("x", name, Some(version), &origin);
        assert_eq!(of("@a/b", "1.0.0+c", Origin::Public), "pkg:x/%40a/b@1.0.0%2Bc");
        let git = Origin::of_git("https://joe:t0ken@host.example/a/b.git?branch=main#c0ffee");
        assert_eq!(of("b", "1", git), "pkg:x/b@1?vcs_url=git%2Bhttps://host.example/a/b.git%40c0ffee");
        let ssh = Origin::of_git("git+ssh://git@host.example/b.git#c0");
        assert_eq!(of("b", "1", ssh), "pkg:x/b@1?vcs_url=git%2Bssh://git%40host.example/b.git%40c0");
        let file = Origin::of_file("https://t0ken@host.example/b.tgz#sha1");
        assert_eq!(of("b", "1", file), "pkg:x/b@1?download_url=https://host.example/b.tgz");
        assert_eq!(purl("x", "b", None, &local()), "pkg:x/b?download_url=file:.");
    }
}
