//! Repositories whose git directory is not in the main work tree.

use super::*;

/// One whose `.git` is a file that names the git directory, or a link to it.
fn bed(is_link: bool) -> (Bed, PathBuf) {
    let bed = Bed::new();
    bed.git(&["config", "user.name", "x"]);
    bed.git(&["config", "user.email", "x@example.org"]);
    fs::create_dir(bed.dir.path().join("store")).unwrap();
    let store = bed.dir.path().canonicalize().unwrap().join("store/x.git");
    if is_link {
        fs::rename(bed.repository().join(".git"), &store).unwrap();
        std::os::unix::fs::symlink(&store, bed.repository().join(".git")).unwrap();
    } else {
        bed.git(&["init", "-q", "--separate-git-dir", store.to_str().unwrap()]);
    }
    (bed, store)
}

#[test]
fn the_branch_of_a_work_tree_that_cannot_be_found_stays() {
    for is_link in [false, true] {
        let (bed, store) = bed(is_link);
        bed.git(&["branch", "other"]);
        let worktree = with_commits(&bed);
        let state = list(&bed.home()).remove(0);
        assert_eq!((state.repository, state.into.as_deref()), (Some(store.clone()), Some("main")));
        assert_eq!((state.ahead, state.behind), (Some(2), Some(0)));
        for (squash, into) in [(false, None), (true, None), (false, Some("main"))] {
            let problem = merged(&worktree, squash, into).unwrap_err();
            let said = problem.detail.contains("main is checked out in a directory that");
            assert!(said && problem.detail.contains("use git itself"), "{problem:?}");
            assert_eq!(problem.code, Code::Invalid);
        }
        assert_eq!(bed.git(&["rev-parse", "main"]), bed.git(&["rev-parse", "topic~2"]));
        assert_eq!(bed.git(&["status", "--porcelain"]), "");
        // One that is checked out nowhere is merged into.
        assert_eq!(merged(&worktree, false, Some("other")).unwrap().commits, 2);
        // Nor while it is rebased there.
        bed.write("one", "mine");
        bed.commit("mine");
        let mut rebase = Command::new("git");
        rebase
            .args(["rebase", "-q", "topic"])
            .current_dir(bed.repository())
            .stderr(std::process::Stdio::null());
        assert!(!rebase.status().unwrap().success());
        assert!(merged(&worktree, false, Some("main")).unwrap_err().detail.contains("use git itself"));
    }
}

#[test]
fn where_a_branch_is_checked_out_is_said_as_well_as_it_is_known() {
    for is_link in [false, true] {
        let (bed, store) = bed(is_link);
        let path = bed.made(create("topic"));
        let repository = bed.repository().canonicalize().unwrap();
        let refused = bed.refused(on("main"));
        assert!(refused.contains(&format!("checked out in {}", repository.display())), "{refused}");
        let inside = make(&bed.home(), &path, &on("main"), "").err().unwrap().detail;
        assert!(inside.contains(&format!("checked out in {}", store.display())), "{inside}");
        // Whoever is removed has no need of the main work tree.
        bed.remove(&path, false).unwrap();
        assert_eq!(bed.git(&["worktree", "list"]).lines().count(), 1);
    }
}

#[test]
fn the_branch_of_a_worktree_that_was_moved_stays() {
    let bed = Bed::new();
    bed.git(&["branch", "other"]);
    let worktree = with_commits(&bed);
    let other = bed.dir.path().join("other");
    bed.git(&["worktree", "add", "-q", other.to_str().unwrap(), "other"]);
    let moved = bed.dir.path().join("moved");
    fs::rename(&other, &moved).unwrap();
    let problem = merged(&worktree, false, Some("other")).unwrap_err();
    let said = problem
        .detail
        .contains(&format!("checked out in {}", other.canonicalize().unwrap_or(other).display()));
    assert!(said && problem.detail.contains("git worktree repair"), "{problem:?}");
    assert_eq!(git(&moved, &["status", "--porcelain"]), "");
    bed.git(&["worktree", "repair", moved.to_str().unwrap()]);
    assert_eq!(merged(&worktree, false, Some("other")).unwrap().commits, 2);
    assert_eq!(fs::read_to_string(moved.join("one")).unwrap(), "one");
}
