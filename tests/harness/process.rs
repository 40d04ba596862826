//! What /proc tells.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::unistd::Pid;

/// The processes in whose arguments or environment the path stands, but not this one.
pub fn mentioning(path: &Path) -> Vec<Pid> {
    let path = path.as_os_str().as_bytes();
    let own = std::process::id().cast_signed();
    let mentions = |pid: i32| {
        ["cmdline", "environ"].iter().any(|file| {
            fs::read(format!("/proc/{pid}/{file}"))
                .is_ok_and(|text| memchr::memmem::find(&text, path).is_some())
        })
    };
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != own && mentions(*pid)).map(Pid::from_raw).collect()
}

/// A field of /proc/PID/status.
pub fn status_of(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Whether a process has ended; one that nobody waited for has.
pub fn is_gone(pid: i32) -> bool {
    status_of(pid, "State").is_none_or(|state| state.starts_with('Z'))
}
