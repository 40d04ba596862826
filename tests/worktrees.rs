//! Sessions in worktrees of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::worktree::WorktreeState;
use serde_json::json;

use crate::harness::{Home, Owner, eventually};

/// What git prints.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-C"]).arg(dir).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A repository with one commit, an uncommitted file and an ignored one.
fn repository(home: &Home) -> PathBuf {
    let dir = home.path("repo");
    fs::create_dir(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    fs::write(dir.join("file"), "one").unwrap();
    fs::write(dir.join(".gitignore"), ".env\n").unwrap();
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-qm", "first"]);
    fs::write(dir.join("file"), "two").unwrap();
    fs::write(dir.join(".env"), "x").unwrap();
    dir
}

fn list(home: &Home) -> Vec<WorktreeState> {
    serde_json::from_str(&home.ok(["worktree", "list", "--json"])).unwrap()
}

fn start(home: &Home, repository: &Path, flags: &[&str]) -> Session {
    let flags = [&["-d", repository.to_str().unwrap(), "--worktree"], flags].concat();
    home.start_with(&flags, &["bash", "-c", "cat file; echo; read"])
}

#[test]
fn a_session_works_in_a_worktree_that_outlives_it() {
    let mut home = Home::running();
    let repository = repository(&home);
    let ran = home.run([
        "start",
        "-p",
        "shell",
        "-d",
        repository.to_str().unwrap(),
        "--worktree",
        "--create-branch",
        "feature/x",
        "--name",
        "worker",
        "--",
        "bash",
        "-c",
        "cat file; echo; read",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for said in ["not in the worktree: 1 uncommitted file in", "git ignores it: .env", "branch feature/x"] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let session = home.session("worker");
    home.until_printed(&session, "one");
    let worktree = session.worktree.clone().unwrap();
    assert_eq!((session.cwd.clone(), session.branch.as_deref()), (worktree.path.clone(), Some("feature/x")));
    assert!(worktree.path.starts_with(home.path("data/worktrees")), "{}", worktree.path.display());
    assert_eq!(
        (worktree.base.as_deref(), &worktree.repository),
        (Some("main"), &repository.canonicalize().unwrap())
    );
    assert_eq!(fs::read_to_string(repository.join("file")).unwrap(), "two");
    // Its files are for everybody who may read those of the repository: the daemon's own umask is stricter.
    let may_read = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o044;
    let file = worktree.path.join("file");
    assert_eq!(may_read(&file), may_read(&repository.join("file")), "{}", file.display());
    let path = worktree.path.to_str().unwrap();
    assert_eq!(session.cwd.to_str(), Some(path), "to the letter");

    // Leased while it lives: for git, too.
    assert!(list(&home)[0].in_use && list(&home)[0].sessions == [session.id]);
    assert!(git(&repository, &["worktree", "list", "--porcelain"]).contains("locked codepiper"));
    let refused = home.fails(1, ["worktree", "remove", path]);
    assert!(refused.contains(&format!("codepiper stop {}", session.short_id)), "{refused}");
    fs::write(worktree.path.join("new"), "mine").unwrap();
    home.ok(["stop", "worker"]);
    home.stop_daemon();
    home.start_daemon();
    assert!(!list(&home)[0].in_use && list(&home)[0].uncommitted == 1);
    let refused = home.fails(1, ["worktree", "remove", "feature/x"]);
    assert!(refused.contains("new"), "{refused}");
    // A session that is forgotten leaves it alone.
    let other = start(&home, &repository, &[]);
    assert_eq!(other.branch.unwrap(), format!("codepiper/{}", other.short_id));
    home.ok(["kill", &other.short_id]);
    home.ok(["sessions", "remove", &other.short_id]);
    assert_eq!(list(&home).len(), 2);
    home.ok(["worktree", "remove", &format!("codepiper/{}", other.short_id)]);

    fs::remove_file(worktree.path.join("new")).unwrap();
    let removed = home.ok(["worktree", "remove", path]);
    assert!(removed.contains("branch feature/x kept"), "{removed}");
    assert_eq!(list(&home), []);
    let gone = home.fails(1, ["resume", "worker"]);
    assert!(gone.contains("was removed") && gone.contains("git -C"), "{gone}");
    // What it says helps.
    git(&repository, &["worktree", "add", "-q", path, "feature/x"]);
    home.ok(["resume", "worker"]);
    home.fails(3, ["worktree", "remove", "none"]);
}

#[test]
fn a_branch_that_went_with_its_worktree_comes_back_with_it() {
    let home = Home::running();
    let repository = repository(&home);
    git(&repository, &["branch", "old"]);
    let first = start(&home, &repository, &[]);
    let second = start(&home, &repository, &["--base", "old"]);
    git(&repository, &["branch", "-D", "old"]);
    for session in [first, second] {
        let worktree = session.worktree.clone().unwrap();
        home.ok(["stop", &session.short_id]);
        home.ok(["worktree", "remove", &worktree.branch]);
        let gone = home.fails(1, ["resume", &session.short_id]);
        let (_, command) = gone.split_once("restore it with: git ").unwrap();
        let command = command.lines().next().unwrap();
        assert!(command.contains(&format!("-b {}", worktree.branch)), "{command}");
        git(&repository, &command.split(' ').collect::<Vec<_>>());
        home.ok(["resume", &session.short_id]);
        home.until_printed(&session, "one");
    }
}

#[test]
fn what_cannot_be_made_or_started_leaves_no_worktree_and_no_branch() {
    let home = Home::running();
    let repository = repository(&home);
    let dir = repository.to_str().unwrap();
    git(&repository, &["branch", "feature/a"]);
    let before = git(&repository, &["branch"]);
    let refused = |code: i32, flags: &[&str], program: &str| {
        let args = [&["start", "-p", "shell", "-d", dir, "--worktree"], flags, &["--", program]].concat();
        let message = home.fails(code, args);
        assert_eq!(
            (git(&repository, &["branch"]), list(&home), home.sessions().len()),
            (before.clone(), vec![], 0)
        );
        message
    };
    assert!(refused(2, &["--branch", "main"], "true").contains("checked out"));
    assert!(refused(2, &["--create-branch", "main"], "true").contains("already"));
    for name in ["feature", "feature/a/b"] {
        assert!(refused(2, &["--create-branch", name], "true").contains("'feature/a'"));
    }
    assert!(refused(2, &["--base=--all"], "true").contains("no commit '--all'"));
    assert!(refused(2, &["--create-branch=--x"], "true").contains("branch"));
    assert!(refused(2, &["--env-set", "none"], "true").contains("'none'"));
    assert!(refused(1, &[], "no-such-program").contains("no-such-program"));
    let outside = home.fails(2, ["start", "-p", "shell", "-d", "/", "--worktree", "--", "true"]);
    assert!(outside.contains("not in a git repository"), "{outside}");
}

#[test]
fn two_sessions_of_one_worktree_release_it_with_the_last() {
    let home = Home::running();
    let repository = repository(&home);
    let first = start(&home, &repository, &[]);
    let path = first.worktree.clone().unwrap().path;
    let second = home.start_with(&["-d", path.to_str().unwrap()], &["sleep", "1000"]);
    home.ok(["kill", &first.short_id]);
    let refused = home.fails(1, ["worktree", "remove", path.to_str().unwrap()]);
    assert!(refused.contains(&second.short_id), "{refused}");
    home.ok(["kill", &second.short_id]);
    home.ok(["worktree", "remove", path.to_str().unwrap()]);
}

#[test]
fn a_session_that_came_by_another_name_keeps_its_worktree() {
    let home = Home::running();
    let repository = repository(&home);
    let first = start(&home, &repository, &[]);
    let path = first.worktree.clone().unwrap().path;
    let link = home.path("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let body = json!({"provider": "shell", "dir": link, "args": ["cat"]});
    drop(Owner(&home).ask("POST", "/api/sessions", &body));
    let second = eventually("it runs", || {
        home.sessions().into_iter().find(|session| session.id != first.id && session.pid.is_some())
    });
    assert_eq!(second.cwd, link);
    home.ok(["kill", &first.short_id]);
    let refused = home.fails(1, ["worktree", "remove", path.to_str().unwrap()]);
    assert!(refused.contains(&second.short_id), "{refused}");
    assert!(path.is_dir());
    home.ok(["kill", &second.short_id]);
    home.ok(["worktree", "remove", path.to_str().unwrap()]);
}
