//! Policies: rules that say what an agent may do.
//!
//! | module | what |
//! |--------|------|
//! | [`rule`]    | a policy and its rules, as they are written and ready to be matched |
//! | [`read`]    | reads a policy from TOML and says what is wrong with it |
//! | [`write`](mod@write) | writes it again |
//! | [`form`]    | a policy as a form shows it, and the text that a form stands for |
//! | [`example`] | checks the examples of a rule |
//! | [`warn`]    | allow rules that admit more than they seem to |
//! | [`ready`]   | policies that come with the product |
//! | [`import`]  | takes over the rules of Claude Code and Codex |
//! | [`input`]   | what an agent asks for: a command or the fields of a tool |
//! | [`shell`]   | the part of the shell's language that can be read plainly |
//! | [`command`] | whether a rule is about a command line |
//! | [`path`]    | where a path leads, and patterns over paths |
//! | [`decide`]  | which rule decides |
//! | [`kept`]    | the policies of a daemon: one file each, and where they are attached |
//! | [`native`]  | the denies that agents' own rules can hold as well |
//! | [`wire`]    | what clients are told |
//!
//! # What always holds
//!
//! * Nothing here but [`kept`] knows the time, the network or anything global. The disk is asked one question, what is a symbolic link,
//!   in [`path::on_disk`].
//! * What cannot be proven is asked about. An allow looks at the words that a program gets, each of which a rule has to
//!   cover; a text that is not read to its end is never allowed.
//! * A deny and an ask look at everything that a text may mean, so they hit too much rather than too little. They are still
//!   only a list: whoever runs a program that is not on it can do the same.
//! * Any input is decided, in bounded time and memory. What is too long or too tangled to be compared with every rule is
//!   denied where something is denied, and otherwise asked about.
//! * Another deny or ask never makes an allow.
//!
//! # What differs from the first design, and why
//!
//! * The first words of an allow, up to its first wildcard, stand right behind the program: `git -p log` is no `git
//!   log -p`. Options may stand among those words; then they have that very place.
//! * An option says whether it takes a value (`-n <number>`, `-C ./**`): otherwise `head -n 5 x` has two words that are
//!   paths. A word that begins with `+` is an option too (`less +!sh`).
//! * `"..."` repeats the word before it, so that "any number of paths of the project" can be said.
//! * The words of a deny follow each other with only options and one value each between them. As a mere subsequence,
//!   `git push` would deny `git stash push` and every commit whose message mentions a push.
//! * `paths` in a deny or ask is about every tool, also about words of commands.
//! * An allow takes its own path literally and resolves only the word: a link in the rule's place allows nothing. `./`
//!   means nothing where the current directory is the home directory or above it.
//! * Every builtin that changes the shell is unreadable, `cd` too: the directory decides what the next command does.
//! * A policy of a directory goes on to restrict a session that was started there and has left it.
//!
//! The decision and the command it is about are not one step: a file that is a file now may be a link when the command
//! runs.

pub mod command;
pub mod decide;
pub mod example;
mod fields;
pub mod form;
pub mod glob;
pub mod import;
pub mod input;
pub mod kept;
mod loose;
pub mod native;
pub mod path;
pub mod read;
pub mod ready;
pub mod rule;
pub mod shell;
#[cfg(test)]
mod tests;
pub mod warn;
pub mod wire;
pub mod write;

pub use wire::action;
