//! Patterns written for Go, in the syntax of the `regex` crate.
//!
//! The two dialects agree but for a few corners: a brace that starts no repetition and a bracket inside
//! a class are literal in Go, `\Q...\E` quotes, `\<` is a plain character, and classes have no operators.

use regex_syntax::hir::Hir;
use regex_syntax::{Parser, ParserBuilder};

/// Why a pattern cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    /// 1-based character of the pattern as it was written.
    pub(crate) position: usize,
    pub(crate) message: String,
}

/// Parses a Go pattern over bytes. Classes such as `\w` are ASCII, unless the pattern needs Unicode.
pub(crate) fn parse(pattern: &str) -> Result<Hir, PatternError> {
    let translated = translate(pattern);
    if let Ok(ascii) = parser(false).parse(&translated.text) {
        return Ok(ascii);
    }
    parser(true).parse(&translated.text).map_err(|error| {
        let (offset, message) = match &error {
            regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
            regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
            other => (0, other.to_string()),
        };
        let origin = translated.origin.get(offset).copied().unwrap_or(pattern.len());
        PatternError { position: 1 + pattern[..origin].chars().count(), message }
    })
}

fn parser(unicode: bool) -> Parser {
    ParserBuilder::new().utf8(false).unicode(unicode).nest_limit(200).build()
}

struct Translated {
    text: String,
    /// For each byte of `text` the offset of its origin.
    origin: Vec<usize>,
}

impl Translated {
    fn push(&mut self, piece: &str, origin: usize) {
        self.text.push_str(piece);
        self.origin.extend(std::iter::repeat_n(origin, piece.len()));
    }
}

fn translate(pattern: &str) -> Translated {
    let mut out = Translated { text: String::with_capacity(pattern.len() + 8), origin: Vec::new() };
    let mut at = 0;
    let mut class = Class::Outside;
    while at < pattern.len() {
        let rest = &pattern[at..];
        let mut chars = rest.chars();
        let first = chars.next().expect("`at` is on a character inside the pattern");
        let second = chars.next();
        let mut taken = first.len_utf8();
        match (first, second, class) {
            ('\\', Some('Q'), Class::Outside) => {
                let quoted = &rest[2..];
                let end = quoted.find("\\E").unwrap_or(quoted.len());
                out.push(&regex_syntax::escape(&quoted[..end]), at);
                taken = (2 + end + 2).min(rest.len());
            }
            ('\\', Some(sign @ ('<' | '>')), _) => {
                taken = 2;
                out.push(&sign.to_string(), at);
            }
            ('\\', Some('p' | 'P' | 'x'), _) if rest[2..].starts_with('{') && rest.contains('}') => {
                taken = rest.find('}').unwrap_or_default() + 1;
                out.push(&rest[..taken], at);
                class = class.after_first();
            }
            ('\\', Some(other), _) => {
                taken = 1 + other.len_utf8();
                out.push(&rest[..taken], at);
                class = class.after_first();
            }
            ('{', _, Class::Outside) if !is_repetition(rest) => out.push("\\{", at),
            ('[', _, Class::Outside) => {
                let negated = second == Some('^');
                taken = 1 + usize::from(negated);
                out.push(&rest[..taken], at);
                class = Class::First;
            }
            (']', _, Class::First) => {
                out.push("\\]", at);
                class = Class::Inside;
            }
            (']', _, Class::Inside) => {
                out.push("]", at);
                class = Class::Outside;
            }
            ('[', Some(':'), Class::First | Class::Inside) if rest.contains(":]") => {
                taken = rest.find(":]").unwrap_or_default() + 2;
                out.push(&rest[..taken], at);
                class = Class::Inside;
            }
            ('[', _, Class::First | Class::Inside) => {
                out.push("\\[", at);
                class = Class::Inside;
            }
            ('&' | '~', _, Class::First | Class::Inside) => {
                out.push("\\", at);
                out.push(&rest[..taken], at);
                class = Class::Inside;
            }
            ('-', Some('-'), Class::First | Class::Inside) => {
                out.push("\\-", at);
                class = Class::Inside;
            }
            _ => {
                out.push(&rest[..taken], at);
                class = class.after_first();
            }
        }
        at += taken;
    }
    out
}

/// Where in a bracketed class the translation is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// At its first member, where `]` is literal.
    First,
    Inside,
}

impl Class {
    fn after_first(self) -> Self {
        if self == Class::First { Class::Inside } else { self }
    }
}

/// Whether `rest` starts with `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(rest: &str) -> bool {
    let Some(end) = rest.find('}') else { return false };
    let (low, high) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_automata::meta::Regex;

    fn matches(pattern: &str, text: &str) -> bool {
        let hir = parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
        Regex::builder().build_from_hir(&hir).unwrap().is_match(text)
    }

    #[test]
    fn the_corners_of_go_mean_what_they_mean_in_go() {
        for (pattern, yes, no) in [
            (r"^\$(?:\d+|{\d+})$", "${12}", "$12}"),
            (r"^\${(?:[A-Z_]+)}$", "${AB}", "$AB"),
            (r"^{{[a-z]+}}$", "{{x}}", "{x}"),
            (r"^a{2}$", "aa", "a{2}"),
            (r"^a{2,3}$", "aaa", "a"),
            (r"^a{,3}$", "a{,3}", "aa"),
            (r"^[[a]+$", "[a[", "b"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[^]a]+$", "bc", "]"),
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^[[:alpha:]_]+$", "ab_", "1"),
            (r"^\Qa.b{\E+$", "a.b{{", "axb{"),
            (r"^\<a\>$", "<a>", "a"),
            (r"^[\w.~-]+$", "a~-", "&"),
            (r"^\x{41}{2}$", "AA", "A"),
        ] {
            assert!(matches(pattern, yes), "{pattern} should match {yes}");
            assert!(!matches(pattern, no), "{pattern} should not match {no}");
        }
    }

    #[test]
    fn classes_are_ascii_unless_the_pattern_needs_unicode() {
        assert!(!matches(r"^\w$", "é"));
        assert!(matches(r"^\p{L}$", "é"));
    }

    #[test]
    fn an_error_names_the_position_in_the_pattern_as_written() {
        let error = parse(r"{a}(b").expect_err("an open group");
        assert_eq!(error.position, 4, "{error:?}");
        let error = parse(r"é\k").expect_err("an unknown escape");
        assert_eq!(error.position, 2, "{error:?}");
    }
}
