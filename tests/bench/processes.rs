//! What programs that disturb runs share: seeded choices, and the processes that a run has left.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The variable by which the processes of a run are found, directly started or not.
pub const MARK: &str = "MMOPS_TEST_RUN";
/// What processes may take to be gone once their run has ended.
pub const GONE: Duration = Duration::from_secs(1);

/// A value of [`MARK`] that no other run has.
pub fn unique_mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The steps of splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// Process ids and command lines of the processes that have this mark.
pub fn marked(mark: &str) -> Vec<String> {
    let variable = format!("{MARK}={mark}");
    let is_marked = |entry: &fs::DirEntry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == variable.as_bytes())
    };
    let line = |entry: fs::DirEntry| {
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        format!("{} {}", entry.file_name().display(), line.replace('\0', " "))
    };
    fs::read_dir("/proc").unwrap().flatten().filter(is_marked).map(line).collect()
}
