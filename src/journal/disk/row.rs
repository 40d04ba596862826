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

use crate::journal::{Checkpoint, Content, Entry, Last, Mark, Position};

/// Below this, compressing is not worth its header.
const COMPRESSED_FROM: usize = 512;
/// Nothing that is decompressed is larger: a chunk of output, or a screen.
const DECOMPRESSED_MAX: usize = 64 << 20;

/// The first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Output packed into chunks, and marks.
    Log = b'l',
    /// Output that waits to be packed.
    Tail = b't',
    Checkpoint = b'c',
    /// The end of a session's log.
    Last = b'z',
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Log, Kind::Tail, Kind::Checkpoint, Kind::Last];
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
    Zstd { bytes: &'a [u8], len: usize },
}

impl Body<'_> {
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Body::Plain(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Body::Zstd { bytes, len } => decompress(bytes, *len),
        }
    }
}

pub fn output(pieces: &[Piece], raw: &[u8], zstd: &mut Compressor<'_>) -> Vec<u8> {
    let packed = (raw.len() >= COMPRESSED_FROM).then(|| zstd.compress(raw).ok()).flatten();
    let packed = packed.filter(|packed| packed.len() < raw.len());
    let form = if packed.is_some() { form::OUTPUT_ZSTD } else { form::OUTPUT };
    let body = packed.as_deref().unwrap_or(raw);
    let mut value = Vec::with_capacity(body.len() + 16 + pieces.len() * 8);
    value.push(form);
    put(&mut value, pieces.len() as u64);
    let mut time = 0;
    for piece in pieces {
        put(&mut value, u64::from(piece.len));
        put_signed(&mut value, piece.time.wrapping_sub(time));
        put(&mut value, u64::from(piece.newlines));
        time = piece.time;
    }
    value.extend_from_slice(body);
    value
}

/// What stands in a value under a key of [`Kind::Log`] or [`Kind::Tail`].
pub fn parse(value: &[u8]) -> Option<Row<'_>> {
    let (&form, mut rest) = value.split_first()?;
    match form {
        form::OUTPUT | form::OUTPUT_ZSTD => {
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
pub fn entries(at: Position, row: Row<'_>) -> Option<Vec<Entry>> {
    match row {
        Row::Mark { time, mark } => Some(vec![Entry { at, time, content: Content::Mark(Arc::new(mark)) }]),
        Row::Output { pieces, body } => {
            let mut bytes = body.bytes()?;
            let mut at = at;
            let mut entries = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let content = Content::Output(bytes.split_to(piece.len as usize));
                entries.push(Entry { at, time: piece.time, content });
                at = Position::at(at.offset + u64::from(piece.len));
            }
            Some(entries)
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

pub fn last(last: &Last) -> Vec<u8> {
    let mut value = vec![form::LAST];
    put(&mut value, u64::from(last.epoch));
    put(&mut value, last.end.offset);
    put(&mut value, u64::from(last.end.mark));
    put_signed(&mut value, last.time);
    value
}

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
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for number in [0, 1, -1, 63, -64, 1_700_000_000_000, i64::MAX, i64::MIN] {
            let mut value = Vec::new();
            put_signed(&mut value, number);
            put(&mut value, number as u64);
            let mut rest = &value[..];
            assert_eq!((take_signed(&mut rest), take(&mut rest)), (Some(number), Some(number as u64)));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn keys_sort_as_places_do() {
        let (one, two) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let places = [
            key(Kind::Log, one, Position::at(0)),
            key(Kind::Log, one, Position { offset: 255, mark: 3 }),
            key(Kind::Log, one, Position::at(256)),
            last_key(Kind::Log, one),
            key(Kind::Log, two, Position::at(0)),
            key(Kind::Tail, one, Position::at(0)),
        ];
        assert!(places.is_sorted());
        assert_eq!(parse_key(&places[1]), Some((one, Position { offset: 255, mark: 3 })));
    }

    #[test]
    fn rows_round_trip_and_no_prefix_of_one_is_taken_for_it() {
        let zstd = &mut Compressor::new(1).unwrap();
        let at = Position { offset: 7, mark: 2 };
        let raw = "some output\n".repeat(100);
        let pieces = [Piece::of(5, &raw.as_bytes()[..700]), Piece::of(-3, &raw.as_bytes()[700..])];
        let value = output(&pieces, raw.as_bytes(), zstd);
        assert!(value.len() < raw.len() / 2);
        let read = entries(at, parse(&value).unwrap()).unwrap();
        assert_eq!((read[0].at, read[0].time, read[1].time), (at, 5, -3));
        assert_eq!(read[1].end(), Position::at(7 + raw.len() as u64));

        let size = Size::DEFAULT;
        let exit = Exit {
            code: Some(3),
            signal: None,
            reason: codepiper_protocol::wire::session::ExitReason::Exited,
        };
        for stored in [
            Mark::Keyframe { size, screen: Bytes::from(raw.clone()), reason: KeyframeReason::Resize },
            Mark::Keyframe { size, screen: Bytes::new(), reason: KeyframeReason::Healed },
            Mark::Gap { epoch: 3, reason: GapReason::Paused, lost: Lost::Lines(4) },
            Mark::Ended { exit: Some(exit) },
        ] {
            let value = mark(9, &stored, zstd).unwrap();
            let expected = Entry { at, time: 9, content: Content::Mark(Arc::new(stored)) };
            assert_eq!(entries(at, parse(&value).unwrap()), Some(vec![expected]));
            for end in 0..value.len().min(20) {
                assert!(parse(&value[..end]).is_none());
            }
        }
        let saved = Checkpoint { offset: 12, size, screen: Bytes::from(raw), scrolled: Some(7) };
        assert_eq!(parse_checkpoint(12, &checkpoint(&saved, zstd).unwrap()), Some(saved));
        let stored = Last { epoch: 1, end: at, time: 44 };
        assert_eq!(parse_last(&last(&stored)), Some(stored));
    }
}
