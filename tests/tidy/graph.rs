//! Which file imports which, read from the text: paths that begin with `crate`, `super` or a module that
//! the file declares, followed through re-exports to the file that defines the name. Unit tests are left out.

use std::collections::{BTreeMap, BTreeSet};

/// A source file without comments and unit tests, by its path below `src/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) code: String,
}

/// The files, and what each imports.
pub(crate) struct Graph {
    pub(crate) sources: Vec<Source>,
    /// File to the files that it imports.
    pub(crate) imports: BTreeMap<String, BTreeSet<String>>,
    /// File to the modules of the standard library that it names.
    pub(crate) std_modules: BTreeMap<String, BTreeSet<String>>,
}

pub(crate) type Path = Vec<String>;

impl Graph {
    /// Reads the imports of files given as (path below `src/`, text).
    pub(crate) fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files: Vec<(String, String)> = files.into_iter().collect();
        let unit_tests = unit_test_files(&files);
        let sources: Vec<Source> = files
            .into_iter()
            .filter(|(path, _)| !unit_tests.contains(path))
            .map(|(path, text)| Source { code: code(&text), path })
            .collect();
        let modules: BTreeMap<Path, &Source> =
            sources.iter().map(|source| (module(&source.path), source)).collect();
        let exports: BTreeMap<Path, Path> = sources.iter().flat_map(re_exports).collect();
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut std_modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in &sources {
            let (own, std) = paths(source);
            let targets = own.into_iter().filter_map(|path| resolve(path, &modules, &exports));
            let others = targets.filter(|target| *target != source.path);
            imports.entry(source.path.clone()).or_default().extend(others);
            std_modules.insert(source.path.clone(), std);
        }
        Self { sources, imports, std_modules }
    }

    /// Files that import each other, directly or through others.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let reaches: BTreeMap<&str, BTreeSet<&str>> =
            self.imports.keys().map(|path| (path.as_str(), self.reached_from(path))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (path, reached) in &reaches {
            if !reached.contains(path) || seen.contains(path) {
                continue;
            }
            let circle: Vec<&str> =
                reached.iter().filter(|other| reaches[**other].contains(path)).copied().collect();
            seen.extend(circle.iter().copied());
            circles.push(circle);
        }
        circles
    }

    fn reached_from(&self, path: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut todo: Vec<&str> = vec![path];
        while let Some(next) = todo.pop() {
            for target in self.imports.get(next).into_iter().flatten() {
                if reached.insert(target.as_str()) {
                    todo.push(target);
                }
            }
        }
        reached
    }
}

/// The module of a file: `a/b.rs` and `a/b/mod.rs` are both `a::b`.
fn module(path: &str) -> Path {
    let stem = path.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    let root = stem == "lib" || stem == "main";
    if root { Vec::new() } else { stem.split('/').map(str::to_owned).collect() }
}

/// Files that are modules of unit tests: `#[cfg(test)] mod name;` in their parent, and all below them.
fn unit_test_files(files: &[(String, String)]) -> BTreeSet<String> {
    let mut tests = Vec::new();
    for (path, text) in files {
        for declaration in text.split("#[cfg(test)]\n").skip(1) {
            let line = declaration.lines().next().unwrap_or_default();
            if let Some(name) =
                line.trim_end_matches(';').split("mod ").nth(1).filter(|_| line.ends_with(';'))
            {
                let mut test = module(path);
                test.push(name.to_owned());
                tests.push(test);
            }
        }
    }
    let is_test = |path: &str| tests.iter().any(|test| module(path).starts_with(test));
    files.iter().map(|(path, _)| path).filter(|path| is_test(path)).cloned().collect()
}

/// The text without comments, string literals that span no line, and the module of unit tests at its end.
fn code(text: &str) -> String {
    let marks = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(crate) mod tests {"];
    let end = marks.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    let mut code = String::new();
    for line in text[..end].lines() {
        let line = line.split("//").next().unwrap_or_default();
        code.push_str(line);
        code.push('\n');
    }
    code
}

/// Names that a file passes on, with where they come from: `pub(crate) use child::Name`.
fn re_exports(source: &Source) -> Vec<(Path, Path)> {
    let base = module(&source.path);
    let mut found = Vec::new();
    for (is_public, path, name) in uses(&source.code) {
        if is_public && let Some(path) = absolute(&path, &base, &declared(&source.code)) {
            let mut exported = base.clone();
            exported.push(name);
            found.push((exported, path));
        }
    }
    found
}

/// Every path of the file into this crate, from its root, and the modules of the standard library that it
/// names. A re-export is an import where the file uses the name as well.
fn paths(source: &Source) -> (Vec<Path>, BTreeSet<String>) {
    let base = module(&source.path);
    let children = declared(&source.code);
    let items = source.code.split(';').map(|item| item.split("use ").next().unwrap_or_default());
    let items = items.map(|item| item.split("mod ").next().unwrap_or_default());
    let words: BTreeSet<&str> = items.flat_map(|item| item.split(|c| !is_word(c))).collect();
    let is_used = |name: &str| words.contains(name);
    let imported = uses(&source.code).into_iter().filter(|(is_public, _, name)| !is_public || is_used(name));
    let mut named: Vec<Path> = imported.map(|(_, path, _)| path).collect();
    let mut rest = source.code.as_str();
    while let Some(at) = rest.find("::") {
        let start = rest[..at].rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
        let is_first = !rest[..start].ends_with("::");
        let end = rest[start..].find(|c: char| !is_word(c) && c != ':').map_or(rest.len(), |len| start + len);
        let line_start = rest[..start].rfind('\n').map_or(0, |at| at + 1);
        if is_first && !rest[line_start..start].contains("use ") {
            let words = rest[start..end].split("::").filter(|word| !word.is_empty());
            named.push(words.map(str::to_owned).collect());
        }
        rest = &rest[end.max(at + 2)..];
    }
    let std = named.iter().filter(|path| path.first().is_some_and(|root| root == "std"));
    let std = std.filter_map(|path| path.get(1)).cloned().collect();
    (named.iter().filter_map(|path| absolute(path, &base, &children)).collect(), std)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Modules that the file declares.
fn declared(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| line.ends_with(';'));
    lines.filter_map(|line| line.trim_end_matches(';').split("mod ").nth(1)).map(str::to_owned).collect()
}

/// A path from the root of the crate; none where it leads elsewhere.
fn absolute(path: &[String], base: &[String], children: &BTreeSet<String>) -> Option<Path> {
    let first = path.first()?;
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "super" => {
            let ups = path.iter().take_while(|word| *word == "super").count();
            Some([&base[..base.len().checked_sub(ups)?], &path[ups..]].concat())
        }
        "self" => Some([base, &path[1..]].concat()),
        child if children.contains(child) => Some([base, path].concat()),
        _ => None,
    }
}

/// The file that defines what a path names.
fn resolve(
    mut path: Path,
    modules: &BTreeMap<Path, &Source>,
    exports: &BTreeMap<Path, Path>,
) -> Option<String> {
    for _ in 0..8 {
        let prefix = (0..=path.len()).rev().find(|len| modules.contains_key(&path[..*len]))?;
        let exported = path.get(..=prefix).and_then(|name| exports.get(name));
        let Some(target) = exported else {
            return (prefix > 0).then(|| modules[&path[..prefix]].path.clone());
        };
        path = [target.as_slice(), &path[prefix + 1..]].concat();
    }
    None
}

/// Every name of every `use`: whether it is passed on, its path, and the name it gets.
pub(crate) fn uses(code: &str) -> Vec<(bool, Path, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let line_start = rest[..at].rfind('\n').map_or(0, |at| at + 1);
        let before = rest[line_start..at].trim();
        let tree = rest[at + "use ".len()..].split(';').next().unwrap_or_default();
        if before.is_empty() || before.starts_with("pub") {
            let mut names = Vec::new();
            flatten(&[], tree, &mut names);
            found.extend(names.into_iter().map(|(path, name)| (before.starts_with("pub"), path, name)));
        }
        rest = &rest[at + "use ".len() + tree.len()..];
    }
    found
}

fn flatten(prefix: &[String], tree: &str, found: &mut Vec<(Path, String)>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let head: Path = tree[..open]
            .split("::")
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let prefix = [prefix, &head].concat();
        let inner = tree[open + 1..].trim_end().trim_end_matches('}');
        for part in split_outside_braces(inner) {
            flatten(&prefix, part, found);
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
    let words = path.split("::").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned);
    let mut path = [prefix, &words.collect::<Path>()].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self" || last == "*") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        found.push((path, alias.map_or(last, |alias| alias.trim().to_owned())));
    }
}

fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[test]
fn imports_are_followed_through_groups_parents_children_and_re_exports() {
    let graph = Graph::of(
        [
            ("a/mod.rs", "use std::{fs::{self, File}, io};\nmod b;\npub(crate) use b::Thing;\n"),
            ("a/b.rs", "// use crate::e::Never;\nuse super::super::c::{self, d::{Deep, Deeper as D}};\n"),
            ("c/mod.rs", "mod d;\nfn f() { d::go() }\n#[cfg(test)]\nmod tests {\n    use crate::e::E;\n}\n"),
            ("c/d.rs", "fn f() { let x = crate::a::Thing::new(); }\n"),
            ("e.rs", "#[cfg(test)]\nmod trial;\n"),
            ("g/mod.rs", "mod h;\npub(crate) use h::{Given, h};\nfn f(given: Given) {}\n"),
            ("g/h.rs", "use super::Taken;\n"),
            ("e/trial.rs", "use crate::a::Thing;\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned())),
    );
    let imports = |path: &str| graph.imports[path].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(imports("a/mod.rs"), Vec::<&str>::new());
    assert_eq!(imports("a/b.rs"), ["c/d.rs", "c/mod.rs"]);
    assert_eq!(imports("c/mod.rs"), ["c/d.rs"]);
    assert_eq!(imports("c/d.rs"), ["a/b.rs"]);
    assert!(!graph.imports.contains_key("e/trial.rs"));
    assert!(graph.std_modules["a/mod.rs"].iter().eq(["fs", "io"]));
    assert_eq!(graph.circles(), [vec!["a/b.rs", "c/d.rs", "c/mod.rs"], vec!["g/h.rs", "g/mod.rs"]]);
}
