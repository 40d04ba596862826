//! Removals that fail half-way.

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
