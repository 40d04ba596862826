//! Repositories that are set up in a way that few are.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{
    Change, ChosenFile, ChosenHunk, MakeCommit, ReadLog, ReadPage, WholeFile,
};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::super::base::State;
use super::super::{commit, content, diff, discard, history, snapshot, stage, status};
use super::Sandbox;
use super::staging::{shown, whole};

fn differing(sandbox: &Sandbox, session: SessionId, base: &str, to: &str) -> Vec<(String, Change)> {
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, session, name).unwrap();
    let found = diff::list(&repo, &state(base), &state(to), &ReadPage::default()).unwrap();
    found.files.into_iter().map(|file| (file.path, file.change)).collect()
}

fn listed(sandbox: &Sandbox) -> Vec<(String, Option<Change>, Option<Change>)> {
    let found = status::status(&sandbox.repo(), &ReadPage::default()).unwrap();
    found.files.into_iter().map(|file| (file.path, file.staged, file.unstaged)).collect()
}

fn problem<T>(result: Result<T, super::super::error::Failure>) -> Problem {
    Problem::from(result.err().unwrap())
}

/// Two branches that change the same line of `f`.
fn diverge(sandbox: &Sandbox) {
    let commit = |line: &str| {
        sandbox.write("f", line);
        sandbox.commit_all();
    };
    commit("1\n");
    sandbox.git(["checkout", "-q", "-b", "other"]);
    commit("2\n");
    sandbox.git(["checkout", "-q", "main"]);
    commit("3\n");
}

#[test]
fn what_is_not_checked_out_is_not_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a", "1\n");
    sandbox.write("out/b", "1\n");
    sandbox.commit_all();
    sandbox.git(["sparse-checkout", "set", "--no-cone", "in"]);
    assert!(!sandbox.path("out/b").exists());
    let session = SessionId::random();
    assert_eq!(listed(&sandbox), []);
    assert_eq!(differing(&sandbox, session, "index", "work"), []);
    assert_eq!(differing(&sandbox, session, "head", "work"), []);
    assert!(stage::stage(&sandbox.repo(), &[whole("out/b")]).is_err());
    snapshot::keep(&sandbox.repo(), session, "seen").unwrap();
    sandbox.git(["sparse-checkout", "disable"]);
    assert_eq!(differing(&sandbox, session, "seen", "work"), []);
}

#[test]
fn what_changed_outside_of_the_checkout_is_as_the_index_has_it() {
    let sandbox = Sandbox::new();
    let numbers = |last: &str| format!("1\n2\n3\n4\n5\n6\n7\n{last}\n");
    for name in ["in", "out", "gone", "named", "back"] {
        sandbox.write(name, numbers(name));
    }
    sandbox.commit_all();
    let session = SessionId::random();
    snapshot::keep(&sandbox.repo(), session, "start").unwrap();
    for name in ["in", "out", "back"] {
        sandbox.write(name, numbers("8"));
    }
    sandbox.write("new", "1\n");
    fs::remove_file(sandbox.path("gone")).unwrap();
    sandbox.git(["mv", "named", "renamed"]);
    sandbox.commit_all();
    sandbox.git(["sparse-checkout", "set", "--no-cone", "/in"]);
    // It lies there all the same.
    sandbox.write("back", numbers("9"));
    for base in ["HEAD~1", "start"] {
        let tree = if base == "start" { format!("refs/codepiper/start/{session}") } else { base.to_owned() };
        let gits = sandbox.text(["diff", "--no-renames", "--numstat", tree.as_str()]);
        let repo = sandbox.repo();
        let state = |name: &str| State::parse(&repo, session, name).unwrap();
        let found = diff::list(&repo, &state(base), &state("work"), &ReadPage::default()).unwrap();
        let mut ours = Vec::new();
        for file in &found.files {
            let (added, removed) = (file.added.unwrap(), file.removed.unwrap());
            match &file.old_path {
                Some(old) => ours.extend([format!("8\t0\t{}", file.path), format!("0\t8\t{old}")]),
                None => ours.push(format!("{added}\t{removed}\t{}", file.path)),
            }
        }
        ours.sort_by(|one, other| one.rsplit('\t').next().cmp(&other.rsplit('\t').next()));
        assert_eq!(ours.join("\n"), gits, "{base}");
        assert_eq!(found.total as usize, found.files.len());
        let lines = diff::file(&repo, &state(base), &state("work"), &super::staging::wanted("out")).unwrap();
        assert_eq!(lines.hunks.len(), 1, "{base}");
    }
    let repo = sandbox.repo();
    assert_eq!(content::lines(&repo, &State::Work, "out", 8, None).unwrap().lines[0], "8");
    assert!(content::lines(&repo, &State::Work, "gone", 1, None).is_err());
}

#[test]
fn what_is_only_announced_is_not_committed() {
    let sandbox = Sandbox::new();
    sandbox.commit_all();
    sandbox.write("announced", "1\n");
    sandbox.write("staged", "1\n");
    sandbox.git(["add", "-N", "announced"]);
    sandbox.git(["add", "staged"]);
    let added = Some(Change::Added);
    assert_eq!(listed(&sandbox), [("announced".to_owned(), None, added), ("staged".to_owned(), added, None)]);
    let session = SessionId::random();
    assert_eq!(differing(&sandbox, session, "head", "index"), [("staged".to_owned(), Change::Added)]);
    let wanted = MakeCommit { message: "one".into(), ..MakeCommit::default() };
    commit::commit(&mut sandbox.repo(), &wanted).unwrap();
    assert_eq!(sandbox.text(["show", "--format=", "--name-only"]), "staged");
    assert_eq!(sandbox.text(["status", "--porcelain"]), " A announced");
}

#[test]
fn another_encoding_is_left_to_git() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "f working-tree-encoding=UTF-16LE\n");
    sandbox.write("f", b"h\0i\0\n\0");
    sandbox.commit_all();
    sandbox.write("f", b"h\0o\0\n\0");
    assert_eq!(shown(&sandbox, "index", "work", "f").unwrap().whole, Some(WholeFile::Filter));
    assert!(problem(stage::stage(&sandbox.repo(), &[whole("f")])).detail.contains("encoding"));
    assert!(discard::discard(&sandbox.repo(), SessionId::random(), &[whole("f")]).is_err());
}

#[test]
fn what_git_writes_for_an_id_is_left_to_git() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitattributes", "f ident\ng -ident\n");
    sandbox.write("f", "$Id$\n");
    sandbox.write("g", "$Id$\n");
    sandbox.commit_all();
    sandbox.write("f", "$Id: one $ $Id: two $\n");
    sandbox.write("g", "other\n");
    assert_eq!(shown(&sandbox, "index", "work", "f").unwrap().whole, Some(WholeFile::Filter));
    assert!(problem(stage::stage(&sandbox.repo(), &[whole("f")])).detail.contains("$Id$"));
    stage::stage(&sandbox.repo(), &[whole("g")]).unwrap();
}

#[test]
fn a_git_directory_may_be_elsewhere() {
    let (sandbox, elsewhere) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let (dir, git_dir) = (elsewhere.path().join("work"), elsewhere.path().join("kept"));
    sandbox.git(["init", "-q", "--separate-git-dir", git_dir.to_str().unwrap(), dir.to_str().unwrap()]);
    fs::write(dir.join("f"), "1\n").unwrap();
    fs::create_dir(dir.join("below")).unwrap();
    let repo = super::Repo::open(&dir.join("below")).unwrap();
    stage::stage(&repo, &[whole("f")]).unwrap();
    assert_eq!(sandbox.text(["-C", dir.to_str().unwrap(), "status", "--porcelain"]), "A  f");
    let root = dir.canonicalize().unwrap();
    assert_eq!(super::super::work_tree(&dir.join("below")).map(|(root, _)| root), Some(root));
    assert_eq!(super::super::changed_files(&dir), Some(1));
}

#[test]
fn a_file_that_became_a_directory_is_staged_as_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "1\n");
    sandbox.commit_all();
    fs::remove_file(sandbox.path("a")).unwrap();
    sandbox.write("a/b", "1\n");
    stage::stage(&sandbox.repo(), &[whole("a")]).unwrap();
    assert_eq!(sandbox.text(["status", "--porcelain"]), "D  a\n?? a/");
}

#[test]
fn modes_that_the_file_system_does_not_know_stay_as_they_were() {
    let sandbox = Sandbox::new();
    sandbox.write("plain", "1\n");
    sandbox.write("run", "1\n");
    let permit = |name: &str, bits| {
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(bits)).unwrap();
    };
    permit("run", 0o755);
    symlink("plain", sandbox.path("link")).unwrap();
    sandbox.commit_all();
    sandbox.git(["config", "core.fileMode", "false"]);
    sandbox.git(["config", "core.symlinks", "false"]);
    fs::remove_file(sandbox.path("link")).unwrap();
    for (name, bits) in [("plain", 0o755), ("run", 0o644), ("link", 0o644), ("new", 0o755), ("lines", 0o755)]
    {
        sandbox.write(name, "other\n");
        permit(name, bits);
    }
    let names = ["link", "lines", "new", "plain", "run"];
    let lines = shown(&sandbox, "index", "work", "lines").unwrap().hunks[0].name.clone();
    let chosen = names.map(|name| match name {
        "lines" => {
            ChosenFile { hunks: Some(vec![ChosenHunk { name: lines.clone(), lines: None }]), ..whole(name) }
        }
        _ => whole(name),
    });
    stage::stage(&sandbox.repo(), &chosen).unwrap();
    let ours = sandbox.text(["ls-files", "-s"]);
    sandbox.git(["reset", "-q"]);
    sandbox.git(["add", "-A"]);
    assert_eq!(ours, sandbox.text(["ls-files", "-s"]));
}

#[test]
fn a_file_in_the_place_of_a_directory_is_unstaged() {
    for by_lines in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.write("d/a", "1\n");
        sandbox.commit_all();
        fs::remove_dir_all(sandbox.path("d")).unwrap();
        sandbox.write("d", "2\n");
        sandbox.git(["add", "-A"]);
        let found = shown(&sandbox, "head", "index", "d").unwrap();
        let hunks = found.hunks.iter().map(|hunk| ChosenHunk { name: hunk.name.clone(), lines: None });
        let hunks = by_lines.then(|| hunks.collect());
        stage::unstage(&sandbox.repo(), &[ChosenFile { hunks, ..whole("d") }]).unwrap();
        assert_eq!(sandbox.text(["ls-files"]), "");
        stage::unstage(&sandbox.repo(), &[whole("d/a")]).unwrap();
        assert_eq!(sandbox.text(["ls-files"]), "d/a");
    }
}

#[test]
fn what_is_in_conflict_is_neither_unstaged_nor_discarded() {
    let sandbox = Sandbox::new();
    diverge(&sandbox);
    sandbox.try_git(["merge", "other"], b"");
    let (before, file) = (sandbox.text(["ls-files", "-s"]), sandbox.read("f"));
    let session = SessionId::random();
    for failed in [
        problem(stage::unstage(&sandbox.repo(), &[whole("f")])),
        problem(discard::discard(&sandbox.repo(), session, &[whole("f")])),
    ] {
        assert!(failed.detail.contains("f is in conflict"), "{failed}");
    }
    assert_eq!((sandbox.text(["ls-files", "-s"]), sandbox.read("f")), (before, file));
    for (base, to) in [("head", "index"), ("index", "work")] {
        let repo = sandbox.repo();
        let state = |name: &str| State::parse(&repo, session, name).unwrap();
        let found = diff::list(&repo, &state(base), &state(to), &ReadPage::default()).unwrap();
        assert!(found.files.iter().all(|file| file.conflicted), "{base} {to}: {found:?}");
    }
    stage::stage(&sandbox.repo(), &[whole("f")]).unwrap();
    assert_eq!(sandbox.text(["ls-files", "-s"]).lines().count(), 1);
}

#[test]
fn a_merge_that_put_changes_aside_is_left_to_git() {
    let sandbox = Sandbox::new();
    sandbox.write("g", "1\n");
    diverge(&sandbox);
    sandbox.write("g", "mine\n");
    sandbox.try_git(["merge", "--autostash", "other"], b"");
    sandbox.write("f", "4\n");
    sandbox.git(["add", "f"]);
    let wanted = MakeCommit { message: "merged".into(), ..MakeCommit::default() };
    assert!(problem(commit::commit(&mut sandbox.repo(), &wanted)).detail.contains("put local changes aside"));
}

#[test]
fn files_whose_lines_git_would_end_otherwise_are_recorded_and_not_staged() {
    let sandbox = Sandbox::new();
    sandbox.write("kept", "1\n");
    sandbox.commit_all();
    sandbox.git(["config", "core.autocrlf", "input"]);
    sandbox.git(["config", "core.safecrlf", "true"]);
    sandbox.write("kept", "1\r\n2\r\n");
    sandbox.write("new", "1\r\n");
    let session = SessionId::random();
    for kind in ["start", "seen"] {
        assert!(snapshot::keep(&sandbox.repo(), session, kind).unwrap().left_out.is_empty());
        assert_eq!(differing(&sandbox, session, kind, "work"), [], "{kind}");
    }
    // Nobody else sees what the snapshot reads with.
    let repo = sandbox.repo();
    snapshot::keep(&repo, session, "seen").unwrap();
    for name in ["kept", "new"] {
        assert!(!sandbox.try_git(["add", name], b"").status.success());
        let refused = problem(stage::stage(&repo, &[whole(name)]));
        assert_eq!(refused.code, Code::Invalid, "{refused}");
        let why = format!("CRLF would be replaced by LF in '{name}'");
        assert!(refused.detail.contains(&why) && refused.detail.contains("core.safecrlf"), "{refused}");
    }
    sandbox.git(["config", "core.safecrlf", "warn"]);
    stage::stage(&sandbox.repo(), &[whole("kept"), whole("new")]).unwrap();
}

#[test]
fn what_cannot_be_recorded_is_left_out_and_named() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "1\n");
    sandbox.commit_all();
    // Names that mean `.git` on other systems are none to git.
    sandbox.write("git~1", "1\n");
    assert!(!sandbox.try_git(["add", "git~1"], b"").status.success());
    let session = SessionId::random();
    assert_eq!(snapshot::keep(&sandbox.repo(), session, "start").unwrap().left_out, ["git~1"]);
    assert_eq!(differing(&sandbox, session, "start", "work"), []);
}

#[test]
fn what_lies_in_the_place_of_a_file_and_is_none_is_no_change_since() {
    let sandbox = Sandbox::new();
    for name in ["directory", "filled", "pipe"] {
        sandbox.write(name, "1\n");
    }
    sandbox.commit_all();
    for name in ["directory", "filled", "pipe"] {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    fs::create_dir(sandbox.path("directory")).unwrap();
    sandbox.write("filled/f", "1\n");
    nix::unistd::mkfifo(&sandbox.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let session = SessionId::random();
    snapshot::keep(&sandbox.repo(), session, "start").unwrap();
    assert_eq!(differing(&sandbox, session, "start", "work"), []);
}

#[test]
fn an_index_that_cannot_be_read_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "1\n");
    sandbox.commit_all();
    sandbox.git(["update-index", "--split-index"]);
    let failed = problem(status::status(&sandbox.repo(), &ReadPage::default()));
    assert_eq!(failed.code, Code::Invalid);
    assert!(failed.detail.contains("split or a sparse index"), "{failed}");
}

#[test]
fn branches_are_named_in_the_log_however_much_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.commit_all();
    let head = sandbox.text(["rev-parse", "HEAD"]);
    let ours: String =
        (0..5100).map(|number| format!("{head} refs/codepiper/turn-{number:05}/x\n")).collect();
    fs::write(
        sandbox.path(".git/packed-refs"),
        format!("# pack-refs with: peeled fully-peeled sorted \n{ours}"),
    )
    .unwrap();
    let found = history::log(&sandbox.repo(), &ReadLog::default()).unwrap();
    assert_eq!(found.commits[0].refs, ["main"]);
}

#[test]
fn no_reflog_tells_of_what_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.git(["config", "core.logAllRefUpdates", "always"]);
    sandbox.write("f", "1\n");
    sandbox.commit_all();
    sandbox.write("f", "2\n");
    let session = SessionId::random();
    for _ in 0..2 {
        snapshot::keep(&sandbox.repo(), session, "seen").unwrap();
    }
    discard::discard(&sandbox.repo(), session, &[whole("f")]).unwrap();
    let logs = sandbox.text(["reflog", "--all"]);
    assert!(!logs.contains("codepiper"), "{logs}");
}
