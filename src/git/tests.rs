//! The library beside git itself, over generated repositories, and in repositories that mean harm.

mod authors;
mod hostile;
mod like_git;
mod racing;
mod staging;
mod states;
mod together;
mod unusual;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;

use super::name::text_of;
use super::repo::Repo;

/// A directory with a repository.
pub struct Sandbox {
    pub dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let sandbox = Self { dir: tempfile::tempdir().unwrap() };
        sandbox.git(["init", "-q", "-b", "main"]);
        sandbox.git(["config", "user.name", "x"]);
        sandbox.git(["config", "user.email", "x@example.org"]);
        sandbox
    }

    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.dir.path().join(name.as_ref())
    }

    pub fn repo(&self) -> Repo {
        Repo::open(self.dir.path()).unwrap()
    }

    pub fn write(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let _ = fs::create_dir_all(path.parent().unwrap());
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: impl AsRef<OsStr>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn commit_all(&self) {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", "more"]);
    }

    /// What git prints.
    pub fn git<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Vec<u8> {
        let output = self.try_git(args, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub fn text<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        String::from_utf8_lossy(&self.git(args)).trim_end().to_owned()
    }

    pub fn try_git<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        stdin: &[u8],
    ) -> std::process::Output {
        let mut command = Command::new("git");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
        command.args(["-c", "core.quotePath=false", "-c", "protocol.file.allow=always"]);
        command.arg("-C").arg(self.dir.path()).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut pipe, stdin).unwrap();
        drop(pipe);
        child.wait_with_output().unwrap()
    }
}

/// Names that are no trouble, and names that are.
pub const NAMES: [&[u8]; 10] = [
    b"a",
    b"dir/b.txt",
    "ü".as_bytes(),
    b"caf\xe9",
    b"with space",
    b"--output=x",
    b"new\nline",
    b"quote\"d",
    b"*",
    b"dir/sub/c",
];

const CONTENTS: [&[u8]; 10] = [
    b"",
    b"one\n",
    b"one\ntwo\nthree\n",
    b"one\ntwo\nthree",
    b"one\r\ntwo\r\n",
    b"one\n2\nthree\nfour\nfive\nsix\nseven\neight\n",
    b"zero\none\n2\nthree\nfour\nfive\nsix\nseven\n8\n",
    b"\0binary\n\xff",
    b"caf\xe9\n",
    b"one\n2\r\nthree\n",
];

/// Something that happens to a repository.
#[derive(Clone, Debug)]
pub enum Step {
    Write(usize, usize),
    Remove(usize),
    Mode(usize),
    Link(usize),
    Add(usize),
    AddAll,
    Untrack(usize),
    Commit,
    Branch(u8),
    Detach,
    Merge(u8),
    Crlf,
    Ignore(usize),
}

pub fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        8 => (name.clone(), 0..CONTENTS.len()).prop_map(|(name, content)| Step::Write(name, content)),
        2 => name.clone().prop_map(Step::Remove),
        2 => name.clone().prop_map(Step::Mode),
        1 => name.clone().prop_map(Step::Link),
        3 => name.clone().prop_map(Step::Add),
        2 => Just(Step::AddAll),
        1 => name.clone().prop_map(Step::Untrack),
        3 => Just(Step::Commit),
        1 => (0..3u8).prop_map(Step::Branch),
        1 => Just(Step::Detach),
        1 => (0..3u8).prop_map(Step::Merge),
        1 => Just(Step::Crlf),
        1 => name.prop_map(Step::Ignore),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..25)
}

impl Sandbox {
    /// Does it as far as that is possible.
    pub fn make(&self, steps: &[Step]) {
        let path = |name: &usize| self.path(OsStr::from_bytes(NAMES[*name]));
        let git = |args: &[&OsStr]| drop(self.try_git(args, b""));
        let word = OsStr::new;
        for step in steps {
            match step {
                Step::Write(name, content) => {
                    let _ = fs::remove_file(path(name));
                    self.write(OsStr::from_bytes(NAMES[*name]), CONTENTS[*content]);
                }
                Step::Remove(name) => drop(fs::remove_file(path(name))),
                Step::Mode(name) => {
                    if let Ok(meta) = path(name).symlink_metadata()
                        && meta.is_file()
                    {
                        let mode = meta.permissions().mode() ^ 0o111;
                        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
                    }
                }
                Step::Link(name) => {
                    let _ = fs::create_dir_all(path(name).parent().unwrap());
                    let _ = fs::remove_file(path(name));
                    symlink("a", path(name)).unwrap();
                }
                Step::Add(name) => {
                    git(&[
                        word("--literal-pathspecs"),
                        word("add"),
                        word("--"),
                        OsStr::from_bytes(NAMES[*name]),
                    ]);
                }
                Step::AddAll => git(&[word("add"), word("-A")]),
                Step::Untrack(name) => {
                    let name = OsStr::from_bytes(NAMES[*name]);
                    git(&[
                        word("--literal-pathspecs"),
                        word("rm"),
                        word("-q"),
                        word("--cached"),
                        word("--"),
                        name,
                    ]);
                }
                Step::Commit => git(&[word("commit"), word("-q"), word("-m"), word("step")]),
                Step::Branch(number) => {
                    let name = format!("branch/{number}");
                    git(&[word("checkout"), word("-q"), word("-b"), word(&name)]);
                    git(&[word("checkout"), word("-q"), word(&name)]);
                }
                Step::Detach => git(&[word("checkout"), word("-q"), word("--detach")]),
                Step::Merge(number) => {
                    let name = format!("branch/{number}");
                    git(&[word("merge"), word("-q"), word("--no-edit"), word("--no-ff"), word(&name)]);
                }
                Step::Crlf => {
                    self.write(".gitattributes", "*.txt text eol=crlf\na text=auto\n");
                    // Whether a file whose attributes changed is read again depends on when it was written: here it is.
                    for name in NAMES {
                        if let Ok(file) =
                            fs::File::options().write(true).open(self.path(OsStr::from_bytes(name)))
                        {
                            file.set_modified(std::time::UNIX_EPOCH).unwrap();
                        }
                    }
                }
                Step::Ignore(name) => {
                    let name = text_of(NAMES[*name]);
                    if name.is_ascii() && !name.contains('\n') {
                        self.write(".gitignore", format!("/{}\n", name.replace('*', "\\*")));
                    }
                }
            }
        }
    }
}

/// The words of an output whose records end with NUL.
pub fn records(output: &[u8]) -> Vec<&[u8]> {
    let mut records: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    records.pop();
    records
}

pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn the_branch_is_known_before_the_first_commit_and_below() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = git2::RepositoryInitOptions::new();
    git2::Repository::init_opts(dir.path(), options.initial_head("trunk")).unwrap();
    let below = dir.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(super::branch(&below), Some("trunk".into()));
    let root = dir.path().canonicalize().unwrap();
    assert_eq!(super::work_tree(&below), Some((root, Some("trunk".into()))));
    assert_eq!(super::changed_files(&below), Some(0));
    std::fs::write(below.join("new"), "").unwrap();
    assert_eq!(super::changed_files(dir.path()), Some(1));
    assert_eq!(super::work_tree("/".as_ref()), None);
}
