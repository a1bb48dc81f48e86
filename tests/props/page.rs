//! Pages as files: what stands in them whatever the run or the comparison was.

use crate::golden_pages;
use crate::pages::{Run, all, at_most, figure, hard_names, service};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Bytes of the largest page.
const BUDGET: usize = 1_200_000;
const STYLE: &str = include_str!("../../src/report/page/style.css");

/// Every page, made once.
fn pages() -> &'static BTreeMap<&'static str, String> {
    static PAGES: OnceLock<BTreeMap<&'static str, String>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let runs = all().into_iter().map(|(name, run)| (name, run.page()));
        runs.chain(golden_pages::all()).collect()
    })
}

#[test]
fn pages_are_written_where_somebody_wants_to_look_at_them() {
    let Some(dir) = std::env::var_os("MMOPS_PAGES") else { return };
    for (name, page) in pages() {
        println!("{name}: {} bytes", page.len());
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.html")), page).unwrap();
    }
}

/// The tags of a page as they are written, without those inside its style and script.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(begin) = rest.find('<') {
        let end = begin + rest[begin..].find('>').expect("a tag ends");
        let tag = &rest[begin..=end];
        tags.push(tag);
        rest = &rest[end + 1..];
        for (opens, closes) in [("<style", "</style>"), ("<script", "</script>")] {
            if tag.starts_with(opens) {
                rest = &rest[rest.find(closes).expect("it is closed")..];
            }
        }
    }
    tags
}

/// The attributes of a tag; no value of ours has a quote in it that is not escaped.
fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut attributes = Vec::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let name = before.rsplit([' ', '"']).next().unwrap_or_default();
        let (value, more) = after.split_once('"').expect("a value ends");
        attributes.push((name, value));
        rest = more;
    }
    attributes
}

fn all_attributes(page: &str) -> impl Iterator<Item = (&str, &str)> {
    tags(page).into_iter().flat_map(attributes)
}

fn between<'a>(page: &'a str, opens: &str, closes: &str) -> &'a str {
    let (_, rest) = page.split_once(opens).expect("it is there");
    rest.split_once(closes).expect("it ends").0
}

/// What a reader sees.
fn text(page: &str) -> String {
    let mut text = String::new();
    let body = page.split_once("<body>").expect("a body").1;
    for part in body.split_once("<script>").expect("a script").0.split('<').skip(1) {
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
        text.push(' ');
    }
    text
}

#[test]
fn a_page_is_small_loads_nothing_and_lets_nothing_run_but_its_own_script() {
    for (name, page) in pages() {
        assert!(page.len() <= BUDGET, "{name}: {} bytes", page.len());
        assert_eq!(page.matches("<script").count(), 1, "{name}");
        for (attribute, value) in all_attributes(page) {
            assert!(!attribute.starts_with("on") && attribute != "style", "{name}: {attribute}");
            if ["href", "src", "fill"].contains(&attribute) {
                let is_here =
                    value.starts_with('#') || value.starts_with("data:image/svg+xml,") || value == "none";
                assert!(is_here || value.starts_with("url(#"), "{name}: {attribute} {value}");
            }
        }
        let policy = between(page, "Content-Security-Policy\" content=\"", "\"");
        for (opens, closes) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let hash = Sha256::digest(between(page, opens, closes));
            let hash = base64::engine::general_purpose::STANDARD.encode(hash);
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{name}: {policy} has no {hash}");
        }
    }
}

#[test]
fn the_same_run_has_the_same_page() {
    for (name, run) in all().into_iter().filter(|(name, _)| ["hard", "one", "running"].contains(name)) {
        assert!(run.page() == pages()[name], "{name}");
    }
}

#[test]
fn every_anchor_is_there_once_every_link_leads_somewhere_and_every_picture_has_a_name() {
    for (name, page) in pages() {
        let all: Vec<(&str, &str)> = all_attributes(page).collect();
        let ids: Vec<&str> = all.iter().filter(|(name, _)| *name == "id").map(|(_, id)| *id).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}");
        for (_, href) in all.iter().filter(|(name, value)| *name == "href" && value.starts_with('#')) {
            assert!(unique.contains(&href[1..]), "{name}: {href}");
        }
        for tag in tags(page).into_iter().filter(|tag| tag.contains("role=\"img\"")) {
            let attributes = attributes(tag);
            let value =
                |wanted: &str| attributes.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
            let is_named = value("aria-label").is_some_and(|label| !label.is_empty())
                || value("aria-labelledby").is_some_and(|of| of.split(' ').all(|id| unique.contains(id)));
            assert!(is_named, "{name}: {tag}");
        }
        for word in
            text(page).split(|c: char| !c.is_alphanumeric()).chain(all.iter().map(|(_, value)| *value))
        {
            assert!(!["NaN", "inf", "undefined"].contains(&word), "{name}: {word}");
        }
    }
}

#[test]
fn the_answer_is_the_first_word_and_a_simulation_is_stamped_and_nothing_passes_before_the_end() {
    let expected = [
        ("fail", "FAIL", true),
        ("pass", "PASS", true),
        ("soft", "PASS", true),
        ("unknown", "INCONCLUSIVE", false),
        ("running", "RUNNING", false),
        ("running_broken", "RUNNING", true),
        ("begun", "RUNNING", false),
        ("empty", "INCONCLUSIVE", false),
        ("short", "INCONCLUSIVE", false),
        ("gaps_only", "INCONCLUSIVE", false),
        ("fleet", "FAIL", true),
    ];
    for (name, word, is_simulated) in expected {
        let page = &pages()[name];
        let title = between(page, "<title>", "</title>");
        let headline = between(page, "<h2 class=\"w", "</h2>");
        assert!(
            title.starts_with(word) && headline.contains(&format!(">{word}")),
            "{name}: {title}, {headline}"
        );
        for part in [title, headline, &between(page, "<footer>", "</footer>").to_lowercase()] {
            assert_eq!(part.contains("simulated"), is_simulated, "{name}: {part}");
        }
        if word == "RUNNING" {
            assert!(!page.contains("PASS"), "{name}");
        }
    }
}

#[test]
fn a_run_that_stood_still_for_a_month_has_a_small_page_with_every_break_in_it() {
    let value = |at: u32| Some(if at == 150 { 151.0 } else { 149.0 });
    let figures = vec![figure("latency", "ms", at_most(150.0), value)];
    let gaps = vec![(100, 31.0 * 86_400.0)];
    let run = Run { windows: 200, planned: 200, window_secs: 1, gaps, ..Run::of(figures) };
    let page = run.page();
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains("1 of 200 windows break it") && page.contains("151\u{202f}ms"));
    let strip = between(between(&page, "aria-label=\"latency: 1 of ", "</td>"), "class=\"xf\"", "/>");
    assert_eq!(strip.matches('M').count(), 1);
}

#[test]
fn windows_that_do_not_count_are_neither_held_nor_broken() {
    let mut gate = at_most(150.0).unwrap();
    gate["warmup"] = serde_json::json!(10);
    let figures = vec![figure("latency", "ms", Some(gate), |at| Some(if at <= 10 { 180.0 } else { 100.0 }))];
    let page = Run { windows: 20, planned: 20, ..Run::of(figures) }.page();
    let strip = between(&page, "aria-label=\"latency: 0 of 20 windows broken", "</td>");
    assert!(strip.contains("class=\"kn\" fill=\"#525c67\" d=\"M0 10h10v4h-10z\""), "{strip}");
    assert!(strip.contains("class=\"k\" fill=\"#00665c\" d=\"M10 10h10v4h-10z\""), "{strip}");
    assert!(!strip.contains("class=\"xf\""), "{strip}");
}

/// The stretches of windows for which `is_broken` holds: their number.
fn stretches(windows: u32, is_broken: impl Fn(u32) -> bool) -> usize {
    (1..=windows).filter(|at| is_broken(*at) && (*at == 1 || !is_broken(at - 1))).count()
}

fn gate<'a>(page: &'a str, name: &str) -> &'a str {
    between(page, &format!("id=\"gate-{name}\""), "</figure>")
}

#[test]
fn each_broken_stretch_has_a_mark_whatever_the_number_of_windows() {
    for (windows, every) in [(864, 7), (2000, 3), (60, 59)] {
        let spikes = move |at: u32| at.is_multiple_of(every);
        let value = move |at: u32| Some(if spikes(at) { 151.0 } else { 149.0 });
        let figures = vec![figure("spikes", "ms", at_most(150.0), value)];
        let page = Run { windows, planned: windows, ..Run::of(figures) }.page();
        let chart = gate(&page, "spikes");
        let lane = between(between(chart, "height=\"8\"", "</svg>"), " d=\"", "\"");
        assert_eq!(lane.matches('M').count(), stretches(windows, spikes), "{windows} windows");
    }
}

#[test]
fn no_line_crosses_what_is_not_known_and_no_broken_value_looks_like_its_limit() {
    let page = &pages()["hard"];
    let line = between(between(gate(page, "reconnects"), "class=\"l\"", "/>"), " d=\"", "\"");
    for stroke in line.split('M').skip(1) {
        assert!(stroke.ends_with("h1") && !stroke.contains('v'), "every known window stands alone: {stroke}");
    }
    let exact = gate(page, "exact");
    assert!(exact.contains("150.0004\u{202f}ms") && exact.contains("150\u{202f}ms"), "{exact}");
}

#[test]
fn hostile_names_change_no_element_and_hide_no_character() {
    let tame = ["plain", "plainer", "plainest"].map(str::to_owned);
    let of = |names: [String; 3]| {
        let mut figures = service(|_| Some(95.0));
        let [gated, other, bare] = names;
        figures.push(figure(&gated, "ms", at_most(200.0), |_| Some(1.0)));
        figures.push(figure(&other, "custom:<b>\"&'", at_most(0.5), |_| Some(1.0)));
        figures.push(figure(&bare, "ms", None, |_| Some(1.0)));
        Run { windows: 20, planned: 20, description: "<i onclick=x>\u{202e}", ..Run::of(figures) }.page()
    };
    let (hostile, tame) = (of(hard_names()), of(tame));
    assert_eq!(tags(&hostile).len(), tags(&tame).len());
    for c in ['\u{202e}', '\u{200b}', '\u{feff}'] {
        assert!(!hostile.contains(c));
    }
    assert!(text(&hostile).contains("U+202E"));
}

#[test]
fn a_comparison_shows_both_values_and_says_what_it_leaves_out() {
    for (name, word) in [
        ("golden_hostile", "DRIFT"),
        ("golden_empty", "MATCH"),
        ("golden_many", "DRIFT"),
        ("golden_kinds", "DRIFT"),
        ("golden_unusable", "UNKNOWN"),
    ] {
        let page = &pages()[name];
        assert!(between(page, "<title>", "</title>").starts_with(word), "{name}");
        assert!(between(page, "<h2 class=\"w", "</h2>").ends_with(word), "{name}");
    }
    let page = &pages()["golden_kinds"];
    for part in [
        "<code>14<del>2.5</del></code></td><td><code>14<ins>9.1</ins></code>",
        "6.600000000e+00; allowed abs=1e-9",
        "<del>60</del></code></td><td><span class=\"mu\">not there</span>",
        "<ins>{&quot;of&quot;: [700]}</ins>",
        "<code>root.min_interval_ms</code>",
        "--ignore *.json:root.pid",
        "only the baseline has it",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(text(&pages()["golden_many"]).contains("8000 more, which this page does not list"));
    let (hostile, tame) = (golden_pages::of_key(golden_pages::HOSTILE), golden_pages::of_key("tame"));
    assert_eq!(tags(&hostile).len(), tags(&tame).len());
    assert!(!hostile.contains('\u{202e}') && text(&hostile).contains("u202e"));
}

/// The colours that a block of the style sets, by name.
fn colours(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let pairs = block.split(';').filter_map(|pair| pair.trim().strip_prefix("--")?.split_once(":#"));
    let colour = |hex: &str| {
        let wide: String =
            if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
        [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0)
    };
    pairs.map(|(name, hex)| (name, colour(hex))).collect()
}

/// The contrast of two colours as WCAG defines it.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let linear = colour
            .map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn texts_and_marks_stand_out_in_both_themes() {
    for (theme, block) in [
        ("light", between(STYLE, ":root{color-scheme:light dark;", "}")),
        ("dark", between(STYLE, "(prefers-color-scheme:dark){:root{", "}")),
    ] {
        let colours = colours(block);
        for ground in ["bg", "sf"] {
            for (ink, least) in
                [("ink", 4.5), ("mu", 4.5), ("li", 4.5), ("bad", 4.5), ("ok", 4.5), ("wa", 4.5), ("un", 4.5)]
            {
                let found = contrast(colours[ink], colours[ground]);
                assert!(found >= least, "{theme}: {ink} on {ground} {found:.2}");
            }
        }
    }
}
