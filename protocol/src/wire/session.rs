//! Sessions on the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::auth::LoginId;
use super::meters::Meters;
use super::status::StatusRecord;
use super::worktree::{NewWorktree, Worktree};
use crate::shim::ExitStatus;
use crate::visible::count;
use crate::{Cursor, SessionId, Size};

/// A session, as all clients show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Session {
    pub id: SessionId,
    /// The first 8 hex digits of `id`: what people see and type.
    pub short_id: String,
    pub name: Option<String>,
    pub provider: String,
    /// The arguments given to the provider's program.
    pub args: Vec<String>,
    pub cwd: PathBuf,
    /// The branch checked out in `cwd`, if it lies in a git work tree.
    pub branch: Option<String>,
    pub status: Status,
    pub activity: Activity,
    /// What the session waits for, while `activity` is `waiting`.
    pub waiting_for: Option<WaitingFor>,
    /// The limit, while `waiting_for` is `usage_limit` and it is known.
    #[serde(default)]
    pub limit: Option<UsageLimit>,
    /// What the agent has left running after its turn: commands, subagents, scheduled prompts. While there is any,
    /// `activity` is `working`.
    #[serde(default)]
    pub background: Vec<String>,
    /// `null` while it runs, or if unknown.
    pub exit: Option<Exit>,
    pub size: Size,
    /// Who set the size with `fit`, until they release it.
    pub lease: Option<SizeLease>,
    /// The billing mode; `null` for providers without one.
    pub billing: Option<Billing>,
    /// The env sets in its environment; later ones take precedence.
    pub env_sets: Vec<String>,
    /// What changed in its directory since it was started, committed or not; `null` if that is not known or nobody has
    /// counted yet.
    #[serde(default)]
    pub changes: Option<Changes>,
    /// Whether the agent acts without asking for permission.
    pub dangerous: bool,
    /// The permission mode of its agent, as the agent calls it, e.g. `plan`; `null` until it is known.
    #[serde(default)]
    pub permission_mode: Option<String>,
    /// The worktree created for it.
    pub worktree: Option<Worktree>,
    /// The model it was started with or reported.
    #[serde(default)]
    pub model: Option<String>,
    /// The version of its agent's program, as the running program reported it.
    #[serde(default)]
    pub program_version: Option<String>,
    /// The window title set by the program.
    pub title: Option<String>,
    /// What the program says about itself, in its own words: of several records the one that matters most.
    #[serde(default)]
    pub program_status: Option<StatusRecord>,
    /// The process group of the program, while it runs.
    pub pid: Option<i32>,
    /// The number of natively attached clients.
    pub attached: u32,
    /// What it needs from a person, the oldest first.
    #[serde(default)]
    pub asks: Vec<Ask>,
    /// The number of queued texts.
    #[serde(default)]
    pub queued: u32,
    /// The queued texts are held: a person interrupted the agent. They are sent after its next turn, or when they
    /// are released.
    #[serde(default)]
    pub queue_held: bool,
    /// Words that a person chose, in alphabetical order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Lists show it first.
    #[serde(default)]
    pub pinned: bool,
    /// Lists leave it out unless they are asked for archived sessions. Only an ended session can be archived.
    #[serde(default)]
    pub archived: bool,
    /// What its agent says it has used.
    #[serde(default)]
    pub meters: Option<Meters>,
    /// What is in the foreground of its terminal, for providers without a state of their own, such as `shell`; `null` if
    /// that is not known.
    #[serde(default)]
    pub foreground: Option<Foreground>,
    /// The end of the output so far.
    pub cursor: Cursor,
    pub created_at: Timestamp,
    /// When its program was last started.
    pub started_at: Timestamp,
    /// When `status`, `activity` or `waiting_for` last changed, as far as the daemon knows.
    pub state_since: Timestamp,
    pub updated_at: Timestamp,
}

/// A usage limit that an agent has reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UsageLimit {
    /// `five_hour`, `seven_day` or another name that the agent uses, if it says.
    pub window: Option<String>,
    /// If the agent says.
    pub resets_at: Option<Timestamp>,
    /// When the agent reached it.
    pub at: Timestamp,
}

impl UsageLimit {
    /// Whether it holds, as far as is known.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.resets_at.is_none_or(|reset| now < reset)
    }
}

/// `usage limit, five_hour, resets 12:54 UTC`
impl fmt::Display for UsageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usage limit")?;
        if let Some(window) = &self.window {
            write!(f, ", {window}")?;
        }
        let Some(reset) = self.resets_at else { return Ok(()) };
        let time = reset.to_string();
        let (date, clock) = time.split_once('T').unwrap_or(("", &time));
        let clock = clock.get(..5).unwrap_or(clock);
        // The day, where the hour alone would mean another one.
        match reset.duration_since(self.at) < jiff::SignedDuration::from_hours(24) {
            true => write!(f, ", resets {clock} UTC"),
            false => write!(f, ", resets {date} {clock} UTC"),
        }
    }
}

/// The process group in the foreground of a session's terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Foreground {
    /// Its command line, up to 200 characters; `null` if it is a shell at its prompt.
    pub command: Option<String>,
    pub pid: i32,
    /// When it was started.
    pub since: Timestamp,
}

/// What a shell printed last: sent with the list of sessions, at most once a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Printed {
    pub at: Timestamp,
    /// The last line of its screen that is not empty, up to 200 characters; at a prompt, the one above it.
    pub line: String,
    /// The end of the output then.
    pub cursor: Cursor,
}

/// How much had changed when it was last counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Changes {
    pub files: u32,
    /// Lines.
    pub added: u64,
    pub removed: u64,
    /// Whether all lines were counted: false for large or binary files, and for very many.
    pub whole: bool,
    pub counted_at: Timestamp,
}

/// `+120 −14 in 3 files`
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, added, removed, whole, .. } = self;
        match (files, whole) {
            (0, _) => f.write_str("none"),
            (_, true) => write!(f, "+{added} −{removed} in {}", count(*files, "file")),
            (_, false) => write!(f, "more than +{added} −{removed} in {}", count(*files, "file")),
        }
    }
}

/// Who set a session's size. `POST /api/sessions/{ref}/fit` sets a [`Size`] and takes the lease; `DELETE`
/// releases it and restores the size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SizeLease {
    /// `null`: the command line.
    pub login: Option<LoginId>,
    /// The device of the login, or `command line`.
    pub holder: String,
    pub since: Timestamp,
    /// The size to restore.
    pub size_before: Size,
    /// It follows the window of the only viewer (`fit` on the stream), and is restored when they leave or somebody else looks.
    #[serde(default)]
    pub automatic: bool,
}

/// The billing mode of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// The user's plan: the vendor's API keys are removed from the agent's environment.
    #[default]
    Subscription,
    /// An API key, billed by usage.
    Api,
}

impl Billing {
    pub const ALL: [Billing; 2] = [Billing::Subscription, Billing::Api];

    pub fn as_str(self) -> &'static str {
        match self {
            Billing::Subscription => "subscription",
            Billing::Api => "api",
        }
    }
}

impl Session {
    /// The word shown in lists.
    pub fn word(&self) -> &'static str {
        match (self.status, self.activity) {
            (Status::Running, Activity::Waiting) => "Waiting",
            (Status::Starting, _) => "Starting",
            (Status::Running, _) => "Running",
            (Status::Stopped, _) => "Stopped",
            (Status::Crashed, _) => "Crashed",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Starting,
    Running,
    /// Ended on request, with exit status 0, or with its tmux server.
    Stopped,
    /// Ended with another exit status, or by a signal.
    Crashed,
}

impl Status {
    pub const ALL: [Status; 4] = [Status::Starting, Status::Running, Status::Stopped, Status::Crashed];

    pub fn is_live(self) -> bool {
        matches!(self, Status::Starting | Status::Running)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Starting => "starting",
            Status::Running => "running",
            Status::Stopped => "stopped",
            Status::Crashed => "crashed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a running program is doing, according to the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Working,
    Idle,
    Waiting,
    Unknown,
}

impl Activity {
    pub fn as_str(self) -> &'static str {
        match self {
            Activity::Working => "working",
            Activity::Idle => "idle",
            Activity::Waiting => "waiting",
            Activity::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a waiting program needs from a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// Permission to use a tool.
    Permission,
    /// An answer to the agent's question.
    Question,
    /// Approval of a plan.
    Plan,
    /// Input that an MCP server requested.
    Elicitation,
    /// Whether a folder or its hooks are trusted.
    Trust,
    /// An answer to another dialog.
    Dialog,
    /// A sign-in: the last one failed or expired.
    SignIn,
    /// A usage limit to reset.
    UsageLimit,
    /// Attention: it does not say for what.
    Attention,
}

impl WaitingFor {
    pub const ALL: [WaitingFor; 9] = [
        WaitingFor::Permission,
        WaitingFor::Question,
        WaitingFor::Plan,
        WaitingFor::Elicitation,
        WaitingFor::Trust,
        WaitingFor::Dialog,
        WaitingFor::SignIn,
        WaitingFor::UsageLimit,
        WaitingFor::Attention,
    ];
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            WaitingFor::Permission => "permission",
            WaitingFor::Question => "question",
            WaitingFor::Plan => "plan",
            WaitingFor::Elicitation => "elicitation",
            WaitingFor::Trust => "trust",
            WaitingFor::Dialog => "dialog",
            WaitingFor::SignIn => "sign-in",
            WaitingFor::UsageLimit => "usage limit",
            WaitingFor::Attention => "attention",
        })
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exit {
    /// The program's exit status, if it exited normally.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub reason: ExitReason,
}

impl Exit {
    pub fn new(status: ExitStatus, reason: ExitReason) -> Self {
        Self { code: status.code, signal: status.signal, reason }
    }

    /// Without an exit status, which is unknown.
    pub fn without_status(reason: ExitReason) -> Self {
        Self { code: None, signal: None, reason }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match (self.reason, self.code, self.signal) {
            (ExitReason::Exited, Some(code), _) => return write!(f, "exited with status {code}"),
            (ExitReason::Exited, None, Some(signal)) => return write!(f, "ended by signal {signal}"),
            (ExitReason::Exited, None, None) => "exited",
            (ExitReason::Killed, ..) => "killed",
            (ExitReason::Stopped, ..) => "stopped",
            (ExitReason::ServerGone, ..) => "its tmux server exited",
            (ExitReason::Unknown, ..) => "ended without a report",
        };
        f.write_str(reason)?;
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, " (status {code})"),
            (None, Some(signal)) => write!(f, " (signal {signal})"),
            (None, None) => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The program exited by itself.
    Exited,
    /// Killed on request.
    Killed,
    /// Stopped on request.
    Stopped,
    /// Ended with its tmux server.
    ServerGone,
    Unknown,
}

/// `POST /api/sessions`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    pub provider: String,
    /// Absolute, or starting with `~/`.
    pub dir: PathBuf,
    #[serde(default)]
    pub name: Option<String>,
    /// The agent's first prompt.
    #[serde(default)]
    pub prompt: Option<String>,
    #[serde(default)]
    pub size: Option<Size>,
    /// Default: `subscription`, for providers with billing modes.
    #[serde(default)]
    pub billing: Option<Billing>,
    /// The model for this session; the agent's settings do not change.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub args: Vec<String>,
    /// Env sets to add to the environment; later ones take precedence.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub env_sets: Vec<String>,
    /// Create a worktree for the session, from the repository that contains `dir`.
    #[serde(default)]
    pub worktree: Option<NewWorktree>,
    /// Let the agent act without asking for permission.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub dangerous: bool,
    /// The caller's `PATH`, for the program and for finding it. Default: the daemon's. `surroundings` take
    /// precedence.
    #[serde(default)]
    pub path: Option<String>,
    /// Default: the daemon's.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
}

/// What a program inherits from whoever starts or resumes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Variables; those that are not taken from a caller are ignored. A byte that is not UTF-8 is encoded as the character
    /// U+10F700 plus the byte.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<BTreeMap<String, String>>"))]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub umask: Option<u32>,
}

/// `POST /api/sessions/{ref}/resume`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ResumeSession {
    /// Answer without waiting for completion.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_wait: bool,
    /// Default: those of the previous start.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
}

/// `POST /api/sessions/{ref}/fork`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ForkSession {
    /// The new session's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Default: those of the session.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
}

/// `PATCH /api/sessions/{ref}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RenameSession {
    /// `null` removes the name.
    pub name: Option<String>,
}

/// `POST /api/sessions/{ref}/labels`: what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields, default)]
pub struct LabelSession {
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub add: Vec<String>,
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub remove: Vec<String>,
    pub pinned: Option<bool>,
    pub archived: Option<bool>,
}

/// The query of `GET /api/sessions`: all conditions have to hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSessions {
    pub status: Option<Status>,
    pub provider: Option<String>,
    pub permission_mode: Option<String>,
    pub tag: Option<String>,
    pub archived: Option<bool>,
}

impl ListSessions {
    pub fn fits(&self, session: &Session) -> bool {
        self.status.is_none_or(|status| session.status == status)
            && self.provider.as_ref().is_none_or(|provider| session.provider == *provider)
            && self.permission_mode.as_ref().is_none_or(|mode| session.permission_mode.as_ref() == Some(mode))
            && self.tag.as_ref().is_none_or(|tag| session.tags.contains(tag))
            && self.archived.is_none_or(|archived| session.archived == archived)
    }
}

/// `POST /api/sessions/{ref}/model`: switches the model from the agent's next request, for this session only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SwitchModel {
    /// A name from the agent's own list, a value that its `--model` accepts, in upper or lower case, or a unique prefix.
    pub model: String,
}

/// `POST /api/sessions/{ref}/stop`, `/kill` and `/resume`
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    /// Answer without waiting for completion.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_wait: bool,
}

/// `GET /api/sessions/{ref}/attach`: what a native tmux client needs to attach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Attach {
    /// The tmux server's socket.
    pub tmux_socket: PathBuf,
    /// The tmux session's exact name.
    pub tmux_session: String,
}

/// `GET /api/sessions/{ref}/explain`: why the session is in its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Explanation {
    pub session: Session,
    /// Oldest first.
    pub evidence: Vec<Evidence>,
    /// Everything that its programs say about themselves, by id.
    #[serde(default)]
    pub program_status: Vec<StatusRecord>,
}

/// An observation about a session's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Evidence {
    pub at: Timestamp,
    pub source: EvidenceSource,
    /// The observation, in words.
    pub what: String,
    /// The resulting state, e.g. `running, working`; empty if it changed nothing.
    pub state: String,
}

/// Where evidence comes from, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceSource {
    /// The life cycle: the daemon itself, the shim, tmux.
    LifeCycle,
    /// A hook of the provider.
    Hook,
    /// The provider's transcript or state file.
    Transcript,
    /// A report in the output: a title or OSC sequence; or `codepiper report`.
    Report,
    /// The foreground of the terminal.
    Foreground,
    /// The screen.
    Screen,
    /// No output for some time.
    Silence,
}

impl fmt::Display for EvidenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EvidenceSource::LifeCycle => "life cycle",
            EvidenceSource::Hook => "hook",
            EvidenceSource::Transcript => "transcript",
            EvidenceSource::Report => "report",
            EvidenceSource::Foreground => "foreground",
            EvidenceSource::Screen => "screen",
            EvidenceSource::Silence => "silence",
        })
    }
}
