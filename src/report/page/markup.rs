//! Text that is safe to stand in a page. Every word of a page comes through the one escape here or from a template
//! in the source, so that no name can become an element, an attribute or an invisible character.

/// Escaped markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markup(String);

/// Fills the places `{}` of a template in the source; what is no markup yet is escaped.
macro_rules! html {
    ($template:literal $(, $part:expr)* $(,)?) => {
        $crate::report::page::Markup::fill($template, &[$($crate::report::page::Markup::from($part)),*])
    };
}
pub(crate) use html;

impl Markup {
    pub(crate) fn fill(template: &'static str, parts: &[Self]) -> Self {
        let mut pieces = template.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        let mut parts = parts.iter();
        for piece in pieces {
            text.push_str(&parts.next().expect("a part for each place").0);
            text.push_str(piece);
        }
        assert!(parts.next().is_none(), "a place for each part of `{template}`");
        Self(text)
    }

    pub(crate) fn push(&mut self, more: impl Into<Self>) {
        self.0.push_str(&more.into().0);
    }

    pub(crate) fn joined(parts: impl IntoIterator<Item = Self>, separator: &'static str) -> Self {
        let parts: Vec<String> = parts.into_iter().map(|part| part.0).collect();
        Self(parts.join(separator))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The commands of a path, which are letters and numbers alone.
    pub(super) fn path(commands: &str) -> Self {
        debug_assert!(commands.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -.".contains(&byte)));
        Self(commands.to_owned())
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<T: IntoIterator<Item = Self>>(parts: T) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }
}

impl From<&str> for Markup {
    fn from(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                c if is_unseen(c) => escaped.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", c as u32)),
                c => escaped.push(c),
            }
        }
        Self(escaped)
    }
}

/// Whether a character is not seen, or changes how others are: controls, zero width, direction.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl From<String> for Markup {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Markup {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Self> for Markup {
    fn from(markup: &Self) -> Self {
        markup.clone()
    }
}

impl From<usize> for Markup {
    fn from(count: usize) -> Self {
        Self(count.to_string())
    }
}

impl From<u32> for Markup {
    fn from(count: u32) -> Self {
        Self(count.to_string())
    }
}

impl From<i64> for Markup {
    fn from(count: i64) -> Self {
        Self(count.to_string())
    }
}

/// A coordinate, with two decimals at most.
impl From<f64> for Markup {
    fn from(coordinate: f64) -> Self {
        let text = format!("{:.2}", if coordinate.is_finite() { coordinate } else { 0.0 });
        let text = text.trim_end_matches('0').trim_end_matches('.');
        Self(if text == "-0" { "0" } else { text }.to_owned())
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn no_text_becomes_an_element_an_attribute_or_an_unseen_character() {
        let table = [
            ("</script>\"'&", "&lt;/script&gt;&quot;&#39;&amp;"),
            (
                "a\u{202e}b\u{0}\u{feff}\n",
                "a\u{27e8}U+202E\u{27e9}b\u{27e8}U+0000\u{27e9}\u{27e8}U+FEFF\u{27e9}\u{27e8}U+000A\u{27e9}",
            ),
            ("48\u{202f}685 \u{2212}1", "48\u{202f}685 \u{2212}1"),
        ];
        for (text, escaped) in table {
            assert_eq!(html!("<b>{}</b>", text).as_str(), format!("<b>{escaped}</b>"));
        }
        assert_eq!(html!("{} {} {}", -0.001, 12.5, html!("<i>")).as_str(), "0 12.5 <i>");
    }
}
