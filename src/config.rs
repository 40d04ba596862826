//! The configuration file, `config.toml`. An unknown key is an error that names the key and the line.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use codepiper_protocol::key::Key;
use regex::Regex;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub daemon: Daemon,
    pub tmux: Tmux,
    pub journal: Journal,
    pub sessions: Sessions,
    pub web: Web,
    pub providers: Providers,
}

/// What stands below `[providers]`.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    pub codex: Codex,
    /// Other programs than the built-in ones, by name.
    pub others: BTreeMap<String, Provider>,
}

/// How Codex is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codex {
    /// With hooks of ours, and without its review of hooks: every enabled hook of a launch runs, those of
    /// a project too, whether anybody has seen them or not.
    pub hooks_without_review: bool,
}

impl<'de> Deserialize<'de> for Providers {
    /// By hand: `serde(flatten)` would forget the lines of what is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;
        impl<'de> Visitor<'de> for Tables {
            type Value = Providers;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a table of providers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Providers, A::Error> {
                let mut providers = Providers::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "codex" => providers.codex = map.next_value()?,
                        _ => drop(providers.others.insert(name, map.next_value()?)),
                    }
                }
                Ok(providers)
            }
        }
        deserializer.deserialize_map(Tables)
    }
}

/// A program that `start -p NAME` starts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The program and its first arguments.
    pub command: Vec<String>,
    pub description: Option<String>,
    /// How it continues; without it, the command is run again.
    #[serde(default)]
    pub resume: Vec<String>,
    /// What follows for `--model`; `{model}` stands for the name.
    #[serde(default)]
    pub model: Vec<String>,
    /// How a first prompt reaches it.
    #[serde(default)]
    pub prompt: Prompt,
    /// Keys that make it quit; without them it gets SIGHUP.
    #[serde(default)]
    pub quit: Vec<String>,
    /// So many seconds that may take.
    #[serde(default = "quit_seconds")]
    pub quit_seconds: u64,
    /// Where its prompts are written.
    pub composer: Option<Composer>,
    /// The first that fits counts.
    #[serde(default)]
    pub signals: Vec<Signal>,
}

fn quit_seconds() -> u64 {
    5
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Typed into it.
    #[default]
    Typed,
    /// Its last argument.
    Argument,
}

/// Enter is pressed when the text is on the screen, and `send` says what became of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composer {
    /// What stands left of the cursor when it is empty, without blanks around.
    pub mark: String,
    /// How what stands for a long text begins.
    #[serde(default)]
    pub placeholders: Vec<String>,
    /// How what stands for an image begins.
    pub image: Option<String>,
}

/// What proves a state: exactly one of the first five.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// A regular expression that the window's title fits.
    pub title: Option<String>,
    /// One that a notification fits (OSC 9, 99 or 777).
    pub notification: Option<String>,
    /// A state that it reports with OSC 7501.
    pub osc_7501: Option<String>,
    pub bell: Option<bool>,
    /// A regular expression that a row of the screen fits: weaker than what a program reports.
    pub screen: Option<String>,
    pub means: Means,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    Working,
    #[default]
    Idle,
    Waiting,
    Permission,
    Question,
}

impl Provider {
    /// Names that are taken.
    const BUILT_IN: [&str; 2] = ["claude-code", "shell"];

    fn check(&self, name: &str) -> Result<(), String> {
        let word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(word) {
            return Err(
                "invalid name; use lowercase letters, digits and '-', starting with a letter".to_owned()
            );
        }
        if Self::BUILT_IN.contains(&name) {
            return Err("this provider is built in; choose another name".to_owned());
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err("command needs a program".to_owned());
        }
        if self.resume.first().is_some_and(String::is_empty) {
            return Err("resume needs a program".to_owned());
        }
        for key in &self.quit {
            key.parse::<Key>().map_err(|error| format!("quit: {error}"))?;
        }
        for (number, signal) in (1..).zip(&self.signals) {
            signal.check().map_err(|reason| format!("signal {number}: {reason}"))?;
        }
        Ok(())
    }
}

impl Signal {
    fn check(&self) -> Result<(), String> {
        let patterns = [&self.title, &self.notification, &self.screen];
        let kinds = patterns.iter().filter(|pattern| pattern.is_some()).count()
            + usize::from(self.osc_7501.is_some())
            + usize::from(self.bell == Some(true));
        if kinds != 1 {
            return Err("use exactly one of title, notification, osc_7501, bell = true and screen".to_owned());
        }
        for pattern in patterns.into_iter().flatten() {
            Regex::new(pattern)
                .map_err(|error| format!("invalid regular expression '{pattern}': {error}"))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Daemon {
    /// The API's Unix socket.
    pub socket: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tmux {
    /// The tmux server's socket.
    pub socket: Option<PathBuf>,
}

/// How much of what sessions print is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// All of it takes at most so many MiB on the disk, and is kept for at most so many days.
    pub max_mib: u64,
    pub max_days: u32,
    /// So many MiB are left free on the disk.
    pub reserve_mib: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { max_mib: 4096, max_days: 30, reserve_mib: 64 }
    }
}

impl Journal {
    /// The least that is of any use.
    const MIN_MIB: u64 = 16;
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    pub resume_after_reboot: AfterReboot,
    /// So many programs may be starting at once; more wait for their turn.
    pub launches_at_once: usize,
    /// More variables that come from whoever starts or resumes a session; one that ends with `*` is the beginning of several.
    pub update_environment: Vec<String>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            resume_after_reboot: AfterReboot::default(),
            launches_at_once: 4,
            update_environment: Vec::new(),
        }
    }
}

/// What goes on by itself when the machine was started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterReboot {
    /// Agents with a conversation.
    #[default]
    Agents,
    Never,
}

/// The dashboard. Flags and the environment come first: see `codepiper daemon --help`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Serve it without being asked.
    pub enabled: bool,
    pub port: Option<u16>,
    pub host: Option<IpAddr>,
    /// Own certificates and their key, in PEM form.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Somebody else does TLS in front of the daemon.
    pub behind_proxy: bool,
    /// `https://host[:port]`: what people open.
    pub public_url: Option<String>,
}

impl Config {
    /// Reads the file; a missing file is the default.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|error| {
                let line = error.span().and_then(|span| text.get(..span.start));
                let line = line.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
                let (line, what) = (line.unwrap_or_default(), error.message());
                anyhow::anyhow!("invalid configuration file {}: {line}{what}", path.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(anyhow::anyhow!("cannot read the configuration file {}: {error}", path.display()))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let config: Self = toml::from_str(text)?;
        for (key, path) in [
            ("daemon.socket", &config.daemon.socket),
            ("tmux.socket", &config.tmux.socket),
            ("web.tls_cert", &config.web.tls_cert),
            ("web.tls_key", &config.web.tls_key),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(serde::de::Error::custom(format!("{key} must be an absolute path")));
            }
        }
        if config.journal.max_mib < Journal::MIN_MIB || config.journal.max_days == 0 {
            return Err(serde::de::Error::custom(format!(
                "journal.max_mib must be at least {}, and journal.max_days at least 1",
                Journal::MIN_MIB
            )));
        }
        if config.sessions.launches_at_once == 0 {
            return Err(serde::de::Error::custom("sessions.launches_at_once must be at least 1"));
        }
        for name in &config.sessions.update_environment {
            if name.is_empty() || name.trim_end_matches('*').contains(['=', '*', '\0']) {
                return Err(serde::de::Error::custom(format!(
                    "sessions.update_environment: invalid variable name '{}'",
                    name.escape_debug()
                )));
            }
        }
        for (name, provider) in &config.providers.others {
            provider
                .check(name)
                .map_err(|reason| serde::de::Error::custom(format!("providers.{name}: {reason}")))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
