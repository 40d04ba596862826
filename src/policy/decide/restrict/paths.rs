//! The paths that a request may mean, and the rules about them.

use std::collections::HashSet;

use super::{MOST_BASES, Search};
use crate::policy::loose::{self, LONGEST_NAME, LONGEST_PATH};
use crate::policy::path::{NamedPath, Places, PossiblePath, Resolved, Way};

/// So many paths are looked for in one request.
const MOST_PATHS: usize = 20_000;

/// So many directories are tried below so many others.
const MOST_NESTED: usize = 8;

/// Who expands the wildcards of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wildcards {
    /// A shell: every file that fits is used.
    OfShell,
    /// The program, if it does: most search with them.
    OfPrograms,
}

/// What a request may mean.
#[derive(Default)]
struct Candidates<'t> {
    seen: HashSet<String>,
    paths: Vec<(&'t str, PossiblePath)>,
    patterns: Vec<(&'t str, NamedPath)>,
}

impl Search<'_> {
    pub(super) fn paths(&mut self, texts: &[&str], bases: &[Resolved], wildcards: Wildcards) {
        let places = self.context.places;
        let mut candidates = Candidates::default();
        let mut known = HashSet::new();
        for text in texts.iter().copied().filter(|text| known.insert(*text)) {
            self.paths_of(text, bases, wildcards, &mut candidates);
        }
        self.found.exhausted |= places.is_exhausted();
        for id in self.context.policies.index.paths.clone() {
            if !self.context.applies(id) {
                continue;
            }
            let patterns = &self.context.policies.rule(id).paths;
            let ways: Vec<Way> = patterns.iter().flat_map(|pattern| pattern.both_ways(places)).collect();
            let path = candidates.paths.iter().find(|(_, path)| ways.iter().any(|way| way.may_fit(path)));
            self.spend(candidates.patterns.len() * ways.len());
            let mut patterns = candidates.patterns.iter().filter(|_| path.is_none() && !self.found.exhausted);
            let named = patterns.find(|(_, path)| ways.iter().any(|way| way.is_named_by(path)));
            if let Some(text) = path.map(|(text, _)| *text).or(named.map(|(text, _)| *text)) {
                self.hit(id, None, text);
            }
        }
    }

    fn paths_of<'t>(
        &mut self,
        text: &'t str,
        bases: &[Resolved],
        wildcards: Wildcards,
        candidates: &mut Candidates<'t>,
    ) {
        let places = self.context.places;
        let is_long = text.len() > LONGEST_PATH;
        let is_shortened = text.contains("/..");
        for path in loose::paths_in(text) {
            // Nothing shortens the name that it begins with.
            let first_name = || path.bytes().take(LONGEST_NAME + 1).take_while(|byte| *byte != b'/').count();
            if is_long && !is_shortened && first_name() > LONGEST_NAME {
                continue;
            }
            self.spend(1 + path.len() / 64);
            if self.found.exhausted {
                return;
            }
            let mut ways = places.ways(&places.cwd, path);
            if is_long && path.len() > LONGEST_PATH && ways.iter().all(|way| way.path.len() > LONGEST_PATH) {
                self.found.exhausted |= ways.iter().any(|way| loose::is_too_long(&way.path));
                continue;
            }
            if !path.starts_with(['/', '~']) {
                ways.extend(bases.iter().flat_map(|base| places.ways(base, path)));
            }
            ways.extend(home_of_another(path, places));
            candidates.add(text, ways, wildcards);
            if candidates.paths.len() > MOST_PATHS {
                self.found.exhausted = true;
                return;
            }
        }
        if let Some(path) = loose::pathspec(text).filter(|_| !is_long) {
            let tops = above(&places.cwd).map(|top| places.resolve_from(&top, path));
            candidates.add(text, tops.collect(), wildcards);
        }
        if wildcards == Wildcards::OfPrograms {
            let patterns = loose::patterns_in(text);
            // So many in data are no patterns.
            self.found.exhausted |= patterns.len() >= loose::MOST_BRACES && !text.contains('"');
            for pattern in patterns {
                self.spend(1 + pattern.len() / 8);
                let from = bases.iter().chain([&places.cwd]);
                let readings = from.flat_map(|base| NamedPath::readings(&pattern, base, places));
                candidates.patterns.extend(readings.map(|path| (text, path)));
            }
        }
    }

    /// The directories in a tool's input: its other texts may begin there.
    pub(super) fn named_directories(&self, texts: &[&str]) -> Vec<Resolved> {
        let places = self.context.places;
        let is_directory = |text: &&&str| {
            text.len() <= LONGEST_PATH && !text.contains(char::is_whitespace) && !text.is_empty()
        };
        let (rooted, relative): (Vec<&str>, Vec<&str>) =
            texts.iter().filter(is_directory).copied().partition(|text| text.starts_with(['/', '~']));
        let relative = Some(relative).filter(|relative| relative.len() <= MOST_BASES).unwrap_or_default();
        let mut known = HashSet::new();
        let mut add = |base: &Resolved| known.insert(base.path.clone());
        let mut found: Vec<Resolved> =
            rooted.into_iter().map(|text| places.resolve(text)).filter(&mut add).collect();
        // A few may also begin in one another.
        let others = found.iter().take(MOST_NESTED).filter(|_| relative.len() <= MOST_NESTED).cloned();
        let begins: Vec<Resolved> = [places.cwd.clone()].into_iter().chain(others).collect();
        for begin in &begins {
            found.extend(relative.iter().map(|text| places.resolve_from(begin, text)).filter(&mut add));
        }
        found
    }
}

impl<'t> Candidates<'t> {
    fn add(&mut self, text: &'t str, ways: Vec<Resolved>, wildcards: Wildcards) {
        for way in ways {
            if self.seen.insert(way.path.clone()) {
                self.paths.push((text, PossiblePath::new(&way, wildcards == Wildcards::OfShell)));
            }
        }
    }
}

/// The directories in which a directory lies: one of them is the top of its repository.
fn above(directory: &Resolved) -> impl Iterator<Item = Resolved> {
    let ends = directory.path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    ends.map(|end| Resolved { path: directory.path[..end].to_owned(), proven: directory.proven })
}

/// `~name/…`: the home of another user, or of this one under its name.
fn home_of_another(text: &str, places: &Places) -> Option<Resolved> {
    let rest = text.strip_prefix('~')?;
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let own = places.home.path.rsplit_once('/').filter(|(_, own)| *own == name);
    let home = match (name, own) {
        ("", _) => return None,
        (_, Some((above, own))) => format!("{above}/{own}"),
        ("root", None) => "/root".to_owned(),
        (name, None) => format!("/home/{name}"),
    };
    Some(places.resolve(&format!("{home}/{rest}")))
}
