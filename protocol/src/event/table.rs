//! The table of events: per source, each kind with its name, its fields and its words.
//!
//! A new event is a row here and its golden form in `fixtures/events`. A kind, once released, keeps its
//! name and its fields.

use serde::{Deserialize, Serialize};

use super::description::{Description, by, exit, finished, lost, named, question, reason, say, tool};
use super::{By, Hook, Place, Proof, Source};
use crate::visible::count;
use crate::wire::ask::{AskDecision, AskKind, Gate, HaltOutcome};
use crate::wire::auth::LoginId;
use crate::wire::conversation::Usage;
use crate::wire::input::Receipt;
use crate::wire::policy::{PolicyAction, RuleRef};
use crate::wire::session::{Activity, Exit, WaitingFor};
use crate::wire::stream::{GapReason, Lost};
use crate::{Cursor, Size};

macro_rules! events {
    ($($source:ident {$(
        $(#[$meta:meta])*
        $kind:literal $name:ident
        $({ $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })?
        $(($hook:ident: $hook_type:ty))?
        => $words:expr;
    )*})*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(tag = "kind", content = "data")]
        pub enum Body {$($(
            $(#[$meta])*
            #[serde(rename = $kind)]
            $name $({ $($(#[$field_meta])* $field: $type),* })? $(($hook_type))?,
        )*)*}

        impl Body {
            /// Every kind, in the order of the table.
            pub const KINDS: &[&str] = &[$($($kind),*),*];

            /// Its name on the wire.
            pub fn kind(&self) -> &'static str {
                match self { $($(Self::$name { .. } => $kind,)*)* }
            }

            pub fn source(&self) -> Source {
                match self { $($(Self::$name { .. } => Source::$source,)*)* }
            }

            /// The hook, if this is one.
            pub fn as_hook(&self) -> Option<&Hook> {
                match self {
                    $($($(Self::$name($hook) => Some($hook),)?)*)*
                    _ => None,
                }
            }

            /// What happened, for people.
            #[allow(unused_variables, reason = "not every field is worth a word")]
            pub fn describe(&self) -> Description {
                match self {
                    $($(Self::$name $({ $($field),* })? $(($hook))? => $words,)*)*
                }
            }
        }
    };
}

events! {
    Session {
        "session.created" SessionCreated { provider: String, name: Option<String>, cwd: String } =>
            say(match name {
                Some(name) => format!("Created {provider} session '{name}' in"),
                None => format!("Created {provider} session in"),
            }).code(cwd);
        "session.started" SessionStarted { pid: i32, resumed: bool } =>
            say(format!("{} as process {pid}", if *resumed { "Resumed" } else { "Started" }));
        "session.adopted" SessionAdopted { pid: Option<i32> } =>
            say(match pid {
                Some(pid) => format!("Still running as process {pid}; reconnected"),
                None => "Still running; reconnected".to_owned(),
            });
        "session.stop_requested" SessionStopRequested { kill: bool } =>
            say(if *kill { "Kill requested" } else { "Stop requested" });
        "session.ended" SessionEnded { exit: Option<Exit>, cursor: Cursor } => say(self::exit(*exit));
        "session.renamed" SessionRenamed { name: Option<String> } =>
            match name {
                Some(name) => say(format!("Renamed to '{name}'")),
                None => say("Name removed"),
            };
        /// Its tags, its pin, or that it is archived: all of them, as they are now.
        "session.labels_changed" SessionLabelsChanged { tags: Vec<String>, pinned: bool, archived: bool } => {
            let tags = (!tags.is_empty()).then(|| format!("tags: {}", tags.join(", ")));
            let flags = [pinned.then(|| "pinned".to_owned()), archived.then(|| "archived".to_owned())];
            let now: Vec<String> = tags.into_iter().chain(flags.into_iter().flatten()).collect();
            say(if now.is_empty() { "Labels removed".to_owned() } else { format!("Labels: {}", now.join("; ")) })
        };
        "session.removed" SessionRemoved {} => say("Session removed");
        "session.activity_changed" SessionActivityChanged {
            activity: Activity,
            waiting_for: Option<WaitingFor>,
            /// What the agent has left running after its turn.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
            background: Vec<String>,
            /// The evidence for it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            proof: Option<Proof>,
        } =>
            say(match (activity, waiting_for) {
                (Activity::Working, _) if !background.is_empty() => "Working in the background",
                (Activity::Working, _) => "Working",
                (Activity::Idle, _) => "Idle",
                (Activity::Unknown, _) => "State unknown",
                (Activity::Waiting, Some(WaitingFor::Permission)) => "Waiting for permission",
                (Activity::Waiting, Some(WaitingFor::Question)) => "Waiting for an answer",
                (Activity::Waiting, Some(WaitingFor::Plan)) => "Waiting for approval of a plan",
                (Activity::Waiting, Some(WaitingFor::Elicitation)) => "Waiting for input for an MCP server",
                (Activity::Waiting, Some(WaitingFor::Trust)) => "Waiting for a trust decision",
                (Activity::Waiting, Some(WaitingFor::Dialog)) => "Waiting in a dialog",
                (Activity::Waiting, Some(WaitingFor::SignIn)) => "Waiting for a sign-in",
                (Activity::Waiting, Some(WaitingFor::UsageLimit)) => "Waiting for a usage limit to reset",
                (Activity::Waiting, Some(WaitingFor::Attention)) => "Waiting for attention",
                (Activity::Waiting, None) => "Waiting for you",
            });
        /// Its agent is in another permission mode.
        "session.permission_mode_changed" SessionPermissionModeChanged {
            mode: String,
            before: String,
            proof: Proof,
        } =>
            say(format!("Permission mode {mode} (was {before})"));
        /// The time has come at which the usage limit resets.
        "session.limit_reset" SessionLimitReset {} => say("Usage limit has reset");
        /// What became of the prompt that continues its agent after the reset.
        "session.continued" SessionContinued {
            /// `null`: it was not sent.
            receipt: Option<Receipt>,
            /// Why it was not sent, or what is not known about it.
            reason: Option<String>,
        } =>
            say(match (receipt, reason) {
                (Some(_), _) => "Continued after the usage limit".to_owned(),
                (None, Some(reason)) => format!("Not continued after the usage limit: {reason}"),
                (None, None) => "Not continued after the usage limit".to_owned(),
            });
        /// Its agent uses another model from now on.
        "session.model_switched" SessionModelSwitched { model: String } =>
            say(format!("Switched to model {model}"));
    }

    Git {
        /// Commits were made on the branch that is checked out in the session's directory, by whoever.
        "git.committed" GitCommitted {
            /// The branch, or the short id of the commit where none is checked out.
            branch: String,
            commit: String,
            /// The first line of the last message.
            summary: String,
            commits: u32,
        } =>
            match commits {
                1 => say(format!("Committed to {branch}: {summary}")),
                commits => say(format!("{} to {branch}, last: {summary}", count(*commits, "commit"))),
            };
        /// Another branch, or a commit, was checked out.
        "git.branch_changed" GitBranchChanged { from: String, to: String } =>
            say(format!("Switched from {from} to {to}"));
    }

    Terminal {
        "terminal.resized" TerminalResized { size: Size, cursor: Cursor } => say(format!("Resized to {size}"));
        "terminal.gap_recorded" TerminalGapRecorded { cursor: Cursor, reason: GapReason, lost: Lost } =>
            say(self::lost(*lost));
        "terminal.bell_rang" TerminalBellRang { cursor: Cursor } => say("Bell");
        "terminal.notified" TerminalNotified { title: Option<String>, text: String } =>
            match title {
                Some(title) => say(format!("{title}: {text}")),
                None => say(text),
            };
        "terminal.client_attached" TerminalClientAttached { clients: u32 } =>
            say(format!("Terminal attached; {clients} attached now"));
        "terminal.client_detached" TerminalClientDetached { clients: u32 } =>
            say(format!("Terminal detached; {clients} attached now"));
    }

    Input {
        "input.sent" InputSent { bytes: u64, enter: bool, cursor: Cursor } =>
            say(format!("Sent {}{}", count(*bytes, "byte"), if *enter { " and Enter" } else { "" }));
        /// A text waits until its agent is idle.
        "input.queued" InputQueued {
            bytes: u64,
            /// How many texts are queued now, including this one.
            queued: u32,
        } =>
            say(format!("Queued {} until the agent is idle; {queued} queued now", count(*bytes, "byte")));
        /// A person interrupted the agent: queued texts wait until its next turn is over, or until they are released.
        "input.held" InputHeld { texts: u32 } =>
            say(format!("Held {}: the agent was interrupted", count(*texts, "queued text")));
        /// Queued texts that will not be sent.
        "input.dropped" InputDropped { texts: u32, reason: String } =>
            say(format!("Dropped {}: {reason}", count(*texts, "queued text")));
    }

    Hook {
        "hook.session_started" HookSessionStarted(hook: Hook) => say("The agent is ready");
        "hook.prompt_submitted" HookPromptSubmitted(hook: Hook) =>
            named(hook, "Prompt", &["prompt"], "Prompt submitted");
        "hook.tool_announced" HookToolAnnounced(hook: Hook) => tool(hook, ["Running", "Editing", "Using"]);
        "hook.permission_requested" HookPermissionRequested(hook: Hook) =>
            question(hook).unwrap_or_else(|| tool(hook, ["Asks to run", "Asks to edit", "Asks to use"]));
        "hook.tool_used" HookToolUsed(hook: Hook) => tool(hook, ["Ran", "Edited", "Used"]);
        "hook.tool_failed" HookToolFailed(hook: Hook) =>
            tool(hook, ["Failed to run", "Failed to edit", "Failed to use"]);
        "hook.notified" HookNotified(hook: Hook) => named(hook, "", &["message"], "Notification");
        "hook.turn_ended" HookTurnEnded(hook: Hook) => finished(hook);
        "hook.turn_failed" HookTurnFailed(hook: Hook) => reason(hook, "The turn failed");
        "hook.subagent_started" HookSubagentStarted(hook: Hook) => say("Subagent started");
        "hook.subagent_ended" HookSubagentEnded(hook: Hook) => say("Subagent finished");
        "hook.compaction_announced" HookCompactionAnnounced(hook: Hook) => say("Compacting the conversation");
        "hook.compacted" HookCompacted(hook: Hook) => say("Compacted the conversation");
        "hook.interrupted" HookInterrupted(hook: Hook) => say("Interrupted");
        "hook.session_ended" HookSessionEnded(hook: Hook) => reason(hook, "The agent exited");
        /// A hook that this version does not know.
        "hook.received" HookReceived(hook: Hook) =>
            match hook.event.as_str() {
                "" => say("Hook without a name"),
                event => say(format!("Hook {event}")),
            };
    }

    Policy {
        /// A policy decided on the use of a tool.
        "policy.decided" PolicyDecided {
            action: PolicyAction,
            tool: String,
            /// The beginning of the command, or of the tool's other input.
            what: String,
            /// `null` if no rule mentions it.
            rule: Option<RuleRef>,
            why: String,
        } => say(match action {
            PolicyAction::Allow => "Allowed by a policy:",
            PolicyAction::Ask => "A policy asks about:",
            PolicyAction::Deny => "Denied by a policy:",
        })
        .code(&format!("{tool} {what}"));
        /// A person changed a policy.
        "policy.changed" PolicyChanged { name: String } => say(format!("Policy '{name}' changed"));
        "policy.removed" PolicyRemoved { name: String } => say(format!("Policy '{name}' removed"));
        "policy.attached" PolicyAttached { name: String, attached: bool } =>
            say(match attached {
                true => format!("Policy '{name}' attached"),
                false => format!("Policy '{name}' detached"),
            });
    }

    Ask {
        /// A person answered what a session asked.
        "ask.answered" AskAnswered {
            ask: String,
            what: AskKind,
            title: String,
            decision: AskDecision,
            /// A device, or `command line`.
            by: String,
        } =>
            say(match (what, decision) {
                (AskKind::Question, AskDecision::Allow) => format!("Answered by {by}:"),
                (_, AskDecision::Allow) => format!("Allowed by {by}:"),
                (_, AskDecision::Deny) => format!("Denied by {by}:"),
            })
            .code(title);
        /// What a session asked is no longer open: it was answered in its terminal, or is over.
        "ask.withdrawn" AskWithdrawn {
            ask: String,
            what: AskKind,
            title: String,
            why: String,
            /// What decided, and how, as far as that is proven.
            gate: Option<Gate>,
            decision: Option<AskDecision>,
        } =>
            say(format!("No longer asked ({why}):")).code(title);
        /// A person marked something as seen that needed no answer.
        "ask.seen" AskSeen {
            ask: String,
            what: AskKind,
            title: String,
            /// A device, or `command line`.
            by: String,
        } =>
            say(format!("Seen by {by}: {what}")).code(title);
        /// A program in the session asked for attention, in its own words.
        "ask.attention_wanted" AskAttentionWanted { text: String } => say(text);
        /// A person stopped agents.
        "ask.halted" AskHalted { outcome: HaltOutcome, by: String } => say(format!("Halt by {by}: {outcome}"));
    }

    Notification {
        /// A device, the configured command or the webhook was told of an ask.
        "notification.sent" NotificationSent { to: String, device: Option<LoginId>, ask: String, title: String } =>
            say(format!("Notification sent to {to}:")).code(title);
        /// The device says that it showed the notification.
        "notification.shown" NotificationShown { to: String, device: Option<LoginId>, ask: String, title: String } =>
            say(format!("Notification shown by {to}:")).code(title);
        "notification.suppressed" NotificationSuppressed {
            to: String,
            device: Option<LoginId>,
            ask: String,
            title: String,
            why: String,
        } => say(format!("No notification to {to} ({why}):")).code(title);
        "notification.failed" NotificationFailed {
            to: String,
            device: Option<LoginId>,
            ask: String,
            title: String,
            why: String,
        } => say(format!("Notification to {to} failed ({why}):")).code(title);
    }

    Transcript {
        /// From here on the session's conversation is this one.
        "transcript.conversation_changed" TranscriptConversationChanged {
            place: Place,
            /// Entries from before this time belong to the conversation that this one continues.
            since: jiff::Timestamp,
        } => say("Conversation").code(&place.conversation);
        "transcript.turn_ended" TranscriptTurnEnded {
            place: Place,
            usage: Usage,
            model: Option<String>,
            duration_ms: Option<u64>,
        } =>
            say(format!(
                "{}{} in ({} cached), {} out",
                model.as_ref().map(|model| format!("{model}: ")).unwrap_or_default(),
                count(usage.input, "token"),
                usage.cached,
                usage.output,
            ));
        "transcript.interrupted" TranscriptInterrupted { place: Place, usage: Usage } => say("Interrupted");
        /// The model could not be reached, or refused.
        "transcript.api_failed" TranscriptApiFailed { place: Place, text: String } =>
            say(format!("The model failed: {text}"));
        "transcript.compacted" TranscriptCompacted { place: Place, automatic: Option<bool> } =>
            say(match automatic {
                Some(true) => "Compacted the conversation automatically",
                _ => "Compacted the conversation",
            });
    }

    Auth {
        "auth.agent_refused" AuthAgentRefused { pid: i32, request: String } =>
            say(format!("Refused process {pid}: {request}"));
        "auth.shim_refused" AuthShimRefused { pid: i32, reason: String } =>
            say(format!("Refused process {pid}: {reason}"));
        "auth.set_up" AuthSetUp {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            device: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            address: Option<String>,
        } => say("Dashboard set up");
        "auth.signed_in" AuthSignedIn { login: LoginId, device: String, address: Option<String> } =>
            say(format!("{device} signed in"));
        "auth.sign_in_failed" AuthSignInFailed { device: String, address: Option<String> } =>
            say(format!("{device} failed to sign in"));
        "auth.logins_ended" AuthLoginsEnded {
            logins: u32,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            by: Option<By>,
        } => say(format!("Signed out {}{}", count(*logins, "device"), self::by(by)));
        "auth.password_changed" AuthPasswordChanged {
            login: Option<LoginId>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            by: Option<By>,
        } => say(format!("Password changed{}", self::by(by)));
        "auth.mfa_changed" AuthMfaChanged {
            login: Option<LoginId>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            by: Option<By>,
        } => say(format!("Authenticator replaced{}", self::by(by)));
        "auth.recovery_codes_made" AuthRecoveryCodesMade {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[cfg_attr(test, ts(optional))]
            by: Option<By>,
        } => say(format!("Recovery codes replaced{}", self::by(by)));
    }

    System {
        "system.daemon_started" SystemDaemonStarted { version: String } =>
            say(format!("Daemon {version} started"));
        "system.daemon_stopping" SystemDaemonStopping {} => say("Daemon stopping");
        "system.tmux_connected" SystemTmuxConnected { version: String, server_pid: i32 } =>
            say(format!("Connected to tmux {version}, process {server_pid}"));
        "system.tmux_lost" SystemTmuxLost { reason: String, server_gone: bool } =>
            say(format!("Lost the connection to tmux: {reason}"));
        /// Part of the stored output cannot be read.
        "journal.damaged" JournalDamaged {
            generation: u64,
            what: String,
            /// Where the damaged files were moved.
            kept: Option<String>,
            lost_bytes: u64,
            lost_marks: u64,
        } =>
            say(match lost_bytes {
                0 => format!("Journal damaged: {what}; it is not known how much is lost"),
                bytes => format!("Journal damaged: {what}; {} lost", count(*bytes, "byte")),
            });
        /// The disk is full: nothing is stored.
        "journal.paused" JournalPaused {} => say("Journal paused: the disk is nearly full");
        /// The journal is written again.
        "journal.resumed" JournalResumed {
            /// Bytes that were not stored since the daemon started.
            dropped_bytes: u64,
        } => say(format!("Journal resumed; {} not stored", count(*dropped_bytes, "byte")));
        "journal.writer_replaced" JournalWriterReplaced {} =>
            say("Journal writer replaced: it had stopped answering");
        /// A write failed; the journal goes on in a new generation.
        "journal.failed" JournalFailed { what: String } => say(format!("Journal write failed: {what}"));
    }
}
