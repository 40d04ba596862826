//! Codex CLI. Facts measured with 0.169.0 and 0.171.0.

mod dialog;
mod meta;
mod transcript;
mod workdir;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::os_text;
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use jiff::Timestamp;
use serde_json::Value;

use meta::{Meta, session_meta};

use super::checks::codex_sign_in;
use super::conversations::conversation_id;
use super::decisions::Answers;
use super::launch::model_args;
use super::signals::question;
use super::{
    Accounts, Arguments, Argv, AtLimit, Checks, Composer, Conversations, Dialog, Hooks, LaunchRequest,
    Launcher, Meaning, ModelList, Models, PromptDelivery, Prompts, Provider, Quit, ReadScreens, Resume,
    Screened, Signals, StoredKey, Switches, paste_path,
};
use crate::plain_file::{self, LONGEST_SETTINGS};
use crate::transcript::Dialect;

pub static CODEX: Provider = provider(&Codex { has_hooks: false, fullscreen: false }, None);

/// With hooks of ours, and without its review of hooks: every enabled hook of a launch runs, those of a project too,
/// whether anybody has seen them or not.
const HOOKS_WITHOUT_REVIEW: &str = "hooks_without_review";

/// It paints on the alternate screen, which has no history.
const FULLSCREEN: &str = "fullscreen";

fn switched(on: &[&str]) -> Provider {
    const REMARK: Option<&str> = Some("all of its hooks run without review");
    match (on.contains(&HOOKS_WITHOUT_REVIEW), on.contains(&FULLSCREEN)) {
        (true, true) => provider(&Codex { has_hooks: true, fullscreen: true }, REMARK),
        (true, false) => provider(&Codex { has_hooks: true, fullscreen: false }, REMARK),
        (false, true) => provider(&Codex { has_hooks: false, fullscreen: true }, None),
        (false, false) => provider(&Codex { has_hooks: false, fullscreen: false }, None),
    }
}

const fn provider(codex: &'static Codex, remark: Option<&'static str>) -> Provider {
    Provider {
        name: "codex",
        label: "Codex",
        description: "Codex CLI",
        agent: true,
        launcher: codex,
        environment: &[],
        arguments: Arguments { model: &["--model", "-m"], only_flags: true, ..Arguments::EXTRA },
        resume: Resume { description: "continues the conversation (codex resume)", keeps_conversation: true },
        dangerous_flags: &["--dangerously-bypass-approvals-and-sandbox", "--yolo"],
        accounts: Some(ACCOUNTS),
        checks: Some(CHECKS),
        models: Some(Models { list: Some(MODEL_LIST), offered: &[], example: "gpt-…", vendor: "" }),
        prompts: Prompts {
            delivery: PromptDelivery::Argument,
            composer: Some(COMPOSER),
            // A path that is pasted becomes an image.
            mention_image: paste_path,
        },
        // The first Ctrl+C interrupts a turn or empties the composer; one on an idle composer ends it with status 0.
        quit: Quit::Keys { keys: &["ctrl+c", "ctrl+c", "ctrl+c"], pause: Duration::from_millis(400) },
        // Soon after the first prompt it takes 4 to 5 s to end.
        quit_limit: Duration::from_secs(10),
        conversations: Some(codex),
        hooks: codex,
        // Where a person allows its hooks.
        answers: Some(Answers::Deny),
        state_file: None,
        signals: codex,
        prompts_for_commands: None,
        // What it asks before a conversation begins neither a hook nor a report tells.
        reads_screens: ReadScreens::AtStart,
        asks_on_screen: Some(dialog::dialog),
        // No hook tells that the API failed, that a person said yes, or that a command of theirs runs.
        reports_count_as_hooks: true,
        // It asks when nothing was typed for a second (0.9 s measured): keys that come before are lost.
        question_delay: Duration::from_millis(1100),
        switches: Some(Switches { names: &[HOOKS_WITHOUT_REVIEW, FULLSCREEN], with: switched }),
        remark,
    }
}

const COMPOSER: Composer = Composer {
    mark: "›",
    placeholders: &["[Pasted Content", "[Image"],
    image: "[Image",
    hints: &[],
    completes: &['@', '$'],
    continues: &[],
    demotes: None,
    commands: &['!', '/', '#', '@', '&', '?', '$'],
    command_words: &["exit", "quit", ":q", ":q!", ":wq", ":wq!"],
};

/// The list of models leads to one of efforts where there are several. `s` keeps the choice to the session; Enter
/// writes it to the person's settings.
const MODEL_LIST: ModelList = ModelList {
    open: "/model",
    not_yet: Some("Model selection is disabled until startup completes"),
    list: Dialog { heading: "Select Model and Effort", end: "esc back" },
    pointer: '›',
    names: |label, _| vec![label.to_lowercase().replace(' ', "-")],
    efforts: Some((
        "enter select · esc back",
        Dialog { heading: "Select Reasoning Level for", end: "esc back" },
    )),
    keep: "s",
    keep_hints: &["s session · esc back"],
    questions: &[],
    done: "Model changed to ",
    kept: "for this session only",
    done_names_it: true,
};

const ACCOUNTS: Accounts = Accounts {
    api: &["OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_IDENTITY_TOKEN_FILE"],
    api_settings: &["OPENAI_BASE_URL", "OPENAI_FEDERATION_RULE_ID", "OPENAI_ORGANIZATION"],
    subscription: &["CODEX_ACCESS_TOKEN"],
    home,
    stored_keys,
};

const CHECKS: Checks = Checks {
    version: &["--version"],
    sign_in: &["login", "status"],
    signed_in: codex_sign_in,
    tested: &["0.169.0", "0.171.0"],
    works: &[
        ("state, permissions and questions", "0.169.0"),
        ("context and quota", "0.169.0"),
        ("when a usage limit resets", "0.169.0"),
    ],
};

struct Codex {
    /// Hooks of ours run, and all others.
    has_hooks: bool,
    fullscreen: bool,
}

impl Launcher for Codex {
    fn program(&self, _: &BTreeMap<String, String>) -> String {
        "codex".into()
    }

    fn start(&self, launch: &LaunchRequest, _: Option<&str>, prompt: Option<&str>) -> Argv {
        let mut args = self.flags();
        args.extend(self.hooks(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        if let Some(prompt) = prompt {
            args.extend(["--".to_owned(), prompt.to_owned()]);
        }
        Argv { program: self.program(launch.env), args }
    }

    fn resume(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Argv {
        let Some(id) = conversation else {
            // It was never spoken in.
            return self.fork(launch, None).unwrap_or_else(|| self.start(launch, None, None));
        };
        let mut args = vec!["resume".to_owned()];
        args.extend(self.flags());
        args.extend(self.hooks(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        args.push(id.to_owned());
        Argv { program: self.program(launch.env), args }
    }

    fn forks(&self) -> bool {
        true
    }

    fn fork(&self, launch: &LaunchRequest, _: Option<&str>) -> Option<Argv> {
        let origin = launch.forked_from?;
        let mut args = vec!["fork".to_owned()];
        args.extend(self.flags());
        args.extend(self.hooks(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        args.push(origin.to_owned());
        Some(Argv { program: self.program(launch.env), args })
    }
}

impl Conversations for Codex {
    /// Codex chooses the id; the first line of its rollout file names it, its directory and its start.
    fn find(
        &self,
        launch: &LaunchRequest,
        ran: RangeInclusive<Timestamp>,
        taken: &[String],
    ) -> Option<String> {
        let home = home(launch.env)?;
        let real = launch.cwd.canonicalize().unwrap_or_else(|_| launch.cwd.to_owned());
        let mut found: Vec<(Timestamp, String)> = Vec::new();
        for file in rollouts(&home.join("sessions"), 3) {
            if !changed_since(&file, *ran.start()) {
                continue;
            }
            let Some(Meta { id, cwd, started, .. }) = session_meta(&file).filter(|meta| !meta.of_subagent)
            else {
                continue;
            };
            let here = cwd == launch.cwd || cwd == real;
            if here && ran.contains(&started) && !taken.contains(&id) {
                found.push((started, id));
            }
        }
        // The first one after the launch is the session's own; later ones are its forks or others'.
        found.into_iter().min().map(|(_, id)| id)
    }

    fn begin_in_files(&self) -> bool {
        true
    }

    /// It keeps the rollout files of all its conversations open. After `/new` and `/clear` there is one more, with
    /// the first prompt: the one that was begun last is the one that goes on.
    fn of_files(&self, open: &[PathBuf]) -> Option<String> {
        let rollouts = open.iter().filter(|path| is_rollout(path));
        // One that has no first line yet may be the one.
        let metas = rollouts.map(|path| session_meta(path)).collect::<Option<Vec<_>>>()?;
        let own = metas.into_iter().filter(|meta| !meta.of_subagent);
        own.max_by_key(|meta| meta.started).map(|meta| meta.id)
    }

    fn dialect(&self) -> &'static Dialect {
        &transcript::DIALECT
    }

    /// A rollout's name ends with the conversation's id. A resumed conversation goes on in its file.
    fn transcript(&self, launch: &LaunchRequest, conversation: &str) -> Option<PathBuf> {
        let end = format!("-{conversation}.jsonl");
        let fits = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(&end))
        };
        rollouts(&self.transcripts(launch.env)?, 3).into_iter().find(fits)
    }

    fn transcripts(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        Some(home(env)?.join("sessions"))
    }
}

impl Hooks for Codex {
    /// What happens within a turn its reports tell better: several tools may be used at once, one of which
    /// waits for a permission, and a permission that is wanted may be given by a hook of the person's before
    /// anybody is asked.
    fn meaning(&self, payload: &Value) -> Option<Meaning> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("hook_event_name") {
            "UserPromptSubmit" | "PreCompact" => Some((Activity::Working, None)),
            "Stop" | "Interrupt" => Some((Activity::Idle, None)),
            // A turn goes on behind another one.
            "PostCompact" if field("trigger") == "manual" => Some((Activity::Idle, None)),
            _ => None,
        }
    }

    fn workdir(&self, payload: &Value) -> Option<String> {
        workdir::workdir(payload)
    }

    /// After `/new` and `/clear` the first prompt has the new one, and after `/resume` that one. At the end it
    /// says good-bye to all of them.
    fn conversation(&self, payload: &Value) -> Option<String> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str);
        let id = field("session_id").and_then(conversation_id);
        id.filter(|_| field("hook_event_name") == Some("UserPromptSubmit"))
    }
}

impl Signals for Codex {
    fn screen(&self, rows: &[String]) -> Option<Screened> {
        const KNOWN: &[(&str, WaitingFor)] = &[
            ("Trust this folder?", WaitingFor::Trust),
            ("Hooks need review", WaitingFor::Trust),
            ("Where should the new", WaitingFor::Dialog),
            ("Would you like to run the following command?", WaitingFor::Permission),
            ("Would you like to make the following edits?", WaitingFor::Permission),
        ];
        question(rows, '›', KNOWN)
    }

    /// It offers a cheaper model.
    fn at_limit(&self, rows: &[String]) -> Option<AtLimit> {
        const OFFER: &str = "Approaching rate limits";
        let (_, _, asked) = question(rows, '›', &[(OFFER, WaitingFor::UsageLimit)])?;
        asked.contains(OFFER).then_some(AtLimit::Asks { leave: "escape" })
    }
}

impl Codex {
    /// `--no-daemon`: otherwise the agent goes on in a background server when its terminal ends, where
    /// nobody sees it.
    fn flags(&self) -> Vec<String> {
        let classic = (!self.fullscreen).then_some("--no-alt-screen");
        ["--no-daemon"].into_iter().chain(classic).map(str::to_owned).collect()
    }

    /// Hooks of this launch, for every event there is, where the person allows them: they are trusted by a flag
    /// that trusts all others, too. They stand beside the person's own.
    fn hooks(&self, launch: &LaunchRequest) -> Vec<String> {
        const EVENTS: [&str; 12] = [
            "SessionStart",
            "SessionEnd",
            "UserPromptSubmit",
            "PreToolUse",
            "PermissionRequest",
            "PostToolUse",
            "PreCompact",
            "PostCompact",
            "SubagentStart",
            "SubagentStop",
            "Stop",
            "Interrupt",
        ];
        if !self.has_hooks {
            return Vec::new();
        }
        let command = toml::Value::from(launch.hook);
        let hooks = EVENTS.into_iter().flat_map(|event| {
            let hook =
                format!("hooks.{event}=[{{hooks=[{{type=\"command\",command={command},timeout=5}}]}}]");
            ["-c".to_owned(), hook]
        });
        std::iter::once("--dangerously-bypass-hook-trust".to_owned()).chain(hooks).collect()
    }
}

fn stored_keys(env: &BTreeMap<String, String>) -> Vec<StoredKey> {
    let file = home(env).unwrap_or_default().join("auth.json");
    let kept = plain_file::json(&file, LONGEST_SETTINGS);
    let found = kept.is_some_and(|kept| kept["OPENAI_API_KEY"].is_string());
    vec![StoredKey { file, found }]
}

/// Where Codex keeps everything.
fn home(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    match env.get("CODEX_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => Some(os_text::decode(dir).into()),
        None => Some(Path::new(&os_text::decode(env.get("HOME")?)).join(".codex")),
    }
}

/// The rollout files below `dir`, which lie in folders for year, month and day.
fn rollouts(dir: &Path, depth: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if depth > 0 && path.is_dir() {
            found.extend(rollouts(&path, depth - 1));
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    found
}

/// A file that was not touched since cannot have been begun since.
fn changed_since(file: &Path, since: Timestamp) -> bool {
    let modified = file.metadata().and_then(|meta| meta.modified()).ok();
    modified.and_then(|modified| Timestamp::try_from(modified).ok()).is_none_or(|modified| modified >= since)
}

fn is_rollout(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("rollout-") && name.ends_with(".jsonl")
}

#[cfg(test)]
mod tests;
