//! How to launch, resume and quit each kind of program, and what its signals mean.
//!
//! | module | what |
//! |--------|------|
//! | [`claude_code`], [`codex`], [`shell`] | the built-in providers, one file each |
//! | [`custom`]   | providers of the configuration file |
//! | [`list`]     | those that a daemon has |
//! | [`launch`]   | what is started, with which arguments |
//! | [`conversations`] | the conversations of an agent, and where it writes them down |
//! | [`hooks`], [`signals`] | what a program tells of its state |
//! | [`composer`], [`models`] | where prompts are written, where a model is chosen |
//! | [`accounts`] | who pays |
//!
//! To add a provider: a file here with a [`Provider`], and its name in [`BUILT_IN`]. People add theirs in the
//! configuration file. Nothing outside of this folder knows a provider by its name.

mod accounts;
mod claude_code;
mod codex;
mod composer;
mod conversations;
mod custom;
mod hooks;
mod launch;
mod list;
mod models;
mod shell;
mod signals;

pub use accounts::{Accounts, StoredKey};
pub use composer::{Composer, PromptDelivery, Prompts, paste_path, quote_path};
pub use conversations::Conversations;
pub use hooks::{Hooks, Unread};
pub use launch::{Argv, LaunchRequest, Launcher, look_up};
pub use list::Providers;
pub use models::{Dialog, ModelList, Models};
pub use signals::{Meaning, ReadScreens, Screened, Signals, StateFile};

use std::time::Duration;

/// Those that come with the program, as they are listed.
pub const BUILT_IN: &[&Provider] = &[&claude_code::CLAUDE_CODE, &codex::CODEX, &shell::SHELL];

/// One kind of program: all that is known of it, by purpose. It knows nothing of tmux or of the daemon.
pub struct Provider {
    /// What people type after `--provider`.
    pub name: &'static str,
    /// What people read: `Claude Code`.
    pub label: &'static str,
    pub description: &'static str,
    /// It works on what a person asks for, in turns. Other programs take commands.
    pub agent: bool,
    pub launcher: &'static dyn Launcher,
    /// What its arguments are, in words.
    pub arguments: Arguments,
    /// How `resume` continues.
    pub resume: Resume,
    /// The flags that make it ask for no permission: the one to use first, then its other names.
    pub dangerous_flags: &'static [&'static str],
    /// Who may pay; `None` when it makes no difference.
    pub accounts: Option<Accounts>,
    /// The models that it can be told to use.
    pub models: Option<Models>,
    /// How it takes prompts.
    pub prompts: Prompts,
    pub quit: Quit,
    /// How long [`Provider::quit`] may take.
    pub quit_limit: Duration,
    /// Its conversations, when it keeps them.
    pub conversations: Option<&'static dyn Conversations>,
    /// What its hooks mean.
    pub hooks: &'static dyn Hooks,
    /// The file where a program of it writes about its own state.
    pub state_file: Option<StateFile>,
    /// What its reports and its screen mean.
    pub signals: &'static dyn Signals,
    /// When its screen proves anything.
    pub reads_screens: ReadScreens,
    /// Whether what its programs report of their state counts as much as a hook: they report what no hook tells.
    pub reports_count_as_hooks: bool,
    /// How long after it has said that it waits its question comes to the screen.
    pub question_delay: Duration,
    /// What the configuration file may switch on.
    pub switches: Option<Switches>,
    /// What people should know of how it is configured.
    pub remark: Option<&'static str>,
}

/// What people are told of the arguments behind `--`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments {
    pub label: &'static str,
    pub hint: &'static str,
}

impl Arguments {
    /// They are added to those that the program is given anyway.
    pub const EXTRA: Self = Self { label: "Extra arguments", hint: "passed to the agent" };
}

/// How `resume` continues a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// In words.
    pub description: &'static str,
    /// The conversation goes on where it stopped.
    pub keeps_conversation: bool,
}

/// How to ask a program to quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quit {
    /// These keys, one after another with a pause, until it ends or gives the terminal back.
    Keys { keys: &'static [&'static str], pause: Duration },
    /// SIGHUP: what a shell gets when its terminal closes.
    HangUp,
}

/// Switches of the configuration file, in the table `[providers.NAME]`. They are off unless it says `true`.
#[derive(Clone, Copy)]
pub struct Switches {
    pub names: &'static [&'static str],
    /// The provider with these switched on.
    pub with: fn(on: &[&str]) -> Provider,
}
