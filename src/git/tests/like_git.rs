//! What is said equals what git says.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{Change, FileDiff, ReadFile, ReadLog, ReadPage};
use proptest::prelude::*;

use super::super::base::State;
use super::super::name::text_of;
use super::super::{diff, history, status};
use super::{Sandbox, records, steps};

type Facts = BTreeSet<(String, String)>;

/// A rename is a removal and an addition: git and its library measure differently how alike two files are.
fn facts(sandbox: &Sandbox) -> Facts {
    let found = status::status(&sandbox.repo(), &ReadPage::default()).unwrap();
    let mut facts = Facts::new();
    let letter = |change: Change| match change {
        Change::Added => "A",
        Change::Modified => "M",
        Change::Deleted => "D",
        Change::TypeChanged => "T",
        Change::Renamed => "R",
    };
    for file in &found.files {
        if file.conflicted {
            facts.insert((file.path.clone(), "conflict".into()));
        }
        match (file.staged, &file.old_path) {
            (Some(Change::Renamed), Some(old)) => {
                facts.insert((old.clone(), "staged D".into()));
                facts.insert((file.path.clone(), "staged A".into()));
            }
            (Some(change), _) => {
                facts.insert((file.path.clone(), format!("staged {}", letter(change))));
            }
            (None, _) => {}
        }
        if let Some(change) = file.unstaged {
            facts.insert((file.path.clone(), format!("unstaged {}", letter(change))));
        }
    }
    // A file that became a link, while another file got what it held: a rename and an addition to git's library.
    let deleted: Vec<_> = facts.iter().filter(|fact| fact.1 == "staged D").cloned().collect();
    for (path, deleted) in deleted {
        if facts.remove(&(path.clone(), "staged A".into())) {
            facts.remove(&(path.clone(), deleted));
            facts.insert((path, "staged T".into()));
        }
    }
    facts
}

fn facts_of_git(sandbox: &Sandbox) -> Facts {
    let said =
        sandbox.git(["status", "--porcelain=v2", "-z", "-uall", "--no-renames", "--ignore-submodules=none"]);
    let mut facts = Facts::new();
    for record in records(&said) {
        let fields = |count: usize| record.splitn(count, |byte| *byte == b' ').collect::<Vec<_>>();
        match record[0] {
            b'?' => {
                facts.insert((text_of(&record[2..]), "unstaged A".into()));
            }
            b'u' => {
                facts.insert((text_of(fields(11)[10]), "conflict".into()));
            }
            b'1' => {
                let fields = fields(9);
                for (kind, letter) in ["staged", "unstaged"].into_iter().zip(fields[1]) {
                    if *letter != b'.' {
                        facts.insert((text_of(fields[8]), format!("{kind} {}", *letter as char)));
                    }
                }
            }
            other => panic!("{}", other as char),
        }
    }
    facts
}

/// The files of a state: mode and id.
type Files = BTreeMap<String, (String, String)>;

fn files_of_tree(sandbox: &Sandbox, tree: &str) -> Files {
    let said = sandbox.git(["ls-tree", "-r", "-z", tree]);
    let rows = records(&said).into_iter().map(|record| {
        let (meta, path) = record.split_at(record.iter().position(|byte| *byte == b'\t').unwrap());
        let meta = String::from_utf8(meta.to_owned()).unwrap();
        let words: Vec<&str> = meta.split(' ').collect();
        (text_of(&path[1..]), (words[0].to_owned(), words[2].to_owned()))
    });
    rows.collect()
}

/// The files as they would be committed now: those of the tree, and all that git does not ignore.
fn files_of_work(sandbox: &Sandbox, tree: &Files) -> Files {
    let said = sandbox.git(["ls-files", "-z", "-c", "-o", "--exclude-standard"]);
    let mut paths: BTreeSet<String> = records(&said).into_iter().map(text_of).collect();
    paths.extend(tree.keys().cloned());
    let mut files = Files::new();
    for text in paths {
        let name = codepiper_protocol::os_text::decode(&text);
        let Ok(meta) = sandbox.path(&name).symlink_metadata() else { continue };
        if meta.is_dir() {
            continue;
        }
        let (mode, id) = if meta.is_symlink() {
            let target = std::fs::read_link(sandbox.path(&name)).unwrap();
            let said = sandbox.try_git(["hash-object", "--stdin"], target.as_os_str().as_bytes()).stdout;
            ("120000", String::from_utf8(said).unwrap().trim().to_owned())
        } else {
            use std::os::unix::fs::PermissionsExt;
            let mode = if meta.permissions().mode() & 0o100 == 0 { "100644" } else { "100755" };
            (mode, sandbox.text([OsStr::new("hash-object"), OsStr::new("--"), &name]))
        };
        files.insert(text, (mode.to_owned(), id));
    }
    files
}

/// The hunks as git prints them, from the first `@@`.
fn printed(found: &FileDiff) -> Vec<String> {
    let mut lines = Vec::new();
    for hunk in &found.hunks {
        lines.push(format!("@@ {},{} {},{}", hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines));
        for line in &hunk.lines {
            let sign = match (line.old, line.new) {
                (Some(_), Some(_)) => ' ',
                (Some(_), None) => '-',
                _ => '+',
            };
            lines.push(format!("{sign}{}", line.text));
            if line.no_newline {
                lines.push("\\ No newline at end of file".into());
            }
        }
    }
    lines
}

fn printed_by_git(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut lines = Vec::new();
    for line in text.split('\n').skip_while(|line| !line.starts_with("@@")) {
        if line.is_empty() {
            continue;
        }
        match line.strip_prefix("@@ -") {
            Some(rest) => {
                let (old, rest) = rest.split_once(" +").unwrap();
                let new = rest.split(" @@").next().unwrap();
                let both =
                    |span: &str| if span.contains(',') { span.to_owned() } else { format!("{span},1") };
                lines.push(format!("@@ {} {}", both(old), both(new)));
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

fn states() -> [(&'static str, &'static str, &'static [&'static str]); 2] {
    [("index", "work", &[]), ("head", "index", &["--cached"])]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn status_is_gits(steps in steps()) {
        let sandbox = Sandbox::new();
        sandbox.make(&steps);
        prop_assert_eq!(facts(&sandbox), facts_of_git(&sandbox));
    }

    #[test]
    fn differences_are_gits(steps in steps()) {
        let sandbox = Sandbox::new();
        sandbox.make(&steps);
        let repo = sandbox.repo();
        prop_assume!(!repo.git.index().unwrap().has_conflicts());
        for (base, to, flags) in states() {
            let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
            let found = diff::list(&repo, &state(base), &state(to), &ReadPage::default()).unwrap();
            let args = [&["diff", "--no-ext-diff", "--no-renames", "--numstat", "-z"], flags].concat();
            let said = sandbox.git(&args);
            for record in records(&said) {
                let fields: Vec<&[u8]> = record.splitn(3, |byte| *byte == b'\t').collect();
                let path = text_of(fields[2]);
                let Some(file) = found.files.iter().find(|file| file.path == path) else {
                    prop_assert!(found.files.iter().any(|file| file.old_path.as_ref() == Some(&path)), "{}", path);
                    continue;
                };
                // What was there before may be shown as another file's past.
                if file.old_path.is_some() || found.files.iter().any(|other| other.old_path.as_ref() == Some(&path)) {
                    continue;
                }
                let number = |field: &[u8]| String::from_utf8_lossy(field).parse::<u32>().ok();
                // A change of type is two differences to git, and none of lines to its library.
                let counted = match file.change {
                    Change::TypeChanged => (None, None),
                    _ => (number(fields[0]), number(fields[1])),
                };
                prop_assert_eq!((file.added, file.removed), counted, "{}", path);
                let wanted = ReadFile { path: path.clone(), old_path: None, base: None, to: None, from: None, limit: None };
                let shown = diff::file(&repo, &state(base), &state(to), &wanted).unwrap();
                prop_assert_eq!(file.version.as_ref(), Some(&shown.version), "{}", path);
                let name = codepiper_protocol::os_text::decode(&path);
                let mut args: Vec<&OsStr> = ["--literal-pathspecs", "diff", "--no-ext-diff", "--no-renames", "--no-color"].map(OsStr::new).to_vec();
                args.extend(flags.iter().map(OsStr::new));
                args.extend([OsStr::new("--"), &name]);
                let by_git = sandbox.git(&args);
                if shown.file.change != Change::TypeChanged && !shown.file.binary {
                    prop_assert_eq!(printed(&shown), printed_by_git(&by_git), "{}", path);
                }
            }
            let counted = found.files.iter().filter(|file| file.old_path.is_none());
            let untracked = sandbox.git(["ls-files", "-z", "-o", "--exclude-standard"]);
            let untracked: BTreeSet<String> = records(&untracked).into_iter().map(text_of).collect();
            let tracked = counted.filter(|file| to == "index" || !untracked.contains(&file.path));
            let said: BTreeSet<String> = records(&said).iter().map(|record| text_of(record.splitn(3, |byte| *byte == b'\t').nth(2).unwrap())).collect();
            for file in tracked {
                prop_assert!(said.contains(&file.path), "{} {} {}", base, to, file.path);
            }
        }
    }

    #[test]
    fn a_commit_and_the_files_are_compared_file_by_file(steps in steps()) {
        let sandbox = Sandbox::new();
        sandbox.write("first", "x");
        sandbox.commit_all();
        sandbox.make(&steps);
        let repo = sandbox.repo();
        prop_assume!(!repo.git.index().unwrap().has_conflicts());
        let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
        let found = diff::list(&repo, &state("head"), &state("work"), &ReadPage::default()).unwrap();
        let mut differing: BTreeSet<String> = found.files.iter().map(|file| file.path.clone()).collect();
        differing.extend(found.files.iter().filter_map(|file| file.old_path.clone()));
        let old = files_of_tree(&sandbox, "HEAD");
        let new = files_of_work(&sandbox, &old);
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut wanted: BTreeSet<String> = all.into_iter().filter(|path| old.get(*path) != new.get(*path)).cloned().collect();
        // A file that only other attributes would change is unchanged to git until somebody touches it.
        let raw = |path: &String| {
            let file = sandbox.path(codepiper_protocol::os_text::decode(path));
            git2::Oid::hash_file(git2::ObjectType::Blob, file).ok().map(|id| id.to_string())
        };
        wanted.retain(|path| differing.contains(path) || raw(path).as_ref() != old.get(path).map(|(_, id)| id));
        prop_assert_eq!(differing, wanted);
    }

    #[test]
    fn history_is_gits(steps in steps()) {
        let sandbox = Sandbox::new();
        sandbox.make(&steps);
        let repo = sandbox.repo();
        let log = history::log(&repo, &ReadLog::default()).unwrap();
        let ours: BTreeSet<String> = log.commits.iter().map(|commit| format!("{} {}", commit.id, commit.parents.join(" "))).collect();
        let said = String::from_utf8(sandbox.try_git(["log", "--format=%H %P"], b"").stdout).unwrap();
        let theirs: BTreeSet<String> = said.lines().map(|line| if line.contains(' ') { line.to_owned() } else { format!("{line} ") }).collect();
        prop_assert_eq!(ours, theirs);
        let found = history::branches(&repo, &ReadPage::default()).unwrap();
        let ours: Vec<String> = found.branches.iter().map(|branch| format!("{} {} {}", branch.name, branch.last.id, if branch.current { "*" } else { " " })).collect();
        let theirs = sandbox.text(["for-each-ref", "--format=%(refname:short) %(objectname) %(HEAD)", "refs/heads"]);
        let mut theirs: Vec<&str> = theirs.lines().collect();
        // Blanks at the end of the last line were cut off.
        let last = theirs.last().map(|line| if line.ends_with('*') { (*line).to_owned() } else { format!("{}  ", line.trim_end()) });
        if let (Some(last), Some(place)) = (&last, theirs.last_mut()) { *place = last; }
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn a_rename_is_one_file() {
    let sandbox = Sandbox::new();
    sandbox.write("old name", "one\ntwo\nthree\nfour\n");
    sandbox.commit_all();
    sandbox.git(["mv", "old name", "new name"]);
    let repo = sandbox.repo();
    let found = status::status(&repo, &ReadPage::default()).unwrap();
    assert_eq!(found.files.len(), 1);
    assert_eq!(
        (found.files[0].staged, found.files[0].old_path.as_deref(), found.files[0].path.as_str()),
        (Some(Change::Renamed), Some("old name"), "new name")
    );
    let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
    for to in ["index", "work"] {
        let found = diff::list(&repo, &state("head"), &state(to), &ReadPage::default()).unwrap();
        assert_eq!(found.files.len(), 1, "{to} {:?}", found.files);
        assert_eq!(found.files[0].old_path.as_deref(), Some("old name"));
        assert_eq!((found.files[0].added, found.files[0].removed), (Some(0), Some(0)));
    }
}

#[test]
fn submodules_worktrees_and_a_head_without_commits() {
    let inner = Sandbox::new();
    inner.write("x", "1");
    inner.commit_all();
    let sandbox = Sandbox::new();
    let head = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().head;
    assert_eq!((head.branch.as_deref(), head.commit), (Some("main"), None));
    assert_eq!(history::log(&sandbox.repo(), &ReadLog::default()).unwrap().commits, []);
    sandbox.git(["submodule", "--quiet", "add", inner.dir.path().to_str().unwrap(), "sub"]);
    sandbox.commit_all();
    sandbox.write("sub/x", "2");
    assert_eq!(facts(&sandbox), facts_of_git(&sandbox));
    let found = status::status(&sandbox.repo(), &ReadPage::default()).unwrap();
    assert!(found.files.iter().any(|file| file.path == "sub" && file.submodule), "{:?}", found.files);
    let other = tempfile::tempdir().unwrap();
    let tree = other.path().join("tree");
    sandbox.git(["worktree", "add", "-q", "-b", "other", tree.to_str().unwrap()]);
    std::fs::write(tree.join("new"), "x").unwrap();
    let repo = super::Repo::open(&tree).unwrap();
    let found = status::status(&repo, &ReadPage::default()).unwrap();
    assert_eq!(found.head.branch.as_deref(), Some("other"));
    assert_eq!(found.untracked, 1);
}

#[test]
fn what_is_ahead_and_behind_and_what_is_under_way() {
    let origin = Sandbox::new();
    origin.write("a", "1\n");
    origin.commit_all();
    let sandbox = Sandbox { dir: tempfile::tempdir().unwrap() };
    sandbox.git(["clone", "-q", origin.dir.path().to_str().unwrap(), "."]);
    for key in ["user.name", "user.email"] {
        sandbox.git(["config", key, "x"]);
    }
    sandbox.write("a", "ours\n");
    sandbox.commit_all();
    origin.write("a", "theirs\n");
    origin.commit_all();
    origin.commit_all();
    sandbox.git(["fetch", "-q"]);
    let head = status::status(&sandbox.repo(), &ReadPage::default()).unwrap().head;
    assert_eq!((head.upstream.as_deref(), head.ahead, head.behind), (Some("origin/main"), Some(1), Some(2)));
    let branches = history::branches(&sandbox.repo(), &ReadPage::default()).unwrap().branches;
    let names: Vec<_> = branches.iter().map(|branch| (branch.name.as_str(), branch.remote)).collect();
    assert_eq!(names, [("main", false), ("origin/main", true)]);
    sandbox.try_git(["merge", "-q", "origin/main"], b"");
    let found = status::status(&sandbox.repo(), &ReadPage::default()).unwrap();
    assert_eq!(found.operation, Some(codepiper_protocol::wire::git::GitOperation::Merge));
    assert_eq!((found.conflicted, found.files[0].conflicted), (1, true));
}

#[test]
fn names_that_differ_in_case_alone_are_different_files() {
    let sandbox = Sandbox::new();
    for name in ["README", "readme", "src/a", "src/b"] {
        sandbox.write(name, "1\n");
    }
    sandbox.commit_all();
    sandbox.git(["config", "core.ignoreCase", "true"]);
    for (name, content) in [("README", "2\n"), ("readme", "3\n"), ("SRC/b", "4\n"), ("SRC/c", "5\n")] {
        sandbox.write(name, content);
    }
    let changed = |names: &[(&str, &str)]| -> Facts {
        names.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
    };
    let modified = [("README", "unstaged M"), ("readme", "unstaged M")];
    assert_eq!(facts_of_git(&sandbox), changed(&[&modified[..], &[("SRC/c", "unstaged A")]].concat()));
    // Git takes `SRC/b` for `src/b`, which it is not.
    let added = [("SRC/b", "unstaged A"), ("SRC/c", "unstaged A")];
    assert_eq!(facts(&sandbox), changed(&[modified, added].concat()));
    std::fs::remove_file(sandbox.path("SRC/b")).unwrap();
    assert_eq!(facts(&sandbox), facts_of_git(&sandbox));
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
    for base in ["index", "head"] {
        let found = diff::list(&repo, &state(base), &state("work"), &ReadPage::default()).unwrap().files;
        let found: Vec<_> = found.iter().map(|file| (file.path.as_str(), file.change)).collect();
        let (added, modified) = (Change::Added, Change::Modified);
        assert_eq!(found, [("README", modified), ("SRC/c", added), ("readme", modified)], "{base}");
    }
    assert_eq!(sandbox.text(["config", "core.ignoreCase"]), "true");
}

#[test]
fn pages_have_everything_once() {
    let sandbox = Sandbox::new();
    for number in 0..25 {
        sandbox.write(format!("file{number:02}"), "x\n");
    }
    let repo = sandbox.repo();
    let (mut from, mut seen) = (0, Vec::new());
    loop {
        let page = ReadPage { from: Some(from), limit: Some(10) };
        let found = status::status(&repo, &page).unwrap();
        assert_eq!(found.untracked, 25);
        seen.extend(found.files.into_iter().map(|file| file.path));
        let Some(next) = found.next else { break };
        from = next;
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted());
}

#[test]
fn what_is_staged_differs_although_it_is_ignored() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "/made/\n*.log\n");
    sandbox.commit_all();
    sandbox.write("made/file", "x\n");
    sandbox.write("a.log", "x\n");
    sandbox.write("b.log", "x\n");
    sandbox.git(["add", "-f", "made/file", "a.log"]);
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
    let found = diff::list(&repo, &state("head"), &state("work"), &ReadPage::default()).unwrap();
    let names: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["a.log", "made/file"]);
}

#[test]
fn an_ignored_file_that_was_committed_and_is_gone_is_deleted() {
    let sandbox = Sandbox::new();
    sandbox.write("built", "");
    sandbox.write(".gitignore", "/built\n");
    sandbox.git(["add", "--force", "built"]);
    sandbox.commit_all();
    sandbox.git(["rm", "-q", "built"]);
    let repo = sandbox.repo();
    let state = |name: &str| State::parse(&repo, SessionId::random(), name).unwrap();
    let found = diff::list(&repo, &state("head"), &state("work"), &ReadPage::default()).unwrap().files;
    assert_eq!((found.len(), found[0].change), (1, Change::Deleted));
}

/// A program commits several times a second.
#[test]
fn commits_of_one_second_are_in_their_order() {
    let sandbox = Sandbox::new();
    for number in 0..12 {
        let date = "--date=2026-01-01T00:00:00";
        let mut command = std::process::Command::new("git");
        command.env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00").arg("-C").arg(sandbox.dir.path());
        command.args(["commit", "-q", "--allow-empty", date, "-m", &number.to_string()]);
        assert!(command.status().unwrap().success());
    }
    let found = history::log(&sandbox.repo(), &ReadLog::default()).unwrap();
    let summaries = found.commits.iter().map(|commit| commit.summary.as_str()).collect::<Vec<_>>();
    assert_eq!(summaries.join("\n"), sandbox.text(["log", "--format=%s"]));
}
