//! Codex CLI. Facts measured with 0.169.0.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::{SessionId, os_text};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Accounts, Argv, Composer, Dialog, Launch, ModelList, PromptDelivery, Provider, Quit, ReadScreens,
    StoredKey, conversation_id, model_args, question,
};
use crate::terminal::reports::Report;
use crate::transcript::Dialect;

pub struct Codex;

impl Provider for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn description(&self) -> &'static str {
        "Codex CLI"
    }

    fn program(&self, _: &BTreeMap<String, String>) -> String {
        "codex".into()
    }

    fn resume_description(&self) -> &'static str {
        "continues the conversation (codex resume)"
    }

    fn prompt_delivery(&self) -> PromptDelivery {
        PromptDelivery::Argument
    }

    fn composer(&self) -> Option<Composer> {
        let placeholders = &["[Pasted Content", "[Image"];
        Some(Composer {
            mark: "›",
            placeholders,
            image: "[Image",
            completes: &['@', '$'],
            continues: &[],
            commands: &['!', '/', '#', '@', '&', '?', '$'],
            command_words: &["exit", "quit", ":q", ":q!", ":wq", ":wq!"],
        })
    }

    fn choose_conversation(&self, _: SessionId) -> Option<String> {
        None
    }

    fn takes_model(&self) -> bool {
        true
    }

    /// The list of models leads to one of efforts where there are several. `s` keeps the choice to the session; Enter
    /// writes it to the person's settings.
    fn model_list(&self) -> Option<ModelList> {
        Some(ModelList {
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
            keep_hint: "s session · esc back",
            question: None,
            done: "Model changed to ",
            kept: "for this session only",
            done_names_it: true,
        })
    }

    /// `--no-daemon`: otherwise the agent goes on in a background server when its terminal ends, where
    /// nobody sees it.
    fn start(&self, launch: &Launch, _: Option<&str>, prompt: Option<&str>) -> Argv {
        let mut args = vec!["--no-daemon".to_owned()];
        args.extend(hooks(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        if let Some(prompt) = prompt {
            args.extend(["--".to_owned(), prompt.to_owned()]);
        }
        Argv { program: self.program(launch.env), args }
    }

    fn resume(&self, launch: &Launch, conversation: Option<&str>) -> Argv {
        let Some(id) = conversation else {
            // It was never spoken in.
            return self.fork(launch, None).unwrap_or_else(|| self.start(launch, None, None));
        };
        let mut args = vec!["resume".to_owned(), "--no-daemon".to_owned()];
        args.extend(hooks(launch));
        args.extend(model_args(launch));
        args.extend_from_slice(launch.args);
        args.push(id.to_owned());
        Argv { program: self.program(launch.env), args }
    }

    fn forks(&self) -> bool {
        true
    }

    fn fork(&self, launch: &Launch, _: Option<&str>) -> Option<Argv> {
        let origin = launch.forked_from?;
        let mut args = vec!["fork".to_owned(), "--no-daemon".to_owned()];
        args.extend(hooks(launch));
        args.extend_from_slice(launch.args);
        args.push(origin.to_owned());
        Some(Argv { program: self.program(launch.env), args })
    }

    fn dangerous_flags(&self) -> &'static [&'static str] {
        &["--dangerously-bypass-approvals-and-sandbox", "--yolo"]
    }

    /// Codex chooses the id; the first line of its rollout file names it, its directory and its start.
    fn find_conversation(
        &self,
        launch: &Launch,
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

    /// It keeps the rollout files of all its conversations open. After `/new` and `/clear` there is one more, with
    /// the first prompt: the one that was begun last is the one that goes on.
    fn conversation_of_files(&self, open: &[PathBuf]) -> Option<String> {
        let rollouts = open.iter().filter(|path| is_rollout(path));
        // One that has no first line yet may be the one.
        let metas = rollouts.map(|path| session_meta(path)).collect::<Option<Vec<_>>>()?;
        let own = metas.into_iter().filter(|meta| !meta.of_subagent);
        own.max_by_key(|meta| meta.started).map(|meta| meta.id)
    }

    fn begins_conversations_in_files(&self) -> bool {
        true
    }

    /// After `/new` and `/clear` the first prompt has the new one, and after `/resume` that one. At the end it
    /// says good-bye to all of them.
    fn conversation_of_hook(&self, payload: &Value) -> Option<String> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str);
        let id = field("session_id").and_then(conversation_id);
        id.filter(|_| field("hook_event_name") == Some("UserPromptSubmit"))
    }

    /// The first Ctrl+C interrupts a turn or empties the composer; one on an idle composer ends it with
    /// status 0.
    fn quit(&self) -> Quit {
        Quit::Keys { keys: &["ctrl+c", "ctrl+c", "ctrl+c"], pause: Duration::from_millis(400) }
    }

    /// Soon after the first prompt it takes 4 to 5 s to end.
    fn quit_limit(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn accounts(&self) -> Option<Accounts> {
        Some(Accounts {
            api: &["OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_IDENTITY_TOKEN_FILE"],
            api_settings: &["OPENAI_BASE_URL", "OPENAI_FEDERATION_RULE_ID", "OPENAI_ORGANIZATION"],
            subscription: &["CODEX_ACCESS_TOKEN"],
        })
    }

    fn stored_keys(&self, env: &BTreeMap<String, String>) -> Vec<StoredKey> {
        let file = home(env).unwrap_or_default().join("auth.json");
        let kept = fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let found = kept.is_some_and(|kept: Value| kept["OPENAI_API_KEY"].is_string());
        vec![StoredKey { file, found }]
    }

    /// A path that is pasted becomes an image.
    fn mention_image(&self, path: &Path) -> String {
        path.display().to_string()
    }

    /// No hook tells that the API failed, that a person said yes, or that a command of theirs runs.
    fn reports_count_as_hooks(&self) -> bool {
        true
    }

    /// What happens within a turn its reports tell better: several tools may be used at once, one of which
    /// waits for a permission, and a permission that is wanted may be given by a hook of the person's before
    /// anybody is asked.
    fn interpret_hook(&self, payload: &Value) -> Option<(Activity, Option<WaitingFor>)> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("hook_event_name") {
            "UserPromptSubmit" | "PreCompact" => Some((Activity::Working, None)),
            "Stop" | "Interrupt" => Some((Activity::Idle, None)),
            // A turn goes on behind another one.
            "PostCompact" if field("trigger") == "manual" => Some((Activity::Idle, None)),
            _ => None,
        }
    }

    /// It asks when nothing was typed for a second (0.9 s measured): keys that come before are lost.
    fn question_delay(&self) -> Duration {
        Duration::from_millis(1100)
    }

    /// What it asks before a conversation begins neither a hook nor a report tells.
    fn reads_screens(&self) -> ReadScreens {
        ReadScreens::AtStart
    }

    fn interpret_screen(&self, rows: &[String]) -> Option<(Activity, Option<WaitingFor>, String)> {
        question(rows, '›', &["Trust this folder?", "Hooks need review", "Where should the new"])
    }

    fn dialect(&self) -> Option<Dialect> {
        Some(Dialect::Codex)
    }

    /// A rollout's name ends with the conversation's id. A resumed conversation goes on in its file.
    fn transcript(&self, launch: &Launch, conversation: &str) -> Option<PathBuf> {
        let end = format!("-{conversation}.jsonl");
        let fits = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(&end))
        };
        rollouts(&self.transcripts(launch.env)?, 3).into_iter().find(fits)
    }

    fn transcripts(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        Some(home(env)?.join("sessions"))
    }

    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)> {
        let Report::AgentState { state, kind, .. } = report else { return None };
        Some(match state.as_str() {
            "working" => (Activity::Working, None),
            "idle" | "done" | "error" => (Activity::Idle, None),
            "blocked" if kind.as_deref() == Some("permission") => {
                (Activity::Waiting, Some(WaitingFor::Permission))
            }
            "blocked" => (Activity::Waiting, Some(WaitingFor::Question)),
            _ => (Activity::Unknown, None),
        })
    }
}

/// Hooks of this launch, for every event there is, where the person allows them: they are trusted by a flag
/// that trusts all others, too. They stand beside the person's own.
fn hooks(launch: &Launch) -> Vec<String> {
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
    if !launch.codex_hooks_without_review {
        return Vec::new();
    }
    let command = toml::Value::from(launch.hook);
    let hooks = EVENTS.into_iter().flat_map(|event| {
        let hook = format!("hooks.{event}=[{{hooks=[{{type=\"command\",command={command},timeout=5}}]}}]");
        ["-c".to_owned(), hook]
    });
    std::iter::once("--dangerously-bypass-hook-trust".to_owned()).chain(hooks).collect()
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

/// What the first line of a rollout file says of its conversation.
struct Meta {
    id: String,
    cwd: PathBuf,
    started: Timestamp,
    /// It is not a person's.
    of_subagent: bool,
}

fn session_meta(file: &Path) -> Option<Meta> {
    let mut line = String::new();
    BufReader::new(fs::File::open(file).ok()?).read_line(&mut line).ok()?;
    let line: Value = serde_json::from_str(&line).ok()?;
    let payload = line.get("payload").filter(|_| line["type"] == "session_meta")?;
    let id = payload["id"].as_str()?.to_owned();
    let cwd = PathBuf::from(payload["cwd"].as_str()?);
    let started = payload["timestamp"].as_str().or(line["timestamp"].as_str())?.parse().ok()?;
    let of_subagent = payload["thread_source"] == "subagent" || payload["source"].get("subagent").is_some();
    Some(Meta { id, cwd, started, of_subagent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conversation_is_found_by_directory_and_time() {
        let home = tempfile::tempdir().unwrap();
        let day = home.path().join(".codex/sessions/2026/11/22");
        fs::create_dir_all(&day).unwrap();
        let write = |id: &str, cwd: &str, second: u32| {
            let line = serde_json::json!({"timestamp": format!("2026-11-22T10:00:{second:02}.000Z"),
                "type": "session_meta", "payload": {"id": id, "cwd": cwd, "timestamp": format!("2026-11-22T10:00:{second:02}.000Z")}});
            fs::write(day.join(format!("rollout-{id}.jsonl")), format!("{line}\n{{}}\n")).unwrap();
        };
        write("before", "/work", 1);
        write("elsewhere", "/other", 12);
        write("first", "/work", 13);
        write("second", "/work", 14);
        fs::write(day.join("rollout-broken.jsonl"), "{").unwrap();
        let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
        let launch = Launch {
            session: SessionId::random(),
            args: &[],
            model: None,
            cwd: "/work".as_ref(),
            env: &env,
            hook: "hook",
            codex_hooks_without_review: false,
            forked_from: None,
        };
        let found = |until: &str, taken: &[String]| {
            let ran = "2026-11-22T10:00:10Z".parse().unwrap()..=until.parse().unwrap();
            Codex.find_conversation(&launch, ran, taken)
        };
        assert_eq!(found("2026-11-22T10:00:20Z", &[]), Some("first".into()));
        assert_eq!(found("2026-11-22T10:00:20Z", &["first".into()]), Some("second".into()));
        assert_eq!(found("2026-11-22T10:00:11Z", &[]), None, "both began after its end");
        assert_eq!(Codex.resume(&launch, Some("first")).args, ["resume", "--no-daemon", "first"]);
    }

    #[test]
    fn it_gets_hooks_where_that_was_allowed() {
        let env = BTreeMap::new();
        let launch = Launch {
            session: SessionId::random(),
            args: &["-m".to_owned(), "x".to_owned()],
            model: None,
            cwd: "/".as_ref(),
            env: &env,
            hook: r#"'/a "b"/codepiper' hook-forward"#,
            codex_hooks_without_review: true,
            forked_from: Some("origin"),
        };
        let without = Launch { codex_hooks_without_review: false, ..launch };
        assert_eq!(Codex.start(&without, None, Some("p")).args, ["--no-daemon", "-m", "x", "--", "p"]);
        let argvs = |launch: &Launch| {
            let (start, fork) = (Codex.start(launch, None, Some("p")), Codex.fork(launch, None).unwrap());
            [start, Codex.resume(launch, Some("id")), fork]
        };
        for (with, without) in argvs(&launch).into_iter().zip(argvs(&without)) {
            let flag = with.args.iter().position(|arg| arg == "--dangerously-bypass-hook-trust").unwrap();
            let mut rest = with.args;
            let hooks: Vec<String> = rest.drain(flag..flag + 25).skip(1).collect();
            assert_eq!(rest, without.args, "nothing else is different");
            for pair in hooks.chunks(2) {
                assert_eq!(pair[0], "-c");
                let hooks: toml::Table = toml::from_str(&pair[1]).unwrap();
                let event = hooks["hooks"].as_table().unwrap().values().next().unwrap();
                assert_eq!(event[0]["hooks"][0]["command"].as_str(), Some(launch.hook));
            }
        }
    }

    /// Real payloads, and what each proves.
    #[test]
    fn hooks_tell_the_state() {
        let payload = |name: &str| -> Value {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/codex");
            serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
        };
        let (working, idle) = (Some((Activity::Working, None)), Some((Activity::Idle, None)));
        for (name, expected) in [
            ("SessionStart", None),
            ("UserPromptSubmit", working),
            ("PreToolUse", None),
            ("PermissionRequest", None),
            ("PostToolUse", None),
            ("PreCompact", working),
            ("PostCompact", idle),
            ("Interrupt", idle),
            ("Stop", idle),
            ("SessionEnd", None),
        ] {
            assert_eq!(Codex.interpret_hook(&payload(name)), expected, "{name}");
        }
        let id = payload("UserPromptSubmit")["session_id"].as_str().map(str::to_owned);
        assert_eq!(Codex.conversation_of_hook(&payload("UserPromptSubmit")), id);
        assert_eq!(Codex.conversation_of_hook(&payload("SessionEnd")), None);
    }

    #[test]
    fn of_the_open_rollouts_the_one_begun_last_counts() {
        let dir = tempfile::tempdir().unwrap();
        let rollout = |id: &str, second: u32, of: &str| {
            let at = format!("2026-11-22T10:00:{second:02}.000Z");
            let payload = serde_json::json!({"id": id, "cwd": "/work", "timestamp": at, "thread_source": of});
            let line = serde_json::json!({"timestamp": at, "type": "session_meta", "payload": payload});
            let file = dir.path().join(format!("rollout-{id}.jsonl"));
            fs::write(&file, format!("{line}\n")).unwrap();
            file
        };
        let other = dir.path().join("state.sqlite");
        assert_eq!(Codex.conversation_of_files(std::slice::from_ref(&other)), None);
        let mut open =
            vec![rollout("new", 3, "user"), rollout("old", 1, "user"), rollout("sub", 4, "subagent"), other];
        assert_eq!(Codex.conversation_of_files(&open), Some("new".into()));
        let unfinished = dir.path().join("rollout-newer.jsonl");
        fs::write(&unfinished, "").unwrap();
        open.push(unfinished);
        assert_eq!(Codex.conversation_of_files(&open), None, "it may be that one");
    }

    #[test]
    fn its_own_state_reports_are_understood() {
        let report = |state: &str, kind: Option<&str>| Report::AgentState {
            state: state.into(),
            kind: kind.map(Into::into),
            app: Some("codex".into()),
        };
        assert_eq!(Codex.interpret(&report("working", None)), Some((Activity::Working, None)));
        assert_eq!(
            Codex.interpret(&report("blocked", Some("permission"))),
            Some((Activity::Waiting, Some(WaitingFor::Permission)))
        );
        assert_eq!(Codex.interpret(&report("clear", None)), Some((Activity::Unknown, None)));
        assert_eq!(Codex.interpret(&Report::Bell), None);
    }
}
