//! How to launch, resume and quit each kind of program, and what its signals mean.
//!
//! To add a provider: a file here that implements [`Provider`], and a line in [`BUILT_IN`]. People add theirs in the
//! configuration file.

mod claude_code;
mod codex;
mod custom;
mod shell;

pub use custom::Custom;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, Billing, WaitingFor};
use codepiper_protocol::{SessionId, os_text};
use jiff::Timestamp;

use crate::config;
use crate::terminal::reports::Report;
use crate::transcript::Dialect;

/// Those that are always there.
const BUILT_IN: [&dyn Provider; 3] = [&claude_code::ClaudeCode, &codex::Codex, &shell::Shell];

/// What the configuration file says of providers.
static CONFIGURED: OnceLock<Configured> = OnceLock::new();

struct Configured {
    codex: config::Codex,
    others: Vec<&'static dyn Provider>,
}

/// Takes what the configuration file says in; to be called once, at the start.
pub fn configure(providers: &config::Providers) {
    let custom = |(name, config): (&String, &config::Provider)| -> &'static dyn Provider {
        Box::leak(Box::new(Custom::new(name, config)))
    };
    let others = providers.others.iter().map(custom).collect();
    let _ = CONFIGURED.set(Configured { codex: providers.codex, others });
}

/// Every provider, as they are listed.
pub fn all() -> impl Iterator<Item = &'static dyn Provider> {
    let others = CONFIGURED.get().map_or(&[][..], |configured| &configured.others);
    BUILT_IN.into_iter().chain(others.iter().copied())
}

/// The person lets Codex run every enabled hook without its review.
pub fn codex_hooks_without_review() -> bool {
    CONFIGURED.get().is_some_and(|configured| configured.codex.hooks_without_review)
}

/// What is known about a session when its program is started.
pub struct Launch<'a> {
    pub session: SessionId,
    pub args: &'a [String],
    /// The model that was asked for.
    pub model: Option<&'a str>,
    pub cwd: &'a Path,
    /// The environment that the program will have.
    pub env: &'a BTreeMap<String, String>,
    /// A command line for `/bin/sh` that takes a hook's payload on standard input.
    pub hook: &'a str,
    /// See [`codex_hooks_without_review`].
    pub codex_hooks_without_review: bool,
    /// The conversation that its own is a copy of.
    pub forked_from: Option<&'a str>,
}

/// A program and its arguments. The program is looked up in the environment's `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv {
    pub program: String,
    pub args: Vec<String>,
}

/// How a first prompt reaches the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptDelivery {
    /// As an argument of [`Provider::start`].
    Argument,
    /// Typed into the terminal once the program runs.
    Typed,
}

/// Where an agent's prompts are written. It takes a text as a bracketed paste and shows it; Enter before
/// that would become a part of the text, or would answer a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composer {
    /// What stands left of the cursor when it is empty.
    pub mark: &'static str,
    /// How what stands for a long text or an image begins.
    pub placeholders: &'static [&'static str],
    /// How what stands for an image begins.
    pub image: &'static str,
    /// Enter completes a last word that begins so, and continues a text that ends so, instead of sending it. With a
    /// blank behind them it does not; blanks at the end are not sent.
    pub completes: &'static [char],
    pub continues: &'static [char],
    /// What a text begins with, and what it consists of, that may be something else than a prompt: a command of the agent,
    /// of a shell, a note, a file.
    pub commands: &'static [char],
    pub command_words: &'static [&'static str],
}

impl Composer {
    /// Whether the text needs a blank at its end to be sent as it is.
    pub fn needs_blank(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        last.starts_with(self.completes) || text.ends_with(self.continues)
    }
}

/// The list in which a person chooses a model for this session alone. What it offers is what it shows.
#[derive(Clone, Copy, Debug)]
pub struct ModelList {
    /// The command that opens it.
    pub open: &'static str,
    /// What the program says instead while it starts.
    pub not_yet: Option<&'static str>,
    pub list: Dialog,
    /// What stands before the row that a key would choose.
    pub pointer: char,
    /// The names for `--model` of the row with this label and description; the first one is kept.
    pub names: fn(&str, &str) -> Vec<String>,
    /// How the list ends where Enter leads to another one, of efforts, and that one. Enter is pressed nowhere else.
    pub efforts: Option<(&'static str, Dialog)>,
    /// The key that chooses for this session alone, and how a list ends where it does so.
    pub keep: &'static str,
    pub keep_hint: &'static str,
    /// A question that may follow; Enter says yes.
    pub question: Option<Dialog>,
    /// How begins what the program says when it is done, and what else it says then.
    pub done: &'static str,
    pub kept: &'static str,
    /// What follows that beginning is the name for `--model`.
    pub done_names_it: bool,
}

/// What an agent asks at the bottom of its screen: from the lowest row that begins with the heading down to the end.
/// Above it stands the conversation, with any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialog {
    pub heading: &'static str,
    /// What stands there last; only one blank in a row.
    pub end: &'static str,
}

/// What decides who pays for a provider: environment variables, and files where its program may keep a
/// key of its own.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// API credentials, and switches to other vendors that bring theirs: one of them means API.
    pub api: &'static [&'static str],
    /// Addresses and settings that go with those.
    pub api_settings: &'static [&'static str],
    /// Credentials of the plan.
    pub subscription: &'static [&'static str],
}

impl Accounts {
    /// A variable of the env sets that belongs to the other way of paying. A set is a person's word, and
    /// nothing of it is taken out silently.
    pub fn contradiction(
        &self,
        billing: Billing,
        of_sets: &BTreeMap<String, String>,
    ) -> Option<&'static str> {
        let others = match billing {
            Billing::Subscription => self.api,
            Billing::Api => self.subscription,
        };
        others.iter().copied().find(|name| of_sets.contains_key(*name))
    }

    /// Leaves in the environment only what belongs to that way of paying, and what the env sets brought.
    ///
    /// # Errors
    /// For `api`, when nothing pays: where it was looked for.
    pub fn choose(
        &self,
        billing: Billing,
        env: &mut BTreeMap<String, String>,
        of_sets: &BTreeMap<String, String>,
        stored: &[StoredKey],
    ) -> Result<(), String> {
        let chosen = |name: &String| of_sets.contains_key(name);
        match billing {
            Billing::Subscription => {
                env.retain(|name, _| {
                    let of_api =
                        self.api.contains(&name.as_str()) || self.api_settings.contains(&name.as_str());
                    chosen(name) || !of_api
                });
                Ok(())
            }
            Billing::Api => {
                env.retain(|name, _| chosen(name) || !self.subscription.contains(&name.as_str()));
                let given = |name: &&str| env.get(*name).is_some_and(|value| !value.is_empty());
                if self.api.iter().any(given) || stored.iter().any(|key| key.found) {
                    return Ok(());
                }
                let files: Vec<_> = stored.iter().map(|key| key.file.display().to_string()).collect();
                Err(format!(
                    "none of {} is set in an env set or in the daemon's environment, and {} contains no key",
                    self.api.join(", "),
                    files.join(" or ")
                ))
            }
        }
    }
}

/// A file where a program may keep an API key, and whether it does.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub file: PathBuf,
    pub found: bool,
}

/// How to ask a program to quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quit {
    /// These keys, one after another with a pause, until it ends or gives the terminal back.
    Keys { keys: &'static [&'static str], pause: Duration },
    /// SIGHUP: what a shell gets when its terminal closes.
    HangUp,
}

/// When a provider's screens are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadScreens {
    Never,
    /// Until the program tells its state by itself: what it asks before that, only its screen tells.
    AtStart,
    Always,
}

/// One kind of program. Implementations know nothing of tmux or of the daemon.
pub trait Provider: Send + Sync {
    /// What people type after `--provider`.
    fn name(&self) -> &'static str;

    fn description(&self) -> &'static str;

    /// The program that is looked up; for `providers` and `doctor`.
    fn program(&self, env: &BTreeMap<String, String>) -> String;

    /// How `resume` continues, in words.
    fn resume_description(&self) -> &'static str;

    fn prompt_delivery(&self) -> PromptDelivery;

    /// The provider's id of the conversation that a new session will have, where it can be chosen.
    fn choose_conversation(&self, session: SessionId) -> Option<String>;

    /// Where its prompts are written, if it has such a place.
    fn composer(&self) -> Option<Composer>;

    /// Whether it takes `--model NAME`.
    fn takes_model(&self) -> bool {
        false
    }

    /// How its model is changed while it runs.
    fn model_list(&self) -> Option<ModelList> {
        None
    }

    fn start(&self, launch: &Launch, conversation: Option<&str>, prompt: Option<&str>) -> Argv;

    /// Continues the conversation, or begins one when there is none.
    fn resume(&self, launch: &Launch, conversation: Option<&str>) -> Argv;

    /// Finds the conversation of a program that ran at that time, where it could not be chosen.
    /// Reads files. `taken` are conversations of other sessions.
    fn find_conversation(
        &self,
        _launch: &Launch,
        _ran: RangeInclusive<Timestamp>,
        _taken: &[String],
    ) -> Option<String> {
        None
    }

    /// The conversation of a program, by the files that it has open; `None` when they do not tell, or not yet.
    /// Reads files.
    fn conversation_of_files(&self, _open: &[PathBuf]) -> Option<String> {
        None
    }

    /// Whether its programs begin other conversations that only files tell of.
    fn begins_conversations_in_files(&self) -> bool {
        false
    }

    /// Whether its programs can continue a copy of a conversation.
    fn forks(&self) -> bool {
        false
    }

    /// How a program is started that continues a copy of [`Launch::forked_from`] as `conversation`, where
    /// that could be chosen. `None` when there is nothing to copy.
    fn fork(&self, _launch: &Launch, _conversation: Option<&str>) -> Option<Argv> {
        None
    }

    /// The conversation that goes on, where a hook's payload proves another one than before.
    fn conversation_of_hook(&self, _payload: &serde_json::Value) -> Option<String> {
        None
    }

    /// The flags that make it ask for no permission: the one to use first, then its other names.
    fn dangerous_flags(&self) -> &'static [&'static str] {
        &[]
    }

    fn quit(&self) -> Quit;

    /// How long [`Provider::quit`] may take.
    fn quit_limit(&self) -> Duration;

    /// Whether what its programs report of their state counts as much as a hook: they report what no hook
    /// tells.
    fn reports_count_as_hooks(&self) -> bool {
        false
    }

    /// What a hook's payload means; `None` when it means nothing.
    fn interpret_hook(&self, payload: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)>;

    /// Who may pay; `None` when it makes no difference.
    fn accounts(&self) -> Option<Accounts> {
        None
    }

    /// Where its program may keep an API key of its own. Reads files.
    fn stored_keys(&self, _env: &BTreeMap<String, String>) -> Vec<StoredKey> {
        vec![]
    }

    /// What is typed for an image that lies in a file.
    fn mention_image(&self, path: &Path) -> String {
        // A command's argument, for the shell it is typed into.
        format!("'{}' ", path.display().to_string().replace('\'', "'\\''"))
    }

    /// Where the program with this process id writes about its own state.
    fn state_file(&self, _env: &BTreeMap<String, String>, _pid: i32) -> Option<PathBuf> {
        None
    }

    /// What a state file means; `None` when it means nothing.
    fn interpret_state_file(&self, _content: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)> {
        None
    }

    /// When a state file was written.
    fn state_file_time(&self, _content: &serde_json::Value) -> Option<Timestamp> {
        None
    }

    /// How long after it has said that it waits its question comes to the screen.
    fn question_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// When its screen proves anything.
    fn reads_screens(&self) -> ReadScreens {
        ReadScreens::Never
    }

    /// What its screen means, and which part of it; `None` when it means nothing.
    fn interpret_screen(&self, _rows: &[String]) -> Option<(Activity, Option<WaitingFor>, String)> {
        None
    }

    /// How its transcripts are written; `None` when it keeps none.
    fn dialect(&self) -> Option<Dialect> {
        None
    }

    /// Where the transcript of a conversation is, or will be. Reads directories.
    fn transcript(&self, _launch: &Launch, _conversation: &str) -> Option<PathBuf> {
        None
    }

    /// The directory in or below which transcripts appear, for who does not know the conversation yet.
    fn transcripts(&self, _env: &BTreeMap<String, String>) -> Option<PathBuf> {
        None
    }

    /// What a report means for this provider's programs; `None` when it means nothing.
    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)>;
}

/// The question that is open on an agent's screen before it has begun: a list to choose from, with a pointer
/// before its numbers, and below everything the keys that answer. Of its rows the one that is known says what is
/// asked, or else the one with the pointer.
fn question(
    rows: &[String],
    pointer: char,
    known: &[&str],
) -> Option<(Activity, Option<WaitingFor>, String)> {
    let last = rows.iter().rfind(|row| !row.trim().is_empty())?.to_lowercase();
    if !(last.contains("enter") && last.contains("esc")) {
        return None;
    }
    let is_choice = |row: &&String| {
        let choice = row.trim().strip_prefix(pointer).map(str::trim_start).unwrap_or_default();
        choice.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
    };
    let chosen = rows.iter().find(is_choice)?;
    let row = rows.iter().find(|row| known.iter().any(|text| row.contains(text))).unwrap_or(chosen);
    let what = format!("its screen asks '{}'", row.trim().escape_debug());
    Some((Activity::Waiting, Some(WaitingFor::Question), what))
}

/// The arguments that say which model.
fn model_args(launch: &Launch) -> impl Iterator<Item = String> {
    launch.model.into_iter().flat_map(|model| ["--model".to_owned(), model.to_owned()])
}

/// The id of a conversation, from a hook. It becomes a part of a file's name, and one conversation has one id.
fn conversation_id(text: &str) -> Option<String> {
    Some(text.parse::<uuid::Uuid>().ok()?.to_string())
}

/// The provider with this name.
pub fn find(name: &str) -> Option<&'static dyn Provider> {
    all().find(|provider| provider.name() == name)
}

/// Looks a program up like a shell does. `None` when there is no executable file of that name.
pub fn look_up(program: &str, path: Option<&str>, cwd: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let path = cwd.join(program);
        return executable(&path).then_some(path);
    }
    let path = os_text::decode(path.unwrap_or("/usr/local/bin:/usr/bin:/bin"));
    std::env::split_paths(&path).map(|dir| cwd.join(dir).join(program)).find(|path| executable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_up_like_in_a_shell() {
        let cwd = Path::new("/");
        assert_eq!(look_up("sh", Some("/nowhere:/bin"), cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("bin/sh", None, cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("/bin/sh", None, cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("bin", Some("/"), cwd), None, "a directory is not a program");
        assert_eq!(look_up("no-such-program", Some("/bin"), cwd), None);
    }

    /// Rows of the real agents' screens.
    #[test]
    fn a_question_before_the_start_is_seen_below_everything() {
        let rows = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let asked = |provider: &str, text: &str| {
            let asked = find(provider).unwrap().interpret_screen(&rows(text));
            asked.map(|(activity, waiting_for, what)| {
                assert_eq!((activity, waiting_for), (Activity::Waiting, Some(WaitingFor::Question)));
                what
            })
        };
        let trust = " Accessing workspace:\n\n /home/me/work\n\n ❯ 1. Yes, I trust this folder\n   2. No, exit\n\n \
                     Enter to confirm · Esc to cancel\n\n";
        assert_eq!(asked("claude-code", trust).unwrap(), "its screen asks 'Accessing workspace:'");
        let review = "  Hooks need review\n  1 hook is new or changed.\n\n› 1. Review hooks\n  2. Trust all and continue\n\n  \
                      enter confirm · esc skip";
        assert_eq!(asked("codex", review).unwrap(), "its screen asks 'Hooks need review'");
        let other = "  Something new?\n› 2. Later\n  enter confirm · esc skip";
        assert_eq!(asked("codex", other).unwrap(), "its screen asks '› 2. Later'");
        // The same words in a conversation, and a composer with a draft that looks like a choice.
        assert_eq!(asked("claude-code", &format!("{trust}● done\n❯ \n  ? for shortcuts")), None);
        assert_eq!(asked("codex", "› 1. first\n\n  gpt · ~/work"), None);
        let new = "  Where should the new conversation run?\n\n\n› 1. Use current Git worktree  Keep using the current \
                   working directory\n  2. Create new Git worktree\n\n  enter select · esc back";
        assert_eq!(asked("codex", new).unwrap(), "its screen asks 'Where should the new conversation run?'");
        assert_eq!(asked("claude-code", ""), None);
    }

    #[test]
    fn who_pays_is_decided_by_the_environment() {
        let env = || -> BTreeMap<String, String> {
            let names = [
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
                "CLAUDE_CODE_USE_BEDROCK",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "OPENAI_API_KEY",
                "PATH",
            ];
            names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
        };
        let left = |provider: &str, billing| -> Result<Vec<String>, String> {
            let mut env = env();
            find(provider).unwrap().accounts().unwrap().choose(billing, &mut env, &BTreeMap::new(), &[])?;
            Ok(env.into_keys().collect())
        };
        assert_eq!(
            left("claude-code", Billing::Subscription).unwrap(),
            ["CLAUDE_CODE_OAUTH_TOKEN", "OPENAI_API_KEY", "PATH"]
        );
        assert_eq!(
            left("claude-code", Billing::Api).unwrap(),
            ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_USE_BEDROCK", "OPENAI_API_KEY", "PATH"]
        );
        let codex = left("codex", Billing::Subscription).unwrap();
        assert!(!codex.contains(&"OPENAI_API_KEY".to_owned()) && codex.len() == 5);
        assert!(find("shell").unwrap().accounts().is_none());
    }

    #[test]
    fn what_an_env_set_brings_is_never_taken_out_silently() {
        let accounts = find("claude-code").unwrap().accounts().unwrap();
        let set = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        for (billing, name, wrong) in [
            (Billing::Subscription, "ANTHROPIC_API_KEY", true),
            (Billing::Subscription, "CLAUDE_CODE_USE_BEDROCK", true),
            (Billing::Subscription, "CLAUDE_CODE_OAUTH_TOKEN", false),
            (Billing::Subscription, "ANTHROPIC_BASE_URL", false),
            (Billing::Subscription, "NPM_TOKEN", false),
            (Billing::Api, "ANTHROPIC_API_KEY", false),
            (Billing::Api, "CLAUDE_CODE_OAUTH_TOKEN", true),
        ] {
            let set = set(name);
            assert_eq!(accounts.contradiction(billing, &set), wrong.then_some(name), "{name}");
            let mut env = set.clone();
            let _ = accounts.choose(billing, &mut env, &set, &[]);
            assert_eq!(env, set, "{name}");
        }
        let key = set("ANTHROPIC_API_KEY");
        accounts.choose(Billing::Api, &mut key.clone(), &key, &[]).unwrap();
    }

    #[test]
    fn api_needs_a_key_and_says_where_it_looked() {
        let home = tempfile::tempdir().unwrap();
        let env = || {
            BTreeMap::from([
                ("HOME".to_owned(), home.path().display().to_string()),
                ("OPENAI_API_KEY".to_owned(), String::new()),
            ])
        };
        for (provider, variable, file, content) in [
            ("claude-code", "ANTHROPIC_API_KEY", ".claude/settings.json", r#"{"apiKeyHelper": "x"}"#),
            (
                "claude-code",
                "ANTHROPIC_API_KEY",
                ".claude/settings.json",
                r#"{"env": {"ANTHROPIC_API_KEY": "x"}}"#,
            ),
            ("codex", "OPENAI_API_KEY", ".codex/auth.json", r#"{"OPENAI_API_KEY": "x"}"#),
        ] {
            let provider = find(provider).unwrap();
            let choose = || {
                let mut env = env();
                let stored = provider.stored_keys(&env);
                provider.accounts().unwrap().choose(Billing::Api, &mut env, &BTreeMap::new(), &stored)
            };
            let path = home.path().join(file);
            let _ = std::fs::remove_file(&path);
            let said = choose().unwrap_err();
            assert!(said.contains(variable) && said.contains(file), "{said}");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            choose().unwrap();
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|provider| provider.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUILT_IN.len());
    }
}
