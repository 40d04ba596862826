//! Program status: what programs say about themselves by OSC 7501, the Program Status Protocol (revisions 0.2 and 0.3).
//!
//! Its text was read in the documents and tests of terminals that implement it, which agree on what is here; where they
//! differ (an id outside the grammar, a text that is repeated), the whole report is discarded: nobody's record is
//! replaced by mistake.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use codepiper_protocol::wire::status::{
    BlockedKind, LONGEST_APP, LONGEST_ID, LONGEST_MESSAGE, LONGEST_TITLE, ProgramState, StatusRecord,
    StatusReport, StatusSource, is_id, is_name,
};
use jiff::Timestamp;

/// A report from its ESC to its end.
const LONGEST_SEQUENCE: usize = 4096;
/// `ESC ] 7501 ;` and the longer of its two ends.
const FRAME: usize = 9;
const LONGEST_KEY: usize = 16;
/// So many records of one source are kept: as many as a terminal has to.
const MOST_RECORDS: usize = 64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands behind `7501;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// The program asks whether it is understood.
    Query,
    Report(StatusReport),
}

/// `None`: nothing that counts.
pub fn parse(body: &str) -> Option<Sequence> {
    if body.len() + FRAME > LONGEST_SEQUENCE {
        return None;
    }
    if body.trim() == "?" {
        return Some(Sequence::Query);
    }
    let mut pairs = Pairs::default();
    for (key, value) in body.split(':').filter_map(|pair| pair.split_once('=')) {
        pairs.take(key.trim(), value.trim())?;
    }
    let state = match pairs.state? {
        "clear" => None,
        name => Some(ProgramState::ALL.into_iter().find(|state| state.as_str() == name)?),
    };
    let progress = pairs.progress.filter(|_| state.is_some_and(ProgramState::is_transient));
    let kind = pairs.kind.filter(|_| state == Some(ProgramState::Blocked));
    let Pairs { id, app, title, message, .. } = pairs;
    let own = |text: &str| text.to_owned();
    Some(Sequence::Report(StatusReport {
        state,
        id: id.map(own),
        kind,
        progress,
        app: app.map(own),
        title,
        message,
    }))
}

/// The last value of each key.
#[derive(Default)]
struct Pairs<'a> {
    state: Option<&'a str>,
    id: Option<&'a str>,
    kind: Option<BlockedKind>,
    progress: Option<u8>,
    app: Option<&'a str>,
    title: Option<String>,
    message: Option<String>,
}

impl<'a> Pairs<'a> {
    /// `None` when the whole report is to be discarded. Malformed pairs and unknown keys are passed over.
    fn take(&mut self, key: &str, value: &'a str) -> Option<()> {
        if key.len() > LONGEST_KEY {
            return None;
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.,+/=-".contains(&byte);
        let well_formed = value.bytes().all(allowed);
        match key {
            // Otherwise it would be taken for a report of the program itself.
            "id" => self.id = Some(Some(value).filter(|id| id.len() <= LONGEST_ID && is_id(id))?),
            "app" if value.len() > LONGEST_APP => return None,
            _ if !well_formed => {}
            "state" => self.state = Some(value),
            "kind" => self.kind = BlockedKind::ALL.into_iter().find(|kind| kind.as_str() == value),
            "progress" => {
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                self.progress = value.parse().ok().filter(|progress| digits && *progress <= 100);
            }
            "app" => self.app = Some(value).filter(|app| is_name(app)),
            "title" => self.title = Some(decode(value, LONGEST_TITLE)?),
            "msg" => self.message = Some(decode(value, LONGEST_MESSAGE)?),
            _ => {}
        }
        Some(())
    }
}

/// One line of UTF-8 in Base64.
fn decode(encoded: &str, longest: usize) -> Option<String> {
    let text = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    (text.len() <= longest && !text.chars().any(char::is_control)).then_some(text)
}

/// What the programs of one terminal say about themselves.
#[derive(Default)]
pub struct Table {
    /// The one that was replaced last stands last.
    records: Vec<StatusRecord>,
    /// The bar of OSC 9;4, which has no words.
    bar: Option<(ProgramState, Option<u8>, Timestamp)>,
}

impl Table {
    /// Takes a report that is within the limits.
    pub fn apply(&mut self, source: StatusSource, report: StatusReport, at: Timestamp) {
        let id = report.id.clone();
        let Some(record) = report.record(source, at) else {
            self.records.retain(|record| record.source != source || !is_below(record, id.as_deref()));
            return;
        };
        self.records.retain(|other| other.source != source || other.id != record.id);
        let of_source = |record: &StatusRecord| record.source == source;
        if self.records.iter().filter(|record| of_source(record)).count() == MOST_RECORDS
            && let Some(oldest) = self.records.iter().position(of_source)
        {
            self.records.remove(oldest);
        }
        self.records.push(record);
    }

    /// OSC 9;4: off, normal, error, indeterminate, paused.
    pub fn set_bar(&mut self, state: u8, progress: Option<u8>, at: Timestamp) {
        self.bar = match state {
            0 => None,
            2 => Some((ProgramState::Error, progress, at)),
            3 => Some((ProgramState::Working, None, at)),
            _ => Some((ProgramState::Working, progress, at)),
        };
    }

    /// Their programs have ended: only what they ended with stays. True when that changed anything.
    pub fn end(&mut self) -> bool {
        let before = (self.records.len(), self.bar.take().is_some());
        self.records.retain(|record| !record.state.is_transient());
        before != (self.records.len(), false)
    }

    /// The terminal was reset by its program.
    pub fn reset(&mut self) {
        self.bar = None;
        self.records.retain(|record| record.source != StatusSource::Terminal);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What they say together, of the sources that count: one that is blocked needs a person, whatever the others do.
    pub fn stated(&self, counts: impl Fn(StatusSource) -> bool) -> Option<&StatusRecord> {
        let counted = || self.records.iter().rev().filter(|record| counts(record.source));
        let in_state = |state| counted().find(move |record| record.state == state);
        in_state(ProgramState::Blocked)
            .or_else(|| in_state(ProgramState::Working))
            .or_else(|| counted().next())
    }

    /// The record that matters most to a person: one that is blocked, then what the program says of itself as a whole, then
    /// what one of its parts does. A progress of the whole stands for a part that has none.
    pub fn shown(&self) -> Option<StatusRecord> {
        let newest =
            |fits: &dyn Fn(&StatusRecord) -> bool| self.records.iter().rev().find(|record| fits(record));
        let whole = newest(&|record| record.id.is_none() && record.state.is_transient());
        let found = newest(&|record| record.state == ProgramState::Blocked)
            .or(whole)
            .or_else(|| newest(&|record| record.state == ProgramState::Working))
            .or_else(|| newest(&|record| record.id.is_none()))
            .or(self.records.last());
        let Some(found) = found else {
            let (state, progress, at) = self.bar?;
            let report = StatusReport { progress, ..StatusReport::new(Some(state)) };
            return report.record(StatusSource::Terminal, at);
        };
        let mut shown = self.named(found);
        if shown.state.is_transient() {
            let of_whole = whole.and_then(|whole| whole.progress);
            shown.progress = shown.progress.or(of_whole).or(self.bar.and_then(|(_, progress, _)| progress));
        }
        Some(shown)
    }

    /// All, by id.
    pub fn list(&self) -> Vec<StatusRecord> {
        let mut all: Vec<_> = self.records.iter().map(|record| self.named(record)).collect();
        all.sort_by(|one, other| (&one.id, one.source).cmp(&(&other.id, other.source)));
        all
    }

    /// A record without a name has that of the nearest one above it.
    fn named(&self, record: &StatusRecord) -> StatusRecord {
        let above =
            |other: &&StatusRecord| other.source == record.source && is_below(record, other.id.as_deref());
        let depth = |other: &&StatusRecord| other.id.as_ref().map_or(0, String::len);
        let named = self.records.iter().filter(above).filter(|other| other.app.is_some()).max_by_key(depth);
        StatusRecord { app: named.and_then(|other| other.app.clone()), ..record.clone() }
    }
}

/// It has this id, or one below it. Everything is below the program itself.
fn is_below(record: &StatusRecord, id: Option<&str>) -> bool {
    let Some(id) = id else { return true };
    let rest = record.id.as_deref().and_then(|own| own.strip_prefix(id));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
