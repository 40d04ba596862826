//! Keys and values of the rows of a generation.
//!
//! A key is one byte for the kind of row, the session, and the place in its log, so that a range of
//! keys is a piece of a log, in order. A value begins with a byte that names its form; later versions
//! add forms and keep reading these.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{SessionId, Size};
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use super::segment::{Place, Segment};
use crate::journal::{Checkpoint, Content, Entry, Last, Mark, Position};

/// Below this, compressing is not worth its header.
const COMPRESSED_FROM: usize = 512;
/// Nothing that is decompressed is larger: a chunk of output, or a screen.
const DECOMPRESSED_MAX: usize = 64 << 20;

/// The first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Output, and marks.
    Log = b'l',
    Checkpoint = b'c',
    /// The session was removed: what stands before it in the segment does not count.
    Removed = b'x',
    /// Output that waits to be packed, as older versions left it.
    Tail = b't',
    /// The end of a session's log, as older versions left it.
    Last = b'z',
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Log, Kind::Checkpoint, Kind::Removed, Kind::Tail, Kind::Last];

    pub fn of(key: &Key) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == key[0])
    }
}

pub type Key = [u8; 29];

pub fn key(kind: Kind, session: SessionId, at: Position) -> Key {
    let mut key = [0; 29];
    key[0] = kind as u8;
    key[1..17].copy_from_slice(&session.to_bytes());
    key[17..25].copy_from_slice(&at.offset.to_be_bytes());
    key[25..].copy_from_slice(&at.mark.to_be_bytes());
    key
}

/// The greatest key of a session's rows of this kind.
pub fn last_key(kind: Kind, session: SessionId) -> Key {
    key(kind, session, Position { offset: u64::MAX, mark: u32::MAX })
}

pub fn parse_key(key: &[u8]) -> Option<(SessionId, Position)> {
    let key: &Key = key.try_into().ok()?;
    let session = SessionId::from_bytes(key[1..17].try_into().ok()?);
    let offset = u64::from_be_bytes(key[17..25].try_into().ok()?);
    let mark = u32::from_be_bytes(key[25..].try_into().ok()?);
    Some((session, Position { offset, mark }))
}

/// The form of a value.
mod form {
    pub const OUTPUT: u8 = 1;
    pub const OUTPUT_ZSTD: u8 = 2;
    pub const MARK: u8 = 3;
    pub const CHECKPOINT: u8 = 4;
    pub const LAST: u8 = 5;
    pub const PLACED: u8 = 6;
}

/// A piece of a row of output that came at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub len: u32,
    /// Milliseconds since 1970.
    pub time: i64,
    pub newlines: u32,
}

impl Piece {
    pub fn of(time: i64, bytes: &[u8]) -> Self {
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u32;
        Self { len: bytes.len() as u32, time, newlines }
    }
}

/// What a row of a log holds, before anything is decompressed.
pub enum Row<'a> {
    Output { pieces: Vec<Piece>, body: Body<'a> },
    Mark { time: i64, mark: Mark },
}

pub enum Body<'a> {
    Plain(&'a [u8]),
    Zstd {
        bytes: &'a [u8],
        len: usize,
    },
    /// In this frame of the segment.
    Placed(Place),
}

impl Body<'_> {
    /// # Errors
    /// When the segment cannot be read, or does not hold what it should.
    pub fn bytes(&self, segment: Option<&Segment>) -> io::Result<Bytes> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a row of output cannot be read");
        match self {
            Body::Plain(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            Body::Zstd { bytes, len } => decompress(bytes, *len).ok_or_else(damaged),
            Body::Placed(place) => {
                let value = segment.ok_or_else(damaged)?.value(*place)?;
                match parse(&value) {
                    Some(Row::Output { body: Body::Placed(_), .. } | Row::Mark { .. }) | None => {
                        Err(damaged())
                    }
                    Some(Row::Output { body, .. }) => body.bytes(None),
                }
            }
        }
    }
}

/// The row of output that stands in this frame of the segment.
pub fn placed(pieces: &[Piece], place: Place) -> Vec<u8> {
    let mut value = vec![form::PLACED];
    put_pieces(&mut value, pieces);
    put(&mut value, place.at);
    put(&mut value, u64::from(place.len));
    value
}

pub fn output(pieces: &[Piece], raw: &[u8], zstd: &mut Compressor<'_>) -> Vec<u8> {
    let packed = (raw.len() >= COMPRESSED_FROM).then(|| zstd.compress(raw).ok()).flatten();
    let packed = packed.filter(|packed| packed.len() < raw.len());
    let form = if packed.is_some() { form::OUTPUT_ZSTD } else { form::OUTPUT };
    let body = packed.as_deref().unwrap_or(raw);
    let mut value = Vec::with_capacity(body.len() + 16 + pieces.len() * 8);
    value.push(form);
    put_pieces(&mut value, pieces);
    value.extend_from_slice(body);
    value
}

fn put_pieces(value: &mut Vec<u8>, pieces: &[Piece]) {
    put(value, pieces.len() as u64);
    let mut time = 0;
    for piece in pieces {
        put(value, u64::from(piece.len));
        put_signed(value, piece.time.wrapping_sub(time));
        put(value, u64::from(piece.newlines));
        time = piece.time;
    }
}

/// What stands in a value under a key of [`Kind::Log`] or [`Kind::Tail`].
pub fn parse(value: &[u8]) -> Option<Row<'_>> {
    let (&form, mut rest) = value.split_first()?;
    match form {
        form::OUTPUT | form::OUTPUT_ZSTD | form::PLACED => {
            let count = usize::try_from(take(&mut rest)?).ok().filter(|count| *count <= value.len())?;
            let mut pieces = Vec::with_capacity(count);
            let (mut time, mut len) = (0i64, 0usize);
            for _ in 0..count {
                let piece = Piece {
                    len: take(&mut rest)?.try_into().ok()?,
                    time: time.wrapping_add(take_signed(&mut rest)?),
                    newlines: take(&mut rest)?.try_into().ok()?,
                };
                time = piece.time;
                len += piece.len as usize;
                pieces.push(piece);
            }
            let body = match form {
                form::OUTPUT => Body::Plain(rest),
                form::PLACED => {
                    let (at, len) = (take(&mut rest)?, take(&mut rest)?);
                    Body::Placed(Place { at, len: len.try_into().ok()? })
                }
                _ => Body::Zstd { bytes: rest, len },
            };
            (form != form::OUTPUT || rest.len() == len).then_some(Row::Output { pieces, body })
        }
        form::MARK => {
            let (header, body): (MarkHeader, _) = parse_headed(rest)?;
            let mark = match header.mark {
                StoredMark::Keyframe { size, reason, len } => {
                    Mark::Keyframe { size, screen: decompress(body, len)?, reason }
                }
                StoredMark::Gap { epoch, reason, lost } => Mark::Gap { epoch, reason, lost },
                StoredMark::Ended { exit } => Mark::Ended { exit },
            };
            Some(Row::Mark { time: header.time, mark })
        }
        _ => None,
    }
}

/// The entries of one row.
pub fn entries(at: Position, row: Row<'_>, segment: Option<&Segment>) -> io::Result<Vec<Entry>> {
    match row {
        Row::Mark { time, mark } => Ok(vec![Entry { at, time, content: Content::Mark(Arc::new(mark)) }]),
        Row::Output { pieces, body } => {
            let mut bytes = body.bytes(segment)?;
            if bytes.len() as u64 != pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a row of output has another length"));
            }
            let mut at = at;
            let mut entries = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let content = Content::Output(bytes.split_to(piece.len as usize));
                entries.push(Entry { at, time: piece.time, content });
                at = Position::at(at.offset + u64::from(piece.len));
            }
            Ok(entries)
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MarkHeader {
    time: i64,
    mark: StoredMark,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredMark {
    /// The screen follows, compressed.
    Keyframe {
        size: Size,
        reason: KeyframeReason,
        len: usize,
    },
    Gap {
        epoch: u32,
        reason: GapReason,
        lost: Lost,
    },
    Ended {
        exit: Option<Exit>,
    },
}

pub fn mark(time: i64, mark: &Mark, zstd: &mut Compressor<'_>) -> io::Result<Vec<u8>> {
    let (mark, screen) = match mark {
        Mark::Keyframe { size, screen, reason } => {
            (StoredMark::Keyframe { size: *size, reason: *reason, len: screen.len() }, &screen[..])
        }
        Mark::Gap { epoch, reason, lost } => {
            (StoredMark::Gap { epoch: *epoch, reason: *reason, lost: *lost }, &[][..])
        }
        Mark::Ended { exit } => (StoredMark::Ended { exit: *exit }, &[][..]),
    };
    let body = if screen.is_empty() { Vec::new() } else { zstd.compress(screen)? };
    headed(form::MARK, &MarkHeader { time, mark }, &body)
}

#[derive(Serialize, Deserialize)]
struct CheckpointHeader {
    size: Size,
    len: usize,
    #[serde(default)]
    scrolled: Option<u64>,
}

pub fn checkpoint(checkpoint: &Checkpoint, zstd: &mut Compressor<'_>) -> io::Result<Vec<u8>> {
    let header = CheckpointHeader {
        size: checkpoint.size,
        len: checkpoint.screen.len(),
        scrolled: checkpoint.scrolled,
    };
    headed(form::CHECKPOINT, &header, &zstd.compress(&checkpoint.screen)?)
}

pub fn parse_checkpoint(offset: u64, value: &[u8]) -> Option<Checkpoint> {
    let (&form, rest) = value.split_first()?;
    if form != form::CHECKPOINT {
        return None;
    }
    let (header, body): (CheckpointHeader, _) = parse_headed(rest)?;
    let screen = decompress(body, header.len)?;
    Some(Checkpoint { offset, size: header.size, screen, scrolled: header.scrolled })
}

/// The end of a session's log, as older versions wrote it.
pub fn parse_last(value: &[u8]) -> Option<Last> {
    let (&form, mut rest) = value.split_first()?;
    if form != form::LAST {
        return None;
    }
    let epoch = take(&mut rest)?.try_into().ok()?;
    let end = Position { offset: take(&mut rest)?, mark: take(&mut rest)?.try_into().ok()? };
    Some(Last { epoch, end, time: take_signed(&mut rest)? })
}

/// The form, the length of the header, the header as JSON, the body.
fn headed<T: Serialize>(form: u8, header: &T, body: &[u8]) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    let mut value = Vec::with_capacity(header.len() + body.len() + 4);
    value.push(form);
    put(&mut value, header.len() as u64);
    value.extend_from_slice(&header);
    value.extend_from_slice(body);
    Ok(value)
}

fn parse_headed<'a, T: Deserialize<'a>>(mut rest: &'a [u8]) -> Option<(T, &'a [u8])> {
    let len = usize::try_from(take(&mut rest)?).ok()?;
    let (header, body) = rest.split_at_checked(len)?;
    Some((serde_json::from_slice(header).ok()?, body))
}

fn decompress(bytes: &[u8], len: usize) -> Option<Bytes> {
    if len == 0 && bytes.is_empty() {
        return Some(Bytes::new());
    }
    let raw = zstd::bulk::decompress(bytes, len.min(DECOMPRESSED_MAX)).ok()?;
    (raw.len() == len).then(|| Bytes::from(raw))
}

/// Seven bits a byte, the lowest first.
fn put(value: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        value.push(number as u8 | 0x80);
        number >>= 7;
    }
    value.push(number as u8);
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn put_signed(value: &mut Vec<u8>, number: i64) {
    put(value, ((number << 1) ^ (number >> 63)) as u64);
}

fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    let number = take(rest)?;
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cfg(test)]
mod tests;
