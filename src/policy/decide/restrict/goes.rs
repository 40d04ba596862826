//! Where a text goes before it uses a relative path.

use super::{MOST_BASES, Search};
use crate::policy::path::Resolved;

/// Words before a directory that commands go to.
const GO: [&str; 18] = [
    "cd",
    "pushd",
    "chdir",
    "chroot",
    "-C",
    "-D",
    "-w",
    "--cd",
    "--chdir",
    "--cwd",
    "--dir",
    "--directory",
    "--prefix",
    "--root",
    "--wd",
    "--work-tree",
    "--workdir",
    "--working-directory",
];

/// `os.chdir("/x")` in other languages, and properties of units.
const GO_ENDINGS: [&str; 3] = [".chdir", "(chdir", "WorkingDirectory"];

impl Search<'_> {
    /// The directories that a text names after such a word: from where the command begins, and from those before them.
    pub(super) fn directories(&mut self, readings: &[Vec<String>]) -> Vec<Resolved> {
        let places = self.context.places;
        let mut found: Vec<Resolved> = Vec::new();
        let add = |found: &mut Vec<Resolved>, directory: Resolved| {
            if !found.iter().any(|known| known.path == directory.path) {
                found.push(directory);
            }
        };
        let mut goes = false;
        for words in readings {
            let (mut here, mut roots) = (places.cwd.clone(), Vec::new());
            for directory in destinations(words) {
                goes = true;
                let from_begin = places.resolve(directory);
                here = places.resolve_from(&here, directory);
                // `cd /x; (cd y); cd z`
                for root in &roots {
                    add(&mut found, places.resolve_from(root, directory));
                }
                if directory.starts_with(['/', '~']) && !roots.contains(&from_begin) {
                    roots.push(from_begin.clone());
                }
                add(&mut found, here.clone());
                add(&mut found, from_begin);
                if found.len() > MOST_BASES {
                    self.found.exhausted = true;
                    return found;
                }
            }
            goes |= words.iter().any(|word| goes_home(word));
        }
        // Without a word it goes home.
        if goes {
            add(&mut found, places.home.clone());
        }
        // Nobody knows where it begins.
        if !places.cwd.proven {
            add(&mut found, places.home.clone());
            add(&mut found, places.resolve("/"));
        }
        found
    }
}

/// `Path.home()`, `os.homedir()` and their like in other languages.
const HOME_ENDINGS: [&str; 4] = [".homedir", ".home", "expanduser", "expand_path"];

fn goes_home(word: &str) -> bool {
    matches!(word, "cd" | "pushd" | "chdir" | "HOME")
        || HOME_ENDINGS.iter().any(|ending| word.ends_with(ending))
}

fn destinations(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().enumerate().filter_map(|(at, word)| {
        if GO.contains(&word.as_str()) || GO_ENDINGS.iter().any(|ending| word.ends_with(ending)) {
            let next = words[at + 1..].iter().take(4).find(|next| !next.starts_with('-'));
            return next.map(String::as_str);
        }
        // `-C/x`
        let glued = word.strip_prefix("-C").or_else(|| word.strip_prefix("-D"));
        glued.filter(|directory| directory.starts_with(['/', '~', '.']))
    })
}
