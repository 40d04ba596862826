//! Merges that fail half-way, or that must not begin.

use super::super::check_out::CheckOut;
use super::*;

/// A repository that knows who commits, and a worktree of the branch `topic`.
fn bed() -> (Bed, Worktree) {
    let bed = Bed::new();
    bed.git(&["config", "user.name", "x"]);
    bed.git(&["config", "user.email", "x@example.org"]);
    let made = bed.make(create("topic")).map_err(|problem| problem.detail).unwrap();
    (bed, made.worktree)
}

fn commit_in(worktree: &Worktree) {
    git(&worktree.path, &["add", "-A"]);
    git(&worktree.path, &["commit", "-qm", "more"]);
}

/// The target as git sees it, to the byte.
fn target(bed: &Bed) -> (String, String, String) {
    let files = "find . -path ./.git -prune -o -type f -exec sha1sum {} + | sort";
    let files = Command::new("sh").args(["-c", files]).current_dir(bed.repository()).output().unwrap();
    let status = bed.git(&["status", "--porcelain", "--ignored"]);
    (bed.git(&["rev-parse", "main"]), status, String::from_utf8(files.stdout).unwrap())
}

#[test]
fn files_in_a_directory_that_becomes_a_file_are_in_the_way() {
    for (kept, ignored) in [(".env", true), ("draft", false)] {
        let (bed, worktree) = bed();
        fs::remove_dir_all(worktree.path.join("sub")).unwrap();
        for name in ["sub", "a", "new"] {
            fs::write(worktree.path.join(name), name).unwrap();
        }
        commit_in(&worktree);
        bed.write(&format!("sub/{kept}"), "mine");
        let before = target(&bed);
        assert_eq!(before.1.contains("!!"), ignored, "{before:?}");
        let problem = merged(&worktree, false, None).unwrap_err();
        assert_eq!(problem.code, Code::UnsavedWork);
        assert!(problem.detail.contains(&format!("becomes a file: sub/{kept}; move")), "{problem:?}");
        assert_eq!(target(&bed), before);
        fs::remove_file(bed.repository().join("sub").join(kept)).unwrap();
        merged(&worktree, false, None).unwrap();
        assert_eq!(bed.git(&["status", "--porcelain"]), "");
    }
}

#[test]
fn a_checkout_that_fails_is_undone() {
    let (bed, worktree) = bed();
    for name in ["a", "b/c", "sub/other", "z"] {
        fs::create_dir_all(bed.repository().join(name).parent().unwrap()).unwrap();
        bed.write(name, "one\n");
    }
    bed.commit("files");
    git(&worktree.path, &["reset", "-q", "--hard", "main"]);
    // Changed, new, in a new directory, gone, a directory for a file, and a file for a directory.
    fs::write(worktree.path.join("a"), "two\n").unwrap();
    fs::create_dir_all(worktree.path.join("new/deep")).unwrap();
    fs::write(worktree.path.join("new/deep/file"), "two\n").unwrap();
    fs::remove_file(worktree.path.join("sub/other")).unwrap();
    fs::remove_file(worktree.path.join("z")).unwrap();
    fs::create_dir(worktree.path.join("z")).unwrap();
    fs::write(worktree.path.join("z/file"), "two\n").unwrap();
    fs::remove_dir_all(worktree.path.join("b")).unwrap();
    fs::write(worktree.path.join("b"), "two\n").unwrap();
    git(&worktree.path, &["add", "-A"]);
    // No file system takes this name.
    let blob = bed.git(&["rev-parse", "main:a"]);
    let entry = format!("100644,{blob},{}", "~".repeat(300));
    git(&worktree.path, &["update-index", "--add", "--cacheinfo", &entry]);
    git(&worktree.path, &["commit", "-qm", "more"]);
    let tip = |name: &str| git2::Oid::from_str(&bed.git(&["rev-parse", name])).unwrap();
    let there = Repository::open(bed.repository()).unwrap();
    let before = target(&bed);
    let files = CheckOut::new(&there, tip("main"), tip("topic")).unwrap();
    let problem = files.write().unwrap_err();
    assert!(problem.detail.contains("check the merged files out"), "{problem:?}");
    assert_eq!(target(&bed), before);
    assert!(!bed.repository().join("new").exists());
}

#[test]
fn a_file_that_somebody_writes_meanwhile_stays_and_is_named() {
    let (bed, worktree) = bed();
    bed.write("a", "one\n");
    bed.write("b", "one\n");
    bed.commit("files");
    git(&worktree.path, &["reset", "-q", "--hard", "main"]);
    for name in ["a", "b", "c"] {
        fs::write(worktree.path.join(name), "two\n").unwrap();
    }
    commit_in(&worktree);
    let tip = |name: &str| git2::Oid::from_str(&bed.git(&["rev-parse", name])).unwrap();
    let there = Repository::open(bed.repository()).unwrap();
    let files = CheckOut::new(&there, tip("main"), tip("topic")).unwrap();
    files.write().unwrap();
    bed.write("a", "mine\n");
    let problem = files.undo(&git2::Error::from_str("no space")).unwrap();
    assert!(problem.detail.contains("(no space)") && problem.detail.contains("were: a; see"), "{problem:?}");
    assert_eq!(bed.git(&["status", "--porcelain"]), "M a");
    assert_eq!(fs::read_to_string(bed.repository().join("a")).unwrap(), "mine\n");
    bed.write("a", "one\n");
    assert_eq!(bed.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_lock_that_is_taken_during_the_checkout_leaves_nothing_half_merged() {
    let (bed, worktree) = bed();
    for number in 0..300 {
        fs::write(worktree.path.join(format!("f{number:03}")), "two\n").unwrap();
    }
    commit_in(&worktree);
    let before = target(&bed);
    let lock = bed.repository().join(".git/index.lock");
    let problem = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !bed.repository().join("f000").exists() {}
            fs::write(&lock, "").unwrap();
        });
        merged(&worktree, false, None).unwrap_err()
    });
    assert_eq!(problem.code, Code::GitInUse);
    assert!(problem.detail.contains("nothing was changed"), "{problem:?}");
    fs::remove_file(&lock).unwrap();
    assert_eq!(target(&bed), before);
    merged(&worktree, false, None).unwrap();
}

#[test]
fn a_branch_that_cannot_be_moved_leaves_its_files() {
    let (bed, worktree) = bed();
    fs::write(worktree.path.join("sub/file"), "two").unwrap();
    commit_in(&worktree);
    let before = target(&bed);
    let log = bed.repository().join(".git/logs/refs/heads/main");
    fs::remove_file(&log).unwrap();
    fs::create_dir_all(log.join("x")).unwrap();
    fs::write(log.join("x/y"), "").unwrap();
    merged(&worktree, false, None).unwrap_err();
    assert_eq!(target(&bed), before);
}

#[test]
fn a_branch_that_is_rebased_is_left_to_git() {
    let (bed, worktree) = bed();
    fs::write(worktree.path.join("new"), "").unwrap();
    commit_in(&worktree);
    bed.git(&["branch", "up"]);
    bed.write("sub/file", "main");
    bed.git(&["commit", "-qam", "main"]);
    bed.git(&["checkout", "-q", "up"]);
    bed.write("sub/file", "up");
    bed.git(&["commit", "-qam", "up"]);
    bed.git(&["checkout", "-q", "main"]);
    let mut rebase = Command::new("git");
    rebase.arg("-C").arg(bed.repository()).args(["rebase", "-q", "up"]);
    assert!(!rebase.output().unwrap().status.success());
    let before = bed.git(&["rev-parse", "main"]);
    let problem = merged(&worktree, false, Some("main")).unwrap_err();
    assert!(problem.detail.contains("main is being rebased in"), "{problem:?}");
    assert_eq!(bed.git(&["rev-parse", "main"]), before);
}

#[test]
fn histories_that_never_met_are_left_to_git() {
    let (bed, worktree) = bed();
    git(&worktree.path, &["checkout", "-q", "--orphan", "fresh"]);
    git(&worktree.path, &["rm", "-rqf", "."]);
    fs::write(worktree.path.join("other"), "").unwrap();
    commit_in(&worktree);
    let before = target(&bed);
    for squash in [false, true] {
        let problem = merged(&worktree, squash, None).unwrap_err();
        assert!(problem.detail.contains("no commit in common"), "{problem:?}");
    }
    assert_eq!(target(&bed), before);
}

#[test]
fn what_was_squashed_is_not_squashed_again() {
    let (bed, worktree) = bed();
    fs::write(worktree.path.join("new"), "").unwrap();
    git(&worktree.path, &["add", "-A"]);
    let message = "one\n\nWhy it is so.\n\nCo-authored-by: Y <y@example.org>";
    git(&worktree.path, &["commit", "-qm", message]);
    assert_eq!(merged(&worktree, true, None).unwrap().commits, 1);
    assert_eq!(bed.git(&["log", "-1", "--format=%B"]), message);
    let before = bed.git(&["rev-parse", "main"]);
    let again = merged(&worktree, true, None).unwrap();
    assert_eq!((again.commits, again.commit.as_str()), (0, before.as_str()));
    assert_eq!(bed.git(&["rev-parse", "main"]), before);
}

#[test]
fn what_is_not_checked_out_is_no_change() {
    let (bed, worktree) = bed();
    bed.write("in", "1");
    bed.git(&["add", "-A"]);
    bed.git(&["commit", "-qm", "in"]);
    git(&worktree.path, &["reset", "-q", "--hard", "main"]);
    fs::write(worktree.path.join("in"), "2").unwrap();
    commit_in(&worktree);
    let only_in = ["sparse-checkout", "set", "--no-cone", "/in"];
    bed.git(&only_in);
    git(&worktree.path, &only_in);
    merged(&worktree, false, None).unwrap();
    assert_eq!(bed.git(&["status", "--porcelain"]), "");
    assert_eq!(fs::read_to_string(bed.repository().join("in")).unwrap(), "2");
    assert!(!bed.repository().join("sub").exists());
    // What the target does not have is not written there.
    git(&worktree.path, &["sparse-checkout", "disable"]);
    fs::write(worktree.path.join("sub/file"), "2").unwrap();
    commit_in(&worktree);
    let problem = merged(&worktree, false, None).unwrap_err();
    assert!(problem.detail.contains("sub/file is not checked out in"), "{problem:?}");
    git(&worktree.path, &only_in);
    bed.remove(&worktree.path, false).unwrap();
}

#[test]
fn a_merge_is_by_whom_git_would_say() {
    let (bed, worktree) = bed();
    bed.git(&["config", "author.name", "a"]);
    bed.git(&["config", "committer.email", "c@example.org"]);
    fs::write(worktree.path.join("new"), "new").unwrap();
    commit_in(&worktree);
    bed.write("other", "other");
    bed.commit("other");
    merged(&worktree, false, None).unwrap();
    let people = "a <x@example.org> x <c@example.org>";
    assert_eq!(bed.git(&["log", "-1", "--format=%an <%ae> %cn <%ce>", "main"]), people);
    // Git's library cannot tell who that is.
    let condition = "includeIf.hasconfig:remote.*.url:https://example.org/**.path";
    bed.git(&["config", condition, "work"]);
    fs::write(worktree.path.join("new"), "newer").unwrap();
    commit_in(&worktree);
    let before = target(&bed);
    for squash in [false, true] {
        let problem = merged(&worktree, squash, None).unwrap_err();
        assert!(problem.code == Code::Invalid && problem.detail.contains("hasconfig"), "{problem:?}");
        assert_eq!(target(&bed), before);
    }
    // It makes no commit of its own.
    git(&worktree.path, &["merge", "-q", "main"]);
    assert!(merged(&worktree, false, None).unwrap().fast_forward);
}
