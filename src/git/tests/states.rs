//! States that are kept, and what is too much for one answer.

use std::fs;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{
    Change, MAX_DIFF_BYTES, MAX_LINE, MAX_LINES, ReadFile, ReadPage, WholeFile,
};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::super::base::State;
use super::super::{content, diff, kept, seen, snapshot, status};
use super::staging::shown;
use super::{Sandbox, exists};

fn differing(sandbox: &Sandbox, session: SessionId, base: &str) -> Vec<(String, Change)> {
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, session, name).unwrap();
    let found = diff::list(&repo, &state(base), &state("work"), &ReadPage::default()).unwrap();
    found.files.into_iter().map(|file| (file.path, file.change)).collect()
}

#[test]
fn what_changed_since_somebody_looked_is_exactly_that() {
    let sandbox = Sandbox::new();
    for number in 0..50 {
        sandbox.write(format!("file{number:02}"), format!("{number}\n"));
    }
    sandbox.write(".gitignore", "ignored\n");
    sandbox.commit_all();
    // Edited, staged, new, ignored and large files are there already.
    sandbox.write("file01", "edited\n");
    sandbox.write("file02", "staged\n");
    sandbox.git(["add", "file02"]);
    sandbox.write("new", "untracked\n");
    sandbox.write("ignored", "x");
    sandbox.write("large", vec![b'x'; 2 << 20]);
    let session = SessionId::random();
    let index = fs::read(sandbox.path(".git/index")).unwrap();
    let kept = snapshot::keep(&sandbox.repo(), session, "seen").unwrap();
    assert_eq!(kept.left_out, ["large"]);
    assert_eq!(fs::read(sandbox.path(".git/index")).unwrap(), index, "the index is the user's");
    // What was left out is named, and has not changed.
    assert_eq!(differing(&sandbox, session, "seen"), []);
    let left_out = |base: &str| {
        let repo = sandbox.repo();
        let state = |name: &str| State::parse(&repo, session, name).unwrap();
        diff::list(&repo, &state(base), &state("work"), &ReadPage::default()).unwrap().left_out
    };
    assert_eq!(left_out("seen"), ["large"]);
    sandbox.write("file03", "changed\n");
    fs::remove_file(sandbox.path("file04")).unwrap();
    sandbox.write("new", "untracked, and changed\n");
    sandbox.write("ignored", "y");
    sandbox.write("large", vec![b'y'; 3 << 20]);
    let wanted = [
        ("file03".to_owned(), Change::Modified),
        ("file04".to_owned(), Change::Deleted),
        ("large".to_owned(), Change::Added),
        ("new".to_owned(), Change::Modified),
    ];
    assert_eq!(differing(&sandbox, session, "seen"), wanted);
    // Committing changes no file.
    sandbox.git(["add", "-A", "--", "file03", "file04", "new"]);
    sandbox.git(["commit", "-qm", "agent"]);
    assert_eq!(differing(&sandbox, session, "seen"), wanted);

    // No part of any history, and nothing that is pushed.
    assert_eq!(sandbox.text(["log", "--all", "--format=%s"]), "agent\nmore");
    let remote = tempfile::tempdir().unwrap();
    sandbox.git(["init", "-q", "--bare", remote.path().to_str().unwrap()]);
    sandbox.git(["push", "-q", remote.path().to_str().unwrap(), "--all"]);
    let pushed = sandbox.text(["ls-remote", remote.path().to_str().unwrap()]);
    assert!(!pushed.contains("codepiper"), "{pushed}");
    sandbox.git(["fsck", "--strict"]);
    assert!(!exists(&sandbox.path(".git/logs/refs/codepiper")));

    let other = SessionId::random();
    snapshot::keep(&sandbox.repo(), other, "seen").unwrap();
    snapshot::forget(&sandbox.repo().git, session).unwrap();
    let repo = sandbox.repo();
    let gone = State::parse(&repo, session, "seen").err().unwrap();
    assert_eq!(Problem::from(gone).code, Code::NotFound);
    assert!(State::parse(&repo, other, "seen").is_ok());
}

#[test]
fn large_files_are_named_when_they_changed_and_when_they_are_gone() {
    let sandbox = Sandbox::new();
    let large = |byte: u8, more: usize| vec![byte; (16 << 20) + 1 + more];
    sandbox.write("tracked", large(b'a', 0));
    sandbox.commit_all();
    sandbox.write("tracked", large(b'b', 1));
    sandbox.write("untracked", vec![b'x'; 2 << 20]);
    sandbox.write("stays", vec![b'x'; 2 << 20]);
    let session = SessionId::random();
    let kept = snapshot::keep(&sandbox.repo(), session, "seen").unwrap();
    assert_eq!(kept.left_out, ["stays", "tracked", "untracked"]);
    assert_eq!(differing(&sandbox, session, "seen"), []);
    sandbox.write("tracked", large(b'c', 2));
    fs::remove_file(sandbox.path("untracked")).unwrap();
    let wanted = [("tracked".to_owned(), Change::Modified), ("untracked".to_owned(), Change::Deleted)];
    assert_eq!(differing(&sandbox, session, "seen"), wanted);
    let repo = sandbox.repo();
    let seen = State::parse(&repo, session, "seen").unwrap();
    let wanted =
        ReadFile { path: "untracked".into(), old_path: None, base: None, to: None, from: None, limit: None };
    let found = diff::file(&repo, &seen, &State::Work, &wanted).unwrap();
    assert_eq!((found.file.change, found.whole), (Change::Deleted, Some(WholeFile::TooLarge)));
    fs::remove_file(sandbox.path("tracked")).unwrap();
    let gone = differing(&sandbox, session, "seen");
    assert_eq!(gone.iter().map(|(_, change)| *change).collect::<Vec<_>>(), [Change::Deleted; 2]);
}

#[test]
fn what_is_marked_as_seen_is_what_was_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("edited", "aaaa\n");
    sandbox.write("same", "1\n");
    sandbox.commit_all();
    sandbox.write("edited", "bbbb\n");
    sandbox.write("new", "1\n");
    let session = SessionId::random();
    let shown = || status::state(&sandbox.repo()).unwrap();
    let mark = |state: &str| seen::keep(&sandbox.repo(), session.into(), Some(state)).map_err(Problem::from);
    let age = |name: &str| {
        let file = fs::File::options().write(true).open(sandbox.path(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    };
    age("edited");
    let changes: [(&str, &dyn Fn()); 5] = [
        ("as long, and as old as before", &|| {
            sandbox.write("edited", "cccc\n");
            age("edited");
        }),
        ("one that was as committed", &|| sandbox.write("same", "2\n")),
        ("another one", &|| sandbox.write("other", "1\n")),
        ("gone", &|| fs::remove_file(sandbox.path("new")).unwrap()),
        ("committed", &|| sandbox.commit_all()),
    ];
    for (what, change) in changes {
        let state = shown();
        assert_eq!(shown(), state, "looking changes nothing");
        change();
        assert_eq!(mark(&state).unwrap_err().code, Code::Changed, "{what}");
        assert!(!seen::exists(&sandbox.repo(), session.into()), "{what}");
    }
    mark(&shown()).unwrap();
    assert!(seen::exists(&sandbox.repo(), session.into()));
    assert_eq!(differing(&sandbox, session, "seen"), []);
}

#[test]
fn bases_are_found_and_a_branch_of_such_a_name_as_well() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "1\n");
    sandbox.commit_all();
    sandbox.git(["checkout", "-q", "-b", "start"]);
    sandbox.write("b", "bbbb\n");
    sandbox.commit_all();
    sandbox.git(["checkout", "-q", "main"]);
    sandbox.write("c", "cccc\n");
    sandbox.commit_all();
    sandbox.git(["checkout", "-q", "start"]);
    let session = SessionId::random();
    let names =
        |base: &str| differing(&sandbox, session, base).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(names("merge-base"), ["b"]);
    assert_eq!(names("merge-base:main"), ["b"]);
    assert_eq!(names("main"), ["b", "c"]);
    assert_eq!(names("refs/heads/start"), Vec::<String>::new());
    assert_eq!(names("start^"), ["b"]);
    for name in ["@weird", &format!("{}name", "long/".repeat(80))] {
        sandbox.git(["branch", name, "main"]);
        assert_eq!(names(&format!("refs/heads/{name}")), ["b", "c"]);
        assert_eq!(names(&format!("merge-base:refs/heads/{name}")), ["b"]);
    }
    let repo = sandbox.repo();
    // Of the first commit, all is new.
    let first = sandbox.text(["rev-list", "--max-parents=0", "HEAD"]);
    let state = |name: &str| State::parse(&repo, session, name).unwrap();
    let found =
        diff::list(&repo, &state(&format!("{first}^")), &state(&first), &ReadPage::default()).unwrap();
    assert_eq!((found.base.as_str(), found.total), ("nothing", 1));
    assert!(diff::list(&repo, &state("work"), &state("head"), &ReadPage::default()).is_err());
}

#[test]
fn a_large_difference_comes_in_pages() {
    let sandbox = Sandbox::new();
    let lines = 700_000;
    sandbox.write("f", (0..lines).map(|number| format!("{number}\n")).collect::<String>());
    sandbox.write("line", "x\n");
    sandbox.commit_all();
    sandbox.write("f", (0..lines).map(|number| format!("new {number}\n")).collect::<String>());
    sandbox.write("line", "ü".repeat(2_500_000));
    let repo = sandbox.repo();
    let page = |from| {
        let wanted = ReadFile {
            path: "f".into(),
            old_path: None,
            base: None,
            to: None,
            from: Some(from),
            limit: None,
        };
        diff::file(&repo, &State::Index, &State::Work, &wanted).unwrap()
    };
    let first = page(0);
    assert_eq!((first.lines, first.next), (2 * lines, Some(MAX_LINES)));
    assert_eq!(first.hunks[0].lines.len() as u32, MAX_LINES);
    let last = page(2 * lines - 10);
    assert_eq!((last.next, last.hunks[0].lines.len(), last.hunks[0].skipped), (None, 10, 2 * lines - 10));
    assert_eq!(last.hunks[0].name, first.hunks[0].name);
    assert_eq!(last.hunks[0].lines[9].text, format!("new {}", lines - 1));

    let line = shown(&sandbox, "index", "work", "line").unwrap();
    let long = &line.hunks[0].lines[1];
    assert!(long.text.len() <= MAX_LINE && long.text.ends_with('ü') && long.bytes == Some(5_000_000));
    assert!(serde_json::to_vec(&line).unwrap().len() < MAX_DIFF_BYTES);
    let texts = content::lines(&repo, &State::Work, "f", 100, Some(2)).unwrap();
    assert_eq!((texts.lines, texts.total), (vec!["new 99".to_owned(), "new 100".to_owned()], lines));
}

#[test]
fn each_turn_is_a_base_and_the_last_hundred_are_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "1\n");
    sandbox.commit_all();
    let session = SessionId::random();
    let names = |base: &str| -> Vec<String> {
        differing(&sandbox, session, base).into_iter().map(|(path, _)| path).collect()
    };
    let at = |second: i64| jiff::Timestamp::from_second(second).unwrap();
    for second in 1..=103 {
        snapshot::keep_turn(&sandbox.repo(), session, at(second)).unwrap();
        sandbox.write(format!("file{second:03}"), "x\n");
    }
    let turns = snapshot::turns(&sandbox.repo(), session).unwrap();
    assert_eq!((turns.len(), turns[0], turns[99]), (100, at(103), at(4)));
    assert_eq!(names("turn"), ["file103"]);
    assert_eq!(names("turn~2"), ["file101", "file102", "file103"]);
    assert_eq!(names("turn-102000"), ["file102", "file103"]);
    // A clock that goes back makes no old turn.
    snapshot::keep_turn(&sandbox.repo(), session, at(1)).unwrap();
    assert!(names("turn").is_empty());
    for base in ["turn~100", "turn-1000"] {
        let problem = State::parse(&sandbox.repo(), session, base).err().map(Problem::from).unwrap();
        assert!(problem.code == Code::NotFound && problem.detail.contains("turn"), "{problem:?}");
    }
    let dirs = || [sandbox.dir.path().to_owned(), sandbox.path("")].into_iter();
    let found = kept::kept(dirs());
    assert_eq!((found.len(), found[0].references), (1, 100));
    snapshot::forget(&sandbox.repo().git, session).unwrap();
    assert!(sandbox.text(["for-each-ref", "refs/codepiper"]).is_empty());
    assert!(kept::kept(dirs()).is_empty());
}

/// Git's library has the file in its memory while somebody cuts it: without `survive_cuts` that ends the process.
#[test]
fn a_file_that_is_written_anew_while_it_is_compared_does_no_harm() {
    crate::process::mapped::survive_cuts().unwrap();
    let sandbox = Sandbox::new();
    let text = |word: &str| -> String { (0..40_000).map(|number| format!("{word} {number}\n")).collect() };
    sandbox.write("large", text("line"));
    sandbox.commit_all();
    let (path, done) =
        (sandbox.path("large"), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let (writing, stop) = (path.clone(), done.clone());
    let writer = std::thread::spawn(move || {
        let texts = [text("one"), text("other")];
        let mut turn = 0;
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            std::fs::write(&writing, &texts[turn % 2]).unwrap();
            std::fs::write(&writing, "").unwrap();
            turn += 1;
        }
    });
    let session = SessionId::random();
    for _ in 0..150 {
        let repo = sandbox.repo();
        let state = |name: &str| State::parse(&repo, session, name).unwrap();
        let _ = diff::list(&repo, &state("head"), &state("work"), &ReadPage::default());
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}
