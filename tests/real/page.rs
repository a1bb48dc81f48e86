//! The page of a soak as a browser shows it: at the widths of a telephone and of a desk, in both themes, without its
//! style and script, and on paper.

use crate::golden_pages;
use crate::pages::{Run, all};
use crate::server::have;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

const CHROMIUM: &str = "chromium";
/// What breaks a limit, light and dark.
const BROKEN: [[u8; 3]; 2] = [[0xb5, 0x31, 0x0b], [0xff, 0x8f, 0x6b]];
const GROUND: [[u8; 3]; 2] = [[0xff, 0xff, 0xff], [0x10, 0x14, 0x18]];

fn page(name: &str) -> Run {
    all().into_iter().find(|(found, _)| *found == name).map(|(_, run)| run).expect("a page of this name")
}

/// Runs the browser once, with a profile of its own.
fn chromium(dir: &Path, args: &[&str], address: &str) -> Output {
    let output = Command::new(CHROMIUM)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .args(args)
        .arg(address)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn written(dir: &Path, name: &str, text: &str) -> String {
    std::fs::write(dir.join(name), text).unwrap();
    format!("file://{}/{name}", dir.display())
}

/// The pixels of a screenshot, row by row.
struct Picture {
    rows: Vec<Vec<[u8; 3]>>,
}

impl Picture {
    fn take(dir: &Path, address: &str, (width, height): (u32, u32), is_dark: bool) -> Self {
        let size = format!("--window-size={width},{height}");
        let mut args = vec![size.as_str(), "--screenshot=shot.png"];
        args.extend(is_dark.then_some("--force-dark-mode"));
        chromium(dir, &args, address);
        Self::decode(&std::fs::read(dir.join("shot.png")).unwrap())
    }

    /// Reads a PNG of eight bits a channel, as the browser writes it.
    fn decode(png: &[u8]) -> Self {
        let word = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let (width, channels) = (word(16), if png[25] == 6 { 4 } else { 3 });
        let (mut packed, mut at) = (Vec::new(), 8);
        while at < png.len() {
            let length = word(at);
            if &png[at + 4..at + 8] == b"IDAT" {
                packed.extend(&png[at + 8..at + 8 + length]);
            }
            at += length + 12;
        }
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut raw).unwrap();
        let stride = width * channels;
        let mut before = vec![0_u8; stride];
        let mut rows = Vec::new();
        for line in raw.chunks(stride + 1) {
            let mut row = line[1..].to_vec();
            for at in 0..stride {
                let left = if at < channels { 0 } else { row[at - channels] };
                let (up, corner) = (before[at], if at < channels { 0 } else { before[at - channels] });
                let near =
                    |one: u8| (i32::from(left) + i32::from(up) - i32::from(corner) - i32::from(one)).abs();
                let guess = match line[0] {
                    0 => 0,
                    1 => left,
                    2 => up,
                    3 => u8::midpoint(left, up),
                    _ if near(left) <= near(up) && near(left) <= near(corner) => left,
                    _ if near(up) <= near(corner) => up,
                    _ => corner,
                };
                row[at] = row[at].wrapping_add(guess);
            }
            rows.push(row.chunks(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
            before = row;
        }
        Self { rows }
    }

    /// Whether a pixel has nearly a colour: a thin line is blended with what lies below.
    fn has(&self, colour: [u8; 3]) -> bool {
        let is_near = |pixel: &[u8; 3]| pixel.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 40);
        self.rows.iter().flatten().any(is_near)
    }

    /// The runs of rows in which two neighbouring pixels have a colour: where each begins, and its length.
    fn runs(&self, colour: [u8; 3]) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        for column in 1..self.rows[0].len() {
            let mut open = 0;
            for (at, row) in self.rows.iter().enumerate() {
                if row[column - 1..=column] == [colour, colour] {
                    open += 1;
                } else if open > 0 {
                    runs.push((at - open, open));
                    open = 0;
                }
            }
        }
        runs
    }
}

#[test]
fn a_page_runs_without_an_error_and_has_its_cursor() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let address = written(dir.path(), "page.html", &page("hard").page());
    let output =
        chromium(dir.path(), &["--dump-dom", "--virtual-time-budget=2000"], &(address + "#gate-queue"));
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!log.contains("CONSOLE"), "{log}");
    assert!(
        dom.contains("class=\"cur\"") && dom.contains("aria-label=\"Time cursor"),
        "the script did not run"
    );
    assert!(dom.matches("<output").count() >= 20);
    assert!(!dom.contains("<script>alert"));
}

#[test]
fn no_page_is_wider_than_the_narrowest_telephone() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let names = ["fail", "hard", "fleet", "unknown", "running"];
    let mut frames = String::new();
    let golden = golden_pages::all();
    let soaks = names.iter().map(|name| (*name, page(name).page()));
    for (name, page) in soaks.chain(golden.iter().cloned()) {
        written(dir.path(), &format!("{name}.html"), &page);
        frames += &format!("<iframe width=320 height=800 src={name}.html></iframe>");
    }
    let measure = "onload=()=>{document.title=[...document.querySelectorAll('iframe')].map(\
                   f=>f.contentDocument.documentElement.scrollWidth).join(' ')}";
    let text = format!("<!doctype html><body>{frames}<script>{measure}</script>");
    let address = written(dir.path(), "widths.html", &text);
    let args = [
        "--allow-file-access-from-files",
        "--disable-web-security",
        "--virtual-time-budget=4000",
        "--dump-dom",
    ];
    let dom = String::from_utf8_lossy(&chromium(dir.path(), &args, &address).stdout).into_owned();
    let title = dom.split_once("<title>").map_or("", |(_, rest)| rest).split('<').next().unwrap_or_default();
    let widths: Vec<u32> = title.split(' ').map(|width| width.parse().unwrap()).collect();
    let count = names.len() + golden.len();
    assert!(widths.len() == count && widths.iter().all(|width| *width <= 320), "{names:?}: {widths:?}");
}

#[test]
fn one_broken_window_is_seen_at_every_width_and_in_both_themes() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let address = written(dir.path(), "page.html", &page("one_broken").page());
    for size in [(390, 4000), (1280, 2400)] {
        for is_dark in [false, true] {
            let picture = Picture::take(dir.path(), &address, size, is_dark);
            let theme = usize::from(is_dark);
            assert_eq!(picture.rows[2][2], GROUND[theme], "{size:?}");
            let runs = picture.runs(BROKEN[theme]);
            // Below the word in the box no letter and no icon is as high as a strip, and no gate behind it breaks: the
            // lane of the first chart is the lowest of all.
            let strip = runs.iter().find(|(top, rows)| *top > 150 && (22..=26).contains(rows));
            let lane = runs.iter().max();
            assert!(strip.is_some(), "{size:?} dark {is_dark}: no strip in {runs:?}");
            assert!(
                lane > strip && lane.is_some_and(|(_, rows)| (7..=10).contains(rows)),
                "{size:?} dark {is_dark}: no lane, {lane:?} below {strip:?}"
            );
        }
    }
}

/// What Jenkins sends with every page that it keeps.
const JENKINS: &str = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';";

#[test]
fn verdict_reasons_and_charts_are_there_without_style_and_script() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let page = page("one_broken").page();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Security-Policy: \
                 {JENKINS}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                page.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(page.as_bytes()));
        }
    });
    let picture = Picture::take(dir.path(), &address, (1280, 4000), false);
    assert!(picture.has(BROKEN[0]), "what broke has its colour");
    assert!(picture.has([0x12, 0x43, 0x6d]) && picture.has([0, 0x66, 0x5c]), "lines and strips have theirs");
    let dom = chromium(dir.path(), &["--dump-dom"], &address).stdout;
    let dom = String::from_utf8_lossy(&dom);
    assert!(dom.contains(">FAIL") && dom.contains("1 of 864 windows break it"));
    assert!(!dom.contains("class=\"cur\""), "the script is blocked");
}

#[test]
fn a_page_is_few_sheets_of_paper() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, sheets, bytes) in [("fail", 6, 2_000_000), ("fifty", 40, 2_000_000)] {
        let address = written(dir.path(), "page.html", &page(name).page());
        chromium(dir.path(), &["--print-to-pdf=page.pdf"], &address);
        let pdf = std::fs::read(dir.path().join("page.pdf")).unwrap();
        let found = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
        assert!(
            (1..=sheets).contains(&found) && pdf.len() <= bytes,
            "{name}: {found} sheets, {} bytes",
            pdf.len()
        );
    }
}

/// What changed, light and dark: what was accepted and what is there now.
const CHANGED: [[[u8; 3]; 2]; 2] = [BROKEN, [[0x00, 0x66, 0x5c], [0x5c, 0xcd, 0xba]]];

#[test]
fn what_changed_is_seen_side_by_side_at_every_width_and_in_both_themes() {
    if !have(&[CHROMIUM]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let pages = golden_pages::all();
    let page = |wanted: &str| pages.iter().find(|(name, _)| *name == wanted).map(|(_, page)| page).unwrap();
    let address = written(dir.path(), "kinds.html", page("golden_kinds"));
    for size in [(390, 3000), (1280, 1600)] {
        for is_dark in [false, true] {
            let picture = Picture::take(dir.path(), &address, size, is_dark);
            let theme = usize::from(is_dark);
            assert_eq!(picture.rows[2][2], GROUND[theme], "{size:?}");
            for colours in CHANGED {
                assert!(picture.has(colours[theme]), "{size:?} dark {is_dark}: {colours:?}");
            }
        }
    }
    let address = written(dir.path(), "hostile.html", page("golden_hostile"));
    let output = chromium(dir.path(), &["--dump-dom", "--virtual-time-budget=2000"], &(address + "#d-1"));
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!log.contains("CONSOLE"), "{log}");
    assert!(dom.contains("id=\"d-1\"") && !dom.contains("<script>alert"));
}
