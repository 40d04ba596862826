//! A record, its line in the file, and its hash.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Error, Result};

/// The number of a record, from 1.
pub type Seq = u64;

/// What every JSON reader can count to.
pub(super) const MAX_SEQ: Seq = 1 << 53;

/// The longest kind, actor, session and data, in bytes; data as JSON.
pub const MAX_KIND: usize = 64;
pub const MAX_ACTOR: usize = 256;
pub const MAX_SESSION: usize = 128;
pub const MAX_DATA: usize = 64 << 10;

/// No line is longer: the fields with every byte escaped (six bytes each), and what stands around them.
pub(super) const MAX_LINE: usize = MAX_DATA + 6 * (MAX_KIND + MAX_ACTOR + MAX_SESSION) + 512;

/// Kinds that the audit writes itself: numbers that are missing, a finding of `open`, a shortened start, its
/// announcement, and what could not be recorded.
pub(super) const GAP: &str = "gap";
pub(super) const ALARM: &str = "alarm";
pub(super) const PRUNED: &str = "pruned";
pub(super) const PRUNE: &str = "prune";
pub(super) const UNRECORDED: &str = "unrecorded";
/// Who writes those.
pub(super) const SELF: &str = "audit";

/// SHA-256 of a record; zeros stand before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// 64 small hexadecimal digits and nothing else: one hash has one form.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not a SHA-256 in lowercase hexadecimal digits"))
    }
}

/// What is to be recorded. The number, the time and the hashes come from the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// What happened, as `decision`; at most [`MAX_KIND`] bytes.
    pub kind: String,
    /// Who did it: a device, a rule, an agent; at most [`MAX_ACTOR`] bytes.
    pub actor: String,
    /// At most [`MAX_SESSION`] bytes.
    pub session: Option<String>,
    /// At most [`MAX_DATA`] bytes as JSON.
    pub data: Value,
}

/// A record as it stands in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub seq: Seq,
    /// What the clock of the machine said, in whole milliseconds.
    #[serde(serialize_with = "to_the_millisecond")]
    pub at: Timestamp,
    pub kind: String,
    pub actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub data: Value,
    /// By how much that clock was behind the record before, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_back_ms: Option<u64>,
    pub prev: Hash,
    pub hash: Hash,
}

/// A record as it is hashed.
#[derive(Serialize)]
struct Unsealed<'a> {
    seq: Seq,
    #[serde(serialize_with = "to_the_millisecond")]
    at: Timestamp,
    kind: &'a str,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    data: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_back_ms: Option<u64>,
    prev: Hash,
}

/// What a walk along the chain needs of a record.
#[derive(Deserialize)]
pub(super) struct Link<'a> {
    pub seq: Seq,
    pub at: Timestamp,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(default)]
    pub clock_back_ms: Option<u64>,
    pub prev: Hash,
    pub hash: Hash,
}

/// What filters look at.
#[derive(Deserialize)]
pub(super) struct Brief<'a> {
    pub seq: Seq,
    pub at: Timestamp,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub actor: Cow<'a, str>,
    #[serde(borrow, default)]
    pub session: Option<Cow<'a, str>>,
}

/// `data` of a record of ours.
#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub data: T,
}

/// Where a record stands in the chain.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub seq: Seq,
    pub at: Timestamp,
    pub clock_back_ms: Option<u64>,
    pub prev: Hash,
}

pub(super) fn to_the_millisecond<S: Serializer>(
    at: &Timestamp,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// What stands behind the part that is hashed: a comma, the member, the bracket.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
const SEAL: usize = BEFORE_HASH.len() + 64 + 2;

impl NewRecord {
    /// # Errors
    /// When a field is too long, or the kind is one of the audit's own.
    pub(super) fn check(&self) -> Result<()> {
        if self.kind.is_empty() || [GAP, ALARM, PRUNED, PRUNE, UNRECORDED].contains(&self.kind.as_str()) {
            return Err(Error::Kind(self.kind.clone()));
        }
        let session = self.session.as_deref().unwrap_or_default();
        for (field, value, limit) in [
            ("kind", self.kind.as_str(), MAX_KIND),
            ("actor", &self.actor, MAX_ACTOR),
            ("session", session, MAX_SESSION),
        ] {
            if value.len() > limit {
                return Err(Error::TooLong { field, bytes: value.len(), limit });
            }
        }
        let bytes = data_length(&self.data)?;
        match bytes > MAX_DATA {
            true => Err(Error::TooLong { field: "data", bytes, limit: MAX_DATA }),
            false => Ok(()),
        }
    }

    /// Appends the record's line, with its end, and returns its hash.
    pub(super) fn put(&self, place: Place, out: &mut Vec<u8>) -> Result<Hash> {
        let Place { seq, at, clock_back_ms, prev } = place;
        let session = self.session.as_deref();
        let Self { kind, actor, data, .. } = self;
        let body = Unsealed { seq, at, kind, actor, session, data, clock_back_ms, prev };
        let begin = out.len();
        let unreadable = |error: serde_json::Error| Error::Data(error.to_string());
        serde_json::to_writer(&mut *out, &body).map_err(unreadable)?;
        let hash = sha256(&[&out[begin..]]);
        out.pop();
        out.extend_from_slice(BEFORE_HASH);
        out.extend_from_slice(hash.to_string().as_bytes());
        out.extend_from_slice(b"\"}");
        // What is nested more deeply than a reader goes can be written.
        serde_json::from_slice::<Record>(&out[begin..]).map_err(unreadable)?;
        out.push(b'\n');
        Ok(hash)
    }
}

/// How many bytes a value has as JSON.
fn data_length(data: &Value) -> Result<usize> {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, data).map_err(|error| Error::Data(error.to_string()))?;
    Ok(count.0)
}

pub(super) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = Hash::default();
    hash.0.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash that a line says it has, and the one that it has. `None`: it does not end with a hash.
pub(super) fn seal(line: &[u8]) -> Option<(Hash, Hash)> {
    let (body, seal) = line.split_at_checked(line.len().checked_sub(SEAL)?)?;
    let said = seal.strip_prefix(BEFORE_HASH)?.strip_suffix(b"\"}")?;
    let said = Hash::parse(str::from_utf8(said).ok()?)?;
    Some((said, sha256(&[body, b"}"])))
}

/// A time in whole milliseconds.
pub(super) fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
