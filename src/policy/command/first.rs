//! Programs whose first word says what they do, without the sign of an option.

use super::CommandPattern;
use super::WordPattern;
use crate::policy::warn::names;

/// `tar xIf ./x y` is `tar -x -I ./x -f y`: the first word has options if it has no sign.
const UNSIGNED: [&str; 14] = [
    "tar", "bsdtar", "star", "ptar", "ar", "gcc-ar", "llvm-ar", "jar", "fastjar", "dump", "restore", "rdump",
    "rrestore", "pkzip",
];

/// The first word that is no option is what they do: `7z x y`.
const COMMANDS: [&str; 17] = [
    "7z", "7za", "7zr", "7zz", "7zzs", "rar", "unrar", "arj", "unarj", "lha", "lharc", "arc", "zoo", "ace",
    "unace", "zpaq", "jlha",
];

/// The same, but all that their options change is what they print.
const PRINTERS: [&str; 1] = ["ps"];

impl CommandPattern {
    /// The first word, if it may be options or a command that the rule does not fix.
    pub(super) fn unfixed<'w>(&self, arguments: &[&'w str]) -> Option<&'w str> {
        let is = |table: &[&str]| {
            self.programs.iter().flat_map(|program| names(program)).any(|name| table.contains(&name))
        };
        let first = arguments.first().filter(|word| self.lead.is_empty() && !word.starts_with('-'));
        if is(&UNSIGNED) {
            return first.copied();
        }
        if is(&COMMANDS) {
            let fixed = self.lead.iter().flatten().any(|word| !word.starts_with('-'));
            return arguments.iter().copied().find(|word| !fixed && !word.starts_with('-'));
        }
        let mut patterns = self.rest.first().or(self.tail.as_ref()).into_iter().flatten();
        let is_path = patterns.any(|pattern| matches!(pattern, WordPattern::Path(_)));
        first.copied().filter(|_| is_path && is(&PRINTERS))
    }
}
