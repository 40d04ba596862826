//! Requests and repositories that mean harm.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{ChosenFile, ChosenHunk, MakeCommit, ReadLog, ReadPage};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::worktree::NewWorktree;

use super::super::base::State;
use super::super::repo::why_not;
use super::super::{commit, content, diff, discard, history, kept, snapshot, stage, status, worktree};
use super::staging::{shown, whole};
use super::{Repo, Sandbox, exists};

/// Lets everything that git can run leave a mark.
fn let_programs_run(sandbox: &Sandbox, mark: &Path) {
    let program = sandbox.path(".git/evil");
    fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = program.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "core.hooksPath",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "gpg.program",
        "credential.helper",
        "pager.diff",
        "pager.log",
        "sequence.editor",
        "merge.evil.driver",
    ] {
        sandbox.git(["config", key, run]);
    }
    fs::create_dir_all(sandbox.path(".git/hooks")).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ] {
        fs::copy(&program, sandbox.path(format!(".git/hooks/{hook}"))).unwrap();
    }
    sandbox.git(["config", "core.hooksPath", ".git/hooks"]);
    let _ = fs::remove_file(mark);
}

#[test]
fn no_program_of_a_repository_is_run() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    sandbox.write("g.bin", "one\n");
    sandbox.write(".gitattributes", "f diff=evil\ng.bin filter=evil\n");
    sandbox.commit_all();
    let mark = sandbox.path("ran");
    let_programs_run(&sandbox, &mark);
    sandbox.write("f", "two\n");
    sandbox.write("g.bin", "two\n");
    let session = SessionId::random();
    let whole = |path: &str| ChosenFile { path: path.into(), ..ChosenFile::default() };
    let repo = sandbox.repo();
    status::status(&repo, &ReadPage::default()).unwrap();
    history::branches(&repo, &ReadPage::default()).unwrap();
    history::log(&repo, &ReadLog::default()).unwrap();
    history::commit(&repo, "HEAD").unwrap();
    for (base, to) in [("index", "work"), ("head", "work"), ("head", "index"), ("HEAD^", "HEAD")] {
        let state = |name: &str| State::parse(&repo, session, name).unwrap();
        diff::list(&repo, &state(base), &state(to), &ReadPage::default()).unwrap();
    }
    shown(&sandbox, "index", "work", "f").unwrap();
    snapshot::keep(&repo, session, "seen").unwrap();
    let discarded = discard::discard(&repo, session, &[whole("f")]).unwrap();
    discard::restore(&repo, session, &discarded.id).unwrap();
    stage::stage(&repo, &[whole("f")]).unwrap();
    stage::unstage(&repo, &[whole("f")]).unwrap();
    stage::stage(&repo, &[whole("f")]).unwrap();
    // What a program would have to convert is refused.
    for refused in [
        stage::stage(&repo, &[whole("g.bin")]),
        discard::discard(&repo, session, &[whole("g.bin")]).map(drop),
    ] {
        let problem = Problem::from(refused.unwrap_err());
        assert!(problem.code == Code::Invalid && problem.detail.contains("program"), "{problem}");
    }
    commit::commit(&mut sandbox.repo(), &MakeCommit { message: "m".into(), ..MakeCommit::default() })
        .unwrap();
    let kept = kept::kept(std::iter::once(repo.root.clone()));
    assert!(kept[0].bytes.is_some(), "{kept:?}");
    assert!(!exists(&mark), "{}", fs::read_to_string(&mark).unwrap_or_default());
}

/// Git would fetch what a partial clone does not have, with whatever program the configuration names.
#[test]
fn nothing_is_fetched() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    sandbox.commit_all();
    sandbox.write("g", "two\n");
    snapshot::keep(&sandbox.repo(), SessionId::random(), "seen").unwrap();
    let id = sandbox.text(["hash-object", "g"]);
    fs::remove_file(sandbox.path(format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    let mark = sandbox.path("ran");
    let_programs_run(&sandbox, &mark);
    fs::write(sandbox.path(".git/evil"), format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display())).unwrap();
    let url = format!("ext::{} %S", sandbox.path(".git/evil").display());
    for (key, value) in [
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &url),
        ("protocol.allow", "always"),
        ("protocol.ext.allow", "always"),
    ] {
        sandbox.git(["config", key, value]);
    }
    let kept = kept::kept(std::iter::once(sandbox.dir.path().to_owned()));
    assert_eq!(kept[0].references, 1);
    assert!(!exists(&mark));
    sandbox.try_git(["cat-file", "-p", &id], b"");
    assert!(exists(&mark), "git by itself would have fetched it");
}

#[test]
fn what_is_outside_is_neither_read_nor_written() {
    let sandbox = Sandbox::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret\n").unwrap();
    sandbox.write("f", "one\n");
    sandbox.commit_all();
    symlink(outside.path(), sandbox.path("dir")).unwrap();
    symlink(outside.path().join("secret"), sandbox.path("link")).unwrap();
    let repo = sandbox.repo();
    let long = "a/".repeat(5000);
    let absolute = outside.path().join("secret").to_str().unwrap().to_owned();
    for path in ["../secret", &absolute, ".git/config", "a/../../x", "a\0b", &long, "", ".GIT/config"] {
        let refused = shown(&sandbox, "index", "work", path).map(drop);
        assert_eq!(Problem::from(refused.unwrap_err()).code, Code::Invalid, "{path}");
        let chosen = [ChosenFile { path: path.into(), ..ChosenFile::default() }];
        assert_eq!(Problem::from(stage::stage(&repo, &chosen).unwrap_err()).code, Code::Invalid, "{path}");
        assert_eq!(
            Problem::from(discard::discard(&repo, SessionId::random(), &chosen).unwrap_err()).code,
            Code::Invalid
        );
        assert!(content::lines(&repo, &State::Work, path, 1, None).is_err());
    }
    for path in ["dir/secret", "link"] {
        assert!(content::lines(&repo, &State::Work, path, 1, None).is_err(), "{path}");
        assert!(content::image(&repo, &State::Work, path).is_err(), "{path}");
    }
    // A link is shown and taken as where it points, not as what is there.
    let found = shown(&sandbox, "index", "work", "link").unwrap();
    assert!(
        found.hunks[0]
            .lines
            .iter()
            .all(|line| !line.text.contains("secret\n") && line.text.ends_with("/secret"))
    );
    let chosen = [ChosenFile { path: "dir/secret".into(), ..ChosenFile::default() }];
    assert!(stage::stage(&repo, &chosen).is_err());
    assert!(discard::discard(&repo, SessionId::random(), &chosen).is_err());
    let link = [ChosenFile { path: "link".into(), ..ChosenFile::default() }];
    discard::discard(&repo, SessionId::random(), &link).unwrap();
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret\n");

    // A tracked directory that became a link.
    sandbox.write("sub/x", "x\n");
    sandbox.git(["add", "sub"]);
    sandbox.git(["commit", "-qm", "sub"]);
    fs::remove_dir_all(sandbox.path("sub")).unwrap();
    symlink(outside.path(), sandbox.path("sub")).unwrap();
    let chosen = [ChosenFile { path: "sub/x".into(), ..ChosenFile::default() }];
    assert!(discard::discard(&repo, SessionId::random(), &chosen).is_err());
    assert!(!exists(&outside.path().join("x")));
}

#[test]
fn a_directory_that_became_a_link_is_staged_as_git_does_it() {
    let (sandbox, outside) = (Sandbox::new(), tempfile::tempdir().unwrap());
    sandbox.write("sub/x", "x\n");
    sandbox.write("sub/deep/y", "y\n");
    sandbox.commit_all();
    fs::write(outside.path().join("x"), "secret\n").unwrap();
    fs::create_dir(outside.path().join("deep")).unwrap();
    fs::remove_dir_all(sandbox.path("sub")).unwrap();
    symlink(outside.path(), sandbox.path("sub")).unwrap();
    let session = SessionId::random();
    let snapshot = snapshot::keep(&sandbox.repo(), session, "start").unwrap();
    assert_eq!(sandbox.text(["ls-tree", "-r", "--name-only", &snapshot.tree]), "sub");
    for names in [["sub/x", "sub/deep/y", "sub"], ["sub", "sub/x", "sub/deep/y"]] {
        stage::stage(&sandbox.repo(), &names.map(whole)).unwrap();
        let ours = sandbox.text(["ls-files", "-s"]);
        sandbox.git(["reset", "-q"]);
        sandbox.git(["add", "-A"]);
        assert_eq!(ours, sandbox.text(["ls-files", "-s"]));
        sandbox.git(["reset", "-q"]);
    }
    // By its lines, too.
    let lines = shown(&sandbox, "index", "work", "sub/x").unwrap().hunks[0].name.clone();
    let hunks = Some(vec![ChosenHunk { name: lines, lines: None }]);
    stage::stage(&sandbox.repo(), &[ChosenFile { hunks, ..whole("sub/x") }]).unwrap();
    assert_eq!(sandbox.text(["diff", "--cached", "--name-status"]), "D\tsub/x");
    // What the link leads to was never read.
    let secret = String::from_utf8(sandbox.try_git(["hash-object", "--stdin"], b"secret\n").stdout).unwrap();
    assert!(!sandbox.try_git(["cat-file", "-e", secret.trim()], b"").status.success());
    assert_eq!(fs::read(outside.path().join("x")).unwrap(), b"secret\n");
}

#[test]
fn names_of_commits_are_no_options_and_no_searches() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    sandbox.commit_all();
    let repo = sandbox.repo();
    let long = "a".repeat(10_000);
    for name in [
        "--output=x",
        "-x",
        "../x",
        "/etc",
        "HEAD:f",
        ":/o",
        "HEAD^{/o}",
        "@{-1}",
        "a\0b",
        "a b",
        "",
        &long,
        "nothing",
    ] {
        let problem = Problem::from(State::parse(&repo, SessionId::random(), name).err().expect(name));
        assert_eq!(problem.code, Code::Invalid, "{name}");
        assert!(problem.detail.len() < 500, "{name}");
        assert!(history::log(&repo, &ReadLog { of: Some(name.into()), ..ReadLog::default() }).is_err());
        assert!(history::commit(&repo, name).is_err());
    }
    assert!(!exists(&sandbox.path("x")));
}

#[test]
fn a_work_tree_that_is_elsewhere_is_refused() {
    let sandbox = Sandbox::new();
    let elsewhere = tempfile::tempdir().unwrap();
    sandbox.git(["config", "core.worktree", elsewhere.path().to_str().unwrap()]);
    let problem = Problem::from(Repo::open(sandbox.dir.path()).err().unwrap());
    assert_eq!(problem.code, Code::NoRepository);
    assert!(problem.detail.contains("elsewhere"), "{problem}");
    let none = tempfile::tempdir().unwrap();
    assert_eq!(Problem::from(Repo::open(none.path()).err().unwrap()).code, Code::NoRepository);
}

#[test]
fn a_repository_of_another_user_says_how_to_trust_it() {
    let sandbox = Sandbox::new();
    sandbox.commit_all();
    let below = sandbox.path("a/b");
    fs::create_dir_all(&below).unwrap();
    let root = sandbox.dir.path().canonicalize().unwrap();
    let named = format!("add {} itself to safe.directory", root.display());
    let untrusted = git2::Error::new(git2::ErrorCode::Owner, git2::ErrorClass::Config, "not owned");
    let said = why_not(&below, &untrusted);
    assert!(said.contains(&named) && said.contains("/srv/*"), "{said}");
    // Only root can give it to somebody else.
    if nix::unistd::Uid::effective().is_root() {
        std::os::unix::fs::chown(&root, Some(65534), None).unwrap();
        let problem = Problem::from(Repo::open(&below).err().unwrap());
        assert!(problem.code == Code::NoRepository && problem.detail.contains(&named), "{problem}");
        let made = worktree::make(&root.join("worktrees"), &below, &NewWorktree::default(), "1");
        let problem = made.err().unwrap();
        assert!(problem.code == Code::Invalid && problem.detail.contains(&named), "{problem}");
    }
}

#[test]
fn an_index_that_is_held_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\n");
    fs::write(sandbox.path(".git/index.lock"), "").unwrap();
    let chosen = [ChosenFile { path: "f".into(), ..ChosenFile::default() }];
    let problem = Problem::from(stage::stage(&sandbox.repo(), &chosen).unwrap_err());
    assert_eq!(problem.code, Code::GitInUse);
    assert!(problem.detail.contains("in use by another program"), "{problem}");
    assert_eq!(status::status(&sandbox.repo(), &ReadPage::default()).unwrap().staged, 0);
    fs::remove_file(sandbox.path(".git/index.lock")).unwrap();
    stage::stage(&sandbox.repo(), &chosen).unwrap();
    assert_eq!(sandbox.text(["status", "--porcelain"]), "A  f");
}

#[test]
fn what_a_link_hides_is_not_written_through_it() {
    let sandbox = Sandbox::new();
    let outside = tempfile::tempdir().unwrap();
    sandbox.write("dir/f", "mine\n");
    sandbox.commit_all();
    fs::remove_file(sandbox.path("dir/f")).unwrap();
    symlink(outside.path().join("other"), sandbox.path("dir/f")).unwrap();
    let repo = sandbox.repo();
    for exists in [false, true] {
        if exists {
            fs::write(outside.path().join("other"), "theirs\n").unwrap();
        }
        let discarded = discard::discard(&repo, SessionId::random(), &[whole("dir/f")]).unwrap();
        assert_eq!(discarded.paths, ["dir/f"]);
        assert!(!sandbox.path("dir/f").symlink_metadata().unwrap().is_symlink());
        assert_eq!(sandbox.read("dir/f"), b"mine\n");
        fs::remove_file(sandbox.path("dir/f")).unwrap();
        symlink(outside.path().join("other"), sandbox.path("dir/f")).unwrap();
    }
    assert_eq!(fs::read(outside.path().join("other")).unwrap(), b"theirs\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}
