//! A command line that could not be understood, as far as it can be read.

use super::{Entry, GROUPS, table, tree};
use crate::commands::{Files, Given, Input};
use crate::report::CommandSpec;
use crate::report::printer::Format;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// How messages name a word that belongs to no option.
const ARGUMENT: &str = "an argument";

/// What can still be read of a command line that could not be understood.
pub(crate) struct Attempt {
    entry: Entry,
    given: Given,
    words: Vec<Input>,
}

impl Attempt {
    /// `None` where it names no command.
    pub(crate) fn read(args: &[OsString]) -> Option<Self> {
        let tree = tree();
        let mut command = &tree;
        let (mut path, mut given) = (Vec::new(), Given::default());
        let mut words: Vec<Input> = Vec::new();
        let mut rest = args.iter().skip(1).take_while(|word| *word != "--").peekable();
        while let Some(word) = rest.next() {
            let text = word.to_string_lossy();
            let Some(option) = text.strip_prefix("--") else {
                let is_operand = !text.starts_with('-');
                let is_first = !words.iter().any(|word| word.option == ARGUMENT);
                match command.find_subcommand(&*text).filter(|_| is_operand && is_first) {
                    Some(found) => {
                        path.push(text.into_owned());
                        command = found;
                    }
                    None if is_operand => {
                        words.push(Input { option: ARGUMENT.to_owned(), path: word.into() });
                    }
                    None => {}
                }
                continue;
            };
            let (name, inline) =
                option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            let mut known = command.get_arguments().chain(tree.get_arguments());
            let Some(arg) = known.find(|arg| arg.get_long() == Some(name)) else { continue };
            let id = arg.get_id().as_str();
            if !arg.get_action().takes_values() {
                given.insert(id, OsStr::new("true"));
                continue;
            }
            let mut next =
                || rest.next_if(|next| next.to_string_lossy().strip_prefix('-').is_none_or(str::is_empty));
            if let Some(value) = inline.map(OsString::from).or_else(|| next().cloned()) {
                given.insert(id, &value);
                words.push(Input { option: format!("--{name}"), path: value.into() });
            }
        }
        let mut path = path.join(" ");
        if let Some((_, _, Some(default))) = GROUPS.iter().find(|(name, ..)| *name == path) {
            path = format!("{path} {default}");
        }
        let entry = table().into_iter().find(|entry| entry.spec.path == path)?;
        for arg in entry.leaf().get_arguments() {
            let id = arg.get_id().as_str();
            if let Some(default) = arg.get_default_values().last().filter(|_| given.path(id).is_none()) {
                given.insert(id, default);
            }
        }
        Some(Self { entry, given, words })
    }

    pub(crate) fn spec(&self) -> &'static CommandSpec {
        self.entry.spec
    }

    /// The value of an option that every command has.
    pub(crate) fn path(&self, id: &str) -> Option<PathBuf> {
        self.given.path(id)
    }

    pub(crate) fn format(&self) -> Format {
        let text = self.given.text("format").unwrap_or_default();
        <Format as clap::ValueEnum>::from_str(text, false).unwrap_or(Format::Table)
    }

    /// The files that it names: of what it wants to write, and every other word, which may be an input.
    pub(crate) fn files(self) -> Files {
        let named = self.words.iter().map(|word| word.option.clone()).collect();
        self.entry.files(&self.given, self.words, named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(line: &str) -> Option<Attempt> {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Attempt::read(&args)
    }

    #[test]
    fn a_broken_command_line_still_names_its_command() {
        for (line, path) in [
            ("mmops pre-live-pack --nonsense", Some("pre-live-pack")),
            ("mmops --root somewhere -q make-ready --nonsense", Some("make-ready")),
            ("mmops --root=somewhere make-ready --nonsense", Some("make-ready")),
            ("mmops --root pre-live-pack rotate --nonsense", Some("rotate")),
            ("mmops rotate pre-live-pack", Some("rotate")),
            ("mmops soak --nonsense", Some("soak run")),
            ("mmops tune sweep --nonsense", Some("tune sweep")),
            ("mmops tune", None),
            ("mmops nonsense", None),
        ] {
            assert_eq!(attempt(line).map(|attempt| attempt.spec().path), path, "{line}");
        }
    }

    #[test]
    fn the_outputs_of_a_broken_command_line_are_still_known() {
        let line =
            "mmops pre-live-pack --nonsense --report a.json --junit=j.xml --plan p.yaml --metrics-file";
        let files = attempt(line).expect("a command").files();
        let outputs: Vec<(String, String)> =
            files.outputs.iter().map(|output| (output.name(), output.path.display().to_string())).collect();
        let expected = [("--report", "a.md"), ("--report", "a.json"), ("--junit", "j.xml")];
        assert_eq!(outputs, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
        assert!(files.inputs.iter().any(|input| input.name() == "--plan"));
        let files = attempt("mmops pre-live-pack --nonsense").expect("a command").files();
        assert!(files.outputs.iter().any(|output| output.path.ends_with("PRE_LIVE_PACK.json")));
    }
}
