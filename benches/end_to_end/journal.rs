//! What output takes on the disk: a quarter of a gigabyte of it, through the journal that the daemon
//! has, and what is left of it when less may be kept.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use bytes::Bytes;
use codepiper::journal::disk::{Disk, Options as Settings};
use codepiper::journal::{Content, Entry, Journal, Position};
use codepiper_protocol::SessionId;

use crate::bed::{Bed, LIMIT};
use crate::report::{Report, Target, fact, heading};
use crate::screenful::Screenful;
use crate::{Options, Result};

const SESSIONS: u64 = 8;
/// About what is read from tmux at once.
const PIECE: usize = 2048;
/// More does not wait to be written: some of it would be dropped.
const WAITING: usize = 16 << 20;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let (amount, kept): (u64, u64) = if options.quick { (32 << 20, 8 << 20) } else { (256 << 20, 64 << 20) };
    let dir = bed.path("journal");
    let (disk, found) = Disk::open(Settings::new(&dir));
    ensure!(found.unusable.is_none(), "the journal cannot be used: {:?}", found.unusable);
    let mut sessions: Vec<_> = (0..SESSIONS).map(Session::new).collect();
    let begun = Instant::now();
    while sessions.iter().map(|session| session.at.offset).sum::<u64>() < amount {
        for session in &mut sessions {
            session.print(&disk)?;
        }
        disk.wake();
        while disk.usage().unwritten_bytes > WAITING {
            sleep(Duration::from_millis(1));
        }
    }
    wait_for("output is not stored", || {
        sessions.iter().all(|session| disk.stored(session.id) == session.at)
    })?;
    let took = begun.elapsed();
    // The directory is its own until it is gone.
    drop(disk);
    let raw = sessions.iter().map(|session| session.at.offset).sum::<u64>() as f64;
    let full = size(&dir)?;

    heading(&format!("journal · {:.0} MiB of output, printed by {SESSIONS} sessions", mib(raw)));
    fact("on the disk", mib(full), "MiB");
    fact("printed and stored", raw / 1e6 / took.as_secs_f64(), "MB/s");
    report.ratio("journal: bytes on the disk / bytes printed", full / raw, Target::AtMost(0.5));

    let (disk, found) = Disk::open(Settings { retention_bytes: kept, ..Settings::new(&dir) });
    ensure!(found.unusable.is_none(), "the journal cannot be used: {:?}", found.unusable);
    let begun = Instant::now();
    sessions[0].print(&disk)?;
    disk.wake();
    wait_for("old output is not deleted", || size(&dir).is_ok_and(|size| size <= kept as f64))?;
    fact("until old output was deleted", begun.elapsed().as_secs_f64() * 1000.0, "ms");
    drop(disk);
    let name = format!("journal: bytes on the disk / the limit of {:.0} MiB", mib(kept as f64));
    report.ratio(name, size(&dir)? / kept as f64, Target::AtMost(1.0));
    Ok(())
}

struct Session {
    id: SessionId,
    at: Position,
    program: Screenful,
    buffer: Vec<u8>,
}

impl Session {
    fn new(seed: u64) -> Self {
        let (id, at) = (SessionId::random(), Position::default());
        Self { id, at, program: Screenful::new(seed + 1), buffer: Vec::new() }
    }

    fn print(&mut self, disk: &Disk) -> Result<()> {
        self.buffer.clear();
        self.program.print(&mut self.buffer, PIECE);
        let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        let content = Content::Output(Bytes::copy_from_slice(&self.buffer));
        let entry = Entry { at: self.at, time, content };
        self.at = entry.end();
        disk.append(self.id, &entry);
        Ok(())
    }
}

fn wait_for(what: &str, done: impl Fn() -> bool) -> Result<()> {
    let give_up = Instant::now() + LIMIT;
    while !done() {
        ensure!(Instant::now() < give_up, "{what}");
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Bytes of all files below a directory. A file may vanish meanwhile.
pub fn size(dir: &Path) -> Result<f64> {
    let mut sum = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        sum += match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()).unwrap_or_default(),
            Ok(metadata) => metadata.len() as f64,
            Err(_) => 0.0,
        };
    }
    Ok(sum)
}

pub fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
