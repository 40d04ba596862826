//! Claude Code. Facts measured with 2.1.197 and 2.1.332.

mod dialog;
mod hooks;
mod signals;
mod state_file;
mod status_line;
mod transcript;
mod version;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::{SessionId, os_text};
use serde_json::Value;

use super::checks::claude_sign_in;
use super::decisions::Answers;
use super::launch::model_args;
use super::{
    Accounts, Arguments, Argv, Checks, Composer, Conversations, Demotes, Dialog, LaunchRequest, Launcher,
    ModelList, Models, PromptDelivery, Prompts, Provider, Quit, ReadScreens, Resume, StoredKey, Switches,
    paste_path,
};
use crate::plain_file::{self, LONGEST_SETTINGS};
use crate::transcript::{Dialect, LONGEST_LINE};
use hooks::settings;
use state_file::STATE_FILE;

pub static CLAUDE_CODE: Provider = provider(true, true);

/// Its list of agents, where a key takes a conversation out of the terminal into a background process of its own.
const AGENT_VIEW: &str = "agent_view";
/// It paints on the alternate screen, which has no history.
const FULLSCREEN: &str = "fullscreen";

fn switched(on: &[&str]) -> Provider {
    provider(!on.contains(&AGENT_VIEW), !on.contains(&FULLSCREEN))
}

const fn environment(in_its_pane: bool, classic: bool) -> &'static [(&'static str, &'static str)] {
    const IN_ITS_PANE: (&str, &str) = ("CLAUDE_CODE_DISABLE_AGENT_VIEW", "1");
    const CLASSIC: (&str, &str) = ("CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN", "1");
    match (in_its_pane, classic) {
        (true, true) => &[IN_ITS_PANE, CLASSIC],
        (true, false) => &[IN_ITS_PANE],
        (false, true) => &[CLASSIC],
        (false, false) => &[],
    }
}

const fn provider(in_its_pane: bool, classic: bool) -> Provider {
    Provider {
        name: "claude-code",
        label: "Claude Code",
        description: "Claude Code",
        agent: true,
        launcher: &ClaudeCode,
        environment: environment(in_its_pane, classic),
        arguments: ARGUMENTS,
        resume: Resume {
            description: "continues the conversation (claude --resume)",
            keeps_conversation: true,
        },
        dangerous_flags: &["--dangerously-skip-permissions"],
        accounts: Some(ACCOUNTS),
        checks: Some(CHECKS),
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
        answers: Some(Answers::All),
        // It is the only one to tell at once that a person refused or interrupted. Undocumented.
        state_file: Some(STATE_FILE),
        signals: &ClaudeCode,
        prompts_for_commands: None,
        // What it asks before a conversation begins neither a hook nor a report tells.
        reads_screens: ReadScreens::AtStart,
        asks_on_screen: Some(dialog::dialog),
        reports_count_as_hooks: false,
        question_delay: Duration::ZERO,
        switches: Some(Switches { names: &[AGENT_VIEW, FULLSCREEN], with: switched }),
        remark: None,
    }
}

const ARGUMENTS: Arguments = Arguments {
    model: &["--model"],
    mode: &["--permission-mode"],
    risky_modes: &["bypassPermissions"],
    asking_mode: Some("default"),
    refused: &[
        (
            &["--continue", "-c", "--resume", "-r", "--from-pr", "--fork-session", "--session-id"],
            "a session continues its own conversation when it is resumed, or a copy of it when it is forked",
        ),
        (
            &["--settings"],
            "it would replace the hooks that report the session's state; use ~/.claude/settings.json or the project's \
             .claude/settings.local.json",
        ),
        (
            &["--bg", "--background", "--cloud", "--desktop", "--print", "-p"],
            "a session runs in its terminal",
        ),
    ],
    only_flags: true,
    ..Arguments::EXTRA
};

const COMPOSER: Composer = Composer {
    mark: "❯",
    placeholders: &["[Pasted text", "[Image"],
    image: "[Image",
    hints: &[],
    completes: &[],
    continues: &['\\'],
    // 4 lines, or about 850 characters, of 2.1.332.
    demotes: Some(Demotes { lines: 4, bytes: 800, completes: &['@', '/'] }),
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
    keep_hints: &[
        "s to use this session only · Esc to cancel",
        "s to use this session only · Enter to save · Esc to cancel",
    ],
    questions: &[
        Dialog { heading: "Switch model?", end: "2. No, go back" },
        Dialog { heading: "Switch model?", end: "Enter to confirm · Esc to cancel" },
    ],
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
    home: |env| Some(home(env)),
    stored_keys,
};

const CHECKS: Checks = Checks {
    version: &["--version"],
    sign_in: &["auth", "status"],
    signed_in: claude_sign_in,
    tested: &["2.1.197", "2.1.332"],
    works: &[
        ("state, permissions and questions", "2.1.197"),
        ("context and cost", "2.1.197"),
        ("permission mode", "2.1.197"),
        ("what a dialog is about", "2.1.332"),
        ("when a usage limit resets", "2.1.332"),
    ],
};

struct ClaudeCode;

fn mode_args(launch: &LaunchRequest) -> impl Iterator<Item = String> {
    launch.permission_mode.into_iter().flat_map(|mode| ["--permission-mode".to_owned(), mode.to_owned()])
}

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
        args.extend(mode_args(launch));
        args.extend_from_slice(launch.args);
        if let Some(prompt) = prompt {
            args.extend(["--".to_owned(), prompt.to_owned()]);
        }
        Argv { program: self.program(launch.env), args }
    }

    /// `--resume` of a conversation that was never spoken in fails. One that was left by a command has a transcript without a
    /// word, and its id counts as taken: it begins with another one, which its first prompt tells.
    fn resume(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Argv {
        let file = conversation.map(|id| transcript(launch.env, launch.cwd, id));
        if !file.as_ref().is_some_and(|file| is_spoken_in(file)) {
            let free = conversation.filter(|_| !file.is_some_and(|file| file.exists()));
            return self.fork(launch, free).unwrap_or_else(|| self.start(launch, free, None));
        }
        let mut args = vec!["--resume".to_owned()];
        args.extend(conversation.map(str::to_owned));
        args.extend(settings(launch));
        args.extend(model_args(launch));
        args.extend(mode_args(launch));
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
        args.extend(model_args(launch));
        args.extend(mode_args(launch));
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

fn stored_keys(env: &BTreeMap<String, String>) -> Vec<StoredKey> {
    let file = home(env).join("settings.json");
    let settings = plain_file::json(&file, LONGEST_SETTINGS);
    let found = settings.is_some_and(|settings| {
        let in_env = |name: &&str| settings["env"].get(name).is_some();
        settings["apiKeyHelper"].is_string() || ACCOUNTS.api.iter().any(in_env)
    });
    vec![StoredKey { file, found }]
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

/// Whether anybody said anything there. What is longer than a line may be was not written by a command alone.
fn is_spoken_in(transcript: &Path) -> bool {
    let Ok(file) = plain_file::open(transcript) else { return false };
    let longest = LONGEST_LINE as u64;
    let is_longer = file.metadata().is_ok_and(|meta| meta.len() > longest);
    let is_said = |line: &Value| matches!(line["type"].as_str(), Some("user" | "assistant"));
    let lines = BufReader::new(file.take(longest)).split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_slice(&line).ok()).any(|line| is_said(&line)) || is_longer
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
