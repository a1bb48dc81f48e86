//! Shell words that mean exactly one thing.

use crate::format::markdown;

/// Words that a shell does not look up as a program where they stand first.
const KEYWORDS: [&str; 18] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "select",
    "in", "function", "time", "coproc", "!",
];

/// `word` so that a shell takes it as it is. An option may have an `=`; elsewhere it would assign.
pub(crate) fn quoted(word: &str) -> String {
    let is_option = word.starts_with("--");
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || "_-./:@+,".contains(c) || (is_option && "=%".contains(c));
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A command of a program and its arguments.
pub(crate) fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(quoted).collect();
    if let Some(first) = words.first_mut().filter(|first| KEYWORDS.contains(&first.as_str())) {
        *first = format!("'{first}'");
    }
    words.join(" ")
}

/// A fenced block of Markdown with commands.
pub(crate) fn block(lines: &[String]) -> String {
    markdown::fenced("bash", &lines.join("\n"))
}

/// The commands in the fenced blocks of a document, one text a block.
pub(crate) fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_suffix("bash") else { continue };
        if fence.len() >= 3 && fence.bytes().all(|byte| byte == b'`') {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != fence).collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// A query to Prometheus, whose address the operator sets.
pub(crate) fn query(expression: &str) -> String {
    format!(
        "curl --fail --silent --show-error --get \"${{PROMETHEUS_URL:?}}/api/v1/query\" --data-urlencode {}",
        quoted(&format!("query={expression}"))
    )
}
