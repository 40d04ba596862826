use std::process::Command;

use super::*;

mod as_git;
mod elsewhere;
mod merging;
mod removing;

/// A repository with one commit, and a place for worktrees.
struct Bed {
    dir: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(bed.repository()).unwrap();
        bed.git(&["init", "-q", "-b", "main"]);
        fs::create_dir(bed.repository().join("sub")).unwrap();
        bed.write("sub/file", "one");
        bed.write(".gitignore", "target\n.env\n");
        bed.commit("first");
        bed
    }

    fn repository(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("worktrees")
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.repository().join(name), content).unwrap();
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.repository(), args)
    }

    fn commit(&self, what: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", what]);
    }

    fn make(&self, wanted: NewWorktree) -> Result<Made, Problem> {
        make(&self.home(), &self.repository(), &wanted, "a1b2c3d4")
    }

    fn made(&self, wanted: NewWorktree) -> PathBuf {
        self.make(wanted).map_err(|problem| problem.detail).unwrap().worktree.path
    }

    /// Why it cannot be made; and nothing was.
    fn refused(&self, wanted: NewWorktree) -> String {
        self.problem(wanted).detail
    }

    fn problem(&self, wanted: NewWorktree) -> Problem {
        let before = (self.git(&["branch"]), list(&self.home()).len());
        let problem = self.make(wanted).err().unwrap();
        assert_eq!((self.git(&["branch"]), list(&self.home()).len()), before);
        assert_eq!(problem.code, Code::Invalid);
        problem
    }

    fn remove(&self, path: &Path, ignored: bool) -> Result<WorktreeRemoved, Problem> {
        let id = list(&self.home()).into_iter().find(|state| state.path == path).unwrap().id;
        remove(&self.home(), &id, RemoveWorktree { ignored })
    }

    /// Why it is not removed; and everything is there as before.
    fn kept(&self, path: &Path) -> String {
        self.unsaved(path).detail
    }

    fn unsaved(&self, path: &Path) -> Problem {
        let files = || Command::new("find").arg(path).arg("-ls").output().unwrap().stdout;
        let before = files();
        let problem = self.remove(path, false).unwrap_err();
        assert_eq!(problem.code, Code::UnsavedWork);
        assert!(files() == before);
        problem
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"]);
    let output = command.arg("-C").arg(dir).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn create(name: &str) -> NewWorktree {
    NewWorktree { create_branch: Some(name.to_owned()), ..NewWorktree::default() }
}

fn on(name: &str) -> NewWorktree {
    NewWorktree { branch: Some(name.to_owned()), ..NewWorktree::default() }
}

fn from(base: &str) -> NewWorktree {
    NewWorktree { base: Some(base.to_owned()), ..NewWorktree::default() }
}

#[test]
fn a_worktree_is_made_beside_a_dirty_one_and_says_what_it_lacks() {
    let bed = Bed::new();
    bed.write("sub/file", "two");
    bed.write("new", "");
    bed.write(".env", "SECRET=1");
    fs::create_dir_all(bed.repository().join("target/debug")).unwrap();
    bed.write("target/debug/x", "");
    // git knows no directories without files.
    fs::create_dir_all(bed.repository().join("src/empty")).unwrap();
    let made = make(&bed.home(), &bed.repository().join("sub"), &NewWorktree::default(), "a1b2c3d4");
    let Made { worktree, cwd } = made.map_err(|problem| problem.detail).unwrap();
    assert_eq!((worktree.branch.as_str(), worktree.base.as_deref()), ("codepiper/a1b2c3d4", Some("main")));
    assert_eq!(worktree.repository, bed.repository().canonicalize().unwrap());
    assert_eq!(worktree.uncommitted, 2);
    assert_eq!(worktree.ignored, [PathBuf::from(".env"), "target/".into()]);
    assert_eq!(cwd, worktree.path.join("sub"));
    assert_eq!(fs::read_to_string(cwd.join("file")).unwrap(), "one");
    assert!(!worktree.path.join(".env").exists());
    assert!(worktree.path.starts_with(bed.home()) && worktree.path.ends_with("codepiper-a1b2c3d4"));
    // git itself agrees, and the other one is as it was.
    assert_eq!(git(&worktree.path, &["status", "--porcelain"]), "");
    assert!(bed.git(&["worktree", "list"]).contains("[codepiper/a1b2c3d4]"));
    assert_eq!(fs::read_to_string(bed.repository().join("sub/file")).unwrap(), "two");
}

#[test]
fn branches_are_new_or_there_and_in_one_place() {
    let bed = Bed::new();
    bed.git(&["branch", "there"]);
    bed.git(&["tag", "v1"]);
    bed.write("sub/file", "two");
    bed.commit("second");
    let there = bed.made(on("there"));
    assert_eq!(fs::read_to_string(there.join("sub/file")).unwrap(), "one");
    let said = bed.refused(on("there"));
    assert!(said.contains("checked out in") && said.contains(there.to_str().unwrap()), "{said}");
    assert!(bed.refused(on("main")).contains(bed.repository().to_str().unwrap()));
    let created = Next::CreateBranch { branch: "none".into(), base: None };
    assert_eq!(bed.problem(on("none")).next, Some(created));
    assert_eq!(bed.problem(create("there")).next, Some(Next::UseBranch { branch: "there".into() }));
    for base in ["v1", "there", "main~1", &bed.git(&["rev-parse", "--short", "HEAD~1"])] {
        let name = format!("from/{}", base.replace('~', "-"));
        let made = bed.made(NewWorktree { base: Some(base.into()), ..create(&name) });
        assert_eq!(fs::read_to_string(made.join("sub/file")).unwrap(), "one", "{base}");
    }
    // Two branches whose names would be one name of a directory.
    let (one, other) = (bed.made(create("a/b")), bed.made(create("a-b")));
    assert!(one.ends_with("a-b") && other.ends_with("a-b-2"), "{}", other.display());
    // From within a worktree: the base is what is checked out there.
    let inside = make(&bed.home(), &there, &create("inside"), "").map_err(|problem| problem.detail).unwrap();
    assert_eq!(inside.worktree.base.as_deref(), Some("there"));
    assert_eq!(fs::read_to_string(inside.cwd.join("sub/file")).unwrap(), "one");
}

#[test]
fn what_is_no_branch_and_no_commit_is_refused() {
    let bed = Bed::new();
    for bad in ["", "-x", "--upload-pack=x", "a..b", "a b", "a:b", "x.lock", "refs/heads/x", "HEAD", "a\0b"] {
        assert!(bed.refused(create(bad)).contains("branch"), "{bad}");
        assert!(bed.refused(on(bad)).contains("branch"), "{bad}");
    }
    for bad in ["", "-x", "--all", "none", ":/first", "main:sub", "@{-1}", "main^{tree}", "HEAD~9", "a\0b"] {
        assert!(bed.refused(from(bad)).contains("no commit '"), "{bad}");
    }
    // One that git cannot make beside another one.
    bed.git(&["branch", "a/b"]);
    for bad in ["a", "a/b/c"] {
        assert!(bed.refused(create(bad)).contains("'a/b'"), "{bad}");
    }
    assert_eq!(list(&bed.home()).len(), 0);
    // No repository, none with a commit, and a directory that is not in the commit.
    let none = tempfile::tempdir().unwrap();
    let refused = |dir: &Path| make(&bed.home(), dir, &create("x"), "").err().unwrap().detail;
    assert!(refused(none.path()).contains("not in a git repository"));
    git(none.path(), &["init", "-q"]);
    assert!(refused(none.path()).contains("no commits yet"));
    fs::create_dir(bed.repository().join("fresh")).unwrap();
    assert!(refused(&bed.repository().join("fresh")).contains("no committed files"));
}

#[test]
fn a_repository_in_a_repository_and_a_bare_one_have_their_own() {
    let bed = Bed::new();
    let inner = bed.repository().join("inner");
    fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "-q", "-b", "trunk"]);
    git(&inner, &["commit", "-qm", "x", "--allow-empty"]);
    let made =
        make(&bed.home(), &inner, &NewWorktree::default(), "1").map_err(|problem| problem.detail).unwrap();
    assert_eq!(made.worktree.base.as_deref(), Some("trunk"));
    assert_eq!(made.worktree.repository, inner.canonicalize().unwrap());
    bed.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = bed.dir.path().join("bare.git");
    let made = make(&bed.home(), &bare, &create("x"), "").map_err(|problem| problem.detail).unwrap();
    assert!(made.cwd.join("sub/file").exists());
    bed.remove(&made.worktree.path, false).unwrap();
    assert_eq!(git(&bare, &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn nothing_that_is_nowhere_else_is_removed() {
    let bed = Bed::new();
    let path = bed.made(create("work"));
    let file = path.join("sub/file");
    fs::write(&file, "changed").unwrap();
    assert!(bed.kept(&path).contains("sub/file"));
    git(&path, &["add", "-A"]);
    assert!(bed.kept(&path).contains("sub/file"), "staged");
    git(&path, &["reset", "-q", "--hard"]);
    fs::write(path.join("new"), "").unwrap();
    assert!(bed.kept(&path).contains("new"), "untracked");
    fs::remove_file(path.join("new")).unwrap();
    // git is told not to look, and looks.
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        git(&path, &["update-index", flag, "sub/file"]);
        fs::write(&file, "hidden").unwrap();
        assert!(bed.kept(&path).contains("sub/file"), "{flag}");
        fs::write(&file, "one").unwrap();
        git(&path, &["update-index", &flag.replace("--", "--no-"), "sub/file"]);
    }
    // A repository that an agent cloned into it.
    fs::create_dir(path.join("clone")).unwrap();
    git(&path.join("clone"), &["init", "-q"]);
    fs::write(path.join("clone/x"), "").unwrap();
    assert!(bed.kept(&path).contains("clone"));
    fs::remove_dir_all(path.join("clone")).unwrap();
    // What is ignored goes only when that was said.
    fs::write(path.join(".env"), "SECRET=1").unwrap();
    let unsaved = bed.unsaved(&path);
    let worktree = path.display().to_string();
    assert!(unsaved.detail.contains(".env"), "{unsaved}");
    assert_eq!(unsaved.next, Some(Next::DeleteIgnored { worktree }));
    // Commits without a branch.
    git(&path, &["checkout", "-q", "--detach"]);
    git(&path, &["commit", "-qm", "loose", "--allow-empty"]);
    assert!(bed.kept(&path).contains("on no branch"));
    git(&path, &["checkout", "-q", "work"]);
    // Somebody else's lock.
    bed.git(&["worktree", "lock", "--reason", "mine", path.to_str().unwrap()]);
    assert!(bed.remove(&path, true).unwrap_err().detail.contains("locked: mine"));
    bed.git(&["worktree", "unlock", path.to_str().unwrap()]);
    let removed = bed.remove(&path, true).unwrap();
    assert_eq!(removed.kept_branch.as_deref(), Some("work"));
    assert!(!path.exists() && list(&bed.home()).is_empty());
    assert_eq!(bed.git(&["worktree", "list"]).lines().count(), 1);
    bed.git(&["rev-parse", "work"]);
}

#[test]
fn a_branch_that_nobody_named_goes_when_it_has_nothing() {
    let bed = Bed::new();
    let path = bed.made(NewWorktree::default());
    assert!(!list(&bed.home())[0].keeps_branch);
    assert_eq!(bed.remove(&path, false).unwrap().kept_branch, None);
    assert_eq!(bed.git(&["branch", "--format=%(refname:short)"]), "main");
    let path = bed.made(NewWorktree::default());
    git(&path, &["commit", "-qm", "mine", "--allow-empty"]);
    assert_eq!((list(&bed.home())[0].unpushed, list(&bed.home())[0].keeps_branch), (1, true));
    assert_eq!(bed.remove(&path, false).unwrap().kept_branch.as_deref(), Some("codepiper/a1b2c3d4"));
    bed.git(&["rev-parse", "codepiper/a1b2c3d4"]);
}

#[test]
fn a_branch_that_somebody_named_stays_whatever_its_name_is() {
    let bed = Bed::new();
    bed.git(&["branch", "codepiper/0a1b2c3d"]);
    for wanted in [on("codepiper/0a1b2c3d"), create("codepiper/mine"), create("codepiper/ffffffff")] {
        let name = wanted.branch.clone().or(wanted.create_branch.clone());
        let path = bed.made(wanted);
        assert_eq!(bed.remove(&path, false).unwrap().kept_branch, name);
        bed.git(&["rev-parse", &name.unwrap()]);
    }
    // Nor is one that was made for it, and then exchanged for another.
    let path = bed.made(NewWorktree::default());
    git(&path, &["checkout", "-q", "codepiper/mine"]);
    assert_eq!(bed.remove(&path, false).unwrap().kept_branch.as_deref(), Some("codepiper/mine"));
}

#[test]
fn a_stash_keeps_no_branch() {
    let bed = Bed::new();
    for detached in [false, true] {
        let path = bed.made(NewWorktree::default());
        if detached {
            git(&path, &["checkout", "-q", "--detach"]);
        }
        git(&path, &["commit", "-qm", "mine", "--allow-empty"]);
        fs::write(path.join("sub/file"), "aside").unwrap();
        git(&path, &["stash"]);
        if detached {
            assert!(bed.kept(&path).contains("on no branch (1)"));
            continue;
        }
        assert_eq!(list(&bed.home())[0].unpushed, 1);
        let branch = bed.remove(&path, false).unwrap().kept_branch.unwrap();
        assert_eq!(bed.git(&["log", "-1", "--format=%s", &branch]), "mine");
        bed.git(&["branch", "-D", &branch]);
    }
}

#[test]
fn merges_and_filled_submodules_and_lost_repositories_are_left_alone() {
    let bed = Bed::new();
    bed.git(&["init", "-q", "../other"]);
    let other = bed.dir.path().join("other");
    git(&other, &["commit", "-qm", "x", "--allow-empty"]);
    bed.git(&["submodule", "--quiet", "add", other.to_str().unwrap(), "module"]);
    bed.commit("a submodule");
    let made = bed.make(create("work")).map_err(|problem| problem.detail).unwrap();
    assert_eq!(made.worktree.submodules, [PathBuf::from("module")]);
    let path = made.worktree.path;
    git(&path, &["submodule", "--quiet", "update", "--init"]);
    assert!(bed.kept(&path).contains("submodule module"));
    git(&path, &["submodule", "--quiet", "deinit", "--force", "module"]);
    git(&path, &["merge", "-q", "--no-commit", "--no-ff", "main"]);
    git(&path, &["commit", "-qm", "mine", "--allow-empty"]);
    bed.git(&["commit", "-qm", "other", "--allow-empty"]);
    git(&path, &["merge", "-q", "--no-commit", "--no-ff", "main"]);
    assert!(bed.kept(&path).contains("merge"));
    fs::rename(bed.repository(), bed.dir.path().join("moved")).unwrap();
    assert!(list(&bed.home())[0].problem.as_deref().unwrap().contains("cannot tell"));
    assert!(bed.kept(&path).contains("remove it yourself"));
}

#[test]
fn a_lease_keeps_git_from_removing_it() {
    let bed = Bed::new();
    let path = bed.made(create("work"));
    lease(&path, "session a1b2c3d4");
    lease(&path, "session ffffffff");
    assert!(bed.git(&["worktree", "list", "--porcelain"]).contains("locked codepiper: session a1b2c3d4"));
    release(&path);
    assert!(!bed.git(&["worktree", "list", "--porcelain"]).contains("locked"));
    bed.git(&["worktree", "lock", path.to_str().unwrap()]);
    release(&path);
    assert!(bed.git(&["worktree", "list", "--porcelain"]).contains("locked"));
}

#[test]
fn an_id_cannot_leave_the_place_of_the_worktrees() {
    let bed = Bed::new();
    bed.made(create("work"));
    for id in ["", "/", "../repo", "repo", "../../etc", "x/../../repo"] {
        let problem = remove(&bed.home(), id, RemoveWorktree { ignored: true }).unwrap_err();
        assert_eq!(problem.code, Code::NotFound, "{id}");
    }
    assert!(bed.repository().join("sub/file").exists());
}

/// A worktree of a branch `topic` with two commits, `one` and `two`.
fn with_commits(bed: &Bed) -> Worktree {
    let made = make(&bed.home(), &bed.repository(), &create("topic"), "a1b2c3d4");
    let worktree = made.map_err(|problem| problem.detail).unwrap().worktree;
    for name in ["one", "two"] {
        fs::write(worktree.path.join(name), name).unwrap();
        git(&worktree.path, &["add", "-A"]);
        git(&worktree.path, &["commit", "-qm", name]);
    }
    worktree
}

fn merged(worktree: &Worktree, squash: bool, into: Option<&str>) -> Result<WorktreeMerged, Problem> {
    merge_at(&worktree.path, &MergeWorktree { squash, into: into.map(str::to_owned) })
}

#[test]
fn a_branch_is_merged_as_git_would_and_its_files_are_there() {
    for (squash, moves_on) in [(false, false), (false, true), (true, false), (true, true)] {
        let bed = Bed::new();
        bed.git(&["config", "user.name", "x"]);
        bed.git(&["config", "user.email", "x@example.org"]);
        let worktree = with_commits(&bed);
        if moves_on {
            bed.write("three", "three");
            bed.git(&["add", "-A"]);
            bed.git(&["commit", "-qm", "three"]);
        }
        bed.write("untracked", "stays");
        let compared = || {
            let state = list(&bed.home()).remove(0);
            (state.into, state.ahead, state.behind)
        };
        assert_eq!(compared(), (Some("main".to_owned()), Some(2), Some(u32::from(moves_on))));
        let before = bed.git(&["rev-parse", "main"]);
        let done = merged(&worktree, squash, None).unwrap();
        assert_eq!((done.into.as_str(), done.commits, done.fast_forward), ("main", 2, !squash && !moves_on));
        assert_eq!(bed.git(&["rev-parse", "main"]), done.commit);
        assert_eq!(bed.git(&["status", "--porcelain"]), "?? untracked");
        for name in ["one", "two"] {
            assert_eq!(fs::read_to_string(bed.repository().join(name)).unwrap(), name);
        }
        let parents = bed.git(&["rev-list", "--parents", "-n", "1", "main"]);
        match (squash, moves_on) {
            (true, _) => assert_eq!(parents, format!("{} {before}", done.commit)),
            (false, true) => {
                assert_eq!(parents, format!("{} {before} {}", done.commit, bed.git(&["rev-parse", "topic"])));
            }
            (false, false) => assert_eq!(done.commit, bed.git(&["rev-parse", "topic"])),
        }
        if squash {
            let message = bed.git(&["log", "-1", "--format=%B", "main"]);
            assert_eq!(message, "Squash branch 'topic'\n\n* one\n* two");
        } else {
            assert_eq!(merged(&worktree, false, None).unwrap().commits, 0);
            assert_eq!(compared().1, Some(0));
        }
    }
}

#[test]
fn what_cannot_be_merged_as_a_whole_changes_nothing() {
    let bed = Bed::new();
    bed.git(&["config", "user.name", "x"]);
    bed.git(&["config", "user.email", "x@example.org"]);
    let worktree = with_commits(&bed);
    let state = |bed: &Bed| (bed.git(&["rev-parse", "main", "topic"]), bed.git(&["status", "--porcelain"]));
    let refused = |code: Code, words: &str| {
        let before = state(&bed);
        let problem = merged(&worktree, false, None).unwrap_err();
        assert!(problem.code == code && problem.detail.contains(words), "{problem:?}");
        assert_eq!(state(&bed), before);
    };
    fs::write(worktree.path.join("three"), "").unwrap();
    refused(Code::UnsavedWork, "uncommitted changes, which would not be merged: three");
    fs::remove_file(worktree.path.join("three")).unwrap();
    // A file that git does not know stands in the way.
    bed.write("one", "mine");
    refused(Code::UnsavedWork, "that git does not track or that changed meanwhile would be overwritten");
    assert_eq!(fs::read_to_string(bed.repository().join("one")).unwrap(), "mine");
    // The target is dirty.
    bed.git(&["add", "one"]);
    refused(Code::UnsavedWork, "has uncommitted changes: one");
    bed.git(&["commit", "-qm", "mine"]);
    refused(Code::Conflicts, "topic and main conflict in one; nothing was changed");
    let problem = merged(&worktree, false, Some("nothing")).unwrap_err();
    assert!(problem.detail.contains("no local branch 'nothing'"), "{problem:?}");
    // A branch that is checked out nowhere only moves.
    bed.git(&["branch", "other", "topic~2"]);
    assert!(merged(&worktree, false, Some("other")).unwrap().fast_forward);
    assert_eq!(bed.git(&["rev-parse", "other"]), bed.git(&["rev-parse", "topic"]));
    // Another program works there.
    bed.git(&["reset", "-q", "--hard", "main~1"]);
    bed.write(".git/index.lock", "");
    refused(Code::GitInUse, "in use");
    fs::remove_file(bed.repository().join(".git/index.lock")).unwrap();
    // A file that git ignores is somebody's, too.
    fs::write(worktree.path.join(".env"), "theirs").unwrap();
    git(&worktree.path, &["add", "-f", ".env"]);
    git(&worktree.path, &["commit", "-qm", "env"]);
    bed.write(".git/info/exclude", ".env\n");
    bed.write(".env", "mine");
    refused(Code::UnsavedWork, "would be overwritten");
    assert_eq!(fs::read_to_string(bed.repository().join(".env")).unwrap(), "mine");
    fs::remove_file(bed.repository().join(".env")).unwrap();
    // What a filter keeps elsewhere is left to git, also when the branch brings its attributes along.
    fs::write(worktree.path.join(".gitattributes"), "*.bin filter=lfs\n").unwrap();
    fs::write(worktree.path.join("large.bin"), "pointer").unwrap();
    git(&worktree.path, &["add", "-A"]);
    git(&worktree.path, &["commit", "-qm", "large"]);
    refused(Code::Invalid, "large.bin goes through a git filter");
}

#[test]
fn what_a_driver_of_the_repository_merges_is_left_to_git() {
    let bed = Bed::new();
    bed.git(&["config", "user.name", "x"]);
    bed.git(&["config", "user.email", "x@example.org"]);
    bed.write(".gitattributes", "one merge=ours\n");
    bed.write("one", "zero");
    bed.git(&["add", "-A"]);
    bed.git(&["commit", "-qm", "attributes"]);
    let worktree = with_commits(&bed);
    bed.write("one", "mine");
    bed.git(&["commit", "-qam", "mine"]);
    let problem = merged(&worktree, false, None).unwrap_err();
    assert!(
        problem.code == Code::Invalid && problem.detail.contains("one has a merge driver"),
        "{problem:?}"
    );
}

#[test]
fn many_are_made_at_once() {
    for _ in 0..5 {
        let bed = Bed::new();
        std::thread::scope(|scope| {
            for number in 0..6 {
                let create_branch = Some(format!("b{number}"));
                let wanted = NewWorktree { create_branch, ..NewWorktree::default() };
                let bed = &bed;
                scope.spawn(move || bed.made(wanted));
            }
        });
        assert_eq!(list(&bed.home()).len(), 6);
    }
}
