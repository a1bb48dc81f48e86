//! Names as anchors: the same name has the same address in every report, whatever it is made of.

use crate::format::hash;

/// Bytes after which a name is cut.
const LONGEST: usize = 80;
const KEPT: usize = 64;

/// `prefix` and a name of which only letters, digits, `_`, `.` and `-` stand as they are.
pub(crate) fn anchor(prefix: &'static str, name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || "_.-".contains(c) {
            text.push(c);
        } else {
            text.push_str(&format!("~{:x}~", c as u32));
        }
    }
    if text.len() > LONGEST {
        text.truncate(KEPT);
        text.push_str(&format!("~{}", &hash::sha256(name)[..8]));
    }
    format!("{prefix}-{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_have_two_anchors_and_none_has_a_character_that_means_something() {
        let long = "n".repeat(200);
        let names = ["a b", "a~20~b", "a\u{20}b ", "é", "\"><x", "a/b", &long, &format!("{long}x")];
        let anchors: Vec<String> = names.iter().map(|name| anchor("gate", name)).collect();
        for (at, one) in anchors.iter().enumerate() {
            assert!(one.len() <= 86 && one.chars().all(|c| c.is_ascii_alphanumeric() || "_.-~".contains(c)));
            assert!(!anchors[..at].contains(one), "{one}");
        }
        assert_eq!(anchor("gate", "latency_p95"), "gate-latency_p95");
    }
}
