//! The rules of the house, each a function from the sources to its faults, with a sample that breaks it.

use super::graph::{Graph, Source, uses};
use std::collections::BTreeSet;

/// The layers from the top: a file imports its own layer or one below. What a layer is called is the start
/// of the paths of its files; the first that fits counts.
const LAYERS: [&str; 21] = [
    "lib.rs",
    "main.rs",
    "cli",
    "commands/",
    "ctx.rs",
    "release/",
    "observe/",
    "judge/",
    "evidence/",
    "execute/",
    "journal/",
    "simulation/",
    "tuning/",
    "lease/",
    "store/",
    "report/exit.rs",
    "report/",
    "net/",
    "sys/",
    "format/",
    "testing.rs",
];

/// Rooms that several commands share and that touch nothing of the world, over `Read` and `Write` where
/// they stream.
const PURE: [&str; 4] = ["format/", "judge/", "tuning/", "evidence/"];

/// Commands that run other commands, or publish what they write.
const ORCHESTRATORS: [&str; 5] = ["make_ready", "demo", "init", "doctor", "schema"];

/// Commands that print a document or a stream, and give no answer.
const WITHOUT_ANSWER: [&str; 4] = ["schema", "completions", "man", "sim"];

/// What only files that touch the world import: these files, and these modules of the standard library.
const WORLD: [&str; 3] = ["ctx.rs", "sys/", "net/"];
const WORLDLY_STD: [&str; 5] = ["fs", "net", "process", "env", "thread"];

/// The lint that lets no new variant fall into a wildcard.
const EXHAUSTIVE: &str = "#![warn(clippy::wildcard_enum_match_arm)]";

fn layer(path: &str) -> Option<usize> {
    let layer = LAYERS.iter().position(|layer| path.starts_with(layer))?;
    // Everything may use the exit codes and faults, so they lie lowest.
    Some(if LAYERS[layer] == "report/exit.rs" { LAYERS.len() } else { layer })
}

/// The command whose room a file is in.
fn room(path: &str) -> Option<&str> {
    path.strip_prefix("commands/")?.split(['/', '.']).next().filter(|room| *room != "mod")
}

fn arrows(graph: &Graph) -> impl Iterator<Item = (&str, &str)> {
    graph.imports.iter().flat_map(|(path, targets)| targets.iter().map(move |target| (&**path, &**target)))
}

/// Rule 1: arrows run down, and the context is for commands.
pub(crate) fn upward_arrows(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    for path in graph.imports.keys().filter(|path| layer(path).is_none()) {
        faults.push(format!("{path} belongs to no layer"));
    }
    for (from, to) in arrows(graph) {
        let context = match (from, to) {
            (_, "ctx.rs") => !(from.starts_with("commands/") || from == "cli.rs" || from == "lib.rs"),
            ("ctx.rs", _) => !["sys/", "report/"].iter().any(|below| to.starts_with(below)),
            _ => false,
        };
        let door = from == "testing.rs" || to == "testing.rs";
        if context || (!door && layer(from) > layer(to)) {
            faults.push(format!("{from} imports {to}"));
        }
    }
    faults
}

/// Rule 2: commands do not import each other.
pub(crate) fn arrows_between_commands(graph: &Graph) -> Vec<String> {
    let between = arrows(graph).filter(|(from, to)| match (room(from), room(to)) {
        (Some(from), Some(to)) => from != to && !ORCHESTRATORS.contains(&from),
        _ => false,
    });
    between.map(|(from, to)| format!("{from} imports {to}")).collect()
}

fn touches_the_world(path: &str, graph: &Graph) -> bool {
    let is_world = |path: &str| WORLD.iter().any(|place| path.starts_with(place));
    is_world(path)
        || graph.imports[path].iter().any(|target| is_world(target))
        || graph.std_modules[path].iter().any(|module| WORLDLY_STD.contains(&module.as_str()))
}

/// Rule 3: a file touches the world or is pure; a pure file imports none that touches it, and some rooms
/// are pure throughout.
pub(crate) fn impure_files(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    let worldly: Vec<&str> =
        graph.imports.keys().map(|path| &**path).filter(|path| touches_the_world(path, graph)).collect();
    for path in worldly.iter().filter(|path| PURE.iter().any(|room| path.starts_with(room))) {
        faults.push(format!("{path} touches the world"));
    }
    for (from, to) in arrows(graph) {
        let counts = room(from).is_some() || PURE.iter().any(|room| from.starts_with(room));
        let gathers = from.ends_with("/mod.rs") || from.matches('/').count() == 1;
        if counts && !gathers && !worldly.contains(&from) && worldly.contains(&to) {
            faults.push(format!("{from} is pure and imports {to}, which touches the world"));
        }
    }
    faults
}

/// Rule 4: no file imports itself through others.
pub(crate) fn circles(graph: &Graph) -> Vec<String> {
    graph.circles().into_iter().map(|circle| circle.join(" -> ")).collect()
}

/// Rule 5: every command with an answer has a pure function that gives its verdict; rows, markers and
/// reports are finished when they are made.
pub(crate) fn missing_verdicts(graph: &Graph) -> Vec<String> {
    let mut faults = Vec::new();
    let rooms: BTreeSet<&str> = graph.sources.iter().filter_map(|source| room(&source.path)).collect();
    for command in rooms.into_iter().filter(|command| !WITHOUT_ANSWER.contains(command)) {
        let in_room = |source: &&Source| room(&source.path) == Some(command);
        let gives =
            |source: &Source| source.code.contains("fn verdict(") && !touches_the_world(&source.path, graph);
        if !graph.sources.iter().filter(in_room).any(gives) {
            faults.push(format!("commands/{command} has no pure `fn verdict`"));
        }
    }
    for source in graph.sources.iter().filter(|source| source.path.starts_with("report/")) {
        for name in ["Row", "Marker", "Report"] {
            let body = source.code.split(&format!("struct {name} {{")).nth(1);
            if body.is_some_and(|body| body.split("\n}").next().unwrap_or_default().contains("pub")) {
                faults.push(format!("{}: fields of {name} can be changed afterwards", source.path));
            }
        }
    }
    faults
}

/// Rule 6: where verdicts are made, a new variant is a fault of the compiler and no silent default.
pub(crate) fn missing_lints(graph: &Graph) -> Vec<String> {
    let decides = |source: &&Source| {
        let in_room = ["judge/", "evidence/"].iter().any(|room| source.path.starts_with(room));
        (in_room && source.code.contains("match ")) || source.code.contains("fn verdict(")
    };
    let without = graph.sources.iter().filter(decides).filter(|source| !source.code.contains(EXHAUSTIVE));
    without.map(|source| format!("{} lacks {EXHAUSTIVE}", source.path)).collect()
}

/// Rule 7: public is only the entry of the program, and what stands in a file from which the door for tests
/// passes on a name; whether each of those is needed is held by the compiler (`unreachable_pub`).
pub(crate) fn public_names(graph: &Graph) -> Vec<String> {
    let door = graph.sources.iter().find(|source| source.path == "testing.rs");
    let passed_on = uses(door.map_or("", |door| &door.code)).into_iter().map(|(_, _, name)| name);
    let passed_on: BTreeSet<String> = passed_on.collect();
    let mut faults = Vec::new();
    for source in graph.sources.iter().filter(|source| source.path != "testing.rs") {
        let public: Vec<(&str, &str)> =
            source.code.lines().filter_map(|line| Some((line, public(line)?))).collect();
        let stands_open = public.iter().any(|(_, name)| passed_on.contains(*name));
        let is_entry = |name: &str| source.path == "lib.rs" && ["run", "testing"].contains(&name);
        let needless = public.iter().filter(|(_, name)| !stands_open && !is_entry(name));
        faults.extend(needless.map(|(line, _)| format!("{}: {line}", source.path)));
    }
    faults
}

/// The name of a public item that begins on this line.
fn public(line: &str) -> Option<&str> {
    let kinds = ["const", "async", "fn", "struct", "enum", "mod", "type", "trait", "static"];
    let words = line.strip_prefix("pub ")?.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).find(|word| !kinds.contains(word))
}

/// Rule 8: what the linter must not let anybody call but its owner.
pub(crate) fn missing_bans(clippy: &str) -> Vec<String> {
    let path = ["exists", "try_exists", "is_file", "is_dir", "is_symlink", "metadata", "symlink_metadata"]
        .into_iter()
        .chain(["read_dir", "read_link", "canonicalize"])
        .map(|method| format!("std::path::Path::{method}"));
    let open = ["File::options", "File::open", "File::create", "File::create_new", "OpenOptions::new"];
    let free = ["read", "read_to_string", "read_dir", "read_link", "metadata", "symlink_metadata", "exists"];
    let standard = open.into_iter().chain(free).chain(["canonicalize", "write", "copy", "rename"]);
    let standard = standard.map(|name| format!("std::fs::{name}"));
    let others = ["rustix::fs::open".to_owned()];
    let is_missing = |method: &String| !clippy.contains(&format!("path = \"{method}\""));
    path.chain(standard)
        .chain(others)
        .filter(is_missing)
        .map(|method| format!("{method} is not banned"))
        .collect()
}

fn graph(files: &[(&str, &str)]) -> Graph {
    Graph::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

#[test]
fn an_upward_arrow_is_found() {
    let sample = graph(&[
        ("commands/a/mod.rs", "use crate::ctx::Ctx;\nuse crate::judge::Verdict;\n"),
        ("judge/mod.rs", "use crate::commands::a::Args;\nuse crate::report::exit::Fault;\n"),
        ("sys/clock.rs", "use crate::ctx::Ctx;\n"),
        ("ctx.rs", "use crate::judge::Verdict;\nuse crate::report::Report;\n"),
        ("format/size.rs", "use crate::report::exit::Fault;\n"),
        ("report/mod.rs", ""),
        ("report/exit.rs", "use crate::report::Report;\n"),
        ("domain/mod.rs", ""),
    ]);
    assert_eq!(
        upward_arrows(&sample),
        [
            "domain/mod.rs belongs to no layer",
            "ctx.rs imports judge/mod.rs",
            "judge/mod.rs imports commands/a/mod.rs",
            "report/exit.rs imports report/mod.rs",
            "sys/clock.rs imports ctx.rs",
        ]
    );
}

#[test]
fn an_arrow_between_commands_is_found() {
    let sample = graph(&[
        ("commands/a/mod.rs", "use crate::commands::b::{run, Args};\n"),
        ("commands/b.rs", ""),
        ("commands/make_ready/mod.rs", "use crate::commands::b;\nfn f() { b::run() }\n"),
        ("commands/mod.rs", "mod a;\n"),
    ]);
    assert_eq!(arrows_between_commands(&sample), ["commands/a/mod.rs imports commands/b.rs"]);
}

#[test]
fn a_pure_file_that_reaches_the_world_is_found() {
    let sample = graph(&[
        ("commands/a/find.rs", "use crate::{report::Row, sys::fsio};\n"),
        ("commands/a/verdict.rs", "use super::find::Found;\n"),
        ("commands/a/facts.rs", "use super::verdict::Verdict;\nuse std::collections::BTreeMap;\n"),
        ("format/size.rs", "use std::{fmt, fs::File};\n"),
        ("judge/gate.rs", "fn f() { std::thread::spawn(g) }\n"),
        ("sys/fsio.rs", ""),
        ("report/mod.rs", ""),
    ]);
    assert_eq!(
        impure_files(&sample),
        [
            "format/size.rs touches the world",
            "judge/gate.rs touches the world",
            "commands/a/verdict.rs is pure and imports commands/a/find.rs, which touches the world",
        ]
    );
}

#[test]
fn a_circle_is_found() {
    let sample = graph(&[
        ("judge/mod.rs", "mod gate;\nmod kpi;\n"),
        ("judge/gate.rs", "use super::kpi::Kpi;\n"),
        ("judge/kpi.rs", "use crate::judge::gate::Gate;\n"),
    ]);
    assert_eq!(circles(&sample), ["judge/gate.rs -> judge/kpi.rs"]);
}

#[test]
fn a_command_without_a_verdict_and_a_row_that_can_be_changed_are_found() {
    let sample = graph(&[
        ("commands/a/verdict.rs", "pub(crate) fn verdict(facts: &Facts) -> Verdict {}\n"),
        ("commands/b/mod.rs", "use std::fs;\nfn verdict() {}\n"),
        ("commands/man.rs", ""),
        (
            "report/mod.rs",
            "pub(crate) struct Row {\n    pub(crate) status: Status,\n}\nstruct Marker {\n    key: &'static str,\n}\n",
        ),
    ]);
    assert_eq!(
        missing_verdicts(&sample),
        ["commands/b has no pure `fn verdict`", "report/mod.rs: fields of Row can be changed afterwards"]
    );
}

#[test]
fn a_verdict_with_a_silent_default_is_found() {
    let sample = graph(&[
        ("commands/a/verdict.rs", "fn verdict(facts: &Facts) -> Verdict {}\n"),
        ("judge/gate.rs", "//! Gates.\n#![warn(clippy::wildcard_enum_match_arm)]\n"),
        ("judge/kpi.rs", "fn f(kpi: Kpi) { match kpi {} }\n"),
        ("judge/mod.rs", "mod gate;\n"),
        ("release/tag.rs", "fn f(tag: Tag) { match tag {} }\n"),
    ]);
    let faults = missing_lints(&sample);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("commands/a/verdict.rs") && faults[1].starts_with("judge/kpi.rs"));
}

#[test]
fn a_public_name_that_no_test_needs_is_found() {
    let sample = graph(&[
        ("testing.rs", "pub mod lease {\n    pub use crate::lease::{Lease, acquire};\n}\n"),
        ("lib.rs", "pub mod testing;\npub fn run() {}\npub mod market;\n"),
        ("tuning.rs", "pub fn key<T>() {}\npub(crate) fn names() {}\n"),
        ("lease.rs", "pub struct Lease {}\npub struct Token {}\n"),
    ]);
    assert_eq!(public_names(&sample), ["lib.rs: pub mod market;", "tuning.rs: pub fn key<T>() {}"]);
}

#[test]
fn a_missing_ban_is_found() {
    let faults = missing_bans("{ path = \"std::path::Path::exists\", reason = \"owner: sys/fsio.rs\" },");
    assert_eq!(faults.len(), 26);
    assert!(!faults.iter().any(|fault| fault.starts_with("std::path::Path::exists")));
}
