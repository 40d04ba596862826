//! What is in the foreground of a terminal, by `/proc`: without it nothing is known.

use std::time::Duration;

use jiff::Timestamp;

use super::stat::Stat;
use super::{Process, group_of};

/// The process that leads the foreground of a terminal, or one of its group when the leader has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreground {
    /// The process group.
    pub group: i32,
    /// Its command line.
    pub words: Vec<String>,
    pub started: Timestamp,
    image: Image,
}

/// One program in one process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Image {
    pid: i32,
    /// Ticks from the boot.
    started: i64,
    arguments: i64,
}

impl Foreground {
    /// Of the terminal of this process.
    pub fn beside(pid: i32) -> Option<Self> {
        let group = foreground_group(pid)?;
        let found = Self::of(group, group);
        found.or_else(|| others(group).into_iter().find_map(|pid| Self::of(group, pid)))
    }

    /// Whether it is still the one of the terminal of this process. Reads less than [`Self::beside`]; a process that wrote
    /// over its own command line is not noticed.
    pub fn is_still_beside(&self, pid: i32) -> bool {
        let Some(stat) = Stat::read(pid) else { return false };
        let image = if pid == self.image.pid { Image::read(pid, &stat) } else { Image::of(self.image.pid) };
        stat.foreground() == Some(self.group) && image.as_ref() == Some(&self.image)
    }

    /// A handle on its process, unless that has ended or runs another program by now.
    pub fn process(&self) -> Option<Process> {
        let process = Process::open(self.image.pid).ok()?;
        (Image::of(self.image.pid).as_ref() == Some(&self.image)).then_some(process)
    }

    pub fn is_same_program(&self, other: &Self) -> bool {
        self.image == other.image
    }

    /// `None` for one that has ended.
    fn of(group: i32, pid: i32) -> Option<Self> {
        let image = Image::of(pid)?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = line.strip_suffix(b"\0").filter(|line| !line.is_empty())?;
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        Some(Self { group, words: words.collect(), started: image.started()?, image })
    }
}

impl Image {
    fn of(pid: i32) -> Option<Self> {
        Self::read(pid, &Stat::read(pid)?)
    }

    fn read(pid: i32, stat: &Stat) -> Option<Self> {
        Some(Self { pid, started: stat.started()?, arguments: stat.arguments()? })
    }

    /// When the process was started. The kernel counts from the boot.
    fn started(&self) -> Option<Timestamp> {
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime = uptime.split_ascii_whitespace().next()?.parse().ok()?;
        let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
        let since_boot = Duration::from_secs_f64(self.started as f64 / per_second as f64);
        let age = Duration::try_from_secs_f64(uptime).ok()?.saturating_sub(since_boot);
        Timestamp::now().checked_sub(age).ok()
    }
}

/// The process group in the foreground of the terminal of a process.
pub fn foreground_group(pid: i32) -> Option<i32> {
    Stat::read(pid)?.foreground()
}

fn others(group: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| group_of(*pid) == Some(group)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_words() {
        // Not for long: a test that fails leaves it behind, with what it has inherited.
        let mut child = std::process::Command::new("sleep").arg("20").spawn().unwrap();
        let pid = child.id() as i32;
        // Between fork and exec it has our words, and for a moment none.
        let found = loop {
            match Foreground::of(7, pid) {
                Some(found) if found.words.first().is_some_and(|word| word == "sleep") => break found,
                _ => std::thread::yield_now(),
            }
        };
        assert_eq!((found.group, found.words), (7, vec!["sleep".to_owned(), "20".to_owned()]));
        let age = Timestamp::now().duration_since(found.started).unsigned_abs();
        assert!(age < Duration::from_secs(600), "{age:?}");
        assert_eq!(found.image, Image::of(pid).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Foreground::of(7, pid), None);
        assert!(others(group_of(std::process::id() as i32).unwrap()).contains(&(std::process::id() as i32)));
    }
}
