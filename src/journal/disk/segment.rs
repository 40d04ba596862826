//! The file of a generation that everything is appended to, once: frames with a checksum each. What the database
//! knows stands here, too, so that it can be made again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use codepiper_protocol::SessionId;

use super::row::{self, Key, Kind};
use crate::journal::Position;
use crate::lock::lock;

/// A frame begins with this, its length and its checksum; the key and the value follow.
const MAGIC: [u8; 4] = *b"\xc0pf\x01";
const HEADER: usize = 12;
const KEY: usize = size_of::<Key>();
/// No frame is longer: a screen at most.
const LONGEST: usize = 64 << 20;
/// What is read at once by who reads everything.
const BLOCK: usize = 256 << 10;

pub struct Segment {
    file: File,
    /// What stands before is whole.
    end: AtomicU64,
    /// One appends at a time: a writer that hung may come back.
    appending: Mutex<()>,
}

/// One frame as it stands there.
pub struct Frame<'a> {
    /// Where it begins, and how long it is.
    pub place: Place,
    pub key: &'a Key,
    pub value: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u64,
    pub len: u32,
}

impl Place {
    pub fn end(self) -> u64 {
        self.at + u64::from(self.len)
    }
}

/// What came out when everything was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The end of the last whole frame.
    pub end: u64,
    /// Bytes between whole frames that are none.
    pub damaged: u64,
}

pub fn path(generation: &Path) -> PathBuf {
    generation.join("segment")
}

/// Appends a frame to what is to be written.
pub fn put(out: &mut Vec<u8>, key: &Key, value: &[u8]) {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(key);
    checksum.update(value);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&((KEY + value.len()) as u32).to_le_bytes());
    out.extend_from_slice(&checksum.finalize().to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

impl Segment {
    pub fn create(generation: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path(generation))?;
        File::open(generation)?.sync_all()?;
        Ok(Self { file, end: AtomicU64::new(0), appending: Mutex::default() })
    }

    pub fn open(generation: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path(generation))?;
        let end = AtomicU64::new(file.metadata()?.len());
        Ok(Self { file, end, appending: Mutex::default() })
    }

    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// All of it or nothing.
    pub fn append(&self, frames: &[u8]) -> io::Result<()> {
        let _one = lock(&self.appending);
        let end = self.end();
        if let Err(error) = self.file.write_all_at(frames, end) {
            self.cut(end)?;
            return Err(error);
        }
        self.end.store(end + frames.len() as u64, Ordering::Release);
        Ok(())
    }

    /// What stands behind `end` is no frame.
    pub fn cut(&self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.end.store(end, Ordering::Release);
        Ok(())
    }

    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// A removed session: from here on it does not count, and then its frames are overwritten.
    pub fn remove(&self, session: SessionId) -> io::Result<()> {
        let key = row::key(Kind::Removed, session, Position::default());
        let mut frame = Vec::new();
        put(&mut frame, &key, &[]);
        self.append(&frame)?;
        let mut places = Vec::new();
        self.scan(0, self.end(), |frame| {
            let wanted = Kind::of(frame.key) != Some(Kind::Removed);
            if wanted && row::parse_key(frame.key).is_some_and(|(of, _)| of == session) {
                places.push(frame.place);
            }
            Ok::<_, io::Error>(())
        })?;
        for place in places {
            frame.clear();
            put(&mut frame, &key, &vec![0; place.len as usize - HEADER - KEY]);
            self.file.write_all_at(&frame, place.at)?;
        }
        self.sync()
    }

    /// The value of a frame, which is an error when it is not as it was written.
    pub fn value(&self, place: Place) -> io::Result<Vec<u8>> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a frame of the segment is damaged");
        if place.end() > self.end() {
            return Err(damaged());
        }
        let mut bytes = vec![0; place.len as usize];
        self.file.read_exact_at(&mut bytes, place.at)?;
        if frame(&bytes) != Some(bytes.len()) {
            return Err(damaged());
        }
        bytes.drain(..HEADER + KEY);
        Ok(bytes)
    }

    /// Visits the whole frames between two places, whatever lies between them.
    pub fn scan<E: From<io::Error>>(
        &self,
        from: u64,
        to: u64,
        mut each: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<Scanned, E> {
        let mut scanned = Scanned { end: from, damaged: 0 };
        let mut window = Window { file: &self.file, at: from, to, bytes: Vec::new(), begin: 0 };
        loop {
            let len = length(window.fill(HEADER)?).unwrap_or_default();
            let bytes = window.fill(len)?;
            let Some(len) = frame(bytes) else {
                if bytes.len() < HEADER {
                    return Ok(scanned);
                }
                window.skip_to_magic();
                continue;
            };
            let place = Place { at: window.at, len: len as u32 };
            if let Some((key, value)) = window.held()[HEADER..len].split_first_chunk() {
                each(Frame { place, key, value })?;
            }
            scanned = Scanned { end: place.end(), damaged: scanned.damaged + place.at - scanned.end };
            window.skip(len);
        }
    }
}

/// The length of what begins as a frame does, the header with it.
fn length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let len = u32::from_le_bytes(*rest.first_chunk()?) as usize;
    (KEY..=LONGEST).contains(&len).then_some(HEADER + len)
}

/// The length of the whole frame that stands in front.
fn frame(bytes: &[u8]) -> Option<usize> {
    let len = length(bytes)?;
    let body = bytes.get(HEADER..len)?;
    let checksum = u32::from_le_bytes(*bytes[8..].first_chunk()?);
    (crc32fast::hash(body) == checksum).then_some(len)
}

/// A part of the file in memory.
struct Window<'a> {
    file: &'a File,
    /// Where it begins in the file, and how far it may reach.
    at: u64,
    to: u64,
    bytes: Vec<u8>,
    /// What stands before in `bytes` was skipped.
    begin: usize,
}

impl Window<'_> {
    fn held(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }

    /// Holds at least so many bytes, if there are so many.
    fn fill(&mut self, len: usize) -> io::Result<&[u8]> {
        let held = self.held().len();
        if held < len {
            self.bytes.drain(..self.begin);
            self.begin = 0;
            let wanted = (self.to - self.at).min(len.max(BLOCK) as u64);
            self.bytes.resize(wanted as usize, 0);
            let mut filled = held;
            while filled < self.bytes.len() {
                match self.file.read_at(&mut self.bytes[filled..], self.at + filled as u64) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.bytes.truncate(filled);
        }
        Ok(self.held())
    }

    fn skip(&mut self, len: usize) {
        self.begin += len;
        self.at += len as u64;
    }

    /// To where a frame may begin next.
    fn skip_to_magic(&mut self) {
        let held = self.held();
        let next = memchr::memmem::find(&held[1..], &MAGIC).map(|at| at + 1);
        // The first bytes of one may stand at the end.
        let len = next.unwrap_or(held.len().saturating_sub(MAGIC.len() - 1).max(1));
        self.skip(len);
    }
}

#[cfg(test)]
mod tests;
