//! `/api/directories`: what a directory is, while somebody types it.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codepiper_protocol::wire::directory::{
    CheckDirectory, Directory, DirectoryVerdict, GitDirectory, MAX_BRANCHES, MAX_COMPLETIONS, MAX_RECENT,
    RecentDirectory,
};
use codepiper_protocol::wire::problem::Problem;
use jiff::Timestamp;
use nix::unistd::{AccessFlags, access};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::answer;
use crate::git;
use crate::tasks::blocking;

/// Counting the changes of a large work tree may take long; nobody waits longer for it.
const COUNT_LIMIT: Duration = Duration::from_millis(800);
/// Repositories are looked for so far below the home directory, and for so long.
const DEPTH: usize = 3;
const SEARCH_LIMIT: Duration = Duration::from_millis(500);
/// So many entries of a directory are looked at.
const MAX_ENTRIES: usize = 10_000;
/// A name that differs in more letters is another one.
const TYPING_ERRORS: usize = 2;

pub fn routes() -> BoxedFilter<(Response,)> {
    let check = warp::path!("api" / "directories")
        .and(warp::get())
        .and(warp::query::<CheckDirectory>())
        .then(|asked: CheckDirectory| async move { answer(check(asked.path).await) });
    let recent = warp::path!("api" / "directories" / "recent").and(warp::get()).then(|| async {
        let home = std::env::home_dir().unwrap_or_default();
        answer(blocking(move || recent(&home, Instant::now() + SEARCH_LIMIT)).await.map_err(Problem::from))
    });
    check.or(recent).unify().boxed()
}

/// The git work trees below a directory that were used last, the newest first: as many as are found until `end`.
fn recent(home: &Path, end: Instant) -> Vec<RecentDirectory> {
    let (mut found, mut level) = (Vec::new(), vec![home.to_owned()]);
    for _ in 0..DEPTH {
        let mut below = Vec::new();
        for dir in level {
            let names = subdirectories(&dir).into_iter();
            for path in names.filter(|name| !name.starts_with('.')).map(|name| dir.join(name)) {
                if Instant::now() > end {
                    break;
                }
                match used_at(&path.join(".git")) {
                    Some(used_at) => found.push((used_at, path)),
                    None if path.is_symlink() => {}
                    None => below.push(path),
                }
            }
        }
        level = below;
    }
    found.sort_by(|a, b| b.cmp(a));
    found.truncate(MAX_RECENT);
    let describe =
        |(used_at, path): (Timestamp, PathBuf)| RecentDirectory { branch: git::branch(&path), path, used_at };
    found.into_iter().map(describe).collect()
}

/// When git wrote there last; `None` where there is no repository.
fn used_at(git: &Path) -> Option<Timestamp> {
    let written = |name: &str| git.join(name).metadata().and_then(|meta| meta.modified()).ok();
    let newest = ["HEAD", "index", "logs/HEAD"].into_iter().filter_map(written).max()?;
    Timestamp::try_from(newest).ok()
}

/// `~` and what begins with `~/`, written out.
pub(super) fn expand(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home,
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

async fn check(typed: String) -> Result<Directory, Problem> {
    let mut directory = blocking(move || look(&typed)).await?;
    if let Some(git) = &mut directory.git {
        let root = git.root.clone();
        let count = blocking(move || git::changed_files(&root));
        git.changed = tokio::time::timeout(COUNT_LIMIT, count).await.ok().and_then(Result::ok).flatten();
    }
    Ok(directory)
}

fn look(typed: &str) -> Directory {
    let path = expand(Path::new(typed));
    let (verdict, detail) = judge(&path);
    let usable = verdict == DirectoryVerdict::Usable;
    let (completions, more_completions) = completions(&path, typed.ends_with('/'));
    Directory {
        suggestion: (verdict == DirectoryVerdict::Missing).then(|| suggestion(&path)).flatten(),
        git: git::work_tree(&path).filter(|_| usable).map(|(root, branch)| GitDirectory {
            branches: git::branches(&root, MAX_BRANCHES),
            root,
            branch,
            changed: None,
        }),
        verdict,
        detail,
        completions,
        more_completions,
        home: std::env::home_dir().unwrap_or_default(),
        path,
    }
}

fn judge(path: &Path) -> (DirectoryVerdict, Option<String>) {
    let shown = path.display();
    if !path.is_absolute() {
        let detail = format!("'{shown}' is not absolute; start with / or ~/");
        return (DirectoryVerdict::Relative, Some(detail));
    }
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_dir() => {
            (DirectoryVerdict::NotADirectory, Some(format!("{shown} is a file, not a directory")))
        }
        Ok(_) if access(path, AccessFlags::R_OK | AccessFlags::X_OK).is_err() => {
            (DirectoryVerdict::Forbidden, Some(format!("the daemon's user may not enter {shown}")))
        }
        Ok(_) => (DirectoryVerdict::Usable, None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => (
            DirectoryVerdict::Forbidden,
            Some(format!("the daemon's user may not read the parent of {shown}")),
        ),
        Err(_) => (DirectoryVerdict::Missing, Some(format!("{shown} does not exist"))),
    }
}

/// Sub-directories that begin with what was typed last.
fn completions(path: &Path, whole: bool) -> (Vec<PathBuf>, bool) {
    let (dir, begin) = match (whole, path.parent()) {
        (false, Some(parent)) => (parent, path.file_name().unwrap_or_default()),
        _ => (path, OsStr::new("")),
    };
    let begin = begin.to_string_lossy().to_lowercase();
    let fits = |name: &str| {
        name.to_lowercase().starts_with(&begin) && (begin.starts_with('.') || !name.starts_with('.'))
    };
    let mut found: Vec<PathBuf> =
        subdirectories(dir).into_iter().filter(|name| fits(name)).map(|name| dir.join(name)).collect();
    found.sort();
    let more = found.len() > MAX_COMPLETIONS;
    found.truncate(MAX_COMPLETIONS);
    (found, more)
}

fn subdirectories(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir).map(|entries| entries.take(MAX_ENTRIES)) else { return vec![] };
    // A link to a directory is one.
    let dirs = entries.flatten().filter(|entry| entry.path().is_dir());
    dirs.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The path with the first name that does not exist replaced by one that does and looks nearly like it.
fn suggestion(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().find(|ancestor| ancestor.is_dir())?;
    let mut missing = path.strip_prefix(existing).ok()?.components();
    let wrong = missing.next()?.as_os_str().to_str()?.to_lowercase();
    let near = subdirectories(existing)
        .into_iter()
        .map(|name| (distance(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= TYPING_ERRORS && *distance < name.chars().count())
        .min()?;
    let nearest = existing.join(near.1);
    let whole = nearest.join(missing.as_path());
    Some(if whole.is_dir() { whole } else { nearest })
}

/// How many letters must be changed, added or left out (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_judged_and_completed() {
        let home = tempfile::tempdir().unwrap();
        for dir in ["projects/my-app", "projects/my-api", "Pictures", ".hidden"] {
            std::fs::create_dir_all(home.path().join(dir)).unwrap();
        }
        std::fs::write(home.path().join("file"), "").unwrap();
        let at = |path: &str| look(&home.path().join(path).display().to_string());
        let names = |directory: &Directory| -> Vec<String> {
            let names = directory.completions.iter().filter_map(|path| path.file_name());
            names.map(|name| name.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(at("projects").verdict, DirectoryVerdict::Usable);
        assert_eq!(names(&at("p")), ["Pictures", "projects"]);
        assert_eq!(names(&at("projects/my")), ["my-api", "my-app"]);
        assert_eq!(names(&at(".h")), [".hidden"]);
        let whole = look(&format!("{}/", home.path().display()));
        assert_eq!(names(&whole), ["Pictures", "projects"]);
        assert_eq!(at("file").verdict, DirectoryVerdict::NotADirectory);
        let wrong = at("projets/my-app");
        assert_eq!(wrong.verdict, DirectoryVerdict::Missing);
        assert_eq!(wrong.suggestion, Some(home.path().join("projects/my-app")));
        assert_eq!(at("projets/none").suggestion, Some(home.path().join("projects")));
        assert_eq!(at("something else").suggestion, None);
        assert_eq!(look("relative").verdict, DirectoryVerdict::Relative);
        assert_eq!(look("/no\0such").verdict, DirectoryVerdict::Missing);
    }

    #[test]
    fn repositories_that_were_used_last_are_found() {
        let home = tempfile::tempdir().unwrap();
        let long = Instant::now() + Duration::from_secs(60);
        let at = |second| std::time::UNIX_EPOCH + Duration::from_secs(second);
        let make = |name: &str, second: u64| {
            let git = home.path().join(name).join(".git");
            std::fs::create_dir_all(&git).unwrap();
            std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
            std::fs::File::open(git.join("HEAD")).unwrap().set_modified(at(second)).unwrap();
        };
        assert_eq!(recent(home.path(), long), []);
        for (name, second) in [("a", 10), ("work/b", 30), ("work/deep/c", 20), ("a/inner", 90)] {
            make(name, second);
        }
        for name in [".hidden/d", "work/deep/too/e"] {
            make(name, 99);
        }
        std::fs::create_dir_all(home.path().join("empty")).unwrap();
        std::os::unix::fs::symlink(home.path(), home.path().join("loop")).unwrap();
        let found = recent(home.path(), long);
        let names: Vec<_> = found
            .iter()
            .map(|found| found.path.strip_prefix(home.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["work/b", "work/deep/c", "a"]);
        assert_eq!(found[0].used_at, Timestamp::from_second(30).unwrap());
        for index in 0..9 {
            make(&format!("more/{index}"), 100 + index);
        }
        assert_eq!(recent(home.path(), long).len(), MAX_RECENT);
        assert_eq!(recent(home.path(), Instant::now()), []);
    }

    #[test]
    fn distances_are_small_for_typing_errors() {
        for (left, right, letters) in
            [("", "ab", 2), ("projets", "projects", 1), ("abc", "abc", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(left, right), letters, "{left} {right}");
        }
    }
}
