//! How to launch, resume and quit each kind of program, and what its signals mean.
//!
//! | module | what |
//! |--------|------|
//! | [`claude_code`], [`codex`], [`shell`] | the built-in providers, one file each |
//! | [`custom`]   | providers of the configuration file |
//! | [`list`]     | those that a daemon has |
//! | [`launch`], [`arguments`] | what is started, with which arguments |
//! | [`conversations`] | the conversations of an agent, and where it writes them down |
//! | [`hooks`], [`signals`] | what a program tells of its state |
//! | [`decisions`] | hooks that ask whether a tool may be used |
//! | [`questions`] | what such a hook asks a person, and the person's answer |
//! | [`on_screen`] | what is asked on the screen alone, and the keys that answer it |
//! | [`composer`], [`models`] | where prompts are written, where a model is chosen |
//! | [`accounts`] | who pays |
//! | [`checks`] | what an installed program says of itself |
//!
//! To add a provider: a file here with a [`Provider`], and its name in [`BUILT_IN`]. People add theirs in the
//! configuration file. Nothing outside of this folder knows a provider by its name.

mod accounts;
mod arguments;
mod checks;
mod claude_code;
mod codex;
mod composer;
mod conversations;
mod custom;
pub mod decisions;
mod hooks;
mod launch;
mod list;
mod models;
mod on_screen;
pub mod questions;
mod shell;
mod signals;

pub use accounts::{Accounts, StoredKey};
pub use arguments::{Arguments, Taken};
pub use checks::{Checks, SignIn};
pub use composer::{Composer, Demotes, PromptDelivery, Prompts, paste_path, quote_path};
pub use conversations::Conversations;
pub use hooks::{Hooks, LeftRunning, Unread};
pub use launch::{Argv, LaunchRequest, Launcher, look_up};
pub use list::Providers;
pub use models::{Dialog, ModelList, Models};
pub use on_screen::{Known, OnScreen, Press, ReadDialog, asking_rows, list_dialog};
pub use signals::{AtLimit, Meaning, ReadScreens, Screened, Signals, StateFile, status_meaning};

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
    /// What its programs have in their environment, unless they were given another value.
    pub environment: &'static [(&'static str, &'static str)],
    /// What its arguments are, and which collide with others.
    pub arguments: Arguments,
    /// How `resume` continues.
    pub resume: Resume,
    /// The flags that make it ask for no permission: the one to use first, then its other names.
    pub dangerous_flags: &'static [&'static str],
    /// Who may pay; `None` when it makes no difference.
    pub accounts: Option<Accounts>,
    /// What is asked of its program when somebody wants to know, and which versions were tested.
    pub checks: Option<Checks>,
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
    /// What its hooks take as an answer, so that a policy can decide; `None` where nothing is taken.
    pub answers: Option<decisions::Answers>,
    /// The file where a program of it writes about its own state.
    pub state_file: Option<StateFile>,
    /// What its reports and its screen mean.
    pub signals: &'static dyn Signals,
    /// For programs that tell nothing themselves: whether these words start one that prompts for commands. What is in the
    /// foreground of the terminal then proves what they do.
    pub prompts_for_commands: Option<fn(words: &[String]) -> bool>,
    /// When its screen proves anything.
    pub reads_screens: ReadScreens,
    /// Reads from its screen what it asks there alone.
    pub asks_on_screen: Option<ReadDialog>,
    /// Whether what its programs report of their state counts as much as a hook: they report what no hook tells.
    pub reports_count_as_hooks: bool,
    /// How long after it has said that it waits its question comes to the screen.
    pub question_delay: Duration,
    /// What the configuration file may switch on.
    pub switches: Option<Switches>,
    /// What people should know of how it is configured.
    pub remark: Option<&'static str>,
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
