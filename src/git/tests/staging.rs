//! Staging, unstaging and discarding by file, hunk and line.

use std::fs;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{
    Change, ChosenFile, ChosenHunk, ChosenLines, FileDiff, MakeCommit, ReadFile, ReadPage, WholeFile,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::super::base::State;
use super::super::error::Failure;
use super::super::{commit, diff, discard, stage, status};
use super::{Sandbox, exists, steps};

pub fn shown(sandbox: &Sandbox, base: &str, to: &str, path: &str) -> Result<FileDiff, Failure> {
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, SessionId::random(), name);
    diff::file(&repo, &state(base)?, &state(to)?, &wanted(path))
}

pub fn wanted(path: &str) -> ReadFile {
    ReadFile { path: path.into(), old_path: None, base: None, to: None, from: None, limit: None }
}

pub fn whole(path: &str) -> ChosenFile {
    ChosenFile { path: path.into(), ..ChosenFile::default() }
}

fn hunk(path: &str, name: &str) -> ChosenFile {
    let hunks = Some(vec![ChosenHunk { name: name.into(), lines: None }]);
    ChosenFile { path: path.into(), version: None, hunks }
}

fn some_lines(path: &str, name: &str, removed: &[u32], added: &[u32]) -> ChosenFile {
    let lines = Some(ChosenLines { removed: removed.to_vec(), added: added.to_vec() });
    let hunks = Some(vec![ChosenHunk { name: name.into(), lines }]);
    ChosenFile { path: path.into(), version: None, hunks }
}

fn code(failure: Failure) -> Code {
    Problem::from(failure).code
}

/// A file of numbered lines, some of them changed.
fn text(lines: &[Option<u8>], end: bool) -> String {
    let lines: Vec<String> = lines
        .iter()
        .enumerate()
        .filter_map(|(number, change)| match change {
            None => Some(format!("line {number}")),
            Some(0) => None,
            Some(1) => Some(format!("line {number}\nmore {number}")),
            Some(_) => Some(format!("other {number}")),
        })
        .collect();
    let text = lines.join("\n");
    if end && !text.is_empty() { text + "\n" } else { text }
}

fn changes() -> impl Strategy<Value = Vec<Option<u8>>> {
    prop::collection::vec(prop_oneof![9 => Just(None), 1 => (0..3u8).prop_map(Some)], 10..80)
}

/// The hunks as a patch for `git apply`, some lines left out as an editor of patches does it.
fn patch(path: &str, found: &FileDiff, takes: impl Fn(usize, usize) -> bool, reverse: bool) -> String {
    let mut patch = format!("--- a/{path}\n+++ b/{path}\n");
    for (number, hunk) in found.hunks.iter().enumerate() {
        if !hunk
            .lines
            .iter()
            .enumerate()
            .any(|(line, row)| (row.old.is_none() || row.new.is_none()) && takes(number, line))
        {
            continue;
        }
        patch +=
            &format!("@@ -{},{} +{},{} @@\n", hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines);
        for (line, row) in hunk.lines.iter().enumerate() {
            let sign = match (row.old, row.new) {
                (Some(_), Some(_)) => ' ',
                (Some(_), None) if takes(number, line) => '-',
                (None, Some(_)) if takes(number, line) => '+',
                // What is left is as it is on the side that the patch applies to.
                (Some(_), None) if !reverse => ' ',
                (None, Some(_)) if reverse => ' ',
                _ => continue,
            };
            patch += &format!("{sign}{}\n", row.text);
            if row.no_newline {
                patch += "\\ No newline at end of file\n";
            }
        }
    }
    patch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whole hunks, with every kind of end: as `git apply --cached` does it.
    #[test]
    fn hunks_are_staged_and_unstaged_as_git_applies_them(changes in changes(), ends: (bool, bool), picks in prop::collection::vec(any::<bool>(), 12)) {
        let sandbox = Sandbox::new();
        let before = text(&vec![None; changes.len()], ends.0);
        sandbox.write("f", &before);
        sandbox.commit_all();
        sandbox.write("f", text(&changes, ends.1));
        sandbox.write("other", "untouched");
        let Ok(found) = shown(&sandbox, "index", "work", "f") else { return Ok(()) };
        let chosen: Vec<ChosenHunk> = found.hunks.iter().zip(&picks).filter(|(_, pick)| **pick).map(|(hunk, _)| ChosenHunk { name: hunk.name.clone(), lines: None }).collect();
        prop_assume!(!chosen.is_empty());
        let applied = sandbox.try_git(["apply", "--cached", "--unidiff-zero", "-"], patch("f", &found, |hunk, _| picks[hunk], false).as_bytes());
        prop_assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let wanted = sandbox.git(["show", ":f"]);
        sandbox.git(["reset", "-q"]);
        let file = ChosenFile { path: "f".into(), version: Some(found.version.clone()), hunks: Some(chosen) };
        stage::stage(&sandbox.repo(), &[file]).unwrap();
        prop_assert_eq!(String::from_utf8(sandbox.git(["show", ":f"])).unwrap(), String::from_utf8(wanted).unwrap());
        prop_assert_eq!(sandbox.text(["diff", "--cached", "--name-only"]), "f");
        prop_assert_eq!(String::from_utf8(sandbox.read("f")).unwrap(), text(&changes, ends.1));
        // And all of them out again.
        let staged = shown(&sandbox, "head", "index", "f").unwrap();
        let all = staged.hunks.iter().map(|hunk| ChosenHunk { name: hunk.name.clone(), lines: None }).collect();
        stage::unstage(&sandbox.repo(), &[ChosenFile { path: "f".into(), version: None, hunks: Some(all) }]).unwrap();
        prop_assert_eq!(String::from_utf8(sandbox.git(["show", ":f"])).unwrap(), before);
    }

    /// Any lines: as `git apply` takes a patch from which the others were left out.
    #[test]
    fn lines_are_staged_and_unstaged_as_git_applies_them(changes in changes(), picks in prop::collection::vec(any::<Pick>(), 1..6)) {
        let sandbox = Sandbox::new();
        sandbox.write("f", text(&vec![None; changes.len()], true));
        sandbox.commit_all();
        sandbox.write("f", text(&changes, true));
        let Ok(found) = shown(&sandbox, "index", "work", "f") else { return Ok(()) };
        for (base, to, reverse) in [("index", "work", false), ("head", "index", true)] {
            let found = if reverse {
                sandbox.git(["add", "f"]);
                shown(&sandbox, base, to, "f").unwrap()
            } else { found.clone() };
            let rows: Vec<(usize, usize)> = found.hunks.iter().enumerate().flat_map(|(number, hunk)| hunk.lines.iter().enumerate().filter(|(_, row)| row.old.is_none() || row.new.is_none()).map(move |(line, _)| (number, line))).collect();
            let chosen: Vec<(usize, usize)> = picks.iter().map(|pick| *pick.get(&rows)).collect();
            let takes = |hunk: usize, line: usize| chosen.contains(&(hunk, line));
            let before = sandbox.text(["write-tree"]);
            let text = patch("f", &found, takes, reverse);
            let mut args = vec!["apply", "--cached", "--recount", "--unidiff-zero"];
            if reverse { args.push("-R"); }
            let applied = sandbox.try_git([args, vec!["-"]].concat(), text.as_bytes());
            prop_assert!(applied.status.success(), "{}\n{text}", String::from_utf8_lossy(&applied.stderr));
            let wanted = sandbox.git(["show", ":f"]);
            sandbox.git(["read-tree", &before]);
            let hunks = (0..found.hunks.len()).filter(|hunk| chosen.iter().any(|row| row.0 == *hunk)).map(|number| {
                let of = |removed: bool| found.hunks[number].lines.iter().enumerate().filter(|(line, row)| takes(number, *line) && row.new.is_none() == removed).filter_map(|(_, row)| row.old.or(row.new)).collect();
                ChosenHunk { name: found.hunks[number].name.clone(), lines: Some(ChosenLines { removed: of(true), added: of(false) }) }
            });
            let file = ChosenFile { path: "f".into(), version: None, hunks: Some(hunks.collect()) };
            let repo = sandbox.repo();
            if reverse { stage::unstage(&repo, &[file]).unwrap() } else { stage::stage(&repo, &[file]).unwrap() }
            prop_assert_eq!(String::from_utf8(sandbox.git(["show", ":f"])).unwrap(), String::from_utf8(wanted).unwrap());
        }
    }

    /// Files as a whole: as `git add` and `git reset` do it.
    #[test]
    fn files_are_staged_and_unstaged_as_git_does_it(steps in steps(), pick: Pick) {
        let sandbox = Sandbox::new();
        sandbox.make(&steps);
        let files = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().files;
        let unstaged: Vec<_> = files.iter().filter(|file| file.unstaged.is_some() || file.conflicted).collect();
        prop_assume!(!unstaged.is_empty());
        let path = &pick.get(&unstaged).path;
        let name = codepiper_protocol::os_text::decode(path);
        let entries = |sandbox: &Sandbox| sandbox.git(["ls-files", "-s", "-z"]);
        let index = fs::read(sandbox.path(".git/index")).unwrap_or_default();
        sandbox.git(["--literal-pathspecs".as_ref(), "add".as_ref(), "-f".as_ref(), "--".as_ref(), name.as_os_str()]);
        let wanted = entries(&sandbox);
        if index.is_empty() { fs::remove_file(sandbox.path(".git/index")).unwrap() } else { fs::write(sandbox.path(".git/index"), index).unwrap() }
        stage::stage(&sandbox.repo(), &[whole(path)]).unwrap();
        prop_assert_eq!(entries(&sandbox), wanted);
        let staged = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().files;
        let Some(file) = staged.iter().find(|file| file.path == *path && file.staged.is_some() && file.old_path.is_none()) else { return Ok(()) };
        stage::unstage(&sandbox.repo(), &[whole(&file.path)]).unwrap();
        let ours = entries(&sandbox);
        sandbox.try_git(["--literal-pathspecs".as_ref(), "reset".as_ref(), "-q".as_ref(), "--".as_ref(), name.as_os_str()], b"");
        prop_assert_eq!(ours, entries(&sandbox));
    }

    /// Whatever is discarded comes back to the byte.
    #[test]
    fn what_is_discarded_comes_back(steps in steps(), pick: Pick, hunk: Pick, by_hunk: bool) {
        let sandbox = Sandbox::new();
        sandbox.make(&steps);
        let files = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().files;
        let unstaged: Vec<_> = files.iter().filter(|file| file.unstaged.is_some() && !file.submodule).collect();
        prop_assume!(!unstaged.is_empty());
        let path = &pick.get(&unstaged).path;
        let at = sandbox.path(codepiper_protocol::os_text::decode(path));
        let state = || at.symlink_metadata().ok().map(|meta| (meta.is_symlink(), meta.permissions(), if meta.is_symlink() { fs::read_link(&at).unwrap().into_os_string().into_encoded_bytes() } else { fs::read(&at).unwrap() }));
        let before = state();
        let found = shown(&sandbox, "index", "work", path).unwrap();
        let hunks = (by_hunk && found.whole.is_none() && !found.hunks.is_empty()).then(|| vec![ChosenHunk { name: hunk.get(&found.hunks).name.clone(), lines: None }]);
        let by_hunk = hunks.is_some();
        let session = SessionId::random();
        let file = ChosenFile { path: path.clone(), version: Some(found.version), hunks };
        let discarded = discard::discard(&sandbox.repo(), session, &[file]).unwrap();
        // What is not as git would write it stays different, whatever is done.
        if !by_hunk && !exists(&sandbox.path(".gitattributes")) {
            let left = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().files;
            prop_assert!(!left.iter().any(|file| file.path == *path && file.unstaged.is_some()), "{:?}", left);
        }
        prop_assert_eq!(discard::list(&sandbox.repo(), session).unwrap()[0].paths.clone(), vec![path.clone()]);
        discard::restore(&sandbox.repo(), session, &discarded.id).unwrap();
        prop_assert_eq!(state(), before);
        prop_assert_eq!(discard::list(&sandbox.repo(), session).unwrap(), vec![]);
    }
}

#[test]
fn a_file_that_moved_on_is_refused_and_nothing_is_changed() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = (0..40).map(|number| format!("line {number}\n")).collect();
    sandbox.write("f", lines.concat());
    sandbox.write("g", "g\n");
    sandbox.commit_all();
    let mut edited = lines.clone();
    (edited[5], edited[30]) = ("new 5\n".into(), "new 30\n".into());
    sandbox.write("f", edited.concat());
    sandbox.write("g", "new g\n");
    let found = shown(&sandbox, "index", "work", "f").unwrap();
    assert_eq!(found.hunks.len(), 2);
    let g = shown(&sandbox, "index", "work", "g").unwrap();
    // The second hunk moves on; the first one is still what it was.
    edited[30] = "newer 30\n".into();
    sandbox.write("f", edited.concat());
    let index = sandbox.text(["write-tree"]);
    let gone = [hunk("g", &g.hunks[0].name), hunk("f", &found.hunks[1].name)];
    assert_eq!(code(stage::stage(&sandbox.repo(), &gone).unwrap_err()), Code::Changed);
    let versioned = ChosenFile { version: Some(found.version), ..whole("f") };
    assert_eq!(
        code(stage::stage(&sandbox.repo(), std::slice::from_ref(&versioned)).unwrap_err()),
        Code::Changed
    );
    assert_eq!(
        code(discard::discard(&sandbox.repo(), SessionId::random(), &[versioned]).unwrap_err()),
        Code::Changed
    );
    assert_eq!(sandbox.text(["write-tree"]), index);
    stage::stage(&sandbox.repo(), &[hunk("f", &found.hunks[0].name)]).unwrap();
    assert_eq!(sandbox.text(["show", ":f"]).matches("new").count(), 1);
    // Lines that were not changed, twice the same file, no file.
    let name = &shown(&sandbox, "index", "work", "f").unwrap().hunks[0].name;
    for bad in [
        vec![some_lines("f", name, &[1], &[])],
        vec![whole("f"), whole("f")],
        vec![],
        vec![some_lines("f", name, &[], &[])],
    ] {
        assert_eq!(code(stage::stage(&sandbox.repo(), &bad).unwrap_err()), Code::Invalid);
    }
}

#[test]
fn what_changed_since_a_discard_is_not_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    sandbox.commit_all();
    sandbox.write("f", "two\n");
    sandbox.write("dir/new", "untracked\n");
    let session = SessionId::random();
    let discarded = discard::discard(&sandbox.repo(), session, &[whole("f"), whole("dir/new")]).unwrap();
    assert_eq!(sandbox.read("f"), b"one\n");
    assert!(!exists(&sandbox.path("dir/new")));
    sandbox.write("f", "three\n");
    assert_eq!(code(discard::restore(&sandbox.repo(), session, &discarded.id).unwrap_err()), Code::Changed);
    assert!(!exists(&sandbox.path("dir/new")));
    sandbox.write("f", "one\n");
    // Another session knows nothing of it.
    assert_eq!(
        code(discard::restore(&sandbox.repo(), SessionId::random(), &discarded.id).unwrap_err()),
        Code::NotFound
    );
    fs::remove_dir(sandbox.path("dir")).unwrap();
    discard::restore(&sandbox.repo(), session, &discarded.id).unwrap();
    assert_eq!((sandbox.read("f"), sandbox.read("dir/new")), (b"two\n".to_vec(), b"untracked\n".to_vec()));
}

#[test]
fn lines_of_a_windows_file_are_discarded_with_their_ends() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "* text eol=crlf\n");
    sandbox.write("f", "one\r\ntwo\r\nthree\r\n");
    sandbox.commit_all();
    assert_eq!(sandbox.git(["show", ":f"]), b"one\ntwo\nthree\n");
    sandbox.write("f", "one\r\n2\r\nthree\r\nfour\r\n");
    let found = shown(&sandbox, "index", "work", "f").unwrap();
    discard::discard(
        &sandbox.repo(),
        SessionId::random(),
        &[some_lines("f", &found.hunks[0].name, &[2], &[2])],
    )
    .unwrap();
    assert_eq!(sandbox.read("f"), b"one\r\ntwo\r\nthree\r\nfour\r\n");
    let found = shown(&sandbox, "index", "work", "f").unwrap();
    stage::stage(&sandbox.repo(), &[hunk("f", &found.hunks[0].name)]).unwrap();
    assert_eq!(sandbox.git(["show", ":f"]), b"one\ntwo\nthree\nfour\n");
}

#[test]
fn what_has_no_lines_is_taken_as_a_whole() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "x");
    sandbox.commit_all();
    fs::remove_file(sandbox.path("a")).unwrap();
    std::os::unix::fs::symlink("elsewhere", sandbox.path("a")).unwrap();
    sandbox.write("b", b"\0\xff");
    for (path, why) in [("a", WholeFile::Symlink), ("b", WholeFile::Binary)] {
        let found = shown(&sandbox, "index", "work", path).unwrap();
        assert_eq!(found.whole, Some(why), "{path}");
        let name = found.hunks.first().map_or("x", |hunk| hunk.name.as_str());
        assert_eq!(code(stage::stage(&sandbox.repo(), &[hunk(path, name)]).unwrap_err()), Code::Invalid);
        stage::stage(&sandbox.repo(), &[whole(path)]).unwrap();
    }
    let staged = sandbox.text(["ls-files", "-s"]);
    assert!(staged.starts_with("120000"), "{staged}");
    assert_eq!(sandbox.text(["status", "--porcelain"]), "T  a\nA  b");
    let found = shown(&sandbox, "head", "index", "a").unwrap();
    assert_eq!(found.file.change, Change::TypeChanged);
}

#[test]
fn commits_are_gits_and_an_amended_one_replaces_the_last() {
    let sandbox = Sandbox::new();
    let make = |message: &str, amend| {
        commit::commit(&mut sandbox.repo(), &MakeCommit { message: message.into(), amend, last: None })
    };
    assert_eq!(code(make("x", true).unwrap_err()), Code::Invalid);
    assert_eq!(code(make("x", false).unwrap_err()), Code::Invalid);
    sandbox.write("f", "one\n");
    stage::stage(&sandbox.repo(), &[whole("f")]).unwrap();
    assert_eq!(code(make(" \n", false).unwrap_err()), Code::Invalid);
    make("first\n\n\n\nwhy  \n", false).unwrap();
    assert_eq!(sandbox.text(["log", "--format=%an %B"]), "x first\n\nwhy");
    assert_eq!(code(make("again", false).unwrap_err()), Code::Invalid);
    sandbox.write("f", "two\n");
    stage::stage(&sandbox.repo(), &[whole("f")]).unwrap();
    make("better", true).unwrap();
    assert_eq!(sandbox.text(["log", "--format=%s"]), "better");
    assert_eq!(sandbox.text(["status", "--porcelain"]), "");
    assert_eq!(sandbox.text(["reflog", "--format=%gs"]).lines().count(), 2);
    // Both sides of a merge.
    sandbox.git(["checkout", "-q", "-b", "other"]);
    sandbox.write("g", "x");
    sandbox.commit_all();
    sandbox.git(["checkout", "-q", "main"]);
    sandbox.git(["merge", "-q", "--no-ff", "--no-commit", "other"]);
    make("merged", false).unwrap();
    assert_eq!(sandbox.text(["log", "-1", "--format=%P"]).split(' ').count(), 2);
    assert!(!exists(&sandbox.path(".git/MERGE_HEAD")));
    // Who signs, signs with git.
    sandbox.git(["config", "commit.gpgsign", "true"]);
    sandbox.write("f", "three\n");
    stage::stage(&sandbox.repo(), &[whole("f")]).unwrap();
    assert_eq!(code(make("unsigned", false).unwrap_err()), Code::Invalid);
}

#[test]
fn only_the_commit_that_was_shown_is_amended() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    sandbox.commit_all();
    let shown = sandbox.text(["rev-parse", "HEAD"]);
    let amend = || {
        let wanted = MakeCommit { message: "better".into(), amend: true, last: Some(shown.clone()) };
        commit::commit(&mut sandbox.repo(), &wanted)
    };
    sandbox.git(["commit", "-q", "--allow-empty", "-m", "by the agent"]);
    assert_eq!(code(amend().unwrap_err()), Code::Changed);
    assert_eq!(sandbox.text(["log", "--format=%s"]), "by the agent\nmore");
    sandbox.git(["reset", "-q", "--hard", &shown]);
    amend().unwrap();
    assert_eq!(sandbox.text(["log", "--format=%s"]), "better");
}

#[test]
fn an_amended_message_is_utf_8_and_a_bad_one_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.git(["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-m", "one"]);
    let make = |message: &str, amend| {
        let wanted = MakeCommit { message: message.into(), amend, last: None };
        commit::commit(&mut sandbox.repo(), &wanted)
    };
    make("größer", true).unwrap();
    assert_eq!(sandbox.text(["log", "-1", "--format=%s"]), "größer");
    assert_eq!(code(make("a\0b", true).unwrap_err()), Code::Invalid);
    // Without a word about the encoding, as git writes it.
    sandbox.git(["commit", "-q", "--allow-empty", "-m", "two"]);
    make("zwei", true).unwrap();
    assert!(!sandbox.text(["cat-file", "-p", "HEAD"]).contains("encoding"));
}

#[test]
fn the_message_of_a_squashed_merge_goes_with_the_commit() {
    for amend in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.commit_all();
        sandbox.git(["checkout", "-q", "-b", "other"]);
        sandbox.write("f", "one\n");
        sandbox.commit_all();
        sandbox.git(["checkout", "-q", "main"]);
        sandbox.git(["merge", "-q", "--squash", "other"]);
        assert!(exists(&sandbox.path(".git/SQUASH_MSG")));
        let wanted = MakeCommit { message: "squashed".into(), amend, last: None };
        commit::commit(&mut sandbox.repo(), &wanted).unwrap();
        assert!(!exists(&sandbox.path(".git/SQUASH_MSG")));
    }
}

#[test]
fn what_changed_in_the_second_of_the_index_is_still_seen_by_git() {
    let sandbox = Sandbox::new();
    sandbox.git(["config", "core.trustctime", "false"]);
    let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let at = |name: &str, millis: u64| {
        let file = fs::File::options().write(true).open(sandbox.path(name)).unwrap();
        file.set_modified(second + std::time::Duration::from_millis(millis)).unwrap();
    };
    sandbox.write("x", "one\n");
    at("x", 100);
    sandbox.git(["add", "-A"]);
    sandbox.write("x", "two\n");
    at("x", 900);
    at(".git/index", 500);
    sandbox.write("y", "new\n");
    stage::stage(&sandbox.repo(), &[whole("y")]).unwrap();
    assert_eq!(sandbox.text(["status", "--porcelain"]), "AM x\nA  y");
}
