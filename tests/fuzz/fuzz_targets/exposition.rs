//! Any bytes are a page or a fault with its place, and a page that is cut is never a whole one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mmops::testing::exposition::{Format, ParseError, parse};

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        match parse(bytes, format) {
            Ok(page) => {
                for sample in &page.samples {
                    assert_eq!(sample.labels.to_map().len(), sample.labels.iter().count());
                }
                for (family, fault) in &page.faults {
                    assert_position(bytes, fault);
                    assert!(page.samples.iter().all(|sample| sample.name != *family));
                }
                if format == Format::OpenMetrics {
                    // Of the end nothing but its newline may be missing.
                    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                    assert!(parse(whole, format).is_ok());
                    assert!(parse(&whole[..whole.len() - 1], format).is_err());
                    assert!(parse(&whole[..whole.len() - b"# EOF".len()], format).is_err());
                }
            }
            Err(fault) => assert_position(bytes, &fault),
        }
    }
});

fn assert_position(bytes: &[u8], fault: &ParseError) {
    let line = bytes.split(|byte| *byte == b'\n').nth(fault.line - 1).expect("a line");
    assert!((1..=line.len() + 1).contains(&fault.column), "{fault}");
}
