//! Programs whose first word says what they do, without the sign of an option.

use super::{CommandPattern, WordPattern};
use crate::policy::warn::{has_commands, names};

/// What the first words of a rule's programs are to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    #[default]
    Word,
    /// Options, if it has no sign: `tar xIf ./x y` is `tar -x -I ./x -f y`.
    Options,
    /// A command, also behind options: `7z -y x y`.
    Command,
    /// Options that change what is printed, or a command, unless it has a slash: `ps e`, `git push`.
    Name,
}

const OF_OPTIONS: [&str; 14] = [
    "tar", "bsdtar", "star", "ptar", "ar", "gcc-ar", "llvm-ar", "jar", "fastjar", "dump", "restore", "rdump",
    "rrestore", "pkzip",
];

const OF_COMMANDS: [&str; 17] = [
    "7z", "7za", "7zr", "7zz", "7zzs", "rar", "unrar", "arj", "unarj", "lha", "lharc", "arc", "zoo", "ace",
    "unace", "zpaq", "jlha",
];

const OF_NAMES: [&str; 6] = ["ps", "make", "gmake", "bmake", "mvn", "ant"];

impl First {
    pub fn of(programs: &[String]) -> Self {
        let known: Vec<&str> = programs.iter().flat_map(|program| names(program)).collect();
        let is = |table: &[&str]| known.iter().any(|name| table.contains(name));
        if is(&OF_OPTIONS) {
            Self::Options
        } else if is(&OF_COMMANDS) {
            Self::Command
        } else if is(&OF_NAMES) || known.iter().any(|name| has_commands(name)) {
            Self::Name
        } else {
            Self::Word
        }
    }
}

impl CommandPattern {
    /// The first word, if it may be options or a command that the rule does not fix.
    pub(super) fn unfixed<'w>(&self, arguments: &[&'w str]) -> Option<&'w str> {
        let first = || arguments.first().copied().filter(|word| !word.starts_with('-'));
        match self.first {
            First::Options if self.lead.is_empty() => first(),
            First::Command if self.lead.iter().flatten().all(|word| word.starts_with('-')) => {
                arguments.iter().copied().find(|word| !word.starts_with('-'))
            }
            _ => None,
        }
    }

    /// The first word behind the options, if it may be a command and the rule takes it for a path.
    pub(super) fn command_as_path<'w>(&self, words: &[&'w str]) -> Option<&'w str> {
        let patterns = self.rest.first().or(self.tail.as_ref())?;
        let only_paths = patterns.iter().all(|pattern| matches!(pattern, WordPattern::Path(_)));
        let unnamed =
            self.first == First::Name && self.lead.iter().flatten().all(|word| word.starts_with('-'));
        words.first().copied().filter(|word| only_paths && unnamed && !word.contains('/'))
    }
}
