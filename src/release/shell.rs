//! Shell words that mean exactly one thing.

use crate::format::markdown;

/// `word` so that a shell takes it as it is.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with(['=', '~']) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

pub(crate) fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// A fenced block of Markdown with commands.
pub(crate) fn block(lines: &[String]) -> String {
    markdown::fenced("bash", &lines.join("\n"))
}

/// The commands in the fenced blocks of a document, one text a block.
#[cfg(test)]
pub(crate) fn blocks(markdown: &str) -> Vec<String> {
    let parts = markdown.split("```bash\n").skip(1);
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// A query to Prometheus, whose address the operator sets.
pub(crate) fn query(expression: &str) -> String {
    format!(
        "curl --fail --silent --show-error --get \"${{PROMETHEUS_URL:?}}/api/v1/query\" --data-urlencode {}",
        quoted(&format!("query={expression}"))
    )
}
