//! Sessions on the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::auth::LoginId;
use super::worktree::{NewWorktree, Worktree};
use crate::shim::ExitStatus;
use crate::{Cursor, SessionId, Size};

/// One session, as every surface shows it.
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
    /// `null` while it runs, or when nobody can know.
    pub exit: Option<Exit>,
    pub size: Size,
    /// Who chose the size with `fit`, until they give it back.
    pub lease: Option<SizeLease>,
    /// Who pays for it; `null` for a provider that knows no difference.
    pub billing: Option<Billing>,
    /// The env sets whose variables its program gets; a later one counts before an earlier one.
    pub env_sets: Vec<String>,
    /// Its program asks for no permission.
    pub dangerous: bool,
    /// The worktree that was made for it.
    pub worktree: Option<Worktree>,
    /// The model that it was told to use, or says that it uses.
    #[serde(default)]
    pub model: Option<String>,
    /// What the program set as its window's title.
    pub title: Option<String>,
    /// The process group of the program, while it runs.
    pub pid: Option<i32>,
    /// How many people are attached natively.
    pub attached: u32,
    /// How many texts wait until the agent has nothing to do.
    #[serde(default)]
    pub queued: u32,
    /// The end of the output so far.
    pub cursor: Cursor,
    pub created_at: Timestamp,
    /// When its program was started last.
    pub started_at: Timestamp,
    /// Since when `status`, `activity` and `waiting_for` are as they are, as far as the daemon knows.
    pub state_since: Timestamp,
    pub updated_at: Timestamp,
}

/// Who chose a session's size. `POST /api/sessions/{ref}/fit` takes a [`Size`] and the lease;
/// `DELETE` gives it back, and the size with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SizeLease {
    /// `null`: the command line.
    pub login: Option<LoginId>,
    /// The device of the login, or `command line`.
    pub holder: String,
    pub since: Timestamp,
    /// The size to go back to.
    pub size_before: Size,
}

/// Who pays for what an agent uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// The user's plan: the vendor's API credentials are taken out of the agent's environment.
    #[default]
    Subscription,
    /// An API credential, by use.
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
    /// The one word that people read.
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
    /// Ended on request, or by itself with status 0, or with its server.
    Stopped,
    /// Ended by itself with another status or a signal.
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

/// What a running program is doing, as far as there is evidence.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    Permission,
    Question,
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            WaitingFor::Permission => "permission",
            WaitingFor::Question => "question",
        })
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exit {
    /// The program's exit status, when it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub reason: ExitReason,
}

impl Exit {
    pub fn new(status: ExitStatus, reason: ExitReason) -> Self {
        Self { code: status.code, signal: status.signal, reason }
    }

    /// Without a status: nobody can know it.
    pub fn without_status(reason: ExitReason) -> Self {
        Self { code: None, signal: None, reason }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            ExitReason::Exited => "exited",
            ExitReason::Killed => "killed",
            ExitReason::Stopped => "stopped",
            ExitReason::ServerGone => "its tmux server is gone",
            ExitReason::Unknown => "ended, nobody saw how",
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
    /// By itself.
    Exited,
    /// By `kill`.
    Killed,
    /// By `stop`.
    Stopped,
    /// With its tmux server.
    ServerGone,
    Unknown,
}

/// `POST /api/sessions`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    pub provider: String,
    /// Absolute, or beginning with `~/`.
    pub dir: PathBuf,
    #[serde(default)]
    pub name: Option<String>,
    /// Given to the agent as its first prompt.
    #[serde(default)]
    pub prompt: Option<String>,
    #[serde(default)]
    pub size: Option<Size>,
    /// Default: `subscription`, for providers that know the difference.
    #[serde(default)]
    pub billing: Option<Billing>,
    /// The model for this session; later ones and the agent's own settings are left alone.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub args: Vec<String>,
    /// Env sets whose variables the program gets; a later one counts before an earlier one.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub env_sets: Vec<String>,
    /// Works in a worktree of its own, made from the repository that `dir` lies in.
    #[serde(default)]
    pub worktree: Option<NewWorktree>,
    /// Asks for no permission.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub dangerous: bool,
    /// The caller's `PATH`: the provider's program is looked up in it, and the program gets it.
    /// Default: the daemon's. What stands in `surroundings` counts before it.
    #[serde(default)]
    pub path: Option<String>,
    /// Default: the daemon's.
    #[serde(default)]
    pub surroundings: Option<Surroundings>,
}

/// What a program gets from whoever starts or resumes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Variables; those that the rule does not take from a caller are passed over. A byte that is no UTF-8 is the character
    /// U+10F700 and the byte.
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
    /// Answer when it is done (default), or as soon as it is under way.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_wait: bool,
    /// Default: those of the time before.
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
    /// `null` takes the name away.
    pub name: Option<String>,
}

/// `POST /api/sessions/{ref}/model`: another model from the agent's next request on, for this session alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SwitchModel {
    /// As the agent's own list calls it or `--model` knows it, in any case, or a beginning that fits only one.
    pub model: String,
}

/// `POST /api/sessions/{ref}/stop`, `/kill` and `/resume`
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct EndSession {
    /// Answer when it is done (default), or as soon as it is under way.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_wait: bool,
}

/// `GET /api/sessions/{ref}/attach`: what a native tmux client needs.
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
    /// Oldest first; the last of a kind is what the state rests on.
    pub evidence: Vec<Evidence>,
}

/// One thing that proved something about a session's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Evidence {
    pub at: Timestamp,
    pub source: EvidenceSource,
    /// What was seen, in words.
    pub what: String,
    /// What it made of the state, e.g. `running, working`; empty when it changed nothing.
    pub state: String,
}

/// Where evidence comes from, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceSource {
    /// The daemon's own doing, the shim, tmux: facts of the life cycle.
    LifeCycle,
    /// The provider's hook.
    Hook,
    /// The provider's transcript or state file.
    Transcript,
    /// What the program said of itself in its output: title, OSC.
    Report,
    /// What its screen looks like.
    Screen,
    /// It was quiet.
    Silence,
}

impl fmt::Display for EvidenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EvidenceSource::LifeCycle => "life cycle",
            EvidenceSource::Hook => "hook",
            EvidenceSource::Transcript => "transcript",
            EvidenceSource::Report => "report",
            EvidenceSource::Screen => "screen",
            EvidenceSource::Silence => "silence",
        })
    }
}
