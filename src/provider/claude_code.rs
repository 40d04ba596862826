//! Claude Code. Facts measured with 2.1.197.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::{SessionId, os_text};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Accounts, Argv, Composer, Dialog, Launch, ModelList, PromptDelivery, Provider, Quit, ReadScreens,
    StoredKey, conversation_id, model_args, question,
};
use crate::terminal::reports::Report;
use crate::transcript::Dialect;

pub struct ClaudeCode;

impl Provider for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn description(&self) -> &'static str {
        "Claude Code"
    }

    fn program(&self, _: &BTreeMap<String, String>) -> String {
        "claude".into()
    }

    fn resume_description(&self) -> &'static str {
        "continues the conversation (claude --resume)"
    }

    fn prompt_delivery(&self) -> PromptDelivery {
        PromptDelivery::Argument
    }

    fn composer(&self) -> Option<Composer> {
        let placeholders = &["[Pasted text", "[Image"];
        Some(Composer {
            mark: "❯",
            placeholders,
            image: "[Image",
            completes: &[],
            continues: &['\\'],
            commands: &['!', '/', '#', '@', '&', '?'],
            command_words: &["exit", "quit", ":q", ":q!", ":wq", ":wq!"],
        })
    }

    /// Claude takes any UUID as the id of a new conversation: it gets the session's own.
    fn choose_conversation(&self, session: SessionId) -> Option<String> {
        Some(session.to_string())
    }

    fn takes_model(&self) -> bool {
        true
    }

    /// In its list `s` keeps the choice to the session; Enter, and `/model NAME`, write it to the person's settings.
    fn model_list(&self) -> Option<ModelList> {
        Some(ModelList {
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
        })
    }

    fn start(&self, launch: &Launch, conversation: Option<&str>, prompt: Option<&str>) -> Argv {
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
    fn resume(&self, launch: &Launch, conversation: Option<&str>) -> Argv {
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

    fn fork(&self, launch: &Launch, conversation: Option<&str>) -> Option<Argv> {
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

    /// After `/clear` there is another one at once. At any other start a fork still names the one that it
    /// was made from: the next prompt has the right one.
    fn conversation_of_hook(&self, payload: &Value) -> Option<String> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str);
        let proves = match field("hook_event_name")? {
            "SessionStart" => field("source") == Some("clear"),
            "UserPromptSubmit" => true,
            _ => false,
        };
        field("session_id").and_then(conversation_id).filter(|_| proves)
    }

    fn dangerous_flags(&self) -> &'static [&'static str] {
        &["--dangerously-skip-permissions"]
    }

    /// Escape refuses in a dialog, where Ctrl+C does nothing, and interrupts a turn. Then the first Ctrl+C
    /// may only empty the composer; two on an idle composer end it with status 0.
    fn quit(&self) -> Quit {
        let keys = &["escape", "ctrl+c", "ctrl+c", "ctrl+c", "ctrl+c", "ctrl+c"];
        Quit::Keys { keys, pause: Duration::from_millis(300) }
    }

    fn quit_limit(&self) -> Duration {
        Duration::from_secs(6)
    }

    fn interpret_hook(&self, payload: &Value) -> Option<(Activity, Option<WaitingFor>)> {
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

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts {
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
        })
    }

    fn stored_keys(&self, env: &BTreeMap<String, String>) -> Vec<StoredKey> {
        let file = home(env).join("settings.json");
        let settings = std::fs::read(&file).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        let accounts = self.accounts();
        let found = settings.is_some_and(|settings| {
            let in_env = |name: &&str| settings["env"].get(name).is_some();
            settings["apiKeyHelper"].is_string()
                || accounts.is_some_and(|accounts| accounts.api.iter().any(in_env))
        });
        vec![StoredKey { file, found }]
    }

    /// A path that is pasted becomes an image; one that is typed does not.
    fn mention_image(&self, path: &Path) -> String {
        path.display().to_string()
    }

    fn state_file(&self, env: &BTreeMap<String, String>, pid: i32) -> Option<PathBuf> {
        Some(home(env).join(format!("sessions/{pid}.json")))
    }

    /// It is the only one to tell at once that a person refused or interrupted. Undocumented.
    fn interpret_state_file(&self, content: &Value) -> Option<(Activity, Option<WaitingFor>)> {
        match content.get("status")?.as_str()? {
            "busy" => Some((Activity::Working, None)),
            "idle" => Some((Activity::Idle, None)),
            // It says "permission prompt" of questions and plans too: the hook knows better.
            "waiting" => Some((Activity::Waiting, None)),
            _ => None,
        }
    }

    fn state_file_time(&self, content: &Value) -> Option<Timestamp> {
        Timestamp::from_millisecond(content.get("updatedAt")?.as_i64()?).ok()
    }

    /// What it asks before a conversation begins neither a hook nor a report tells.
    fn reads_screens(&self) -> ReadScreens {
        ReadScreens::AtStart
    }

    fn interpret_screen(&self, rows: &[String]) -> Option<(Activity, Option<WaitingFor>, String)> {
        question(rows, '❯', &["Accessing workspace:", "Detected a custom API key", "Bypass Permissions mode"])
    }

    fn dialect(&self) -> Option<Dialect> {
        Some(Dialect::ClaudeCode)
    }

    /// Below the directory that it was begun in; that may be another one than the session's.
    fn transcript(&self, launch: &Launch, conversation: &str) -> Option<PathBuf> {
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

    /// The title alternates between these while it works. At rest it shows `✳`, but it does so too
    /// while a permission prompt is open: that proves nothing.
    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)> {
        let Report::Title(title) = report else { return None };
        match title.chars().next() {
            Some('⠂' | '⠐') => Some((Activity::Working, None)),
            _ => Some((Activity::Unknown, None)),
        }
    }
}

/// Hooks of this launch. They stand beside those of the person's own settings files.
fn settings(launch: &Launch) -> [String; 2] {
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
mod tests {
    use super::*;

    #[test]
    fn resume_needs_a_transcript() {
        let home = tempfile::tempdir().unwrap();
        let cwd = home.path().join("a.b");
        std::fs::create_dir(&cwd).unwrap();
        let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
        let args = ["--model".to_owned(), "opus".to_owned()];
        let launch = Launch {
            session: SessionId::random(),
            args: &args,
            model: None,
            cwd: &cwd,
            env: &env,
            hook: "hook",
            codex_hooks_without_review: false,
            forked_from: None,
        };
        let own = |argv: Argv| -> Vec<String> {
            let settings = argv.args.iter().position(|arg| arg == "--settings").unwrap();
            let is_json = serde_json::from_str::<Value>(&argv.args[settings + 1]).is_ok();
            assert!(is_json);
            [&argv.args[..settings], &argv.args[settings + 2..]].concat()
        };
        let argv = ClaudeCode.resume(&launch, Some("id"));
        assert_eq!(own(argv), ["--session-id", "id", "--model", "opus"]);
        let transcript = transcript(&env, &cwd, "id");
        assert!(transcript.to_str().unwrap().ends_with("-a-b/id.jsonl"));
        std::fs::create_dir_all(transcript.parent().unwrap()).unwrap();
        std::fs::write(&transcript, "{}").unwrap();
        assert_eq!(own(ClaudeCode.resume(&launch, Some("id"))), ["--resume", "id", "--model", "opus"]);
        // A fork that was never spoken in is forked again.
        let fork = Launch { forked_from: Some("id"), ..launch };
        let forked = ["--resume", "id", "--fork-session", "--session-id", "new", "--model", "opus"];
        assert_eq!(own(ClaudeCode.fork(&fork, Some("new")).unwrap()), forked);
        assert_eq!(own(ClaudeCode.resume(&fork, Some("new"))), forked);
        assert_eq!(ClaudeCode.fork(&Launch { forked_from: Some("other"), ..fork }, Some("new")), None);
    }

    #[test]
    fn the_conversation_changes_when_a_hook_proves_another_one() {
        let names = |event: &str, source: &str, id: &str| {
            let payload = json!({"hook_event_name": event, "source": source, "session_id": id});
            ClaudeCode.conversation_of_hook(&payload).is_some()
        };
        let proves = |event: &str, source: &str| names(event, source, "59d90e52-3c4c-4d2c-9c3e-6e4c6f2b7a10");
        assert!(proves("SessionStart", "clear") && proves("UserPromptSubmit", ""));
        assert!(!names("UserPromptSubmit", "", "../../elsewhere"), "it becomes the name of a file");
        for (event, source) in
            [("SessionStart", "startup"), ("SessionStart", "resume"), ("SessionEnd", "clear")]
        {
            assert!(!proves(event, source), "{event} {source}");
        }
    }

    /// Real payloads, and what each proves.
    #[test]
    fn hooks_tell_the_state() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/claude-code");
        let meaning = |name: &str| {
            let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            ClaudeCode.interpret_hook(&serde_json::from_str(&text).unwrap())
        };
        let (working, idle) = (Some((Activity::Working, None)), Some((Activity::Idle, None)));
        let waiting = |what| Some((Activity::Waiting, Some(what)));
        for (name, expected) in [
            ("SessionStart", idle),
            ("SessionStart.clear", None),
            ("SessionStart.compact", None),
            ("UserPromptSubmit", working),
            ("PreToolUse", working),
            ("PermissionRequest", waiting(WaitingFor::Permission)),
            ("PermissionRequest.AskUserQuestion", waiting(WaitingFor::Question)),
            ("PermissionRequest.ExitPlanMode", waiting(WaitingFor::Question)),
            ("PostToolUse", working),
            ("PostToolUseFailure", working),
            ("Notification", None),
            ("Notification.idle_prompt", idle),
            ("Stop", idle),
            ("StopFailure", idle),
            ("SubagentStop", None),
            ("SessionEnd", Some((Activity::Unknown, None))),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    #[test]
    fn the_state_file_tells_the_state() {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/claude-code/sessions-pid-file.json");
        let samples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let meanings: Vec<_> = samples.iter().map(|sample| ClaudeCode.interpret_state_file(sample)).collect();
        assert_eq!(
            meanings,
            [Activity::Idle, Activity::Working, Activity::Waiting].map(|activity| Some((activity, None)))
        );
    }

    /// Rows of the real list, and what each is in requests.
    #[test]
    fn what_is_kept_of_a_row_means_the_same_for_the_next_run() {
        for (label, description, names) in [
            (
                "Default (recommended)",
                "Use the default model (currently Opus 4.8 (1M context)) · $5/$25",
                "default",
            ),
            ("Opus", "Opus 4.8 with 1M context · Best for everyday", "opus[1m] claude-opus-4-8[1m]"),
            ("Opus (1M context)", "Opus 4.8 with 1M context · Best", "opus[1m] claude-opus-4-8[1m]"),
            ("Opus", "Opus 4.8 · Best for everyday, complex tasks", "opus claude-opus-4-8"),
            ("Opus 4.8", "Best for everyday, complex tasks (claude-opus-4-8)", "claude-opus-4-8"),
            ("Opus Plan Mode", "Use Opus in plan mode, Sonnet otherwise", "opusplan"),
            ("Sonnet", "Sonnet 5 · Efficient for routine tasks · $3/$15 per Mtok", "sonnet claude-sonnet-5"),
            ("Sonnet 5 (1M context)", "Sonnet 5 for long sessions", "claude-sonnet-5[1m] sonnet[1m]"),
            ("Sonnet 4.5", "Newer version available · select Sonnet for Sonnet 5", "claude-sonnet-4-5"),
            ("Haiku", "Haiku 4.5 · Fastest for quick answers", "haiku claude-haiku-4-5"),
            ("my-own-model", "Custom model", "my-own-model"),
        ] {
            assert_eq!(model_names(label, description).join(" "), names, "{label}: {description}");
        }
    }

    #[test]
    fn a_prompt_cannot_be_taken_for_an_option() {
        let env = BTreeMap::new();
        let launch = Launch {
            session: SessionId::random(),
            args: &[],
            model: None,
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
            codex_hooks_without_review: false,
            forked_from: None,
        };
        let argv = ClaudeCode.start(&launch, Some("id"), Some("--help me"));
        assert!(argv.args.ends_with(&["--".to_owned(), "--help me".to_owned()]));
    }
}
