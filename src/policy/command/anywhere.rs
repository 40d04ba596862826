//! What an allow covers wherever a command runs.

use super::{CommandPattern, WordPattern, name_of};
use crate::policy::path::Places;
use crate::policy::shell::Part;

/// Programs for which the directory changes nothing.
const INDIFFERENT: [&str; 16] = [
    "arch", "basename", "date", "dirname", "echo", "false", "hostname", "id", "nproc", "pwd", "seq", "sleep",
    "tr", "true", "uname", "whoami",
];

/// Programs that use the files in their words and no others, if there is one.
const BY_WORDS: [&str; 33] = [
    "cat",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "cut",
    "diff",
    "du",
    "egrep",
    "fgrep",
    "file",
    "find",
    "grep",
    "head",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mv",
    "nl",
    "readlink",
    "rev",
    "rg",
    "rm",
    "rmdir",
    "sha256sum",
    "sort",
    "stat",
    "tac",
    "tail",
    "touch",
    "tree",
    "wc",
];

/// Programs that read their input where they are given no file.
const OF_INPUT: [&str; 26] = [
    "awk",
    "base64",
    "cat",
    "cksum",
    "column",
    "cut",
    "expand",
    "fmt",
    "fold",
    "head",
    "jq",
    "md5sum",
    "nl",
    "od",
    "paste",
    "rev",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "sort",
    "tac",
    "tail",
    "tr",
    "uniq",
    "wc",
    "xxd",
];

impl CommandPattern {
    /// Whether its programs use no file at all without a word.
    pub(super) fn reads_its_input(&self) -> bool {
        self.programs.iter().all(|program| OF_INPUT.contains(&name_of(program)))
    }

    /// Whether a command that it allows does the same in every directory: the program looks at no files but those in its
    /// words. That these begin at the root is known: no other path is proven where the directory is not.
    pub fn holds_anywhere(&self, part: &Part, places: &Places) -> bool {
        let program = part.program();
        let name =
            ["/bin/", "/usr/bin/"].iter().find_map(|place| program.strip_prefix(place)).unwrap_or(program);
        let words = || {
            self.rest
                .iter()
                .chain(&self.tail)
                .flatten()
                .chain(self.options.iter().filter_map(|option| option.value()))
        };
        if INDIFFERENT.contains(&name) {
            return true;
        }
        let lead = self.lead.iter().flatten().all(|word| word.starts_with(['/', '-']));
        let is_text = |word: &WordPattern| matches!(word, WordPattern::Text(_));
        BY_WORDS.contains(&name) && lead && !words().any(is_text) && self.is_given_a_path(part, places)
    }

    /// Without one, most of them look around.
    fn is_given_a_path(&self, part: &Part, places: &Places) -> bool {
        let arguments: Vec<&str> =
            part.arguments().iter().skip(self.lead.len()).map(|word| word.text.as_str()).collect();
        let words = self.sort_out(&arguments, places).map_or(0, |words| words.len());
        let is_path = |word: &Vec<WordPattern>| word.iter().all(|word| matches!(word, WordPattern::Path(_)));
        self.rest.iter().any(is_path) || words > self.rest.len() && self.tail.as_ref().is_some_and(is_path)
    }
}
