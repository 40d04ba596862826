//! What was taken from the cache, as frames of a segment.

use std::io;

use codepiper_protocol::SessionId;
use zstd::bulk::Compressor;

use super::cache::Taken;
use super::row::{self, Kind, Piece};
use super::segment;
use crate::journal::memory::CHUNK;
use crate::journal::{Content, Position};

/// What of a session is written at once. A frame holds at most [`CHUNK`] bytes of output.
pub fn put(out: &mut Vec<u8>, taken: &Taken, zstd: &mut Compressor<'_>) -> io::Result<()> {
    let mut run =
        Run { session: taken.session, at: Position::default(), raw: Vec::new(), pieces: Vec::new() };
    for entry in &taken.entries {
        match &entry.content {
            Content::Output(bytes) => run.push(entry.at, entry.time, bytes, out, zstd),
            Content::Mark(mark) => {
                run.end(out, zstd);
                let value = row::mark(entry.time, mark, zstd)?;
                segment::put(out, &row::key(Kind::Log, taken.session, entry.at), &value);
            }
        }
    }
    run.end(out, zstd);
    for saved in &taken.checkpoints {
        let key = row::key(Kind::Checkpoint, taken.session, Position::at(saved.offset));
        segment::put(out, &key, &row::checkpoint(saved, zstd)?);
    }
    Ok(())
}

/// Output in a row, on its way into a frame.
struct Run {
    session: SessionId,
    at: Position,
    raw: Vec<u8>,
    pieces: Vec<Piece>,
}

impl Run {
    fn push(
        &mut self,
        mut at: Position,
        time: i64,
        bytes: &[u8],
        out: &mut Vec<u8>,
        zstd: &mut Compressor<'_>,
    ) {
        if at != Position::at(self.at.offset + self.raw.len() as u64) {
            self.end(out, zstd);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.raw.is_empty() {
                self.at = at;
            }
            let (now, later) = rest.split_at(rest.len().min(CHUNK - self.raw.len()));
            self.raw.extend_from_slice(now);
            self.pieces.push(Piece::of(time, now));
            at = Position::at(at.offset + now.len() as u64);
            rest = later;
            if self.raw.len() == CHUNK {
                self.end(out, zstd);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>, zstd: &mut Compressor<'_>) {
        if self.raw.is_empty() {
            return;
        }
        let value = row::output(&self.pieces, &self.raw, zstd);
        segment::put(out, &row::key(Kind::Log, self.session, self.at), &value);
        self.raw.clear();
        self.pieces.clear();
    }
}
