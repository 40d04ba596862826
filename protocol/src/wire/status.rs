//! Program status on the wire: what programs say about themselves (OSC 7501, `codepiper report`).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::visible::is_hidden;

/// Longest texts of a report, in bytes.
pub const LONGEST_MESSAGE: usize = 2048;
pub const LONGEST_TITLE: usize = 192;
/// Longest id, its longest part, and the most parts it may have.
pub const LONGEST_ID: usize = 128;
pub const LONGEST_SEGMENT: usize = 32;
pub const MOST_SEGMENTS: usize = 8;
/// Longest name of a program.
pub const LONGEST_APP: usize = 32;

/// What a program says it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ProgramState {
    /// At rest.
    Idle,
    Working,
    /// Finished, with a result.
    Done,
    /// Needs the user to continue.
    Blocked,
    /// Failed and stopped.
    Error,
}

impl ProgramState {
    pub const ALL: [ProgramState; 5] = [
        ProgramState::Idle,
        ProgramState::Working,
        ProgramState::Done,
        ProgramState::Blocked,
        ProgramState::Error,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ProgramState::Idle => "idle",
            ProgramState::Working => "working",
            ProgramState::Done => "done",
            ProgramState::Blocked => "blocked",
            ProgramState::Error => "error",
        }
    }

    /// Whether it says what goes on, and means nothing once its program has ended.
    pub fn is_transient(self) -> bool {
        matches!(self, ProgramState::Working | ProgramState::Blocked)
    }
}

impl fmt::Display for ProgramState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a blocked program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum BlockedKind {
    Permission,
    /// A typed answer.
    Question,
    /// A login or token.
    Auth,
}

impl BlockedKind {
    pub const ALL: [BlockedKind; 3] = [BlockedKind::Permission, BlockedKind::Question, BlockedKind::Auth];

    pub fn as_str(self) -> &'static str {
        match self {
            BlockedKind::Permission => "permission",
            BlockedKind::Question => "question",
            BlockedKind::Auth => "auth",
        }
    }
}

impl fmt::Display for BlockedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a report came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum StatusSource {
    /// An OSC 7501 sequence in the output.
    Terminal,
    /// `codepiper report`.
    Command,
}

/// `POST /api/sessions/{ref}/status`: a report of a program in the session. It replaces the record with its `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct StatusReport {
    /// `null` removes the record, and those below it; without an `id`, all records.
    pub state: Option<ProgramState>,
    /// Which part of the work: a path such as `deploy/eu-west`. Default: the program itself.
    #[serde(default)]
    pub id: Option<String>,
    /// Only with `blocked`.
    #[serde(default)]
    pub kind: Option<BlockedKind>,
    /// In percent; only with `working` and `blocked`.
    #[serde(default)]
    pub progress: Option<u8>,
    /// A name for the program: letters, digits, `_.+-`, up to 32.
    #[serde(default)]
    pub app: Option<String>,
    /// One line, up to 192 bytes.
    #[serde(default)]
    pub title: Option<String>,
    /// One line, up to 2,048 bytes.
    #[serde(default)]
    pub message: Option<String>,
}

impl StatusReport {
    pub fn new(state: Option<ProgramState>) -> Self {
        Self { state, id: None, kind: None, progress: None, app: None, title: None, message: None }
    }

    /// What is kept of it; `None` when it removes something.
    pub fn record(self, source: StatusSource, at: Timestamp) -> Option<StatusRecord> {
        let Self { state, id, kind, progress, app, title, message } = self;
        Some(StatusRecord { id, state: state?, kind, progress, app, title, message, source, at })
    }

    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(&self) -> Result<(), String> {
        if let Some(id) = &self.id {
            is_id(id).then_some(()).ok_or_else(|| {
                format!(
                    "invalid id '{}': use up to {MOST_SEGMENTS} parts of letters, digits and _.+- separated \
                     by /, each up to {LONGEST_SEGMENT} bytes, {LONGEST_ID} in total",
                    id.escape_debug()
                )
            })?;
        }
        if let Some(app) = &self.app {
            is_name(app).then_some(()).ok_or_else(|| {
                format!(
                    "invalid app '{}': use up to {LONGEST_APP} letters, digits and _.+-",
                    app.escape_debug()
                )
            })?;
        }
        if self.progress.is_some_and(|progress| progress > 100) {
            return Err("the progress is a percentage from 0 to 100".to_owned());
        }
        if self.kind.is_some() && self.state != Some(ProgramState::Blocked) {
            return Err("a kind is only for the state 'blocked'".to_owned());
        }
        if self.progress.is_some() && !self.state.is_some_and(ProgramState::is_transient) {
            return Err("progress is only for the states 'working' and 'blocked'".to_owned());
        }
        check_text("title", self.title.as_deref(), LONGEST_TITLE)?;
        check_text("message", self.message.as_deref(), LONGEST_MESSAGE)
    }
}

fn check_text(what: &str, text: Option<&str>, longest: usize) -> Result<(), String> {
    let text = text.unwrap_or_default();
    if text.len() > longest {
        return Err(format!("the {what} has {} bytes; the limit is {longest}", text.len()));
    }
    match text.chars().find(|character| character.is_control()) {
        Some(found) => Err(format!("the {what} contains the control character U+{:04X}", u32::from(found))),
        None => Ok(()),
    }
}

/// A path of names.
pub fn is_id(id: &str) -> bool {
    id.len() <= LONGEST_ID && id.split('/').count() <= MOST_SEGMENTS && id.split('/').all(is_name)
}

/// A part of an id, or the name of a program.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    (1..=LONGEST_SEGMENT).contains(&name.len()) && name.bytes().all(allowed)
}

/// What a program said last about one part of its work. These are its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatusRecord {
    /// `null`: the program itself.
    pub id: Option<String>,
    pub state: ProgramState,
    /// What it needs, if it is blocked and says so.
    pub kind: Option<BlockedKind>,
    /// In percent.
    pub progress: Option<u8>,
    /// Its own name, or that of the record above it.
    pub app: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
    pub source: StatusSource,
    pub at: Timestamp,
}

/// `working 40%: Compiling (deploy/eu-west)`. Nothing in it acts on a terminal or hides.
impl fmt::Display for StatusRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(progress) = self.progress {
            write!(f, " {progress}%")?;
        }
        if let Some(kind) = self.kind {
            write!(f, " ({kind})")?;
        }
        for (text, before) in [(&self.message, ": "), (&self.title, ", ")] {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                let shown: String = text.chars().filter(|character| !is_hidden(*character)).collect();
                write!(f, "{before}{shown}")?;
            }
        }
        match &self.id {
            Some(id) => write!(f, " ({id})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: ProgramState) -> StatusReport {
        StatusReport::new(Some(state))
    }

    #[test]
    fn a_report_within_the_limits_is_taken() {
        let full = StatusReport {
            id: Some("deploy/eu-west".into()),
            kind: Some(BlockedKind::Auth),
            progress: Some(100),
            app: Some("terraform".into()),
            title: Some("t".repeat(LONGEST_TITLE)),
            message: Some("é".repeat(LONGEST_MESSAGE / 2)),
            ..report(ProgramState::Blocked)
        };
        assert_eq!(full.check(), Ok(()));
        assert_eq!(StatusReport::new(None).check(), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: &dyn Fn(&mut StatusReport)| {
            let mut report = report(ProgramState::Working);
            change(&mut report);
            report.check().unwrap_err()
        };
        for id in ["", "/", "a//b", "a b", "é", &"x".repeat(33), "1/2/3/4/5/6/7/8/9"] {
            assert!(wrong(&|report| report.id = Some(id.to_owned())).starts_with("invalid id"), "{id}");
        }
        assert!(wrong(&|report| report.app = Some("a b".into())).starts_with("invalid app"));
        assert!(wrong(&|report| report.progress = Some(101)).contains("0 to 100"));
        assert!(wrong(&|report| report.kind = Some(BlockedKind::Auth)).contains("'blocked'"));
        let done = StatusReport { progress: Some(1), ..report(ProgramState::Done) };
        assert!(done.check().unwrap_err().contains("'working' and 'blocked'"));
        assert!(wrong(&|report| report.message = Some("x".repeat(2049))).contains("2049 bytes"));
        assert!(wrong(&|report| report.title = Some("a\nb".into())).contains("U+000A"));
    }

    #[test]
    fn a_record_is_shown_without_what_hides() {
        let said = StatusReport {
            id: Some("eu".into()),
            progress: Some(40),
            message: Some("push \u{202e}ing".into()),
            ..report(ProgramState::Working)
        };
        let record = said.record(StatusSource::Terminal, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(record.to_string(), "working 40%: push ing (eu)");
    }
}
