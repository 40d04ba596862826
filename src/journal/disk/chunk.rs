//! Output on its way into chunks: what a session printed since its last chunk, stored meanwhile as
//! small rows, so that nothing waits for a chunk to be full.

use codepiper_protocol::SessionId;
use sled::Batch;
use std::time::Instant;
use zstd::bulk::Compressor;

use super::row::{self, Kind, Piece};
use crate::journal::Position;
use crate::journal::memory::CHUNK;

pub struct OpenChunk {
    session: SessionId,
    at: Position,
    raw: Vec<u8>,
    pieces: Vec<Piece>,
    /// The small rows that hold the first `stored` bytes.
    tails: Vec<Position>,
    stored: usize,
    /// When something came last.
    pub touched: Instant,
}

impl OpenChunk {
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            at: Position::default(),
            raw: Vec::new(),
            pieces: Vec::new(),
            tails: Vec::new(),
            stored: 0,
            touched: Instant::now(),
        }
    }

    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Takes output in; whatever is full goes into the batch as a chunk.
    pub fn push(
        &mut self,
        at: Position,
        time: i64,
        bytes: &[u8],
        batch: &mut Batch,
        zstd: &mut Compressor<'_>,
    ) {
        if at != self.end() {
            self.pack(batch, zstd);
        }
        let mut at = at;
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if self.raw.is_empty() {
                self.at = at;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.raw.len()));
            self.add(Piece::of(time, now), now);
            bytes = later;
            at = Position::at(at.offset + now.len() as u64);
            if self.raw.len() >= CHUNK {
                self.pack(batch, zstd);
            }
        }
        self.touched = Instant::now();
    }

    /// Takes in a small row as a daemon before this one left it.
    pub fn restore(
        &mut self,
        at: Position,
        pieces: &[Piece],
        bytes: &[u8],
        batch: &mut Batch,
        zstd: &mut Compressor<'_>,
    ) {
        if at != self.end() || self.raw.len() + bytes.len() > CHUNK {
            self.pack(batch, zstd);
        }
        if self.raw.is_empty() {
            self.at = at;
        }
        let mut rest = bytes;
        for piece in pieces {
            let (now, later) = rest.split_at((piece.len as usize).min(rest.len()));
            self.add(*piece, now);
            rest = later;
        }
        self.tails.push(at);
        self.stored = self.raw.len();
        if self.raw.len() >= CHUNK {
            // Its daemon had larger chunks.
            self.pack(batch, zstd);
        }
    }

    /// Stores what is not stored yet as a small row.
    pub fn store_tail(&mut self, batch: &mut Batch, zstd: &mut Compressor<'_>) {
        if self.stored == self.raw.len() {
            return;
        }
        let at = match self.stored {
            0 => self.at,
            stored => Position::at(self.at.offset + stored as u64),
        };
        // The pieces of the end, the first one cut.
        let mut left = self.raw.len() - self.stored;
        let mut pieces = Vec::new();
        for piece in self.pieces.iter().rev() {
            let len = left.min(piece.len as usize);
            let start: usize = self.stored + (left - len);
            pieces.push(Piece::of(piece.time, &self.raw[start..start + len]));
            left -= len;
            if left == 0 {
                break;
            }
        }
        pieces.reverse();
        let value = row::output(&pieces, &self.raw[self.stored..], zstd);
        batch.insert(&row::key(Kind::Tail, self.session, at), value);
        self.tails.push(at);
        self.stored = self.raw.len();
    }

    /// Packs everything into a chunk; the small rows go with the same batch.
    pub fn pack(&mut self, batch: &mut Batch, zstd: &mut Compressor<'_>) {
        if self.raw.is_empty() {
            return;
        }
        let value = row::output(&self.pieces, &self.raw, zstd);
        batch.insert(&row::key(Kind::Log, self.session, self.at), value);
        for tail in self.tails.drain(..) {
            batch.remove(&row::key(Kind::Tail, self.session, tail));
        }
        self.raw = Vec::new();
        self.pieces.clear();
        self.stored = 0;
    }

    fn add(&mut self, piece: Piece, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        match self.pieces.last_mut() {
            Some(last) if last.time == piece.time => {
                last.len += piece.len;
                last.newlines += piece.newlines;
            }
            _ => self.pieces.push(piece),
        }
    }

    /// Nowhere while it is empty.
    fn end(&self) -> Position {
        match self.raw.len() {
            0 => Position { offset: u64::MAX, mark: u32::MAX },
            len => Position::at(self.at.offset + len as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_daemon_with_larger_chunks_left_is_gone_on_from() {
        let (mut batch, mut zstd) = (Batch::default(), Compressor::new(1).unwrap());
        let mut chunk = OpenChunk::new(SessionId::random());
        let left = vec![b'x'; CHUNK + 1];
        let at = Position::at(7);
        chunk.restore(at, &[Piece::of(1, &left)], &left, &mut batch, &mut zstd);
        let end = Position::at(7 + left.len() as u64);
        chunk.push(end, 2, b"more", &mut batch, &mut zstd);
        assert_eq!(chunk.len(), 4);
        assert_eq!(chunk.end(), Position::at(end.offset + 4));
    }
}
