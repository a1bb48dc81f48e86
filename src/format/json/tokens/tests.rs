use super::scan::validate;
use super::{JsonError, Kind, NonFinite, Tokens, place};
use std::io::Cursor;

fn refusal(text: &[u8]) -> String {
    match validate(Cursor::new(text), NonFinite::Refuse) {
        Err(JsonError::Invalid { offset, reason }) => {
            let (line, column) = place::of_all(text, &[offset]).expect("read")[0];
            format!("{line}:{column} {reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_strict_json_is_refused_with_its_place() {
    let table: &[(&[u8], &str)] = &[
        (b"", "1:1 the document ends where a value should be"),
        (b" \r\n", "2:1 the document ends where a value should be"),
        (b"{\"a\": 1,\n \"a\": 2}", "2:2 duplicate key `a`"),
        (b"{\"a\": 1, \"\\u0061\": 2}", "1:10 duplicate key `a`"),
        (b"[[{\"x\": {}, \"x\": {}}]]", "1:13 duplicate key `x`"),
        (b"{\"a\": NaN}", "1:7 `NaN`, which JSON does not have"),
        (b"[-Infinity]", "1:2 `-Infinity`, which JSON does not have"),
        (b"[Infinity]", "1:2 `Infinity`, which JSON does not have"),
        (b"[1e999]", "1:7 a number out of range"),
        (b"[01]", "1:3 a number with a leading zero"),
        (b"[1.]", "1:4 a digit is missing in a number"),
        (b"[1e+]", "1:5 a digit is missing in a number"),
        (b"[-]", "1:3 a digit is missing in a number"),
        (b"[+1]", "1:2 `+` where a value should be"),
        (b"[1,]", "1:4 a trailing comma"),
        (b"{\"a\":1,}", "1:8 a trailing comma"),
        (b"{a:1}", "1:2 `a` where a key in double quotes should be"),
        (b"{\"a\" 1}", "1:6 `1` where `:` after the key should be"),
        (b"[1 2]", "1:4 `2` where `,` or `]` should be"),
        (b"[1}", "1:3 `}` where `,` or `]` should be"),
        (b"[tru]", "1:2 `t` where a value should be"),
        (b"{} x", "1:4 more text after the document"),
        (b"{}{}", "1:3 more text after the document"),
        (b"[\"a\nb\"]", "1:4 a control character in a string"),
        (b"[\"\\x\"]", "1:3 an invalid escape"),
        (b"[\"\\u12g4\"]", "1:3 an invalid escape"),
        (b"[\"\\ud800\"]", "1:3 an unpaired surrogate"),
        (b"[\"\\ud800\\u0041\"]", "1:3 an unpaired surrogate"),
        (b"[\"\\udc00\"]", "1:3 an unpaired surrogate"),
        (b"[\"\xc3\xa4\xff\"]", "1:4 invalid UTF-8"),
        (b"[\"\xed\xa0\x80\"]", "1:3 invalid UTF-8"),
        (b"\xef\xbb\xbf{}", "1:1 a byte order mark, which JSON does not have"),
        (b"[\xff]", "1:2 byte 0xff where a value should be"),
        (b"[\"abc", "1:6 the document ends where the end of the string should be"),
        (b"[\"abc\\", "1:7 the document ends where the end of the string should be"),
        (b"[1", "1:3 the document ends where `,` or `]` should be"),
        (b"{\"a\":", "1:6 the document ends where a value should be"),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), *expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn nesting_takes_no_stack_and_has_a_limit() {
    let deep = |open: &str, close: &str, levels: usize| open.repeat(levels) + "0" + &close.repeat(levels);
    for text in [deep("[", "]", 10_000), deep("{\"a\":", "}", 10_000)] {
        validate(Cursor::new(text), NonFinite::Refuse).expect("valid");
    }
    assert_eq!(refusal("[".repeat(100_000).as_bytes()), "1:10001 more than 10000 levels");
    assert!(refusal("[".repeat(10_000).as_bytes()).starts_with("1:10001 the document ends"));
}

/// Every token of a document, read through a window of this size.
fn tokens(text: &[u8], window: usize) -> Vec<(Kind, Vec<u8>)> {
    let mut tokens = Tokens::with_window(Cursor::new(text), NonFinite::Accept, window).expect("starts");
    let mut found = Vec::new();
    assert_eq!(tokens.value().expect("an array"), Kind::Array);
    let mut first = true;
    while tokens.next_element(first).expect("an element") {
        first = false;
        let kind = tokens.value().expect("a value");
        found.push((kind, tokens.decoded().into_owned()));
    }
    tokens.finish().expect("the end");
    found
}

#[test]
fn a_token_is_the_same_wherever_the_window_ends() {
    let long = "x".repeat(500) + "\\u00e4\\ud83d\\ude00\\n";
    let text = format!(
        "[ 12345678901234567890123, -0.0 ,\r\n 1e-5, \"{long}\", true,false,null, NaN, -Infinity, \"\\\"\", \"\u{1f600}\" ]\n"
    );
    let whole = tokens(text.as_bytes(), 1 << 16);
    assert_eq!(whole.len(), 11);
    assert_eq!(whole[0], (Kind::Integer, b"12345678901234567890123".to_vec()));
    assert_eq!(whole[3].1, ("x".repeat(500) + "\u{e4}\u{1f600}\n").into_bytes());
    for window in 16..100 {
        assert_eq!(tokens(text.as_bytes(), window), whole, "{window}");
    }
}

#[test]
fn a_seek_goes_back_in_the_window_and_beyond_it() {
    let text = format!("[1, \"{}\", 2]", "y".repeat(100));
    for window in [16, 4096] {
        let mut tokens = Tokens::with_window(Cursor::new(&text), NonFinite::Refuse, window).expect("starts");
        assert_eq!(tokens.value().expect("an array"), Kind::Array);
        let start = tokens.offset();
        for _ in 0..3 {
            tokens.seek(start).expect("sought");
            assert!(tokens.next_element(true).expect("an element"));
            assert_eq!((tokens.value().expect("one"), tokens.raw()), (Kind::Integer, &b"1"[..]));
            assert!(tokens.next_element(false).expect("an element"));
            assert_eq!(tokens.value().expect("text"), Kind::Text);
        }
    }
}
