//! The mark that everything below our tmux server wears, so that it is known for what it is whatever becomes of its
//! parents.
//!
//! It is a hard limit, one below the daemon's own: of locks (`RLIMIT_LOCKS`), which Linux has not looked at since 2.4
//! (setrlimit(2)). Children inherit it over fork, exec, `setsid` and a new environment, and only who has
//! `CAP_SYS_RESOURCE` raises it again. It is relative, so a daemon that runs inside a session of another one has an owner
//! and sessions of its own.

use std::io;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;

/// Limits above this count as none.
#[cfg(target_os = "linux")]
const NONE: u64 = 1 << 62;

/// The mark of what this process starts, the same as long as it lives.
///
/// # Errors
/// When our own limit leaves no room below it.
#[cfg(target_os = "linux")]
pub fn ours() -> anyhow::Result<u64> {
    static MARK: OnceLock<Option<u64>> = OnceLock::new();
    MARK.get_or_init(|| own().min(NONE).checked_sub(1)).ok_or_else(|| {
        anyhow::anyhow!(
            "the limit of file locks (`ulimit -x`) is 0; raise it, since CodePiper marks the programs of its \
             sessions with a lower limit"
        )
    })
}

/// Puts the mark on this process and on everything that it starts. Async-signal-safe.
#[cfg(target_os = "linux")]
pub fn wear(mark: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Some(own().min(mark));
    Ok(setrlimit(Resource::Locks, Rlimit { current: limit, maximum: limit })?)
}

#[cfg(target_os = "linux")]
fn own() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Locks).maximum.unwrap_or(u64::MAX)
}

/// Whether a process wears the mark, or a lower one.
#[cfg(target_os = "linux")]
pub fn is_worn_by(pid: i32, mark: u64) -> io::Result<bool> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
    hard_limit(&limits).map(|limit| limit <= mark).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// `Max file locks            unlimited            unlimited            locks`: the name, the soft limit, the hard one.
#[cfg(target_os = "linux")]
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file locks"))?;
    match line.split_ascii_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn ours() -> anyhow::Result<u64> {
    Ok(0)
}

#[cfg(not(target_os = "linux"))]
pub fn wear(_: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub fn is_worn_by(_: i32, _: u64) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_mark_is_inherited_and_cannot_be_taken_off() {
        let mark = ours().unwrap();
        assert!(!is_worn_by(std::process::id() as i32, mark).unwrap());
        let mut command = Command::new("setsid");
        command.args([
            "env",
            "-i",
            "/bin/bash",
            "-c",
            "ulimit -Hx; ulimit -x unlimited 2>&- || echo refused",
        ]);
        // SAFETY: it makes two system calls and touches no memory.
        unsafe { command.pre_exec(move || wear(mark)) };
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let (limit, raised) = said.split_once('\n').unwrap();
        assert_eq!(limit, mark.to_string());
        // Who may raise limits can take it off.
        let may_raise = Command::new("bash")
            .args(["-c", "ulimit -x 7 && ulimit -x 8"])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success();
        assert_eq!(raised.trim() == "refused", !may_raise);
    }

    #[test]
    fn the_hard_limit_is_read() {
        let limits = |hard: &str| {
            format!(
                "Limit  Soft Limit  Hard Limit  Units\nMax file locks            5            {hard}            locks     \n"
            )
        };
        assert_eq!(hard_limit(&limits("unlimited")), Some(u64::MAX));
        assert_eq!(hard_limit(&limits("17")), Some(17));
        assert_eq!(hard_limit(""), None);
    }
}
