//! Claude Code. Facts measured with 2.1.197.

mod transcript;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::{SessionId, os_text};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::conversations::conversation_id;
use super::launch::model_args;
use super::signals::question;
use super::{
    Accounts, Arguments, Argv, Composer, Conversations, Dialog, Hooks, LaunchRequest, Launcher, Meaning,
    ModelList, Models, PromptDelivery, Prompts, Provider, Quit, ReadScreens, Resume, Screened, Signals,
    StateFile, StoredKey, paste_path,
};
use crate::terminal::reports::Report;
use crate::transcript::Dialect;

pub static CLAUDE_CODE: Provider = Provider {
    name: "claude-code",
    label: "Claude Code",
    description: "Claude Code",
    agent: true,
    launcher: &ClaudeCode,
    arguments: Arguments::EXTRA,
    resume: Resume { description: "continues the conversation (claude --resume)", keeps_conversation: true },
    dangerous_flags: &["--dangerously-skip-permissions"],
    accounts: Some(ACCOUNTS),
    models: Some(Models {
        list: Some(MODEL_LIST),
        offered: &["Sonnet", "Opus", "Haiku", "Default"],
        example: "Other model",
        vendor: "claude",
    }),
    prompts: Prompts {
        delivery: PromptDelivery::Argument,
        composer: Some(COMPOSER),
        // A path that is pasted becomes an image; one that is typed does not.
        mention_image: paste_path,
    },
    // Escape refuses in a dialog, where Ctrl+C does nothing, and interrupts a turn. Then the first Ctrl+C may only
    // empty the composer; two on an idle composer end it with status 0.
    quit: Quit::Keys {
        keys: &["escape", "ctrl+c", "ctrl+c", "ctrl+c", "ctrl+c", "ctrl+c"],
        pause: Duration::from_millis(300),
    },
    quit_limit: Duration::from_secs(6),
    conversations: Some(&ClaudeCode),
    hooks: &ClaudeCode,
    // It is the only one to tell at once that a person refused or interrupted. Undocumented.
    state_file: Some(StateFile {
        path: state_file,
        meaning: state_file_meaning,
        written: state_file_written,
    }),
    signals: &ClaudeCode,
    // What it asks before a conversation begins neither a hook nor a report tells.
    reads_screens: ReadScreens::AtStart,
    reports_count_as_hooks: false,
    question_delay: Duration::ZERO,
    switches: None,
    remark: None,
};

const COMPOSER: Composer = Composer {
    mark: "❯",
    placeholders: &["[Pasted text", "[Image"],
    image: "[Image",
    completes: &[],
    continues: &['\\'],
    commands: &['!', '/', '#', '@', '&', '?'],
    command_words: &["exit", "quit", ":q", ":q!", ":wq", ":wq!"],
};

/// In its list `s` keeps the choice to the session; Enter, and `/model NAME`, write it to the person's settings.
const MODEL_LIST: ModelList = ModelList {
    open: "/model",
    not_yet: None,
    list: Dialog { heading: "Select model", end: "Esc to cancel" },
    pointer: '❯',
    names: model_names,
    efforts: None,
    keep: "s",
    keep_hint: "s to use this session only · Esc to cancel",
    question: Some(Dialog { heading: "Switch model?", end: "2. No, go back" }),
    done: "Set model to ",
    kept: "for this session only",
    done_names_it: false,
};

const ACCOUNTS: Accounts = Accounts {
    api: &[
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_AWS_API_KEY",
        "ANTHROPIC_FOUNDRY_API_KEY",
        "ANTHROPIC_BEDROCK_MANTLE_API_KEY",
        "ANTHROPIC_IDENTITY_TOKEN",
        "ANTHROPIC_IDENTITY_TOKEN_FILE",
        "ANTHROPIC_PROFILE",
        "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
        "CLAUDE_CODE_USE_ANTHROPIC_AWS",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_FOUNDRY",
        "CLAUDE_CODE_USE_GATEWAY",
        "CLAUDE_CODE_USE_MANTLE",
        "CLAUDE_CODE_USE_VERTEX",
    ],
    api_settings: &[
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AWS_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_BEDROCK_BASE_URL",
        "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
        "ANTHROPIC_FOUNDRY_BASE_URL",
        "ANTHROPIC_VERTEX_BASE_URL",
    ],
    subscription: &[
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
        "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    ],
    stored_keys,
};

struct ClaudeCode;

impl Launcher for ClaudeCode {
    fn program(&self, _: &BTreeMap<String, String>) -> String {
        "claude".into()
    }

    fn start(&self, launch: &LaunchRequest, conversation: Option<&str>, prompt: Option<&str>) -> Argv {
        let mut args = Vec::new();
        if let Some(id) = conversation {
            args.extend(["--session-id".to_owned(), id.to_owned()]);
        }
        args.extend(settings(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        if let Some(prompt) = prompt {
            args.extend(["--".to_owned(), prompt.to_owned()]);
        }
        Argv { program: self.program(launch.env), args }
    }

    /// A conversation that was never spoken in has no transcript, and `--resume` of it fails.
    fn resume(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Argv {
        let spoken = conversation.is_some_and(|id| transcript(launch.env, launch.cwd, id).is_file());
        if !spoken {
            let forked = self.fork(launch, conversation);
            return forked.unwrap_or_else(|| self.start(launch, conversation, None));
        }
        let mut args = vec!["--resume".to_owned()];
        args.extend(conversation.map(str::to_owned));
        args.extend(settings(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        Argv { program: self.program(launch.env), args }
    }

    fn forks(&self) -> bool {
        true
    }

    fn fork(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Option<Argv> {
        let origin = launch.forked_from?;
        if !transcript(launch.env, launch.cwd, origin).is_file() {
            return None;
        }
        let mut args = vec!["--resume".to_owned(), origin.to_owned(), "--fork-session".to_owned()];
        if let Some(id) = conversation {
            args.extend(["--session-id".to_owned(), id.to_owned()]);
        }
        args.extend(settings(launch));
        args.extend_from_slice(launch.args);
        Some(Argv { program: self.program(launch.env), args })
    }
}

impl Conversations for ClaudeCode {
    /// Claude takes any UUID as the id of a new conversation: it gets the session's own.
    fn choose(&self, session: SessionId) -> Option<String> {
        Some(session.to_string())
    }

    fn dialect(&self) -> &'static Dialect {
        &transcript::DIALECT
    }

    /// Below the directory that it was begun in; that may be another one than the session's.
    fn transcript(&self, launch: &LaunchRequest, conversation: &str) -> Option<PathBuf> {
        let own = transcript(launch.env, launch.cwd, conversation);
        if own.is_file() {
            return Some(own);
        }
        let projects = std::fs::read_dir(home(launch.env).join("projects")).ok();
        let elsewhere = projects
            .into_iter()
            .flatten()
            .filter_map(|project| Some(project.ok()?.path().join(format!("{conversation}.jsonl"))));
        elsewhere.into_iter().find(|path| path.is_file()).or(Some(own))
    }

    fn transcripts(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        Some(home(env).join("projects"))
    }
}

impl Hooks for ClaudeCode {
    fn meaning(&self, payload: &Value) -> Option<Meaning> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("hook_event_name") {
            // After a compaction the turn goes on; during `/clear` the state file still says that it is busy.
            "SessionStart" if !["compact", "clear"].contains(&field("source")) => {
                Some((Activity::Idle, None))
            }
            "UserPromptSubmit" | "PreToolUse" | "PostToolUse" | "PostToolUseFailure" | "PreCompact" => {
                Some((Activity::Working, None))
            }
            "PermissionRequest" => Some(match field("tool_name") {
                "AskUserQuestion" | "ExitPlanMode" => (Activity::Waiting, Some(WaitingFor::Question)),
                _ => (Activity::Waiting, Some(WaitingFor::Permission)),
            }),
            "Stop" | "StopFailure" => Some((Activity::Idle, None)),
            "PostCompact" if field("trigger") == "manual" => Some((Activity::Idle, None)),
            "Notification" if field("notification_type") == "idle_prompt" => Some((Activity::Idle, None)),
            "SessionEnd" => Some((Activity::Unknown, None)),
            _ => None,
        }
    }

    /// After `/clear` there is another one at once. At any other start a fork still names the one that it
    /// was made from: the next prompt has the right one.
    fn conversation(&self, payload: &Value) -> Option<String> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str);
        let proves = match field("hook_event_name")? {
            "SessionStart" => field("source") == Some("clear"),
            "UserPromptSubmit" => true,
            _ => false,
        };
        field("session_id").and_then(conversation_id).filter(|_| proves)
    }
}

impl Signals for ClaudeCode {
    /// The title alternates between these while it works. At rest it shows `✳`, but it does so too
    /// while a permission prompt is open: that proves nothing.
    fn report(&self, report: &Report) -> Option<Meaning> {
        let Report::Title(title) = report else { return None };
        match title.chars().next() {
            Some('⠂' | '⠐') => Some((Activity::Working, None)),
            _ => Some((Activity::Unknown, None)),
        }
    }

    fn screen(&self, rows: &[String]) -> Option<Screened> {
        question(rows, '❯', &["Accessing workspace:", "Detected a custom API key", "Bypass Permissions mode"])
    }
}

fn state_file(env: &BTreeMap<String, String>, pid: i32) -> PathBuf {
    home(env).join(format!("sessions/{pid}.json"))
}

fn state_file_meaning(content: &Value) -> Option<Meaning> {
    match content.get("status")?.as_str()? {
        "busy" => Some((Activity::Working, None)),
        "idle" => Some((Activity::Idle, None)),
        // It says "permission prompt" of questions and plans too: the hook knows better.
        "waiting" => Some((Activity::Waiting, None)),
        _ => None,
    }
}

fn state_file_written(content: &Value) -> Option<Timestamp> {
    Timestamp::from_millisecond(content.get("updatedAt")?.as_i64()?).ok()
}

fn stored_keys(env: &BTreeMap<String, String>) -> Vec<StoredKey> {
    let file = home(env).join("settings.json");
    let settings = std::fs::read(&file).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    let found = settings.is_some_and(|settings| {
        let in_env = |name: &&str| settings["env"].get(name).is_some();
        settings["apiKeyHelper"].is_string() || ACCOUNTS.api.iter().any(in_env)
    });
    vec![StoredKey { file, found }]
}

/// Hooks of this launch. They stand beside those of the person's own settings files.
fn settings(launch: &LaunchRequest) -> [String; 2] {
    const EVENTS: [&str; 14] = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PermissionRequest",
        "PostToolUse",
        "PostToolUseFailure",
        "Notification",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "PreCompact",
        "PostCompact",
        "SessionEnd",
    ];
    let hook = json!([{"hooks": [{"type": "command", "command": launch.hook, "timeout": 5}]}]);
    let hooks: serde_json::Map<_, _> =
        EVENTS.map(|event| (event.to_owned(), hook.clone())).into_iter().collect();
    ["--settings".to_owned(), json!({ "hooks": hooks }).to_string()]
}

/// Rows of its list are called `Opus`, `Sonnet 5 (1M context)`, `Opus Plan Mode`, or as they were given to `--model`;
/// that may also stand at the end of the description.
fn model_names(label: &str, description: &str) -> Vec<String> {
    let given = description.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    if let Some((_, name)) = given.filter(|(_, name)| !name.contains(' ')) {
        return vec![name.to_owned()];
    }
    let (head, _) = description.split_once('·').unwrap_or((description, ""));
    let context = if label.contains("1M") || head.contains("1M") { "[1m]" } else { "" };
    let words = |text: &str| -> Vec<String> {
        let text = text.split(" (").next().unwrap_or_default().to_lowercase();
        text.split_whitespace().map(str::to_owned).collect()
    };
    let full =
        |family: &str, version: &str| format!("claude-{family}-{}{context}", version.replace('.', "-"));
    let is_version = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    match words(label).as_slice() {
        [default] if default == "default" => vec![default.clone()],
        [opus, plan, ..] if plan == "plan" => vec![format!("{opus}{plan}")],
        // The short name alone would mean the newest one.
        [family, version] if is_version(version) && context.is_empty() => vec![full(family, version)],
        [family, version] if is_version(version) => {
            vec![full(family, version), format!("{family}{context}")]
        }
        [family] => match words(head).as_slice() {
            [same, version, ..] if same == family && is_version(version) => {
                vec![format!("{family}{context}"), full(family, version)]
            }
            _ => vec![label.to_owned()],
        },
        _ => vec![label.to_owned()],
    }
}

/// Where Claude keeps everything.
fn home(env: &BTreeMap<String, String>) -> PathBuf {
    match env.get("CLAUDE_CONFIG_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => os_text::decode(dir).into(),
        None => Path::new(&os_text::decode(env.get("HOME").map_or("/", String::as_str))).join(".claude"),
    }
}

/// Where Claude keeps the transcript of a conversation that was begun in `cwd`.
fn transcript(env: &BTreeMap<String, String>, cwd: &Path, conversation: &str) -> PathBuf {
    let real = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    let project: String = real
        .to_string_lossy()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    home(env).join("projects").join(project).join(format!("{conversation}.jsonl"))
}

#[cfg(test)]
mod tests;
