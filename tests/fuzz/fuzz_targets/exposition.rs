//! Any bytes are a page or a fault with its place, and a page that is cut is never a whole one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mmops::testing::exposition::{Format, parse};

fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        match parse(bytes, format) {
            Ok(page) => {
                for sample in &page.samples {
                    assert_eq!(sample.labels.to_map().len(), sample.labels.iter().count());
                }
                if format == Format::OpenMetrics {
                    assert!(parse(&bytes[..bytes.len() - 1], format).is_err());
                    let last = bytes.len() - b"# EOF\n".len();
                    assert!(parse(&bytes[..last], format).is_err());
                }
            }
            Err(fault) => {
                let line = bytes.split(|byte| *byte == b'\n').nth(fault.line - 1).expect("a line");
                assert!((1..=line.len() + 1).contains(&fault.column), "{fault}");
            }
        }
    }
});
