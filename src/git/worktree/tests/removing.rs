//! Removals that fail half-way, and repositories in what git ignores.

use std::os::unix::fs::{PermissionsExt, chown};

use nix::unistd::{Uid, setfsuid};

use super::super::remove::clear;
use super::*;

const NOBODY: u32 = 65534;

/// Permissions are nothing to root: it does this as somebody else.
fn with_permissions<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    let act = || {
        if Uid::effective().is_root() {
            setfsuid(Uid::from_raw(NOBODY));
        }
        act()
    };
    std::thread::scope(|scope| scope.spawn(act).join().unwrap())
}

/// A worktree with a directory `target/mod` that git ignores and that nobody may write to.
fn with_locked(bed: &Bed) -> PathBuf {
    let path = bed.made(create("work"));
    let dir = path.join("target/mod/cache");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("x.go"), "x").unwrap();
    let done = Command::new("chmod").args(["-R", "a+rwX"]).arg(bed.dir.path()).status().unwrap();
    assert!(done.success());
    for dir in [dir.as_path(), dir.parent().unwrap()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o555)).unwrap();
        if Uid::effective().is_root() {
            chown(dir, Some(NOBODY), None).unwrap();
        }
    }
    path
}

#[test]
fn directories_that_nobody_may_write_to_are_removed() {
    let bed = Bed::new();
    let path = with_locked(&bed);
    assert!(with_permissions(|| fs::remove_dir_all(path.join("target"))).is_err());
    with_permissions(|| clear(&path, &["target/".into()])).unwrap();
    assert!(!path.exists());
}

#[test]
fn what_cannot_be_removed_is_named_and_can_be_tried_again() {
    // Nobody else can make a directory that its owner cannot change.
    if !Uid::effective().is_root() {
        return;
    }
    let bed = Bed::new();
    let path = with_locked(&bed);
    fs::write(path.join("target/file"), "x").unwrap();
    chown(path.join("target/mod/cache"), Some(0), None).unwrap();
    let problem = with_permissions(|| clear(&path, &["target/".into()])).unwrap_err();
    assert!(problem.detail.contains("target") && problem.detail.contains("ermission"), "{problem}");
    assert!(path.join("target/mod/cache/x.go").exists());
    assert_eq!(git(&path, &["status", "--porcelain"]), "");
    assert_eq!(bed.unsaved(&path).next, Some(Next::DeleteIgnored { worktree: path.display().to_string() }));
    bed.remove(&path, true).unwrap();
    assert!(!path.exists());
    assert_eq!(bed.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn work_of_repositories_in_what_is_ignored_is_kept() {
    let bed = Bed::new();
    let path = bed.made(create("work"));
    let inner = path.join("target/deep/inner");
    fs::create_dir_all(&inner).unwrap();
    let refused = |what: &str| {
        let problem = bed.remove(&path, true).unwrap_err();
        let named = problem.detail.contains(inner.to_str().unwrap()) && problem.detail.contains(what);
        assert!(problem.code == Code::UnsavedWork && named, "{problem} {what}");
        assert!(bed.unsaved(&path).detail.contains(what));
    };
    let origin = bed.repository();
    let clone = |args: &[&str]| {
        fs::remove_dir_all(&inner).unwrap();
        let (from, to) = (format!("file://{}", origin.display()), inner.to_str().unwrap());
        bed.git(&[&["clone", "-q"], args, &[&from, to]].concat());
    };
    clone(&[]);
    fs::write(inner.join("new"), "").unwrap();
    refused("uncommitted changes: new");
    git(&inner, &["add", "-A"]);
    git(&inner, &["commit", "-qm", "new"]);
    refused("commits that are nowhere else (1)");
    git(&inner, &["checkout", "-q", "--detach"]);
    git(&inner, &["branch", "-qD", "main"]);
    refused("commits that are nowhere else (1)");
    git(&inner, &["push", "-q", "origin", "HEAD:refs/heads/pushed"]);
    fs::write(inner.join("new"), "aside").unwrap();
    git(&inner, &["stash", "-q"]);
    refused("commits that are nowhere else");
    // One that was begun there has no other place.
    fs::remove_dir_all(&inner).unwrap();
    git(&path, &["init", "-q", inner.to_str().unwrap()]);
    git(&inner, &["commit", "-q", "--allow-empty", "-m", "x"]);
    git(&inner, &["tag", "v1"]);
    refused("commits that are nowhere else (1)");
    // A worktree, of this repository or of another.
    fs::remove_dir_all(&inner).unwrap();
    git(&path, &["worktree", "add", "-q", "-b", "inner", inner.to_str().unwrap()]);
    fs::write(inner.join("sub/file"), "changed").unwrap();
    refused("uncommitted changes: sub/file");
    git(&inner, &["checkout", "-q", "--detach"]);
    git(&inner, &["commit", "-qam", "loose"]);
    refused("commits that are nowhere else (1)");
    git(&inner, &["branch", "-q", "found"]);
    fs::write(inner.join(".git"), "gitdir: /nowhere\n").unwrap();
    refused("git cannot tell");
    // What is elsewhere, too, goes.
    bed.git(&["tag", "v1"]);
    clone(&["--depth=1", "--branch=v1", "-c", "advice.detachedHead=false"]);
    bed.remove(&path, true).unwrap();
    bed.git(&["rev-parse", "found"]);
}
