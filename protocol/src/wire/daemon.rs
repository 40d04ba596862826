//! The daemon itself.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::{self, Next};
use super::session::Billing;

/// `GET /api/daemon`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DaemonStatus {
    pub version: String,
    pub protocol: u32,
    pub pid: u32,
    pub started_at: Timestamp,
    pub hostname: String,
    /// The home directory of the daemon's user.
    pub home: PathBuf,
    pub socket: PathBuf,
    /// The URL of the dashboard, if it is served.
    pub web: Option<String>,
    pub tmux: TmuxStatus,
    pub sessions: SessionCounts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TmuxStatus {
    pub connected: bool,
    pub version: String,
    pub socket: PathBuf,
    pub server_pid: Option<i32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SessionCounts {
    pub live: usize,
    pub ended: usize,
    /// The number of sessions with an unreadable launch record, which are left alone. Missing if there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// `POST /api/daemon/stop`
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct StopDaemon {
    /// Also kill every session and the tmux server.
    #[serde(default)]
    pub kill_sessions: bool,
}

/// One entry of `GET /api/providers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Provider {
    /// The name to start it by, e.g. `claude-code`.
    pub name: String,
    /// The name to show, e.g. `Claude Code`.
    #[serde(default)]
    pub label: String,
    pub description: String,
    /// Whether it works on prompts, in turns; other programs take commands.
    #[serde(default)]
    pub agent: bool,
    /// The program it starts.
    pub program: String,
    /// Where the program was found, with the daemon's `PATH`.
    pub found: Option<PathBuf>,
    /// How forms name the arguments of its program.
    #[serde(default)]
    pub arguments: Arguments,
    /// How `resume` continues a session.
    pub resume: String,
    /// Whether the conversation continues after `resume`.
    #[serde(default)]
    pub keeps_conversation: bool,
    /// Whether `fork` can continue a copy of a session's conversation.
    #[serde(default)]
    pub forks: bool,
    /// Whether it keeps a transcript, so that its sessions have a conversation.
    pub transcripts: bool,
    /// The billing modes; empty if the provider has none.
    pub billing: Vec<Billing>,
    /// Whether it can be started without asking for permission (`dangerous`).
    #[serde(default)]
    pub dangerous: bool,
    /// Its models; `null` if none can be chosen.
    #[serde(default)]
    pub models: Option<Models>,
    /// After a session reports that it waits, its question appears on the screen within this time.
    #[serde(default)]
    pub question_delay_ms: u32,
    /// With `?check=true`, for programs that were found and can be asked.
    #[serde(default)]
    pub check: Option<ProviderCheck>,
}

/// What the installed program of a provider says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProviderCheck {
    /// `null` if it did not say.
    pub version: Option<String>,
    /// The versions that CodePiper was tested with, oldest first.
    pub tested: Vec<String>,
    /// For subscription billing, in the daemon's environment; `null` if it did not say.
    pub sign_in: Option<SignInStatus>,
    pub features: Vec<Feature>,
}

/// Whether somebody is signed in to a provider's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignInStatus {
    pub signed_in: bool,
    /// How, or that nobody is.
    pub how: String,
}

/// Something that needs a certain version of a provider's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Feature {
    pub what: String,
    /// The oldest tested version with which it works.
    pub since: String,
    /// Whether it works with the version that was found; `null` if that is not known.
    pub works: Option<bool>,
}

/// How forms name the arguments of a provider's program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Arguments {
    pub label: String,
    pub hint: String,
}

/// The models of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Models {
    /// Whether `POST /api/sessions/{ref}/model` can change the model of a running session.
    pub switches: bool,
    /// Names that can always be chosen; other names can be typed.
    pub offered: Vec<String>,
    /// A placeholder for another name.
    pub example: String,
    /// The prefix of every name, followed by `-`, which can be omitted; may be empty.
    pub vendor: String,
}

/// One entry of `GET /api/doctor`, and of `codepiper doctor` without a daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "problem::known")]
    #[cfg_attr(test, ts(optional))]
    pub next: Option<Next>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Fine,
    /// It works, but needs attention.
    Warning,
    Broken,
}
