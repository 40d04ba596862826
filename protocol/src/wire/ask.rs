//! Asks: what sessions need from a person, and the answers.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::session::WaitingFor;
use crate::SessionId;

/// The longest text of an ask that can be answered here, in bytes: nobody decides on what is not shown whole.
pub const LONGEST_ASK: usize = 32 * 1024;
/// The longest text of an answer, in bytes.
pub const LONGEST_ANSWER: usize = 16 * 1024;

/// Something that a session needs from a person. It does not change while it is open: a new question is another ask,
/// with another id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Ask {
    /// `ask-` and 6 letters and digits.
    pub id: String,
    pub session: SessionId,
    pub kind: AskKind,
    pub asked_at: Timestamp,
    /// One line: the command, the question, the first thing that tells what a tool is used for, or what happened; empty if
    /// that is not known.
    pub title: String,
    /// The tool that the agent wants to use, as the agent calls it.
    pub tool: Option<String>,
    /// All that is asked about, with hidden characters shown as escapes: the command, the plan or the edit, with the fields
    /// of the tool's input besides, or this input as JSON. Where only the terminal shows it, `GET /api/asks/{id}` has the
    /// screen, and lists have nothing.
    pub text: String,
    /// The directory that the agent is in.
    pub cwd: Option<String>,
    /// Of a `question`: each needs an answer.
    pub questions: Vec<AskedQuestion>,
    pub answered_in: AnsweredIn,
    /// Whether an answer may change the command before it is allowed.
    pub changes_allowed: bool,
    /// The rule that an answer with `always` adds, if it can: it holds in this session until its agent ends.
    pub always: Option<String>,
    /// Why the agent asks: the rule of a policy, in words.
    pub why: Option<String>,
    /// What speaks against it, in a few words, as far as the ready-made deny list and the reader of shell commands see it.
    /// That they see nothing is no promise.
    pub risk: Option<String>,
    /// After this time, it can only be answered in the terminal.
    pub expires_at: Option<Timestamp>,
    /// Somebody has snoozed it until this time.
    pub snoozed_until: Option<Timestamp>,
    /// What proves that it is asked, in words; `null` where that is the ask itself.
    pub evidence: Option<String>,
}

impl Ask {
    /// Whether a person is to be told of it now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_none_or(|until| until <= now)
    }
}

/// One question of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AskedQuestion {
    pub question: String,
    /// A word or two.
    pub header: Option<String>,
    /// Whether several options may be chosen.
    pub multi: bool,
    pub options: Vec<AskedOption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AskedOption {
    pub label: String,
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
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
    SignIn,
    UsageLimit,
    /// The program ended with an error.
    Crashed,
    /// An agent works and has printed nothing for long: it may hang.
    Stalled,
    /// A program asks for attention, in its own words.
    Attention,
    /// The agent has finished a turn, and nobody has looked at it since.
    Finished,
}

impl AskKind {
    pub const ALL: [AskKind; 12] = {
        use AskKind::*;
        [
            Permission,
            Question,
            Plan,
            Elicitation,
            Trust,
            Dialog,
            SignIn,
            UsageLimit,
            Crashed,
            Stalled,
            Attention,
            Finished,
        ]
    };

    pub fn as_str(self) -> &'static str {
        match self {
            AskKind::Permission => "permission",
            AskKind::Question => "question",
            AskKind::Plan => "plan",
            AskKind::Elicitation => "elicitation",
            AskKind::Trust => "trust",
            AskKind::Dialog => "dialog",
            AskKind::SignIn => "sign-in",
            AskKind::UsageLimit => "usage limit",
            AskKind::Attention => "attention",
            AskKind::Crashed => "crashed",
            AskKind::Stalled => "stalled",
            AskKind::Finished => "finished",
        }
    }

    /// Whether the session waits, and goes on only when somebody answers.
    pub fn waits(self) -> bool {
        !matches!(self, AskKind::Crashed | AskKind::Stalled | AskKind::Finished | AskKind::Attention)
    }
}

impl fmt::Display for AskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<WaitingFor> for AskKind {
    fn from(waiting_for: WaitingFor) -> Self {
        match waiting_for {
            WaitingFor::Permission => AskKind::Permission,
            WaitingFor::Question => AskKind::Question,
            WaitingFor::Plan => AskKind::Plan,
            WaitingFor::Elicitation => AskKind::Elicitation,
            WaitingFor::Trust => AskKind::Trust,
            WaitingFor::Dialog => AskKind::Dialog,
            WaitingFor::SignIn => AskKind::SignIn,
            WaitingFor::UsageLimit => AskKind::UsageLimit,
            WaitingFor::Attention => AskKind::Attention,
        }
    }
}

/// Where an ask can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AnsweredIn {
    /// `POST /api/asks/{id}/answer`, and in the terminal: who comes first.
    Here,
    /// Only in the session's terminal.
    Terminal,
    /// It wants no answer; `POST /api/asks/{id}/acknowledge` removes it.
    Nothing,
}

/// `POST /api/asks/{id}/answer`: an [`Answered`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct AnswerAsk {
    pub decision: AskDecision,
    /// For a denial; passed to the agent.
    #[serde(default)]
    pub reason: Option<String>,
    /// For questions: one for each, in order.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<QuestionAnswer>>"))]
    pub answers: Vec<QuestionAnswer>,
    /// The command to run instead, where changes are allowed.
    #[serde(default)]
    pub command: Option<String>,
    /// Allow the same without asking until the agent ends.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub always: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AskDecision {
    Allow,
    Deny,
}

impl AskDecision {
    /// What was done, in one word.
    pub fn done(self) -> &'static str {
        match self {
            AskDecision::Allow => "allowed",
            AskDecision::Deny => "denied",
        }
    }
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// A rule of a policy.
    Policy,
    /// A person, through CodePiper.
    Person,
    /// Whoever typed in the session's terminal.
    Terminal,
    /// The agent's own rules or classifier.
    Agent,
}

/// The answer to one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct QuestionAnswer {
    /// The options that were chosen, counted from 1.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<u32>>"))]
    pub options: Vec<u32>,
    /// An answer in one's own words, in addition to options or instead.
    #[serde(default)]
    pub text: Option<String>,
}

/// An answer that the agent's hook has received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Answered {
    pub ask: Ask,
    pub decision: AskDecision,
    /// Who answered, e.g. `Firefox on Linux` or `command line`.
    pub by: String,
}

/// `POST /api/asks/{id}/snooze`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SnoozeAsk {
    /// `null`: it is shown again from now on.
    pub until: Option<Timestamp>,
}

/// `POST /api/halt`: a list of [`Halted`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Halt {
    /// Ids, unique prefixes or names; empty with `all`.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub sessions: Vec<String>,
    /// Every agent.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub all: bool,
}

/// The outcome of a halt for one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Halted {
    pub session: SessionId,
    pub name: Option<String>,
    pub outcome: HaltOutcome,
    /// How many texts that are queued for it are held.
    pub held: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum HaltOutcome {
    /// It did nothing already.
    Idle,
    /// It was working, and says that it has stopped.
    Halted,
    /// It did not react, or nothing tells what it does, and its program was killed.
    Killed,
    /// It did not react, and killing its program failed.
    Unproven,
    /// It was about to be started, and is not.
    NotStarted,
    /// It is no agent: left alone.
    NoAgent,
}

impl fmt::Display for HaltOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HaltOutcome::Idle => "already idle",
            HaltOutcome::Halted => "halted",
            HaltOutcome::Killed => "did not react: killed",
            HaltOutcome::Unproven => "did not react, and could not be killed",
            HaltOutcome::NotStarted => "not started",
            HaltOutcome::NoAgent => "not an agent: left alone",
        })
    }
}

/// `POST /api/sessions/{ref}/notify`: a program in a session asks for attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// One line, at most 500 characters.
    pub text: String,
}
