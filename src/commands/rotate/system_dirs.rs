//! Directories that belong to the operating system, by the Filesystem Hierarchy Standard.

use std::path::{Component, Path};

/// All of these is the system's, at any depth.
const WHOLE: [&str; 13] = [
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "proc",
    "sbin",
    "sys",
    "usr",
];

/// What the system keeps in a directory that holds other things as well.
const CHILDREN: [(&str, &[&str]); 2] = [
    ("run", &["credentials", "lock", "log", "mount", "systemd", "udev", "user"]),
    (
        "var",
        &[
            "account", "backups", "cache", "crash", "db", "empty", "games", "lib", "local", "lock", "log",
            "mail", "opt", "run", "spool", "tmp", "yp",
        ],
    ),
];

/// What of these is an operator's.
const EXCEPT: [&[&str]; 2] = [&["dev", "shm"], &["usr", "local"]];

/// Why a canonical path cannot be one of artifacts.
pub(super) fn owner(path: &Path) -> Option<&'static str> {
    let parts: Vec<&str> = path
        .components()
        .filter(|part| *part != Component::RootDir)
        .map(|part| part.as_os_str().to_str().unwrap_or_default())
        .collect();
    let system = Some("it belongs to the operating system");
    let is_exempt = EXCEPT.iter().any(|except| parts.len() > except.len() && parts.starts_with(except));
    match parts[..] {
        [] => Some("it is the root of the file system"),
        [_] => Some("it is a directory at the top of the file system"),
        [first, ..] if WHOLE.contains(&first) && !is_exempt => system,
        [first, second] => {
            let is_child = CHILDREN.iter().any(|(dir, children)| *dir == first && children.contains(&second));
            if is_child { system } else { None }
        }
        [..] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operating_system_owns_is_no_root() {
        for path in [
            "/",
            "/home",
            "/root",
            "/var",
            "/data",
            "/etc",
            "/etc/mmops/artifacts",
            "/usr/share/x",
            "/usr/local",
            "/boot/grub",
            "/sys/kernel/x",
            "/dev/shm",
            "/var/log",
            "/var/lib",
            "/run/user",
        ] {
            assert!(owner(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "/home/bot",
            "/srv/mm-bot/artifacts",
            "/tmp/x",
            "/var/lib/mm-bot",
            "/var/artifacts",
            "/opt/mm-bot",
            "/usr/local/mm-bot",
            "/dev/shm/x",
            "/data/artifacts",
            "/var/tmp/x",
            "/run/user/1000",
            "/usrx/y",
        ] {
            assert_eq!(owner(Path::new(path)), None, "{path}");
        }
    }
}
