//! The first screen of a session's changes in a large work tree, beside `git status` and `git diff --stat`; and what it
//! costs to keep the state of the work tree at a prompt.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::process;
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::{Options, Result};

const FILES_IN_A_DIRECTORY: usize = 200;
const SESSION: &str = "git";

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let (files, changed, long) = if options.quick { (8_000, 500, 70_000) } else { (80_000, 5_000, 700_000) };
    let dir = bed.path("work-tree");
    make_work_tree(bed, &dir, files, changed, long)?;
    let daemon = Daemon::start(bed, "git")?;
    let start = ["start", "-p", "shell", "--name", SESSION, "-d"];
    let shown = dir.display().to_string();
    output(daemon.codepiper(&start).args([&shown, "--", "sleep", "100000"]))?;
    let before = process::memory(daemon.pid()?)?.mib();
    let (mut by_git, mut by_us) = (Samples::default(), Samples::default());
    for _ in 0..options.rounds(7, 3) {
        let began = Instant::now();
        output(git(bed, &dir).args(["status", "--porcelain"]))?;
        output(git(bed, &dir).args(["diff", "--stat"]))?;
        by_git.push(began.elapsed());
        let began = Instant::now();
        ask(bed, &daemon, &["git", "git/diff?base=head&to=index", "git/diff?base=index&to=work"])?;
        by_us.push(began.elapsed());
    }
    let mut page = Samples::default();
    for _ in 0..options.rounds(7, 3) {
        let began = Instant::now();
        ask(bed, &daemon, &["git/file?path=long&base=index&to=work"])?;
        page.push(began.elapsed());
    }
    let (mut first, mut next) = (Samples::default(), Samples::default());
    let mut given_up = 0;
    let sizes = [size(&dir.join(".git/objects"))];
    for round in 0..options.rounds(5, 2) {
        let began = Instant::now();
        let asked = curl(bed, &daemon).args(["-X", "POST", "-o", "/dev/null", &url("git/seen")]).output()?;
        // In so large a tree it may be given up, as the daemon says.
        given_up += usize::from(!asked.status.success());
        if round == 0 { &mut first } else { &mut next }.push(began.elapsed());
    }
    let grown = size(&dir.join(".git/objects")) - sizes[0];
    heading(&format!("git, {files} files, {changed} of them changed, one by {long} lines"));
    percentiles(&[
        ("git status; git diff --stat", &by_git),
        ("the first screen of the Git tab", &by_us),
        ("the first lines of the longest difference", &page),
        ("keeping the state of the work tree, first", &first),
        ("and once more", &next),
    ]);
    fact("of these, given up after 2 s", given_up as f64, "times");
    fact("what a kept state takes on the disk", grown as f64 / f64::from(1 << 20), "MiB");
    let after = process::memory(daemon.pid()?)?.mib();
    fact("memory of the daemon", after, &format!("MiB, {before:.1} before"));
    report.ratio(
        "git: the first screen / git status and git diff --stat",
        by_us.median() / by_git.median(),
        Target::AtMost(2.0),
    );
    Ok(())
}

fn make_work_tree(bed: &Bed, dir: &Path, files: usize, changed: usize, long: usize) -> Result<()> {
    fs::create_dir_all(dir)?;
    output(git(bed, dir).args(["init", "-q", "-b", "main"]))?;
    let path = |number: usize| dir.join(format!("d{}/f{number}", number / FILES_IN_A_DIRECTORY));
    for number in 0..files {
        let path = path(number);
        if number % FILES_IN_A_DIRECTORY == 0 {
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
        }
        fs::write(path, format!("first line of {number}\nsecond line\nthird line\n"))?;
    }
    fs::write(dir.join("long"), "")?;
    output(git(bed, dir).args(["add", "-A"]))?;
    output(git(bed, dir).args(["commit", "-qm", "first"]))?;
    for number in (0..files).step_by(files / changed).take(changed) {
        fs::write(path(number), format!("first line of {number}\nanother line\nthird line\nfourth line\n"))?;
    }
    let mut lines = String::new();
    (0..long).try_for_each(|number| writeln!(lines, "line {number}"))?;
    fs::write(dir.join("long"), lines)?;
    Ok(())
}

fn git(bed: &Bed, dir: &Path) -> Command {
    let mut command = bed.command("git");
    command.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-C"]).arg(dir);
    command
}

fn url(what: &str) -> String {
    format!("http://localhost/api/sessions/{SESSION}/{what}")
}

fn curl(bed: &Bed, daemon: &Daemon) -> Command {
    let mut command = bed.command("curl");
    command.args(["--silent", "--show-error", "--fail", "--unix-socket"]).arg(daemon.socket());
    command
}

/// Asks for all of them at once, as the dashboard does.
fn ask(bed: &Bed, daemon: &Daemon, what: &[&str]) -> Result<()> {
    let mut command = curl(bed, daemon);
    command.arg("--parallel");
    for what in what {
        command.args(["-o", "/dev/null", &url(what)]);
    }
    output(&mut command).map(drop)
}

/// Bytes of all files below a directory.
fn size(dir: &PathBuf) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size_of).sum()
}
