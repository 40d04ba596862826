//! Where a path leads, and patterns over paths.
//!
//! The one place of the policies that asks the disk: what is a symbolic link, and where does it lead. An allow
//! takes a pattern literally and the word resolved, so a link that an agent puts into the way leads out of what is
//! allowed. A deny resolves both and ignores the case of letters: one that is too broad is the smaller mistake.

mod named;
mod pattern;

pub use named::NamedPath;
pub use pattern::{PathPattern, PossiblePath, Way, looks_like_path};

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::glob::{Case, Glob};

/// As many links are followed as Linux does.
const MOST_LINKS: usize = 40;
/// A longer path is not looked up.
const LONGEST: usize = 4096;
/// The disk is asked so often in one decision. Whatever comes later is not proven.
const MOST_QUESTIONS: usize = 20_000;

/// What a name on the disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    LinkTo(String),
    /// Anything else, or nothing.
    NoLink,
    /// It cannot be looked at.
    Unknown,
}

/// Asks the disk.
pub fn on_disk(path: &str) -> Entry {
    match fs::read_link(path) {
        Ok(target) => target.to_str().map_or(Entry::Unknown, |target| Entry::LinkTo(target.to_owned())),
        Err(error) => match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::NotADirectory => Entry::NoLink,
            _ => Entry::Unknown,
        },
    }
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Absolute, without `.`, `..` and, as far as it could be seen, without links.
    pub path: String,
    /// Whether it was seen to the end. What is not proven is never allowed.
    pub proven: bool,
}

impl Resolved {
    /// Whether it certainly is that directory or lies below it.
    pub fn is_in(&self, directory: &Self) -> bool {
        self.proven && directory.proven && pattern::below(&directory.path, &self.path).is_some()
    }
}

/// The directories that paths begin at, and what is already known of the disk.
pub struct Places<'a> {
    /// Where the command runs: relative paths begin there.
    pub cwd: Resolved,
    /// Where the agent is: `./` in a pattern.
    pub project: Resolved,
    /// Where its session was started: to a deny, `./` is this as well.
    pub started: Option<Resolved>,
    pub home: Resolved,
    look: &'a dyn Fn(&str) -> Entry,
    known: RefCell<HashMap<String, Entry>>,
}

impl<'a> Places<'a> {
    pub fn new(cwd: &Path, home: &Path, look: &'a dyn Fn(&str) -> Entry) -> Self {
        let nowhere = Resolved { path: "/".to_owned(), proven: false };
        let mut places = Self {
            cwd: nowhere.clone(),
            project: nowhere.clone(),
            started: None,
            home: nowhere,
            look,
            known: RefCell::default(),
        };
        places.home = places.root(home);
        places.project = places.root(cwd);
        places.cwd = places.project.clone();
        places
    }

    fn root(&self, path: &Path) -> Resolved {
        let mut resolved = self.walk("", &path.to_string_lossy(), true);
        resolved.proven &= path.is_absolute() && path.to_str().is_some();
        resolved
    }

    /// Where a path leads that the current directory or the home directory may complete.
    pub fn resolve(&self, path: &str) -> Resolved {
        self.resolve_from(&self.cwd, path)
    }

    /// The same, from another directory.
    pub fn resolve_from(&self, cwd: &Resolved, path: &str) -> Resolved {
        let home = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let (base, rest) = match home {
            Some(rest) => (Some(&self.home), rest),
            None if path.starts_with('/') => (None, path),
            None => (Some(cwd), path),
        };
        let from = base.map_or("", |base| &base.path);
        let mut resolved = self.walk(from, rest, path.len() <= LONGEST);
        resolved.proven &= base.is_none_or(|base| base.proven) && !path.chars().any(char::is_control);
        resolved
    }

    /// Where a path certainly leads. The system follows `link/..` to where the link leads; programs that shorten the text
    /// before they open it do not. Where the two differ, nothing is proven.
    pub fn certain(&self, path: &str) -> Resolved {
        let mut certain = self.resolve(path);
        if path.split('/').any(|segment| segment == "..") {
            let shortened = self.resolve(&self.as_written(path).path);
            certain.proven &= shortened.proven && shortened.path == certain.path;
        }
        certain
    }

    /// Everywhere a path may lead from a directory: as the system reads it, as it is written, and shortened before it is
    /// looked up.
    pub fn ways(&self, cwd: &Resolved, path: &str) -> Vec<Resolved> {
        let written = self.as_written_from(cwd, path);
        let shortened = self.resolve(&written.path);
        let mut ways = vec![self.resolve_from(cwd, path), shortened, written];
        ways.dedup_by(|one, other| one.path == other.path);
        ways
    }

    /// Whether a path certainly leads to the agent's directory or below it.
    pub fn is_in_project(&self, path: &Resolved) -> bool {
        path.is_in(&self.project)
    }

    /// The path as it is written, with nothing looked up.
    pub fn as_written(&self, path: &str) -> Resolved {
        self.as_written_from(&self.cwd, path)
    }

    fn as_written_from(&self, cwd: &Resolved, path: &str) -> Resolved {
        let home = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match home {
            Some(rest) => self.walk(&self.home.path, rest, false),
            None if path.starts_with('/') => self.walk("", path, false),
            None => self.walk(&cwd.path, path, false),
        }
    }

    /// `from` is absolute and resolved.
    fn walk(&self, from: &str, path: &str, look: bool) -> Resolved {
        let mut done = from.trim_end_matches('/').to_owned();
        let mut ahead: Vec<Cow<str>> = path.rsplit('/').map(Cow::Borrowed).collect();
        let (mut links, mut proven) = (0, look);
        while let Some(segment) = ahead.pop() {
            let before = done.len();
            match segment.as_ref() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                segment => {
                    done.push('/');
                    done.push_str(segment);
                }
            }
            if done.starts_with("/proc/") && process_link(&mut done, &self.cwd.path) {
                proven = false;
            } else if look {
                match self.entry(&done) {
                    Entry::NoLink => {}
                    Entry::Unknown => proven = false,
                    Entry::LinkTo(_) if links == MOST_LINKS => proven = false,
                    Entry::LinkTo(target) => {
                        links += 1;
                        done.truncate(if target.starts_with('/') { 0 } else { before });
                        ahead.extend(target.rsplit('/').map(|segment| Cow::Owned(segment.to_owned())));
                    }
                }
            }
        }
        if done.is_empty() {
            done.push('/');
        }
        Resolved { path: done, proven }
    }

    /// Whether the disk was asked so often that links may have been missed.
    pub fn is_exhausted(&self) -> bool {
        self.known.borrow().len() >= MOST_QUESTIONS
    }

    fn entry(&self, path: &str) -> Entry {
        let mut known = self.known.borrow_mut();
        if let Some(entry) = known.get(path) {
            return entry.clone();
        }
        if known.len() >= MOST_QUESTIONS {
            return Entry::Unknown;
        }
        let entry = (self.look)(path);
        known.insert(path.to_owned(), entry.clone());
        entry
    }
}

/// `/proc/self/root`, `/proc/self/cwd` and their like are other names for places. Who asks is another process than
/// the one that will run, so nothing below `/proc/N` is ever proven. A name with wildcards may be any process.
fn process_link(done: &mut String, cwd: &str) -> bool {
    let is_pattern = |name: &str| name.contains(['*', '?', '[']);
    let mut names = done.split('/').skip(2);
    let process = names.next().unwrap_or("");
    let of_process = process == "self"
        || process == "thread-self"
        || is_pattern(process)
        || process.bytes().all(|byte| byte.is_ascii_digit());
    let last = names.last().filter(|_| of_process);
    // `*` alone is all that is there.
    let may_be = |name: &str| {
        last.is_some_and(|last| {
            let named = is_pattern(last) && last.contains(char::is_alphanumeric);
            last == name || named && Glob::of_shell_word(last).fits(name, Case::Exact)
        })
    };
    let (is_root, is_cwd) = (may_be("root"), may_be("cwd"));
    if is_root {
        done.clear();
    } else if is_cwd {
        cwd.trim_end_matches('/').clone_into(done);
    }
    of_process
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect()
}
