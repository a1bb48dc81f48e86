//! Conditions on labels that every selector gets for the server, written as in `PromQL`; the server evaluates
//! them.

/// Checks conditions such as `job="bot",env!~"dev.*"`, with or without the braces, and gives them in one form.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let inner = text.trim();
    let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(inner);
    let mut conditions = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let label_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (label, after) = rest.split_at(label_end);
        if label.is_empty() || label.starts_with(|c: char| c.is_ascii_digit()) || label == "__name__" {
            return Err(format!("expected the name of a label at `{rest}`"));
        }
        let after = after.trim_start();
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| after.starts_with(operator));
        let operator = operator.ok_or_else(|| format!("`{label}` needs one of = != =~ !~"))?;
        let value = after[operator.len()..].trim_start();
        let end = closing_quote(value).ok_or_else(|| format!("`{label}` needs a value in double quotes"))?;
        conditions.push(format!("{label}{operator}{}", &value[..=end]));
        rest = value[end + 1..].trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').ok_or("a comma is missing between two conditions")?.trim_start();
        }
    }
    if conditions.is_empty() { Err("there is no condition".to_owned()) } else { Ok(conditions.join(",")) }
}

/// Where the text in double quotes ends with which `text` begins.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut chars = text.char_indices();
    chars.next().filter(|(_, c)| *c == '"')?;
    chars.find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::kpi::Selector;

    #[test]
    fn conditions_are_read_in_every_form_and_added_to_a_selector() {
        let parsed = parse(r#" {job = "bot" , env!~"dev|t\"est.*",a!="", b=~"x,y}"} "#).expect("conditions");
        assert_eq!(parsed, r#"job="bot",env!~"dev|t\"est.*",a!="",b=~"x,y}""#);
        let selector = |text: &str| Selector::try_from(text.to_owned()).expect("a selector");
        assert_eq!(selector("m").narrowed(Some("j=\"b\"")), "m{j=\"b\"}");
        assert_eq!(selector("m{a=\"1\"}").narrowed(Some("j=\"b\"")), "m{a=\"1\",j=\"b\"}");
        assert_eq!(selector("m{a=\"1\"}").narrowed(None), "m{a=\"1\"}");
    }

    #[test]
    fn what_would_change_the_query_is_refused() {
        for text in [
            "",
            "{}",
            "job",
            "job=bot",
            "job=\"bot",
            "job=='bot'",
            "1a=\"b\"",
            "m{a=\"b\"}",
            "a=\"b\"} or x{c=\"d\"",
            "a=\"b\" c=\"d\"",
            "__name__=\"x\"",
            "a=\"b\\\"",
            "a==\"b\"",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
